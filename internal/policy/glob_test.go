package policy

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"
)

// globs is glob with a budget of its own.
func globs(pattern, s string) bool {
	b := newBudget(context.Background())
	return glob(wildcards.Replace(pattern), s, &b)
}

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "", false}, {"*", "", true}, {"?", "", false}, {"?", "é", true},
		{"??", "é", false},
		{"a*", "a", true}, {"a*b", "ab", true}, {"a*b", "aXbXb", true}, {"a*b", "aXbX", false}, {"a*a", "a", false},
		{"*é?", "éé", true}, {"*?é", "aé", true}, {"*é?", "é", false}, {"*a?c*", "xxabcx", true}, {"*a?c*", "aac", true},
		{"*a?c*d", "aabcxd", true}, {"**", "x", true}, {"a?c", "abd", false}, {"a", "ab", false}, {"*ab*ab", "ab", false},
		{"?*", "", false},
	}
	for _, tt := range tests {
		if got := globs(tt.pattern, tt.s); got != tt.want {
			t.Errorf("glob(%q, %q) = %v", tt.pattern, tt.s, got)
		}
	}
}

func TestGlobTakesNoExponentialTime(t *testing.T) {
	s := strings.Repeat("a", 8000)
	start := time.Now()
	for _, pattern := range []string{
		strings.Repeat("a*", 4000) + "b", strings.Repeat("*?a", 2000) + "b", "*" + strings.Repeat("?", 4000) + "b*",
	} {
		if globs(pattern, s) {
			t.Errorf("%.10s… matches", pattern)
		}
	}
	if d := time.Since(start); d > time.Minute {
		t.Errorf("took %v", d)
	}
}

// FuzzGlob compares with the standard library's regular expressions.
func FuzzGlob(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Add("*?é*", "aéa")
	f.Add("*a*a*", "aa")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if pattern = strings.ToValidUTF8(pattern, ""); len(pattern) > 50 {
			return
		}
		s = strings.ToValidUTF8(s, "")
		expr := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(pattern))
		if got, want := globs(pattern, s), regexp.MustCompile(`(?s)\A`+expr+`\z`).MatchString(s); got != want {
			t.Errorf("glob(%q, %q) = %v, want %v", pattern, s, got, want)
		}
	})
}
