package peer

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/resource"
)

// configured is a deployment as the configuration of another has it.
func configured(n *node) Configured {
	return Configured{
		Name: n.config.Name, URL: n.server.URL, Key: n.Identity(), Regions: n.config.Regions,
		ServedAccounts: n.config.Accounts, Accounts: []string{AllAccounts},
	}
}

// TestConfigured: the configurations of two deployments make them peers, and what they say is so after a restart.
func TestConfigured(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", east), newNode(t, "b", west)
	a.configured = []Configured{configured(b)}
	b.configured = []Configured{configured(a)}
	a.reopen(t)
	b.reopen(t)
	for _, err := range []error{a.call(t, b), b.call(t, a)} {
		if err != nil {
			t.Error(err)
		}
	}
	known, _ := a.Named("b")
	if known.Source != FromConfiguration || !known.MaySend(resource.Registry{Account: dev, Region: west}) {
		t.Errorf("a knows b as %+v", known)
	}
	_, err := a.SetGrant(t.Context(), "b", Grant{})
	wantCode(t, err, Configuration, "change it there")
	wantCode(t, a.Remove(t.Context(), "b"), Configuration, "change it there")
	_, err = b.Join(t.Context(), invite(t, a), Grant{})
	wantCode(t, err, Configuration, "rather than join")
	if again, _ := b.Named("a"); again.Source != FromConfiguration {
		t.Errorf("b knows a as %+v", again)
	}

	// Keys rotate, whatever the file says; it may follow later.
	a.rotate(t)
	b.rotate(t)
	a.reopen(t)
	b.reopen(t)
	wantKeys(t, b, a, 2, 2)
	b.configured = []Configured{configured(a)}
	b.reopen(t)
	for _, err := range []error{a.call(t, b), b.call(t, a)} {
		if err != nil {
			t.Error(err)
		}
	}
	wantKeys(t, b, a, 2, 2)

	// A peer that is configured only now may be given any of the keys.
	c := newNode(t, "c", "eu-west-1")
	old := c.Identity()
	c.rotate(t)
	c.configured = []Configured{configured(a)}
	c.reopen(t)
	entry := configured(c)
	entry.Key = old
	a.configured = append(a.configured, entry)
	a.reopen(t)
	for _, err := range []error{c.call(t, a), a.call(t, c)} {
		if err != nil {
			t.Error(err)
		}
	}
	c.to(a).touch(t.Context())
	wantKeys(t, a, c, 2, 2)

	// What is changed there is changed: two swap their names, one is gone.
	a.configured[0].Name, a.configured[1].Name = "c", "b"
	a.configured[0].Accounts = []string{prod}
	a.reopen(t)
	if known, _ := a.Named("c"); known.ID != b.party.ID || !slices.Equal(known.Grant.Accounts, []string{prod}) ||
		known.Grant.All {
		t.Errorf("a knows c as %+v", known)
	}
	a.configured = a.configured[1:]
	a.reopen(t)
	if peers := a.Peers(); len(peers) != 1 || peers[0].ID != c.party.ID {
		t.Errorf("the peers %+v", peers)
	}
	wantCode(t, b.call(t, a), NotAPeer, "")
}

// TestOpenLeavesPeers: only Configure makes the peers what the configuration says; so a command may have an older one.
func TestOpenLeavesPeers(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", east), newNode(t, "b", west)
	a.configured = []Configured{configured(b)}
	a.reopen(t)
	want, _ := a.Named("b")
	if d, err := Open(t.Context(), a.config); err != nil || len(d.Peers()) != 1 || d.Peers()[0].ID != want.ID {
		t.Errorf("%v", err)
	}
	// A peer that stands in the way of the configuration can be removed.
	c := newNode(t, "c", "eu-west-1")
	makePeers(t, c, a)
	a.config.Regions = []string{east, "eu-west-1"}
	if _, err := a.start(t); err == nil || !strings.Contains(err.Error(), "remove the peer") {
		t.Errorf("%v", err)
	}
	d, err := Open(t.Context(), a.config)
	if err == nil {
		err = d.Remove(t.Context(), "c")
	}
	if err != nil {
		t.Fatal(err)
	}
	a.reopen(t)
	a.configured = nil
	a.reopen(t)
	if peers := a.Peers(); len(peers) != 0 {
		t.Errorf("the peers %+v", peers)
	}
}

// TestConfigurationsThatAreRefused: each says why, with names.
func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	c := newNode(t, "c", "eu-west-1")
	good := configured(c)
	change := func(f func(*Configured)) []Configured {
		changed := good
		f(&changed)
		return []Configured{changed}
	}
	for what, refused := range map[string]struct {
		peers    []Configured
		contains string
	}{
		"own":            {change(func(p *Configured) { p.Key = a.Identity() }), "key of this deployment"},
		"own name":       {change(func(p *Configured) { p.Name = "a" }), "deployment.name"},
		"joined":         {[]Configured{configured(b)}, "has joined by an invitation"},
		"a joined name":  {change(func(p *Configured) { p.Name = "b" }), "of the same name has joined"},
		"no key":         {change(func(p *Configured) { p.Key = "" }), "twinport peer identity"},
		"half a key":     {change(func(p *Configured) { p.Key = p.Key[:30] }), "a part is missing"},
		"a name":         {change(func(p *Configured) { p.Name = "x y" }), "the name"},
		"a URL":          {change(func(p *Configured) { p.URL = "https://u:secret@h" }), "the URL"},
		"a path":         {change(func(p *Configured) { p.URL = "https://h/" }), "without a path"},
		"no Regions":     {change(func(p *Configured) { p.Regions = nil }), "Regions"},
		"no accounts":    {change(func(p *Configured) { p.ServedAccounts = nil }), "accounts"},
		"a wrong grant":  {change(func(p *Configured) { p.Accounts = []string{AllAccounts, prod} }), "twelve digits"},
		"twice":          {[]Configured{good, good}, "two peers of the same"},
		"ours":           {change(func(p *Configured) { p.Regions = []string{east} }), prod + "/" + east},
		"another peer's": {change(func(p *Configured) { p.Regions = []string{west} }), "c and b both serve"},
	} {
		a.configured = refused.peers
		_, err := a.start(t)
		if refused.contains == "" {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), refused.contains) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", what, err, refused.contains)
		}
		var e *Error
		if errors.As(err, &e) {
			t.Errorf("%s: %v is an answer to a peer", what, err)
		}
	}
	if peers := a.Peers(); len(peers) != 1 {
		t.Errorf("the peers %+v", peers)
	}
	// The configuration comes to serve what a peer does.
	a.configured = nil
	config := a.config
	a.config.Regions = []string{east, west}
	want := "the peer b serves " + prod + "/" + west
	if _, err := a.start(t); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Name = "" }, func(c *Config) { c.URL = "x" }, func(c *Config) { c.Accounts = nil },
	} {
		config := config
		change(&config)
		if _, err := Open(t.Context(), config); err == nil || !strings.Contains(err.Error(), "the deployment:") {
			t.Errorf("%v", err)
		}
	}
}
