package peer

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/twinport/twinport/internal/metadata"
)

// snapshot is what was read from the store at one time. It does not change.
type snapshot struct {
	deployment metadata.Deployment
	keys       keyring
	peers      []*entry // by name
	byID       map[string]*entry
	byRegion   map[string][]*entry
	regions    []string // of peers, but for those that we serve
}

// Refresh reads the peers from the store, so that what other processes have changed is known.
func (d *Directory) Refresh(ctx context.Context) error {
	select {
	case d.refreshing <- struct{}{}:
		defer func() { <-d.refreshing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s, err := d.load(ctx)
	if err != nil {
		return fmt.Errorf("read the peers: %w", err)
	}
	d.install(s)
	return nil
}

func (d *Directory) load(ctx context.Context) (*snapshot, error) {
	before := d.current.Load()
	if before == nil {
		before = &snapshot{}
	}
	q := d.store.Read(ctx).Peers()
	s := &snapshot{byID: map[string]*entry{}, byRegion: map[string][]*entry{}}
	var err error
	if s.deployment, err = q.Deployment(); err != nil {
		return nil, err
	}
	if s.keys = before.keys; s.deployment != before.deployment {
		if s.keys, err = readKeys(s.deployment); err != nil {
			return nil, err
		}
	}
	rows, err := q.List("", maxPeers)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		e := before.byID[row.ID]
		if e == nil || e.row != row {
			if e, err = readEntry(row); err != nil {
				return nil, err
			}
		}
		s.add(e)
	}
	slices.SortFunc(s.peers, func(a, b *entry) int { return cmp.Compare(a.Name, b.Name) })
	for region := range s.byRegion {
		if !slices.Contains(d.party.Regions, region) {
			s.regions = append(s.regions, region)
		}
	}
	slices.Sort(s.regions)
	return s, nil
}

func (s *snapshot) add(e *entry) {
	s.peers = append(s.peers, e)
	s.byID[e.ID] = e
	for _, region := range e.Regions {
		s.byRegion[region] = append(s.byRegion[region], e)
	}
}

func (s *snapshot) named(name string) *entry {
	i := slices.IndexFunc(s.peers, func(e *entry) bool { return e.Name == name })
	if i < 0 {
		return nil
	}
	return s.peers[i]
}

// install makes a snapshot the current one.
func (d *Directory) install(s *snapshot) {
	d.mu.Lock()
	before := d.current.Swap(s)
	clients := map[string]*Client{}
	for id, e := range s.byID {
		if clients[id] = d.clients[id]; clients[id] == nil {
			clients[id] = newClient(d, id)
			if d.ended {
				clients[id].tunnels.end()
			}
			if before != nil && e.Source == Joined {
				clients[id].awaitHello()
			}
		}
	}
	for id, c := range d.clients {
		if clients[id] == nil {
			c.end()
		}
	}
	d.clients = clients
	callbacks := d.onChange
	d.mu.Unlock()
	if before != nil && sameRecords(before.peers, s.peers) {
		return
	}
	signal(d.wake)
	for _, c := range clients {
		signal(c.redial)
	}
	for _, f := range callbacks {
		f()
	}
}

// sameRecords reports whether the lists, which are in order, have the same rows.
func sameRecords(a, b []*entry) bool {
	return slices.EqualFunc(a, b, func(a, b *entry) bool { return a.row == b.row })
}
