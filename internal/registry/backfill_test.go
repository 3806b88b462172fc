package registry_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// existing has a registry with images that were pushed before there was a rule: one
// with the tags a and b, two with c, three without a tag, and an index with the tag
// multi that names four.
func existing(t *testing.T) *domain {
	t.Helper()
	d := openStill(t)
	d.create(in(prod))
	d.put(in(prod), d.image(in(prod), "one"), "a", "b")
	d.put(in(prod), d.image(in(prod), "two"), "c")
	d.put(in(prod), d.image(in(prod), "three"))
	four := d.image(in(prod), "four")
	d.put(in(prod), four)
	d.put(in(prod), d.index(four), "multi")
	d.grant(dev)
	d.replicateTo(dev)
	return d
}

func (d *domain) startBackfill(to resource.Registry) replication.Backfill {
	d.t.Helper()
	b, err := d.StartBackfill(ctx, root(prodAccount), prod, to)
	if err != nil {
		d.t.Fatal(err)
	}
	return b
}

// backfillPage does a page of the job, and returns the key of the next one.
func (d *domain) backfillPage(after string) string {
	d.t.Helper()
	next, err := d.BackfillJob().Steps[0].Page(ctx, after)
	if err != nil {
		d.t.Fatal(err)
	}
	return next
}

// endBackfills does backfills, and what they queue, until all have ended.
func (d *domain) endBackfills() {
	d.t.Helper()
	key := ""
	for range 1000 {
		if key = d.backfillPage(key); key == "" {
			return
		}
		d.drain()
	}
	d.t.Fatal("backfills do not end")
}

// backfillLike is what there is to say of a backfill, and its results, in their order.
func (d *domain) backfillLike(id string) (b replication.Backfill, like string) {
	d.t.Helper()
	var lines []string
	for after := ""; ; {
		var page []replication.BackfillResult
		var err error
		b, page, after, err = d.BackfillResults(ctx, root(prodAccount), prod, id, "", registry.Page{Limit: 2, After: after})
		if err != nil {
			d.t.Fatal(err)
		}
		for _, r := range page {
			line := strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Tag, r.State, r.FailureCode))
			if len(r.SubImageFailureCodes) > 0 {
				line += fmt.Sprint(" ", r.SubImageFailureCodes)
			}
			lines = append(lines, line)
		}
		if after == "" {
			break
		}
	}
	slices.Sort(lines)
	like = string(b.Status)
	if p := b.Progress; p != nil {
		like += fmt.Sprintf(" %d+%d/%d %v", p.Completed, p.Failed, p.Total, p.FailureCodes)
	}
	return b, strings.Join(append([]string{like}, lines...), "; ")
}

func (d *domain) wantBackfill(id, want string) {
	d.t.Helper()
	if b, got := d.backfillLike(id); got != want {
		d.t.Errorf("got  %s\nwant %s", got, want)
	} else if ended := slices.Contains([]replication.BackfillStatus{
		metadata.BackfillComplete, metadata.BackfillFailed, metadata.BackfillStopped,
	}, b.Status); ended == b.EndedAt.IsZero() {
		d.t.Errorf("%s ended at %v", b.Status, b.EndedAt)
	}
}

const (
	allFive       = "; COMPLETE; a COMPLETE; b COMPLETE; c COMPLETE; multi COMPLETE"
	allFiveFailed = "; FAILED %[1]s; a FAILED %[1]s; b FAILED %[1]s; c FAILED %[1]s; multi FAILED %[1]s"
)

