package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxDepth is how deeply a document may nest: document, Statement array,
// statement, Condition, operator, values.
const maxDepth = 6

type nodeKind string

const (
	objectNode  nodeKind = "an object"
	arrayNode   nodeKind = "an array"
	stringNode  nodeKind = "a string"
	numberNode  nodeKind = "a number"
	booleanNode nodeKind = "a boolean"
	nullNode    nodeKind = "null"
)

// node is a JSON value that knows where it stands and keeps the order of its
// members, which encoding/json's own values do not.
type node struct {
	kind    nodeKind
	offset  int    // in bytes
	text    string // of a string, number or boolean
	members []member
	items   []node
}

type member struct {
	name   string
	offset int
	value  node
}

// treeReader reads a text into nodes and refuses what encoding/json lets
// through: duplicate members, deep nesting, text after the end.
type treeReader struct {
	text string
	dec  *json.Decoder
}

func readTree(s string) (node, error) {
	r := treeReader{text: s, dec: json.NewDecoder(strings.NewReader(s))}
	r.dec.UseNumber()
	n, err := r.value("", 1)
	if err != nil {
		return node{}, err
	}
	if _, at, err := r.token(); !errors.Is(err, io.EOF) {
		return node{}, newParseError(s, at, "", "there is text after the end of the document; remove it")
	}
	return n, nil
}

// token returns the next token and where it starts.
func (r *treeReader) token() (json.Token, int, error) {
	at := int(r.dec.InputOffset())
	for at < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[at]) >= 0 {
		at++
	}
	t, err := r.dec.Token()
	return t, at, err
}

func (r *treeReader) malformed(at int, path string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return newParseError(r.text, at, path, "the text ends before the document does; check for a missing brace, bracket or quotation mark")
	}
	return newParseError(r.text, at, path, fmt.Sprintf("this is not JSON: %v", err))
}

func (r *treeReader) value(path string, depth int) (node, error) {
	t, at, err := r.token()
	if err != nil {
		return node{}, r.malformed(at, path, err)
	}
	n := node{offset: at}
	switch t := t.(type) {
	case json.Delim:
		if depth > maxDepth {
			return node{}, newParseError(r.text, at, path, "the document nests more deeply than any policy does")
		}
		if t == '{' {
			n.kind = objectNode
			n.members, err = r.object(path, depth)
		} else {
			n.kind = arrayNode
			n.items, err = r.array(path, depth)
		}
		return n, err
	case string:
		n.kind, n.text = stringNode, t
	case json.Number:
		n.kind, n.text = numberNode, t.String()
	case bool:
		n.kind, n.text = booleanNode, fmt.Sprint(t)
	default:
		n.kind = nullNode
	}
	return n, nil
}

func (r *treeReader) object(path string, depth int) ([]member, error) {
	var members []member
	seen := map[string]bool{}
	for r.dec.More() {
		t, at, err := r.token()
		if err != nil {
			return nil, r.malformed(at, path, err)
		}
		name, ok := t.(string)
		if !ok {
			return nil, newParseError(r.text, at, path, "a member's name must be a string")
		}
		inner := join(path, name)
		if seen[name] {
			return nil, newParseError(r.text, at, inner, fmt.Sprintf("%s stands here a second time; an object may have a member only once", quote(name)))
		}
		seen[name] = true
		v, err := r.value(inner, depth+1)
		if err != nil {
			return nil, err
		}
		members = append(members, member{name: name, offset: at, value: v})
	}
	return members, r.end(path)
}

func (r *treeReader) array(path string, depth int) ([]node, error) {
	var items []node
	for r.dec.More() {
		v, err := r.value(index(path, len(items)), depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	return items, r.end(path)
}

func (r *treeReader) end(path string) error {
	if _, at, err := r.token(); err != nil {
		return r.malformed(at, path, err)
	}
	return nil
}

// join and index extend a path such as Statement[0].Condition. Names that
// would make it hard to read are quoted.
func join(path, name string) string {
	if strings.ContainsAny(name, ".[]\" \n") || len(name) > maxQuoted {
		name = quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// maxQuoted is how many bytes of a document an error repeats at most.
const maxQuoted = 128

// quote makes a piece of a document fit for an error message.
func quote(s string) string {
	if len(s) > maxQuoted {
		s = strings.ToValidUTF8(s[:maxQuoted], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}
