package peer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/test/servers"
)

func (n *node) rotate(t *testing.T) {
	t.Helper()
	if err := n.RotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// wantKeys checks which keys of a the node b knows, and which one a signs with.
func wantKeys(t *testing.T, b, a *node, signs int64, known ...int64) {
	t.Helper()
	record, _ := b.Peer(a.party.ID)
	var numbers []int64
	for _, k := range record.Keys {
		numbers = append(numbers, k.Number)
	}
	if fmt.Sprint(numbers) != fmt.Sprint(known) || a.to(b).State().Key != signs {
		t.Errorf("%s knows the keys %v of %s, which signs with %d; want %v and %d", b.party.Name, numbers, a.party.Name,
			a.to(b).State().Key, known, signs)
	}
}

// TestRotateKey: without a gap, while both sides call each other all the time, in two processes of each.
func TestRotateKey(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	other, err := Open(t.Context(), a.config) // it learns of new keys only when it must
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var calls sync.WaitGroup
	for _, call := range []func() error{
		func() error { return a.call(t, b) },
		func() error { return b.call(t, a) },
		func() error { return other.Client(b.party.ID).Call(t.Context(), "echo", echo{}, nil) },
	} {
		calls.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := call(); err != nil {
					t.Errorf("while keys are rotated: %v", err)
					return
				}
			}
		})
	}
	for i := range 5 {
		a.rotate(t)
		b.rotate(t)
		wantKeys(t, b, a, int64(i+2), int64(i+2))
		wantKeys(t, a, b, int64(i+2), int64(i+2))
	}
	close(stop)
	calls.Wait()
	if keys := a.Self().Keys; len(keys) != 6 || keys[5].Number != 6 {
		t.Errorf("the keys %v", keys)
	}
}