func TestBackfill(t *testing.T) {
	d := existing(t)
	b := d.startBackfill(dev)
	if b.Status != metadata.BackfillPreparing || b.Progress != nil || b.StartedAt.IsZero() || b.Destination != dev {
		t.Errorf("started: %+v", b)
	}
	d.wantBackfill(b.ID, "PREPARING")
	key := d.backfillPage("")
	d.wantBackfill(b.ID, "IN_PROGRESS 0+0/5 []")
	d.backfillPage(key)
	d.wantBackfill(b.ID, "IN_PROGRESS 0+0/5 []")
	d.endBackfills()
	d.wantBackfill(b.ID, "COMPLETE 5+0/5 []"+allFive)
	images := func(ref resource.Repository) map[digest.Digest]string {
		all, _, err := d.ListImages(ctx, root(ref.Registry.Account), ref, registry.AnyTagStatus, registry.Page{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		tags := map[digest.Digest]string{}
		for _, image := range all {
			tags[image.Digest] = fmt.Sprint(image.Tags)
		}
		return tags
	}
	if got, want := images(in(dev)), images(in(prod)); !maps.Equal(got, want) {
		t.Errorf("copied were %v, want %v", got, want)
	}
	if all := d.statuses(in(prod), registry.Reference{Tag: "c"}); len(all) != 1 || all[0].State != replication.Complete {
		t.Errorf("status: %+v", all)
	}

	// Another one finds all there. What was deleted there since comes back.
	d.batchDelete(in(dev), registry.Reference{Tag: "a"}, registry.Reference{Tag: "c"})
	b = d.startBackfill(dev)
	d.endBackfills()
	d.wantBackfill(b.ID, "COMPLETE 5+0/5 []"+allFive)
	for _, tag := range []string{"a", "c"} {
		if _, err := d.resolve(in(dev), registry.Reference{Tag: tag}); err != nil {
			t.Errorf("tag %s: %v", tag, err)
		}
	}
}

// What happens after the images of a backfill were found.
func TestBackfillMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(d *domain)
		want string
	}{
		"nothing": {func(*domain) {}, "COMPLETE 5+0/5 []" + allFive},
		"an image is deleted": {
			func(d *domain) { d.batchDelete(in(prod), registry.Reference{Tag: "c"}) },
			"COMPLETE 4+1/5 [SourceImageNotFound]; COMPLETE; a COMPLETE; b COMPLETE; c FAILED SourceImageNotFound; " +
				"multi COMPLETE",
		},
		"a tag is deleted": {
			func(d *domain) { d.batchDelete(in(prod), registry.Reference{Tag: "b"}) },
			"COMPLETE 5+0/5 []; COMPLETE; COMPLETE; a COMPLETE; c COMPLETE; multi COMPLETE",
		},
		"a tag moves": {
			func(d *domain) { d.put(in(prod), d.image(in(prod), "five"), "c") },
			"COMPLETE 5+0/5 []; COMPLETE; COMPLETE; a COMPLETE; b COMPLETE; multi COMPLETE",
		},
		"the repository is deleted": {
			func(d *domain) {
				if _, err := d.DeleteRepository(ctx, root(prodAccount), in(prod), true); err != nil {
					d.t.Error(err)
				}
			},
			"COMPLETE 0+5/5 [SourceRepositoryNotFound]" + fmt.Sprintf(allFiveFailed, "SourceRepositoryNotFound"),
		},
		"and made again": {
			func(d *domain) {
				if _, err := d.DeleteRepository(ctx, root(prodAccount), in(prod), true); err != nil {
					d.t.Error(err)
				}
				d.create(in(prod))
				d.put(in(prod), d.image(in(prod), "one"), "a")
			},
			"COMPLETE 2+3/5 [SourceImageNotFound]; COMPLETE; FAILED SourceImageNotFound; a COMPLETE; " +
				"c FAILED SourceImageNotFound; " +
				"multi FAILED SourceImageNotFound",
		},
		"the rule is removed": {
			func(d *domain) { d.replicateTo(third) },
			"COMPLETE 0+5/5 [DestinationNotConfigured]" + fmt.Sprintf(allFiveFailed, "DestinationNotConfigured"),
		},
		"the destination refuses": {
			func(d *domain) {
				if _, err := d.DeleteRegistryPolicy(ctx, root(devAccount), dev); err != nil {
					d.t.Error(err)
				}
			},
			"COMPLETE 0+5/5 [" + denied + "]" + fmt.Sprintf(allFiveFailed, denied) + " [" + denied + "]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := existing(t)
			b := d.startBackfill(dev)
			d.backfillPage("")
			c.do(d)
			d.endBackfills()
			d.wantBackfill(b.ID, c.want)
		})
	}
}

