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
	// Own says that ECR checks such strings itself, not the framework that it is
	// built on, and has words of its own for what is wrong with one.
	Own bool
}

// Pattern is a regular expression that a whole string must match. It is
// compiled when it is first needed.
type Pattern struct {
	text    string
	compile func() *regexp.Regexp
}

// Whole is the pattern of the regular expression.
func Whole(text string) *Pattern { return WholeAs(text, text) }

// WholeAs is the pattern that messages write as text, where that is no regular
// expression of Go's.
func WholeAs(text, expression string) *Pattern {
	return &Pattern{text, sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\A(?:` + expression + `)\z`)
	})}
}

// Compile returns the compiled expression, and panics if it is none.
func (p *Pattern) Compile() *regexp.Regexp { return p.compile() }

// Check returns nil or the exception for the member name below at.
func (l *StringLimits) Check(at, name, value string) *Exception {
	broken := l.broken(value)
	if broken == "" {
		return nil
	}
	if !l.Own {
		broken = "Member " + broken
	}
	return Violation(at+name, broken)
}

// CheckItem is Check for an element of the list that is the member name below at.
// The exception names the list, and all that its elements must satisfy.
func (l *StringLimits) CheckItem(at, name, value string) *Exception {
	if l.broken(value) == "" {
		return nil
	}
	return Violation(at+name, l.ItemConstraint())
}

// ItemConstraint is what an element of a list must satisfy, in the words of AWS's messages.
func (l *StringLimits) ItemConstraint() string {
	var all []string
	if l.Max != Unlimited {
		all = append(all, "Member "+atMost("length", l.Max))
	}
	if l.Min != Unlimited {
		all = append(all, "Member "+atLeast("length", l.Min))
	}
	if l.Pattern != nil {
		all = append(all, "Member must satisfy regular expression pattern: "+l.Pattern.text)
	}
	if len(l.Values) > 0 {
		all = append(all, "Member "+l.oneOf())
	}
	return "Member must satisfy constraint: [" + strings.Join(all, ", ") + "]"
}

// broken says which constraint the value breaks, "" if none.
func (l *StringLimits) broken(value string) string {
	if all := l.Broken(value); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Broken returns all constraints that the value breaks, in the words of AWS's messages.
func (l *StringLimits) Broken(value string) (all []string) {
	if len(l.Values) > 0 && !slices.Contains(l.Values, value) {
		return []string{l.oneOf()}
	}
	if l.Min != Unlimited || l.Max != Unlimited {
		if broken := OutOf("length", int64(utf8.RuneCountInString(value)), l.Min, l.Max); broken != "" {
			all = append(all, broken)
		}
	}
	switch {
	case l.Pattern == nil || l.Pattern.compile().MatchString(value):
	case l.Own:
		all = append(all, "must satisfy regular expression '"+l.Pattern.text+"'")
	default:
		all = append(all, "must satisfy regular expression pattern: "+l.Pattern.text)
	}
	return all
}

func (l *StringLimits) oneOf() string {
	return "must satisfy enum value set: [" + strings.Join(l.Values, ", ") + "]"
}

// CheckCount checks elements of a list or bytes of a blob.
func CheckCount(at, name string, n int, low, high int64) *Exception {
	return checkBounds(at, name, "length", int64(n), low, high)
}

// CheckRange checks a number.
func CheckRange(at, name string, n, low, high int64) *Exception {
	return checkBounds(at, name, "value", n, low, high)
}

func checkBounds(at, name, what string, n, low, high int64) *Exception {
	if broken := OutOf(what, n, low, high); broken != "" {
		return Violation(at+name, "Member "+broken)
	}
	return nil
}

// OutOf says which bound n, a length or value, is beyond, "" if none.
func OutOf(what string, n, low, high int64) string {
	if low != Unlimited && n < low {
		return atLeast(what, low)
	}
	if high != Unlimited && n > high {
		return atMost(what, high)
	}
	return ""
}

func atLeast(what string, low int64) string {
	return "must have " + what + " greater than or equal to " + strconv.FormatInt(low, 10)
}

func atMost(what string, high int64) string {
	return "must have " + what + " less than or equal to " + strconv.FormatInt(high, 10)
}

// Missing is the exception for a required member that is absent.
func Missing(at, name string) *Exception {
	return Violation(at+name, "Member must not be null")
}

// MissingOwn is Missing for a string with limits that are Own.
func MissingOwn(at, name string) *Exception {
	return Violation(at+name, "must not be null")
}

// Item names element i of a list in a path, in AWS's way.
func Item(i int) string { return strconv.Itoa(i+1) + ".member" }
