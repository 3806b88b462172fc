package test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/policy"
)

const (
	ecrTarget = "AmazonEC2ContainerRegistry_V20150921."
	ownTarget = "Twinport_V20261101."
)

// browser is one with the console's pages open: it keeps cookies and sends what
// browsers send.
type browser struct {
	t    *testing.T
	base string
	http *http.Client
}

func (s *server) browser() *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client := *s.http
	client.Jar = jar
	client.Timeout = 0 // streams last
	return &browser{s.t, "http://" + s.addr, &client}
}

// at is the browser when its pages come from another process of the same deployment.
func (b *browser) at(s *server) *browser {
	b.t.Helper()
	other := s.browser()
	for _, c := range b.http.Jar.Cookies(b.request("GET", "/", "").URL) {
		request := other.request("GET", "/", "")
		other.http.Jar.SetCookies(request.URL, []*http.Cookie{c})
	}
	return other
}

func (b *browser) request(method, path, body string, header ...string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Origin", b.base)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("User-Agent", "Mozilla/5.0 (test)")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	return r
}

func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	limit, cancel := context.WithTimeout(r.Context(), time.Minute) // a stream would last
	defer cancel()
	res, err := b.http.Do(r.WithContext(limit))
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, body}
}

func (b *browser) tryToSignIn(keyID, secret string, header ...string) answer {
	b.t.Helper()
	body := fmt.Sprintf(`{"accessKeyId":%q,"secretAccessKey":%q}`, keyID, secret)
	return b.do(b.request("POST", "/console/session", body, append([]string{"Content-Type", "application/json"},
		header...)...))
}

func (b *browser) signIn(a account) {
	b.t.Helper()
	if got := b.tryToSignIn(a.key, a.secret); got.status != http.StatusCreated {
		b.t.Fatalf("sign in to %s: %s", a.name, got)
	}
}

// api is a request of the console's pages.
func (b *browser) api(a account, region, target, body string, header ...string) *http.Request {
	b.t.Helper()
	return b.request("POST", "/", body, append([]string{
		"Content-Type", "application/x-amz-json-1.1", "X-Amz-Target", target, "X-Twinport-Registry", a.id + "/" + region,
	}, header...)...)
}

func (b *browser) call(a account, region, target, body string, header ...string) answer {
	b.t.Helper()
	return b.do(b.api(a, region, target, body, header...))
}

// own calls one of Twinport's own operations and decodes the answer.
func (b *browser) own(a account, region, operation, body string, out any) {
	b.t.Helper()
	got := b.call(a, region, ownTarget+operation, body)
	if got.status != http.StatusOK {
		b.t.Fatalf("%s: %s", operation, got)
	}
	if err := json.Unmarshal(got.body, out); err != nil {
		b.t.Fatalf("%s: %v in %s", operation, err, got)
	}
}

// want checks an error answer.
func (b *browser) want(got answer, status int, code string) {
	b.t.Helper()
	if got.status != status || !strings.Contains(string(got.body), `"__type":"`+code+`"`) {
		b.t.Errorf("got %s, want %d %s", got, status, code)
	}
}

// sessionsOf are the accounts that the browser is signed in to.
func (b *browser) sessionsOf() (accounts []string) {
	b.t.Helper()
	var out struct{ Sessions []struct{ AccountID string } }
	got := b.do(b.request("GET", "/console/session", ""))
	if err := json.Unmarshal(got.body, &out); err != nil {
		b.t.Fatalf("%v in %s", err, got)
	}
	for _, s := range out.Sessions {
		accounts = append(accounts, s.AccountID)
	}
	slices.Sort(accounts)
	return accounts
}

type listedSession struct {
	SessionID, AccessKeyID, UserAgent, RemoteAddress string
	Current                                          bool
}

func (b *browser) listSessions(a account) []listedSession {
	b.t.Helper()
	var out struct{ Sessions []listedSession }
	b.own(a, tokyo, "ListSessions", "{}", &out)
	return out.Sessions
}

const describeRegistry = ecrTarget + "DescribeRegistry"

func (b *browser) wantSignedIn(a account) {
	b.t.Helper()
	if got := b.call(a, tokyo, describeRegistry, "{}"); got.status != http.StatusOK ||
		!strings.Contains(string(got.body), a.id) {
		b.t.Errorf("a call for %s: %s", a.name, got)
	}
}

