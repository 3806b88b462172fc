package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// checkTimeout is how long a peer may take to say that it is there, listTimeout how long a list waits for that, and
	// greetings is how many are asked at the same time.
	checkTimeout = 15 * time.Second
	listTimeout  = 5 * time.Second
	greetings    = 16
)

// Status is a peer, and what is known of it now.
type Status struct {
	Record
	State State
	// Failure is why it did not answer now, where it was asked.
	Failure *ErrorAnswer
}

// StatusOf returns what is known of a peer now.
func (d *Directory) StatusOf(record Record) Status {
	s := Status{Record: record}
	if c := d.Client(record.ID); c != nil { // else it was removed meanwhile
		s.State = c.State()
	}
	return s
}

// Statuses returns the peers by name, and what is known of each now.
func (d *Directory) Statuses() []Status { return d.statuses(d.Peers()) }

func (d *Directory) statuses(records []Record) []Status {
	all := make([]Status, len(records))
	for i, record := range records {
		all[i] = d.StatusOf(record)
	}
	return all
}

// List returns the peers by name, as they are stored now. It asks those that have not said yet who they are: a server
// soon has asked all, and a command that reaches the database itself has asked none.
func (d *Directory) List(ctx context.Context) ([]Status, error) {
	if err := d.Refresh(ctx); err != nil {
		return nil, err
	}
	var unknown []Record
	for _, p := range d.Statuses() {
		if p.URL != "" && p.State.Protocol == 0 && p.State.Code == "" {
			unknown = append(unknown, p.Record)
		}
	}
	d.greet(ctx, unknown, listTimeout)
	return d.Statuses(), nil
}

// Check asks the named peer now, or all if name is "".
func (d *Directory) Check(ctx context.Context, name string) ([]Status, error) {
	if err := d.Refresh(ctx); err != nil {
		return nil, err
	}
	records := d.Peers()
	if name != "" {
		record, found := d.Named(name)
		if !found {
			return nil, d.noPeer(name)
		}
		records = []Record{record}
	}
	failures := d.greet(ctx, records, checkTimeout)
	all := d.statuses(records)
	for i := range all {
		all[i].Failure = failures[i]
	}
	return all, ctx.Err()
}

// greet asks the peers for their states, and returns why each did not answer, nil if it did.
func (d *Directory) greet(ctx context.Context, records []Record, limit time.Duration) []*ErrorAnswer {
	failures := make([]*ErrorAnswer, len(records))
	var calls sync.WaitGroup
	slots := make(chan struct{}, greetings)
	for i, record := range records {
		slots <- struct{}{}
		calls.Go(func() {
			defer func() { <-slots }()
			timed, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			var err error
			if c := d.Client(record.ID); c != nil {
				_, err = c.Hello(timed)
			}
			if err != nil {
				failures[i] = failureOf(record, err, limit)
			}
		})
	}
	calls.Wait()
	return failures
}

func failureOf(record Record, err error, limit time.Duration) *ErrorAnswer {
	if e, ok := errors.AsType[*Error](err); ok {
		return &ErrorAnswer{Code: e.Code, Message: e.Message}
	}
	at := "by tunnel"
	if record.URL != "" {
		at = "at " + record.URL
	}
	return &ErrorAnswer{Code: Timeout, Message: fmt.Sprintf("%s did not answer %s within %v: see whether it is "+
		"overloaded, and whether the network between is.", record, at, limit)}
}
