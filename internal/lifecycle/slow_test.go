package lifecycle

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"
)

// slowly evaluates a policy's text as the documentation tells it, step by step
// over all images at once, and shares nothing with Plan: it reads the text
// itself, takes patterns as regular expressions, sorts what it counts, and keeps
// sets of what rules have in scope.
func slowly(text string, repository []thing, now time.Time) map[string]int {
	var doc struct {
		Rules []struct {
			RulePriority int
			Selection    struct {
				TagStatus, StorageClass, CountType string
				TagPatternList, TagPrefixList      []string
				CountNumber                        int
			}
			Action   struct{ Type string }
			Twinport struct {
				Unsigned                 bool
				SinceTagged, SincePulled int
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		panic(err)
	}
	sort.Slice(doc.Rules, func(i, j int) bool { return doc.Rules[i].RulePriority < doc.Rules[j].RulePriority })

	byDigest := map[string]thing{}
	namedBy := map[string][]thing{}
	sealed := map[string]bool{}
	for _, t := range repository {
		byDigest[t.digest] = t
		for _, child := range t.children {
			namedBy[child] = append(namedBy[child], t)
		}
		if t.seal {
			sealed[t.subject] = true
		}
	}
	olderThan := func(clock time.Time, days int) bool { return now.Sub(clock).Hours() > float64(days)*24 }
	rank := func(t thing) time.Time { // the documentation's pushed_at_time, or last_activated_at
		if t.restored.IsZero() {
			return t.pushed
		}
		return t.restored
	}
	lastPull := func(t thing) time.Time {
		switch {
		case !t.restored.IsZero() && !t.pulled.After(t.restored):
			return t.restored
		case t.pulled.IsZero():
			return t.pushed
		}
		return t.pulled
	}
	lastTag := func(t thing) time.Time {
		if len(t.tags) == 0 || t.tagged.Before(rank(t)) {
			return rank(t)
		}
		return t.tagged
	}

	scopes, marks := make([]map[string]bool, len(doc.Rules)), make([]map[string]bool, len(doc.Rules))
	for n, r := range doc.Rules {
		scopes[n], marks[n] = map[string]bool{}, map[string]bool{}
		var scope []thing
		for _, t := range repository {
			if _, present := byDigest[t.subject]; present || t.waking {
				continue // step one: no candidates
			}
			protected := false
			for _, index := range namedBy[t.digest] {
				protected = protected || r.Action.Type == "expire" || index.archived.IsZero()
			}
			class := "standard"
			if !t.archived.IsZero() {
				class = "archive"
			}
			want := r.Selection.StorageClass
			if want == "" {
				want = "standard"
			}
			if protected || class != want || r.Twinport.Unsigned && sealed[t.digest] {
				continue
			}
			fits := true
			switch r.Selection.TagStatus {
			case "untagged":
				fits = len(t.tags) == 0
			case "tagged":
				var list []string
				for _, pattern := range r.Selection.TagPatternList {
					list = append(list, "^"+strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")+"$")
				}
				for _, prefix := range r.Selection.TagPrefixList {
					list = append(list, "^"+regexp.QuoteMeta(prefix))
				}
				for _, expression := range list {
					found := false
					for _, tag := range t.tags {
						found = found || regexp.MustCompile(expression).MatchString(tag)
					}
					fits = fits && found
				}
			}
			if fits {
				scope = append(scope, t)
				scopes[n][t.digest] = true
			}
		}
		sort.SliceStable(scope, func(i, j int) bool {
			if a, b := rank(scope[i]), rank(scope[j]); !a.Equal(b) {
				return a.After(b)
			}
			return scope[i].digest > scope[j].digest
		})
		for place, t := range scope {
			number, marked := r.Selection.CountNumber, false
			switch r.Selection.CountType {
			case "imageCountMoreThan":
				marked = place >= number
			case "sinceImagePushed":
				marked = olderThan(rank(t), number)
			case "sinceImagePulled":
				marked = olderThan(lastPull(t), number)
			case "sinceImageTransitioned":
				marked = olderThan(t.archived, number)
			}
			if days := r.Twinport.SinceTagged; days > 0 && !olderThan(lastTag(t), days) {
				marked = false
			}
			if days := r.Twinport.SincePulled; days > 0 && !olderThan(lastPull(t), days) {
				marked = false
			}
			if marked {
				marks[n][t.digest] = true
			}
		}
	}
	acted, seen := map[string]int{}, map[string]bool{}
	for n, r := range doc.Rules {
		for digest := range marks[n] {
			if !seen[digest] {
				acted[digest] = r.RulePriority
			}
		}
		for digest := range scopes[n] {
			seen[digest] = true
		}
	}
	return acted
}

// randomPolicy is one of few words, so that rules meet.
func randomPolicy(c *rand.Rand) string {
	words := []string{"a", "b", "ab", "b-a", "*", "a*", "*a", "*b*", "a*b", "*-*", "b-*", "aa", "*a*a*"}
	rules := make([]string, 1+c.IntN(5))
	for i, priority := range c.Perm(len(rules)) {
		selection, action := `"tagStatus":"any"`, expire
		switch c.IntN(5) {
		case 0:
			selection = `"tagStatus":"untagged"`
		case 1, 2, 3:
			list, entries := "tagPatternList", []string{}
			if c.IntN(2) == 0 {
				list = "tagPrefixList"
			}
			for range 1 + c.IntN(2) {
				entries = append(entries, `"`+words[c.IntN(len(words))]+`"`)
			}
			selection = fmt.Sprintf(`"tagStatus":"tagged","%s":[%s]`, list, strings.Join(entries, ","))
		}
		if c.IntN(3) == 0 {
			action = transition
		}
		switch c.IntN(5) {
		case 0, 1:
			selection += fmt.Sprintf(`,"countType":"imageCountMoreThan","countNumber":%d`, 1+c.IntN(6))
		case 2:
			selection += fmt.Sprintf(`,"countType":"sinceImagePushed","countUnit":"days","countNumber":%d`, 1+c.IntN(9))
		case 3:
			selection += fmt.Sprintf(`,"countType":"sinceImagePulled","countUnit":"days","countNumber":%d`, 1+c.IntN(9))
			action = transition
		default:
			selection += fmt.Sprintf(`,"storageClass":"archive","countType":"sinceImageTransitioned","countUnit":"days",`+
				`"countNumber":%d`, 90+c.IntN(9))
			action = expire
		}
		if c.IntN(3) == 0 {
			own := []string{
				`"unsigned":true`, fmt.Sprintf(`"sinceTagged":%d`, 1+c.IntN(9)), fmt.Sprintf(`"sincePulled":%d`, 1+c.IntN(9)),
			}
			from := c.IntN(len(own))
			action += `},"twinport":{` + strings.Join(own[from:from+1+c.IntN(len(own)-from)], ",")
		}
		rules[i] = rule(1+3*priority, selection, action)
	}
	return policy(rules...)
}

// randomRepository has images of few times and names, so that many tie.
func randomRepository(c *rand.Rand) []thing {
	day := func(days int) time.Time {
		at := now.Add(-time.Duration(days) * 24 * time.Hour)
		return at.Add(time.Duration(c.IntN(3)-1) * time.Microsecond)
	}
	all := make([]thing, c.IntN(25))
	for _, i := range c.Perm(len(all)) { // so that digests say nothing of who names whom
		t := &all[i]
		t.digest = fmt.Sprintf("d%02d", i)
		age := 2 + c.IntN(10)
		if c.IntN(6) == 0 {
			age += 90
			t.archived = day(88 + c.IntN(12))
		} else if c.IntN(8) == 0 {
			t.restored = day(c.IntN(age))
			t.waking = c.IntN(3) == 0
		}
		t.pushed = day(age).Add(-time.Minute) // before all else
		for _, tag := range []string{"a", "b", "ab", "b-a", "aa", "b-b", "aab"} {
			if c.IntN(5) == 0 {
				t.tags = append(t.tags, tag)
				t.tagged = day(c.IntN(age))
			}
		}
		if c.IntN(2) == 0 {
			t.pulled = day(c.IntN(age))
		}
		other := fmt.Sprintf("d%02d", c.IntN(len(all)+3)) // or one that is not there
		switch {
		case other == t.digest:
		case c.IntN(5) == 0:
			t.children = []string{other, fmt.Sprintf("d%02d", c.IntN(len(all)))}
		case c.IntN(5) == 0:
			t.subject, t.seal = other, c.IntN(2) == 0
		}
	}
	return all
}

// Whatever the policy and the images, a Plan marks what the documentation's
// steps mark, however the store pages and narrows.
func TestPlanDecidesAsTheSlowEvaluator(t *testing.T) {
	tried, acted, byRule := 0, 0, map[int]int{}
	for seed := uint64(0); tried < 4000; seed++ {
		c := chance(seed)
		text := randomPolicy(c)
		p, err := Parse(text)
		if err != nil {
			continue // some rules do not go together
		}
		tried++
		repository := randomRepository(c)
		s := newShelf(1+c.IntN(9), c.IntN(2) == 0, repository...)
		got, want := marked(t, p, s, now), slowly(text, repository, now)
		if !maps.Equal(got, want) {
			t.Fatalf("seed %d: %s\non %+v\nmarks %v, want %v", seed, text, repository, got, want)
		}
		// The text that is kept is the same policy.
		if again := slowly(p.Text(), repository, now); !maps.Equal(again, want) {
			t.Fatalf("seed %d: %s\nis not %s", seed, p.Text(), text)
		}
		acted += len(want)
		for _, priority := range slices.Collect(maps.Values(want)) {
			byRule[priority]++
		}
	}
	if acted < tried || len(byRule) < 4 {
		t.Errorf("%d policies have marked %d images, by priority %v", tried, acted, byRule)
	}
}

// A rule that says more than ECR's does marks no image that it would not mark
// otherwise.
func TestOwnFieldsKeepMore(t *testing.T) {
	for seed := range uint64(3000) {
		c := chance(seed)
		base := []string{counted("any", 1+c.IntN(5)), since("sinceImagePushed", "untagged", 1+c.IntN(5))}[c.IntN(2)]
		own := []string{`"unsigned":true`, `"sinceTagged":3`, `"sincePulled":3`, `"unsigned":true,"sincePulled":3`}[c.IntN(4)]
		repository := randomRepository(c)
		s := newShelf(5, true, repository...)
		plain := marked(t, mustParse(t, policy(rule(1, base, expire))), s, now)
		kept := marked(t, mustParse(t, policy(rule(1, base, expire+`},"twinport":{`+own))), s, now)
		for digest := range kept {
			if plain[digest] == 0 {
				t.Fatalf("seed %d: %s is marked with %s only", seed, digest, own)
			}
		}
	}
}