func (b *browser) wantSignedOut(a account) {
	b.t.Helper()
	b.want(b.call(a, tokyo, describeRegistry, "{}"), http.StatusUnauthorized, "ExpiredTokenException")
}

func TestConsoleSessions(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.browser()
	if got := b.do(b.request("GET", "/console/"+prod.id+"/"+tokyo+"/repositories/team/app.v1",
		"")); got.status != http.StatusOK || !strings.Contains(string(got.body), "<title>Twinport") {
		t.Errorf("a page of the console: %s", got)
	}
	b.want(b.tryToSignIn(prod.key, dev.secret), http.StatusUnauthorized, "UnrecognizedClientException")
	b.want(b.tryToSignIn("AKIANONE", prod.secret), http.StatusUnauthorized, "UnrecognizedClientException")
	b.wantSignedOut(prod)
	b.signIn(prod)
	b.wantSignedIn(prod)
	b.wantSignedOut(dev)
	b.signIn(dev)
	b.wantSignedIn(prod)
	b.wantSignedIn(dev)
	if got := b.sessionsOf(); !slices.Equal(got, []string{prod.id, dev.id}) {
		t.Errorf("signed in to %v", got)
	}
	// What the session does, everyone sees, and it may do what the key may.
	if got := b.call(prod, tokyo, ecrTarget+"CreateRepository", `{"repositoryName":"app"}`); got.status != http.StatusOK {
		t.Errorf("create: %s", got)
	}
	if _, err := s.ecr(prod, tokyo).DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{
		RepositoryNames: []string{"app"},
	}); err != nil {
		t.Error(err)
	}
	b.want(b.call(dev, tokyo, ecrTarget+"DescribeImages", `{"repositoryName":"app","registryId":"`+prod.id+`"}`),
		http.StatusBadRequest, "AccessDeniedException")
	var login struct {
		AuthorizationData []struct{ AuthorizationToken string }
	}
	if err := json.Unmarshal(b.call(prod, tokyo, ecrTarget+"GetAuthorizationToken", "{}").body, &login); err != nil ||
		len(login.AuthorizationData) != 1 {
		t.Fatalf("a registry login: %+v, %v", login, err)
	}
	decoded, err := base64.StdEncoding.DecodeString(login.AuthorizationData[0].AuthorizationToken)
	if err != nil {
		t.Fatal(err)
	}
	bySession := s.oci(prod, tokyo)
	bySession.password = strings.TrimPrefix(string(decoded), "AWS:")
	if got := bySession.do("GET", "app/tags/list", nil); got.status != http.StatusOK {
		t.Errorf("the registry login of a session: %s", got)
	}
	// A cookie is no registry login, and a registry login no cookie.
	cookies := b.http.Jar.Cookies(b.request("GET", "/", "").URL)
	for _, c := range cookies {
		oci := s.oci(prod, tokyo)
		oci.password = c.Value
		if got := oci.do("GET", "app/tags/list", nil); got.status != http.StatusUnauthorized {
			t.Errorf("a cookie as a registry login: %s", got)
		}
	}
	forged := s.browser()
	forged.http.Jar.SetCookies(b.request("GET", "/", "").URL, []*http.Cookie{
		{Name: "twinport-" + prod.id, Value: s.password(prod, tokyo)},
	})
	forged.wantSignedOut(prod)

	// Signing out of one leaves the other, and helps against a copied cookie.
	copied := b.at(s)
	copied.wantSignedIn(prod)
	if got := b.do(b.request("DELETE", "/console/session/"+prod.id, "")); got.status != http.StatusNoContent {
		t.Errorf("sign out: %s", got)
	}
	copied.wantSignedOut(prod)
	if got := bySession.do("GET", "app/tags/list", nil); got.status != http.StatusForbidden {
		t.Errorf("the registry login of a session that was ended: %s", got)
	}
	copied.wantSignedIn(dev)
	if got := b.sessionsOf(); !slices.Equal(got, []string{dev.id}) {
		t.Errorf("signed in to %v", got)
	}
}