// TestAnswerKey: a process that has not read the store since another has made a key signs answers with that one, too.
func TestAnswerKey(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	other, err := Open(t.Context(), a.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.RotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if record, _ := b.Named("a"); len(record.Keys) != 1 || record.Keys[0].Number != 2 || len(a.Self().Keys) != 1 {
		t.Fatalf("b knows a as %+v, and a has the keys %v", record, a.Self().Keys)
	}
	if err := b.call(t, a); err != nil {
		t.Error(err)
	}
	// So that it is understood by who is refused.
	c := newNode(t, "c", "eu-west-1")
	transport := c.newTransport()
	stranger := &caller{d: c.Directory, target: func() (target, error) {
		return target{
			id: a.party.ID, name: "a", url: a.server.URL, transport: transport, keys: other.Self().Keys[1:],
			sign: c.current.Load().keys.newest(),
		}, nil
	}}
	_, err = stranger.call(t.Context(), call{method: http.MethodPost, operation: "echo"})
	wantCode(t, err, NotAPeer, "join again")
	for asked, want := range map[string]string{
		"1": "1", "2": "2", "3": "2", "x": "1", "99999999999999999999": "1", "": "1",
	} {
		r, h := signed(b, a, ""), http.Header{}
		r.Header.Set(HeaderAnswerKey, asked)
		if a.SignAnswer(h, r, http.StatusOK, nil); h.Get(HeaderKey) != want {
			t.Errorf("who asks for key %q gets what key %s has signed", asked, h.Get(HeaderKey))
		}
	}
}

// TestRotateWhileAway: a peer that was away during rotations is signed for with the key that it knows, whoever calls
// first when it is back, and gets the newest then.
func TestRotateWhileAway(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"a", "b"} {
		t.Run(first+" calls first", func(t *testing.T) {
			t.Parallel()
			a, b := pair(t)
			b.intercept(func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })
			a.rotate(t)
			a.rotate(t)
			wantKeys(t, b, a, 1, 1)
			b.intercept(nil)
			b.rotate(t)
			b.reopen(t)
			a.reopen(t)
			if first == "a" {
				if err := a.call(t, b); err != nil {
					t.Error(err)
				}
			}
			if err := b.call(t, a); err != nil {
				t.Error(err)
			}
			if err := a.call(t, b); err != nil {
				t.Error(err)
			}
			a.to(b).touch(t.Context()) // as Run does
			wantKeys(t, b, a, 3, 3)
			wantKeys(t, a, b, 2, 2)
			for _, err := range []error{a.call(t, b), b.call(t, a)} {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestRotateAnswerLost: the peer has the key, and we do not know it.
func TestRotateAnswerLost(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	lost := 0
	b.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, OperationKeys) || lost > 0 {
			return false
		}
		lost++
		d, _ := b.directory()
		body := make([]byte, r.ContentLength)
		if _, err := r.Body.Read(body); err != nil && err.Error() != "EOF" {
			t.Error(err)
		}
		if _, err := b.serve(d, r, body); err != nil {
			t.Error(err)
		}
		panic(http.ErrAbortHandler)
	})
	a.transportOf(b).DisableKeepAlives = true // so that the call is not repeated at once
	a.rotate(t)
	wantKeys(t, b, a, 1, 1, 2)
	if err := a.call(t, b); err != nil {
		t.Error(err)
	}
	a.rotate(t)
	wantKeys(t, b, a, 3, 3)
}

func (n *node) transportOf(other *node) *http.Transport { return n.to(other).transport }

// TestLateKeys: what was sent before a later rotation changes nothing when it comes after it.
func TestLateKeys(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	from, _ := b.Named("a")
	first := a.Self().Keys
	a.rotate(t)
	second := a.Self().Keys
	a.rotate(t)
	for _, keys := range [][]Key{first, second, second[1:]} {
		answer, err := b.AcceptKeys(t.Context(), from, KeysRequest{keys})
		if err != nil || fmt.Sprint(answer.Known) != "[3]" {
			t.Errorf("%v, %v", answer, err)
		}
	}
	wantKeys(t, b, a, 3, 3)
	forged := Key{Number: 3, Public: first[0].Public}
	_, err := b.AcceptKeys(t.Context(), from, KeysRequest{[]Key{forged}})
	wantCode(t, err, InvalidRequest, "Key 3")
	for _, keys := range [][]Key{nil, {{Number: 4}}, {forged, forged}, make([]Key, maxKeys+1)} {
		_, err := b.AcceptKeys(t.Context(), from, KeysRequest{keys})
		wantCode(t, err, InvalidRequest, "in the order")
	}
}

// TestRestoredPeer: the peer has gone back to a backup of before the rotation.
func TestRestoredPeer(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	before, err := b.store.Read(t.Context()).Peers().Get(a.party.ID)
	if err != nil {
		t.Fatal(err)
	}
	a.rotate(t)
	a.rotate(t)
	wantKeys(t, b, a, 3, 3)
	old, err := readEntry(before)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.change(t.Context(), a.party.ID, func(e *entry) { e.Record = old.Record }); err != nil {
		t.Fatal(err)
	}
	if err := a.call(t, b); err != nil {
		t.Errorf("with the key that it knows: %v", err)
	}
	if err := b.call(t, a); err != nil {
		t.Error(err)
	}
	wantKeys(t, b, a, 1, 1)
	a.to(b).touch(t.Context())
	wantKeys(t, b, a, 3, 3)
}

// TestRotateTooOften: a peer that is away for long does not lose us silently.
func TestRotateTooOften(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	b.server.Close()
	for range maxKeys - 1 {
		a.rotate(t)
	}
	wantCode(t, a.RotateKey(t.Context()), Unavailable, "The peer b has confirmed none")
	if err := a.Remove(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	a.rotate(t)
	if keys := a.Self().Keys; len(keys) != maxKeys || keys[0].Number != 2 {
		t.Errorf("%d keys from %d on", len(keys), keys[0].Number)
	}
}

// eachStore runs a test on both engines. open is another process's store of the same data.
func eachStore(t *testing.T, run func(t *testing.T, open func() metadata.Store)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		store, err := metadata.OpenSQLite(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		run(t, func() metadata.Store { return store }) // it serves one process, which may open it anew
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		database := servers.Postgres(t)
		run(t, func() metadata.Store {
			store, err := metadata.OpenPostgres(t.Context(), database)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { store.Close() })
			return store
		})
	})
}

// TestOneIdentity: of processes that start at once on a new store.
func TestOneIdentity(t *testing.T) {
	t.Parallel()
	n := newNode(t, "n", east)
	eachStore(t, func(t *testing.T, open func() metadata.Store) { testOneIdentity(t, n, open) })
}