// An image that is deleted once it was queued.
func TestBackfillOfWhatIsDeletedWhileItWaits(t *testing.T) {
	d := existing(t)
	b := d.startBackfill(dev)
	d.backfillPage(d.backfillPage(""))
	d.batchDelete(in(prod), registry.Reference{Tag: "c"})
	d.put(in(prod), d.image(in(prod), "five"), "a")
	d.endBackfills()
	d.wantBackfill(b.ID,
		"COMPLETE 4+1/5 [SourceImageNotFound]; COMPLETE; a COMPLETE; b COMPLETE; c FAILED SourceImageNotFound; "+
			"multi COMPLETE")
	if _, err := d.resolve(in(dev), registry.Reference{Tag: "c"}); registry.CodeOf(err) != registry.ImageNotFound {
		t.Errorf("what was deleted came: %v", err)
	}
	newest, err := d.resolve(in(prod), registry.Reference{Tag: "a"})
	if there, err2 := d.resolve(in(dev), registry.Reference{Tag: "a"}); err != nil || err2 != nil || there != newest {
		t.Errorf("a tag that has moved: %v, %v; %v, %v", there, err2, newest, err)
	}
}

func TestBackfillMayNotBegin(t *testing.T) {
	d := existing(t)
	start := func(to resource.Registry) error {
		_, err := d.StartBackfill(ctx, root(prodAccount), prod, to)
		return err
	}
	wantCode(t, "no rule names it", start(third), registry.InvalidParameter)
	wantCode(t, "the source", start(prod), registry.InvalidParameter)
	_, err := d.StartBackfill(ctx, root(devAccount), prod, dev)
	wantCode(t, "another account", err, registry.AccessDenied)

	d.replicateTo(dev, third)
	first := d.startBackfill(dev)
	err = start(third) // of the same Region
	wantCode(t, "a second one", err, registry.ReplicationBackfillInProgress)
	if !strings.Contains(err.Error(), first.ID) {
		t.Errorf("it does not say which: %v", err)
	}
	d.endBackfills()
	second := d.startBackfill(third)
	wantCode(t, "a second one", start(dev), registry.ReplicationBackfillInProgress)
	if _, err := d.StopBackfill(ctx, root(prodAccount), prod, second.ID); err != nil {
		t.Fatal(err)
	}

	reg, err := d.Settings(ctx, root(prodAccount), prod, "ecr:DescribeRegistry")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		err := d.meta.Update(ctx, func(tx *metadata.Tx) error {
			return tx.Backfills().Begin(&metadata.Backfill{
				Name: fmt.Sprint(i), RegistryRow: reg.ID, DestinationRegion: fmt.Sprint(i), Status: metadata.BackfillPreparing,
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, "an eleventh", start(dev), registry.LimitExceeded)
}

// Of two that are started at the same time one begins.
func TestBackfillsBeginOneAtATime(t *testing.T) {
	d := existing(t)
	var began sync.Map
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			b, err := d.StartBackfill(ctx, root(prodAccount), prod, dev)
			if err == nil {
				began.Store(b.ID, true)
			} else if registry.CodeOf(err) != registry.ReplicationBackfillInProgress {
				t.Error(err)
			}
		})
	}
	all.Wait()
	n := 0
	began.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d have begun", n)
	}
}

