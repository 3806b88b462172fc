package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/test/servers"
)

// partSize is that of replication, and unsaved how many bytes that were received of a
// layer are received again at most after a kill of who receives them (docs/peers.md).
const (
	partSize = 4 << 20
	unsaved  = 32 << 20
)

// faultyDeployment is newDeployment with a proxy in the way of its peers by which
// requests fail.
func faultyDeployment(t *testing.T, region string, n int, stores stores) (d *deployment, faults *servers.HTTPProxy) {
	t.Helper()
	inner := servers.StartProxy(t)
	faults = servers.HTTPFaults(t, "http://"+inner.Address())
	line := servers.StartProxy(t, strings.TrimPrefix(faults.URL, "http://"))
	d = prepareDeployment(t, region, n, stores, inner,
		fmt.Sprintf("deployment: {name: %s, url: %q}\n", region, "http://"+line.Address()))
	d.line = line
	d.start()
	return d, faults
}

// faultyPair is newPair with a faultyDeployment in Oregon. Tokyo has another
// destination of its own, and a repository.
func faultyPair(t *testing.T) (here, there *deployment, faults *servers.HTTPProxy) {
	t.Helper()
	here = newDeployment(t, tokyo, 1, storesOf(t))
	there, faults = faultyDeployment(t, oregon, 1, storesOf(t))
	join(here, there)
	there.grant(dev, oregon, prod, "ReplicateImage", "CreateRepository")
	here.replicate(prod, tokyo, rule{to: []destination{devOregon, devTokyo}})
	here.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	here.createRepository(prod, tokyo, "app")
	return here, there, faults
}

// parts are those of a large layer that pass a proxy.
type parts struct {
	mu       sync.Mutex
	received int64 // bytes of the layer, until it broke off
	named    bool  // the destination knows its digest: before, it arrives at its source
	broken   bool
	first    int64 // the lowest place where a part began that was sent since then
	sent     int   // parts since then
}

// largeLayer is a layer of which so much is received again that some is not.
func largeLayer() []byte { return noise(unsaved + 12*partSize + 5) }

// watchParts has a proxy note the parts that pass it.
func watchParts(proxy *servers.HTTPProxy) *parts {
	p := &parts{first: math.MaxInt64}
	// large says where a part begins, and whether the request has the layer's digest.
	large := func(r *http.Request) (offset int64, named, ok bool) {
		query := r.URL.Query()
		offset, err := strconv.ParseInt(query.Get("offset"), 10, 64)
		size, sizeErr := strconv.ParseInt(query.Get("size"), 10, 64)
		named = size > partSize // other layers of the tests are smaller
		return offset, named, err == nil && sizeErr == nil && (named || size == replication.UnknownSize)
	}
	proxy.Rule(func(r *http.Request) servers.Fault {
		p.mu.Lock()
		defer p.mu.Unlock()
		if offset, _, ok := large(r); ok && p.broken && r.ContentLength != 1 { // one byte says which layer it is
			p.first = min(p.first, offset)
			p.sent++
		}
		return servers.Fault{}
	})
	proxy.Answered(func(r *http.Request, body []byte) {
		p.mu.Lock()
		defer p.mu.Unlock()
		var answer struct{ Received int64 }
		if _, named, ok := large(r); ok && !p.broken && json.Unmarshal(body, &answer) == nil {
			p.received = max(p.received, answer.Received)
			p.named = p.named || named
		}
	})
	return p
}

// await waits until so much was received that some is not received again.
func (p *parts) await(t *testing.T) {
	t.Helper()
	eventually(t, patience, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.received < unsaved+2*partSize || !p.named {
			return fmt.Errorf("%d bytes were received; the layer's digest: %t", p.received, p.named)
		}
		return nil
	})
}

// breaks says that the layer breaks off.
func (p *parts) breaks() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = true
}

// wantRest checks that the layer went on where it broke off, or so many bytes before
// that.
func (p *parts) wantRest(t *testing.T, before int64) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	t.Logf("%d bytes had been received; then %d parts were sent, from byte %d on", p.received, p.sent, p.first)
	if p.first < p.received-before {
		t.Errorf("the layer went on at byte %d: %d had been received", p.first, p.received)
	}
}

