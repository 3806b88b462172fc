package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// ParseError says why a text is not a policy, and where.
type ParseError struct {
	Line    int    // from 1
	Column  int    // from 1, in characters
	Path    string // for example Statement[0].Action[1]; empty for the document
	Problem string // what is wrong and what is allowed

	iam string // the sort of fault, as IAM names it; empty for most
}

func (e *ParseError) Error() string {
	path := e.Path
	if path == "" {
		path = "document"
	}
	return fmt.Sprintf("line %d, column %d, %s: %s", e.Line, e.Column, path, e.Problem)
}

func newParseError(text string, offset int, path, problem string) *ParseError {
	before := text[:min(offset, len(text))]
	line := strings.LastIndexByte(before, '\n') + 1
	return &ParseError{
		Line:    strings.Count(before, "\n") + 1,
		Column:  utf8.RuneCountInString(before[line:]) + 1,
		Path:    path,
		Problem: problem,
	}
}

// Parse reads a policy of up to 10,240 characters (20,480 for an identity
// policy) and compiles it. It is strict: unknown and duplicate members,
// values outside the language, and elements that do not belong in a policy of
// this kind are refused. The error is a *ParseError.
//
// The language is that of the IAM User Guide's "Grammar of the IAM JSON policy
// language"; a Sid may have any characters in ECR's policies. Actions and
// resources may be of any service.
func Parse(text string, kind Kind) (*Document, error) { return parse(text, kind, nil) }

// ParseNew is Parse for a policy that is about to be set in a registry. It
// refuses more, which policies that were set before may have: NotPrincipal in
// an Allow, and resources that no repository of the registry can have.
func ParseNew(text string, kind Kind, in Registry) (*Document, error) { return parse(text, kind, &in) }

func parse(text string, kind Kind, in *Registry) (*Document, error) {
	// No character takes more than four bytes: this spares counting a huge text.
	if limit := kind.limit(); len(text) > 4*limit || kind.size(text) > limit {
		problem := fmt.Sprintf("the text of one %s has at most %d characters", kind, limit)
		if kind.ofIAM() {
			problem += ", not counting white space"
		}
		return nil, newParseError(text, 0, "", problem)
	}
	for i, c := range text {
		if c == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			return nil, newParseError(text, i, "", "the text is not UTF-8")
		}
	}
	root, err := readTree(text)
	if err != nil {
		if e, ok := errors.AsType[*ParseError](err); ok {
			e.iam = iamJSON
		}
		return nil, err
	}
	p := parser{text: text, registry: in, doc: &Document{Kind: kind, Version: DefaultVersion}}
	if err := p.document(&root); err != nil {
		return nil, err
	}
	return p.doc, nil
}

type parser struct {
	text     string
	registry *Registry // where the policy is about to be set; nil if it is set
	doc      *Document
}

func (p *parser) fail(n *node, path, format string, args ...any) error {
	return newParseError(p.text, n.offset, path, fmt.Sprintf(format, args...))
}

// failAs is fail for a fault that IAM has a text for.
func (p *parser) failAs(iam string, n *node, path, format string, args ...any) error {
	err := newParseError(p.text, n.offset, path, fmt.Sprintf(format, args...))
	err.iam = iam
	return err
}

func (p *parser) document(root *node) error {
	if root.kind != objectNode {
		return p.fail(root, "", "a policy is an object with Version and Statement, not %s", root.kind)
	}
	var statement *node
	for i := range root.members {
		m := &root.members[i]
		v := &m.value
		var err error
		switch m.name {
		case "Version":
			if v.kind != stringNode || v.text != CurrentVersion && v.text != DefaultVersion {
				err = p.failAs(iamVersion, v, m.name, "the version must be %q, or the older %q", CurrentVersion,
					DefaultVersion)
			}
			p.doc.Version = v.text
		case "Id":
			p.doc.ID, err = p.string(v, m.name)
		case "Statement":
			statement = v
		default:
			err = p.unknown(m, "", "Version", "Id", "Statement")
		}
		if err != nil {
			return err
		}
	}
	if statement == nil {
		return p.fail(root, "", "the member Statement is missing")
	}
	// The version decides how statements read, wherever it stands.
	sids := map[string]int{}
	return p.each(statement, "Statement", "an object or an array of objects", func(n *node, path string) error {
		s, err := p.statement(n, path)
		if err != nil {
			return err
		}
		p.doc.Statements = append(p.doc.Statements, s)
		// ECR takes a repository policy whose statements share a Sid.
		if first, seen := sids[s.Sid]; seen && s.Sid != "" && p.doc.Kind != RepositoryPolicy {
			return p.failAs(iamSid, n, path, "statement %d has the Sid %s, too; a Sid must be unique in its policy", first,
				quote(s.Sid))
		}
		sids[s.Sid] = len(p.doc.Statements)
		return nil
	})
}

