package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twinport/twinport/internal/strictjson"
)

// documentLimits are those of a policy: it nests as document, Statement array,
// statement, Condition, operator, values.
var documentLimits = strictjson.Limits{Depth: 6, Members: 1000}

const (
	objectNode  = strictjson.Object
	arrayNode   = strictjson.Array
	stringNode  = strictjson.String
	numberNode  = strictjson.Number
	booleanNode = strictjson.Boolean
)

// node is a JSON value that knows where it stands and keeps the order of its
// members, which encoding/json's own values do not.
type node struct {
	kind    strictjson.Kind
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

// treeReader reads a text into nodes.
type treeReader struct {
	*strictjson.Reader
	text string
}

func readTree(s string) (node, error) {
	r := treeReader{strictjson.NewReader([]byte(s), documentLimits), s}
	n, err := r.value("")
	if err != nil {
		return node{}, err
	}
	return n, r.at("", r.End())
}

// at puts an error of the text at a path; nil stays nil.
func (r *treeReader) at(path string, err error) error {
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
		return newParseError(r.text, e.Offset, path, e.Problem)
	}
	return err
}

func (r *treeReader) value(path string) (node, error) {
	v, err := r.Value()
	if err != nil {
		return node{}, r.at(path, err)
	}
	n := node{kind: v.Kind, offset: v.Offset, text: v.Text}
	switch v.Kind {
	case objectNode:
		n.members, err = r.object(path)
	case arrayNode:
		n.items, err = r.array(path)
	}
	return n, err
}

// object reads members. Names in another case are for the parser to refuse: it
// knows no member but those that it names, and that condition keys have no case.
func (r *treeReader) object(path string) (members []member, err error) {
	for {
		if more, err := r.More(); !more {
			return members, r.at(path, err)
		}
		name, at, err := r.Name(nil)
		if err != nil {
			if name != "" {
				path = join(path, name)
			}
			return nil, r.at(path, err)
		}
		v, err := r.value(join(path, name))
		if err != nil {
			return nil, err
		}
		members = append(members, member{name: name, offset: at, value: v})
	}
}

func (r *treeReader) array(path string) (items []node, err error) {
	for {
		if more, err := r.More(); !more {
			return items, r.at(path, err)
		}
		v, err := r.value(index(path, len(items)))
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
}

// join and index extend a path such as Statement[0].Condition. Names that
// would make it hard to read are quoted.
func join(path, name string) string {
	if strings.ContainsAny(name, ".[]\" \n") || len(name) > maxName {
		name = quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// maxName is how many bytes of a name a path has as they are.
const maxName = 128

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// quote makes a piece of a document fit for an error message.
func quote(s string) string { return strictjson.Quote(s) }
