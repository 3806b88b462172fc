// Package awsquery is what the services of the AWS Query protocol have in common:
// they read requests from forms, check them against the limits of a model, and
// answer in XML.
package awsquery

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
)

// Codes of refusals that every service answers with.
const (
	ValidationError      = "ValidationError"
	MalformedQueryString = "MalformedQueryString"
)

const (
	// maxParameters bounds how many a form may have. A list of 50 tags makes 100.
	maxParameters = 1000
	// maxViolations bounds how many a message lists, and shownValue how much of a
	// value it repeats, in characters.
	maxViolations = 20
	shownValue    = 256
)

// ParseForm reads the parameters of a form, or of the query of a URL. The error
// is an *awsjson.Exception.
func ParseForm(text string) (url.Values, error) {
	if n := strings.Count(text, "&") + 1; n > maxParameters {
		return nil, awsjson.Exceptionf(MalformedQueryString, "The request has %d parameters; at most %d are allowed", n,
			maxParameters)
	}
	form, err := url.ParseQuery(text)
	if err != nil {
		return nil, awsjson.Exceptionf(MalformedQueryString, "The form of the request is not valid")
	}
	return form, nil
}

// Whether a structure must have a member.
const (
	Required = true
	Optional = false
)

// Decoder reads the members of a structure from a form. Parameters that nobody
// asks for are left unread, as AWS does. It goes on after a failure, and Finish
// returns what is wrong.
type Decoder struct {
	form   url.Values
	prefix string // of the parameters' names, such as Tags.member.1.
	at     string // of the members' names in messages, such as tags.1.member.
	*failures
}

type failures struct {
	malformed  string // what cannot be read at all
	violations []string
}

// Decodable is a pointer to a struct of a request.
type Decodable[T any] interface {
	*T
	Decode(*Decoder)
}

// Read reads a request and checks it. The error is an *awsjson.Exception.
func Read[T any, P Decodable[T]](form url.Values) (*T, error) {
	d := &Decoder{form: form, failures: new(failures)}
	var in T
	P(&in).Decode(d)
	switch n := len(d.violations); {
	case d.malformed != "":
		return nil, awsjson.Exceptionf(MalformedQueryString, "%s", d.malformed)
	case n == 1:
		return nil, awsjson.Exceptionf(ValidationError, "1 validation error detected: %s", d.violations[0])
	case n > 1:
		return nil, awsjson.Exceptionf(ValidationError, "%d validation errors detected: %s", n,
			strings.Join(d.violations, "; "))
	}
	return &in, nil
}

// value returns a parameter of the structure.
func (d *Decoder) value(name string) (value string, given bool) {
	name = d.prefix + name
	values := d.form[name]
	switch {
	case len(values) == 0:
		return "", false
	case len(values) > 1:
		d.malformed = fmt.Sprintf("The parameter %s is given %d times", name, len(values))
	case !utf8.ValidString(values[0]):
		d.malformed = fmt.Sprintf("The parameter %s is not UTF-8", name)
	}
	return values[0], true
}

// violate notes that the value of a member breaks a constraint. The value is as
// the message has it, "" for one that the message leaves out.
func (d *Decoder) violate(name, value, constraint string) {
	if len(d.violations) == maxViolations {
		return
	}
	if value != "" {
		value += " "
	}
	d.violations = append(d.violations, fmt.Sprintf("Value %sat '%s' failed to satisfy constraint: %s", value,
		d.at+memberName(name), constraint))
}

// missing notes that a member is absent if it must not be.
func (d *Decoder) missing(name string, required bool) {
	if required {
		d.violate(name, "null", "Member must not be null")
	}
}

// memberName is what messages call a member.
func memberName(name string) string {
	if name == "" {
		return ""
	}
	return strings.ToLower(name[:1]) + name[1:]
}

// quote is a value as messages have it.
func quote(value string) string {
	for i, n := 0, 0; i < len(value); n++ {
		if n == shownValue {
			return "'" + value[:i] + "...'"
		}
		_, size := utf8.DecodeRuneInString(value[i:])
		i += size
	}
	return "'" + value + "'"
}

// String reads a text; limits may be nil.
func (d *Decoder) String(name string, required bool, limits *awsjson.StringLimits) string {
	text, given := d.text(name, limits)
	if !given {
		d.missing(name, required)
	}
	return text
}

