package peer

import (
	"crypto/tls"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// signed is a request of b to a, as a's server gets it.
func signed(b, a *node, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPut, PathPrefix+"uploads/7?part=1&of=2", nil)
	r.RemoteAddr = "127.0.0.1:4711"
	b.sign(r, []byte(body), a.party.ID, 1, b.current.Load().keys.newest(), b.clock.now())
	return r
}

// TestSignatureBindsEverything: a request in which any bound part is another is refused.
func TestSignatureBindsEverything(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	c := newNode(t, "c", "eu-west-1")
	makePeers(t, a, c)
	if from, err := a.Authenticate(signed(b, a, "body"), []byte("body")); err != nil || from.Name != "b" {
		t.Fatalf("the request as it is: %v, %v", from, err)
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for what, change := range map[string]struct {
		do   func(*http.Request)
		code string
	}{
		"method":           {func(r *http.Request) { r.Method = http.MethodPost }, Signature},
		"path":             {func(r *http.Request) { r.URL.Path = PathPrefix + "uploads/8" }, Signature},
		"escaping":         {func(r *http.Request) { r.URL.RawPath = PathPrefix + "uploads/%37" }, Signature},
		"query":            {func(r *http.Request) { r.URL.RawQuery = "part=2&of=2" }, Signature},
		"order of query":   {func(r *http.Request) { r.URL.RawQuery = "of=2&part=1" }, Signature},
		"no query":         {func(r *http.Request) { r.URL.RawQuery = "" }, Signature},
		"content":          {set(HeaderContent, contentOf([]byte("other"))), Signature},
		"sender":           {set(HeaderPeer, c.party.ID), Signature},
		"unknown sender":   {set(HeaderPeer, "11111111-1111-4111-8111-111111111111"), NotAPeer},
		"receiver":         {set(HeaderTo, c.party.ID), WrongDeployment},
		"key":              {set(HeaderKey, "2"), Signature},
		"date":             {set(HeaderDate, time.Now().UTC().Add(time.Second).Format(dateLayout)), Signature},
		"nonce":            {set(HeaderNonce, strings.Repeat("ab", 16)), Signature},
		"protocol":         {set(HeaderProtocol, "2"), Version},
		"old protocol":     {set(HeaderProtocol, "0"), Version},
		"key of answer":    {set(HeaderAnswerKey, "2"), Signature},
		"signature":        {set(HeaderSignature, base64.StdEncoding.EncodeToString(make([]byte, 64))), Signature},
		"short signature":  {set(HeaderSignature, base64.StdEncoding.EncodeToString(make([]byte, 63))), Signature},
		"no base64":        {set(HeaderSignature, "!"), InvalidRequest},
		"wrong date":       {set(HeaderDate, "today"), InvalidRequest},
		"wrong nonce":      {set(HeaderNonce, "x"), InvalidRequest},
		"nonce, otherwise": {set(HeaderNonce, strings.Repeat("AB", 16)), InvalidRequest},
		"wrong key":        {set(HeaderKey, "+1"), InvalidRequest},
		"wrong protocol":   {set(HeaderProtocol, "one"), InvalidRequest},
		"wrong answer key": {set(HeaderAnswerKey, "-1"), InvalidRequest},
		"wrong sender":     {set(HeaderPeer, "b"), InvalidRequest},
		"long":             {set(HeaderNonce, strings.Repeat("ab", 1000)), InvalidRequest},
		"twice":            {func(r *http.Request) { r.Header.Add(HeaderNonce, "ab") }, InvalidRequest},
		"missing":          {func(r *http.Request) { r.Header.Del(HeaderTo) }, InvalidRequest},
		"own":              {set(HeaderPeer, a.party.ID), SameIdentity},
	} {
		t.Run(what, func(t *testing.T) {
			r := signed(b, a, "body")
			change.do(r)
			_, err := a.Authenticate(r, []byte("body"))
			wantCode(t, err, change.code, "")
		})
	}
	_, err := a.Authenticate(signed(b, a, "body"), []byte("other"))
	wantCode(t, err, Signature, "body")
	// Another deployment, which knows the sender, too.
	makePeers(t, c, b)
	_, err = c.Authenticate(signed(b, a, "body"), []byte("body"))
	wantCode(t, err, WrongDeployment, c.party.ID)
	// Host and scheme are the balancer's.
	r := signed(b, a, "body")
	r.Host, r.TLS, r.RemoteAddr = "balancer", &tls.ConnectionState{}, "192.0.2.1:1"
	if _, err := a.Authenticate(r, []byte("body")); err != nil {
		t.Errorf("behind a balancer: %v", err)
	}
}

// TestReplay: a request is taken once, and not when it is too old or a restart has forgotten it.
func TestReplay(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	r := signed(b, a, "x")
	for i := range 3 {
		_, err := a.Authenticate(r, []byte("x"))
		if i == 0 && err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			wantCode(t, err, Replayed, "")
		}
	}
	a.clock.advance(window + time.Second)
	e := wantCode(t, func() error { _, err := a.Authenticate(r, []byte("x")); return err }(), Clock, "set the clock")
	if e.Time.Before(time.Now().Add(window)) {
		t.Errorf("a's time is %s", e.Time)
	}
	a.clock.advance(-window - time.Second)
	_, err := a.Authenticate(r, []byte("x"))
	wantCode(t, err, Replayed, "")
	time.Sleep(3 * time.Millisecond)
	a.reopen(t)
	_, err = a.Authenticate(r, []byte("x"))
	wantCode(t, err, Clock, "send it again")
	b.clock.advance(window + time.Minute)
	_, err = a.Authenticate(signed(b, a, "x"), []byte("x"))
	wantCode(t, err, Clock, "")
}

