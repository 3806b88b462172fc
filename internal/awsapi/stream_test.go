package awsapi_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/registry"
)

const watchTarget = ownTarget + "WatchRegistry"

// tell is a Watch that emits what comes from the channel.
func tell(events <-chan registry.WatchEvent) func(context.Context, func(registry.WatchEvent) error) error {
	return func(ctx context.Context, emit func(registry.WatchEvent) error) error {
		err := emit(registry.WatchEvent{})
		for err == nil {
			select {
			case e, ok := <-events:
				if !ok {
					return errors.New("the store is gone")
				}
				err = emit(e)
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		return err
	}
}

// streamed is an open answer.
type streamed struct {
	*http.Response
	lines *bufio.Reader
}

// watch opens a stream with the cookie, over a connection of its own.
func (a *api) watch(t *testing.T, cookie string) *streamed {
	t.Helper()
	return a.watchOver(t, &http.Client{Transport: &http.Transport{}}, a.URL, cookie)
}

func (a *api) watchOver(t *testing.T, client *http.Client, url, cookie string) *streamed {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", watchTarget)
	r.Header.Set("X-Twinport-Registry", account+"/"+region)
	r.Header.Set("Cookie", cookie)
	r.Header.Set("Accept-Encoding", "gzip")
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return &streamed{res, bufio.NewReader(res.Body)}
}

// next is the next event, "<name> <data>"; "" at the end.
func (s *streamed) next(t *testing.T) string {
	t.Helper()
	var name, data string
	for {
		line, err := s.lines.ReadString('\n')
		line = strings.TrimSuffix(line, "\n")
		switch {
		case err != nil:
			if line != "" || name != "" || !errors.Is(err, io.EOF) {
				t.Fatalf("the stream broke off: %q, %v", line, err)
			}
			return ""
		case strings.HasPrefix(line, "event: "):
			name = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			data = line[len("data: "):]
		case line == "" && name != "":
			return name + " " + data
		case line != "" && line != ":":
			t.Fatalf("a line %q", line)
		}
	}
}

func (s *streamed) want(t *testing.T, want string) {
	t.Helper()
	if got := s.next(t); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWatchRegistry(t *testing.T) {
	t.Parallel()
	a := newConsoleAPI(t)
	events := make(chan registry.WatchEvent)
	a.domain.activity.watch = tell(events)
	_, cookie := a.signIn(t)
	s := a.watch(t, cookie)
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Encoding": "", "Content-Length": ""} {
		if s.StatusCode != 200 || s.Header.Get(name) != want {
			t.Errorf("%s, %s is %q, want %q", s.Status, name, s.Header.Get(name), want)
		}
	}
	s.want(t, "ready {}")
	events <- registry.WatchEvent{Direction: registry.Outgoing, Replications: []registry.Replication{arrived, refused}}
	s.want(t, `replications {"direction":"OUTGOING","replications":[`+arrivedJSON+`,`+refusedJSON+`]}`)
	events <- registry.WatchEvent{Repositories: []string{"app", "web"}}
	s.want(t, `changed {"repositoryNames":["app","web"],"registry":false}`)
	events <- registry.WatchEvent{Registry: true}
	s.want(t, `changed {"repositoryNames":[],"registry":true}`)
	events <- registry.WatchEvent{Lost: true}
	s.want(t, "lost {}")
	events <- registry.WatchEvent{Direction: registry.Incoming, Replications: []registry.Replication{arrived}, Repositories: []string{"app"}}
	s.want(t, `replications {"direction":"INCOMING","replications":[`+arrivedJSON+`]}`)
	s.want(t, `changed {"repositoryNames":["app"],"registry":false}`)
	// When the domain ends it the stream ends well: the client connects again.
	close(events)
	s.want(t, "")
}

// Before the first event a refusal is an answer like any other.
func TestWatchIsRefused(t *testing.T) {
	t.Parallel()
	a := newConsoleAPI(t)
	a.domain.denied["DescribeRegistry"] = true
	for _, test := range []struct{ body, code string }{{"{}", "AccessDeniedException"}, {`{"x":1}`, "SerializationException"}} {
		res, got := a.own(t, "WatchRegistry", test.body, nil)
		if res.StatusCode != 400 || !strings.Contains(got, test.code) || res.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
			t.Errorf("%s: %s, %v, %s", test.body, res.Status, res.Header, got)
		}
	}
	if res, got := a.withCookie(t, "", watchTarget, "{}"); res.StatusCode != 401 {
		t.Errorf("without a session: %s %s", res.Status, got)
	}
	if res, got := a.withCookie(t, "", watchTarget, "{}", "Origin", "http://evil.example"); res.StatusCode != 403 {
		t.Errorf("of another site: %s %s", res.Status, got)
	}
}

// A session that ends takes its streams along: nothing is told after it.
func TestWatchEndsWithItsSession(t *testing.T) {
	t.Parallel()
	a := newConsoleAPI(t)
	events := make(chan registry.WatchEvent)
	a.domain.activity.watch = tell(events)
	session, cookie := a.signIn(t)
	s := a.watch(t, cookie)
	s.want(t, "ready {}")
	if _, err := a.sessions.Revoke(t.Context(), account, []string{session.ID}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // a check counts for a second
	events <- registry.WatchEvent{Repositories: []string{"secret"}}
	s.want(t, "")
}

// One that was revoked elsewhere, and to which nothing happens, ends with the next beat.
func TestWatchBeats(t *testing.T) {
	t.Parallel()
	a := newConsoleAPI(t)
	a.handler.HurryStreams(50*time.Millisecond, time.Second)
	a.domain.activity.watch = tell(nil)
	session, cookie := a.signIn(t)
	s := a.watch(t, cookie)
	s.want(t, "ready {}")
	if line, err := s.lines.ReadString('\n'); err != nil || line != ":\n" {
		t.Errorf("got %q, %v, want a comment", line, err)
	}
	if _, err := a.sessions.Revoke(t.Context(), account, []string{session.ID}); err != nil {
		t.Fatal(err)
	}
	s.want(t, "")
}

// A server that stops waits for nobody who only listens.
func TestWatchEndsAtTheStop(t *testing.T) {
	t.Parallel()
	a := newConsoleAPI(t)
	a.domain.activity.watch = tell(nil)
	_, cookie := a.signIn(t)
	s := a.watch(t, cookie)
	s.want(t, "ready {}")
	close(a.closing)
	s.want(t, "")
}

// A stream on which nothing happens outlives the limits of its writes, also by HTTP/2,
// where those end streams by themselves.
func TestWatchRests(t *testing.T) {
	t.Parallel()
	a := newConsoleAPI(t)
	a.handler.HurryStreams(time.Hour, 2*time.Second) // which a busy machine may need for a write
	_, cookie := a.signIn(t)
	secure := httptest.NewUnstartedServer(a.handler)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	for version, server := range map[string]*httptest.Server{"HTTP/1.1": a.Server, "HTTP/2.0": secure} {
		events := make(chan registry.WatchEvent)
		a.domain.activity.watch = tell(events)
		s := a.watchOver(t, server.Client(), server.URL, cookie)
		s.want(t, "ready {}")
		time.Sleep(3 * time.Second)
		select {
		case events <- registry.WatchEvent{Lost: true}:
			s.want(t, "lost {}")
		case <-time.After(10 * time.Second):
			t.Errorf("%s: the stream has ended", s.Proto)
		}
		if s.Proto != version {
			t.Errorf("%s rather than %s", s.Proto, version)
		}
		s.Body.Close()
	}
}

func TestWatchIsLimited(t *testing.T) {
	t.Parallel()
	a := newConsoleAPI(t)
	a.domain.activity.watch = tell(nil)
	_, cookie := a.signIn(t)
	var open []*streamed
	for range 100 {
		s := a.watch(t, cookie)
		s.want(t, "ready {}")
		open = append(open, s)
	}
	if res, got := a.withCookie(t, cookie, watchTarget, "{}"); res.StatusCode != http.StatusTooManyRequests || !strings.Contains(got, "LimitExceededException") || !strings.Contains(got, "100 streams") {
		t.Errorf("one more: %s %s", res.Status, got)
	}
	open[7].Body.Close()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		s := a.watch(t, cookie)
		if s.StatusCode == 200 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a stream that was closed counts still")
		}
	}
}

// A client that reads nothing is dropped, and holds nothing up for ever.
func TestWatchDropsWhoDoesNotRead(t *testing.T) {
	t.Parallel()
	a := newConsoleAPI(t)
	a.handler.HurryStreams(time.Hour, 100*time.Millisecond)
	ended := make(chan error, 1)
	many := registry.WatchEvent{Direction: registry.Outgoing}
	for range 500 {
		many.Replications = append(many.Replications, arrived)
	}
	a.domain.activity.watch = func(ctx context.Context, emit func(registry.WatchEvent) error) error {
		var err error
		for err == nil {
			err = emit(many)
		}
		ended <- err
		return err
	}
	_, cookie := a.signIn(t)
	connection, err := net.Dial("tcp", a.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_, err = io.WriteString(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: "+watchTarget+
		"\r\nX-Twinport-Registry: "+account+"/"+region+"\r\nCookie: "+cookie+"\r\nContent-Length: 2\r\n\r\n{}")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the stream goes on, though nobody reads it")
	}
}