// OptionalString reads a text of which an empty one is other than none.
func (d *Decoder) OptionalString(name string, limits *awsjson.StringLimits) *string {
	if text, given := d.text(name, limits); given {
		return &text
	}
	return nil
}

func (d *Decoder) text(name string, limits *awsjson.StringLimits) (text string, given bool) {
	if text, given = d.value(name); given && limits != nil {
		for _, broken := range limits.Broken(text) {
			d.violate(name, quote(text), "Member "+broken)
		}
	}
	return text, given
}

// Enum reads a text that is one of several.
func Enum[T ~string](d *Decoder, name string, required bool, limits *awsjson.StringLimits) T {
	return T(d.String(name, required, limits))
}

// Int32 reads a whole number between two bounds, each of which may be awsjson.Unlimited.
func (d *Decoder) Int32(name string, required bool, low, high int64) int32 {
	text, given := d.value(name)
	if !given {
		d.missing(name, required)
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || strconv.FormatInt(n, 10) != text {
		d.violate(name, quote(text), "Member must be a whole number of 32 bits")
		return 0
	}
	if broken := awsjson.OutOf("value", n, low, high); broken != "" {
		d.violate(name, quote(text), "Member "+broken)
	}
	return int32(n)
}

// Bool reads true or false.
func (d *Decoder) Bool(name string, required bool) bool {
	text, given := d.value(name)
	switch {
	case !given:
		d.missing(name, required)
	case text != "true" && text != "false":
		d.violate(name, quote(text), "Member must be true or false")
	}
	return text == "true"
}

// Strings reads a list of texts, of a length between two bounds. It is nil if it is absent.
func Strings[T ~string](d *Decoder, name string, required bool, low, high int64, limits *awsjson.StringLimits) []T {
	elements, given := d.elements(name, required)
	if !given {
		return nil
	}
	list := make([]T, 0, len(elements))
	for i, at := range elements {
		text, given := d.value(at)
		if !given {
			d.violate(name+"."+awsjson.Item(i), "null", "Member must not be null")
		}
		list = append(list, T(text))
	}
	if broken := awsjson.OutOf("length", int64(len(list)), low, high); broken != "" {
		d.violate(name, "", "Member "+broken)
	}
	for _, text := range list {
		if limits != nil && len(limits.Broken(string(text))) > 0 {
			d.violate(name, quote(fmt.Sprint(list)), limits.ItemConstraint())
			break
		}
	}
	return list
}

// Structures reads a list of structures, of a length between two bounds. It is nil if it is absent.
func Structures[T any, P Decodable[T]](d *Decoder, name string, required bool, low, high int64) []T {
	elements, given := d.elements(name, required)
	if !given {
		return nil
	}
	if broken := awsjson.OutOf("length", int64(len(elements)), low, high); broken != "" {
		d.violate(name, "", "Member "+broken)
	}
	list := make([]T, len(elements))
	for i, at := range elements {
		P(&list[i]).Decode(&Decoder{
			form: d.form, prefix: d.prefix + at + ".", at: d.at + memberName(name) + "." + awsjson.Item(i) + ".",
			failures: d.failures,
		})
	}
	return list
}

// elements returns the parameters of a list's elements, in order of their
// numbers, which begin at 1 and may leave some out. A list of none is a parameter
// of the list's name without a value.
func (d *Decoder) elements(name string, required bool) (elements []string, given bool) {
	if text, empty := d.value(name); empty {
		if text != "" {
			d.malformed = fmt.Sprintf("The parameter %s is a list: its elements are %s.member.1 and so on", d.prefix+name,
				d.prefix+name)
		}
		given = true
	}
	prefix := d.prefix + name + ".member."
	var numbers []int
	for parameter := range d.form {
		rest, ok := strings.CutPrefix(parameter, prefix)
		if !ok {
			continue
		}
		digits, _, _ := strings.Cut(rest, ".")
		n, err := strconv.ParseUint(digits, 10, 31)
		if err != nil || n == 0 || strconv.FormatUint(n, 10) != digits {
			d.malformed = fmt.Sprintf("The parameter %.128s is no element of a list: they are numbered from 1", parameter)
			continue
		}
		numbers = append(numbers, int(n))
	}
	slices.Sort(numbers)
	for _, n := range slices.Compact(numbers) {
		elements = append(elements, name+".member."+strconv.Itoa(n))
	}
	given = given || len(elements) > 0
	if !given {
		d.missing(name, required)
	}
	return elements, given
}
