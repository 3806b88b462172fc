package peer

import (
	"context"
	"crypto/ed25519"
	"slices"
	"sync"

	"github.com/twinport/twinport/internal/metadata"
)

const (
	// maxKeys is how many keys a deployment keeps, and how many of a peer's are known.
	maxKeys = 16
	// rotationCalls is how many peers get a new key at the same time.
	rotationCalls = 8
)

// RotateKey makes a new key and gives it to the peers. What is sent to a peer is signed with the new key once the peer
// has confirmed it, and with an older one until then; Run gives it to those that do not answer now.
func (d *Directory) RotateKey(ctx context.Context) error {
	var number int64
	err := d.update(ctx, func(tx *metadata.Tx) error {
		row, err := tx.Peers().Deployment()
		if err != nil {
			return err
		}
		i, err := readIdentity(row)
		if err != nil {
			return err
		}
		peers, err := entries(tx)
		if err != nil {
			return err
		}
		number = i.Keys[len(i.Keys)-1].Number + 1
		i.Keys = append(i.Keys, newPrivateKey(number, d.now()))
		if excess := len(i.Keys) - maxKeys; excess > 0 {
			for _, e := range peers {
				if e.confirmed < i.Keys[excess].Number {
					return refuse(Unavailable, "The peer %s has confirmed none of the last %d keys of %s, and a new "+
						"one would replace the one that it knows: wait until it can be reached, or remove it.", e.Name,
						maxKeys-1, d)
				}
			}
			i.Keys = i.Keys[excess:]
		}
		saved, err := tx.Peers().SaveDeployment(row, i)
		if err == nil && !saved {
			err = errChanged
		}
		return err
	})
	if err != nil {
		return err
	}
	d.log.Info("made a new key of the deployment", "number", number)
	if err := d.Refresh(ctx); err != nil {
		return err
	}
	d.announceAll(ctx)
	return nil
}

// announceAll gives the peers the keys that they lack.
func (d *Directory) announceAll(ctx context.Context) {
	var calls sync.WaitGroup
	slots := make(chan struct{}, rotationCalls)
	for _, p := range d.Peers() {
		c := d.Client(p.ID)
		if c == nil || !c.reachable() {
			continue
		}
		slots <- struct{}{}
		calls.Go(func() {
			defer func() { <-slots }()
			timed, cancel := context.WithTimeoutCause(ctx, helloTimeout, errSlow)
			defer cancel()
			if err := c.announce(timed); err != nil {
				d.log.Warn("a peer has not confirmed the new key yet", "peer", p.Name, "error", err)
			}
		})
	}
	calls.Wait()
}

// announce gives the peer the keys that it lacks, and has it forget those that are not used any more. Until it has
// confirmed a key, what is sent to it is signed with an older one; so it knows both for a while.
func (c *Client) announce(ctx context.Context) error {
	for {
		s := c.d.current.Load()
		e, newest := s.byID[c.id], s.keys.newest().number
		var request KeysRequest
		switch {
		case e == nil || e.settled >= newest:
			return nil
		case e.confirmed < newest:
			request.Keys = s.keys.since(e.confirmed)
		default:
			request.Keys = s.keys.since(newest)
		}
		var answer KeysAnswer
		if err := c.Call(ctx, OperationKeys, request, &answer); err != nil {
			return err
		}
		if !slices.Contains(answer.Known, newest) {
			return c.note(refuse(Garbage, "%s was given key %d, and does not know it.", c.subject(), newest))
		}
		settled := slices.Min(answer.Known)
		if err := c.d.change(ctx, c.id, func(e *entry) {
			e.confirmed, e.settled = max(e.confirmed, newest), max(e.settled, settled)
		}); err != nil {
			return err
		}
		if e.confirmed >= newest && settled < newest {
			return nil // it keeps older ones, of its own will
		}
	}
}

// resume goes back to a key that the peer says it knows: it was restored from a backup, or configured with that.
func (d *Directory) resume(ctx context.Context, id string, known []int64) error {
	keys := d.current.Load().keys
	for _, k := range slices.Backward(keys) {
		if slices.Contains(known, k.number) {
			return d.change(ctx, id, func(e *entry) {
				e.confirmed, e.settled = k.number, min(e.settled, slices.Min(known))
			})
		}
	}
	return nil
}

// AcceptKeys is what OperationKeys does: it makes the keys of a peer, which Authenticate returned, those of the
// request. What a late request of before says changes nothing.
func (d *Directory) AcceptKeys(ctx context.Context, from Record, request KeysRequest) (answer KeysAnswer, err error) {
	if err := checkKeys(request.Keys); err != nil {
		return KeysAnswer{}, err
	}
	var refused error
	err = d.change(ctx, from.ID, func(e *entry) {
		refused = nil
		for _, k := range request.Keys {
			if known, ok := e.key(k.Number); ok && !known.Public.Equal(k.Public) {
				refused = refuse(InvalidRequest, "Key %d of the deployment %s is another: the number of a key cannot "+
					"be used again. If the deployment was restored from a backup, remove the peer on both sides and "+
					"join again.", k.Number, from.ID)
				return
			}
		}
		last := len(request.Keys) - 1
		if request.Keys[0].Number >= e.Keys[0].Number && request.Keys[last].Number >= e.Keys[len(e.Keys)-1].Number {
			e.Keys = request.Keys
		}
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return KeysAnswer{}, err
	}
	e, err := d.stored(ctx, from.ID)
	if err != nil {
		return KeysAnswer{}, err
	}
	for _, k := range e.Keys {
		answer.Known = append(answer.Known, k.Number)
	}
	return answer, nil
}

// checkKeys checks keys that a deployment says are its own, which must be in order.
func checkKeys(keys []Key) error {
	invalid := refuse(InvalidRequest, "The keys of the deployment are not valid: there must be 1 to %d, in the order "+
		"of their numbers.", maxKeys)
	if len(keys) == 0 || len(keys) > maxKeys {
		return invalid
	}
	before := int64(0)
	for _, k := range keys {
		if k.Number <= before || len(k.Public) != ed25519.PublicKeySize {
			return invalid
		}
		before = k.Number
	}
	return nil
}