// each calls do for the items of an array, which must have some, or for n itself.
func (p *parser) each(n *node, path, want string, do func(n *node, path string) error) error {
	if n.kind != arrayNode {
		return do(n, path)
	}
	if len(n.items) == 0 {
		return p.fail(n, path, "this array is empty; write %s", want)
	}
	for i := range n.items {
		if err := do(&n.items[i], index(path, i)); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) string(n *node, path string) (string, error) {
	if n.kind != stringNode {
		return "", p.fail(n, path, "this must be a string, not %s", n.kind)
	}
	return n.text, nil
}

// strings calls add for each string of a string or array of strings.
func (p *parser) strings(n *node, path string, add func(string) error) error {
	return p.each(n, path, "a string or an array of strings", func(n *node, path string) error {
		s, err := p.string(n, path)
		if err != nil {
			return err
		}
		if err := add(s); err != nil {
			var known fault
			errors.As(err, &known)
			return p.failAs(known.iam, n, path, "%s is not valid here: %v", quote(s), err)
		}
		return nil
	})
}

func (p *parser) unknown(m *member, path string, allowed ...string) error {
	hint := ""
	for _, a := range allowed {
		if strings.EqualFold(a, m.name) {
			hint = fmt.Sprintf("; write %s, case matters", a)
		}
	}
	return newParseError(p.text, m.offset, join(path, m.name),
		fmt.Sprintf("%s is not known here; allowed are %s%s", quote(m.name), strings.Join(allowed, ", "), hint))
}

var statementMembers = []string{
	"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}

func (p *parser) statement(n *node, path string) (Statement, error) {
	var s Statement
	if n.kind != objectNode {
		return s, p.fail(n, path, "a statement is an object, not %s", n.kind)
	}
	has := map[string]bool{}
	for i := range n.members {
		m := &n.members[i]
		if !slices.Contains(statementMembers, m.name) {
			return s, p.unknown(m, path, statementMembers...)
		}
		has[m.name] = true
		positive := strings.TrimPrefix(m.name, "Not")
		if has[positive] && has["Not"+positive] {
			return s, newParseError(p.text, m.offset, join(path, m.name),
				fmt.Sprintf("a statement has %s or Not%s, not both", positive, positive))
		}
		if err := p.element(&s, m, join(path, m.name)); err != nil {
			return s, err
		}
	}
	for i := range s.conditions {
		s.conditions[i].quantify(s.Effect)
	}
	principal := has["Principal"] || has["NotPrincipal"]
	resource := has["Resource"] || has["NotResource"]
	switch {
	case !has["Effect"]:
		return s, p.fail(n, path, "the member Effect is missing; it is Allow or Deny")
	case !has["Action"] && !has["NotAction"]:
		return s, p.failAs(iamNoActions, n, path, "the member Action (or NotAction) is missing")
	case !principal && p.doc.Kind != IdentityPolicy:
		return s, p.failAs(iamNoPrincipal, n, path,
			"the member Principal (or NotPrincipal) is missing; a %s must say whom it is about", p.doc.Kind)
	case !resource && p.doc.Kind != RepositoryPolicy && p.doc.Kind != TrustPolicy:
		return s, p.failAs(iamNoResources, n, path,
			"the member Resource (or NotResource) is missing; a %s must say what it is about", p.doc.Kind)
	case (p.registry != nil || p.doc.Kind == TrustPolicy) && has["NotPrincipal"] && s.Effect == Allow:
		return s, p.fail(n, path, `NotPrincipal stands only with the effect "Deny"; `+
			`to allow some, name them in Principal, and deny others in a statement of their own`)
	}
	return s, nil
}

func (p *parser) element(s *Statement, m *member, path string) (err error) {
	v := &m.value
	switch m.name {
	case "Sid":
		if s.Sid, err = p.string(v, path); err == nil && p.doc.Kind.ofIAM() && !consistsOf(s.Sid, "") {
			err = p.fail(v, path, "the Sid of a statement has only letters A-Z, a-z and digits here")
		}
	case "Effect":
		if v.kind != stringNode || v.text != string(Allow) && v.text != string(Deny) {
			return p.fail(v, path, "the effect must be %q or %q, case matters", Allow, Deny)
		}
		s.Effect = Effect(v.text)
	case "Principal", "NotPrincipal":
		if p.doc.Kind == IdentityPolicy {
			return p.prohibited(m, path, "an identity policy is about whom it is attached to")
		}
		s.principals = &principals{negated: m.name == "NotPrincipal"}
		err = p.principals(s.principals, v, path)
	case "Action", "NotAction":
		s.actions.negated = m.name == "NotAction"
		err = p.strings(v, path, func(text string) error {
			a, err := newAction(text)
			if err == nil && p.doc.Kind == TrustPolicy && !a.of("sts") {
				err = fault{iamTrustAction, errTrustAction}
			}
			s.actions.patterns = append(s.actions.patterns, a)
			return err
		})
	case "Resource", "NotResource":
		if p.doc.Kind == TrustPolicy {
			return p.prohibited(m, path, "a trust policy is about the role that it is set on")
		}
		s.resources.negated = m.name == "NotResource"
		err = p.resources(&s.resources, v, path)
	case "Condition":
		s.conditions, err = p.conditions(v, path)
	}
	return err
}

func (p *parser) prohibited(m *member, path, why string) error {
	err := newParseError(p.text, m.offset, path, why+"; remove "+m.name)
	err.iam = "Has prohibited field " + m.name + "."
	return err
}

// resources reads a Resource or NotResource element. In a policy that is about
// to be set, each pattern must be able to match an ECR repository, and one at
// least a repository of this registry: a list may be meant for several
// registries.
func (p *parser) resources(into *resources, n *node, path string) error {
	var pointless error
	useful := p.registry == nil || p.doc.Kind == IdentityPolicy
	err := p.strings(n, path, func(text string) error {
		r, err := newResource(text, p.variables())
		if errors.Is(err, errARN) || errors.Is(err, errService) {
			err = fault{fmt.Sprintf(`Resource %s must be in ARN format or "*".`, quote(text)), err}
		}
		into.patterns = append(into.patterns, r)
		if err != nil || p.registry == nil || p.doc.Kind == IdentityPolicy {
			return err
		}
		if !r.canMatch(anyRepository) {
			return p.registry.pointless(text)
		}
		useful = useful || r.canMatch(p.registry.repositories()+"\xff")
		if !useful && pointless == nil {
			pointless = p.fail(n, path, "%s is not valid here: %v", quote(text), p.registry.pointless(text))
		}
		return nil
	})
	if err != nil || useful {
		return err
	}
	return pointless
}

func (p *parser) variables() bool { return p.doc.Version == CurrentVersion }

func (p *parser) principals(into *principals, n *node, path string) error {
	if n.kind == stringNode && n.text == "*" {
		into.everyone = true
		return nil
	}
	if n.kind != objectNode || len(n.members) == 0 {
		return p.fail(n, path, `write "*" or an object with AWS or Service, for example {"AWS": "111122223333"}`)
	}
	allowed := []string{"AWS", "Service"}
	if p.doc.Kind == TrustPolicy {
		allowed = append(allowed, "Federated")
	}
	for i := range n.members {
		m := &n.members[i]
		add := into.addAWS
		switch {
		case m.name == "AWS":
		case m.name == "Service":
			add = into.addService
		case m.name == "Federated" && p.doc.Kind == TrustPolicy:
			add = addFederated
		case m.name == "Federated", m.name == "CanonicalUser":
			return newParseError(p.text, m.offset, join(path, m.name), fmt.Sprintf("%s principals do not exist in a %s; "+
				"allowed are %s", m.name, p.doc.Kind, strings.Join(allowed, " and ")))
		default:
			return p.unknown(m, path, allowed...)
		}
		err := p.strings(&m.value, join(path, m.name), func(s string) error {
			if err := add(s); err != nil {
				return fault{fmt.Sprintf("Invalid principal in policy: %s:%s", quote(m.name), quote(s)), err}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) conditions(n *node, path string) ([]condition, error) {
	if n.kind != objectNode {
		return nil, p.fail(n, path, "a condition is an object of operators, not %s", n.kind)
	}
	var conditions []condition
	for i := range n.members {
		m := &n.members[i]
		path := join(path, m.name)
		c, err := newCondition(m.name)
		if err != nil {
			return nil, newParseError(p.text, m.offset, path, err.Error())
		}
		if m.value.kind != objectNode {
			return nil, p.fail(&m.value, path, "an operator has an object of condition keys, not %s", m.value.kind)
		}
		seen := map[string]bool{}
		for j := range m.value.members {
			m := &m.value.members[j]
			path := join(path, m.name)
			c := c
			if c.key, err = newKey(m.name); err != nil {
				return nil, newParseError(p.text, m.offset, path, fmt.Sprintf("%s is not valid here: %v", quote(m.name), err))
			}
			folded := strings.ToLower(m.name)
			if seen[folded] {
				return nil, newParseError(p.text, m.offset, path, "this key stands here a second time; condition keys have no case")
			}
			seen[folded] = true
			err := p.each(&m.value, path, "a value or an array of values", func(n *node, path string) error {
				o, err := p.operand(&c, n)
				if err != nil {
					return p.fail(n, path, "%v", err)
				}
				c.operands = append(c.operands, o)
				return nil
			})
			if err != nil {
				return nil, err
			}
			conditions = append(conditions, c)
		}
	}
	return conditions, nil
}

// operand compiles a condition's value; IAM takes numbers and booleans for strings.
func (p *parser) operand(c *condition, n *node) (operand, error) {
	switch n.kind {
	case stringNode, numberNode, booleanNode:
	default:
		return operand{}, errors.New("a condition's value is a string, number or boolean, not " + string(n.kind))
	}
	o, err := c.newOperand(n.text, p.variables())
	if err != nil {
		return operand{}, fmt.Errorf("%s is not a value for %s: %w", quote(n.text), c.name, err)
	}
	return o, nil
}
