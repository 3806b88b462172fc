package test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/test/servers"
)

// TestPeersTorture pushes images and indexes, retags and deletes at one deployment
// while it replicates all of that to another, and whatever may go wrong between
// them and with their processes does, in an order that TORTURE_SEED repeats. In
// the end each tag is at the destination what the last change at the source made
// of it, and no image that was deleted is there. TORTURE_TIME says how long it lasts.
func TestPeersTorture(t *testing.T) {
	ownStores(t)
	t.Parallel()
	newPeersTorture(t, 1, func() stores { return stores{} })
}

// TestPeersTortureCluster is TestPeersTorture with two processes on either side.
func TestPeersTortureCluster(t *testing.T) {
	ownStores(t)
	t.Parallel()
	newPeersTorture(t, 2, func() stores { return sharedStores(servers.Postgres(t), servers.S3(t), noRedirect) })
}

func newPeersTorture(t *testing.T, processes int, own func() stores) {
	t.Helper()
	seed := rand.Uint64N(1_000_000)
	if text := os.Getenv("TORTURE_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("TORTURE_SEED is not a number: %q", text)
		}
	}
	length := 10 * time.Second
	if text := os.Getenv("TORTURE_TIME"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("TORTURE_TIME is not a time such as 5m: %q", text)
		}
	}
	pt := &peersTorture{t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 0))}
	pt.here = newDeployment(t, tokyo, processes, own())
	pt.there, pt.faults = faultyDeployment(t, oregon, processes, own())
	pt.here.faulty, pt.there.faulty = true, true
	pt.run(length)
}

// peersTorture is a run of TestPeersTorture.
type peersTorture struct {
	t           *testing.T
	seed        uint64
	random      *rand.Rand
	here, there *deployment
	faults      *servers.HTTPProxy // before there
	changes     atomic.Int64       // that were acknowledged
}

func (pt *peersTorture) run(length time.Duration) {
	t := pt.t
	t.Logf("the seed is %d", pt.seed)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("to repeat it: TORTURE_SEED=%d TORTURE_TIME=%v go test -run '^%s$' ./test", pt.seed, length,
				t.Name())
		}
	})
	join(pt.here, pt.there)
	pt.there.grant(dev, oregon, prod, "ReplicateImage", "CreateRepository")
	pt.here.replicateWithDeletes(prod, devOregon)
	var running sync.WaitGroup
	stop := make(chan struct{})
	clients := make([]*peersClient, 4)
	for n := range clients {
		clients[n] = &peersClient{
			peersTorture: pt, repo: fmt.Sprint("app", n%2), n: n, random: rand.New(rand.NewPCG(pt.seed, uint64(n+1))),
			source: pt.here.oci(prod, tokyo), tags: map[string]digest.Digest{}, alive: map[digest.Digest]manifest{},
		}
		if n < 2 {
			pt.here.createRepository(prod, tokyo, clients[n].repo)
		}
		running.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := clients[n].step(); err != nil {
					t.Errorf("client %d: %v", n, err)
					return
				}
			}
		})
	}
	t.Cleanup(running.Wait)
	end := sync.OnceFunc(func() { close(stop) })
	t.Cleanup(end) // before it waits
	faults := pt.all()
	for begun := time.Now(); time.Since(begun) < length && !t.Failed(); {
		f := faults[pt.random.IntN(len(faults))]
		t.Logf("%v: %s, after %d changes", time.Since(begun).Round(time.Millisecond), f.name, pt.changes.Load())
		f.do()
		pt.progress(int64(5 + pt.random.IntN(20)))
	}
	end()
	running.Wait()
	if t.Failed() {
		return
	}
	quiet := time.Now()
	eventually(t, 3*time.Minute, func() error {
		// What was refused is tried again a while after the grant.
		left := append(pt.here.replications(prod, "IN_PROGRESS"), pt.here.replications(prod, "FAILED")...)
		if len(left) > 0 {
			return fmt.Errorf("%d replications are left, such as %+v", len(left), left[0])
		}
		return nil
	})
	t.Logf("%d changes; all is replicated %v after the last", pt.changes.Load(),
		time.Since(quiet).Round(time.Millisecond))
	source, target := pt.here.oci(prod, tokyo), pt.there.oci(dev, oregon)
	want := map[string]map[string]digest.Digest{"app0": {}, "app1": {}}
	for _, c := range clients {
		maps.Copy(want[c.repo], c.tags)
	}
	for repo := range want {
		there := pt.there.images(dev, oregon, repo)
		for d := range pt.here.images(prod, tokyo, repo) {
			delete(there, d)
		}
		if len(there) > 0 {
			t.Errorf("%s has images at the destination that were deleted: %v", repo, there)
		}
	}
	for repo, tags := range want {
		for side, c := range map[string]*ociClient{"source": source, "destination": target} {
			if a := c.do("GET", repo+"/tags/list", nil); a.status == http.StatusNotFound && len(tags) == 0 {
				continue // it was never created there
			}
			got := c.allTags(repo)
			for _, tag := range slices.Sorted(maps.Keys(tags)) {
				if got[tag] != tags[tag] {
					t.Errorf("%s:%s is %q at the %s, want %s", repo, tag, got[tag], side, tags[tag])
				}
			}
			for tag, d := range got {
				if _, ok := tags[tag]; !ok {
					t.Errorf("%s:%s was deleted, and is %s at the %s", repo, tag, d, side)
				}
			}
		}
	}
}

