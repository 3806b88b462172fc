// Package strictjson reads JSON that all parsers read alike. The standard does
// not say what it means if an object has a name twice, and encoding/json
// ignores case; so one text may be two documents to two programs. A Reader
// refuses such texts.
package strictjson

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is what a value is, in words.
type Kind string

// The kinds of values.
const (
	Object  Kind = "an object"
	Array   Kind = "an array"
	String  Kind = "a string"
	Number  Kind = "a number"
	Boolean Kind = "a boolean"
	Null    Kind = "null"
)

// Value is a scalar, or the beginning of an object or array.
type Value struct {
	Kind   Kind
	Offset int    // where it begins, in bytes
	Text   string // of a string, number or boolean
}

// Error says what is wrong with a text, and where.
type Error struct {
	Offset  int // in bytes
	Problem string
}

func (e *Error) Error() string { return fmt.Sprintf("%s, at byte %d", e.Problem, e.Offset) }

// Limits bound what a text may cost.
type Limits struct {
	Depth   int // of objects and arrays in each other
	Members int // of one object
}

// Reader reads one document, a token at a time:
//
//	v, err := r.Value()
//	if v.Kind == Object {
//		for more, err := r.More(); more; … {
//			name, offset, err := r.Name(names)
//			v, err := r.Value()
//			…
//
// More goes past the end of the object or array when it returns false. After
// an error, which is an *Error, a Reader cannot be used any more. It takes the
// memory of the text, and of a word for each name of the objects that are open.
type Reader struct {
	scanner
	limits Limits
	open   []open
	names  []string // of all open objects; each has those from its first on
}

// open is an object or array that is being read.
type open struct {
	end   byte            // what closes it
	begun bool            // it has a member or element
	first int             // of its names in Reader.names
	seen  map[string]bool // its names, once they are too many to look through
}

// NewReader returns a Reader of text.
func NewReader(text []byte, limits Limits) *Reader {
	return &Reader{
		scanner: scanner{text: string(text)}, limits: limits,
		open: make([]open, 0, 8), names: make([]string, 0, 4*fewNames),
	}
}

// Value reads a scalar, or enters an object or array.
func (r *Reader) Value() (v Value, err error) {
	c := r.next()
	v.Offset = r.at
	switch c {
	case '{':
		v.Kind, err = Object, r.enter('}')
	case '[':
		v.Kind, err = Array, r.enter(']')
	case '"':
		v.Kind = String
		v.Text, err = r.string()
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		v.Kind = Number
		v.Text, err = r.number()
	case 't':
		v.Kind = Boolean
		v.Text, err = r.literal("true")
	case 'f':
		v.Kind = Boolean
		v.Text, err = r.literal("false")
	case 'n':
		v.Kind = Null
		_, err = r.literal("null")
	default:
		err = r.unexpected(r.at, "looking for beginning of value")
	}
	return v, err
}

// enter goes into an object or array.
func (r *Reader) enter(end byte) error {
	if len(r.open) == r.limits.Depth {
		return &Error{r.at, fmt.Sprintf("values nest more deeply than %d here", r.limits.Depth)}
	}
	r.at++
	r.open = append(r.open, open{end: end, first: len(r.names)})
	return nil
}

// More says whether the object or array that was entered last has another
// member or element. If not, it leaves it.
func (r *Reader) More() (bool, error) {
	last := len(r.open) - 1
	o := &r.open[last]
	switch c := r.next(); {
	case c == o.end:
		r.at++
		r.names = r.names[:o.first]
		r.open = r.open[:last]
		return false, nil
	case !o.begun:
		o.begun = true
		return true, nil
	case c == ',':
		r.at++
		return true, nil
	case o.end == '}':
		return false, r.unexpected(r.at, "after object key:value pair")
	default:
		return false, r.unexpected(r.at, "after array element")
	}
}

// End refuses whatever follows the document.
func (r *Reader) End() error {
	if r.next(); r.at < len(r.text) {
		return &Error{r.at, "there is text after the end of the document; remove it"}
	}
	return nil
}

// Name reads the name of a member. known are the names that readers of the
// object look for; nil means that the object is a map, whose names are not
// known.
func (r *Reader) Name(known *Names) (name string, offset int, err error) {
	c := r.next()
	at := r.at
	if c != '"' {
		return "", at, r.unexpected(at, "looking for beginning of object key string")
	}
	if name, err = r.string(); err != nil {
		return "", at, err
	}
	again := "a second time"
	if known != nil {
		again = "a second time, in this case or another"
		if proper := known.like(name); proper != "" && proper != name {
			return name, at, &Error{
				at, fmt.Sprintf("%s is %q but for its case, so some programs take the one for the other", Quote(name), proper),
			}
		}
	}
	if !r.note(name, known != nil) {
		return name, at, &Error{
			at, fmt.Sprintf("%s stands here %s; an object may have a member only once", Quote(name), again),
		}
	}
	if len(r.names)-r.open[len(r.open)-1].first > r.limits.Members {
		return name, at, &Error{at, fmt.Sprintf("an object has more than %d members", r.limits.Members)}
	}
	if r.next(); !r.skip(':') {
		return name, at, r.unexpected(r.at, "after object key")
	}
	return name, at, nil
}

// fewNames is how many names are quicker to look through than to look up.
const fewNames = 16

// note notes a name of the object that was entered last. It is false if the
// object has it already, in anyCase or as it is.
func (r *Reader) note(name string, anyCase bool) bool {
	o := &r.open[len(r.open)-1]
	own := r.names[o.first:]
	r.names = append(r.names, name)
	if len(own) < fewNames {
		return !slices.ContainsFunc(own, func(other string) bool {
			return other == name || anyCase && strings.EqualFold(other, name)
		})
	}
	if o.seen == nil {
		o.seen = make(map[string]bool, 2*len(own))
		for _, other := range own {
			o.seen[key(other, anyCase)] = true
		}
	}
	k := key(name, anyCase)
	again := o.seen[k]
	o.seen[k] = true
	return !again
}

// key returns the same text for names that count as the same.
func key(name string, anyCase bool) string {
	if anyCase {
		return fold(name)
	}
	return name
}

// Names are those that the readers of an object look for.
type Names struct {
	exact map[string]bool
	all   []string
}

// NewNames returns the names, of which no two may differ by case only.
func NewNames(names ...string) *Names {
	n := &Names{make(map[string]bool, len(names)), names}
	for _, name := range names {
		n.exact[name] = true
	}
	return n
}

// like returns the known name that encoding/json takes name for, which is equal
// under Unicode's simple folding, as K and the Kelvin sign are; or "".
func (n *Names) like(name string) string {
	if n.exact[name] {
		return name
	}
	for _, proper := range n.all {
		if strings.EqualFold(proper, name) {
			return proper
		}
	}
	return ""
}

// fold returns the same text for all names that strings.EqualFold finds equal.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		if c < utf8.RuneSelf { // of these the capital is the smallest
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			return c
		}
		for { // to the smallest of those that fold to each other
			next := unicode.SimpleFold(c)
			if next <= c {
				return next
			}
			c = next
		}
	}, name)
}

// maxQuoted is how many bytes of a document an error repeats at most.
const maxQuoted = 128

// Quote makes a piece of a document fit for an error message.
func Quote(s string) string {
	if len(s) > maxQuoted {
		s = strings.ToValidUTF8(s[:maxQuoted], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}
