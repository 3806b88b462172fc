package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// pageSize is how many images are looked at at a time.
const pageSize = 1000

// Plan is a policy at a time, in a repository as it was then: it decides on
// images. A complete one may be used by several goroutines.
type Plan struct {
	rules    []plannedRule // in the order of the policy's
	counting []counter     // those that are not complete
	counted  Key           // the last image that was counted

	// Whether a rule asks when images were tagged, or whether they are signed.
	tagged, signed bool
}

// plannedRule is a rule, and how old an image must be for it to act.
type plannedRule struct {
	*Rule
	entries []entry
	// before is the point of the rule: it marks images that are older. Zero: it
	// marks none. For one of the since types no digest comes before it, so all
	// images of exactly its time are kept.
	before Key
	tagged time.Time // keeps images that got a tag then or later; zero: none
	pulled time.Time // keeps images that were pulled then or later; zero: none
}

// counter is a rule that has yet to find some of the images that it keeps.
type counter struct {
	*plannedRule
	left int
}

// Mark is an image that a policy acts on, and the rule by which it does.
type Mark struct {
	Image Image
	Rule  *Rule
}

// NewPlan begins the plan of a policy. Count completes it, before anything else
// is asked. now counts to the microsecond, as the times of images do.
func NewPlan(policy *Policy, now time.Time) *Plan {
	now = now.Truncate(time.Microsecond)
	p := &Plan{rules: make([]plannedRule, len(policy.Rules))}
	for i := range policy.Rules {
		r := &p.rules[i]
		r.Rule = &policy.Rules[i]
		r.entries = entries(&r.Selection)
		p.tagged, p.signed = p.tagged || r.Twinport.SinceTagged > 0, p.signed || r.Twinport.Unsigned
		r.tagged, r.pulled = daysBefore(now, r.Twinport.SinceTagged), daysBefore(now, r.Twinport.SincePulled)
		if r.Selection.CountType == ImageCountMoreThan {
			p.counting = append(p.counting, counter{r, r.Selection.CountNumber})
		} else {
			r.before.At = daysBefore(now, r.Selection.CountNumber)
		}
	}
	return p
}

// epoch is before all that happened to an image.
var epoch = time.Unix(0, 0).UTC()

// daysBefore is so many times 24 hours before now, but not before the epoch;
// zero for none.
func daysBefore(now time.Time, days int) time.Time {
	if days == 0 {
		return time.Time{}
	}
	if days > int(now.Sub(epoch)/(24*time.Hour)) {
		return epoch
	}
	return now.Add(-time.Duration(days) * 24 * time.Hour)
}

// Count looks at the next of the newest images, at most a thousand, until each
// rule of the type imageCountMoreThan has found those that it keeps, or there are
// no more. Images that earlier rules mark keep their places. It returns true when
// the plan is complete. Errors are those of images.
func (p *Plan) Count(ctx context.Context, images Images) (complete bool, err error) {
	if len(p.counting) == 0 {
		return true, nil
	}
	rules := make([]*plannedRule, len(p.counting))
	for i, c := range p.counting {
		rules[i] = c.plannedRule
	}
	page, more, err := p.list(ctx, images, Query{
		StorageClass: Standard, Below: p.counted, Newest: true, Tags: tagsOf(rules), Limit: pageSize,
	})
	if err != nil {
		return false, err
	}
	for i := range page {
		p.counted = page[i].Key()
		p.counting = look(p.counting, &page[i])
	}
	if !more {
		p.counting = nil
	}
	return len(p.counting) == 0, nil
}

// look counts the next image, and returns those that have yet to find some.
func look(counting []counter, image *Image) []counter {
	open := counting[:0]
	for _, c := range counting {
		if c.covers(image) {
			c.left--
		}
		if c.left == 0 {
			c.before = image.Key()
		} else {
			open = append(open, c)
		}
	}
	return open
}

func (p *Plan) list(ctx context.Context, images Images, q Query) ([]Image, bool, error) {
	q.TaggedAt, q.Signed = p.tagged, p.signed
	page, more, err := images.List(ctx, q)
	if err != nil {
		return nil, false, fmt.Errorf("lifecycle: list images: %w", err)
	}
	return page, more && len(page) > 0, nil
}

