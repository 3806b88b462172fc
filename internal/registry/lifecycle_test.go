package registry_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/expiry"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

const runInterval = 12 * time.Hour

// newExpiry returns the lifecycle policies as another process has them.
func (d *domain) newExpiry() *expiry.Service {
	return expiry.New(expiry.Config{
		Registry: d.Service, Metadata: d.meta, Interval: runInterval, Logger: slog.New(slog.DiscardHandler), Now: d.clock.now,
	})
}

// runLifecycle does what the jobs of lifecycle policies find to do.
func (d *domain) runLifecycle() {
	d.t.Helper()
	if err := runJobs(ctx, d.expiry); err != nil {
		d.t.Fatal(err)
	}
}

func runJobs(ctx context.Context, s *expiry.Service) error {
	for _, job := range s.Jobs() {
		for _, step := range job.Steps {
			for key := ""; ; {
				next, err := step.Page(ctx, key)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", job.Name, step.Name, err)
				}
				if key = next; key == "" {
					break
				}
			}
		}
	}
	return nil
}

// Rules of lifecycle policies, as texts have them.
func counting(priority int, selection string, number int) string {
	return fmt.Sprintf(`{"rulePriority":%d,"selection":{%s,"countType":"imageCountMoreThan","countNumber":%d},`+
		`"action":{"type":"expire"}}`, priority, selection, number)
}

func ageing(priority int, selection string, days int) string {
	return fmt.Sprintf(`{"rulePriority":%d,"selection":{%s,"countType":"sinceImagePushed","countUnit":"days",`+
		`"countNumber":%d},"action":{"type":"expire"}}`, priority, selection, days)
}

func (d *domain) putLifecycle(ref resource.Repository, rules ...string) {
	d.t.Helper()
	_, err := d.expiry.PutPolicy(ctx, root(ref.Registry.Account), ref, `{"rules":[`+strings.Join(rules, ",")+`]}`)
	if err != nil {
		d.t.Fatal(err)
	}
}

// lastRun is the last run of a repository's policy, and what came of its images, as
// "number: outcome" with the images numbered as given.
func (d *domain) lastRun(ref resource.Repository, images ...digest.Digest) (expiry.Run, string) {
	d.t.Helper()
	c, all := root(ref.Registry.Account), registry.Page{Limit: 100}
	runs, _, _, err := d.expiry.Runs(ctx, c, ref, all)
	if err != nil || len(runs) == 0 {
		d.t.Fatalf("runs: %v, %v", runs, err)
	}
	marked, _, err := d.expiry.RunImages(ctx, c, ref, runs[0].ID, all)
	if err != nil {
		d.t.Fatal(err)
	}
	var lines []string
	for _, m := range marked {
		for i, image := range images {
			if image == m.Digest {
				lines = append(lines, fmt.Sprintf("%d %s", i, m.Outcome))
			}
		}
	}
	return runs[0], strings.Join(lines, ", ")
}

const anyTag = `"tagStatus":"any"`