// The tests of the next three kill one side, or both, in the middle of a large
// layer, which goes on where it broke off.

func TestPeersDestinationKilled(t *testing.T) {
	t.Parallel()
	here, there, faults := faultyPair(t)
	killInLayer(t, here, there, faults, there)
}

func TestPeersSourceKilled(t *testing.T) {
	t.Parallel()
	here, there, faults := faultyPair(t)
	killInLayer(t, here, there, faults, here)
}

func TestPeersBothKilled(t *testing.T) {
	t.Parallel()
	here, there, faults := faultyPair(t)
	killInLayer(t, here, there, faults, here, there)
}

func killInLayer(t *testing.T, here, there *deployment, faults *servers.HTTPProxy, killed ...*deployment) {
	t.Helper()
	seen := watchParts(faults)
	there.line.Rate(servers.ToServer, 30<<20)
	large := makeImageOf(largeLayer())
	here.oci(prod, tokyo).mustPush("app", "1", large)
	seen.await(t)
	if err := there.oci(dev, oregon).wantAbsent("app", "1"); err != nil {
		t.Error(err)
	}
	for _, d := range killed {
		d.kill(syscall.SIGKILL)
		d.http.CloseIdleConnections()
	}
	seen.breaks()
	for _, d := range killed {
		d.start()
	}
	there.oci(dev, oregon).wantArrival("app", "1", large.digest)
	here.wantStatus(prod, tokyo, "app", "1", devOregon, types.ReplicationStatusComplete)
	again := int64(0)
	switch {
	case !slices.Contains(killed, there):
	case shared():
		again = unsaved
	default:
		again = partSize // it was being written
	}
	seen.wantRest(t, again)
}

// TestPeersKilledAtTheEnd kills the destination when the bucket has made an object
// of a layer, and the destination has not noted that yet: it gets the layer again.
func TestPeersKilledAtTheEnd(t *testing.T) {
	ownStores(t)
	t.Parallel()
	bucket := servers.S3Faults(t, servers.S3(t))
	here := newDeployment(t, tokyo, 1, stores{})
	there := newDeployment(t, oregon, 1, sharedStores(servers.Postgres(t), bucket.Bucket, noRedirect))
	there.faulty = true
	join(here, there)
	here.replicate(prod, tokyo, rule{to: []destination{{prod, oregon}}})
	here.createRepository(prod, tokyo, "app")
	killed, made := make(chan struct{}), make(chan struct{})
	var once sync.Once
	bucket.Rule(func(r *http.Request) servers.Fault {
		first := false
		if servers.Operation(r) == "CompleteMultipartUpload" {
			once.Do(func() { first = true })
		}
		if first {
			close(made)
			return servers.LoseAnswer()
		}
		select {
		case <-made: // nothing gets through any more
			<-killed
		default:
		}
		return servers.Fault{}
	})
	large := makeImageOf(noise(24 << 20))
	here.oci(prod, tokyo).mustPush("app", "1", large)
	select {
	case <-made:
	case <-time.After(patience):
		t.Fatal("no upload to the bucket is completed")
	}
	there.kill(syscall.SIGKILL)
	close(killed)
	bucket.Rule(nil)
	there.http.CloseIdleConnections()
	there.start()
	there.oci(prod, oregon).wantArrival("app", "1", large.digest)
}

