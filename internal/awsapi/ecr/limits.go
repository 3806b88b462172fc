package ecr

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// unlimited stands for a bound that the model does not set.
const unlimited = math.MinInt64

// stringLimits is what the model demands of a string.
type stringLimits struct {
	min, max int64 // in characters
	pattern  *pattern
	values   []string // of an enum
}

// pattern is a regular expression that a whole string must match. It is
// compiled when it is first needed.
type pattern struct {
	text    string
	compile func() *regexp.Regexp
}

func whole(text string) *pattern {
	return &pattern{text, sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\A(?:` + text + `)\z`)
	})}
}

// check returns nil or the exception for the member name below at.
func (l *stringLimits) check(at, name, value string) *Exception {
	if len(l.values) > 0 && !slices.Contains(l.values, value) {
		return violation(at+name, "Member must satisfy enum value set: ["+strings.Join(l.values, ", ")+"]")
	}
	if l.min != unlimited || l.max != unlimited {
		if e := checkCount(at, name, utf8.RuneCountInString(value), l.min, l.max); e != nil {
			return e
		}
	}
	if l.pattern != nil && !l.pattern.compile().MatchString(value) {
		return violation(at+name, "must satisfy regular expression '"+l.pattern.text+"'")
	}
	return nil
}

// checkCount checks characters of a string, elements of a list or bytes of a blob.
func checkCount(at, name string, n int, low, high int64) *Exception {
	return checkBounds(at, name, "length", int64(n), low, high)
}

func checkRange(at, name string, n, low, high int64) *Exception {
	return checkBounds(at, name, "value", n, low, high)
}

func checkBounds(at, name, what string, n, low, high int64) *Exception {
	if low != unlimited && n < low {
		return violation(at+name, "Member must have "+what+" greater than or equal to "+strconv.FormatInt(low, 10))
	}
	if high != unlimited && n > high {
		return violation(at+name, "Member must have "+what+" less than or equal to "+strconv.FormatInt(high, 10))
	}
	return nil
}

// missing is the exception for a required member that is absent.
func missing(at, name string) *Exception {
	return violation(at+name, "Member must not be null")
}

// item names element i of a list in a path, in AWS's way.
func item(i int) string { return strconv.Itoa(i+1) + ".member" }