// A policy runs within an hour after it was set, then each interval, and deletes
// what it says.
func TestLifecycleRuns(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	var images []digest.Digest
	push := func(tags ...string) {
		d.clock.advance(time.Second)
		images = append(images, d.put(in(prod), d.image(in(prod), fmt.Sprint(len(images))), tags...))
	}
	push("a")
	push()
	push("c", "cc")
	push("d")
	d.putLifecycle(in(prod), counting(1, anyTag, 2))
	d.runLifecycle()
	if got := d.has(in(prod), images...); got != "0[a] 1[] 2[c cc] 3[d]" {
		t.Errorf("a policy that was set just now has left %s", got)
	}
	d.clock.advance(time.Hour)
	d.runLifecycle()
	if got := d.has(in(prod), images...); got != "2[c cc] 3[d]" {
		t.Errorf("left: %s", got)
	}
	run, outcomes := d.lastRun(in(prod), images...)
	if run.Status != expiry.RunComplete || run.Found != 2 || run.Expired != 2 || run.Bytes == 0 || run.Note != "" ||
		run.EndedAt.Before(run.BeganAt) || outcomes != "0 EXPIRED, 1 EXPIRED" {
		t.Errorf("run: %+v, %s", run, outcomes)
	}
	p, err := d.expiry.Policy(ctx, root(prodAccount), in(prod))
	if err != nil || !p.EvaluatedAt.Equal(run.EndedAt) {
		t.Errorf("policy: %+v, %v, after a run that ended %v", p, err, run.EndedAt)
	}
	push("e")
	d.runLifecycle()
	if got := d.has(in(prod), images...); got != "2[c cc] 3[d] 4[e]" {
		t.Errorf("before the next run is due: %s", got)
	}
	d.clock.advance(runInterval)
	d.runLifecycle()
	if got := d.has(in(prod), images...); got != "3[d] 4[e]" {
		t.Errorf("after the next run: %s", got)
	}
	// A run that finds nothing is one, too.
	d.clock.advance(runInterval)
	d.runLifecycle()
	if run, _ := d.lastRun(in(prod)); run.Status != expiry.RunComplete || run.Found != 0 {
		t.Errorf("a run without work: %+v", run)
	}
	// What was recorded goes after a month.
	if _, err := d.expiry.DeletePolicy(ctx, root(prodAccount), in(prod)); err != nil {
		t.Fatal(err)
	}
	d.clock.advance(31 * 24 * time.Hour)
	d.runLifecycle()
	runs, _, _, err := d.expiry.Runs(ctx, root(prodAccount), in(prod), registry.Page{Limit: 9})
	if len(runs) != 0 || err != nil {
		t.Errorf("runs after a month: %+v, %v", runs, err)
	}
}

// An image goes with its referrers, and those of these. What an index names stays
// while the index is there, also when it goes in the same run.
func TestLifecycleFamilies(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	image := d.put(in(prod), d.image(in(prod), "subject"), "old")
	signature := d.refer(in(prod), image, "application/vnd.cncf.notary.signature")
	d.refer(in(prod), signature, "application/x.about-the-signature")
	child := d.image(in(prod), "child")
	childDigest := d.put(in(prod), child)
	index := d.put(in(prod), d.index(child), "old-index")
	d.clock.advance(48 * time.Hour)
	kept := d.put(in(prod), d.image(in(prod), "kept"), "new")
	attached := d.refer(in(prod), kept, "application/x.old-sbom")
	d.putLifecycle(in(prod), ageing(1, anyTag, 1))
	d.clock.advance(time.Hour)
	d.runLifecycle()
	if got := d.has(in(prod), kept, attached, childDigest); got != "0[new] 1[] 2[]" {
		t.Errorf("left: %s", got)
	}
	if _, outcomes := d.lastRun(in(prod), image, index); outcomes != "0 EXPIRED, 1 EXPIRED" &&
		outcomes != "1 EXPIRED, 0 EXPIRED" {
		t.Errorf("outcomes: %s", outcomes)
	}
	d.clock.advance(runInterval)
	d.runLifecycle()
	if got := d.has(in(prod), kept, attached); got != "0[new] 1[]" {
		t.Errorf("left by the next run: %s", got)
	}
}

// More referrers than a transaction deletes go with their image all the same.
func TestLifecycleManyReferrers(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	image := d.put(in(prod), d.image(in(prod), "subject"))
	for i := range 120 {
		d.refer(in(prod), image, fmt.Sprint("application/x.", i))
	}
	kept := d.put(in(prod), d.image(in(prod), "kept"), "kept")
	d.putLifecycle(in(prod), counting(1, `"tagStatus":"untagged"`, 1))
	d.clock.advance(time.Second)
	d.put(in(prod), d.image(in(prod), "newer"))
	d.clock.advance(time.Hour)
	d.runLifecycle()
	all, _, err := d.ListImages(ctx, root(prodAccount), in(prod), registry.AnyTagStatus, registry.Page{Limit: 1000})
	if err != nil || len(all) != 2 {
		t.Errorf("%d images are left, want 2 (%v)", len(all), err)
	}
	if _, outcomes := d.lastRun(in(prod), image, kept); outcomes != "0 EXPIRED" {
		t.Errorf("outcomes: %s", outcomes)
	}
}