// images are the digests of a repository's images.
func (d *deployment) images(a account, region, repo string) map[string]bool {
	d.t.Helper()
	all := map[string]bool{}
	pages := ecr.NewListImagesPaginator(d.ecr(a, region), &ecr.ListImagesInput{RepositoryName: &repo})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, id := range page.ImageIds {
			all[*id.ImageDigest] = true
		}
	}
	return all
}

// progress waits until n more changes were acknowledged.
func (pt *peersTorture) progress(n int64) {
	pt.t.Helper()
	before := pt.changes.Load()
	eventually(pt.t, stubborn, func() error {
		if done := pt.changes.Load() - before; done < n && !pt.t.Failed() {
			return fmt.Errorf("%d changes of %d", done, n)
		}
		return nil
	})
}

// rest waits for up to a second and a half.
func (pt *peersTorture) rest() { time.Sleep(time.Duration(pt.random.IntN(1500)) * time.Millisecond) }

type namedFault struct {
	name string
	do   func()
}

// all are the faults.
func (pt *peersTorture) all() (all []namedFault) {
	add := func(name string, do func()) { all = append(all, namedFault{name, do}) }
	for name, d := range map[string]*deployment{"the source": pt.here, "the destination": pt.there} {
		kill := func(signal syscall.Signal) {
			node := d.nodes[pt.random.IntN(len(d.nodes))]
			node.kill(signal)
			node.http.CloseIdleConnections()
			pt.rest()
			node.start()
		}
		add(name+" is killed", func() { kill(syscall.SIGKILL) })
		add(name+" restarts", func() { kill(syscall.SIGTERM) })
		add(name+" hangs", func() {
			node := d.nodes[pt.random.IntN(len(d.nodes))]
			node.cmd.Process.Signal(syscall.SIGSTOP)
			pt.rest()
			node.cmd.Process.Signal(syscall.SIGCONT)
		})
	}
	add("both are killed", func() {
		for _, d := range []*deployment{pt.here, pt.there} {
			for _, node := range d.nodes {
				node.kill(syscall.SIGKILL)
				node.http.CloseIdleConnections()
			}
		}
		pt.here.start()
		pt.there.start()
	})
	line := pt.there.line
	heal := func() {
		if err := line.Heal(); err != nil {
			pt.t.Fatal(err)
		}
	}
	for _, fault := range lineFaults {
		add("the line: "+fault.name, func() {
			fault.do(line)
			pt.rest()
			heal()
		})
	}
	add("the line: cut again and again", func() {
		line.CutEvery(servers.ToServer, 200_000)
		line.CutEvery(servers.ToClient, 20_000)
		pt.rest()
		heal()
	})
	add("the destination takes its grant back", func() {
		if _, err := pt.there.ecr(dev, oregon).DeleteRegistryPolicy(ctx, &ecr.DeleteRegistryPolicyInput{}); err != nil {
			pt.t.Fatal(err)
		}
		pt.rest()
		pt.there.grant(dev, oregon, prod, "ReplicateImage", "CreateRepository")
	})
	if len(pt.there.nodes) == 1 {
		add("the destination is restored from a backup", func() {
			backup := pt.there.backup()
			pt.rest()
			pt.there.restore(backup)
		})
	}
	add("the answers are wrong", func() {
		share := pt.random.Float64()
		pt.faults.Rule(func(*http.Request) servers.Fault {
			if rand.Float64() < share {
				return peerFault()
			}
			return servers.Fault{}
		})
		pt.rest()
		pt.faults.Rule(nil)
	})
	// So that a seed repeats them.
	slices.SortFunc(all, func(a, b namedFault) int { return strings.Compare(a.name, b.name) })
	return all
}

