package policy

import (
	"strings"
	"unicode/utf8"
)

// In a compiled pattern the wildcards * and ? are the bytes star and one, which
// no UTF-8 text contains. So a literal asterisk, written ${*} or part of a
// variable's value, cannot be taken for a wildcard.
const (
	star = 0xff
	one  = 0xfe
)

var wildcards = strings.NewReplacer("*", "\xff", "?", "\xfe")

// glob reports whether s matches pattern. Each piece between two stars is
// looked for once, from left to right, so the time is linear for pieces
// without ?, and for others at worst the product of the lengths, which b bounds.
func glob(pattern, s string, b *budget) bool {
	if !b.scan(len(pattern) + len(s)) {
		return false
	}
	if pattern == s || pattern == "\xff" {
		return true
	}
	i := strings.IndexByte(pattern, star)
	if i < 0 {
		n, ok := matchPrefix(pattern, s)
		return ok && n == len(s)
	}
	n, ok := matchPrefix(pattern[:i], s)
	if !ok {
		return false
	}
	for {
		s, pattern = s[n:], pattern[i+1:]
		if i = strings.IndexByte(pattern, star); i < 0 {
			return matchSuffix(pattern, s)
		}
		if n = matchFirst(pattern[:i], s, b); n < 0 {
			return false
		}
	}
}

// matchPrefix reports whether s starts with piece, which has no star, and how
// many bytes of s it looked at.
func matchPrefix(piece, s string) (int, bool) {
	n := 0
	for i := 0; i < len(piece); i++ {
		if n == len(s) {
			return n, false
		}
		switch {
		case piece[i] == one:
			_, size := utf8.DecodeRuneInString(s[n:])
			n += size
		case piece[i] == s[n]:
			n++
		default:
			return n, false
		}
	}
	return n, true
}

// matchSuffix reports whether s ends with piece, which has no star.
func matchSuffix(piece, s string) bool {
	for i := len(piece) - 1; i >= 0; i-- {
		if s == "" {
			return false
		}
		switch {
		case piece[i] == one:
			_, size := utf8.DecodeLastRuneInString(s)
			s = s[:len(s)-size]
		case piece[i] == s[len(s)-1]:
			s = s[:len(s)-1]
		default:
			return false
		}
	}
	return true
}

// matchFirst returns where the first match of piece in s ends, or -1.
func matchFirst(piece, s string, b *budget) int {
	if strings.IndexByte(piece, one) < 0 {
		if i := strings.Index(s, piece); i >= 0 {
			return i + len(piece)
		}
		return -1
	}
	for i := 0; i < len(s); {
		n, ok := matchPrefix(piece, s[i:])
		if !b.spend(n + 1) {
			return -1
		}
		if ok {
			return i + n
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return -1
}
