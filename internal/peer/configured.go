package peer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twinport/twinport/internal/metadata"
)

// AllAccounts stands for all accounts that a peer serves, in Configured.
const AllAccounts = "all"

// Configured is a peer of the configuration.
type Configured struct {
	Name, URL string
	// Key is what Identity returns at the peer.
	Key string
	// The Regions, and the accounts that it serves in each of them.
	Regions, ServedAccounts []string
	// Accounts are those that it may speak for, or AllAccounts.
	Accounts []string
	// Outbound: see Record.
	Outbound bool
}

// entry returns the peer as it would be stored first.
func (c Configured) entry() (*entry, error) {
	id, key, err := ParseIdentity(c.Key)
	if err != nil {
		return nil, fmt.Errorf("the key is not valid: %w", err)
	}
	grant := Grant{Accounts: c.Accounts}
	if slices.Equal(c.Accounts, []string{AllAccounts}) {
		grant = Grant{All: true}
	}
	if err := errors.Join(checkName(c.Name), checkURL(c.URL), checkServed(c.Regions, c.ServedAccounts),
		grant.check()); err != nil {
		return nil, err
	}
	if c.Outbound && c.URL == "" {
		return nil, errors.New("it has outbound and no URL: give the URL to which this deployment is to dial")
	}
	return &entry{Record: Record{
		ID: id, Name: c.Name, URL: c.URL, Keys: []Key{key}, Regions: sorted(c.Regions),
		Accounts: sorted(c.ServedAccounts), Grant: grant, Outbound: c.Outbound, Source: FromConfiguration,
	}}, nil
}

// Configure makes the peers of the configuration what it says, and removes those that it has no more. It checks all
// peers. A server does that when it starts.
func (d *Directory) Configure(ctx context.Context, configured []Configured) error {
	newest := d.current.Load().keys.newest().number
	var wanted []*entry
	for _, c := range configured {
		e, err := c.entry()
		if err != nil {
			return fmt.Errorf("the peer %.80q of the configuration: %w", c.Name, err)
		}
		// Which key of ours it has is not known: it says so if it is another.
		e.JoinedAt, e.confirmed, e.settled = d.now(), newest, newest
		wanted = append(wanted, e)
	}
	if len(wanted) > maxPeers {
		return fmt.Errorf("the configuration has %d peers: there may be %d", len(wanted), maxPeers)
	}
	err := d.update(ctx, func(tx *metadata.Tx) error {
		stored, err := entries(tx)
		if err != nil {
			return err
		}
		if err := d.checkConfigured(wanted, stored); err != nil {
			return err
		}
		return saveConfigured(tx, wanted, stored)
	})
	if err != nil {
		return err
	}
	return d.Refresh(ctx)
}

// checkConfigured checks the peers that there are to be: those of the configuration, and those that have joined.
func (d *Directory) checkConfigured(wanted, stored []*entry) error {
	all := slices.Clone(wanted)
	for _, e := range stored {
		if e.Source == Joined {
			all = append(all, e)
		}
	}
	if len(all) > maxPeers {
		return fmt.Errorf("there are %d peers: there may be %d", len(all), maxPeers)
	}
	for i, e := range all {
		switch {
		case e.ID == d.party.ID:
			return fmt.Errorf("the peer %s of the configuration has the key of this deployment: give the peer's",
				e.Name)
		case e.Name == d.party.Name:
			return fmt.Errorf("the peer %s has the name of this deployment: set deployment.name to another", e.Name)
		}
		if both := conflicts(d.party.Regions, d.party.Accounts, e.Regions, e.Accounts); both != "" {
			return fmt.Errorf("the peer %s serves %s, which this deployment is configured to serve, too: take the "+
				"Regions or accounts out of the configuration of one of them. (To move them here, remove the peer "+
				"first.)", e.Name, both)
		}
		for _, other := range all[:i] {
			what := "id"
			if e.Name == other.Name {
				what = "name"
			}
			switch {
			case e.ID != other.ID && e.Name != other.Name:
				if both := conflicts(other.Regions, other.Accounts, e.Regions, e.Accounts); both != "" {
					return fmt.Errorf("the peers %s and %s both serve %s: take the Regions or accounts from one of "+
						"them", other.Name, e.Name, both)
				}
			case e.Source == Joined:
				return fmt.Errorf("the configuration has the peer %s, and a peer %s of the same %s has joined by an "+
					"invitation: take it out of the configuration, or start without it, remove the one that has "+
					"joined (twinport peer remove %s) and then put it in again", other.Name, e.Name, what, e.Name)
			default:
				return fmt.Errorf("the configuration has two peers of the same %s, %s and %s", what, other.Name, e.Name)
			}
		}
	}
	return nil
}

// saveConfigured stores the peers of the configuration. Rotated keys of a peer stay, as does what is known of it.
func saveConfigured(tx *metadata.Tx, wanted, stored []*entry) error {
	byID := map[string]*entry{}
	for _, e := range wanted {
		byID[e.ID] = e
	}
	for i, was := range stored {
		if was.Source != FromConfiguration {
			continue
		}
		e := byID[was.ID]
		if e == nil {
			if _, err := tx.Peers().Delete(was.ID); err != nil {
				return err
			}
			continue
		}
		if was.Name != e.Name { // names may be swapped: each is free before the first is taken
			was.Name = was.ID
			if err := save(tx, was); err != nil {
				return err
			}
			row, err := tx.Peers().Get(was.ID)
			if err != nil {
				return err
			}
			if stored[i], err = readEntry(row); err != nil {
				return err
			}
		}
	}
	for _, e := range wanted {
		i := slices.IndexFunc(stored, func(was *entry) bool { return was.ID == e.ID })
		if i < 0 {
			if err := tx.Peers().Create(e.ID, e.Name, e.document()); err != nil {
				return err
			}
			continue
		}
		was := stored[i]
		next := &entry{Record: e.Record, confirmed: was.confirmed, settled: was.settled, row: was.row}
		next.JoinedAt = was.JoinedAt
		if !replaces(e.Keys[0], was.Keys) {
			next.Keys = was.Keys
		}
		if err := save(tx, next); err != nil {
			return err
		}
	}
	return nil
}

// replaces reports whether the key that the configuration has of a peer replaces those that are stored. They go on if
// it is one of them, or older: the peer has rotated its key.
func replaces(configured Key, stored []Key) bool {
	if known, ok := keyOf(stored, configured.Number); ok {
		return !known.Public.Equal(configured.Public)
	}
	return !slices.ContainsFunc(stored, func(k Key) bool { return k.Number > configured.Number })
}

// entries returns all peers in a transaction.
func entries(tx *metadata.Tx) ([]*entry, error) {
	rows, err := tx.Peers().List("", maxPeers)
	if err != nil {
		return nil, err
	}
	var all []*entry
	for _, row := range rows {
		e, err := readEntry(row)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}
