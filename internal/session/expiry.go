package session

import (
	"context"
	"time"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/jobs"
	"github.com/twinport/twinport/internal/metadata"
)

// expiryInterval is how often expired sessions are deleted, whoever signs in.
const expiryInterval = time.Hour

// ExpiryJob returns a job that deletes expired sessions: what they say of a
// person should not stay because nobody signs in.
func ExpiryJob(store metadata.Store, now func() time.Time) jobs.Job {
	page := func(ctx context.Context, _ string) (next string, err error) {
		return "", store.Update(ctx, func(tx *metadata.Tx) error { return deleteExpired(tx, now()) })
	}
	return jobs.Job{Name: "sessions", Interval: expiryInterval, Steps: []jobs.Step{{Name: "expired", Page: page}}}
}

// deleteExpired deletes the sessions of all accounts that have expired, or could
// not have begun by now: the clock was ahead.
func deleteExpired(tx *metadata.Tx, now time.Time) error {
	return tx.Sessions().DeleteExpired(now, now.Add(Lifetime+auth.MaxSkew))
}
