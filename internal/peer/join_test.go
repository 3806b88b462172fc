package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

func invite(t *testing.T, n *node) string {
	t.Helper()
	code, _, err := n.Invite(t.Context(), Grant{})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// TestJoin: each side knows the other, and its grant is that of its own command.
func TestJoin(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", east), newNode(t, "b", west)
	changes := make(chan string, 10)
	a.OnChange(func() { changes <- "a" })
	b.OnChange(func() { changes <- "b" })
	code, expires, err := a.Invite(t.Context(), Grant{Accounts: []string{prod}})
	if err != nil || expires.Before(time.Now().Add(59*time.Minute)) {
		t.Fatalf("%v, %v", expires, err)
	}
	// As it is copied from a terminal.
	record, err := b.Join(t.Context(), " "+code[:50]+"\n  "+code[50:]+"\n", Grant{All: true})
	if err != nil {
		t.Fatal(err)
	}
	if record.ID != a.Self().ID || record.Name != "a" || record.URL != a.server.URL || record.Source != Joined ||
		!slices.Equal(record.Regions, []string{east}) || !slices.Equal(record.Accounts, []string{prod, dev}) ||
		len(record.Keys) != 1 || !record.Keys[0].Public.Equal(a.Self().Keys[0].Public) {
		t.Errorf("b knows a as %+v", record)
	}
	known, ok := a.Named("b")
	if !ok || known.URL != b.server.URL || len(a.Peers()) != 1 {
		t.Fatalf("a knows b as %+v", known)
	}
	for _, c := range []struct {
		record      Record
		registry    resource.Registry
		serves, may bool
	}{
		{known, resource.Registry{Account: prod, Region: west}, true, true},
		{known, resource.Registry{Account: dev, Region: west}, true, false},
		{known, resource.Registry{Account: prod, Region: east}, false, false},
		{known, resource.Registry{Account: "999999999999", Region: west}, false, false},
		{record, resource.Registry{Account: dev, Region: east}, true, true},
		{record, resource.Registry{Account: "999999999999", Region: east}, false, false},
	} {
		if c.record.Serves(c.registry) != c.serves || c.record.MaySend(c.registry) != c.may {
			t.Errorf("%s, %s: serves %t, may %t", c.record.Name, c.registry, !c.serves, !c.may)
		}
	}
	if of, ok := a.Of(resource.Registry{Account: prod, Region: west}); !ok || of.ID != b.Self().ID {
		t.Errorf("%+v serves the registry", of)
	}
	if _, ok := a.Of(resource.Registry{Account: prod, Region: east}); ok {
		t.Error("a peer serves what a serves itself")
	}
	if regions := a.Regions(); !slices.Equal(regions, []string{west}) {
		t.Errorf("the Regions %v", regions)
	}
	if got := []string{<-changes, <-changes}; !slices.Contains(got, "a") || !slices.Contains(got, "b") {
		t.Errorf("notified %v", got)
	}
	for _, err := range []error{a.call(t, b), b.call(t, a)} {
		if err != nil {
			t.Error(err)
		}
	}
	// It is so after a restart.
	a.reopen(t)
	b.reopen(t)
	for _, err := range []error{a.call(t, b), b.call(t, a)} {
		if err != nil {
			t.Errorf("after a restart: %v", err)
		}
	}
	if _, err := a.SetGrant(t.Context(), "b", Grant{All: true}); err != nil {
		t.Error(err)
	}
	if known, _ := a.Named("b"); !known.MaySend(resource.Registry{Account: dev, Region: west}) {
		t.Error("the grant stays as it was")
	}
	_, err = a.SetGrant(t.Context(), "c", Grant{})
	wantCode(t, err, NotAPeer, "The peers are: b.")
	_, err = a.SetGrant(t.Context(), "b", Grant{Accounts: []string{"x"}})
	wantCode(t, err, InvalidRequest, "twelve digits")
}

// TestInvitationsThatAreNotGood: used, expired, mistyped, made here.
func TestInvitationsThatAreNotGood(t *testing.T) {
	t.Parallel()
	a, b, c := newNode(t, "a", east), newNode(t, "b", west), newNode(t, "c", "eu-west-1")
	code := invite(t, a)
	_, err := a.Join(t.Context(), code, Grant{})
	wantCode(t, err, CodeInvalid, "has made the code itself")
	for i, mistyped := range []string{
		"", "x", code[1:], code[:len(code)-1], code + "A", strings.ToUpper(code), codePrefix,
		code[:60] + "Q" + code[61:], code[:60] + "R" + code[61:], code[:40] + "!" + code[41:],
		strings.Repeat("A", maxCode+1),
	} {
		if mistyped == code {
			continue
		}
		if _, err := b.Join(t.Context(), mistyped, Grant{}); err == nil || !strings.Contains(err.Error(), "Copy all") {
			t.Errorf("mistyped code %d: %v", i, err)
		}
	}
	forged, err := parseCode(code)
	if err != nil {
		t.Fatal(err)
	}
	forged.secret = make([]byte, secretSize)
	_, err = b.Join(t.Context(), forged.code(), Grant{})
	wantCode(t, err, CodeInvalid, "does not know the code")

	if _, err := b.Join(t.Context(), code, Grant{}); err != nil {
		t.Fatal(err)
	}
	_, err = c.Join(t.Context(), code, Grant{})
	wantCode(t, err, CodeUsed, "make another")
	if len(c.Peers()) != 0 || len(a.Peers()) != 1 {
		t.Error("something is stored after a failed join")
	}

	code = invite(t, a)
	a.clock.advance(InvitationLifetime)
	_, err = c.Join(t.Context(), code, Grant{})
	wantCode(t, err, CodeExpired, "make another")
	a.clock.advance(keepInvitations + time.Second)
	invite(t, a)
	_, err = c.Join(t.Context(), code, Grant{})
	wantCode(t, err, CodeInvalid, "does not know the code")

	_, _, err = newNode(t, "d", "r4", func(c *Config) { c.URL = "" }).Invite(t.Context(), Grant{})
	wantCode(t, err, InvalidRequest, "deployment.url")
}

// TestPlainURL: nobody could use a code of a deployment whose URL is without TLS, unless that is allowed.
func TestPlainURL(t *testing.T) {
	t.Parallel()
	a := newNode(t, "a", east)
	n := newNode(t, "n", west, func(c *Config) { c.URL = "http://registry.example.com:5000" })
	_, _, err := n.Invite(t.Context(), Grant{})
	wantCode(t, err, PlainRefused, "deployment.allow_plain")
	_, err = n.Join(t.Context(), invite(t, a), Grant{})
	wantCode(t, err, PlainRefused, "The deployment n has the URL http://registry.example.com:5000")
	n.config.AllowPlain = true
	n.reopen(t)
	if code := invite(t, n); !strings.HasPrefix(code, codePrefix) {
		t.Errorf("the code %s", code)
	}
}

// TestManyRegions: a deployment that serves more than a peer may starts, but becomes none; one that is a peer goes on.
func TestManyRegions(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", "r0"), newNode(t, "b", west)
	code := invite(t, a)
	makePeers(t, a, b)
	many := make([]string, maxRegions+1)
	for i := range many {
		many[i] = "r" + strconv.Itoa(i)
	}
	accounts := make([]string, maxAccounts+1)
	for i := range accounts {
		accounts[i] = fmt.Sprintf("9%011d", i)
	}
	for what, c := range map[string]struct{ regions, accounts []string }{
		"serves 257 Regions":    {many, a.config.Accounts},
		"serves 20001 accounts": {[]string{"r0"}, accounts},
		"in each of 20 Regions": {many[:20], accounts[:maxRegistries/20+1]},
	} {
		a.config.Regions, a.config.Accounts = c.regions, c.accounts
		a.reopen(t)
		_, _, err := a.Invite(t.Context(), Grant{})
		wantCode(t, err, InvalidRequest, what)
		_, err = a.Join(t.Context(), invite(t, b), Grant{})
		wantCode(t, err, InvalidRequest, "The deployment a cannot become a peer: it serves")
		_, err = newNode(t, "c", "eu-west-1").Join(t.Context(), code, Grant{})
		wantCode(t, err, InvalidRequest, "The deployment a cannot become a peer: it serves")
		for _, n := range [][2]*node{{a, b}, {b, a}} {
			if _, err := n[0].to(n[1]).Hello(t.Context()); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		if s := b.to(a).State(); len(s.Unagreed.Regions)+len(s.Unagreed.Accounts) == 0 {
			t.Errorf("%s: b does not notice: %+v", what, s)
		}
	}
}

// TestGranted: each side knows what the other one lets it send, as soon as they are peers and from then on.
func TestGranted(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", east), newNode(t, "b", west)
	makePeers(t, a, b, Grant{Accounts: []string{prod}}, Grant{All: true})
	want := func(of, to *node, hello bool, want string) {
		t.Helper()
		if hello {
			if _, err := of.to(to).Hello(t.Context()); err != nil {
				t.Error(err)
			}
		}
		got := "unknown"
		if g := of.to(to).State().Granted; g != nil {
			got = fmt.Sprint(*g)
		}
		if got != want {
			t.Errorf("%s says that %s lets it send %s, want %s", of.party.Name, to.party.Name, got, want)
		}
	}
	want(b, a, false, "{false ["+prod+"]}")
	want(a, b, false, "unknown")
	want(a, b, true, "{true []}")
	if _, err := a.SetGrant(t.Context(), "b", Grant{Accounts: []string{prod, dev, prod}}); err != nil {
		t.Fatal(err)
	}
	want(b, a, true, "{false ["+prod+" "+dev+"]}")
	makePeers(t, a, b) // joining again leaves grants
	want(b, a, false, "{false ["+prod+" "+dev+"]}")
	// An earlier version says nothing.
	a.intercept(signedAnswer(a, http.StatusOK, Hello{Party: a.party, Time: a.now()}))
	want(b, a, true, "unknown")
	a.intercept(nil)
	want(b, a, true, "{false ["+prod+" "+dev+"]}")
	if err := a.Remove(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.call(t, a), NotAPeer, "")
	want(b, a, false, "unknown")
}

// TestNewPeerIsLeftAlone: until it says hello, but not for long.
func TestNewPeerIsLeftAlone(t *testing.T) {
	t.Parallel()
	a, b, c := newNode(t, "a", east), newNode(t, "b", west), newNode(t, "c", "eu-west-1")
	a.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, OperationHello) {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	makePeers(t, a, b)
	wantCode(t, a.call(t, b), Unavailable, "The peer b has only just become a peer")
	if err := b.call(t, a); err != nil || a.to(b).Usable() || !b.to(a).Usable() {
		t.Errorf("a may call b, or b may not call a: %v", err)
	}
	a.clock.advance(joiningTime)
	if err := a.call(t, b); err != nil {
		t.Errorf("after a while: %v", err)
	}
	a.intercept(nil)
	usable := 0
	a.OnChange(func() { a.to(c).OnUsable(func() { usable++ }) })
	makePeers(t, a, c)
	if err := a.call(t, c); err != nil || usable != 1 {
		t.Errorf("after it has said hello: %d notifications, %v", usable, err)
	}
	// A later pause is another matter.
	busy := refuse(Throttled, "busy")
	busy.Status, busy.RetryAfter = http.StatusTooManyRequests, time.Minute
	_ = a.to(c).note(busy)
	if _, err := c.to(a).Hello(t.Context()); err != nil || a.to(c).Usable() {
		t.Errorf("a hello ends the pause: %v", err)
	}
}

// TestJoinLogsNoWarning: neither side calls the other before both have stored what they know.
func TestJoinLogsNoWarning(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", east), newNode(t, "b", west)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for _, n := range []*node{a, b} {
		running.Go(func() { n.Run(ctx) })
	}
	a.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, OperationJoin) {
			return false
		}
		const travel = 200 * time.Millisecond
		time.Sleep(travel)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		answer, err := a.Accept(r, body)
		if err != nil {
			t.Error(err)
		}
		time.Sleep(travel)
		return signedAnswer(a, http.StatusOK, answer)(w, r)
	})
	makePeers(t, a, b)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if a.to(b).State().Protocol == 1 && b.to(a).State().Protocol == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("they do not greet each other")
		}
	}
	for _, n := range []*node{a, b} {
		if strings.Contains(n.logs.String(), "level=WARN") {
			t.Errorf("%s logs\n%s", n.party.Name, n.logs)
		}
	}
}

