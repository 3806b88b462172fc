// Package migrate moves an embedded deployment, SQLite and files, to PostgreSQL
// and a bucket while it serves, and switches over.
//
// The old stores are the truth until the file "moved" is durable in the data
// folder. Before that, whatever fails, nothing is lost: writes go on, and the
// next run goes on where this one was. In order:
//
//  1. the bytes of all blobs go to the bucket;
//  2. all rows go to PostgreSQL, and with each page what has changed meanwhile;
//  3. the copy is checked;
//  4. what has changed is copied, again and again until little is left; writes are
//     slowed down if clients write faster than that;
//  5. writes are held, the rest is copied, and the copy is marked as complete;
//  6. "moved" is written, and the new stores serve;
//  7. the mark that keeps servers off the new database is removed.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/filestore"
	"github.com/twinport/twinport/internal/metadata"
)

const (
	// holdLimit bounds how long writes wait for the last step. If it takes
	// longer they go on, and the migration fails.
	holdLimit = 10 * time.Second
	// Catching up ends after a round shorter than a shortRound-th of the hold
	// limit, or when rounds are shorter than a bearableRound-th and get no shorter.
	// Other rounds that get no shorter, because clients write as fast as we copy,
	// slow the writes down. It ends after maxRounds in any case; the last step may
	// take too long then.
	shortRound    = 20
	bearableRound = 4
	maxStalled    = 3
	maxRounds     = 100
	// endPatience is how long to try to remove the mark.
	endPatience = 30 * time.Second
)

// Migration is what Run needs.
type Migration struct {
	From   *metadata.SQLite
	Files  *filestore.Store
	To     *metadata.Postgres
	Bucket blob.Store
	// Data is the folder that holds both old stores.
	Data string
	// Moved says where the data goes. Run sets its time and id.
	Moved Moved
	// Full says that all objects are read back, not only a sample.
	Full   bool
	Report func(Progress)

	// Hold keeps all writes waiting until release is called. release(true)
	// makes these, and all later ones, use the new stores. Nil if nobody
	// writes.
	Hold func(context.Context) (release func(moved bool), err error)
	// Prepare opens what release switches to, so that it cannot fail later. May
	// be nil.
	Prepare func(context.Context) error
}

type run struct {
	Migration
	transfer  *metadata.Transfer
	report    *reporter
	brake     brake
	holdLimit time.Duration
}

// Run migrates. After an error nothing has changed for the clients.
func Run(ctx context.Context, m Migration) error { return migrate(ctx, m, holdLimit) }

func migrate(ctx context.Context, m Migration, limit time.Duration) error {
	r := &run{Migration: m, report: &reporter{to: m.Report}, brake: brake{ctx: ctx, from: m.From}, holdLimit: limit}
	defer r.brake.release()
	if err := r.empty(ctx); err != nil {
		return err
	}
	var err error
	if r.transfer, err = metadata.NewTransfer(ctx, m.From, m.To, m.Moved.Blobs); err != nil {
		return err
	}
	blobs, bytes, rows, err := m.From.Read(ctx).Upkeep().Contents()
	if err != nil {
		return err
	}
	r.report.update(func(p *Progress) {
		*p = Progress{Phase: Objects, Resumed: r.transfer.Resumed, ObjectsTotal: blobs, BytesTotal: bytes, RowsTotal: rows}
	})
	if err := r.copyObjects(ctx); err != nil {
		return err
	}
	r.phase(Tables)
	if err := r.copyTables(ctx); err != nil {
		return err
	}
	r.phase(Check)
	if err := r.check(ctx); err != nil {
		return err
	}
	if err := r.step(ctx, func() error { return r.transfer.Compare(ctx, r.copyMissing) }); err != nil {
		return err
	}
	r.phase(Changes)
	if err := r.catchUp(ctx); err != nil {
		return err
	}
	r.phase(Switch)
	took, err := r.switchOver(ctx)
	if err != nil {
		return err
	}
	r.report.update(func(p *Progress) { p.Phase, p.ReadOnly = End, took })
	if err := r.end(ctx); err != nil {
		return fmt.Errorf("the data has moved and is served from there, but the mark of the migration is still in the "+
			"database, so that no other server starts on it: run migrate again to remove it: %w", err)
	}
	r.phase(Done)
	return nil
}

func (r *run) phase(phase Phase) { r.report.update(func(p *Progress) { p.Phase = phase }) }

