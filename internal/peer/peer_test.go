package peer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

const (
	prod = "111122223333"
	dev  = "444455556666"
	east = "us-east-1"
	west = "us-west-2"
)

// clock is one that tests set: the real one, and an offset.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// node is a deployment with a server for its peers.
type node struct {
	*Directory
	config     Config
	configured []Configured // the peers of its configuration
	clock      *clock
	server     *httptest.Server
	logs       *syncBuffer

	mu     sync.Mutex
	before func(w http.ResponseWriter, r *http.Request) bool // true if it has answered
	served []string                                          // operations that were answered
}

// syncBuffer is a log that tests read.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newNode starts a deployment that serves an account in a Region.
func newNode(t *testing.T, name, region string, change ...func(*Config)) *node {
	t.Helper()
	store, err := metadata.OpenSQLite(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	n := &node{clock: &clock{}, logs: &syncBuffer{}}
	n.server = httptest.NewServer(n)
	t.Cleanup(n.server.Close)
	n.config = Config{
		Store: store, Name: name, URL: n.server.URL, Regions: []string{region}, Accounts: []string{prod, dev},
		Version: "1.2", Log: slog.New(slog.NewTextHandler(n.logs, nil)), Now: n.clock.now,
	}
	for _, f := range change {
		f(&n.config)
	}
	n.reopen(t)
	return n
}

// reopen is a restart.
func (n *node) reopen(t *testing.T) {
	t.Helper()
	d, err := n.start(t)
	if err != nil {
		t.Fatal(err)
	}
	d.ServeTunnels(n)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Directory = d
}

// start opens the deployment as a server does when it starts.
func (n *node) start(t *testing.T) (*Directory, error) {
	d, err := Open(t.Context(), n.config)
	if err == nil {
		err = d.Configure(t.Context(), n.configured)
	}
	return d, err
}

// intercept has f see each request first.
func (n *node) intercept(f func(w http.ResponseWriter, r *http.Request) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.before = f
}

func (n *node) directory() (d *Directory, before func(w http.ResponseWriter, r *http.Request) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.Directory, n.before
}

// count returns how many requests of an operation were answered, as far as they were authentic.
func (n *node) count(operation string) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, served := range n.served {
		if served == operation {
			count++
		}
	}
	return count
}

func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d, before := n.directory()
	if before != nil && before(w, r) {
		return
	}
	if r.URL.Path == PathPrefix+OperationTunnel {
		n.serveTunnel(d, w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		return
	}
	answer, err := n.serve(d, r, body)
	status := http.StatusOK
	if err != nil {
		status, answer = AnswerOf(err)
	}
	write(d, w, r, status, answer)
}

func (n *node) serveTunnel(d *Directory, w http.ResponseWriter, r *http.Request) {
	from, err := d.Authenticate(r, nil)
	var answer any
	taken := false
	if err == nil {
		answer, taken, err = d.AcceptTunnel(w, r, from)
	}
	if taken {
		return
	}
	status := http.StatusOK
	if err != nil {
		status, answer = AnswerOf(err)
	}
	write(d, w, r, status, answer)
}

func write(d *Directory, w http.ResponseWriter, r *http.Request, status int, answer any) {
	text, _ := json.Marshal(answer)
	d.SignAnswer(w.Header(), r, status, text)
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// echo is an operation of the tests.
type echo struct {
	Text string `json:"text"`
}

func (n *node) serve(d *Directory, r *http.Request, body []byte) (any, error) {
	operation := strings.TrimPrefix(r.URL.Path, PathPrefix)
	if operation == OperationJoin {
		return d.Accept(r, body)
	}
	from, err := d.Authenticate(r, body)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.served = append(n.served, operation)
	n.mu.Unlock()
	switch operation {
	case OperationHello:
		var request HelloRequest
		if err := json.Unmarshal(body, &request); err != nil {
			return nil, err
		}
		return d.Greet(r.Context(), from, request)
	case OperationKeys:
		var request KeysRequest
		if err := json.Unmarshal(body, &request); err != nil {
			return nil, err
		}
		return d.AcceptKeys(r.Context(), from, request)
	}
	return echo{Text: from.Name + " " + r.Method + " " + r.URL.RequestURI() + " " + string(body)}, nil
}

// makePeers makes b a peer of a, and the other way round.
func makePeers(t *testing.T, a, b *node, grants ...Grant) {
	t.Helper()
	grants = append(grants, Grant{}, Grant{})
	code, _, err := a.Invite(t.Context(), grants[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Join(t.Context(), code, grants[1]); err != nil {
		t.Fatal(err)
	}
}

// pair is two deployments that are peers.
func pair(t *testing.T) (a, b *node) {
	t.Helper()
	a, b = newNode(t, "a", east), newNode(t, "b", west)
	makePeers(t, a, b)
	return a, b
}

// to is the client by which a deployment calls another.
func (n *node) to(other *node) *Client { return n.Client(other.party.ID) }

func (n *node) call(t *testing.T, other *node) error {
	t.Helper()
	var answer echo
	return n.to(other).Call(t.Context(), "echo", echo{"x"}, &answer)
}

func wantCode(t *testing.T, err error, code, contains string) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, contains) {
		t.Errorf("the error is %v, want %s with %q", err, code, contains)
		return &Error{}
	}
	return e
}
