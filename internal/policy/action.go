package policy

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// actions is a statement's Action or NotAction element.
type actions struct {
	patterns []action
	negated  bool
}

// action is a pattern for action names, which have no case.
type action struct {
	// literal is the text before the first wildcard.
	literal string
	// pattern is the whole pattern in lower case, unless literal says it all.
	pattern string
	// prefix is set if anything may follow literal.
	prefix bool
}

var (
	errAction = fault{iamVendor, errors.New(`write "*" or service:Name, for example ecr:BatchGetImage or ecr:Get*`)}

	errTrustAction = errors.New("a trust policy is about actions of STS alone, for example sts:AssumeRole")
)

func newAction(s string) (action, error) {
	if s == "*" || s == "*:*" {
		return action{prefix: true}, nil
	}
	service, name, found := strings.Cut(s, ":")
	if !found || service == "" || name == "" || len(s) > 128 ||
		!consistsOf(service, "-") || !consistsOf(name, "*?") {
		return action{}, errAction
	}
	i := strings.IndexAny(s, "*?")
	switch {
	case i < 0:
		return action{literal: s}, nil
	case strings.Trim(s[i:], "*") == "":
		return action{literal: s[:i], prefix: true}, nil
	default:
		return action{literal: s[:i], pattern: wildcards.Replace(strings.ToLower(s))}, nil
	}
}

// consistsOf reports whether s has only ASCII letters, digits and the others.
func consistsOf(s, others string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte(others, c) >= 0:
		default:
			return false
		}
	}
	return true
}

// of reports whether the pattern is for actions of that service alone.
func (a *action) of(service string) bool {
	name, _, found := strings.Cut(a.literal, ":")
	return found && strings.EqualFold(name, service)
}

func (a *action) match(name string, b *budget) bool {
	if len(name) < len(a.literal) || !strings.EqualFold(name[:len(a.literal)], a.literal) {
		return false
	}
	if a.pattern != "" {
		return glob(a.pattern, strings.ToLower(name), b)
	}
	return a.prefix || len(name) == len(a.literal)
}

func (a *actions) cover(name string, b *budget) bool {
	for i := range a.patterns {
		if a.patterns[i].match(name, b) {
			return !a.negated
		}
	}
	return a.negated
}

// Beyond names the first statement with an action, in Action or NotAction, that neither is one of the given ones nor
// matches one of them. It is empty if there is none.
func (d *Document) Beyond(actions []string) string {
	for i := range d.Statements {
		s := &d.Statements[i]
		for j := range s.actions.patterns {
			a, b := &s.actions.patterns[j], newBudget(context.Background())
			if !slices.ContainsFunc(actions, func(name string) bool { return a.match(name, &b) }) {
				return statementName(s.Sid, i+1)
			}
		}
	}
	return ""
}
