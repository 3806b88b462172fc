package peer

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// changeTries is how often a change is tried while other processes change the same.
const changeTries = 16

// errChanged says that another process has changed what was read.
var errChanged = errors.New("peer: another process has changed it")

// SetGrant changes which accounts a peer may speak for.
func (d *Directory) SetGrant(ctx context.Context, name string, grant Grant) (Record, error) {
	if err := grant.check(); err != nil {
		return Record{}, refuse(InvalidRequest, "The grant is not valid: %s.", err)
	}
	id, err := d.changeable(ctx, name)
	if err != nil {
		return Record{}, err
	}
	if err := d.change(ctx, id, func(e *entry) { e.Grant = grant }); err != nil {
		return Record{}, err
	}
	record, found := d.Peer(id)
	if !found {
		return Record{}, d.noPeer(name)
	}
	return record, nil
}

// Remove ends what a peer may do, at once and in all processes, and forgets it.
func (d *Directory) Remove(ctx context.Context, name string) error {
	id, err := d.changeable(ctx, name)
	if err != nil {
		return err
	}
	err = d.update(ctx, func(tx *metadata.Tx) error {
		if removed, err := tx.Peers().Delete(id); err != nil {
			return err
		} else if !removed {
			return d.noPeer(name)
		}
		return tx.Peers().SpendInvitations(id)
	})
	if err != nil {
		return err
	}
	d.log.Info("removed a peer", "peer", name, "id", id)
	return d.Refresh(ctx)
}

// changeable returns the id of a peer that the configuration does not have.
func (d *Directory) changeable(ctx context.Context, name string) (id string, err error) {
	if err := d.Refresh(ctx); err != nil {
		return "", err
	}
	e := d.current.Load().named(name)
	switch {
	case e == nil:
		return "", d.noPeer(name)
	case e.Source == FromConfiguration:
		return "", refuse(Configuration, "The configuration has the peer %s: change it there, and restart the "+
			"servers.", name)
	}
	return e.ID, nil
}

func (d *Directory) noPeer(name string) *Error {
	var names []string
	for _, e := range d.current.Load().peers {
		names = append(names, e.Name)
	}
	if len(names) == 0 {
		names = []string{"none"}
	}
	return refuse(NotAPeer, "There is no peer %.80q. The peers are: %s.", name, some(names))
}

// change changes what is stored of a peer, and refreshes. fn may run more than once. A peer that was removed is not
// changed.
func (d *Directory) change(ctx context.Context, id string, fn func(e *entry)) error {
	err := d.update(ctx, func(tx *metadata.Tx) error {
		row, err := tx.Peers().Get(id)
		if errors.Is(err, metadata.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		e, err := readEntry(row)
		if err != nil {
			return err
		}
		before := e.document()
		if fn(e); reflect.DeepEqual(e.document(), before) {
			return nil
		}
		return save(tx, e)
	})
	if err != nil {
		return err
	}
	return d.Refresh(ctx)
}

// save stores an entry that was read in the same transaction.
func save(tx *metadata.Tx, e *entry) error {
	saved, err := tx.Peers().Save(e.row, e.Name, e.document())
	if err == nil && !saved {
		err = errChanged
	}
	return err
}

// update is the store's Update of something that other processes may change at the same time: fn returns errChanged if
// they did.
func (d *Directory) update(ctx context.Context, fn func(tx *metadata.Tx) error) error {
	for range changeTries {
		if err := d.store.Update(ctx, fn); !errors.Is(err, errChanged) {
			return err
		}
	}
	return refuse(Unavailable, "Other processes keep changing the peers: try again.")
}

// storeError is an error of the store, as peers see it.
func storeError(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	_, answer := AnswerOf(err)
	return &Error{
		Code: answer.Code, Message: answer.Message, Err: err,
		RetryAfter: time.Duration(answer.RetryAfterSeconds) * time.Second,
	}
}
