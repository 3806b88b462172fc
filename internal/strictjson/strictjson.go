// Package strictjson reads JSON that all parsers read alike. The JSON standard
// leaves open what a name that comes twice in an object means, and
// encoding/json takes names that differ by case for the same; so one text may
// be two documents, to two programs. A Reader refuses such texts.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
// an error, which is an *Error, a Reader is of no more use. Its memory is that
// of the names of the objects that are open.
type Reader struct {
	text   []byte
	dec    *json.Decoder
	limits Limits
	open   []open
	names  []string // of all open objects; each has those from its first on
}

// open is an object or array that is being read.
type open struct {
	first int             // of its names in Reader.names
	seen  map[string]bool // its names, once they are too many to look through
}

// NewReader returns a Reader of text.
func NewReader(text []byte, limits Limits) *Reader {
	r := &Reader{text: text, dec: json.NewDecoder(bytes.NewReader(text)), limits: limits}
	r.dec.UseNumber()
	return r
}

// next is where the next token starts.
func (r *Reader) next() int {
	at := int(r.dec.InputOffset())
	for at < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[at]) >= 0 {
		at++
	}
	return at
}

// token returns the next token and where it starts.
func (r *Reader) token() (json.Token, int, error) {
	at := r.next()
	t, err := r.dec.Token()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, at, &Error{at, "the text ends before the document does; check for a missing brace, bracket or quotation mark"}
	case err != nil:
		return nil, at, &Error{at, fmt.Sprintf("this is not JSON: %v", err)}
	}
	return t, at, nil
}

// Value reads a scalar, or enters an object or array.
func (r *Reader) Value() (Value, error) {
	t, at, err := r.token()
	v := Value{Offset: at}
	switch t := t.(type) {
	case json.Delim:
		if len(r.open) == r.limits.Depth {
			return v, &Error{at, fmt.Sprintf("values nest more deeply than %d here", r.limits.Depth)}
		}
		r.open = append(r.open, open{first: len(r.names)})
		v.Kind = Array
		if t == '{' {
			v.Kind = Object
		}
	case string:
		v.Kind, v.Text = String, t
	case json.Number:
		v.Kind, v.Text = Number, t.String()
	case bool:
		v.Kind, v.Text = Boolean, fmt.Sprint(t)
	default:
		v.Kind = Null
	}
	return v, err
}

// More says whether the object or array that was entered last has another
// member or element. If not, it leaves it.
func (r *Reader) More() (bool, error) {
	if r.dec.More() {
		return true, nil
	}
	if _, _, err := r.token(); err != nil {
		return false, err
	}
	last := len(r.open) - 1
	r.names = r.names[:r.open[last].first]
	r.open = r.open[:last]
	return false, nil
}

// End refuses whatever follows the document.
func (r *Reader) End() error {
	at := r.next()
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return &Error{at, "there is text after the end of the document; remove it"}
	}
	return nil
}

// Name reads the name of a member. known are the names that the object's readers
// look for; nil means that it is a map, in which any name stands for itself.
func (r *Reader) Name(known *Names) (name string, offset int, err error) {
	t, at, err := r.token()
	if err != nil {
		return "", at, err
	}
	name, ok := t.(string)
	if !ok {
		return "", at, &Error{at, "a member's name must be a string"}
	}
	key, again := name, "a second time"
	if known != nil {
		key, again = fold(name), "a second time, in this case or another"
		if proper, ok := known.folded[key]; ok && proper != name {
			return name, at, &Error{at, fmt.Sprintf("%s is %q but for its case, so some programs take the one for the other", Quote(name), proper)}
		}
	}
	object := &r.open[len(r.open)-1]
	if object.has(r.names, key) {
		return name, at, &Error{at, fmt.Sprintf("%s stands here %s; an object may have a member only once", Quote(name), again)}
	}
	if len(r.names)-object.first == r.limits.Members {
		return name, at, &Error{at, fmt.Sprintf("an object has more than %d members", r.limits.Members)}
	}
	r.names = append(r.names, key)
	object.note(r.names)
	return name, at, nil
}

// fewNames is how many names are quicker to look through than to look up.
const fewNames = 16

func (o *open) has(names []string, key string) bool {
	if o.seen != nil {
		return o.seen[key]
	}
	for _, name := range names[o.first:] {
		if name == key {
			return true
		}
	}
	return false
}

// note has the last of names looked up from now on.
func (o *open) note(names []string) {
	switch own := names[o.first:]; {
	case o.seen != nil:
		o.seen[own[len(own)-1]] = true
	case len(own) > fewNames:
		o.seen = make(map[string]bool, 2*len(own))
		for _, name := range own {
			o.seen[name] = true
		}
	}
}

// Names are those that the readers of an object look for.
type Names struct{ folded map[string]string }

// NewNames returns the names, of which no two may differ by case only.
func NewNames(names ...string) *Names {
	n := &Names{make(map[string]string, len(names))}
	for _, name := range names {
		n.folded[fold(name)] = name
	}
	return n
}

// fold returns the same text for all names that encoding/json takes for one:
// those that are equal under Unicode's simple folding, such as K and the
// Kelvin sign.
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