// empty refuses a bucket that holds objects, unless a migration goes on.
func (r *run) empty(ctx context.Context) error {
	lease, err := r.To.Read(ctx).Leases().Get(metadata.MigrationLease)
	if err != nil || lease.Holder != "" {
		return err // NewTransfer looks whose it is
	}
	for o, err := range r.Bucket.Objects(ctx, "") {
		if err != nil {
			return err
		}
		return fmt.Errorf("%s is not empty (it holds %s): use another bucket or prefix", r.Moved.Blobs, o.Name)
	}
	return nil
}

// step runs fn, which uses a snapshot of the source, and keeps the files that
// the snapshot names from being deleted meanwhile.
func (r *run) step(ctx context.Context, fn func() error) error {
	release, err := r.Files.HoldDeletes(ctx)
	if err != nil {
		return err
	}
	defer release()
	return fn()
}

func (r *run) copyTables(ctx context.Context) error {
	for done := false; !done; {
		if err := r.transfer.ChangedBlobs(ctx, r.copyMissing); err != nil {
			return err
		}
		err := r.step(ctx, func() (err error) {
			var rows int64
			rows, done, err = r.transfer.CopyPage(ctx, r.copyMissing)
			r.report.update(func(p *Progress) { p.Rows += rows })
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// catchUp copies what has changed until little is left, and leaves the brake on
// if that was needed.
func (r *run) catchUp(ctx context.Context) error {
	last, stalled := time.Duration(math.MaxInt64), 0
	for range maxRounds {
		clearlyShorter, bearable := last/4*3, r.holdLimit/bearableRound
		stop := r.pressAfter(ctx, max(clearlyShorter, bearable))
		took, err := r.round(ctx)
		stop()
		if err == nil {
			err = r.transfer.Forget(ctx) // which the last step does not wait for
		}
		if err != nil || took < r.holdLimit/shortRound {
			return err
		}
		if took >= clearlyShorter {
			stalled++
		}
		if took < bearable && stalled >= maxStalled {
			return nil
		}
		last = took
	}
	return nil
}

// pressAfter presses the brake when a round has taken as long as it may, and once
// more each time that it takes twice as long again: the longer it gets, the more
// there is for the next one.
func (r *run) pressAfter(ctx context.Context, d time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		for ; sleep(ctx, d) == nil; d *= 2 {
			percent := r.brake.press()
			r.report.update(func(p *Progress) { p.Slowed = percent })
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// round copies what has changed since the last, and returns how long that took.
func (r *run) round(ctx context.Context) (took time.Duration, err error) {
	begun := time.Now()
	if err := r.transfer.ChangedBlobs(ctx, r.copyMissing); err != nil {
		return 0, err
	}
	err = r.step(ctx, func() error {
		changes, err := r.transfer.CatchUp(ctx, r.copyMissing)
		r.report.update(func(p *Progress) { p.Changes = changes })
		return err
	})
	return time.Since(begun), err
}

// switchOver holds writes, copies the rest and switches. It returns how long
// writes were held.
func (r *run) switchOver(ctx context.Context) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.holdLimit, fmt.Errorf("the last changes could not be copied within "+
		"%v, for which writes may wait: they go on; run migrate again, at a quieter time", r.holdLimit))
	defer cancel()
	r.brake.release() // what is under way is to end soon
	begun := time.Now()
	moved := false
	if r.Hold != nil {
		release, err := r.Hold(ctx)
		if err != nil {
			return 0, causeOf(ctx, err)
		}
		defer func() {
			release(moved)
			took = time.Since(begun)
		}()
	}
	err = r.step(ctx, func() error {
		changes, err := r.transfer.Finish(ctx, r.copyMissing)
		r.report.update(func(p *Progress) { p.Changes = changes })
		return err
	})
	if err == nil && r.Prepare != nil {
		err = r.Prepare(ctx)
	}
	if err == nil {
		err = ctx.Err() // from here on there is no way back
	}
	if err != nil {
		return 0, causeOf(ctx, err)
	}
	r.Moved.At, r.Moved.Migration = time.Now().UTC(), r.transfer.ID()
	if err := r.Moved.write(r.Data); err != nil {
		return 0, err
	}
	moved = true
	return 0, nil
}

// causeOf returns the reason why ctx ended, if err comes from that, and else
// err.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w (%w)", cause, err)
	}
	return err
}

// end removes the mark, even if the one who asked for the migration is gone.
func (r *run) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
	defer cancel()
	for {
		err := r.transfer.End(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}
