package test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// traffic is clients that push, pull, retag and delete while something goes
// wrong. Each remembers what was acknowledged to it, and repeats what failed as
// docker does; each has tags that nobody else touches, so it knows at any time
// what they must be.
type traffic struct {
	t              *testing.T
	s              *cluster
	source, target *ociClient // dev replicates from prod
	large          bool       // some layers have several parts
	deletes        bool

	stopping  chan struct{}
	running   sync.WaitGroup
	clients   []*trafficClient
	pushes    atomic.Int64
	repeated  atomic.Int64 // attempts that failed and were repeated
	abandoned atomic.Int64 // of them, those that may have left an upload behind
}

// trafficClient is what one client knows. Its own goroutine changes it.
type trafficClient struct {
	*traffic
	n      int
	repo   string
	random *rand.Rand
	count  int                      // pushes so far
	tags   map[string]digest.Digest // as acknowledged; absent ones were deleted
	// pushed holds the tags whose last change was a push, so that it must arrive.
	pushed  map[string]bool
	alive   map[digest.Digest]string        // the manifests that are there, and their media types
	number  map[digest.Digest]int           // which push of a client made it
	seen    map[string]int                  // the newest push of a tag that dev has shown
	layerOf map[digest.Digest]digest.Digest // an image's second layer
}

const (
	trafficRepos = 4
	// stubborn is how long a client repeats what fails.
	stubborn = 60 * time.Second
)

// startTraffic starts n clients at a deployment whose prod replicates to dev.
func startTraffic(s *cluster, seed uint64, n int, adjust func(*traffic)) *traffic {
	s.t.Helper()
	s.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	s.server.replicate(prod, tokyo, rule{to: []destination{devTokyo}})
	// What dev got by replication must go no further, nor back.
	s.server.replicate(dev, tokyo, rule{to: []destination{{dev, oregon}, {prod, tokyo}}})
	s.grant(prod, tokyo, dev, "ReplicateImage", "CreateRepository")
	for i := range trafficRepos {
		s.createRepository(prod, tokyo, fmt.Sprint("app", i))
		s.createRepository(mallory, tokyo, fmt.Sprint("app", i))
	}
	tr := &traffic{t: s.t, s: s, source: s.oci(prod, tokyo), target: s.oci(dev, tokyo), stopping: make(chan struct{})}
	if adjust != nil {
		adjust(tr)
	}
	for i := range n {
		c := &trafficClient{traffic: tr, n: i, repo: fmt.Sprint("app", i%trafficRepos),
			random: rand.New(rand.NewPCG(seed, uint64(i))),
			tags:   map[string]digest.Digest{}, pushed: map[string]bool{}, alive: map[digest.Digest]string{},
			number: map[digest.Digest]int{}, seen: map[string]int{}, layerOf: map[digest.Digest]digest.Digest{}}
		tr.clients = append(tr.clients, c)
		tr.running.Go(c.run)
	}
	return tr
}

// progress waits until n more pushes have been acknowledged.
func (tr *traffic) progress(n int64) {
	tr.t.Helper()
	before := tr.pushes.Load()
	eventually(tr.t, stubborn, func() error {
		if done := tr.pushes.Load() - before; done < n && !tr.t.Failed() {
			return fmt.Errorf("%d pushes of %d", done, n)
		}
		return nil
	})
	if tr.t.Failed() {
		tr.stop()
		tr.t.FailNow()
	}
}

func (tr *traffic) stop() {
	select {
	case <-tr.stopping:
	default:
		close(tr.stopping)
	}
	tr.running.Wait()
}

func (c *trafficClient) run() {
	for {
		select {
		case <-c.stopping:
			return
		default:
		}
		if err := c.step(); err != nil {
			c.t.Errorf("client %d of %s: %v", c.n, c.repo, err)
			return
		}
	}
}

func (c *trafficClient) step() error {
	tag := fmt.Sprintf("c%d-%d", c.n, c.random.IntN(3))
	dice := c.random.IntN(100)
	switch {
	case dice < 40 || len(c.tags) == 0:
		return c.pushImage(tag)
	case dice < 50:
		return c.pushIndex(tag)
	case dice < 55: // a tag that all clients of the repository fight for
		return c.retag("latest", false)
	case dice < 62:
		return c.retag(tag, true)
	case dice < 68 && c.deletes:
		return c.delete(tag, tag)
	case dice < 75 && c.deletes:
		if d, ok := c.tags[tag]; ok {
			return c.delete(tag, d.String())
		}
		return nil
	case dice < 88:
		return c.checkSource(tag)
	default:
		return c.checkTarget(tag)
	}
}