// TestPeersWrongAnswers puts something in front of a peer that answers in its
// place, or loses its answers. What was pushed meanwhile gets there when that is
// over, the reason is shown, and other destinations do not wait.
func TestPeersWrongAnswers(t *testing.T) {
	t.Parallel()
	here, there, faults := faultyPair(t)
	source, target, local := here.oci(prod, tokyo), there.oci(dev, oregon), here.oci(dev, tokyo)
	page := http.Header{"Content-Type": {"text/html"}}
	every := func(f servers.Fault) func(*http.Request) servers.Fault {
		return func(*http.Request) servers.Fault { return f }
	}
	n := 0
	for _, c := range []struct {
		name   string
		rule   func(*http.Request) servers.Fault
		reason string
	}{
		{"a page", every(servers.AnswerWith(http.StatusOK, page, "<h1>Welcome to the hotel</h1>")),
			"Welcome to the hotel"},
		{"JSON of another program", every(servers.AnswerWith(http.StatusOK, http.Header{},
			`{"results":[{"outcome":"APPLIED"}]}`)), "no valid signature"},
		{"500", every(servers.AnswerWith(http.StatusInternalServerError, page, "oops")), "500"},
		{"429", every(servers.AnswerWith(http.StatusTooManyRequests, http.Header{"Retry-After": {"1"}}, "slow down")),
			"429"},
		{"no answer", every(servers.LoseAnswer()), "closed the connection"},
		{"half an answer", every(servers.CutAnswer(7)), "was cut while it answered"},
		{"a shorter answer", every(servers.TruncateAnswer(7)), "no valid signature"},
		{"half a request", every(servers.CutRequest(11)), "closed the connection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults.Rule(c.rule)
			n++
			tag := fmt.Sprint("v", n)
			image := makeImageOf(noise(100_000))
			source.mustPush("app", tag, image)
			local.wantArrival("app", tag, image.digest)
			here.wantReason(prod, c.reason)
			if reason := here.replications(prod, "IN_PROGRESS")[0].FailureReason; !strings.Contains(reason, oregon) {
				t.Errorf("the reason does not say which peer it is about: %s", reason)
			}
			faults.Rule(nil)
			target.wantArrival("app", tag, image.digest)
			here.idle(prod)
		})
	}
}