// Pages of other sites can make a browser send requests, but not use its session.
func TestConsoleCrossSite(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.browser()
	b.signIn(prod)
	for _, header := range [][]string{
		{"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"},
		{"Origin", "http://evil.example", "Sec-Fetch-Site", ""}, // an old browser, or plain HTTP
		{"Origin", "null", "Sec-Fetch-Site", ""},
		{"Origin", "", "Sec-Fetch-Site", "cross-site"},
		{"Origin", "http://neighbour.localhost", "Sec-Fetch-Site", "same-site"},
	} {
		b.want(b.call(prod, tokyo, ecrTarget+"CreateRepository", `{"repositoryName":"evil"}`, header...),
			http.StatusForbidden, "AccessDeniedException")
		b.want(b.call(prod, tokyo, ownTarget+"WatchRegistry", `{}`, header...), http.StatusForbidden, "AccessDeniedException")
		b.want(b.do(b.request("DELETE", "/console/session/"+prod.id, "", header...)), http.StatusForbidden,
			"AccessDeniedException")
		b.want(b.tryToSignIn(mallory.key, mallory.secret, header...), http.StatusForbidden, "AccessDeniedException")
	}
	// Without the header that it cannot send it is not even looked at.
	b.want(b.call(prod, tokyo, ecrTarget+"CreateRepository", `{"repositoryName":"evil"}`, "X-Twinport-Registry", ""),
		http.StatusBadRequest, "MissingAuthenticationTokenException")
	// Nor is what a form can send.
	b.want(b.call(prod, tokyo, ecrTarget+"CreateRepository", `{"repositoryName":"evil"}`, "Content-Type", "text/plain"),
		http.StatusBadRequest, "SerializationException")
	b.wantSignedIn(prod)
	if out, err := s.ecr(prod, tokyo).DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{}); err != nil ||
		len(out.Repositories) != 0 {
		t.Errorf("there are %d repositories, %v", len(out.Repositories), err)
	}
}

func TestConsoleSessionsEnd(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b, other := s.browser(), s.browser()
	b.signIn(prod)
	other.signIn(prod)
	b.signIn(dev)
	list := b.listSessions(prod)
	current := slices.IndexFunc(list, func(l listedSession) bool { return l.Current })
	if len(list) != 2 || current < 0 || list[current].AccessKeyID != prod.key ||
		list[current].RemoteAddress != "127.0.0.1" || list[current].UserAgent != "Mozilla/5.0 (test)" {
		t.Fatalf("sessions %+v", list)
	}
	theirs := list[1-current].SessionID
	// Another account cannot end it.
	var ended struct{ SessionIDs []string }
	if b.own(dev, tokyo, "RevokeSessions", `{"sessionIds":["`+theirs+`"]}`, &ended); len(ended.SessionIDs) != 0 {
		t.Errorf("ended %v", ended.SessionIDs)
	}
	other.wantSignedIn(prod)
	if b.own(prod, tokyo, "RevokeSessions", `{"sessionIds":["`+theirs+`"]}`, &ended); !slices.Equal(ended.SessionIDs,
		[]string{theirs}) {
		t.Errorf("ended %v", ended.SessionIDs)
	}
	other.wantSignedOut(prod)
	b.wantSignedIn(prod)

	// Its time passes.
	key := auth.AccessKey{
		ID: prod.key, Secret: prod.secret, Principal: policy.Principal{
			Account: prod.id, ARN: "arn:aws:iam::" + prod.id + ":root",
		},
	}
	short := auth.SignToken(key, auth.Token{
		Scope: "console " + list[current].SessionID, Expires: time.Now().Add(4 * time.Second),
	})
	other.http.Jar.SetCookies(other.request("GET", "/", "").URL, []*http.Cookie{
		{Name: "twinport-" + prod.id, Value: short},
	})
	other.wantSignedIn(prod)
	eventually(t, patience, func() error {
		if got := other.call(prod, tokyo, describeRegistry, "{}"); got.status != http.StatusUnauthorized {
			return fmt.Errorf("after its time: %s", got)
		}
		return nil
	})

	// A restart keeps sessions, but not those of a key that has changed.
	s.replaceInConfig(dev.secret, "another+secret/of/the/same/length0000002")
	s.restart(syscall.SIGTERM)
	b.wantSignedIn(prod)
	b.wantSignedOut(dev)
	s.replaceInConfig(prod.key, "AKIAANOTHERKEY000001")
	s.restart(syscall.SIGTERM)
	b.wantSignedOut(prod)
}

