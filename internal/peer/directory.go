// Package peer knows the deployments that serve other registries: who they are and what they may do, and how to call
// them. Requests between peers are signed, both ways.
package peer

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

const (
	// refreshInterval is how often the store is read for what other processes have changed.
	refreshInterval = time.Second
	// logInterval is how often a refusal of the same kind is logged.
	logInterval = time.Minute
)

// Config is what Open needs.
type Config struct {
	Store metadata.Store
	// Name is the deployment's, for people: letters, digits, - . and _, at most 63.
	Name string
	// URL is where peers reach it, https://host or https://host:port; "" if they cannot.
	URL string
	// AllowPlain allows HTTP without TLS to and from addresses that are not loopback, too.
	AllowPlain bool
	// Regions and Accounts: it serves each account in each Region.
	Regions, Accounts []string
	Version           string
	Log               *slog.Logger
	Now               func() time.Time
}

// Directory is what a deployment knows of its peers, and of itself as a peer. It is safe for concurrent use.
type Directory struct {
	store      metadata.Store
	party      Party
	allowPlain bool
	log        *slog.Logger
	now        func() time.Time
	nonces     *nonces
	process    string         // this one, among those of the deployment
	silence    time.Duration  // see progress
	roots      *x509.CertPool // nil for the system's

	tunnelHandler http.Handler // nil if it dials no tunnels

	refreshing chan struct{} // held by who reads the store
	current    atomic.Pointer[snapshot]
	wake       chan struct{} // the clients are others than before

	mu       sync.Mutex
	ended    bool               // Run has
	clients  map[string]*Client // by id, of the current snapshot
	onChange []func()
	logged   map[string]time.Time // refusals, by kind and peer
}

// Open reads who this deployment is and who its peers are, and gives it an id and a key if it has none.
func Open(ctx context.Context, c Config) (*Directory, error) {
	d := &Directory{
		store: c.Store, process: uuid.NewString(), allowPlain: c.AllowPlain, log: c.Log, now: c.Now,
		nonces: newNonces(c.Now()), silence: silence,
		refreshing: make(chan struct{}, 1), wake: make(chan struct{}, 1), clients: map[string]*Client{},
		logged: map[string]time.Time{},
		party: Party{
			Name: c.Name, Version: c.Version, OldestProtocol: OldestProtocol, NewestProtocol: NewestProtocol,
			URL: c.URL, Regions: c.Regions, Accounts: c.Accounts,
		}.clean(),
	}
	if err := errors.Join(checkName(c.Name), checkURL(c.URL), checkRegistries(c.Regions, c.Accounts)); err != nil {
		return nil, fmt.Errorf("the deployment: %w", err)
	}
	if err := d.makeIdentity(ctx); err != nil {
		return nil, fmt.Errorf("give the deployment an identity: %w", err)
	}
	if err := d.Refresh(ctx); err != nil {
		return nil, err
	}
	d.party.ID = d.current.Load().deployment.ID
	return d, nil
}

// String names this deployment in messages.
func (d *Directory) String() string { return "the deployment " + d.party.Name }

// Peers returns the peers by name.
func (d *Directory) Peers() []Record {
	s := d.current.Load()
	all := make([]Record, len(s.peers))
	for i, e := range s.peers {
		all[i] = e.Record
	}
	return all
}

// Peer returns the peer of an id.
func (d *Directory) Peer(id string) (Record, bool) {
	e := d.current.Load().byID[id]
	if e == nil {
		return Record{}, false
	}
	return e.Record, true
}

// Named returns the peer of a name.
func (d *Directory) Named(name string) (Record, bool) {
	e := d.current.Load().named(name)
	if e == nil {
		return Record{}, false
	}
	return e.Record, true
}

// Of returns the peer that serves a registry.
func (d *Directory) Of(registry resource.Registry) (Record, bool) {
	for _, e := range d.current.Load().byRegion[registry.Region] {
		if e.Serves(registry) {
			return e.Record, true
		}
	}
	return Record{}, false
}

// Regions returns those that peers serve and this deployment does not, in order.
func (d *Directory) Regions() []string { return slices.Clone(d.current.Load().regions) }

// Client returns what calls the peer of an id; nil if it is unknown. Each peer has one client, as long as it is one.
func (d *Directory) Client(id string) *Client {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.clients[id]
}

// OnChange has f called after changes of the peers, in any goroutine. f must not block.
func (d *Directory) OnChange(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onChange = append(d.onChange, f)
}

// Run keeps in touch with the peers until ctx ends: it says hello to each now and then, so that its state is known, and
// gives it keys that it lacks. On a shared store it also refreshes. It keeps tunnels to those that cannot reach this
// deployment, and takes those of others until it ends.
func (d *Directory) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	d.takeTunnels()
	defer d.endTunnels()
	ticker := time.NewTicker(refreshInterval)
	defer ticker.Stop()
	kept := map[string]*Client{}
	for {
		d.mu.Lock()
		for id := range kept {
			if d.clients[id] == nil {
				delete(kept, id)
			}
		}
		for id, c := range d.clients {
			if kept[id] != c {
				kept[id] = c
				running.Go(func() { c.keep(ctx) })
				running.Go(func() { c.keepTunnels(ctx) })
			}
		}
		d.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		case <-ticker.C:
			if d.store.Shared() {
				if err := d.Refresh(ctx); err != nil && ctx.Err() == nil && d.mayLog("refresh") {
					d.log.Warn("cannot read the peers", "error", err)
				}
			}
		}
	}
}

// takeTunnels has tunnels accepted, as before the first Run.
func (d *Directory) takeTunnels() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = false
	for _, c := range d.clients {
		c.tunnels.begin()
	}
}

// endTunnels ends those that were accepted, and takes none any more.
func (d *Directory) endTunnels() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	for _, c := range d.clients {
		c.tunnels.end()
	}
}

// logRefusal logs that a request was refused, if somebody has to do something here.
func (d *Directory) logRefusal(r *http.Request, err error) {
	var e *Error
	if !errors.As(err, &e) {
		return
	}
	id := r.Header.Get(HeaderPeer)
	known, _ := d.Peer(id)
	if !e.definite() && e.Code != Internal || !d.mayLog("refused "+e.Code+known.ID) { // of strangers one
		return
	}
	d.log.Warn("refused a request of a peer", "code", e.Code, "id", cleaned(id, maxHeader), "peer", known.Name,
		"address", r.RemoteAddr, "error", e.Message)
}

// mayLog reports whether the same was not logged for a while.
func (d *Directory) mayLog(what string) bool {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if last, logged := d.logged[what]; logged && now.Sub(last) < logInterval && !now.Before(last) {
		return false
	}
	if len(d.logged) >= 4*maxPeers {
		clear(d.logged)
	}
	d.logged[what] = now
	return true
}
