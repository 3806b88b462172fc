package lifecycle

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/twinport/twinport/internal/strictjson"
)

// The bounds of a policy's text in characters, and of the rules in it: those of
// ECR's model and quotas.
const (
	MinText  = 100
	MaxText  = 30720
	MaxRules = 50
)

// maxInteger is the largest number that a policy may have: ECR reads 32 bits.
const maxInteger = 1<<31 - 1

// Error says why a text is no lifecycle policy. To ECR's clients it is an
// InvalidParameterException, "Invalid parameter at 'LifecyclePolicyText' failed
// to satisfy constraint: '<Constraint>'".
type Error struct {
	// Constraint is ECR's sentence, letter for letter where one is known. What
	// the schema refuses ends in a newline.
	Constraint string
	Line       int    // from 1
	Column     int    // from 1, in characters
	Path       string // for example rules[0].selection; "" for the document
}

func (e *Error) Error() string {
	path := e.Path
	if path == "" {
		path = "document"
	}
	return fmt.Sprintf("line %d, column %d, %s: %s", e.Line, e.Column, path, strings.TrimSuffix(e.Constraint, "\n"))
}

// parser holds what a text was read to so far.
type parser struct {
	text  string
	root  *node
	rules []*node // in the order of the text
}

// Parse reads a lifecycle policy of MinText to MaxText characters. It refuses
// what ECR refuses, in ECR's order: by length, by the JSON schema, by what the
// schema leaves open, and by the rules' relations. Only the first fault is
// told. It also refuses a member that stands twice in an object. The error is
// an *Error.
//
// The language is that of the ECR User Guide's "Lifecycle policy properties",
// with the member "twinport" of a rule: see Twinport.
func Parse(text string) (*Policy, error) {
	p := &parser{text: text}
	if err := p.length(); err != nil {
		return nil, err
	}
	if err := p.read(); err != nil {
		return nil, err
	}
	if err := p.schema(); err != nil {
		return nil, err
	}
	rules, err := p.mapped()
	if err != nil {
		return nil, err
	}
	if err := p.check(rules); err != nil {
		return nil, err
	}
	return newPolicy(rules), nil
}

func (p *parser) length() error {
	// No character takes more than four bytes: this spares counting a huge text.
	if len(p.text) > 4*MaxText || utf8.RuneCountInString(p.text) > MaxText {
		return p.fail(0, "", fmt.Sprintf("Member must have length less than or equal to %d", MaxText))
	}
	if utf8.RuneCountInString(p.text) < MinText {
		return p.fail(0, "", fmt.Sprintf("Member must have length greater than or equal to %d", MinText))
	}
	return nil
}

func (p *parser) read() error {
	if !utf8.ValidString(p.text) {
		return p.unmapped(0, "")
	}
	root, err := readTree(p.text)
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
		return p.unmapped(e.Offset, "")
	}
	p.root = root
	return err
}

func (p *parser) fail(offset int, path, constraint string) error {
	before := p.text[:min(offset, len(p.text))]
	line := strings.LastIndexByte(before, '\n') + 1
	return &Error{
		Constraint: constraint,
		Line:       strings.Count(before, "\n") + 1,
		Column:     utf8.RuneCountInString(before[line:]) + 1,
		Path:       path,
	}
}

// unmapped refuses what ECR cannot make a policy of.
func (p *parser) unmapped(offset int, path string) error {
	return p.fail(offset, path, "Lifecycle policy parsing failure: Could not map policyString into LifecyclePolicy.")
}

// breaks refuses what does not fit the schema.
func (p *parser) breaks(n *node, path, format string, args ...any) error {
	return p.fail(n.offset, path, "Lifecycle policy validation failure: "+fmt.Sprintf(format, args...)+"\n")
}

// refuse refuses what the schema lets pass.
func (p *parser) refuse(n *node, path, format string, args ...any) error {
	return p.fail(n.offset, path, "Lifecycle policy validation failure: "+fmt.Sprintf(format, args...))
}

// mapped returns the rules of a text that fits the schema, in its order.
func (p *parser) mapped() ([]Rule, error) {
	rules := make([]Rule, len(p.rules))
	for i, n := range p.rules {
		path, r := rulePath(i), &rules[i]
		if d := n.get("description"); d != nil {
			r.Description = &d.text
		}
		action := n.get("action")
		r.Action = Action(action.get("type").text)
		if r.Action == Transition && action.get("targetStorageClass") == nil {
			return nil, p.unmapped(action.offset, path+".action")
		}
		selection := n.get("selection")
		for _, number := range []struct {
			in   *node
			name string
			to   *int
		}{
			{n, "rulePriority", &r.Priority},
			{selection, "countNumber", &r.Selection.CountNumber},
			{n.get("twinport"), "sinceTagged", &r.Twinport.SinceTagged},
			{n.get("twinport"), "sincePulled", &r.Twinport.SincePulled},
		} {
			if number.in == nil || number.in.get(number.name) == nil {
				continue
			}
			v := number.in.get(number.name)
			var err error
			if *number.to, err = strconv.Atoi(v.text); err != nil || *number.to > maxInteger {
				return nil, p.unmapped(v.offset, path)
			}
		}
		if t := n.get("twinport"); t != nil {
			r.Twinport.Unsigned = t.get("unsigned") != nil
		}
		r.Selection.read(selection)
	}
	return rules, nil
}

// read fills in what is no number.
func (s *Selection) read(n *node) {
	s.TagStatus, s.CountType = TagStatus(n.get("tagStatus").text), CountType(n.get("countType").text)
	if class := n.get("storageClass"); class != nil {
		s.StorageClass = StorageClass(class.text)
	}
	s.TagPatterns, s.TagPrefixes = texts(n.get("tagPatternList")), texts(n.get("tagPrefixList"))
}

func texts(list *node) (all []string) {
	if list != nil {
		for _, item := range list.items {
			all = append(all, item.text)
		}
	}
	return all
}

func rulePath(i int) string { return fmt.Sprintf("rules[%d]", i) }