// TestPeersDead: while a peer is down, and thousands of images wait for it, other
// destinations get theirs. When it is there again, it gets all of them.
func TestPeersDead(t *testing.T) {
	t.Parallel()
	here, dead := newPair(t)
	alive := newDeployment(t, virginia, 1, storesOf(t))
	join(here, alive)
	alive.grant(dev, virginia, prod, "ReplicateImage", "CreateRepository")
	here.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	here.replicate(prod, tokyo, rule{to: []destination{devOregon, {dev, virginia}, devTokyo}})
	here.createRepository(prod, tokyo, "app")
	source := here.oci(prod, tokyo)
	others := []*ociClient{alive.oci(dev, virginia), here.oci(dev, tokyo)}
	dead.kill(syscall.SIGKILL)
	const images, tags = 20, 100
	name := func(i, n int) string { return fmt.Sprintf("v%d-%d", i, n) }
	pushed := make([]image, images)
	var pushing sync.WaitGroup
	for i := range pushed {
		pushed[i] = makeImage(fmt.Sprint("image", i), nil, "")
		pushing.Go(func() {
			if err := source.push("app", "", pushed[i]); err != nil {
				t.Error(err)
			}
			for n := range tags {
				err := source.putManifest("app", name(i, n), ocispec.MediaTypeImageManifest, pushed[i].manifest)
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	pushing.Wait()
	last := makeImage("last", nil, "")
	source.mustPush("app", "last", last)
	begun := time.Now()
	for _, other := range others {
		other.wantArrival("app", "last", last.digest)
	}
	t.Logf("with %d replications waiting for a dead peer, others lag by %v", images*tags,
		time.Since(begun).Round(time.Millisecond))
	for _, other := range others {
		for i, image := range pushed {
			for n := range tags {
				eventually(t, patience, func() error { return other.tagged("app", name(i, n), image.digest) })
			}
		}
	}
	here.wantProblem("cannot be reached", oregon)
	dead.http.CloseIdleConnections()
	dead.start()
	here.peer("check", oregon) // else the peer is tried a while later
	begun = time.Now()
	target := dead.oci(dev, oregon)
	here.idle(prod)
	t.Logf("they have arrived %v after it was there again", time.Since(begun).Round(time.Millisecond))
	for i, image := range pushed {
		for n := range tags {
			if err := target.tagged("app", name(i, n), image.digest); err != nil {
				t.Error(err)
			}
		}
		if err := target.wantPull("app", image.digest.String(), image.digest); err != nil {
			t.Error(err)
		}
	}
}

// TestPeersCutLayer cuts the line again and again while a large layer is sent: it
// goes on where it broke off.
func TestPeersCutLayer(t *testing.T) {
	t.Parallel()
	here, there := newPair(t)
	here.createRepository(prod, tokyo, "app")
	const size, every = 40<<20 + 3, 14 << 20
	large := makeImageOf(noise(size))
	before := there.line.Passed(servers.ToServer)
	there.line.CutEvery(servers.ToServer, every)
	here.oci(prod, tokyo).mustPush("app", "1", large)
	there.oci(dev, oregon).wantArrival("app", "1", large.digest)
	sent := there.line.Passed(servers.ToServer) - before
	t.Logf("%d bytes were sent for a layer of %d, with a cut every %d", sent, size, every)
	if sent < every {
		t.Error("nothing was cut")
	}
	if cuts := sent/every + 1; sent > size+cuts*2*partSize {
		t.Error("a cut made more to be sent again than what it hit")
	}
}

// TestPeersSlowLine: 50 ms each way, and few bytes a second. Small images do not
// wait for a large one.
func TestPeersSlowLine(t *testing.T) {
	t.Parallel()
	here, there := newPair(t)
	here.createRepository(prod, tokyo, "app")
	source, target := here.oci(prod, tokyo), there.oci(dev, oregon)
	for _, d := range []*deployment{here, there} {
		d.line.Latency(50 * time.Millisecond)
		d.line.Rate(servers.ToServer, 8<<20)
		d.line.Rate(servers.ToClient, 8<<20)
	}
	before := there.line.Passed(servers.ToServer)
	const size = 32 << 20
	large := makeImageOf(noise(size))
	source.mustPush("app", "large", large)
	begun := time.Now()
	small := map[string]image{}
	for i := range 20 {
		tag := fmt.Sprint("small", i)
		small[tag] = makeImage(tag, nil, "")
		source.mustPush("app", tag, small[tag])
	}
	for tag, image := range small {
		target.wantArrival("app", tag, image.digest)
	}
	t.Logf("the small images have arrived %v after the push of the large one",
		time.Since(begun).Round(time.Millisecond))
	if err := target.wantAbsent("app", "large"); err != nil {
		t.Errorf("the small images have waited for the large one: %v", err)
	}
	target.wantArrival("app", "large", large.digest)
	took := time.Since(begun)
	sent := there.line.Passed(servers.ToServer) - before
	t.Logf("%d bytes were sent for a layer of %d, in %v", sent, size, took.Round(time.Millisecond))
	if sent > size+size/10 {
		t.Error("something was sent twice")
	}
}

// TestPeersSilent: a peer takes requests and does not answer for a while.
func TestPeersSilent(t *testing.T) {
	t.Parallel()
	here, there, faults := faultyPair(t)
	source, target, local := here.oci(prod, tokyo), there.oci(dev, oregon), here.oci(dev, tokyo)
	release := make(chan struct{})
	faults.Rule(func(r *http.Request) servers.Fault {
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return servers.Fault{}
	})
	images := map[string]image{}
	for i := range 100 { // more than are tried at the same time
		tag := fmt.Sprint("v", i)
		images[tag] = makeImage(tag, nil, "")
		source.mustPush("app", tag, images[tag])
	}
	for tag, image := range images {
		local.wantArrival("app", tag, image.digest)
		if err := target.wantAbsent("app", tag); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	begun := time.Now()
	for tag, image := range images {
		target.wantArrival("app", tag, image.digest)
	}
	t.Logf("all have arrived %v after it answered again", time.Since(begun).Round(time.Millisecond))
}

// TestPeersLostAnswers loses a part of the answers, at random, while images of
// many kinds are pushed: what was done twice is done once.
func TestPeersLostAnswers(t *testing.T) {
	t.Parallel()
	here, there, faults := faultyPair(t)
	source, target := here.oci(prod, tokyo), there.oci(dev, oregon)
	var n int
	var mu sync.Mutex
	faults.Rule(func(r *http.Request) servers.Fault {
		mu.Lock()
		defer mu.Unlock()
		n++
		switch {
		case n%3 == 0:
			return servers.LoseAnswer()
		case n%7 == 0:
			return servers.CutAnswer(20)
		}
		return servers.Fault{}
	})
	pushed := map[string]image{}
	for i := range 30 {
		tag := fmt.Sprint("v", i%10) // each tag is pushed again
		pushed[tag] = makeImageOf(noise(50_000))
		source.mustPush("app", tag, pushed[tag])
	}
	child := makeImageOf(noise(100_000))
	source.mustPush("app", "", child)
	index := makeIndex(child.descriptor())
	if err := source.putManifest("app", "index", ocispec.MediaTypeImageIndex, index); err != nil {
		t.Fatal(err)
	}
	here.wantStatus(prod, tokyo, "app", "index", devOregon, types.ReplicationStatusComplete)
	for tag, image := range pushed {
		target.wantArrival("app", tag, image.digest)
	}
	faults.Rule(nil)
	here.idle(prod)
	for tag, image := range pushed {
		if err := target.wantPull("app", tag, image.digest); err != nil {
			t.Error(err)
		}
	}
}

// TestPeersPolicyChanges: the destination takes its grant back while a layer is
// sent, and grants it again.
func TestPeersPolicyChanges(t *testing.T) {
	t.Parallel()
	here, there, faults := faultyPair(t)
	source, target := here.oci(prod, tokyo), there.oci(dev, oregon)
	seen := watchParts(faults)
	there.line.Rate(servers.ToServer, 30<<20)
	large := makeImageOf(largeLayer())
	source.mustPush("app", "1", large)
	seen.await(t)
	if _, err := there.ecr(dev, oregon).DeleteRegistryPolicy(ctx, &ecr.DeleteRegistryPolicyInput{}); err != nil {
		t.Fatal(err)
	}
	seen.breaks()
	here.wantStatus(prod, tokyo, "app", "1", devOregon, types.ReplicationStatusFailed)
	if err := target.wantAbsent("app", "1"); err != nil {
		t.Error(err)
	}
	there.grant(dev, oregon, prod, "ReplicateImage", "CreateRepository")
	target.wantArrival("app", "1", large.digest)
	seen.wantRest(t, 0)
}

// TestPeersGrant: a peer speaks for the accounts that it is granted. What it has
// for others waits, holds nothing up, and goes when they are granted.
func TestPeersGrant(t *testing.T) {
	t.Parallel()
	here, there := newPair(t)
	here.replicate(mallory, tokyo, rule{to: []destination{devOregon}})
	for _, a := range []account{prod, mallory} {
		here.createRepository(a, tokyo, a.name)
	}
	if _, err := there.ecr(dev, oregon).PutRegistryPolicy(ctx, &ecr.PutRegistryPolicyInput{ // lets both in
		PolicyText: aws.String(fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"Both","Effect":"Allow",
			"Principal":{"AWS":[%q,%q]},"Action":["ecr:ReplicateImage","ecr:CreateRepository"],
			"Resource":["arn:aws:ecr:%s:%s:repository/*"]}]}`, prod.id, mallory.id, oregon, dev.id)),
	}); err != nil {
		t.Fatal(err)
	}
	there.peer("grant", tokyo, "--accounts", prod.id)
	target := there.oci(dev, oregon)
	images := map[string]image{}
	var pushing sync.WaitGroup
	for _, a := range []account{prod, mallory} {
		for i := range 20 {
			tag := fmt.Sprintf("%s-%d", a.name, i)
			image := makeImage(tag, nil, "")
			images[tag] = image
			pushing.Go(func() {
				if err := here.oci(a, tokyo).push(a.name, tag, image); err != nil {
					t.Error(err)
				}
			})
		}
	}
	pushing.Wait()
	for i := range 20 {
		tag := fmt.Sprintf("%s-%d", prod.name, i)
		target.wantArrival(prod.name, tag, images[tag].digest)
	}
	here.idle(prod)
	for _, r := range here.replications(prod, "COMPLETE") {
		if r.Tries > 1 {
			t.Errorf("what was granted was tried %d times: %+v", r.Tries, r)
		}
	}
	for i := range 20 {
		if err := target.wantAbsent(mallory.name, fmt.Sprintf("%s-%d", mallory.name, i)); err != nil {
			t.Error(err)
		}
	}
	waiting := append(here.replications(mallory, "IN_PROGRESS"), here.replications(mallory, "FAILED")...)
	if len(waiting) != 20 || !strings.Contains(waiting[0].FailureReason, "twinport peer grant") {
		t.Errorf("what is not granted is shown as %+v", waiting)
	}
	there.peer("grant", tokyo, "--accounts", prod.id+","+mallory.id)
	for i := range 20 {
		tag := fmt.Sprintf("%s-%d", mallory.name, i)
		target.wantArrival(mallory.name, tag, images[tag].digest)
	}
}

// TestPeersRemoved removes a peer on either side, and joins again.
func TestPeersRemoved(t *testing.T) {
	t.Parallel()
	here, there := newPair(t)
	here.createRepository(prod, tokyo, "app")
	source, target := here.oci(prod, tokyo), there.oci(dev, oregon)
	push := func(tag string) image {
		t.Helper()
		image := makeImage(tag, nil, "")
		source.mustPush("app", tag, image)
		return image
	}
	first := push("first")
	target.wantArrival("app", "first", first.digest)
	there.peer("remove", tokyo)
	removed := push("removed")
	here.wantProblem("has removed it", oregon)
	if err := target.wantAbsent("app", "removed"); err != nil {
		t.Error(err)
	}
	join(there, here)
	target.wantArrival("app", "removed", removed.digest)

	here.peer("remove", oregon)
	unserved := push("unserved")
	status := here.wantStatus(prod, tokyo, "app", "unserved", devOregon, types.ReplicationStatusFailed)
	if code := *status.FailureCode; code != "DestinationRegistryNotFound" {
		t.Errorf("what nobody serves has the code %s", code)
	}
	join(here, there)
	target.wantArrival("app", "unserved", unserved.digest)
}

// TestPeersRotateKeys makes new keys on both sides while images go both ways.
func TestPeersRotateKeys(t *testing.T) {
	t.Parallel()
	here, there := newPair(t)
	here.grant(prod, tokyo, dev, "ReplicateImage", "CreateRepository")
	there.replicate(dev, oregon, rule{to: []destination{{prod, tokyo}}})
	here.createRepository(prod, tokyo, "from-tokyo")
	there.createRepository(dev, oregon, "from-oregon")
	type push struct {
		to        *ociClient
		repo, tag string
		image     image
	}
	var pushed []push
	round := func(name string) {
		t.Helper()
		for i := range 10 {
			tag := fmt.Sprint(name, i)
			image := makeImage(tag, nil, "")
			here.oci(prod, tokyo).mustPush("from-tokyo", tag, image)
			there.oci(dev, oregon).mustPush("from-oregon", tag, image)
			pushed = append(pushed, push{there.oci(dev, oregon), "from-tokyo", tag, image},
				push{here.oci(prod, tokyo), "from-oregon", tag, image})
		}
	}
	round("a")
	here.peer("rotate-key")
	round("b")
	there.peer("rotate-key")
	here.peer("rotate-key")
	round("c")
	there.idle(dev) // else its leases would have to end
	there.kill(syscall.SIGKILL)
	if out := here.peer("rotate-key"); !strings.Contains(out, "has not confirmed it yet") {
		t.Errorf("a key that nobody could confirm: %s", out)
	}
	there.http.CloseIdleConnections()
	there.start()
	here.restart(syscall.SIGTERM)
	here.peer("check", oregon)
	round("d")
	for _, p := range pushed {
		p.to.wantArrival(p.repo, p.tag, p.image.digest)
	}
}

// TestPeersCertificate: the reason says what is wrong with a certificate, and when
// there is a good one, all that waits is sent.
func TestPeersCertificate(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	hour := time.Now().Add(time.Hour)
	good := authority.issue(t, hour, "localhost")
	here := prepareDeployment(t, tokyo, 1, storesOf(t), servers.StartProxy(t), "")
	file := filepath.Join(t.TempDir(), "authority.pem")
	writeFile(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.certificate.Raw})))
	here.nodes[0].env = append(here.nodes[0].env, "SSL_CERT_FILE="+file)
	here.start()
	inner := servers.StartProxy(t)
	balancer := servers.EndTLS(t, inner.Address(), good)
	line := servers.StartProxy(t, balancer.Address())
	_, port, _ := strings.Cut(line.Address(), ":")
	there := prepareDeployment(t, oregon, 1, storesOf(t), inner,
		fmt.Sprintf("deployment: {name: %s, url: %q}\n", oregon, "https://localhost:"+port))
	there.start()
	join(here, there)
	here.replicate(prod, tokyo, rule{to: []destination{{prod, oregon}}})
	here.createRepository(prod, tokyo, "app")
	source, target := here.oci(prod, tokyo), there.oci(prod, oregon)
	push := func(tag string) image {
		t.Helper()
		image := makeImage(tag, nil, "")
		source.mustPush("app", tag, image)
		return image
	}
	pushed := map[string]image{"good": push("good")}
	target.wantArrival("app", "good", pushed["good"].digest)
	for _, c := range []struct {
		tag         string
		certificate tls.Certificate
		reason      string
	}{
		{"foreign", newAuthority(t).issue(t, hour, "localhost"), "does not trust"},
		{"expired", authority.issue(t, time.Now().Add(-time.Minute), "localhost"), "expired at"},
		{"other", authority.issue(t, hour, "registry.example.com"), `is for other names ("registry.example.com")`},
	} {
		balancer.Use(c.certificate)
		line.Cut()
		pushed[c.tag] = push(c.tag)
		here.wantReason(prod, c.reason, "https://localhost:"+port)
		if err := target.wantAbsent("app", c.tag); err != nil {
			t.Error(err)
		}
		balancer.Use(good)
		target.wantArrival("app", c.tag, pushed[c.tag].digest)
		here.idle(prod)
	}
}

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the test's"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{certificate, key}
}

// issue makes a certificate for a name, which ends then.
func (a *authority) issue(t *testing.T, end time.Time, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: end.Add(-2 * time.Hour), NotAfter: end,
	}, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestPeersFullDisk: the disk of the destination is full for a while.
func TestPeersFullDisk(t *testing.T) {
	embeddedOnly(t, "a disk")
	disk := smallDisk(t, 64)
	here := newDeployment(t, tokyo, 1, stores{})
	there := prepareDeployment(t, oregon, 1, stores{}, servers.StartProxy(t), "")
	data := filepath.Join(disk, "data")
	there.replaceInConfig("data: "+there.data+"\n", "data: "+data+"\n")
	there.data, there.faulty = data, true
	there.start()
	join(here, there)
	there.grant(dev, oregon, prod, "ReplicateImage", "CreateRepository")
	here.replicate(prod, tokyo, rule{to: []destination{devOregon}})
	here.createRepository(prod, tokyo, "app")
	source, target := here.oci(prod, tokyo), there.oci(dev, oregon)
	before := makeImage("before", nil, "")
	source.mustPush("app", "before", before)
	target.wantArrival("app", "before", before.digest)
	free := fillDisk(t, disk, 6<<20)
	large := makeImageOf(noise(20 << 20))
	source.mustPush("app", "large", large)
	here.wantReason(prod, "disk is full", oregon)
	if err := errors.Join(target.wantPull("app", "before", before.digest),
		target.wantAbsent("app", "large")); err != nil {
		t.Error(err)
	}
	// What has room goes past it.
	small := makeImage("small", nil, "")
	source.mustPush("app", "small", small)
	target.wantArrival("app", "small", small.digest)
	free()
	target.wantArrival("app", "large", large.digest)
}
