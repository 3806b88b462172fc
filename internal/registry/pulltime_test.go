package registry_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/registry"
)

func TestPullTimeExclusions(t *testing.T) {
	d := openStill(t)
	c := root(prodAccount)
	arn := func(i int) string { return fmt.Sprintf("arn:aws:iam::%s:role/scan-%03d", prodAccount, i) }
	add := func(i int) error {
		got, err := d.ExcludePulls(ctx, c, prod, arn(i))
		if err == nil && (got.Principal != arn(i) || got.CreatedAt.IsZero()) {
			t.Errorf("%+v", got)
		}
		return err
	}
	wantCode(t, "one that is not there", d.IncludePulls(ctx, c, prod, arn(0)), registry.ExclusionNotFound)
	for _, i := range []int{2, 0, 1} {
		wantCode(t, arn(i), add(i), "")
		wantCode(t, arn(i)+" again", add(i), registry.ExclusionAlreadyExists)
	}
	wantCode(t, "taking one out", d.IncludePulls(ctx, c, prod, arn(1)), "")
	for i := 3; i < 101; i++ {
		wantCode(t, arn(i), add(i), "")
	}
	wantCode(t, "the 101st", add(101), registry.LimitExceeded)
	wantCode(t, "one of them, at the limit", add(2), registry.ExclusionAlreadyExists)
	wantCode(t, "one of another account", func() error { _, err := d.ExcludePulls(ctx, c, dev, arn(0)); return err }(),
		registry.AccessDenied)
	all := pages(t, "exclusions", 100, func(p registry.Page) (names []string, next string, err error) {
		exclusions, next, err := d.PullTimeExclusions(ctx, c, prod, p)
		for _, e := range exclusions {
			names = append(names, e.Principal)
		}
		return names, next, err
	})
	if !slices.IsSorted(all) || slices.Contains(all, arn(1)) || !slices.Contains(all, arn(100)) {
		t.Errorf("listed: %v", all)
	}
	if all, _, err := d.PullTimeExclusions(ctx, root(devAccount), dev, registry.Page{Limit: 100}); err != nil ||
		len(all) > 0 {
		t.Errorf("those of another registry: %v, %v", all, err)
	}
}

// Pulls of who is excluded do not count, whatever was pulled before or after; those of others do.
func TestExcludedPullsAreNotRecorded(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.put(in(prod), d.image(in(prod), "x"), "latest")
	if err := d.SetRepositoryPolicy(ctx, root(prodAccount), in(prod), statement("Allow", devAccount, "ecr:BatchGetImage"),
		false); err != nil {
		t.Fatal(err)
	}
	session := root(prodAccount)
	session.Identity.Principal = policy.Principal{
		Account: prodAccount, ARN: "arn:aws:sts::" + prodAccount + ":assumed-role/scan/one",
		Role: "arn:aws:iam::" + prodAccount + ":role/scan",
	}
	document, err := policy.Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
		policy.IdentityPolicy)
	if err != nil {
		t.Fatal(err)
	}
	session.Policies = []policy.Policy{{Document: document}}
	scanners := []access.Caller{root(devAccount), session}
	for _, arn := range []string{"arn:aws:iam::" + devAccount + ":root", session.Identity.Principal.Role} {
		if _, err := d.ExcludePulls(ctx, root(prodAccount), prod, arn); err != nil {
			t.Fatal(err)
		}
	}
	pulled := func() time.Time {
		images, err := d.DescribeImages(ctx, root(prodAccount), in(prod), []registry.Reference{{Tag: "latest"}})
		if err != nil {
			t.Fatal(err)
		}
		return images[0].LastPulledAt
	}
	pull := func(c access.Caller) {
		t.Helper()
		if _, err := d.Manifest(ctx, c, in(prod), registry.Reference{Tag: "latest"}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.ManifestHead(ctx, c, in(prod), registry.Reference{Tag: "latest"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range scanners {
		pull(c)
	}
	pull(root(prodAccount)) // soon after theirs
	var first time.Time
	d.await("the owner's pull is recorded", func() bool { first = pulled(); return !first.IsZero() })
	d.clock.advance(24 * time.Hour)
	for _, c := range scanners {
		pull(c)
	}
	if err := d.IncludePulls(ctx, root(prodAccount), prod, "arn:aws:iam::"+devAccount+":root"); err != nil {
		t.Fatal(err)
	}
	d.clock.advance(24 * time.Hour)
	before := d.clock.now()
	pull(root(devAccount))
	var second time.Time
	d.await("a pull that counts again is recorded", func() bool { second = pulled(); return !second.Equal(first) })
	if second.Before(before.Truncate(time.Microsecond)) {
		t.Errorf("recorded at %v, before %v: a pull that does not count was", second, before)
	}
}
