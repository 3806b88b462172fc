package lifecycle

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// thing is an image as a registry has it: what belongs together is what names
// each other.
type thing struct {
	digest   string
	tags     []string
	tagged   time.Time
	pushed   time.Time
	pulled   time.Time
	restored time.Time
	archived time.Time // not zero: it is archived now
	waking   bool
	children []string
	subject  string
	seal     bool // it is a signature of its subject
}

// shelf is a repository that lists its images as a store does: it leaves out
// whatever it may, or as little as it may, in short pages.
type shelf struct {
	things []thing
	eager  bool
	page   int
	lists  int
	looked int
}

func (s *shelf) has(digest string) bool {
	return slices.ContainsFunc(s.things, func(t thing) bool { return t.digest == digest })
}

func (s *shelf) image(t *thing) Image {
	i := Image{
		Digest: t.digest, Tags: t.tags, Size: int64(len(t.digest)), PushedAt: t.pushed, PulledAt: t.pulled, TaggedAt: t.tagged,
		ActivatedAt: t.restored, ArchivedAt: t.archived, StorageClass: Standard, Activating: t.waking,
		Attached: t.subject != "" && s.has(t.subject),
	}
	if !t.archived.IsZero() {
		i.StorageClass = Archive
	}
	for _, other := range s.things {
		if slices.Contains(other.children, t.digest) {
			i.Child = true
			i.Held = i.Held || other.archived.IsZero()
		}
		i.Signed = i.Signed || other.seal && other.subject == t.digest
	}
	return i
}

func (s *shelf) List(_ context.Context, q Query) (page []Image, more bool, err error) {
	s.lists++
	var all []Image
	for n := range s.things {
		i := s.image(&s.things[n])
		if i.StorageClass != q.StorageClass || q.Above != (Key{}) && i.Key().Compare(q.Above) <= 0 ||
			q.Below != (Key{}) && i.Key().Compare(q.Below) >= 0 {
			continue
		}
		described := q.Tags.Untagged && len(i.Tags) == 0 || slices.ContainsFunc(i.Tags, func(tag string) bool {
			return slices.ContainsFunc(q.Tags.Prefixes, func(prefix string) bool { return strings.HasPrefix(tag, prefix) })
		})
		if s.eager && (!described || i.Attached || i.Activating || i.Child && i.Held) {
			continue
		}
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b Image) int {
		if q.Newest {
			a, b = b, a
		}
		return a.Key().Compare(b.Key())
	})
	limit := min(q.Limit, s.page)
	if limit > len(all) {
		limit = len(all)
	}
	s.looked += limit
	return all[:limit], limit < len(all), nil
}

// planOf makes a complete plan.
func planOf(ctx context.Context, p *Policy, images Images, now time.Time) (*Plan, error) {
	plan := NewPlan(p, now)
	for {
		if complete, err := plan.Count(ctx, images); complete || err != nil {
			return plan, err
		}
	}
}

// marked evaluates a policy, and returns the priority of the rule that acts, by
// digest.
func marked(t testing.TB, p *Policy, s *shelf, now time.Time) map[string]int {
	t.Helper()
	plan, err := planOf(t.Context(), p, s, now)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int{}
	var last Image
	for at := (Position{}); !at.Done; {
		var marks []Mark
		if marks, at, err = plan.Marks(t.Context(), s, at); err != nil {
			t.Fatal(err)
		}
		for _, m := range marks {
			if all[m.Image.Digest] != 0 {
				t.Fatalf("%s is marked twice", m.Image.Digest)
			}
			if last.StorageClass == m.Image.StorageClass && last.Key().Compare(m.Image.Key()) >= 0 {
				t.Fatalf("%s comes after %s", m.Image.Digest, last.Digest)
			}
			all[m.Image.Digest] = m.Rule.Priority
			last = m.Image
		}
	}
	// Who asks again about an image is told the same.
	for n := range s.things {
		i := s.image(&s.things[n])
		priority := 0
		if r := plan.Decide(&i); r != nil {
			priority = r.Priority
		}
		if priority != all[i.Digest] {
			t.Fatalf("%s is marked by %d, and decided on by %d", i.Digest, all[i.Digest], priority)
		}
	}
	return all
}

func newShelf(page int, eager bool, things ...thing) *shelf {
	return &shelf{things: things, page: page, eager: eager}
}

// faulty fails from the n-th list on.
type faulty struct {
	*shelf
	n int
}

var errList = errors.New("the store is away")

func (f *faulty) List(ctx context.Context, q Query) ([]Image, bool, error) {
	if f.n--; f.n < 0 {
		return nil, false, errList
	}
	return f.shelf.List(ctx, q)
}

// chance returns numbers that repeat with the seed.
func chance(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 12)) }
