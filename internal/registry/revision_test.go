package registry_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// document is one that has a revision.
type document struct {
	revision func() registry.Revision
	// write makes it the nth of many that differ; remove, if not nil, deletes it.
	write  func(n int, base ...registry.Revision) error
	remove func(base ...registry.Revision) error
}

func (d *domain) documents() map[string]document {
	c, ref := root(prodAccount), in(prod)
	policy := func(n int) string {
		return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"N%d","Effect":"Allow","Principal":"*",`+
			`"Action":"ecr:DescribeImages","Resource":"*"}]}`, n)
	}
	must := func(err error, absent registry.Code) {
		if err != nil && registry.CodeOf(err) != absent {
			d.t.Error(err)
		}
	}
	return map[string]document{
		"registry policy": {
			revision: func() registry.Revision {
				text, err := d.RegistryPolicy(ctx, c, prod)
				must(err, registry.RegistryPolicyNotFound)
				return registry.RevisionOf(text)
			},
			write: func(n int, base ...registry.Revision) error {
				return d.SetRegistryPolicy(ctx, c, prod, policy(n), base...)
			},
			remove: func(base ...registry.Revision) error {
				_, err := d.DeleteRegistryPolicy(ctx, c, prod, base...)
				return err
			},
		},
		"repository policy": {
			revision: func() registry.Revision {
				text, err := d.RepositoryPolicy(ctx, c, ref)
				must(err, registry.RepositoryPolicyNotFound)
				return registry.RevisionOf(text)
			},
			write: func(n int, base ...registry.Revision) error {
				return d.SetRepositoryPolicy(ctx, c, ref, policy(n), true, base...)
			},
			remove: func(base ...registry.Revision) error {
				_, err := d.DeleteRepositoryPolicy(ctx, c, ref, base...)
				return err
			},
		},
		"replication rules": {
			revision: func() registry.Revision {
				rules, err := d.Rules(ctx, c, prod)
				must(err, "")
				return registry.RevisionOf(rules)
			},
			write: func(n int, base ...registry.Revision) error {
				return d.SetRules(ctx, c, prod, []replication.Rule{
					{Destinations: []resource.Registry{dev}, Prefixes: []string{fmt.Sprint("n", n)}},
				}, base...)
			},
			remove: func(base ...registry.Revision) error { return d.SetRules(ctx, c, prod, nil, base...) },
		},
		"scanning configuration": {
			revision: func() registry.Revision {
				scanning, err := d.Scanning(ctx, c, prod)
				must(err, "")
				return registry.RevisionOf(scanning.Type, scanning.Rules)
			},
			write: func(n int, base ...registry.Revision) error {
				_, err := d.SetScanning(ctx, c, prod, registry.ScanningConfiguration{
					Rules: []registry.ScanningRule{{Frequency: registry.ScanOnPush, Filters: []string{fmt.Sprint("n", n)}}},
				}, base...)
				return err
			},
			remove: func(base ...registry.Revision) error {
				_, err := d.SetScanning(ctx, c, prod, registry.ScanningConfiguration{}, base...)
				return err
			},
		},
		"tag mutability": {
			revision: func() registry.Revision {
				r, err := d.DescribeRepositories(ctx, c, prod, []string{ref.Name})
				must(err, "")
				return registry.RevisionOf(r[0].TagMutability, r[0].Exclusions)
			},
			write: func(n int, base ...registry.Revision) error {
				filters := []string{fmt.Sprint("n", n)}
				_, err := d.SetTagMutability(ctx, c, ref, registry.ImmutableWithExclusion, filters, base...)
				return err
			},
			remove: func(base ...registry.Revision) error {
				_, err := d.SetTagMutability(ctx, c, ref, registry.Mutable, nil, base...)
				return err
			},
		},
		"tags": {
			revision: func() registry.Revision {
				tags, err := d.ResourceTags(ctx, c, ref)
				must(err, "")
				return registry.RevisionOf(tags)
			},
			write: func(n int, base ...registry.Revision) error {
				return d.TagResource(ctx, c, ref, []resource.Tag{{Key: "k", Value: fmt.Sprint(n)}}, base...)
			},
			remove: func(base ...registry.Revision) error {
				return d.UntagResource(ctx, c, ref, []string{"k"}, base...)
			},
		},
	}
}

// TestWritesOnARevision: a write that is based on what is not there any more
// changes nothing, and what says the same again has the same revision.
func TestWritesOnARevision(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	for name, doc := range d.documents() {
		begin := doc.revision()
		if (name == "registry policy" || name == "repository policy") != (begin == registry.NoRevision) {
			t.Errorf("%s: at the beginning the revision is %s", name, begin)
		}
		wantCode(t, name+": on another", doc.write(1, "0123"), registry.PreconditionFailed)
		wantCode(t, name+": removed on another", doc.remove("0123"), registry.PreconditionFailed)
		if now := doc.revision(); now != begin {
			t.Errorf("%s: refused writes made %s of revision %s", name, now, begin)
		}
		wantCode(t, name+": on what is there", doc.write(1, begin), "")
		first := doc.revision()
		if first == begin {
			t.Errorf("%s: a write changed nothing of revision %s", name, first)
		}
		wantCode(t, name+": on what was there", doc.write(2, begin), registry.PreconditionFailed)
		wantCode(t, name+": on one of two", doc.write(2, begin, first), "")
		wantCode(t, name+": on whatever is there", doc.write(1), "")
		wantCode(t, name+": removed on what is there", doc.remove(first), "")
		if now := doc.revision(); now != begin {
			t.Errorf("%s: after all the revision is %s, not %s", name, now, begin)
		}
		wantCode(t, name+": removed twice", doc.remove(first), registry.PreconditionFailed)
	}
}

// TestWritersOnOneRevision: of any number that write at once on the base of the
// same revision, one does, and what it wrote stays.
func TestWritersOnOneRevision(t *testing.T) {
	const writers = 8
	d := openStill(t)
	d.create(in(prod))
	for name, doc := range d.documents() {
		for round := range 5 {
			base := doc.revision()
			errs := make([]error, writers)
			var all sync.WaitGroup
			for i := range errs {
				all.Go(func() { errs[i] = doc.write(1+round*writers+i, base) })
			}
			all.Wait()
			winner := -1
			for i, err := range errs {
				switch {
				case err == nil && winner >= 0:
					t.Errorf("%s: both %d and %d have written on one revision", name, winner, i)
				case err == nil:
					winner = i
				default:
					wantCode(t, name, err, registry.PreconditionFailed)
				}
			}
			if winner < 0 {
				t.Fatalf("%s: nobody has written", name)
			}
			now := doc.revision()
			if err := doc.write(1 + round*writers + winner); err != nil {
				t.Fatal(err)
			}
			if again := doc.revision(); again != now {
				t.Errorf("%s: what the winner wrote has the revision %s, and %s was there", name, again, now)
			}
		}
	}
}

func TestRevisionOf(t *testing.T) {
	same := func(a, b registry.Revision) {
		t.Helper()
		if a != b {
			t.Errorf("%s and %s are of the same", a, b)
		}
	}
	same(registry.RevisionOf(""), registry.NoRevision)
	same(registry.RevisionOf([]resource.Tag(nil)), registry.RevisionOf([]resource.Tag{}))
	same(registry.RevisionOf(registry.Mutable, []string(nil)), registry.RevisionOf("MUTABLE", []string{}))
	seen := map[registry.Revision]int{}
	for i, r := range []registry.Revision{
		registry.RevisionOf(""), registry.RevisionOf(" "), registry.RevisionOf("none"), registry.RevisionOf("{}"),
		registry.RevisionOf([]string{}), registry.RevisionOf("MUTABLE", []string{}),
		registry.RevisionOf("MUTABLE", []string{"a"}), registry.RevisionOf("MUTABLE", []string{"a", "b"}),
	} {
		if before, ok := seen[r]; ok {
			t.Errorf("%d and %d have the same revision %s", before, i, r)
		}
		seen[r] = i
	}
}