func TestStopBackfill(t *testing.T) {
	d := existing(t)
	stop := func(id string) (replication.BackfillStatus, error) {
		b, err := d.StopBackfill(ctx, root(prodAccount), prod, id)
		return b.Status, err
	}
	b := d.startBackfill(dev)
	if status, err := stop(strings.ToUpper(b.ID)); err != nil || status != metadata.BackfillStopped {
		t.Errorf("while it prepares: %s, %v", status, err)
	}
	d.wantBackfill(b.ID, "STOPPED")
	_, err := stop(b.ID)
	wantCode(t, "again", err, registry.ReplicationBackfillInvalidStatus)
	_, err = stop("00000000-0000-4000-8000-000000000000")
	wantCode(t, "one that is not there", err, registry.ReplicationBackfillNotFound)

	b = d.startBackfill(dev)
	d.backfillPage("")
	if status, err := stop(b.ID); err != nil || status != metadata.BackfillStopped {
		t.Errorf("before anything was queued: %s, %v", status, err)
	}
	d.wantBackfill(b.ID, "STOPPED 0+0/5 []")

	b = d.startBackfill(dev)
	key := d.backfillPage(d.backfillPage(""))
	if status, err := stop(b.ID); err != nil || status != metadata.BackfillStopping {
		t.Errorf("while some wait: %s, %v", status, err)
	}
	_, err = stop(b.ID)
	wantCode(t, "again", err, registry.ReplicationBackfillInvalidStatus)
	_, err = d.StartBackfill(ctx, root(prodAccount), prod, dev)
	wantCode(t, "another one meanwhile", err, registry.ReplicationBackfillInProgress)
	d.backfillPage(key)
	d.wantBackfill(b.ID, "STOPPING 0+0/5 []")
	d.endBackfills() // what was queued goes on
	d.wantBackfill(b.ID, "STOPPED 5+0/5 []"+allFive)

	reg, err := d.Settings(ctx, root(prodAccount), prod, "ecr:DescribeRegistry")
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.StopBackfill(ctx, root(devAccount), dev, b.ID)
	wantCode(t, "in another registry", err, registry.ReplicationBackfillNotFound)
	list, next, err := d.Backfills(ctx, root(prodAccount), prod, registry.Page{Limit: 2})
	if err != nil || len(list) != 2 || list[0].ID != b.ID || next == "" {
		t.Errorf("list: %+v, %s, %v", list, next, err)
	}
	list, next, err = d.Backfills(ctx, root(prodAccount), prod, registry.Page{Limit: 2, After: next})
	if err != nil || len(list) != 1 || next != "" {
		t.Errorf("the last page: %+v, %s, %v", list, next, err)
	}
	if list, _, err := d.Backfills(ctx, root(devAccount), dev, registry.Page{Limit: 2}); err != nil || len(list) != 0 {
		t.Errorf("another registry's: %+v, %v", list, err)
	}
	d.clock.advance(90*24*time.Hour - time.Minute)
	d.forget()
	if _, err := d.meta.Read(ctx).Backfills().Get(reg.ID, b.ID); err != nil {
		t.Errorf("after less than 90 days: %v", err)
	}
	d.clock.advance(time.Hour)
	d.forget()
	if list, _, err := d.Backfills(ctx, root(prodAccount), prod, registry.Page{Limit: 2}); err != nil || len(list) != 0 {
		t.Errorf("after 90 days: %+v, %v", list, err)
	}
}

func (d *domain) forget() {
	d.t.Helper()
	for more := true; more; {
		var err error
		if more, err = d.Forget(ctx); err != nil {
			d.t.Fatal(err)
		}
	}
}

// tagged pushes an image with so many tags.
func (d *domain) tagged(ref resource.Repository, content string, from, to int) {
	d.t.Helper()
	raw := d.image(ref, content)
	for ; from < to; from += 100 {
		var tags []string
		for i := from; i < min(from+100, to); i++ {
			tags = append(tags, fmt.Sprintf("t%04d", i))
		}
		d.put(ref, raw, tags...)
	}
}

