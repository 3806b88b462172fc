package lifecycle

import (
	"regexp"
	"strings"
	"testing"
)

func TestEntries(t *testing.T) {
	for _, c := range []struct {
		pattern, tag string
		want         bool
	}{
		{"prod", "prod", true}, {"prod", "prod1", false}, {"prod", "Prod", false},
		{"prod*", "prod", true}, {"prod*", "prod-1", true}, {"prod*", "xprod", false},
		{"*prod*", "xprodx", true}, {"*prod", "xprod", true}, {"*prod", "prodx", false},
		{"*", "x", true}, {"**", "x", true}, {"****", "", true},
		{"a*a", "a", false}, {"a*a", "aa", true}, {"ab*ba", "aba", false}, {"ab*ba", "abba", true},
		{"a*b*c", "abc", true}, {"a*b*c", "acb", false}, {"a*b*b", "ab", false}, {"a*b*b", "abb", true},
		{"*ab*ab*", "abab", true}, {"*ab*ab*", "aab", false}, {"a?c", "abc", false}, {"a.c", "abc", false}, {"[a]", "a", false},
	} {
		e := entry(strings.Split(c.pattern, "*"))
		if got := e.matches(c.tag); got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.tag, got)
		}
		if !c.want && e.matchesAny([]string{c.tag, c.tag}) || c.want && !e.matchesAny([]string{"none", c.tag}) {
			t.Errorf("%q matches any of some with %q wrongly", c.pattern, c.tag)
		}
	}
}

// All short patterns on all short tags, beside regular expressions.
func TestEntriesAreRegular(t *testing.T) {
	words := func(letters string, length int) []string {
		all, longest := []string{""}, []string{""}
		for range length {
			var next []string
			for _, w := range longest {
				for _, c := range letters {
					next = append(next, w+string(c))
				}
			}
			all, longest = append(all, next...), next
		}
		return all
	}
	tags := words("ab", 5)
	for _, pattern := range words("ab*", 5) {
		expression := regexp.MustCompile("^" + strings.ReplaceAll(pattern, "*", ".*") + "$")
		e := entry(strings.Split(pattern, "*"))
		for _, tag := range tags {
			if e.matches(tag) != expression.MatchString(tag) {
				t.Fatalf("%q matches %q: %v", pattern, tag, e.matches(tag))
			}
			if e.matches(tag) && !strings.HasPrefix(tag, e.prefix()) {
				t.Fatalf("%q has the prefix %q, and matches %q", pattern, e.prefix(), tag)
			}
		}
	}
}
