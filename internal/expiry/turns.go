package expiry

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

const (
	// atOnce is how many evaluations a job goes on with in turn. Each has a plan in
	// memory, and a place in what is stored of the job.
	atOnce = 16
	// rememberedOf is how many of an account that wait are remembered.
	rememberedOf = 500
	// In a look so many are read at a time, and no more often than this.
	readAtOnce, readsOfLook = 1000, 20
	// lookAgain is how often is looked from the beginning: what was committed late may
	// have a place that a look has passed.
	lookAgain = 30 * time.Second
)

// turns are the evaluations that a job has to do. Accounts take turns: each has at
// most one under way, of which a page is done at a turn. So it does not matter to
// an account how many repositories or images another has. If more accounts than
// there is room for wait, the next one's turn comes when one of the evaluations
// under way has ended.
//
// What waits is read from the store, and a part of it is remembered. What is under
// way is the key of the job's pages: whoever goes on with the job knows it.
type turns struct {
	// waiting are some of those that wait, in their order, after one of them; the zero
	// candidate is before all.
	waiting func(ctx context.Context, after candidate, limit int) ([]candidate, error)
	// begin begins a candidate's evaluation: 0 if there is nothing to do.
	begin func(ctx context.Context, c candidate) (evaluation int64, err error)
	goOn  func(ctx context.Context, at cursor) (next cursor, ended bool, err error)

	key      string // of the page that comes next, if it is this process's
	underWay []turn // of accounts that differ, in the order of their turns

	remembered map[string][]candidate // by account
	accounts   []string               // those of which some may be remembered, in the order of their turns
	seen       candidate              // the last that was read
	looked     time.Time              // since when, from the beginning
	left       bool                   // some are not remembered
}

// candidate is an evaluation that waits, or a policy of which a run is due.
type candidate struct {
	account    string
	evaluation int64
	repository int64     // of a policy
	dueAt      time.Time // since when
}

// turn is an evaluation that is under way.
type turn struct {
	Account string `json:"account"`
	At      cursor `json:"at"`
}

// page goes on with the evaluation whose turn it is. It is a page of a job's.
func (t *turns) page(ctx context.Context, after string) (next string, err error) {
	if after == "" || after != t.key {
		t.restore(after)
	}
	more, err := t.fill(ctx)
	if err != nil || len(t.underWay) == 0 && !more {
		return "", err
	}
	if len(t.underWay) > 0 {
		now := t.underWay[0]
		at, ended, err := t.goOn(ctx, now.At)
		if err != nil {
			return "", err
		}
		t.underWay = slices.Delete(t.underWay, 0, 1)
		if now.At = at; ended {
			t.accounts = append(t.accounts, now.Account)
		} else {
			t.underWay = append(t.underWay, now)
		}
	}
	text, err := json.Marshal(t.underWay)
	t.key = string(text)
	return t.key, err
}

// restore goes on where another process was. What cannot be read is found in the
// store, and begun anew.
func (t *turns) restore(key string) {
	t.underWay, t.key = nil, key
	if json.Unmarshal([]byte(key), &t.underWay) != nil || len(t.underWay) > atOnce {
		t.underWay = nil
	}
	t.forget()
	t.accounts = nil
}

func (t *turns) forget() {
	t.remembered, t.seen, t.left, t.looked = map[string][]candidate{}, candidate{}, false, time.Now()
}

// fill takes what waits until enough is under way. more says that it had no time to
// take all that it may.
func (t *turns) fill(ctx context.Context) (more bool, err error) {
	if len(t.underWay) >= atOnce {
		return false, nil
	}
	if err := t.look(ctx); err != nil {
		return false, err
	}
	for begun := time.Now(); len(t.underWay) < atOnce; {
		if time.Since(begun) >= pageTime {
			return true, nil
		}
		c, ok := t.take()
		if !ok {
			return t.left, nil
		}
		if c.evaluation == 0 {
			if c.evaluation, err = t.begin(ctx, c); err != nil {
				return false, err
			}
		}
		if c.evaluation == 0 {
			t.accounts = append(t.accounts, c.account)
		} else {
			t.underWay = append(t.underWay, turn{c.account, cursor{Evaluation: c.evaluation}})
		}
	}
	return false, nil
}

// look reads what has come to wait since the last look, in its order.
func (t *turns) look(ctx context.Context) error {
	if time.Since(t.looked) >= lookAgain || t.left && len(t.remembered) == 0 {
		t.forget()
	}
	for range readsOfLook {
		read, err := t.waiting(ctx, t.seen, readAtOnce)
		if err != nil {
			return err
		}
		for _, c := range read {
			t.remember(c)
			t.seen = c
		}
		if len(read) < readAtOnce {
			break
		}
	}
	return nil
}

func (t *turns) remember(c candidate) {
	if c.evaluation != 0 && slices.ContainsFunc(t.underWay, func(u turn) bool { return u.At.Evaluation == c.evaluation }) {
		return
	}
	of := t.remembered[c.account]
	if len(of) >= rememberedOf {
		t.left = true
		return
	}
	if t.remembered[c.account] = append(of, c); !slices.Contains(t.accounts, c.account) && !t.busy(c.account) {
		t.accounts = append(t.accounts, c.account)
	}
}

// busy says whether one of the account's is under way.
func (t *turns) busy(account string) bool {
	return slices.ContainsFunc(t.underWay, func(u turn) bool { return u.Account == account })
}

// take takes the first that waits, of the account whose turn it is: false if none
// does whose account has none under way.
func (t *turns) take() (c candidate, ok bool) {
	for len(t.accounts) > 0 && !ok {
		account := t.accounts[0]
		t.accounts = t.accounts[1:]
		of := t.remembered[account]
		if ok = len(of) > 0; ok {
			c = of[0]
		}
		if len(of) <= 1 {
			delete(t.remembered, account)
		} else {
			t.remembered[account] = of[1:]
		}
	}
	return c, ok
}
