package registry_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/sweep"
)

// races is how often a push and a sweep meet in each of the tests below.
func races(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("TEST_RACES"))
	if err != nil {
		return 120
	}
	t.Logf("%d races", n)
	return n
}

const racers = 24

// racer pushes one digest of its own, again and again.
type racer struct {
	*domain
	content string
	digest  digest.Digest
	a, b, c resource.Repository
}

func newRacer(d *domain, i int) *racer {
	r := &racer{domain: d, content: fmt.Sprint("layer of ", i)}
	r.digest = digest.FromString(r.content)
	for at, name := range map[*resource.Repository]string{&r.a: "a", &r.b: "b", &r.c: "c"} {
		*at = resource.Repository{Registry: prod, Name: fmt.Sprint(name, i)}
		d.create(*at)
	}
	return r
}

func (r *racer) push(ref resource.Repository) error {
	_, err := r.PutLayer(ctx, root(prodAccount), ref, r.digest, strings.NewReader(r.content))
	return err
}

func (r *racer) unlink(ref resource.Repository) error { return r.loseLink(ref, r.digest) }

// whole reads the layer from a repository that has a link to it.
func (r *racer) whole(ref resource.Repository) error {
	_, content, err := r.OpenLayer(ctx, root(ref.Registry.Account), ref, r.digest)
	if err != nil {
		return fmt.Errorf("an acknowledged push to %s: %w", ref.Name, err)
	}
	defer content.Close()
	got, err := io.ReadAll(content)
	if err != nil || string(got) != r.content {
		return fmt.Errorf("the bytes in %s: %q, %w", ref.Name, got, err)
	}
	return nil
}

// image is a manifest that names the layer, another one each time.
func (r *racer) image(n int) []byte {
	return marshal(r.t, ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: r.digest, Size: int64(len(r.content))},
		Layers:    []ocispec.Descriptor{}, Annotations: map[string]string{"n": strconv.Itoa(n)}})
}

// sweep goes through the steps with no grace, and returns what was found.
func (d *domain) sweep(steps ...sweep.Step) (found int64, err error) {
	for _, step := range steps {
		for after := ""; ; {
			p, err := d.swept.Sweep(ctx, step, after, 0, false)
			if err != nil {
				return found, err
			}
			found += p.Found
			if after = p.Next; after == "" {
				break
			}
		}
	}
	return found, nil
}

// meet runs the functions at the same moment, give or take a little.
func meet(fns ...func() error) error {
	errs := make([]error, len(fns))
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i, fn := range fns {
		pause := rand.N(2 * time.Millisecond)
		wg.Go(func() {
			<-start
			time.Sleep(pause)
			errs[i] = fn()
		})
	}
	close(start)
	wg.Wait()
	return errors.Join(errs...)
}

