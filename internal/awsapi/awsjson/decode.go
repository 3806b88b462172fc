package awsjson

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds how deep the values of a request may nest. ECR's own
// requests nest six deep.
const maxDepth = 32

// Members remembers which members of a structure a request holds, by their
// place in the model.
type Members uint32

// Has says whether the request holds member i.
func (m Members) Has(i int) bool { return m&(1<<i) != 0 }

// Decoder reads one JSON value (RFC 8259) into structs. It is
// strict where encoding/json is not: names match by case, a known name must
// not come twice, text must be UTF-8, and nothing may follow the value.
// Unknown members are skipped, as AWS does, unless they are to be refused. After
// the first failure all its methods do nothing, and Finish returns what is wrong.
//
// A blob is decoded in place, which overwrites in.
type Decoder struct {
	in    []byte
	pos   int
	depth int
	fresh bool   // an object or a list was just entered
	name  []byte // of the member that is being read; for messages too
	err   error

	refuseUnknown bool
}

// NewDecoder reads the body of a request.
func NewDecoder(body []byte) *Decoder { return &Decoder{in: body} }

// Decodable is a pointer to a struct of a request. Validate checks it as the
// value of a member below at.
type Decodable[T any] interface {
	*T
	Decode(*Decoder)
	Validate(at string) *Exception
}

// Read reads the body of a request, which it may overwrite, and checks it. The
// error is an *Exception.
func Read[T any, P Decodable[T]](body []byte) (*T, error) { return read[T, P](NewDecoder(body)) }

// ReadStrictly is Read for requests that must not have unknown members.
func ReadStrictly[T any, P Decodable[T]](body []byte) (*T, error) {
	return read[T, P](&Decoder{in: body, refuseUnknown: true})
}

func read[T any, P Decodable[T]](d *Decoder) (*T, error) {
	var in T
	P(&in).Decode(d)
	if err := d.Finish(); err != nil {
		return nil, Exceptionf(SerializationException, "The request is not valid: %v", err)
	}
	if e := P(&in).Validate(""); e != nil {
		return nil, e
	}
	return &in, nil
}

// Finish reports the first failure, or what follows the value.
func (d *Decoder) Finish() error {
	if d.peek() != 0 || d.pos < len(d.in) {
		d.failf("unexpected text after the end of the request")
	}
	return d.err
}

func (d *Decoder) failf(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%s at byte %d", fmt.Sprintf(format, args...), d.pos)
	}
}

func (d *Decoder) fail(want string) {
	if d.name == nil {
		d.failf("expected %s", want)
		return
	}
	d.failf("expected %s for member %.64q", want, d.name)
}

// peek skips white space and returns the next byte, or 0 at the end.
func (d *Decoder) peek() byte {
	for d.err == nil && d.pos < len(d.in) {
		switch c := d.in[d.pos]; c {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return c
		}
	}
	return 0
}

// Open enters an object; member must follow.
func (d *Decoder) Open() { d.enter('{', "an object") }

func (d *Decoder) enter(bracket byte, want string) {
	if d.peek() != bracket {
		d.fail(want)
		return
	}
	if d.depth++; d.depth > maxDepth {
		d.failf("values nest deeper than %d", maxDepth)
		return
	}
	d.pos++
	d.fresh = true
}

// more goes to the next element of the object or list, or past its end.
func (d *Decoder) more(end byte) bool {
	c, fresh := d.peek(), d.fresh
	d.fresh = false
	switch {
	case d.err != nil:
		return false
	case c == end:
		d.pos++
		d.depth--
		return false
	case fresh:
		return true
	case c != ',':
		d.failf("expected ',' or '%c'", end)
		return false
	}
	d.pos++
	return true
}

// Member goes to the next member of an object and reads its name.
func (d *Decoder) Member() bool {
	if !d.more('}') {
		return false
	}
	if d.peek() != '"' {
		d.failf("expected a member's name")
		return false
	}
	name := d.text()
	if d.peek() != ':' {
		d.failf("expected ':' after a member's name")
		return false
	}
	d.pos++
	d.name = name
	return d.err == nil
}

// Name is that of the member that is being read.
func (d *Decoder) Name() []byte { return d.name }

// First marks member i as present and says whether there is a value to read:
// a null counts as absent, and a second value is refused.
func (d *Decoder) First(present *Members, i int) bool {
	if present.Has(i) {
		d.failf("member %.64q comes twice", d.name)
		return false
	}
	if d.peek() == 'n' {
		d.literal("null")
		return false
	}
	*present |= 1 << i
	return d.err == nil
}

func (d *Decoder) literal(word string) {
	if !bytes.HasPrefix(d.in[d.pos:], []byte(word)) {
		d.failf("invalid JSON")
		return
	}
	d.pos += len(word)
}

// text reads a string; the bytes may be part of in.
func (d *Decoder) text() []byte {
	raw, escaped := d.raw()
	if d.err != nil {
		return nil
	}
	for i, c := range raw {
		if c < ' ' {
			d.failf("a control character that is not escaped in a string (character %d)", i)
			return nil
		}
	}
	if !utf8.Valid(raw) {
		d.failf("a string is not UTF-8")
		return nil
	}
	if escaped {
		return d.unescape(raw)
	}
	return raw
}