// From a hundred images on that were processed, a backfill fails once a half of
// them have: it queues no more.
func TestBackfillFails(t *testing.T) {
	for name, c := range map[string]struct {
		images int
		want   replication.BackfillStatus
	}{
		"99":  {99, metadata.BackfillComplete},
		"100": {100, metadata.BackfillFailed},
		"600": {600, metadata.BackfillFailed},
	} {
		t.Run(name, func(t *testing.T) {
			d := openStill(t)
			d.create(in(prod))
			d.tagged(in(prod), "one", 0, c.images)
			d.replicateTo(dev) // which grants nothing
			b := d.startBackfill(dev)
			d.endBackfills()
			list, _, err := d.Backfills(ctx, root(prodAccount), prod, registry.Page{Limit: 1})
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			b, p := list[0], list[0].Progress
			if b.Status != c.want || p.Total != int64(c.images) || p.Completed != 0 || p.Failed < int64(min(c.images, 100)) ||
				p.Failed > 300 || !slices.Equal(p.FailureCodes, []string{denied}) {
				t.Errorf("%+v, %+v", b, p)
			}
			if code := b.FailureCode; (code == "TooManyReplicationsFailed") != (c.want == metadata.BackfillFailed) {
				t.Errorf("failure code %q", code)
			}
			n := int64(0)
			for after := ""; ; {
				_, page, next, err := d.BackfillResults(ctx, root(prodAccount), prod, b.ID, replication.Failed,
					registry.Page{Limit: 70, After: after})
				if err != nil {
					t.Fatal(err)
				}
				n += int64(len(page))
				if after = next; after == "" {
					break
				}
			}
			if n != p.Failed {
				t.Errorf("%d results, of %d that failed", n, p.Failed)
			}
			if _, page, _, err := d.BackfillResults(ctx, root(prodAccount), prod, b.ID, replication.Complete,
				registry.Page{Limit: 70}); err != nil || len(page) != 0 {
				t.Errorf("complete: %+v, %v", page, err)
			}
		})
	}
}

// Of nothing a backfill is complete, and without a rule it fails.
func TestBackfillOfNothing(t *testing.T) {
	d := openStill(t)
	d.replicateTo(dev)
	b := d.startBackfill(dev)
	d.endBackfills()
	d.wantBackfill(b.ID, "COMPLETE 0+0/0 []")
	b = d.startBackfill(dev)
	d.replicateTo(third)
	d.endBackfills()
	d.wantBackfill(b.ID, "FAILED")
	if b, _ = d.backfillLike(b.ID); b.FailureCode != "DestinationNotConfigured" {
		t.Errorf("failure code %q", b.FailureCode)
	}
}