// peerFault is something that may happen to a request between peers.
func peerFault() servers.Fault {
	wait := http.Header{"Retry-After": {"1"}}
	switch rand.IntN(8) {
	case 0:
		return servers.AnswerWith(http.StatusOK, http.Header{}, "<h1>Hello</h1>")
	case 1:
		return servers.AnswerWith(http.StatusInternalServerError, http.Header{}, "oops")
	case 2:
		return servers.AnswerWith(http.StatusTooManyRequests, wait, "slow down")
	case 3:
		return servers.AnswerWith(http.StatusServiceUnavailable, wait, "starting")
	case 4:
		return servers.CutRequest(rand.Int64N(100_000))
	case 5:
		return servers.CutAnswer(rand.Int64N(500))
	case 6:
		return servers.TruncateAnswer(rand.Int64N(500))
	}
	return servers.LoseAnswer()
}

// peersClient changes tags that nobody else touches, and remembers what they must be.
type peersClient struct {
	*peersTorture
	n      int
	repo   string
	random *rand.Rand
	source *ociClient
	count  int
	tags   map[string]digest.Digest
	alive  map[digest.Digest]manifest // what it has pushed and not deleted
}

type manifest struct {
	mediaType string
	data      []byte
}

func (c *peersClient) step() error {
	tag := fmt.Sprintf("c%d-%d", c.n, c.random.IntN(4))
	dice := c.random.IntN(100)
	var err error
	switch {
	case dice < 45 || len(c.alive) == 0:
		err = c.push(tag, c.random.IntN(10) == 0)
	case dice < 70:
		all := slices.Sorted(maps.Keys(c.alive))
		d := all[c.random.IntN(len(all))]
		err = c.put(tag, d, c.alive[d])
	case dice < 85:
		if _, ok := c.tags[tag]; ok {
			err = c.delete(tag)
			delete(c.tags, tag)
		}
	default:
		if d, ok := c.tags[tag]; ok {
			err = c.delete(d.String())
			delete(c.alive, d)
			maps.DeleteFunc(c.tags, func(_ string, of digest.Digest) bool { return of == d })
		}
	}
	c.changes.Add(1)
	return err
}

// push pushes an image of its own, or an index of one.
func (c *peersClient) push(tag string, index bool) error {
	c.count++
	layer := fmt.Appendf(nil, "the layer %d of %d", c.random.IntN(5), c.seed) // that others have, too
	switch c.random.IntN(12) {
	case 0:
		layer = noise(6 << 20)
	case 1, 2, 3, 4:
		layer = noise(1 + c.random.IntN(200_000))
	}
	image := makeImageOf(layer)
	image.manifest = []byte(strings.Replace(string(image.manifest), "{",
		fmt.Sprintf(`{"annotations":{"by":"%d-%d"},`, c.n, c.count), 1))
	image.digest = digest.FromBytes(image.manifest)
	for _, blob := range [][]byte{image.config, image.layer} {
		if err := c.insist(func() error { _, err := c.source.putBlob(c.repo, blob); return err }); err != nil {
			return err
		}
	}
	m := manifest{ocispec.MediaTypeImageManifest, image.manifest}
	if !index {
		return c.put(tag, image.digest, m)
	}
	err := c.insist(func() error {
		return c.source.putManifest(c.repo, image.digest.String(), m.mediaType, m.data)
	})
	if err != nil {
		return err
	}
	of := makeIndex(image.descriptor())
	return c.put(tag, digest.FromBytes(of), manifest{ocispec.MediaTypeImageIndex, of})
}

func (c *peersClient) put(tag string, d digest.Digest, m manifest) error {
	err := c.insist(func() error { return c.source.putManifest(c.repo, tag, m.mediaType, m.data) })
	if err == nil {
		c.tags[tag], c.alive[d] = d, m
	}
	return err
}

func (c *peersClient) delete(ref string) error {
	return c.insist(func() error {
		a, err := c.source.send("DELETE", "/v2/"+c.repo+"/manifests/"+ref, nil)
		// The answer to a try before may have been lost.
		if err == nil && a.status != http.StatusAccepted && a.status != http.StatusNotFound {
			err = &statusError{a}
		}
		return err
	})
}

// insist repeats a change as clients do.
func (c *peersClient) insist(do func() error) error {
	return insist(stubborn, func() error {
		err := do()
		var refused *statusError
		if errors.As(err, &refused) && refused.answer.status == http.StatusTooManyRequests {
			return errors.New("too many requests") // it waits, and tries again
		}
		return err
	})
}