// leave begins a run as a process does that dies: it has found the images, and
// acted on the first of them.
func (d *domain) leave(ref resource.Repository, status metadata.EvaluationStatus, acted int, found ...digest.Digest) {
	d.t.Helper()
	r, err := d.meta.Read(ctx).Repositories().Get(ref.Registry.Account, ref.Registry.Region, ref.Name)
	if err != nil {
		d.t.Fatal(err)
	}
	p, err := d.meta.Read(ctx).Lifecycle().Policy(r.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	e := metadata.Evaluation{
		RepositoryID: r.ID, Kind: metadata.LifecycleRun, Policy: p.Policy, Status: metadata.EvaluationInProgress,
		BeganAt: d.clock.now(),
	}
	update := func(fn func(tx *metadata.Tx) error) {
		d.t.Helper()
		if err := d.meta.Update(ctx, fn); err != nil {
			d.t.Fatal(err)
		}
	}
	update(func(tx *metadata.Tx) error { return tx.Lifecycle().Begin(&e) })
	update(func(tx *metadata.Tx) error {
		for i, dg := range found {
			image, err := tx.Images().LifecycleImage(r.ID, string(dg))
			if err != nil {
				return err
			}
			m := metadata.LifecycleMark{
				Digest: string(dg), PushedAt: image.PushedAt, Tags: []string{}, StorageClass: "standard", Action: "expire",
				Priority: 1,
			}
			if err := tx.Lifecycle().Mark(e.ID, []metadata.LifecycleMark{m}); err != nil {
				return err
			}
			if i < acted {
				m.Outcome = metadata.MarkDone
				if err := tx.Lifecycle().Settle(e.ID, m); err != nil {
					return err
				}
				if _, err := tx.Images().Delete(r, string(dg)); err != nil {
					return err
				}
			}
		}
		e.Status = status
		_, err := tx.Lifecycle().Save(e)
		return err
	})
}

// A run that another process has left goes on where it was, and keeps what has
// changed since its images were found.
func TestLifecycleRunGoesOn(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	raw := make([][]byte, 7)
	images := make([]digest.Digest, len(raw))
	for i := range raw {
		d.clock.advance(time.Second)
		raw[i] = d.image(in(prod), fmt.Sprint(i))
		images[i] = d.put(in(prod), raw[i])
	}
	d.clock.advance(48 * time.Hour)
	d.putLifecycle(in(prod), ageing(1, `"tagStatus":"untagged"`, 1))
	d.leave(in(prod), metadata.EvaluationActing, 1, images...)
	d.put(in(prod), raw[1], "promoted")
	d.put(in(prod), d.index(raw[2]), "index")
	if err := d.DeleteManifest(ctx, root(prodAccount), in(prod), images[3]); err != nil {
		t.Fatal(err)
	}
	d.put(in(prod), raw[4], "moved")
	d.put(in(prod), raw[5], "moved") // so 4 has no tag again
	d.runLifecycle()
	if got := d.has(in(prod), images...); got != "-1[index] 1[promoted] 2[] 5[moved]" {
		t.Errorf("left: %s", got)
	}
	run, outcomes := d.lastRun(in(prod), images...)
	if run.Status != expiry.RunComplete || run.Expired != 3 ||
		outcomes != "0 EXPIRED, 1 KEPT, 2 KEPT, 3 KEPT, 4 EXPIRED, 5 KEPT, 6 EXPIRED" {
		t.Errorf("run: %+v, %s", run, outcomes)
	}

	// One that was left while it found images finds the others.
	d.leave(in(prod), metadata.EvaluationInProgress, 0, images[2])
	more := d.put(in(prod), d.image(in(prod), "more"))
	d.clock.advance(48 * time.Hour)
	d.runLifecycle()
	if got := d.has(in(prod), more, images[1], images[2], images[5]); got != "-1[index] 1[promoted] 2[] 3[moved]" {
		t.Errorf("left by the second run: %s", got)
	}

	// A policy that was replaced or deleted deletes nothing more.
	untagged := d.put(in(prod), d.image(in(prod), "untagged"))
	d.leave(in(prod), metadata.EvaluationActing, 0, untagged)
	d.putLifecycle(in(prod), ageing(1, `"tagStatus":"untagged"`, 9))
	d.runLifecycle()
	if run, outcomes := d.lastRun(in(prod), untagged); run.Status != expiry.RunFailed || run.Note == "" ||
		outcomes != "0 WAITING" {
		t.Errorf("a run of a policy that was replaced: %+v, %s", run, outcomes)
	}
	// One of a repository that was deleted is no hindrance to others.
	d.leave(in(prod), metadata.EvaluationActing, 0, untagged)
	if _, err := d.DeleteRepository(ctx, root(prodAccount), in(prod), true); err != nil {
		t.Fatal(err)
	}
	d.runLifecycle()
}

// Expiry is replicated as a deletion where the rule says so.
func TestLifecycleDeletionsAreReplicated(t *testing.T) {
	for _, deletes := range []bool{false, true} {
		t.Run(fmt.Sprint(deletes), func(t *testing.T) {
			d := pair(t)
			if deletes {
				d.deleteTo(dev)
			}
			old := d.put(in(prod), d.image(in(prod), "old"), "old")
			d.clock.advance(time.Second)
			latest := d.put(in(prod), d.image(in(prod), "new"), "new")
			d.drain()
			d.putLifecycle(in(prod), counting(1, anyTag, 1))
			d.clock.advance(time.Hour)
			d.runLifecycle()
			d.drain()
			want := "0[old] 1[new]"
			if deletes {
				want = "1[new]"
			}
			if got := d.has(in(dev), old, latest); got != want {
				t.Errorf("the destination has %s, want %s", got, want)
			}
			if got := d.has(in(prod), old, latest); got != "1[new]" {
				t.Errorf("the source has %s", got)
			}
		})
	}
}

// An archive there is not yet: a rule that would move images there keeps them, and
// the run says so.
func TestLifecycleTransitions(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	image := d.put(in(prod), d.image(in(prod), "old"), "old")
	d.putLifecycle(in(prod), `{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPatternList":["*"],`+
		`"countType":"sinceImagePulled","countUnit":"days","countNumber":1},`+
		`"action":{"type":"transition","targetStorageClass":"archive"}}`, ageing(2, anyTag, 1))
	d.clock.advance(48 * time.Hour)
	d.runLifecycle()
	if got := d.has(in(prod), image); got != "0[old]" {
		t.Errorf("left: %s", got)
	}
	if run, _ := d.lastRun(in(prod)); run.Status != expiry.RunComplete || !strings.Contains(run.Note, "no archive") ||
		run.Found != 0 {
		t.Errorf("run: %+v", run)
	}
	c := root(prodAccount)
	if _, err := d.expiry.StartPreview(ctx, c, in(prod), ""); err != nil {
		t.Fatal(err)
	}
	d.runLifecycle()
	p, images, _, err := d.expiry.ListPreview(ctx, c, in(prod), registry.AnyTagStatus, registry.Page{Limit: 9})
	if err != nil || p.Status != expiry.PreviewComplete || p.Transitioning != 1 || p.Expiring != 0 || len(images) != 1 {
		t.Errorf("preview: %+v, %+v, %v", p, images, err)
	}
}

// The operator's command runs what is due, or all, of one repository or each.
func TestLifecycleRunForOperator(t *testing.T) {
	d := openStill(t)
	other := resource.Repository{Registry: dev, Name: "other"}
	d.create(in(prod))
	d.create(other)
	d.create(resource.Repository{Registry: prod, Name: "without"})
	d.put(in(prod), d.image(in(prod), "one"), "one")
	d.putLifecycle(in(prod), ageing(1, anyTag, 1))
	d.putLifecycle(other, ageing(1, anyTag, 1))
	run := func(r expiry.RunRequest) (names []string, err error) {
		for {
			piece, err := d.expiry.RunForOperator(ctx, r)
			if err != nil {
				return names, err
			}
			if piece.Ended != nil {
				names = append(names, fmt.Sprintf("%s %s %d", piece.Repository.Name, piece.Ended.Status, piece.Ended.Expired))
			}
			if r.After = piece.Next; r.After == "" {
				return names, nil
			}
		}
	}
	for _, c := range []struct {
		name    string
		request expiry.RunRequest
		want    string
		code    registry.Code
	}{
		{"nothing is due", expiry.RunRequest{}, "", ""},
		{"all", expiry.RunRequest{Anyway: true}, "team/app COMPLETE 0, other COMPLETE 0", ""},
		{"one", expiry.RunRequest{Anyway: true, Repository: other}, "other COMPLETE 0", ""},
		{"without a policy", expiry.RunRequest{Repository: resource.Repository{Registry: prod, Name: "without"}}, "",
			registry.LifecyclePolicyNotFound},
		{"not there", expiry.RunRequest{Repository: resource.Repository{Registry: prod, Name: "none"}}, "",
			registry.RepositoryNotFound},
	} {
		got, err := run(c.request)
		wantCode(t, c.name, err, c.code)
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
	d.clock.advance(48 * time.Hour)
	got, err := run(expiry.RunRequest{})
	if err != nil || strings.Join(got, ", ") != "team/app COMPLETE 1, other COMPLETE 0" {
		t.Errorf("what is due: %v, %v", got, err)
	}
}

// The policy of an account or Region that is not served any more waits.
func TestLifecycleOfUnservedRegistries(t *testing.T) {
	d := openStill(t)
	ref := resource.Repository{Registry: dev, Name: "app"}
	d.create(ref)
	image := d.put(ref, d.image(ref, "one"), "one")
	d.putLifecycle(ref, ageing(1, anyTag, 1))
	d.clock.advance(48 * time.Hour)
	without, _, err := replication.Open(ctx, registry.Config{
		Metadata: d.meta, Blobs: d.blobs, Accounts: []string{prodAccount}, Regions: []string{"us-east-1", "us-west-2"},
		Grace: 24 * time.Hour, Logger: slog.New(slog.DiscardHandler), Now: d.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := expiry.New(expiry.Config{
		Registry: without, Metadata: d.meta, Interval: runInterval, Logger: slog.New(slog.DiscardHandler), Now: d.clock.now,
	})
	if err := runJobs(ctx, s); err != nil {
		t.Fatal(err)
	}
	if got := d.has(ref, image); got != "0[one]" {
		t.Errorf("left: %s", got)
	}
}

func TestLifecyclePreviews(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	c := root(prodAccount)
	var images []digest.Digest
	for i, tags := range [][]string{{"a"}, nil, {"c"}, {"d"}} {
		d.clock.advance(time.Second)
		images = append(images, d.put(in(prod), d.image(in(prod), fmt.Sprint(i)), tags...))
	}
	text := `{"rules":[` + counting(1, anyTag, 1) + `]}   `
	start := func(text string) error {
		_, err := d.expiry.StartPreview(ctx, c, in(prod), text)
		return err
	}
	list := func(status registry.TagStatus) (p expiry.Preview, found string, err error) {
		var lines []string
		for page := (registry.Page{Limit: 2}); ; {
			var marked []expiry.Marked
			if p, marked, page.After, err = d.expiry.ListPreview(ctx, c, in(prod), status, page); err != nil {
				return p, "", err
			}
			for _, m := range marked {
				lines = append(lines, fmt.Sprint(m.Tags))
			}
			if page.After == "" {
				return p, strings.Join(lines, " "), nil
			}
		}
	}
	_, _, err := list(registry.AnyTagStatus)
	wantCode(t, "no preview", err, registry.LifecyclePolicyPreviewNotFound)
	wantCode(t, "no policy", start(""), registry.LifecyclePolicyNotFound)
	wantCode(t, "a bad text", start("{"), registry.InvalidParameter)
	woken := 0
	d.expiry.OnPreview(func() { woken++ })
	wantCode(t, "start", start(text), "")
	wantCode(t, "start again", start(text), registry.LifecyclePolicyPreviewInProgress)
	if p, found, err := list(registry.AnyTagStatus); err != nil || found != "" || p.Expiring != 0 || p.Text != text ||
		p.Status != expiry.PreviewInProgress || woken != 2 {
		t.Errorf("under way: %+v, %s, %v, woken %d times", p, found, err, woken)
	}
	d.runLifecycle()
	for status, want := range map[registry.TagStatus]string{
		registry.AnyTagStatus: "[a] [] [c]", registry.Tagged: "[a] [c]", registry.Untagged: "[]",
	} {
		p, found, err := list(status)
		if err != nil || found != want || p.Expiring != 3 || p.Status != expiry.PreviewComplete {
			t.Errorf("%s: %+v, %s, %v", status, p, found, err)
		}
	}
	if got := d.has(in(prod), images...); got != "0[a] 1[] 2[c] 3[d]" {
		t.Errorf("a preview has left %s", got)
	}
	p, some, err := d.expiry.PreviewOf(ctx, c, in(prod), []registry.Reference{
		{Tag: "c"}, {Digest: images[0]}, {Tag: "d"}, {Tag: "none"}, {Tag: "a", Digest: images[2]}, {Digest: "sha256:none"},
	})
	if err != nil || p.Status != expiry.PreviewComplete || len(some) != 2 || some[0].Digest != images[0] ||
		some[1].Digest != images[2] {
		t.Errorf("of some images: %+v, %+v, %v", p, some, err)
	}
	// A key of the last preview is none of the next one.
	_, _, next, err := d.expiry.ListPreview(ctx, c, in(prod), registry.AnyTagStatus, registry.Page{Limit: 1})
	if err != nil || next == "" {
		t.Fatalf("next = %q, %v", next, err)
	}
	d.putLifecycle(in(prod), counting(1, anyTag, 3))
	wantCode(t, "start of the policy that is set", start(""), "")
	d.runLifecycle()
	if p, found, err := list(registry.AnyTagStatus); err != nil || found != "[a]" || p.Expiring != 1 {
		t.Errorf("the next preview: %+v, %s, %v", p, found, err)
	}
	if _, rest, _, err := d.expiry.ListPreview(ctx, c, in(prod), registry.AnyTagStatus,
		registry.Page{After: next, Limit: 9}); err != nil || len(rest) != 0 {
		t.Errorf("a page of a preview that was replaced: %+v, %v", rest, err)
	}
	d.clock.advance(24 * time.Hour)
	if p, found, err := list(registry.AnyTagStatus); err != nil || found != "" || p.Status != expiry.PreviewExpired ||
		p.Expiring != 0 {
		t.Errorf("after a day: %+v, %s, %v", p, found, err)
	}
	d.clock.advance(7 * 24 * time.Hour)
	d.runLifecycle()
	_, _, err = list(registry.AnyTagStatus)
	wantCode(t, "after a week", err, registry.LifecyclePolicyPreviewNotFound)
}

// Who watches a registry is notified when a run begins and when it has ended,
// whichever process runs it.
func TestLifecycleRunsAreReported(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	for i := range 3 {
		d.clock.advance(time.Second)
		d.put(in(prod), d.image(in(prod), fmt.Sprint(i)), fmt.Sprint(i))
	}
	d.putLifecycle(in(prod), counting(1, anyTag, 1))
	follower, other := d.follow(prod), d.follow(dev)
	runner := d
	if d.meta.Shared() {
		runner = openStores(t, d.dir)
	}
	var counter expiry.Counter
	runner.expiry.CountIn(&counter)
	request := expiry.RunRequest{Anyway: true}
	for status, ended := expiry.RunInProgress, int64(0); ; status, ended = expiry.RunComplete, 2 {
		for {
			piece, err := runner.expiry.RunForOperator(ctx, request)
			if err != nil {
				t.Fatal(err)
			}
			if request.After = piece.Next; piece.Ended != nil || ended == 0 {
				break
			}
		}
		follower.until(func(e replication.WatchEvent) bool {
			runs, err := d.expiry.RunsOf(ctx, prod, e.LifecycleRuns)
			if err != nil {
				t.Error(err)
			}
			return len(runs) == 1 && runs[0].Repository == in(prod).Name && runs[0].Policy == "" &&
				runs[0].Status == status && runs[0].Found == ended && runs[0].Expired == ended
		})
		if ended > 0 {
			break
		}
	}
	if s := counter.Stats(); s.Complete != 1 || s.Expired != 2 || s.Bytes == 0 {
		t.Errorf("counted: %+v", s)
	}
	other.silent()
	if runs, err := d.expiry.RunsOf(ctx, dev, []int64{1, 2, 3}); err != nil || len(runs) != 0 {
		t.Errorf("runs of another registry: %+v, %v", runs, err)
	}
}

// An account with many repositories keeps nobody else waiting, for previews or runs.
func TestLifecycleAccountsTakeTurns(t *testing.T) {
	d := openStill(t)
	other := resource.Repository{Registry: dev, Name: "app"}
	d.create(other)
	const many = 40
	for i := range many {
		ref := resource.Repository{Registry: prod, Name: fmt.Sprint("app-", i)}
		d.create(ref)
		d.putLifecycle(ref, ageing(1, anyTag, 1))
		if _, err := d.expiry.StartPreview(ctx, root(prodAccount), ref, ""); err != nil {
			t.Fatal(err)
		}
	}
	d.clock.advance(time.Second)
	d.putLifecycle(other, ageing(1, anyTag, 1))
	if _, err := d.expiry.StartPreview(ctx, root(devAccount), other, ""); err != nil {
		t.Fatal(err)
	}
	d.clock.advance(time.Hour)
	for _, c := range []struct {
		job  string
		done func() bool
	}{
		{expiry.PreviewsJob, func() bool {
			p, _, _, err := d.expiry.ListPreview(ctx, root(devAccount), other, registry.AnyTagStatus, registry.Page{Limit: 9})
			return err == nil && p.Status == expiry.PreviewComplete
		}},
		{expiry.RunsJob, func() bool {
			runs, _, _, err := d.expiry.Runs(ctx, root(devAccount), other, registry.Page{Limit: 9})
			return err == nil && len(runs) == 1 && runs[0].Status == expiry.RunComplete
		}},
	} {
		for _, job := range d.expiry.Jobs() {
			pages, key := 0, ""
			for ; job.Name == c.job && !c.done() && pages < many; pages++ {
				var err error
				if key, err = job.Steps[0].Page(ctx, key); err != nil {
					t.Fatal(err)
				}
			}
			if pages > 6 {
				t.Errorf("%s: after %d pages the other account's was done: %v", c.job, pages, c.done())
			}
		}
	}
}

// A policy that cannot be run, such as one that a later version has stored, keeps
// no other from running. A run that is stopped goes on later.
func TestLifecycleRunsThatFail(t *testing.T) {
	d := openStill(t)
	bad := resource.Repository{Registry: prod, Name: "bad"}
	d.create(bad)
	d.create(in(prod))
	r, err := d.meta.Read(ctx).Repositories().Get(prodAccount, prod.Region, bad.Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.meta.Update(ctx, func(tx *metadata.Tx) error {
		return tx.Lifecycle().PutPolicy(r, `{"rules":[{"rulePriority":1,"next":"version"}]}`, d.clock.now())
	}); err != nil {
		t.Fatal(err)
	}
	image := d.put(in(prod), d.image(in(prod), "one"), "one")
	d.putLifecycle(in(prod), ageing(1, anyTag, 1))
	d.clock.advance(48 * time.Hour)
	stopped, stop := context.WithCancel(ctx)
	stop()
	if err := runJobs(stopped, d.expiry); err == nil {
		t.Error("a job that is stopped has ended")
	}
	d.runLifecycle()
	if run, _ := d.lastRun(bad); run.Status != expiry.RunFailed || !strings.Contains(run.Note, "cannot be read") {
		t.Errorf("the run of a policy that cannot be read: %+v", run)
	}
	if got := d.has(in(prod), image); got != "" {
		t.Errorf("left of the other: %s", got)
	}
}
