package strictjson

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// scanner reads the tokens of JSON as RFC 8259 has them. Strings without
// escapes are parts of its text.
type scanner struct {
	text string
	at   int
}

// next goes past space and returns the byte there, or 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// skip goes past c if it is next.
func (s *scanner) skip(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// digits goes past digits and says whether there were any.
func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.text) && '0' <= s.text[s.at] && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

func (s *scanner) literal(word string) (string, error) {
	start := s.at
	for i := range len(word) {
		if !s.skip(word[i]) {
			return "", s.unexpected(start, fmt.Sprintf("in literal %s (expecting %q)", word, word[i]))
		}
	}
	return word, nil
}

func (s *scanner) number() (string, error) {
	start := s.at
	s.skip('-')
	if !s.skip('0') && !s.digits() {
		return "", s.unexpected(start, "in numeric literal")
	}
	if s.skip('.') && !s.digits() {
		return "", s.unexpected(start, "after decimal point in numeric literal")
	}
	if s.skip('e') || s.skip('E') {
		if !s.skip('+') {
			s.skip('-')
		}
		if !s.digits() {
			return "", s.unexpected(start, "in exponent of numeric literal")
		}
	}
	return s.text[start:s.at], nil
}

// string reads a string from its quotation mark on.
func (s *scanner) string() (string, error) {
	start, escapes, ascii := s.at, false, true
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			text := s.text[start+1 : s.at]
			s.at++
			if escapes || !ascii && !utf8.ValidString(text) {
				return unquote(start, s.text[start:s.at])
			}
			return text, nil
		case c == '\\':
			escapes = true
			s.at++
		case c < ' ':
			return "", s.unexpected(start, "in string literal")
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return "", s.unexpected(start, "in string literal")
}

// unquote reads a string with escapes, or bytes that are not UTF-8, as encoding/json does.
func unquote(start int, quoted string) (text string, err error) {
	if err := json.Unmarshal([]byte(quoted), &text); err != nil {
		return "", notJSON(start, err)
	}
	return text, nil
}

// unexpected refuses the character that is next, or the end, in the token from
// start on. where is as encoding/json says it.
func (s *scanner) unexpected(start int, where string) error {
	if s.at >= len(s.text) {
		return &Error{start, "the text ends before the document does; check for a missing brace, bracket or quotation mark"}
	}
	c, _ := utf8.DecodeRuneInString(s.text[s.at:])
	return notJSON(start, fmt.Errorf("invalid character %q %s", c, where))
}

func notJSON(start int, err error) error {
	return &Error{start, fmt.Sprintf("this is not JSON: %v", err)}
}
