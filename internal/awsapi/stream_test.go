package awsapi_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const watchTarget = ownTarget + "WatchRegistry"

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
	a := newAPI(t)
	a.domain.create("app")
	a.domain.replicateTo(there)
	_, cookie := a.signIn(t)
	s := a.watch(t, cookie)
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Encoding": "",
		"Content-Length": "",
	} {
		if s.StatusCode != 200 || s.Header.Get(name) != want {
			t.Errorf("%s, %s is %q, want %q", s.Status, name, s.Header.Get(name), want)
		}
	}
	s.want(t, "ready {}")
	a.domain.create("web")
	s.want(t, `changed {"repositoryNames":["web"],"registry":false}`)
	a.domain.deny("DeleteRepository")
	s.want(t, `changed {"repositoryNames":[],"registry":true}`)
	a.domain.push("app", "one", "1")
	_, listed := a.own(t, "ListReplications", "{}", nil)
	s.want(t, `replications {"direction":"OUTGOING",`+strings.TrimSpace(listed)[1:])
	s.want(t, `changed {"repositoryNames":["app"],"registry":false}`)
}

// When the domain ends it the stream ends well: the client connects again.
func TestWatchEndsWithTheStore(t *testing.T) {
	t.Parallel()
	a := newReplicatingAPI(t)
	_, cookie := a.signIn(t)
	s := a.watch(t, cookie)
	s.want(t, "ready {}")
	a.domain.breakTable("manifests")
	if _, text := a.own(t, "RetryReplications", `{"replicationIds":["2"]}`, nil); !strings.Contains(text, `["2"]`) {
		t.Errorf("what the stream is to report: %s", text)
	}
	s.want(t, "")
	if log := a.log.String(); !strings.Contains(log, "a stream of events ended") {
		t.Errorf("log: %s", log)
	}
}

// Before the first event a refusal is an answer like any other.
func TestWatchIsRefused(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.domain.deny("DescribeRegistry")
	for _, test := range []struct{ body, code string }{
		{"{}", "AccessDeniedException"}, {`{"x":1}`, "SerializationException"},
	} {
		res, got := a.own(t, "WatchRegistry", test.body, nil)
		if res.StatusCode != 400 || !strings.Contains(got, test.code) ||
			res.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
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

// A session that ends takes its streams along: nothing is reported after it.
func TestWatchEndsWithItsSession(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	session, cookie := a.signIn(t)
	s := a.watch(t, cookie)
	s.want(t, "ready {}")
	if _, err := a.sessions.Revoke(t.Context(), account, []string{session.ID}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // a check counts for a second
	a.domain.create("secret")
	s.want(t, "")
}

// One that was revoked elsewhere, and to which nothing happens, ends with the next beat.
func TestWatchBeats(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.handler.HurryStreams(50*time.Millisecond, 10*time.Second)
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
	a := newAPI(t)
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
	a := newAPI(t)
	a.handler.HurryStreams(time.Hour, 2*time.Second) // which a busy machine may need for a write
	_, cookie := a.signIn(t)
	secure := httptest.NewUnstartedServer(a.handler)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	for version, server := range map[string]*httptest.Server{"HTTP/1.1": a.Server, "HTTP/2.0": secure} {
		s := a.watchOver(t, server.Client(), server.URL, cookie)
		s.want(t, "ready {}")
		time.Sleep(3 * time.Second)
		name := strings.ToLower(version[:4]) + version[5:6] // a repository's
		a.domain.create(name)
		s.want(t, `changed {"repositoryNames":["`+name+`"],"registry":false}`)
		if s.Proto != version {
			t.Errorf("%s rather than %s", s.Proto, version)
		}
		s.Body.Close()
	}
}

func TestWatchIsLimited(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	_, cookie := a.signIn(t)
	var open []*streamed
	for range 100 {
		s := a.watch(t, cookie)
		s.want(t, "ready {}")
		open = append(open, s)
	}
	if res, got := a.withCookie(t, cookie, watchTarget, "{}"); res.StatusCode != http.StatusTooManyRequests ||
		!strings.Contains(got, "LimitExceededException") || !strings.Contains(got, "100 streams") {
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
	a := newAPI(t)
	a.handler.HurryStreams(time.Hour, 100*time.Millisecond)
	ended := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.handler.ServeHTTP(w, r)
		close(ended)
	}))
	// Of what is sent, the connection takes little before somebody reads.
	server.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateNew {
			_ = c.(*net.TCPConn).SetWriteBuffer(4 << 10)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	_, cookie := a.signIn(t)
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.(*net.TCPConn).SetReadBuffer(4 << 10)
	_, err = io.WriteString(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: "+
		"application/x-amz-json-1.1\r\nX-Amz-Target: "+watchTarget+
		"\r\nX-Twinport-Registry: "+account+"/"+region+"\r\nCookie: "+cookie+"\r\nContent-Length: 2\r\n\r\n{}")
	if err != nil {
		t.Fatal(err)
	}
	for i, deadline := 0, time.After(time.Minute); ; i++ {
		a.domain.create(fmt.Sprintf("%s%d", strings.Repeat("long/", 45), i))
		select {
		case <-ended:
			return
		case <-deadline:
			t.Fatal("the stream goes on, though nobody reads it")
		default:
		}
	}
}
