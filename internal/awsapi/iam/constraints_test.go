package iam

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/awsquery"
	"github.com/twinport/twinport/internal/iam"
	"github.com/twinport/twinport/internal/policy"
)

// shape is one of the model's; see zz_generated_requests_test.go.
type shape struct {
	kind      string // as the model names it
	members   []member
	element   string // the shape of a list's elements
	low, high *int   // of characters, elements or a number; nil: none
	pattern   string
	values    []string // of an enum
}

type member struct {
	name, shape string
	required    bool
}

// good are texts that patterns of the model want.
var good = []string{"good", "AKIAPRODPRODPRODPROD", "/", "v1", "arn:aws:iam::111122223333:policy/good", "{}"}

// text is one that the shape allows.
func text(t *testing.T, name string) string {
	t.Helper()
	s := shapes[name]
	if len(s.values) > 0 {
		return s.values[0]
	}
	for _, text := range good {
		n := utf8.RuneCountInString(text)
		if whole(name).MatchString(text) && (s.low == nil || n >= *s.low) && (s.high == nil || n <= *s.high) {
			return text
		}
	}
	t.Fatalf("good needs a text that the shape %s allows, with the pattern %s", name, s.pattern)
	return ""
}

// whole is the pattern that a text must match, in Go's syntax.
func whole(name string) *regexp.Regexp {
	pattern := strings.ReplaceAll(shapes[name].pattern, "-(?!-)", "-")
	pattern = regexp.MustCompile(`\\u(\w{4})`).ReplaceAllString(pattern, `\x{$1}`)
	if pattern == "" {
		pattern = `(?s).*`
	}
	return regexp.MustCompile(`^(?:` + pattern + `)$`)
}

// put writes a value of the shape into a form, as the parameter.
func put(t *testing.T, form url.Values, name, parameter string) {
	t.Helper()
	switch s := shapes[name]; s.kind {
	case "structure":
		for _, m := range s.members {
			put(t, form, m.shape, below(parameter, m.name))
		}
	case "list":
		put(t, form, s.element, parameter+".member.1")
	case "string":
		form.Set(parameter, text(t, name))
	case "integer":
		n := 1
		if s.low != nil {
			n = *s.low
		}
		form.Set(parameter, fmt.Sprint(n))
	case "boolean":
		form.Set(parameter, "true")
	default:
		t.Fatalf("a %s in a request: teach put to write one", s.kind)
	}
}

func below(parameter, member string) string { return strings.TrimPrefix(parameter+"."+member, ".") }

// breach is a parameter, and what is in it, with one constraint of the model
// broken.
type breach struct {
	parameter string
	values    url.Values // instead of the parameter
	// want are the violations, as a message has them; none if nothing is broken.
	want []string
}

func violation(value, at, format string, args ...any) string {
	return fmt.Sprintf("Value %sat '%s' failed to satisfy constraint: %s", value, at, fmt.Sprintf(format, args...))
}

// breaches of a value of the shape, which is a parameter, and which messages name by at.
func breaches(t *testing.T, name, parameter, at string) (all []breach) {
	t.Helper()
	s := shapes[name]
	bad := func(value, format string, args ...any) {
		shown := "'" + shorten(value) + "' "
		b := breach{parameter, url.Values{parameter: {value}}, []string{violation(shown, at, format, args...)}}
		if s.pattern != "" && !strings.Contains(format, "pattern") && !whole(name).MatchString(value) {
			b.want = append(b.want, violation(shown, at, "Member must satisfy regular expression pattern: %s", s.pattern))
		}
		all = append(all, b)
	}
	switch s.kind {
	case "structure":
		for _, m := range s.members {
			below, at := below(parameter, m.name), strings.TrimPrefix(at+"."+strings.ToLower(m.name[:1])+m.name[1:], ".")
			absent := breach{parameter: below}
			if m.required {
				absent.want = []string{violation("null ", at, "Member must not be null")}
			}
			all = append(append(all, absent), breaches(t, m.shape, below, at)...)
		}
	case "list":
		one := func(n int) url.Values {
			form := url.Values{}
			for i := range n {
				put(t, form, s.element, fmt.Sprintf("%s.member.%d", parameter, i+1))
			}
			return form
		}
		all = append(all, breach{parameter: parameter, values: url.Values{parameter: {""}}})
		if s.high != nil {
			all = append(all, breach{parameter, one(*s.high + 1), []string{
				violation("", at, "Member must have length less than or equal to %d", *s.high),
			}})
		}
		for _, b := range breaches(t, s.element, parameter+".member.2", at+".2.member") {
			b.values = maps.Clone(b.values)
			if b.values == nil {
				b.values = url.Values{}
			}
			if shapes[s.element].kind == "structure" {
				whole := one(2)
				for key := range whole {
					if key == b.parameter || strings.HasPrefix(key, b.parameter+".") {
						whole.Del(key)
					}
				}
				maps.Copy(whole, b.values)
				b.values = whole
			} else {
				list := fmt.Sprintf("[%s %s]", text(t, s.element), b.values.Get(parameter+".member.2"))
				maps.Copy(b.values, one(1))
				if len(b.want) > 0 {
					b.want = []string{violation("'"+shorten(list)+"' ", at, "Member must satisfy constraint: [%s]",
						strings.Join(elementConstraints(shapes[s.element]), ", "))}
				}
			}
			b.parameter = parameter
			all = append(all, b)
		}
	case "string":
		if len(s.values) > 0 {
			for _, value := range []string{"", "no-value", strings.ToLower(s.values[0])} {
				bad(value, "Member must satisfy enum value set: [%s]", strings.Join(s.values, ", "))
			}
			return all
		}
		if s.low != nil && *s.low > 0 {
			bad(strings.Repeat("é", *s.low-1), "Member must have length greater than or equal to %d", *s.low)
		}
		if s.high != nil {
			bad(strings.Repeat("é", *s.high+1), "Member must have length less than or equal to %d", *s.high)
		}
		if s.pattern != "" {
			bad(text(t, name)+"\x00", "Member must satisfy regular expression pattern: %s", s.pattern)
		}
	case "integer":
		for _, value := range []string{"", "one", "1.5", "99999999999"} {
			bad(value, "Member must be a whole number of 32 bits")
		}
		if s.low != nil {
			bad(fmt.Sprint(*s.low-1), "Member must have value greater than or equal to %d", *s.low)
		}
		if s.high != nil {
			bad(fmt.Sprint(*s.high+1), "Member must have value less than or equal to %d", *s.high)
		}
	case "boolean":
		for _, value := range []string{"", "yes", "1"} {
			bad(value, "Member must be true or false")
		}
	}
	return all
}

