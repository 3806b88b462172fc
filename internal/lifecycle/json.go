package lifecycle

import (
	"fmt"
	"strings"

	"github.com/twinport/twinport/internal/strictjson"
)

// textLimits are those of a policy's text. A policy nests as document, rules,
// rule, selection, list.
var textLimits = strictjson.Limits{Depth: 8, Members: 64}

// node is a JSON value that knows where it stands.
type node struct {
	kind    strictjson.Kind
	offset  int    // in bytes
	text    string // of a string, number or boolean
	members []member
	items   []node
}

type member struct {
	name  string
	value node
}

// get returns the value of a member; nil if there is none.
func (n *node) get(name string) *node {
	for i := range n.members {
		if n.members[i].name == name {
			return &n.members[i].value
		}
	}
	return nil
}

// readTree reads a text. Names in another case are left to the schema, which
// refuses them in ECR's words.
func readTree(text string) (*node, error) {
	r := strictjson.NewReader([]byte(text), textLimits)
	n, err := readNode(r)
	if err == nil {
		err = r.End()
	}
	return &n, err
}

func readNode(r *strictjson.Reader) (node, error) {
	v, err := r.Value()
	n := node{kind: v.Kind, offset: v.Offset, text: v.Text}
	if err != nil || v.Kind != strictjson.Object && v.Kind != strictjson.Array {
		return n, err
	}
	for {
		if more, err := r.More(); !more {
			return n, err
		}
		var name string
		if v.Kind == strictjson.Object {
			if name, _, err = r.Name(nil); err != nil {
				return n, err
			}
		}
		value, err := readNode(r)
		if err != nil {
			return n, err
		}
		if v.Kind == strictjson.Object {
			n.members = append(n.members, member{name, value})
		} else {
			n.items = append(n.items, value)
		}
	}
}

// primitive is the node's type in the words of ECR's schema.
func (n *node) primitive() string {
	switch n.kind {
	case strictjson.Object:
		return "object"
	case strictjson.Array:
		return "array"
	case strictjson.String:
		return "string"
	case strictjson.Boolean:
		return "boolean"
	case strictjson.Number:
		if strings.ContainsAny(n.text, ".eE") {
			return "number"
		}
		return "integer"
	default:
		return "null"
	}
}

// String is the node as an error message shows it.
func (n *node) String() string {
	switch n.kind {
	case strictjson.Object:
		return "{…}"
	case strictjson.Array:
		return "[…]"
	case strictjson.String:
		return strictjson.Quote(n.text)
	case strictjson.Null:
		return "null"
	default:
		return short(n.text)
	}
}

// short bounds what an error repeats of a number.
func short(number string) string {
	if len(number) > 40 {
		return number[:40] + "…"
	}
	return number
}

// names lists names as ECR's schema errors do, but not more than a few.
func names(all []string) string {
	const most = 10
	quoted := make([]string, 0, most)
	for _, name := range all[:min(len(all), most)] {
		quoted = append(quoted, strictjson.Quote(name))
	}
	if len(all) > most {
		quoted = append(quoted, "…")
	}
	return fmt.Sprintf("[%s]", strings.Join(quoted, ","))
}