// stream is an open WatchRegistry.
type stream struct {
	t      *testing.T
	events chan event // closed at the stream's end
	close  context.CancelFunc
}

type event struct{ name, data string }

// watch opens a stream and waits until it has begun.
func (b *browser) watch(a account, region string) *stream {
	b.t.Helper()
	stop, cancel := context.WithCancel(b.t.Context())
	b.t.Cleanup(cancel)
	res, err := b.http.Do(b.api(a, region, ownTarget+"WatchRegistry", "{}").WithContext(stop))
	if err != nil {
		b.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		b.t.Fatalf("watch: %s, %v", res.Status, res.Header)
	}
	s := &stream{b.t, make(chan event, 1000), cancel}
	go func() {
		defer close(s.events)
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 4<<20)
		var e event
		for lines.Scan() {
			line := lines.Text()
			switch {
			case strings.HasPrefix(line, "event: "):
				e.name = line[len("event: "):]
			case strings.HasPrefix(line, "data: "):
				e.data = line[len("data: "):]
			case line == "" && e.name != "":
				s.events <- e
				e = event{}
			}
		}
	}()
	s.until(patience, "ready", "{}")
	return s
}

// until waits for an event of the name whose data contains all the texts.
func (s *stream) until(limit time.Duration, name string, texts ...string) {
	s.t.Helper()
	timeout := time.After(limit)
	var seen []event
	for {
		select {
		case e, ok := <-s.events:
			if !ok {
				s.t.Fatalf("the stream ended before %s %q; it reported %v", name, texts, seen)
			}
			missing := slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(e.data, text) })
			if e.name == name && !missing {
				return
			}
			seen = append(seen, e)
		case <-timeout:
			s.t.Fatalf("no %s %q within %v; the stream reported %v", name, texts, limit, seen)
		}
	}
}

// wantEnd waits for the stream's end.
func (s *stream) wantEnd(limit time.Duration) {
	s.t.Helper()
	timeout := time.After(limit)
	for {
		select {
		case _, ok := <-s.events:
			if !ok {
				return
			}
		case <-timeout:
			s.t.Errorf("the stream goes on after %v", limit)
			return
		}
	}
}

// What an SDK pushes in one account is seen in both within a second.
func TestConsoleEvents(t *testing.T) {
	t.Parallel()
	s, source, _ := replicating(t)
	b := s.browser()
	b.signIn(prod)
	b.signIn(dev)
	b.signIn(mallory)
	outgoing, incoming, others := b.watch(prod, tokyo), b.watch(dev, tokyo), b.watch(mallory, tokyo)
	elsewhere := b.watch(prod, oregon)

	s.createRepository(prod, tokyo, "app")
	outgoing.until(patience, "changed", `"app"`)
	i := makeImage("events", nil, "")
	source.mustPush("app", "first", i)
	outgoing.until(patience, "replications", `"OUTGOING"`, i.digest.String(), `"COMPLETE"`)
	incoming.until(patience, "replications", `"INCOMING"`, i.digest.String(), `"COMPLETE"`)

	for try := range 20 {
		tag := fmt.Sprintf("sdk-%d", try)
		put := time.Now()
		if _, err := s.ecr(prod, tokyo).PutImage(ctx, &ecr.PutImageInput{
			RepositoryName: aws.String("app"), ImageTag: &tag, ImageManifest: aws.String(string(i.manifest)),
		}); err != nil {
			t.Fatal(err)
		}
		incoming.until(patience, "replications", `"imageTag":"`+tag+`"`)
		outgoing.until(patience, "replications", `"imageTag":"`+tag+`"`, `"COMPLETE"`)
		took := time.Since(put)
		if took < time.Second {
			break
		}
		if try == 19 { // the machine may be slow, but not each time
			t.Errorf("the push was seen after %v", took)
		}
	}
	s.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	incoming.until(patience, "changed", `"registry":true`)

	// Nobody else was notified, and whoever signs out hears no more.
	for name, quiet := range map[string]*stream{"another account": others, "another Region": elsewhere} {
		select {
		case e := <-quiet.events:
			t.Errorf("%s was notified of %v", name, e)
		default:
		}
	}
	if got := b.do(b.request("DELETE", "/console/session/"+prod.id, "")); got.status != http.StatusNoContent {
		t.Errorf("sign out: %s", got)
	}
	time.Sleep(1100 * time.Millisecond) // for a second the session counts as one
	s.createRepository(prod, tokyo, "secret")
	for e := range outgoing.events {
		if strings.Contains(e.data, "secret") {
			t.Errorf("after the end of the session the stream reported %v", e)
		}
	}
}