// insist repeats an operation as clients do.
func (c *trafficClient) insist(do func() error) error {
	return insist(stubborn, func() error {
		err := do()
		if err != nil && isTransient(err) {
			c.repeated.Add(1)
		}
		return err
	})
}

// layer returns bytes that are new, or those that many images share, so that
// they are linked, unlinked and swept all the time.
func (c *trafficClient) layer() []byte {
	switch {
	case c.random.IntN(3) == 0:
		return fmt.Appendf(nil, "the shared layer %d", c.random.IntN(5))
	case c.large && c.random.IntN(12) == 0:
		data := bytes.Repeat(fmt.Appendf(nil, "large %d %d ", c.n, c.count), 700_000)
		return data[:6<<20]
	default:
		return bytes.Repeat(fmt.Appendf(nil, "%d %d", c.n, c.random.Uint64()), 1+c.random.IntN(500))
	}
}

// put uploads an image of its own and puts its manifest under the reference,
// or under its digest if that is empty.
func (c *trafficClient) put(ref string) (ocispec.Descriptor, error) {
	c.count++
	config := fmt.Appendf(
		nil, `{"architecture":"amd64","os":"linux","author":"client %d, push %d","rootfs":{"type":"layers","diff_ids":[]}}`,
		c.n, c.count)
	layers := [][]byte{c.layer(), c.layer()}
	manifest := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: descriptor(ocispec.MediaTypeImageConfig, config),
	}
	for _, layer := range layers {
		manifest.Layers = append(manifest.Layers, descriptor(ocispec.MediaTypeImageLayerGzip, layer))
	}
	data := mustJSON(manifest)
	c.layerOf[digest.FromBytes(data)] = manifest.Layers[1].Digest
	d := descriptor(ocispec.MediaTypeImageManifest, data)
	if ref == "" {
		ref = d.Digest.String()
	}
	return d, c.insist(func() error {
		for i, blob := range append([][]byte{config}, layers...) {
			if err := c.putLayer(blob, i > 0); err != nil {
				c.abandoned.Add(1)
				return err
			}
		}
		return c.source.putManifest(c.repo, ref, ocispec.MediaTypeImageManifest, data)
	})
}

// putLayer brings a blob in by one of the ways that there are.
func (c *trafficClient) putLayer(data []byte, shared bool) error {
	d := digest.FromBytes(data)
	way := c.random.IntN(4)
	switch {
	case shared && way == 0: // as docker: look first
		a, err := c.source.send("HEAD", "/v2/"+c.repo+"/blobs/"+d.String(), nil)
		if err != nil {
			return err
		}
		if a.status == http.StatusOK {
			return nil
		}
		if a.status != http.StatusNotFound {
			return &statusError{a}
		}
	case shared && way == 1: // from another repository, if it is there
		from := fmt.Sprint("app", c.random.IntN(trafficRepos))
		a, err := c.source.send("POST", "/v2/"+c.repo+"/blobs/uploads/?mount="+d.String()+"&from="+from, nil)
		if err != nil {
			return err
		}
		switch a.status {
		case http.StatusCreated:
			return nil
		case http.StatusAccepted:
			c.abandoned.Add(1) // that session is not used
		default:
			return &statusError{a}
		}
	case way == 2: // in pieces
		target, err := c.source.startUpload(c.repo)
		if err != nil {
			return err
		}
		half := len(data) / 2
		a, err := c.source.send("PATCH", target, bytes.NewReader(data[:half]), "Content-Type", "application/octet-stream")
		if err != nil {
			return err
		}
		if a.status != http.StatusAccepted {
			return &statusError{a}
		}
		if target, err = c.source.target(a.header.Get("Location")); err != nil {
			return err
		}
		a, err = c.source.send("PUT", withQuery(target, "digest", d.String()), bytes.NewReader(data[half:]), "Content-Type",
			"application/octet-stream")
		if err != nil {
			return err
		}
		if a.status != http.StatusCreated {
			return &statusError{a}
		}
		return nil
	}
	_, err := c.source.putBlob(c.repo, data)
	return err
}