func testOneIdentity(t *testing.T, n *node, open func() metadata.Store) {
	config := n.config
	config.Store = open()
	found := make(chan string, 8)
	for range cap(found) {
		config := config
		config.Store = open()
		go func() {
			d, err := Open(t.Context(), config)
			if err != nil {
				t.Error(err)
				found <- ""
				return
			}
			found <- d.Identity()
		}()
	}
	first := <-found
	for range cap(found) - 1 {
		if other := <-found; other != first {
			t.Errorf("identities %s and %s", first, other)
		}
	}
	if first == n.Identity() || first == "" {
		t.Error("two stores have one identity")
	}
	id, key, err := ParseIdentity(first)
	d, openErr := Open(t.Context(), config)
	if err := errors.Join(err, openErr); err != nil {
		t.Fatal(err)
	}
	if self := d.Self(); self.ID != id || !self.Keys[0].Public.Equal(key.Public) || key.Number != 1 {
		t.Errorf("%s says %s and %v, want %+v", first, id, key, self)
	}
	for i := range first {
		if _, _, err := ParseIdentity(first[:i] + "x" + first[i+1:]); err == nil && first[i] != 'x' {
			t.Errorf("a slip at %d is not found", i)
		}
	}
	// Nothing that is logged or shown has the private key.
	s := d.current.Load()
	secret := s.deployment.Document
	i, err := readIdentity(s.deployment)
	if err != nil {
		t.Fatal(err)
	}
	seed := i.Keys[0].Seed
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v", i, i, i), fmt.Sprintf("%v %+v %#v", s.keys, s.keys, s.keys),
		fmt.Sprintf("%+v", d.Self()),
	} {
		if strings.Contains(text, fmt.Sprint(seed)) || strings.Contains(text, fmt.Sprintf("%#v", seed)) ||
			!strings.Contains(secret, "seed") {
			t.Errorf("a private key is shown: %s", text)
		}
	}
}

// TestTwoProcesses: they change the same at the same time, and nothing is lost.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	eachStore(t, testTwoProcesses)
}

func testTwoProcesses(t *testing.T, open func() metadata.Store) {
	a := newNode(t, "a", east, func(c *Config) { c.Store = open() })
	b := newNode(t, "b", west)
	config := a.config
	config.Store = open()
	other, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	// Of two that use a code at the same time one does.
	code := invite(t, a)
	c := newNode(t, "c", "eu-west-1")
	failed := make(chan error, 2)
	for _, n := range []*node{b, c} {
		go func() { _, err := n.Join(t.Context(), code, Grant{}); failed <- err }()
	}
	if first, second := <-failed, <-failed; first == nil {
		wantCode(t, second, CodeUsed, "")
	} else {
		wantCode(t, first, CodeUsed, "")
		if second != nil {
			t.Error(second)
		}
	}
	if peers := a.Peers(); len(peers) != 1 || len(b.Peers())+len(c.Peers()) != 1 {
		t.Fatalf("the peers %+v", peers)
	}
	if len(c.Peers()) == 1 {
		b = c
	}
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	other.Client(b.party.ID).knowsUs() // else it would be left alone for a while
	var rotations sync.WaitGroup
	for _, d := range []*Directory{a.Directory, other, a.Directory, other} {
		rotations.Go(func() {
			if err := d.RotateKey(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	rotations.Wait()
	if err := errors.Join(a.Refresh(t.Context()), other.Refresh(t.Context())); err != nil {
		t.Fatal(err)
	}
	a.to(b).touch(t.Context())
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, b, a, 5, 5)
	for _, client := range []*Client{a.to(b), other.Client(b.party.ID)} {
		if err := client.Call(t.Context(), "echo", echo{}, nil); err != nil {
			t.Error(err)
		}
	}
	if err := b.call(t, a); err != nil {
		t.Error(err)
	}
	// What one changes the other finds, if it runs.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go other.Run(ctx)
	changed := make(chan struct{}, 10)
	other.OnChange(func() { changed <- struct{}{} })
	if _, err := a.SetGrant(t.Context(), b.party.Name, Grant{All: true}); err != nil {
		t.Fatal(err)
	}
	if !config.Store.Shared() {
		return // there are no others
	}
	<-changed
	if p, _ := other.Peer(b.party.ID); !p.Grant.All {
		t.Errorf("the other knows %+v", p)
	}
}