// raw reads a string as it stands between its quotation marks, and says
// whether it holds escape sequences.
func (d *Decoder) raw() (raw []byte, escaped bool) {
	if d.peek() != '"' {
		d.fail("a string")
		return nil, false
	}
	start := d.pos + 1
	for end := start; ; {
		quote := bytes.IndexByte(d.in[end:], '"')
		if quote < 0 {
			d.failf("a string does not end")
			return nil, false
		}
		piece := d.in[end : end+quote]
		if backslash := bytes.IndexByte(piece, '\\'); backslash >= 0 {
			// Step over the escaped character, which may be a quotation mark.
			escaped = true
			if end += backslash + 2; end > len(d.in) {
				d.failf("a string does not end")
				return nil, false
			}
			continue
		}
		end += quote
		d.pos = end + 1
		return d.in[start:end], escaped
	}
}

func (d *Decoder) unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++ // raw makes sure that a character follows
		switch c := raw[i]; c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := codeUnit(raw[i-1:])
			i += 4
			if utf16.IsSurrogate(r) && i < len(raw) {
				// The other half follows; -1 if it does not.
				if r = utf16.DecodeRune(r, codeUnit(raw[i+1:])); r == utf8.RuneError {
					r = -1
				}
				i += 6
			}
			if r < 0 || utf16.IsSurrogate(r) {
				d.failf("an escape sequence is not a character")
				return nil
			}
			out = utf8.AppendRune(out, r)
		default:
			d.failf("a string holds the unknown escape sequence \\%c", c)
			return nil
		}
	}
	return out
}

// codeUnit reads an escape sequence of the form \uXXXX, or returns -1.
func codeUnit(raw []byte) rune {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range raw[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// String reads a string.
func (d *Decoder) String() string { return string(d.text()) }

// Enum reads a string of an enum; validation checks its value.
func Enum[T ~string](d *Decoder) T { return T(d.text()) }

var strictBase64 = base64.StdEncoding.Strict()

// Blob reads base64 text (RFC 4648, section 4).
func (d *Decoder) Blob() []byte {
	raw, escaped := d.raw()
	if d.err != nil {
		return nil
	}
	if escaped {
		raw = d.unescape(raw) // some encoders write "/" as "\/"
	}
	// Package base64 would skip line ends.
	if bytes.IndexByte(raw, '\n') >= 0 || bytes.IndexByte(raw, '\r') >= 0 {
		d.fail("base64")
		return nil
	}
	var (
		block [3 << 10]byte
		n     int
	)
	for rest := raw; len(rest) > 0; {
		text := rest[:min(len(rest), strictBase64.EncodedLen(len(block)))]
		decoded, err := strictBase64.Decode(block[:], text)
		rest = rest[len(text):]
		if err != nil || len(rest) > 0 && decoded < len(block) {
			d.fail("base64")
			return nil
		}
		n += copy(raw[n:], block[:decoded])
	}
	return raw[:n:n]
}

// Bool reads true or false.
func (d *Decoder) Bool() bool {
	switch d.peek() {
	case 't':
		d.literal("true")
		return true
	case 'f':
		d.literal("false")
	default:
		d.fail("true or false")
	}
	return false
}

// Int32 and Int64 read whole numbers.
func (d *Decoder) Int32() int32 { return int32(d.integer(32)) }
func (d *Decoder) Int64() int64 { return d.integer(64) }

func (d *Decoder) integer(bits int) int64 {
	n, err := strconv.ParseInt(string(d.number()), 10, bits)
	if err != nil {
		d.fail(fmt.Sprintf("a whole number of %d bits", bits))
	}
	return n
}

// number reads the characters of a number that follows JSON's grammar.
func (d *Decoder) number() []byte {
	if c := d.peek(); c != '-' && (c < '0' || c > '9') {
		d.fail("a number")
		return nil
	}
	start := d.pos
	if d.in[d.pos] == '-' {
		d.pos++
	}
	zero := d.pos < len(d.in) && d.in[d.pos] == '0'
	whole := d.digits()
	valid := whole == 1 || whole > 1 && !zero
	if d.pos < len(d.in) && d.in[d.pos] == '.' {
		d.pos++
		valid = d.digits() > 0 && valid
	}
	if d.pos < len(d.in) && (d.in[d.pos] == 'e' || d.in[d.pos] == 'E') {
		d.pos++
		if d.pos < len(d.in) && (d.in[d.pos] == '+' || d.in[d.pos] == '-') {
			d.pos++
		}
		valid = d.digits() > 0 && valid
	}
	if !valid {
		d.fail("a number")
		return nil
	}
	return d.in[start:d.pos]
}

func (d *Decoder) digits() int {
	start := d.pos
	for d.pos < len(d.in) && '0' <= d.in[d.pos] && d.in[d.pos] <= '9' {
		d.pos++
	}
	return d.pos - start
}

// List reads a list by its elements.
func List[T any](d *Decoder, element func(*Decoder) T) []T {
	out := []T{}
	for d.enter('[', "a list"); d.more(']'); {
		out = append(out, element(d))
	}
	return out
}

// Structure reads a nested structure.
func Structure[T any, P Decodable[T]](d *Decoder) T {
	var v T
	P(&v).Decode(d)
	return v
}

// Unknown reads past the value of a member that the structure does not have, or
// refuses it.
func (d *Decoder) Unknown() {
	if d.refuseUnknown {
		d.failf("there is no member %.64q here", d.name)
		return
	}
	d.skip()
}

// skip reads past a value that nobody asked for.
func (d *Decoder) skip() {
	switch c := d.peek(); c {
	case '{':
		for d.Open(); d.Member(); {
			d.skip()
		}
	case '[':
		for d.enter('[', "a list"); d.more(']'); {
			d.skip()
		}
	case '"':
		d.text()
	case 't', 'f':
		d.Bool()
	case 'n':
		d.literal("null")
	default:
		d.number()
	}
}
