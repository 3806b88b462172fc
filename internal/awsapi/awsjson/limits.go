package awsjson

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Unlimited stands for a bound that the model does not set.
const Unlimited = math.MinInt64

// StringLimits is what the model demands of a string.
type StringLimits struct {
	Min, Max int64 // in characters
	Pattern  *Pattern
	Values   []string // of an enum
}

// Pattern is a regular expression that a whole string must match. It is
// compiled when it is first needed.
type Pattern struct {
	text    string
	compile func() *regexp.Regexp
}

// Whole is the pattern of the regular expression.
func Whole(text string) *Pattern {
	return &Pattern{text, sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\A(?:` + text + `)\z`)
	})}
}

// Compile returns the compiled expression, and panics if it is none.
func (p *Pattern) Compile() *regexp.Regexp { return p.compile() }

// Check returns nil or the exception for the member name below at.
func (l *StringLimits) Check(at, name, value string) *Exception {
	if len(l.Values) > 0 && !slices.Contains(l.Values, value) {
		return Violation(at+name, "Member must satisfy enum value set: ["+strings.Join(l.Values, ", ")+"]")
	}
	if l.Min != Unlimited || l.Max != Unlimited {
		if e := CheckCount(at, name, utf8.RuneCountInString(value), l.Min, l.Max); e != nil {
			return e
		}
	}
	if l.Pattern != nil && !l.Pattern.compile().MatchString(value) {
		return Violation(at+name, "must satisfy regular expression '"+l.Pattern.text+"'")
	}
	return nil
}

// CheckCount checks characters of a string, elements of a list or bytes of a blob.
func CheckCount(at, name string, n int, low, high int64) *Exception {
	return checkBounds(at, name, "length", int64(n), low, high)
}

// CheckRange checks a number.
func CheckRange(at, name string, n, low, high int64) *Exception {
	return checkBounds(at, name, "value", n, low, high)
}

func checkBounds(at, name, what string, n, low, high int64) *Exception {
	if low != Unlimited && n < low {
		return Violation(at+name, "Member must have "+what+" greater than or equal to "+strconv.FormatInt(low, 10))
	}
	if high != Unlimited && n > high {
		return Violation(at+name, "Member must have "+what+" less than or equal to "+strconv.FormatInt(high, 10))
	}
	return nil
}

// Missing is the exception for a required member that is absent.
func Missing(at, name string) *Exception {
	return Violation(at+name, "Member must not be null")
}

// Item names element i of a list in a path, in AWS's way.
func Item(i int) string { return strconv.Itoa(i+1) + ".member" }