// A server that stops does not wait for streams, and they end well.
func TestConsoleStreamAtStop(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.browser()
	b.signIn(prod)
	stream := b.watch(prod, tokyo)
	began := time.Now()
	if err := s.kill(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	stream.wantEnd(patience)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if log := s.log.String(); strings.Contains(log, "broken off") {
		t.Errorf("the log is %s", log)
	}
	s.start()
	b.watch(prod, tokyo)
	if n := s.metric(`twinport_http_request_duration_seconds_count{protocol="console"}`); n != 0 {
		t.Errorf("%v requests of the console are counted after the start", n)
	}
}

// All that a session may do, it may do at every process of a deployment.
func TestConsoleCluster(t *testing.T) {
	t.Parallel()
	ownStores(t)
	c := newCluster(t, 2)
	c.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	c.server.replicate(prod, tokyo, rule{to: []destination{devTokyo}})
	c.createRepository(prod, tokyo, "app")
	first := c.nodes[0].browser()
	first.signIn(prod)
	second := first.at(c.nodes[1])
	second.wantSignedIn(prod)
	var deployment struct{ Stores string }
	if second.own(prod, tokyo, "DescribeDeployment", "{}", &deployment); deployment.Stores != "shared" {
		t.Errorf("the deployment is %+v", deployment)
	}
	for _, b := range []*browser{first, second} {
		b.wantJobs("sweep", "repositories", "replications", "backfills", "sessions", "lifecycle", "previews")
	}
	// A push at one process is reported by the other.
	stream := second.watch(prod, tokyo)
	i := makeImage("cluster", nil, "")
	c.nodes[0].oci(prod, tokyo).mustPush("app", "1", i)
	stream.until(patience, "replications", i.digest.String(), `"COMPLETE"`)
	// Signing out at one ends it at the other, with its streams.
	if got := first.do(first.request("DELETE", "/console/session/"+prod.id, "")); got.status != http.StatusNoContent {
		t.Errorf("sign out: %s", got)
	}
	second.wantSignedOut(prod)
	c.nodes[0].oci(prod, tokyo).mustPush("app", "2", makeImage("cluster 2", nil, ""))
	stream.wantEnd(patience)
}

// Whoever is signed in stays so while the deployment moves to other stores.
func TestConsoleMigration(t *testing.T) {
	t.Parallel()
	m := newMigration(t)
	m.fill(2)
	b := m.browser()
	b.signIn(prod)
	stream := b.watch(prod, tokyo)
	m.mustMigrate()
	stream.wantEnd(patience) // the stores that it watched are closed
	b.wantSignedIn(prod)
	b.watch(prod, tokyo)
	b.at(m.beside()).wantSignedIn(prod)
	m.wantSameFacts()
}

// needCurl leaves the test out unless there is a curl that names the feature in
// what it says of itself.
func needCurl(t *testing.T, feature string, ask ...string) {
	t.Helper()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("left out: curl is not installed")
	}
	if text, err := exec.Command(curl, ask...).CombinedOutput(); err != nil || !strings.Contains(string(text), feature) {
		t.Skipf("left out: this curl has no %s", feature)
	}
}

// TestConsoleCurl calls an operation of our own as docs/api.md says.
func TestConsoleCurl(t *testing.T) {
	t.Parallel()
	needCurl(t, "--aws-sigv4", "--help", "all")
	doc, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, command, found := strings.Cut(string(doc), "\n    curl ")
	command, _, ended := strings.Cut(command, "\n\n")
	if !found || !ended {
		t.Fatal("docs/api.md has no curl command")
	}
	s := newServer(t)
	command = "curl --silent --show-error " + strings.Replace(command, "http://localhost:8080/", "http://"+s.addr+"/", 1)
	cmd := exec.Command("sh", "-c", command)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+dev.key, "AWS_SECRET_ACCESS_KEY="+dev.secret)
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), `"accountId":"`+dev.id+`"`) ||
		!strings.Contains(string(out), `"region":"us-east-1"`) || !strings.Contains(string(out), `"stores":"`) {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
}