// race runs rounds of racers side by side while another sweep looks for orphans
// all the time. In the end, with all links gone, nothing is left.
func race(t *testing.T, d *domain, round func(r *racer, n int) error) {
	var next atomic.Int64
	total := int64(races(t))
	var busy, orphans sync.WaitGroup
	var stop atomic.Bool
	orphans.Go(func() {
		for !stop.Load() {
			if _, err := d.sweep("uploads", "leftovers", "objects", "garbage"); err != nil {
				t.Errorf("sweep: %v", err)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	all := make([]*racer, racers)
	for i := range all {
		all[i] = newRacer(d, i)
	}
	for _, r := range all {
		busy.Go(func() {
			for n := next.Add(1); n <= total && !t.Failed(); n = next.Add(1) {
				if err := round(r, int(n)); err != nil {
					t.Errorf("round %d: %v", n, err)
				}
			}
		})
	}
	busy.Wait()
	stop.Store(true)
	orphans.Wait()
	for _, r := range all {
		for _, ref := range []resource.Repository{r.a, r.b, r.c} {
			if err := r.unlink(ref); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := d.sweep(sweep.Steps...); err != nil {
		t.Fatal(err)
	}
	d.wantEmpty()
}

// wantEmpty checks that neither blobs nor objects nor garbage are left.
func (d *domain) wantEmpty() {
	d.t.Helper()
	blobs, err := d.meta.Read(ctx).Upkeep().Blobs("", 10)
	garbage, garbageErr := d.meta.Read(ctx).Upkeep().Garbage("", 10)
	if len(blobs)+len(garbage) > 0 || errors.Join(err, garbageErr) != nil {
		d.t.Errorf("left are the blobs %v and the garbage %v, %v", blobs, garbage, errors.Join(err, garbageErr))
	}
	for o, err := range d.blobs.Objects(ctx, "") {
		d.t.Errorf("left is the object %v, %v", o, err)
	}
}

// The last link of a blob is removed and the blob dropped, at the very moment
// when others push it, mount it, or replicate an image that names it.
func TestPushMeetsTheSweepOfItsBlob(t *testing.T) {
	d := openStill(t)
	d.replicateTo(dev)
	d.grant(dev)
	var dropped, mounted, replicated, kinds [4]atomic.Int64
	race(t, d, func(r *racer, n int) error {
		kind := n % 4
		kinds[kind].Add(1)
		if err := r.push(r.a); err != nil {
			return err
		}
		drop := func() error {
			if err := r.unlink(r.a); err != nil {
				return err
			}
			found, err := d.sweep("blobs", "garbage")
			dropped[kind].Add(found)
			return err
		}
		switch kind {
		case 0: // nothing links it but what is pushed now
			if err := r.unlink(r.a); err != nil {
				return err
			}
			if err := meet(drop2(d, &dropped[kind]), func() error { return r.push(r.b) }); err != nil {
				return err
			}
			return errors.Join(r.whole(r.b), r.unlink(r.b))
		case 1:
			if err := meet(drop, func() error { return r.push(r.b) }, func() error { return r.push(r.c) }); err != nil {
				return err
			}
			return errors.Join(r.whole(r.b), r.whole(r.c), r.unlink(r.b), r.unlink(r.c))
		case 2:
			done := false
			if err := meet(drop, func() (err error) {
				done, err = d.MountLayer(ctx, root(prodAccount), r.b, r.digest, &r.a)
				return err
			}); err != nil || !done {
				return err
			}
			mounted[kind].Add(1)
			return errors.Join(r.whole(r.b), r.unlink(r.b))
		}
		raw := r.image(n)
		image := d.put(r.a, raw, "t")
		row, err := d.meta.Repository(ctx, prodAccount, prod.Region, r.a.Name, nil)
		if err != nil {
			return err
		}
		queued, err := d.meta.Read(ctx).Replications().Of(row.ID, string(image), 1)
		if err != nil || len(queued) != 1 {
			return fmt.Errorf("queued: %v, %w", queued, err)
		}
		var outcome metadata.Replication
		if err := meet(drop, func() (err error) {
			outcome, err = d.Replicate(ctx, queued[0].ID)
			return err
		}); err != nil {
			return err
		}
		copied := resource.Repository{Registry: dev, Name: r.a.Name}
		switch {
		case outcome.State == metadata.ReplicationComplete:
			replicated[kind].Add(1)
			if err := errors.Join(r.whole(copied), d.DeleteManifest(ctx, root(devAccount), copied, image),
				r.unlink(copied)); err != nil {
				return err
			}
		case outcome.FailureCode != "SourceImageIncomplete":
			return fmt.Errorf("the replication: %+v", outcome)
		}
		return d.DeleteManifest(ctx, root(prodAccount), r.a, image)
	})
	t.Logf("of uploads %d, %d; mounts %d of %d done; replications %d of %d done; dropped %d, %d, %d, %d",
		kinds[0].Load(), kinds[1].Load(), mounted[2].Load(), kinds[2].Load(), replicated[3].Load(), kinds[3].Load(),
		dropped[0].Load(), dropped[1].Load(), dropped[2].Load(), dropped[3].Load())
}

func drop2(d *domain, dropped *atomic.Int64) func() error {
	return func() error {
		found, err := d.sweep("blobs", "garbage")
		dropped.Add(found)
		return err
	}
}

// A manifest is put at the very moment when the links to its layers, which no
// manifest needs yet, are swept: it is refused, or its layers stay.
func TestPutMeetsTheSweepOfItsLinks(t *testing.T) {
	d := openStill(t)
	var done, refused atomic.Int64
	race(t, d, func(r *racer, n int) error {
		if err := r.push(r.a); err != nil {
			return err
		}
		raw := r.image(n)
		var putErr error
		if err := meet(func() error {
			_, err := d.sweep("links", "blobs", "garbage")
			return err
		}, func() error {
			_, putErr = d.PutManifest(ctx, root(prodAccount), r.a, registry.NewManifest{
				Bytes: raw, Digest: digest.FromBytes(raw),
			})
			return nil
		}); err != nil {
			return err
		}
		if registry.CodeOf(putErr) == registry.LayersNotFound {
			refused.Add(1)
			return nil
		}
		if putErr != nil {
			return putErr
		}
		done.Add(1)
		if err := r.whole(r.a); err != nil {
			return err
		}
		return d.DeleteManifest(ctx, root(prodAccount), r.a, digest.FromBytes(raw))
	})
	t.Logf("%d puts done, %d refused", done.Load(), refused.Load())
	if done.Load() == 0 || refused.Load() == 0 {
		t.Error("the two never met")
	}
}
