package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// list returns a registry's replications in pages of the given size.
func (d *domain) list(id resource.Registry, direction replication.Direction, state replication.State,
	size int) (all []replication.Replication) {
	d.t.Helper()
	for page := (registry.Page{Limit: size}); ; {
		rs, next, err := d.List(ctx, root(id.Account), id, direction, state, page)
		if err != nil || len(rs) > size {
			d.t.Fatalf("%d replications in a page of %d, %v", len(rs), size, err)
		}
		all = append(all, rs...)
		if page.After = next; next == "" {
			return all
		}
	}
}

func ids(rs []replication.Replication) (all []int64) {
	for _, r := range rs {
		all = append(all, r.ID)
	}
	return all
}

func TestListReplications(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(dev, third)
	d.grant(dev) // which is in another account; third is the own account's
	one := d.put(in(prod), d.image(in(prod), "one"), "1")
	d.drain()
	two := d.put(in(prod), d.image(in(prod), "two"), "2", "latest")
	d.drain()
	if err := d.SetRegistryPolicy(ctx, root(devAccount), dev,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"ecr:ReplicateImage","Resource":"*"}]}`); err != nil {
		t.Fatal(err)
	}
	three := d.put(in(prod), d.image(in(prod), "three"))
	d.drain()
	d.put(in(prod), d.image(in(prod), "four"), "4")

	all := d.list(prod, replication.Outgoing, "", 100)
	if len(all) != 2+4+2+2 || !slices.IsSortedFunc(all, func(a, b replication.Replication) int {
		return b.ChangedAt.Compare(a.ChangedAt)
	}) {
		t.Fatalf("%d replications: %+v", len(all), all)
	}
	for _, size := range []int{1, 3, 9, 10} {
		if got := d.list(prod, replication.Outgoing, "", size); !slices.Equal(ids(got), ids(all)) {
			t.Errorf("in pages of %d: %v, want %v", size, ids(got), ids(all))
		}
	}
	count := map[replication.State]int{}
	for _, r := range all {
		count[r.State]++
		if r.Source != prod || r.Repository != "team/app" || r.ImageSize == 0 || !strings.Contains(r.MediaType, "manifest") ||
			r.PushedAt.IsZero() || r.ChangedAt.Before(r.PushedAt) {
			t.Errorf("%+v", r)
		}
		switch r.State {
		case replication.InProgress:
			if !r.FinishedAt.IsZero() || r.NextTryAt.IsZero() || r.Tag != "4" || r.Tries != 0 {
				t.Errorf("%+v", r)
			}
		case replication.Complete:
			if r.FinishedAt.IsZero() || !r.FinishedAt.Equal(r.ChangedAt) || !r.NextTryAt.IsZero() || r.Failure.Code != "" ||
				r.Failure.Reason != "" || r.Failure.Statement != "" {
				t.Errorf("%+v", r)
			}
		case replication.Failed:
			if r.Digest != three || r.Tag != "" || r.Destination != dev || r.Failure.Code != denied || r.Failure.Detail != "" ||
				r.Failure.Statement == "" {
				t.Errorf("%+v", r)
			}
		}
	}
	for state, want := range map[replication.State]int{
		replication.InProgress: 2, replication.Complete: 7, replication.Failed: 1,
	} {
		if got := d.list(prod, replication.Outgoing, state, 2); len(got) != want || count[state] != want {
			t.Errorf("%s: %d of %d, want %d", state, len(got), count[state], want)
		}
	}
	incoming := d.list(dev, replication.Incoming, "", 2)
	var digests []digest.Digest
	for _, r := range incoming {
		digests = append(digests, r.Digest)
		if r.Source != prod || r.Destination != dev || r.State != replication.Complete {
			t.Errorf("%+v", r)
		}
	}
	if !slices.Equal(digests, []digest.Digest{two, two, one}) {
		t.Errorf("incoming: %+v", incoming)
	}
	for _, what := range []struct {
		id        resource.Registry
		direction replication.Direction
		state     replication.State
	}{
		{dev, replication.Outgoing, ""}, {dev, replication.Incoming, replication.Failed},
		{dev, replication.Incoming, replication.InProgress},
		{prod, replication.Incoming, ""}, {prod, "SIDEWAYS", ""}, {prod, replication.Outgoing, "LOST"},
	} {
		if got := d.list(what.id, what.direction, what.state, 100); len(got) != 0 {
			t.Errorf("%v: %+v", what, got)
		}
	}
	for _, after := range []string{"x", "1", " ", "1 x", "99999999999999999999 1", strings.Repeat("9", 10000), "1\x002"} {
		_, _, err := d.List(ctx, root(prodAccount), prod, replication.Outgoing, "", registry.Page{After: after, Limit: 1})
		wantCode(t, "a page after "+after[:1], err, registry.InvalidParameter)
	}
	// They go with their image.
	if err := d.DeleteManifest(ctx, root(prodAccount), in(prod), two); err != nil {
		t.Fatal(err)
	}
	if got := d.list(dev, replication.Incoming, "", 100); len(got) != 1 {
		t.Errorf("after the image was deleted: %+v", got)
	}
}

func TestStatementOfAFailure(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(dev)
	d.put(in(prod), d.image(in(prod), "one"), "1")
	d.drain()
	all := d.list(prod, replication.Outgoing, replication.Failed, 10)
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	r, st := all[0], d.statuses(in(prod), registry.Reference{Tag: "1"})[0]
	if st.Failure != r.Failure || st.Failure.WithStatement() != strings.TrimSuffix(r.Failure.Reason, ".")+":\n"+
		r.Failure.Statement {
		t.Errorf("the status says %+v, the list %+v", st.Failure, r.Failure)
	}
	if strings.ContainsAny(r.Failure.Reason, "{}\n") || !strings.HasSuffix(r.Failure.Reason, "completes by itself.") {
		t.Errorf("reason: %q", r.Failure.Reason)
	}
	text := `{"Version":"2012-10-17","Statement":[` + r.Failure.Statement + `]}`
	if _, err := policy.Parse(text, policy.RegistryPolicy); err != nil {
		t.Fatalf("the statement %s: %v", r.Failure.Statement, err)
	}
	if err := d.SetRegistryPolicy(ctx, root(devAccount), dev, text); err != nil {
		t.Fatal(err)
	}
	d.resume()
	if again := d.list(prod, replication.Outgoing, replication.InProgress, 10); len(again) != 1 ||
		!again[0].ChangedAt.After(r.ChangedAt) {
		t.Errorf("made due again: %+v", again)
	}
	d.drain()
	if done := d.list(prod, replication.Outgoing, replication.Complete, 10); len(done) != 1 ||
		done[0].Failure.Statement != "" {
		t.Errorf("fixed: %+v", done)
	}
}

func TestRetryReplications(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.create(in(dev))
	d.replicateTo(dev)
	if err := d.SetRules(ctx, root(devAccount), dev, []replication.Rule{
		{Destinations: []resource.Registry{prod}},
	}); err != nil {
		t.Fatal(err)
	}
	d.put(in(prod), d.image(in(prod), "one"), "1", "one")
	d.put(in(dev), d.image(in(dev), "two"), "2")
	d.drain()
	own, theirs := d.list(prod, replication.Outgoing, replication.Failed, 10),
		d.list(dev, replication.Outgoing, replication.Failed, 10)
	if len(own) != 2 || len(theirs) != 1 {
		t.Fatalf("%+v, %+v", own, theirs)
	}
	var woken []int64
	d.OnQueued(func(queued []metadata.DueReplication) {
		for _, q := range queued {
			woken = append(woken, q.ID)
			if q.Route != (metadata.Route{
				SourceRegistryRow: q.SourceRegistryRow, SourceAccount: prodAccount, DestinationAccount: devAccount,
				DestinationRegion: dev.Region,
			}) {
				t.Errorf("the way of %+v", q)
			}
		}
	})
	const unknown = 1 << 60
	retried, failed, err := d.Retry(ctx, root(prodAccount), prod, []int64{own[0].ID, theirs[0].ID, own[0].ID, unknown, -1})
	if err != nil || !slices.Equal(retried, []int64{own[0].ID}) || !slices.Equal(woken, retried) {
		t.Errorf("retried %v, woke %v, %v", retried, woken, err)
	}
	reasons := map[string]bool{}
	for _, f := range failed {
		reasons[f.Reason] = true
		if f.Code != replication.RetryNotFound || !slices.Contains([]int64{theirs[0].ID, unknown, -1}, f.ID) {
			t.Errorf("%+v", f)
		}
	}
	if len(failed) != 3 || len(reasons) != 1 {
		t.Errorf("another's must look like none: %+v", failed)
	}
	if got := d.list(dev, replication.Outgoing, replication.Failed, 10); len(got) != 1 {
		t.Errorf("another account's is tried again")
	}
	now := d.list(prod, replication.Outgoing, replication.InProgress, 10)
	if len(now) != 1 || now[0].ID != own[0].ID || now[0].Tries != 0 || now[0].Failure.Code == "" ||
		now[0].NextTryAt.After(d.clock.now()) {
		t.Errorf("made due: %+v", now)
	}
	_, failed, err = d.Retry(ctx, root(prodAccount), prod, []int64{own[0].ID})
	if err != nil || len(failed) != 1 || failed[0].Code != replication.RetryNotFailed {
		t.Errorf("one that is in progress: %+v, %v", failed, err)
	}
	if ids := d.dueNow(); !slices.Contains(ids, own[0].ID) {
		t.Errorf("due: %v", ids)
	}
	d.drain()
	if got := d.list(prod, replication.Outgoing, replication.Failed, 10); len(got) != 2 || got[0].ID != own[0].ID ||
		got[0].Tries != 1 {
		t.Errorf("refused again: %+v", got)
	}
	for _, ids := range [][]int64{nil, make([]int64, 101)} {
		_, _, err := d.Retry(ctx, root(prodAccount), prod, ids)
		wantCode(t, fmt.Sprint(len(ids), " replications"), err, registry.InvalidParameter)
	}
}

// Rule 10, for what only Twinport has: another account's caller learns nothing,
// and the same whether the registry is there or not.
func TestRule10ActivityIsTheAccountsOwn(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(dev)
	d.put(in(prod), d.image(in(prod), "one"), "1")
	d.drain()
	page := registry.Page{Limit: 10}
	unserved := resource.Registry{Account: "999988887777", Region: "us-east-1"}
	for name, op := range map[string]func(id resource.Registry) error{
		"list": func(id resource.Registry) error {
			_, _, err := d.List(ctx, root(devAccount), id, replication.Outgoing, "", page)
			return err
		},
		"retry": func(id resource.Registry) error {
			_, _, err := d.Retry(ctx, root(devAccount), id, []int64{1})
			return err
		},
		"check": func(id resource.Registry) error {
			_, err := d.Check(ctx, root(devAccount), id, []resource.Registry{dev}, nil)
			return err
		},
		"statistics": func(id resource.Registry) error {
			_, err := d.Statistics(ctx, root(devAccount), id, time.Hour, time.Minute)
			return err
		},
		"watch": func(id resource.Registry) error {
			return d.Watch(ctx, root(devAccount), id, func(replication.WatchEvent) error { t.Error("an event"); return ctx.Err() })
		},
		"repositories": func(id resource.Registry) error {
			_, _, err := d.FindRepositories(ctx, root(devAccount), id, "", "", page)
			return err
		},
		"images": func(id resource.Registry) error {
			_, _, err := d.FindImages(ctx, root(devAccount), in(id), "", page)
			return err
		},
		"destinations": func(id resource.Registry) error {
			_, err := d.Destinations(ctx, root(devAccount), id, []string{"team/app"})
			return err
		},
		"replications of images": func(id resource.Registry) error {
			_, err := d.OfImages(ctx, root(devAccount), in(id), []digest.Digest{digest.FromString("none")})
			return err
		},
	} {
		there, absent := op(prod), op(unserved)
		wantCode(t, name, there, registry.AccessDenied)
		if strings.ReplaceAll(fmt.Sprint(there), prodAccount, "") != strings.ReplaceAll(fmt.Sprint(absent),
			unserved.Account, "") {
			t.Errorf("%s: %v, but where there is no such registry: %v", name, there, absent)
		}
	}
	_, _, err := d.FindImages(ctx, root(devAccount), resource.Repository{Registry: prod, Name: "team/none"}, "", page)
	wantCode(t, "a repository that is not there", err, registry.AccessDenied)
	// What is on its way to a registry, or was refused by it, is not its to see.
	if got := d.list(dev, replication.Incoming, "", 10); len(got) != 0 {
		t.Errorf("refused replications are shown to the destination: %+v", got)
	}
	d.put(in(prod), d.image(in(prod), "two"), "2")
	d.grant(dev)
	if got := d.list(dev, replication.Incoming, "", 10); len(got) != 0 {
		t.Errorf("replications that have not arrived are shown to the destination: %+v", got)
	}
	d.drain()
	if got := d.list(dev, replication.Incoming, "", 10); len(got) != 2 {
		t.Errorf("incoming: %+v", got)
	}
}