// TestRevisionCurl writes on a revision with curl as docs/api.md says; with curl the header is signed.
func TestRevisionCurl(t *testing.T) {
	t.Parallel()
	needCurl(t, "%header{", "--manual")
	doc, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, commands, found := strings.Cut(string(doc), "\n    ecr() {")
	commands, _, ended := strings.Cut(commands, "\n\n")
	if !found || !ended {
		t.Fatal("docs/api.md writes on no revision")
	}
	s := newServer(t)
	commands = "ecr() {" + strings.Replace(commands, "http://localhost:8080/", "http://"+s.addr+"/", 1)
	run := func(commands string) string {
		cmd := exec.Command("sh", "-c", commands)
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+dev.key, "AWS_SECRET_ACCESS_KEY="+dev.secret)
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("%s: %v", commands, err)
		}
		return string(out)
	}
	if out := run(commands); !strings.Contains(out, `"rules":[]`) {
		t.Errorf("%s\ntells %s", commands, out)
	}
	begin, put, _ := strings.Cut(commands, "\n    ecr Put")
	if out := run(begin + "\nrevision=0123\necr Put" + put); !strings.Contains(out, "PreconditionFailedException") {
		t.Errorf("on another revision %s\ntells %s", put, out)
	}
}

// TestWritersOnOneRevision has an SDK, which signs the header, and a page of the console write at
// once on the same revision: one of them does.
func TestWritersOnOneRevision(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.browser()
	b.signIn(prod)
	client := s.ecr(prod, tokyo)
	put := func(i int, base string) (status int) {
		text := policyNamed(i)
		if i%2 == 0 {
			body := fmt.Sprintf(`{"policyText":%q}`, text)
			return b.call(prod, tokyo, ecrTarget+"PutRegistryPolicy", body, "X-Twinport-If-Revision", base).status
		}
		_, err := client.PutRegistryPolicy(t.Context(), &ecr.PutRegistryPolicyInput{PolicyText: &text},
			ecr.WithAPIOptions(smithyhttp.SetHeaderValue("X-Twinport-If-Revision", base)))
		if refused, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
			return refused.HTTPStatusCode()
		}
		if err != nil {
			t.Error(err)
		}
		return http.StatusOK
	}
	for round := range 10 {
		got := b.call(prod, tokyo, ecrTarget+"GetRegistryPolicy", "{}")
		base := got.header.Get("X-Twinport-Revision")
		if (base == "none") != (round == 0) {
			t.Fatalf("round %d begins at revision %q: %s", round, base, got)
		}
		statuses := make([]int, 6)
		var all sync.WaitGroup
		for i := range statuses {
			all.Go(func() { statuses[i] = put(round*len(statuses)+i, base) })
		}
		all.Wait()
		winner := slices.Index(statuses, http.StatusOK)
		slices.Sort(statuses)
		if want := []int{200, 412, 412, 412, 412, 412}; !slices.Equal(statuses, want) {
			t.Fatalf("%d writers on one revision got %v, want %v", len(statuses), statuses, want)
		}
		now, err := client.GetRegistryPolicy(t.Context(), &ecr.GetRegistryPolicyInput{})
		if err != nil {
			t.Fatal(err)
		}
		if want := policyNamed(round*len(statuses) + winner); *now.PolicyText != want {
			t.Errorf("the policy is %s, and %s was written", *now.PolicyText, want)
		}
	}
}

func policyNamed(i int) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"N%d","Effect":"Allow","Principal":"*",`+
		`"Action":"ecr:DescribeImages","Resource":"*"}]}`, i)
}

// wantJobs waits until the process says that each of the jobs has run, whichever
// process did it.
func (b *browser) wantJobs(names ...string) {
	b.t.Helper()
	var described struct {
		Jobs []struct {
			Name, Status string
			FinishedAt   float64
		}
	}
	for late := time.After(patience); ; {
		b.own(prod, tokyo, "DescribeJobs", "{}", &described)
		var ended []string
		for _, j := range described.Jobs {
			if j.FinishedAt > 0 {
				ended = append(ended, j.Name)
			}
		}
		if slices.Equal(ended, names) {
			return
		}
		select {
		case <-late:
			b.t.Fatalf("the jobs are %+v, want the end of %v", described.Jobs, names)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