func shorten(value string) string {
	if r := []rune(value); len(r) > 256 {
		return string(r[:256]) + "..."
	}
	return value
}

// elementConstraints are all that an element of a list must satisfy.
func elementConstraints(s shape) (all []string) {
	if s.high != nil {
		all = append(all, fmt.Sprintf("Member must have length less than or equal to %d", *s.high))
	}
	if s.low != nil {
		all = append(all, fmt.Sprintf("Member must have length greater than or equal to %d", *s.low))
	}
	if s.pattern != "" {
		all = append(all, "Member must satisfy regular expression pattern: "+s.pattern)
	}
	if len(s.values) > 0 {
		all = append(all, "Member must satisfy enum value set: ["+strings.Join(s.values, ", ")+"]")
	}
	return all
}

// inOrder sorts what a message lists of an enum: AWS has an order of its own.
func inOrder(message string) string {
	return enumValues.ReplaceAllStringFunc(message, func(set string) string {
		values := strings.Split(strings.Trim(set, "[]"), ", ")
		slices.Sort(values)
		return "[" + strings.Join(values, ", ") + "]"
	})
}

var enumValues = regexp.MustCompile(`\[[A-Za-z0-9_-]+(, [A-Za-z0-9_-]+)*\]`)

// TestEveryConstraint calls every operation with every constraint of its request
// broken, one at a time, and with what breaks none: members that are absent, empty
// lists, and parameters that IAM does not know.
func TestEveryConstraint(t *testing.T) {
	tried := 0
	for _, operation := range slices.Sorted(maps.Keys(requests)) {
		whole := url.Values{"Unknown.member.1": {"x"}}
		put(t, whole, requests[operation], "")
		for _, b := range append(breaches(t, requests[operation], "", ""), breach{parameter: "-"}) {
			tried++
			form := maps.Clone(whole)
			maps.DeleteFunc(form, func(key string, _ []string) bool {
				return key == b.parameter || strings.HasPrefix(key, b.parameter+".")
			})
			maps.Copy(form, b.values)
			err := ask(t, operation, form)
			e, _ := err.(*awsjson.Exception)
			if len(b.want) == 0 {
				if e != nil && !(form.Has("Marker") && strings.HasPrefix(e.Message, "Invalid Marker")) {
					t.Errorf("%s of %.300v: %v\nwant no breach of the model", operation, b.values, err)
				}
				continue
			}
			want := fmt.Sprintf("%d validation errors detected: %s", len(b.want), strings.Join(b.want, "; "))
			if len(b.want) == 1 {
				want = "1 validation error detected: " + b.want[0]
			}
			if e == nil || e.Code != awsquery.ValidationError || e.Status != 400 || inOrder(e.Message) != inOrder(want) {
				t.Errorf("%s of %.300v:\n got %v\nwant %s", operation, b.values, err, want)
			}
		}
	}
	t.Logf("%d requests", tried)
}

// ask does an operation without a store behind it: a request that breaks nothing
// goes on to where it panics.
func ask(t *testing.T, operation string, form url.Values) (err error) {
	t.Helper()
	root := access.Caller{Identity: auth.Identity{Principal: policy.Root("111122223333")}}
	defer func() {
		if recover() != nil {
			err = errors.New("the domain was reached")
		}
	}()
	_, err = New(iam.New(iam.Config{})).Do(t.Context(), operation, root, form)
	return err
}