// TestJoinAnswerLost: the same code succeeds again at the same deployment, and changes nothing that was set since.
func TestJoinAnswerLost(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", east), newNode(t, "b", west)
	code, _, err := a.Invite(t.Context(), Grant{All: true})
	if err != nil {
		t.Fatal(err)
	}
	var joins atomic.Int32
	a.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, OperationJoin) || joins.Add(1) == 1 { // the first is a preview
			return false
		}
		d, _ := a.directory()
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = d.Accept(r, body)
		}
		if err != nil {
			t.Errorf("accept: %v", err)
		}
		panic(http.ErrAbortHandler)
	})
	_, err = b.Join(t.Context(), code, Grant{})
	wantCode(t, err, Unreachable, "closed the connection")
	if joins.Load() != 3 { // a connection that was kept had ended, so it tried once more
		t.Errorf("%d calls", joins.Load())
	}
	a.intercept(nil)
	if len(b.Peers()) != 0 || len(a.Peers()) != 1 {
		t.Fatalf("b has %d peers, a has %d", len(b.Peers()), len(a.Peers()))
	}
	if _, err := a.SetGrant(t.Context(), "b", Grant{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Join(t.Context(), code, Grant{}); err != nil {
		t.Fatal(err)
	}
	if known, _ := a.Named("b"); known.Grant.All {
		t.Error("joining again gave a grant back")
	}
	if err := b.call(t, a); err != nil {
		t.Error(err)
	}
	// Who has the code cannot fill the log by it.
	for range 3 {
		if _, err := b.Join(t.Context(), code, Grant{}); err != nil {
			t.Error(err)
		}
	}
	if logged := strings.Count(a.logs.String(), "a peer has joined"); logged != 1 {
		t.Errorf("a has logged %d times that b joined", logged)
	}
	// Who was removed does not come back by the code that it has used, nor does another by its id.
	thief := newNode(t, "thief", "r9")
	thief.party.ID = b.party.ID
	_, err = thief.Join(t.Context(), code, Grant{})
	wantCode(t, err, CodeUsed, "")
	if err := a.Remove(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	_, err = b.Join(t.Context(), code, Grant{})
	wantCode(t, err, CodeUsed, "")
}

// TestJoinConflicts: what both would serve is named, on whichever side it is found, and nothing is stored on either.
func TestJoinConflicts(t *testing.T) {
	t.Parallel()
	a := newNode(t, "a", east)
	same := newNode(t, "b", east, func(c *Config) { c.Accounts = []string{dev} })
	_, err := same.Join(t.Context(), invite(t, a), Grant{})
	wantCode(t, err, RegistryConflict, dev+"/"+east+", and so does the deployment a")
	other := newNode(t, "b", east, func(c *Config) { c.Accounts = []string{"777788889999"} })
	makePeers(t, a, other)

	third := newNode(t, "c", west)
	named := newNode(t, "b", "eu-west-1")
	_, err = named.Join(t.Context(), invite(t, a), Grant{})
	wantCode(t, err, NameConflict, "deployment.name")
	// Found on the side that joins: a's peer must not know it then.
	overlap := newNode(t, "d", west)
	makePeers(t, third, a)
	_, err = overlap.Join(t.Context(), invite(t, a), Grant{})
	wantCode(t, err, RegistryConflict, "and so does the peer c")
	makePeers(t, newNode(t, "e", "r5"), overlap)
	fifth := newNode(t, "f", "r5")
	_, err = overlap.Join(t.Context(), invite(t, fifth), Grant{})
	wantCode(t, err, RegistryConflict, "and so does the peer e")
	if len(fifth.Peers()) != 0 || len(overlap.Peers()) != 1 {
		t.Error("something is stored after a refused join")
	}
	_, err = newNode(t, "a", "r6").Join(t.Context(), invite(t, a), Grant{})
	wantCode(t, err, NameConflict, "Both deployments have the name a")
}

// copied is a deployment whose data is a copy of another's.
func copied(t *testing.T, of *node, name, region string) *node {
	t.Helper()
	row, err := of.store.Read(t.Context()).Peers().Deployment()
	if err != nil {
		t.Fatal(err)
	}
	peers, err := of.store.Read(t.Context()).Peers().List("", 10)
	if err != nil {
		t.Fatal(err)
	}
	return newNode(t, name, region, func(c *Config) {
		err := c.Store.Update(t.Context(), func(tx *metadata.Tx) error {
			err := tx.Peers().CreateDeployment(row.ID, json.RawMessage(row.Document))
			for _, p := range peers {
				err = errors.Join(err, tx.Peers().Create(p.ID, p.Name, json.RawMessage(p.Document)))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestCopiedData: two deployments of one identity find out, whichever way they meet.
func TestCopiedData(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	twin := copied(t, a, "twin", "eu-west-1")
	_, err := twin.Join(t.Context(), invite(t, a), Grant{})
	wantCode(t, err, SameIdentity, "copy")

	// A request of one to the other, as after b's URL has become that of the copy.
	r := httptest.NewRequest(http.MethodPost, twin.server.URL+PathPrefix+"echo", nil)
	a.sign(r, nil, twin.party.ID, 1, a.current.Load().keys.newest(), a.clock.now())
	r.RemoteAddr = "127.0.0.1:1"
	_, err = twin.Authenticate(r, nil)
	wantCode(t, err, SameIdentity, "stop it")
	if !strings.Contains(twin.logs.String(), "SameIdentity") {
		t.Errorf("the log has nothing of it: %s", twin.logs)
	}
	if err := a.change(t.Context(), b.party.ID, func(e *entry) { e.URL = twin.server.URL }); err != nil {
		t.Fatal(err)
	}
	wantCode(t, a.call(t, b), SameIdentity, "The answer at "+twin.server.URL)
	if err := a.change(t.Context(), b.party.ID, func(e *entry) { e.URL = b.server.URL }); err != nil {
		t.Fatal(err)
	}
	a.to(b).note(nil)

	// Both to one peer, which knows that the first still is where it was.
	if _, err := b.to(a).Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = twin.to(b).Hello(t.Context())
	wantCode(t, err, SameIdentity, twin.server.URL)
	if twin.to(b).Usable() || !strings.Contains(b.logs.String(), "two deployments have one identity") {
		t.Errorf("it may go on, or nobody knows: %s", b.logs)
	}
	if _, err := a.to(b).Hello(t.Context()); err != nil {
		t.Errorf("the first: %v", err)
	}
	// A deployment whose URL has changed is no copy, whatever was known of it.
	moved := httptest.NewServer(a)
	defer moved.Close()
	if _, err := b.to(a).Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.config.URL = moved.URL
	a.reopen(t)
	if _, err := a.to(b).Hello(t.Context()); err != nil {
		t.Errorf("after its URL has changed: %v", err)
	}
	if u := b.to(a).State().Unagreed; u.URL != moved.URL {
		t.Errorf("not agreed: %+v", u)
	}
	a.config.URL = a.server.URL
	a.reopen(t)
	// The copy joins a peer of the first.
	_, err = twin.Join(t.Context(), invite(t, b), Grant{})
	wantCode(t, err, SameIdentity, twin.server.URL)
}

// TestJoinAgain: peers agree on what they serve now. What is granted stays, unless it is granted anew.
func TestJoinAgain(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", east), newNode(t, "b", west)
	makePeers(t, a, b, Grant{All: true}, Grant{Accounts: []string{dev}})
	b.config.Regions = []string{west, "eu-west-1"}
	b.config.Accounts = append(b.config.Accounts, "777788889999")
	b.reopen(t)
	if _, err := a.to(b).Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	u := a.to(b).State().Unagreed
	if !slices.Equal(u.Regions, []string{"eu-west-1"}) || !slices.Equal(u.Accounts, []string{"777788889999"}) ||
		u.URL != "" {
		t.Errorf("not agreed: %+v", u)
	}
	if known, _ := a.Named("b"); !slices.Equal(known.Regions, []string{west}) {
		t.Errorf("a agreed by itself: %+v", known)
	}
	makePeers(t, a, b)
	known, _ := a.Named("b")
	if !slices.Equal(known.Regions, []string{"eu-west-1", west}) || !known.Grant.All || known.Keys[0].Number != 1 {
		t.Errorf("a knows b as %+v", known)
	}
	if u := a.to(b).State().Unagreed; len(u.Regions)+len(u.Accounts) != 0 {
		t.Errorf("not agreed: %+v", u)
	}
	if record, _ := b.Named("a"); !slices.Equal(record.Grant.Accounts, []string{dev}) {
		t.Errorf("b grants a %+v", record.Grant)
	}

	// Who has an invitation must not become another peer by its id.
	thief := newNode(t, "thief", "r9")
	thief.party.ID = b.party.ID
	_, err := thief.Join(t.Context(), invite(t, a), Grant{})
	wantCode(t, err, Signature, "remove the peer first")
	if again, _ := a.Named("b"); again.URL != b.server.URL {
		t.Errorf("a knows b as %+v", again)
	}
}

// TestRemove: the rights of a peer end at once, in every process.
func TestRemove(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	other, err := Open(t.Context(), a.config) // another process of a
	if err != nil {
		t.Fatal(err)
	}
	if err := b.call(t, a); err != nil {
		t.Fatal(err)
	}
	if err := other.Remove(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.call(t, a), NotAPeer, "join again")
	if b.to(a).Usable() || b.to(a).State().Code != NotAPeer {
		t.Errorf("the state is %+v", b.to(a).State())
	}
	client := a.to(b)
	if err := a.Refresh(t.Context()); err != nil || a.to(b) != nil {
		t.Errorf("there is a client still: %v", err)
	}
	wantCode(t, client.Call(t.Context(), "echo", echo{}, nil), NotAPeer, "no peer any more")
	wantCode(t, other.Remove(t.Context(), "b"), NotAPeer, "The peers are: none.")
	// A new invitation makes them peers again.
	makePeers(t, a, b)
	for _, err := range []error{a.call(t, b), b.call(t, a)} {
		if err != nil {
			t.Error(err)
		}
	}
}

// TestJoinMustBeProven: a request to join is good only for who has signed it.
func TestJoinMustBeProven(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", east), newNode(t, "b", west)
	i, err := parseCode(invite(t, a))
	if err != nil {
		t.Fatal(err)
	}
	key := b.current.Load().keys.newest()
	send := func(change func(*JoinRequest), sign signingKey) error {
		request := JoinRequest{Party: b.party, Key: key.public(), Secret: i.secret}
		change(&request)
		body, err := json.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, PathPrefix+OperationJoin, nil)
		r.RemoteAddr = "127.0.0.1:1"
		b.sign(r, body, a.party.ID, 1, sign, b.clock.now())
		_, err = a.Accept(r.WithContext(context.WithoutCancel(t.Context())), body)
		return err
	}
	stranger := newNode(t, "c", "r3").current.Load().keys.newest()
	wantCode(t, send(func(*JoinRequest) {}, stranger), Signature, "")
	wantCode(t, send(func(r *JoinRequest) { r.ID = uuid.NewString() }, key), InvalidRequest, "another id")
	wantCode(t, send(func(r *JoinRequest) { r.Key.Number = 2 }, key), InvalidRequest, "another id or key")
	wantCode(t, send(func(r *JoinRequest) { r.Name = "a b" }, key), InvalidRequest, "name")
	wantCode(t, send(func(r *JoinRequest) { r.Regions = []string{"../x"} }, key), InvalidRequest, "Region")
	wantCode(t, send(func(r *JoinRequest) { r.Accounts = nil }, key), InvalidRequest, "accounts")
	wantCode(t, send(func(r *JoinRequest) { r.URL = "https://user:pw@x/y" }, key), InvalidRequest, "URL")
	wantCode(t, send(func(r *JoinRequest) { r.URL = "http://192.0.2.1" }, key), PlainRefused, "without TLS")
	wantCode(t, send(func(r *JoinRequest) { r.OldestProtocol, r.NewestProtocol = 2, 3 }, key), Version,
		"protocols 2 to 3, and the deployment a (version 1.2) protocol 1")
	if len(a.Peers()) != 0 {
		t.Error("a has a peer")
	}
	if err := send(func(*JoinRequest) {}, key); err != nil {
		t.Error(err)
	}
	if len(a.nonces.peers) != 0 {
		t.Error("strangers fill the memory")
	}
}