// Decide returns the rule that acts on the image; nil if none does.
func (p *Plan) Decide(image *Image) *Rule {
	for i := range p.rules {
		if r := &p.rules[i]; r.covers(image) {
			if r.marks(image) {
				return r.Rule
			}
			return nil
		}
	}
	return nil
}

// covers says whether the image is in the scope of the rule.
func (r *plannedRule) covers(image *Image) bool {
	if image.Attached || image.Activating || image.StorageClass != r.Selection.Class() ||
		r.Twinport.Unsigned && image.Signed {
		return false
	}
	// To expire what an index names would break it; to archive it, only while the
	// index can be pulled.
	if image.Child && (r.Action == Expire || image.Held) {
		return false
	}
	switch r.Selection.TagStatus {
	case Untagged:
		return len(image.Tags) == 0
	case Tagged:
		for _, e := range r.entries {
			if !e.matchesAny(image.Tags) {
				return false
			}
		}
	}
	return true
}

// marks says whether the rule acts on the image, which it covers.
func (r *plannedRule) marks(image *Image) bool {
	if image.Key().Compare(r.before) >= 0 {
		return false
	}
	pulled := latest(image.begun(), image.PulledAt)
	return (r.Selection.CountType != SinceImagePulled || pulled.Before(r.before.At)) &&
		(r.tagged.IsZero() || latest(image.begun(), image.TaggedAt).Before(r.tagged)) &&
		(r.pulled.IsZero() || pulled.Before(r.pulled))
}

// Position is how far Marks has come. The zero Position is the beginning.
type Position struct {
	StorageClass StorageClass // "" at the beginning
	After        Key          // of the last image that was looked at; zero: of none
	Done         bool
}

// Marks looks at the next images, at most a thousand, and returns those that the
// policy acts on: images of the standard storage class first, in each class the
// oldest first. It returns where to go on. Errors are those of images.
func (p *Plan) Marks(ctx context.Context, images Images, at Position) (marks []Mark, next Position, err error) {
	if at.StorageClass == "" {
		at.StorageClass = Standard
	}
	acting, newest := p.acting(at)
	more := len(acting) > 0
	if more {
		var page []Image
		page, more, err = p.list(ctx, images, Query{
			StorageClass: at.StorageClass, Above: at.After, Below: newest, Tags: tagsOf(acting), Limit: pageSize,
		})
		if err != nil {
			return nil, at, err
		}
		for i := range page {
			at.After = page[i].Key()
			if r := p.Decide(&page[i]); r != nil {
				marks = append(marks, Mark{page[i], r})
			}
		}
	}
	switch {
	case more:
	case at.StorageClass == Standard:
		at = Position{StorageClass: Archive}
	default:
		at = Position{Done: true}
	}
	return marks, at, nil
}

// acting are the rules that may act on images from the position on, and the
// newest of their points.
func (p *Plan) acting(at Position) (acting []*plannedRule, newest Key) {
	for i := range p.rules {
		r := &p.rules[i]
		if r.Selection.Class() != at.StorageClass || r.before.isZero() || at.After.Compare(r.before) >= 0 {
			continue
		}
		acting = append(acting, r)
		if newest.Compare(r.before) < 0 {
			newest = r.before
		}
	}
	return acting, newest
}

// tagsOf describes all images that are in the scope of one of the rules.
func tagsOf(rules []*plannedRule) (t Tags) {
	for _, r := range rules {
		switch r.Selection.TagStatus {
		case Any:
			return Tags{Untagged: true, Prefixes: []string{""}}
		case Untagged:
			t.Untagged = true
		case Tagged:
			// An image has a tag for each entry. The longest prefix describes the fewest.
			longest := ""
			for _, e := range r.entries {
				if len(e.prefix()) > len(longest) {
					longest = e.prefix()
				}
			}
			t.Prefixes = append(t.Prefixes, longest)
		}
	}
	slices.Sort(t.Prefixes)
	// Whatever has a longer prefix has the shorter one, which stands before it.
	kept := t.Prefixes[:0]
	for _, prefix := range t.Prefixes {
		if len(kept) == 0 || !strings.HasPrefix(prefix, kept[len(kept)-1]) {
			kept = append(kept, prefix)
		}
	}
	t.Prefixes = kept
	return t
}