func (c *trafficClient) acknowledged(tag string, d digest.Digest, mediaType string) {
	c.alive[d] = mediaType
	if tag != "" {
		c.tags[tag], c.pushed[tag] = d, true
	}
	c.pushes.Add(1)
}

func (c *trafficClient) pushImage(tag string) error {
	d, err := c.put(tag)
	c.number[d.Digest] = c.count
	if err == nil {
		c.acknowledged(tag, d.Digest, d.MediaType)
	}
	return err
}

func (c *trafficClient) pushIndex(tag string) error {
	var children []ocispec.Descriptor
	for range 2 {
		child, err := c.put("")
		if err != nil {
			return err
		}
		children = append(children, child)
	}
	index := makeIndex(children...)
	d := digest.FromBytes(index)
	c.number[d] = c.count
	err := c.insist(func() error { return c.source.putManifest(c.repo, tag, ocispec.MediaTypeImageIndex, index) })
	if err == nil {
		c.acknowledged(tag, d, ocispec.MediaTypeImageIndex)
	}
	return err
}

// retag puts one of the client's manifests under another tag.
func (c *trafficClient) retag(tag string, own bool) error {
	// In a fixed order, for the sake of the seed.
	digests := slices.Sorted(maps.Keys(c.alive))
	if len(digests) == 0 {
		return nil
	}
	d := digests[c.random.IntN(len(digests))]
	var a answer
	err := c.insist(func() (err error) {
		a, err = c.source.send("GET", "/v2/"+c.repo+"/manifests/"+d.String(), nil, "Accept", acceptAll)
		if err == nil && a.status != http.StatusOK {
			err = &statusError{a}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s was acknowledged: %w", d, err)
	}
	// It becomes the tag's newest, although its number is that of its first push.
	delete(c.seen, tag)
	if err := c.insist(func() error { return c.source.putManifest(c.repo, tag, c.alive[d], a.body) }); err != nil || !own {
		return err
	}
	c.number[d] = c.count + 1
	c.count++
	c.acknowledged(tag, d, c.alive[d])
	return nil
}

// delete removes a tag, or by digest an image with all its tags.
func (c *trafficClient) delete(tag, ref string) error {
	d, tagged := c.tags[tag]
	if !tagged {
		return nil
	}
	err := c.insist(func() error {
		a, err := c.source.send("DELETE", "/v2/"+c.repo+"/manifests/"+ref, nil)
		if err == nil && a.status != http.StatusAccepted && a.status != http.StatusNotFound {
			err = &statusError{a}
		}
		return err
	})
	if err != nil {
		return err
	}
	if ref == tag {
		// Without its last tag the image itself is there still.
		delete(c.tags, tag)
		delete(c.pushed, tag)
		return nil
	}
	delete(c.alive, d)
	for tag, tagged := range c.tags {
		if tagged == d {
			delete(c.tags, tag)
			delete(c.pushed, tag)
		}
	}
	return nil
}

// checkSource: prod has exactly what was acknowledged, whichever process answers.
func (c *trafficClient) checkSource(tag string) error {
	d, ok := c.tags[tag]
	if !ok {
		return c.insist(func() error { return c.source.wantAbsent(c.repo, tag) })
	}
	return c.insist(func() error { return c.source.wantPull(c.repo, tag, d) })
}

// checkTarget: dev has the tag not yet, or an image that can be pulled whole,
// and never goes back.
func (c *trafficClient) checkTarget(tag string) error {
	return c.insist(func() error {
		d, err := c.target.pull(c.repo, tag)
		var refused *statusError
		if errors.As(err, &refused) && refused.answer.status == http.StatusNotFound &&
			(refused.answer.code() == "MANIFEST_UNKNOWN" || refused.answer.code() == "NAME_UNKNOWN") &&
			!strings.Contains(err.Error(), "child of") {
			if c.seen[tag] > 0 {
				return fmt.Errorf("dev had %s %s and lost it", c.repo, tag)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("dev shows %s %s, but it cannot be pulled whole: %w", c.repo, tag, err)
		}
		number, known := c.number[d]
		if !known {
			return fmt.Errorf("dev's %s %s is %s, which its only client never pushed", c.repo, tag, d)
		}
		if number < c.seen[tag] {
			return fmt.Errorf("dev's %s %s went back from push %d to %d", c.repo, tag, c.seen[tag], number)
		}
		c.seen[tag] = number
		return nil
	})
}

// end stops the clients, once nothing is wrong any more, and checks that all
// that was acknowledged is there and has been replicated.
func (tr *traffic) end() {
	t := tr.t
	t.Helper()
	tr.stop()
	if t.Failed() {
		t.FailNow()
	}
	var checks sync.WaitGroup
	for _, c := range tr.clients {
		checks.Go(func() {
			if err := c.checkAll(); err != nil {
				t.Errorf("client %d of %s: %v", c.n, c.repo, err)
			}
		})
	}
	checks.Wait()
	for i := range trafficRepos {
		repo := fmt.Sprint("app", i)
		d, err := tr.source.pull(repo, "latest")
		if err == nil {
			eventually(t, patience, func() error { return tr.target.wantPull(repo, "latest", d) })
		}
	}
	// Nothing went on.
	if a := tr.s.oci(dev, oregon).do("GET", "_catalog", nil); bytes.Contains(a.body, []byte("app")) {
		t.Errorf("what was replicated to dev went on to its other Region: %s", a.body)
	}
	t.Logf("%d pushes were acknowledged, %d attempts repeated", tr.pushes.Load(), tr.repeated.Load())
}

func (c *trafficClient) checkAll() error {
	guesser := c.s.oci(mallory, tokyo)
	for _, tag := range slices.Sorted(maps.Keys(c.tags)) {
		if err := c.checkSource(tag); err != nil {
			return fmt.Errorf("acknowledged, but %w", err)
		}
	}
	for i, d := range slices.Sorted(maps.Keys(c.alive)) {
		if i >= 40 {
			break // a fair share: all of a long run would take as long again
		}
		if err := c.source.wantPull(c.repo, d.String(), d); err != nil {
			return fmt.Errorf("acknowledged, but %w", err)
		}
		if err := c.waitReplicated(d); err != nil {
			return err
		}
		if layer, ok := c.layerOf[d]; ok {
			// The bytes are there, but mallory has no link to them.
			if a, err := guesser.send("HEAD", "/v2/"+c.repo+"/blobs/"+layer.String(), nil); err != nil ||
				a.status != http.StatusNotFound {
				return fmt.Errorf("mallory guesses a digest and gets %v, %v", a.status, err)
			}
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(c.pushed)) {
		if err := c.wait(func() error { return c.target.wantPull(c.repo, tag, c.tags[tag]) }); err != nil {
			return fmt.Errorf("the last push is not what dev has: %w", err)
		}
	}
	return nil
}

func (c *trafficClient) waitReplicated(d digest.Digest) error {
	return c.wait(func() error {
		out, err := c.s.ecr(prod, tokyo).DescribeImageReplicationStatus(ctx, &ecr.DescribeImageReplicationStatusInput{
			RepositoryName: &c.repo, ImageId: imageID(d.String()),
		})
		if err != nil {
			return err
		}
		if len(out.ReplicationStatuses) != 1 {
			return fmt.Errorf("%s has %d replications, want 1", d, len(out.ReplicationStatuses))
		}
		if status := out.ReplicationStatuses[0]; status.Status != types.ReplicationStatusComplete {
			return fmt.Errorf("the replication of %s is %s (%s)", d, status.Status, aws.ToString(status.FailureCode))
		}
		return nil
	})
}

// wait is eventually for other goroutines than the test's.
func (c *trafficClient) wait(check func() error) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := check()
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// empty deletes all repositories; then sweeps leave nothing of them, but for
// uploads that were broken off, which have a day.
func (tr *traffic) empty() {
	t := tr.t
	t.Helper()
	for _, of := range []account{prod, dev} {
		for i := range trafficRepos {
			name := fmt.Sprint("app", i)
			_, err := tr.s.ecr(of, tokyo).DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: &name, Force: true})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	// How long that takes depends on how much there is: it must become less. First
	// go the rows, which are not counted.
	least, since := int64(math.MaxInt64), time.Now()
	for {
		n := int64(tr.s.objects())
		if n <= tr.abandoned.Load() {
			return
		}
		if n < least {
			least, since = n, time.Now()
		}
		if time.Since(since) > 5*stubborn {
			t.Fatalf("%d objects are left of nothing, but for at most %d uploads that were broken off", n, tr.abandoned.Load())
		}
		time.Sleep(100 * time.Millisecond)
	}
}
