package registry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/sweep"
)

// publish makes an object of the content, as an upload does, without a word to
// the metadata.
func (d *domain) publish(session, content string) (object string) {
	d.t.Helper()
	u, err := d.blobs.Upload(ctx, session, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	defer u.Close()
	dg := digest.FromString(content)
	_, err = u.ReadFrom(strings.NewReader(content))
	if err = errors.Join(err, u.Verify(ctx, dg)); err != nil {
		d.t.Fatal(err)
	}
	if object, err = u.Commit(ctx, dg); err != nil {
		d.t.Fatal(err)
	}
	return object
}

func (d *domain) objects() map[string]int64 {
	d.t.Helper()
	all := map[string]int64{}
	for o, err := range d.blobs.Objects(ctx, "") {
		if err != nil {
			d.t.Fatal(err)
		}
		all[o.Name] = o.Size
	}
	return all
}

// counts are what a whole sweep finds.
type counts map[sweep.Step]sweep.Page

func (d *domain) sweepAll(dry bool) counts {
	d.t.Helper()
	c := counts{}
	err := sweep.Once(ctx, d.swept, time.Hour, dry, func(step sweep.Step, p sweep.Page) {
		p.Next, p.Found, p.Bytes = "", p.Found+c[step].Found, p.Bytes+c[step].Bytes
		c[step] = p
	})
	if err != nil {
		d.t.Error(err)
	}
	return c
}

// A crash between the object and its blob leaves an object that nothing knows.
// One whose session has its record may yet become a blob.
func TestOrphanObjectsAreSwept(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	kept := d.pushLayer(in(prod), "kept")
	orphan := d.publish(uuid.NewString(), "orphan")
	session := d.startUpload(in(prod))
	underWay := d.publish(session, "under way")
	if found, err := d.sweep("objects"); err != nil || found != 1 {
		t.Errorf("found %d, %v", found, err)
	}
	have := d.objects()
	if _, there := have[orphan]; there || len(have) != 2 {
		t.Errorf("left are %v", have)
	}
	if _, there := have[underWay]; !there {
		t.Error("the object of an upload under way was deleted")
	}
	// The client goes on where the server was when it ended.
	if err := d.complete(session, "under way"); err != nil {
		t.Fatal(err)
	}
	if found, err := d.sweep("objects", "garbage"); err != nil || found != 0 {
		t.Errorf("found %d, %v", found, err)
	}
	for _, dg := range []digest.Digest{kept.Digest, digest.FromString("under way")} {
		_, content, err := d.OpenLayer(ctx, root(prodAccount), in(prod), dg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(content); err != nil {
			t.Error(err)
		}
		content.Close()
	}
}

// failing is a store of bytes whose deletes fail for as long as err is set.
type failing struct {
	blob.Store
	err    atomic.Pointer[error]
	locked string // an object that cannot be deleted
}

func (f *failing) Delete(ctx context.Context, objects []string) error {
	if err := f.err.Load(); err != nil {
		if len(objects) > 1 { // some may be gone
			_ = f.Store.Delete(ctx, objects[:1])
		}
		return *err
	}
	if slices.Contains(objects, f.locked) {
		return errors.New("an object is locked")
	}
	return f.Store.Delete(ctx, objects)
}

// What could not be deleted stays garbage, until it can.
func TestGarbageOutlivesFailedDeletes(t *testing.T) {
	d := openStill(t)
	store := &failing{Store: d.blobs}
	s := sweep.NewStores(d.meta, store, slog.New(slog.DiscardHandler), d.clock.now)
	d.create(in(prod))
	for i := range 3 {
		d.pushLayer(in(prod), fmt.Sprint("layer ", i))
	}
	if found, err := d.sweep("links", "blobs"); err != nil || found != 6 {
		t.Fatalf("found %d, %v", found, err)
	}
	for _, fault := range []error{errors.New("injected"), blob.ErrBusy, blob.ErrUnavailable} {
		store.err.Store(&fault)
		if p, err := s.Sweep(ctx, "garbage", "", 0, false); !errors.Is(err, fault) || p != (sweep.Page{}) {
			t.Errorf("%v: %+v, %v", fault, p, err)
		}
		if garbage, err := d.meta.Read(ctx).Upkeep().Garbage("", 10); err != nil || len(garbage) != 3 {
			t.Errorf("%v: %d pieces of garbage are left, %v", fault, len(garbage), err)
		}
	}
	store.err.Store(nil)
	// One that cannot be deleted does not keep the others.
	garbage, err := d.meta.Read(ctx).Upkeep().Garbage("", 10)
	if err != nil {
		t.Fatal(err)
	}
	store.locked = garbage[0].Object
	for _, want := range []int64{2, 0} {
		if p, err := s.Sweep(ctx, "garbage", "", 0, false); err != nil || p.Found != want {
			t.Errorf("%+v, %v", p, err)
		}
	}
	store.locked = ""
	if p, err := s.Sweep(ctx, "garbage", "", 0, false); err != nil || p.Found != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	d.wantEmpty()
}

// While a backup copies files none is deleted.
func TestSweepWaitsForABackup(t *testing.T) {
	d := openStill(t)
	files, ok := d.blobs.(interface {
		HoldDeletes(context.Context) (func(), error)
	})
	if !ok {
		return // backups of buckets are the bucket's
	}
	d.create(in(prod))
	d.pushLayer(in(prod), "layer")
	release, err := files.HoldDeletes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.sweep(sweep.Steps...); !errors.Is(err, blob.ErrBusy) {
		t.Errorf("during a backup: %v", err)
	}
	if len(d.objects()) != 1 {
		t.Error("an object was deleted during the backup")
	}
	release()
	if _, err := d.sweep(sweep.Steps...); err != nil {
		t.Error(err)
	}
	d.wantEmpty()
}

// mess leaves something for each step of a sweep, and something to keep.
func (d *domain) mess() {
	d.t.Helper()
	ref := in(prod)
	d.create(ref)
	d.put(ref, d.image(ref, "kept"), "latest")
	second := resource.Repository{Registry: prod, Name: "second"}
	d.create(second)
	for i := range 5 {
		d.pushLayer(ref, fmt.Sprint("unused ", i)) // links of no manifest, one blob with two of them
	}
	d.pushLayer(second, "unused 0")
	unlinked := d.pushLayer(ref, "unlinked")
	garbage := d.pushLayer(ref, "garbage")
	if err := d.DeleteLayer(ctx, root(prodAccount), ref, garbage.Digest); err != nil {
		d.t.Fatal(err)
	}
	if found, err := d.sweep("blobs"); err != nil || found != 1 {
		d.t.Fatalf("%d, %v", found, err)
	}
	if err := d.DeleteLayer(ctx, root(prodAccount), ref, unlinked.Digest); err != nil {
		d.t.Fatal(err)
	}
	d.publish(uuid.NewString(), "orphan")
	d.leaveBehind(uuid.NewString(), "left behind")
	d.startUpload(ref) // idle
	d.clock.advance(48 * time.Hour)
	d.pushLayer(ref, "young")
	d.startUpload(ref)
}

// TestUploadOfAClockAheadIsSwept: it began while the clock was a year ahead. It
// may be under way when the clock is set right, and has a day from then on.
func TestUploadOfAClockAheadIsSwept(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.clock.advance(365 * 24 * time.Hour)
	id := d.startUpload(in(prod))
	d.clock.advance(-363 * 24 * time.Hour)
	if found, err := d.sweep("uploads"); err != nil || found != 0 {
		t.Errorf("%d uploads were swept at once, %v", found, err)
	}
	d.clock.advance(25 * time.Hour)
	if found, err := d.sweep("uploads"); err != nil || found != 1 {
		t.Errorf("%d uploads were swept a day later, %v", found, err)
	}
	if held := d.held(); held != 0 {
		t.Errorf("%s was begun and is kept: %v", id, held)
	}
}

func TestDryRunChangesNothingAndTellsWhatIsFreed(t *testing.T) {
	d := openStill(t)
	d.mess()
	state := func() string {
		blobs, err := d.meta.Read(ctx).Upkeep().Blobs("", 100)
		garbage, garbageErr := d.meta.Read(ctx).Upkeep().Garbage("", 100)
		uploads, uploadsErr := d.meta.Read(ctx).Uploads().Idle(d.clock.now().Add(time.Hour), d.clock.now().Add(2*time.Hour),
			"", 100)
		links, _, linksErr := d.meta.Read(ctx).Upkeep().LayersAfter(metadata.LayerKey{}, 100)
		unused, unusedErr := d.meta.Read(ctx).Upkeep().UnusedLayers(metadata.LayerKey{}, links, d.clock.now())
		if err := errors.Join(err, garbageErr, uploadsErr, linksErr, unusedErr); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(blobs, garbage, uploads, links, unused, d.objects(), d.held())
	}
	before := state()
	predicted := d.sweepAll(true)
	if again := d.sweepAll(true); state() != before || !maps.Equal(predicted, again) {
		t.Error("a dry run changed something")
	}
	freed := d.sweepAll(false)
	if !maps.Equal(predicted, freed) {
		t.Errorf("predicted %v, freed %v", predicted, freed)
	}
	for step, want := range map[sweep.Step]int64{
		"uploads": 1, "leftovers": 1, "links": 6, "blobs": 6, "objects": 1, "garbage": 7,
	} {
		if freed[step].Found != want {
			t.Errorf("%s: %d, want %d", step, freed[step].Found, want)
		}
	}
	for step, p := range d.sweepAll(false) {
		if p.Found != 0 {
			t.Errorf("a second sweep found %d of %s", p.Found, step)
		}
	}
	// What is needed, or young, is there.
	for _, content := range []string{"{}", "kept", "young"} {
		_, bytes, err := d.OpenLayer(ctx, root(prodAccount), in(prod), digest.FromString(content))
		if err != nil {
			t.Fatalf("%s: %v", content, err)
		}
		if got, err := io.ReadAll(bytes); err != nil || string(got) != content {
			t.Errorf("%s: %q, %v", content, got, err)
		}
		bytes.Close()
	}
	if n := len(d.objects()); n != 3 {
		t.Errorf("%d objects are left, want 3", n)
	}
}

// A sweeper that was taken for dead and its successor sweep at once.
func TestSweepsAtOnce(t *testing.T) {
	d := openStill(t)
	d.mess()
	var mu sync.Mutex
	found := map[sweep.Step]int64{}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			err := sweep.Once(ctx, d.swept, time.Hour, false, func(step sweep.Step, p sweep.Page) {
				mu.Lock()
				found[step] += p.Found
				mu.Unlock()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// Links and blobs go once; bytes may be deleted twice, which is no harm.
	if found["links"] != 6 || found["blobs"] != 6 || found["uploads"] != 1 {
		t.Errorf("found %v", found)
	}
	if n := len(d.objects()); n != 3 {
		t.Errorf("%d objects are left, want 3", n)
	}
}

// A page of a sweep looks at a number of links and asks a number of questions,
// however many links there are; that each is answered by an index, TestPlansUseIndexes
// sees. How long pages take is for who reads it: a busy machine has no limits.
func TestPagesOfManyLinks(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	r, err := d.meta.Repository(ctx, prodAccount, prod.Region, in(prod).Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	const batch, page = 500, 2000
	links := max(page+batch, 15*races(t)) // 2,500; in the torture 150,000
	begun := time.Now()
	for i := 0; i < links; i += batch {
		err := d.meta.Update(ctx, func(tx *metadata.Tx) error {
			blobs := make([]metadata.Blob, batch)
			for j := range blobs {
				blobs[j] = metadata.Blob{
					Digest: fmt.Sprintf("sha256:%064d", i+j), Size: 1, Object: fmt.Sprintf("blobs/none-%d", i+j),
				}
			}
			return tx.Layers().Add(r, blobs, false, begun)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("made in %v", time.Since(begun))
	asked := func() int64 {
		if m, shared := d.meta.(*metadata.Postgres); shared {
			return m.RoundTrips()
		}
		return d.meta.(*metadata.SQLite).LookUps()
	}
	for _, step := range []sweep.Step{"links", "blobs"} {
		pages, found, questions, longest, begun := 0, int64(0), int64(0), time.Duration(0), time.Now()
		for after := ""; pages == 0 || after != ""; pages++ {
			before, since := asked(), time.Now()
			p, err := d.swept.Sweep(ctx, step, after, 0, false)
			if err != nil {
				t.Fatal(err)
			}
			longest = max(longest, time.Since(since))
			if p.Found > page {
				t.Errorf("%s: page %d has %d links", step, pages, p.Found)
			}
			n := asked() - before
			if pages == 0 {
				questions = n
			}
			if n > questions+1 { // the last asks where the end is
				t.Errorf("%s: page %d asked %d questions, the first %d", step, pages, n, questions)
			}
			found += p.Found
			after = p.Next
		}
		if found != int64(links) || pages < links/page {
			t.Errorf("%s: %d found in %d pages", step, found, pages)
		}
		t.Logf("%s: %d pages in %v, the longest took %v, the first asked %d questions", step, pages, time.Since(begun),
			longest, questions)
	}
}
