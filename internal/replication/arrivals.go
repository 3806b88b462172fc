package replication

import (
	"slices"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// arrivals are the uploads that are sent to peers while they arrive. The zero value is ready to use.
type arrivals struct {
	mu sync.Mutex
	of map[string][]*arriving // by upload
}

func (a *arrivals) get(upload string) []*arriving {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.of[upload]
}

func (a *arrivals) set(upload string, all []*arriving) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of = map[string][]*arriving{}
	}
	a.of[upload] = all
}

func (a *arrivals) remove(upload string) []*arriving {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.of[upload]
	delete(a.of, upload)
	return all
}

// forget takes out a transfer that is over.
func (a *arrivals) forget(one *arriving) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rest := slices.DeleteFunc(slices.Clone(a.of[one.upload]), func(other *arriving) bool { return other == one })
	if a.of[one.upload] = rest; len(rest) == 0 {
		delete(a.of, one.upload)
	}
}

// Arriving implements registry.Outbox.
func (o *Outbox) Arriving(a registry.Arrival) (wanted bool) {
	if o.peers == nil {
		return false
	}
	if a.Received < arrivingFrom {
		return true
	}
	all := o.arrivals.get(a.Upload)
	if all == nil {
		to, err := o.peersFor(a.Repository)
		if err != nil || len(to) == 0 {
			return false // the push will say so
		}
		for _, into := range to {
			if one := o.sendArriving(into.peer, into.Into, a); one != nil {
				all = append(all, one)
			}
		}
		if all == nil {
			return true // it may be begun later
		}
		o.arrivals.set(a.Upload, all)
	}
	for _, one := range all {
		signal(one.more)
	}
	return true
}

// peerInto is where layers are to go, and the peer that has it.
type peerInto struct {
	Into
	peer peer.Record
}

// peersFor are the registries of peers that what is pushed to the repository goes to: of each peer one.
// The others have it linked.
func (o *Outbox) peersFor(r *metadata.Repository) (to []peerInto, err error) {
	destinations, err := o.destinations(r)
	for _, d := range destinations {
		p, ok := o.peers.Of(d)
		if ok && !slices.ContainsFunc(to, func(other peerInto) bool { return other.peer.ID == p.ID }) {
			to = append(to, peerInto{intoOf(r, d), p})
		}
	}
	return to, err
}

func intoOf(r *metadata.Repository, destination resource.Registry) Into {
	source := resource.Registry{Account: r.Account, Region: r.Region}
	return Into{Source: source, Destination: destination, Repository: r.Name}
}

// Failed implements registry.Outbox.
func (o *Outbox) Failed(upload string) {
	for _, one := range o.arrivals.remove(upload) {
		one.fail()
	}
}

// maxRefusals is how many refusals are remembered.
const maxRefusals = 1024

// refusals are where a peer has refused what arrives, lately: it gets no bytes for nothing. The zero
// value is ready to use.
type refusals struct {
	mu sync.Mutex
	at map[Into]time.Time
}

func (r *refusals) note(into Into) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil || len(r.at) >= maxRefusals {
		r.at = map[Into]time.Time{}
	}
	r.at[into] = time.Now()
}

func (r *refusals) lately(into Into) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, known := r.at[into]
	return known && time.Since(at) < idleArrival
}