// TestPlainRefused: without TLS only from this machine, or if it is allowed.
func TestPlainRefused(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	r := signed(b, a, "")
	r.RemoteAddr = "192.0.2.1:4711"
	_, err := a.Authenticate(r, nil)
	wantCode(t, err, PlainRefused, "trusted_proxies")
	r.RemoteAddr = "not an address"
	_, err = a.Authenticate(r, nil)
	wantCode(t, err, PlainRefused, "")
	r.RemoteAddr = "[::ffff:127.0.0.1]:4711"
	if _, err := a.Authenticate(r, nil); err != nil {
		t.Error(err)
	}
	r = signed(b, a, "")
	r.RemoteAddr = "192.0.2.1:4711"
	a.config.AllowPlain = true
	a.reopen(t)
	r = signed(b, a, "")
	r.RemoteAddr = "192.0.2.1:4711"
	if _, err := a.Authenticate(r, nil); err != nil {
		t.Errorf("where it is allowed: %v", err)
	}
	// The other way round, nothing is sent.
	if err := b.change(t.Context(), a.party.ID, func(e *entry) { e.URL = "http://192.0.2.1:1" }); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.call(t, a), PlainRefused, "allow_plain")
}

// TestAnswersAreBound: an answer is good for its request, status and body only, and as the peer's.
func TestAnswersAreBound(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	r := signed(b, a, "")
	h := http.Header{}
	a.SignAnswer(h, r, 200, []byte("{}"))
	known, _ := b.Named("a")
	if !verifyAnswer(a.party.ID, known.Keys, r, h, 200, []byte("{}")) {
		t.Fatal("the answer as it is")
	}
	other := signed(b, a, "")
	stranger := http.Header{}
	b.SignAnswer(stranger, r, 200, []byte("{}"))
	switch {
	case verifyAnswer(a.party.ID, known.Keys, other, h, 200, []byte("{}")):
		t.Error("it is an answer to another request")
	case verifyAnswer(a.party.ID, known.Keys, r, h, 201, []byte("{}")):
		t.Error("it is one of another status")
	case verifyAnswer(a.party.ID, known.Keys, r, h, 200, []byte("{ }")):
		t.Error("it is one of another body")
	case verifyAnswer(b.party.ID, known.Keys, r, h, 200, []byte("{}")):
		t.Error("it is one of another deployment")
	case verifyAnswer(a.party.ID, known.Keys, r, stranger, 200, []byte("{}")):
		t.Error("another deployment has signed it")
	case verifyAnswer(a.party.ID, nil, r, h, 200, []byte("{}")),
		verifyAnswer(a.party.ID, known.Keys, r, http.Header{}, 200, nil):
		t.Error("nobody has signed it")
	}
	// There is nothing to sign for who says nothing of themselves.
	h = http.Header{}
	a.SignAnswer(h, httptest.NewRequest(http.MethodGet, "/", nil), 200, nil)
	if h.Get(HeaderSignature) != "" {
		t.Error("it is signed")
	}
}

// TestNonces: memory is bounded, and what is forgotten is not taken again.
func TestNonces(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	n := newNonces(now.Add(-time.Hour))
	value := func(i int) nonce { return nonce{byte(i), byte(i >> 8), byte(i >> 16)} }
	date := func(i int) time.Time { return now.Add(time.Duration(i) * time.Millisecond) }
	const many = maxNonces + 1000
	for i := range many {
		if code, _ := n.take("b", date(i), value(i), now); code != "" {
			t.Fatalf("request %d: %s", i, code)
		}
	}
	if p := n.peers["b"]; len(p.seen) != maxNonces || len(p.byAge) != maxNonces {
		t.Errorf("%d nonces, %d dates are kept", len(p.seen), len(p.byAge))
	}
	for _, i := range []int{0, 500, 999, 1000, many - 1} {
		code, earliest := n.take("b", date(i), value(i), now)
		if want := map[bool]string{true: Clock, false: Replayed}[i < 1000]; code != want ||
			code == Clock && !earliest.Equal(date(1001)) {
			t.Errorf("request %d again: %q, %s, want %s", i, code, earliest, want)
		}
	}
	if code, _ := n.take("b", date(1001), value(many), now); code != "" {
		t.Errorf("a request of the date that was said: %s", code)
	}
	if code, _ := n.take("c", date(0), value(0), now); code != "" {
		t.Errorf("another peer's: %s", code)
	}
	// After the window there is nothing of them.
	later := now.Add(2 * window)
	if code, _ := n.take("c", later, value(1), later); code != "" {
		t.Error(code)
	}
	n.take("d", later, value(1), later)
	if len(n.peers) != 2 || len(n.peers["c"].seen) != 1 {
		t.Errorf("%d peers are kept", len(n.peers))
	}
	// A clock that was ahead does not keep everybody out.
	if code, earliest := n.take("c", now, value(2), now); code != "" && !earliest.Before(now.Add(window)) {
		t.Errorf("after the clock was set back: %s, %s", code, earliest)
	}
	// Many peers share the room.
	n = newNonces(now.Add(-time.Hour))
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = string(rune('a'+i%26)) + string(rune('A'+i/26))
		n.take(ids[i], now, value(i), now)
	}
	for i := range 1000 {
		n.take(ids[0], date(i), value(i), now)
	}
	if kept := len(n.peers[ids[0]].seen); kept > maxAllNonces/1000 {
		t.Errorf("%d nonces of one of a thousand peers are kept", kept)
	}
	if slices.ContainsFunc(ids, func(id string) bool { return n.peers[id] == nil }) {
		t.Error("a peer was forgotten")
	}
}