// A backfill leaves most of what an account may have waiting to pushes.
func TestBackfillWaitsForRoom(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.put(in(prod), d.image(in(prod), "one"), "a")
	image := d.put(in(prod), d.image(in(prod), "two"), "b")
	d.grant(dev)
	d.replicateTo(dev)
	repo, err := d.Repository(ctx, root(prodAccount), in(prod))
	if err != nil {
		t.Fatal(err)
	}
	const waiting = 10000
	for from := 0; from < waiting; from += 1000 {
		err := d.meta.Update(ctx, func(tx *metadata.Tx) error {
			for i := range 1000 {
				err := tx.Replications().Queue(&metadata.Replication{
					RepositoryID: repo.ID, Digest: string(image), Tag: fmt.Sprint("tag", from+i), Sequence: 1,
					DestinationAccount: devAccount, DestinationRegion: prod.Region, PushedAt: d.clock.now(),
					NextTryAt: d.clock.now().Add(4 * time.Minute),
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b := d.startBackfill(dev)
	key := d.backfillPage("")
	for range 5 {
		key = d.backfillPage(key)
	}
	if due := d.dueNow(); len(due) > 0 {
		t.Errorf("%d were queued without room", len(due))
	}
	d.wantBackfill(b.ID, "IN_PROGRESS 0+0/2 []")
	d.put(in(prod), d.image(in(prod), "three"), "c")           // pushes have room
	d.batchDelete(in(prod), registry.Reference{Digest: image}) // and what waits is gone
	d.endBackfills()
	d.wantBackfill(b.ID, "COMPLETE 1+1/2 [SourceImageNotFound]; a COMPLETE; b FAILED SourceImageNotFound")
}

// Several processes that go on with the same backfill, some of which die, do each
// image once.
func TestBackfillBySeveral(t *testing.T) {
	d := open(t)
	refs := []resource.Repository{in(prod), {Registry: prod, Name: "team/other"}, {Registry: prod, Name: "zz"}}
	for i, ref := range refs {
		d.create(ref)
		d.tagged(ref, fmt.Sprint("layer ", i), 0, 350)
	}
	d.grant(dev)
	d.replicateTo(dev)
	b := d.startBackfill(dev)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for key, n := "", 0; ; n++ {
				page, cancel := context.WithCancel(ctx)
				if n%5 == 4 {
					time.AfterFunc(time.Duration(n%7)*time.Millisecond, cancel)
				}
				next, err := d.BackfillJob().Steps[0].Page(page, key)
				cancel()
				switch {
				case err != nil:
					key = "" // who takes over has an older key, or none
				case next == "":
					return
				default:
					key = next
				}
			}
		})
	}
	all.Wait()
	if got, p := d.progress(b.ID); got != metadata.BackfillComplete || p.Total != 1050 || p.Completed != 1050 {
		t.Errorf("%s, %+v", got, p)
	}
	var tags []string
	for after := ""; ; {
		_, page, next, err := d.BackfillResults(ctx, root(prodAccount), prod, b.ID, "",
			registry.Page{Limit: 1000, After: after})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			tags = append(tags, r.Repository+":"+r.Tag)
		}
		if after = next; after == "" {
			break
		}
	}
	slices.Sort(tags)
	if n := len(slices.Compact(slices.Clone(tags))); len(tags) != 1050 || n != 1050 {
		t.Errorf("%d results, of %d images", len(tags), n)
	}
	for _, ref := range refs {
		want, _, _ := d.ListImages(ctx, root(prodAccount), ref, registry.AnyTagStatus, registry.Page{Limit: 10})
		ref.Registry = dev
		got, _, err := d.ListImages(ctx, root(devAccount), ref, registry.AnyTagStatus, registry.Page{Limit: 10})
		if err != nil || len(got) != 1 || !slices.Equal(got[0].Tags, want[0].Tags) {
			t.Errorf("%s: %d images, %v", ref, len(got), err)
		}
	}
}

func (d *domain) progress(id string) (replication.BackfillStatus, replication.BackfillProgress) {
	d.t.Helper()
	b, _, _, err := d.BackfillResults(ctx, root(prodAccount), prod, id, "", registry.Page{Limit: 1})
	if err != nil || b.Progress == nil {
		d.t.Fatalf("%+v, %v", b, err)
	}
	return b.Status, *b.Progress
}

// What is deleted at the source after a backfill is deleted at the destination, and
// so are the images that an index has brought there.
func TestDeletionsAfterABackfill(t *testing.T) {
	d := existing(t)
	d.deleteTo(dev)
	d.startBackfill(dev)
	d.endBackfills()
	multi, err := d.Manifest(ctx, root(prodAccount), in(prod), registry.Reference{Tag: "multi"})
	if err != nil {
		t.Fatal(err)
	}
	d.batchDelete(in(prod), registry.Reference{Tag: "a"}, registry.Reference{Tag: "c"}, registry.Reference{Tag: "multi"})
	for _, image := range d.images(prod) {
		if len(image.Tags) == 0 {
			d.batchDelete(in(prod), registry.Reference{Digest: image.Digest})
		}
	}
	d.drain()
	if diff := cmp.Diff(d.digests(prod), d.digests(dev)); diff != "" {
		t.Errorf("the destination has others (-source):\n%s\nthe index was %s", diff, multi.Digest)
	}
}

func (d *domain) digests(id resource.Registry) (all []string) {
	d.t.Helper()
	for _, image := range d.images(id) {
		all = append(all, image.Digest.String())
	}
	return all
}

func (d *domain) images(id resource.Registry) []registry.Image {
	d.t.Helper()
	all, _, err := d.ListImages(ctx, root(id.Account), in(id), registry.AnyTagStatus, registry.Page{Limit: 100})
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}
