package policy

import (
	"errors"
	"fmt"
	"strings"
)

// resources is a statement's Resource or NotResource element. Without
// patterns it stands for whatever the policy is attached to.
type resources struct {
	patterns []resource
	negated  bool
}

// resource is a pattern for ARNs as a whole: unlike the operand of an Arn
// operator, its wildcards reach across colons ("Using wildcards in resource
// ARNs" in the IAM user guide).
type resource struct {
	pattern template
	// completed is the pattern with a wildcard for each part that its ARN lacks,
	// as IAM completes it; empty if it lacks none.
	completed template
}

var errService = errors.New("the third part of a resource's ARN must name a service in full, for example ecr")

func newResource(s string, variables bool) (r resource, err error) {
	sx := syntax{variables: variables, wildcards: true}
	if r.pattern, err = newTemplate(s, sx); err != nil || s == "*" || variables && strings.HasPrefix(s, "${") {
		return r, err
	}
	pieces := cutARN(s, variables)
	if pieces[0] != "arn" || len(pieces) < 3 {
		return r, errARN
	}
	if service := pieces[2]; service == "" || strings.ContainsAny(service, "*?") {
		return r, errService
	}
	if lacks := 6 - len(pieces); lacks > 0 {
		r.completed, err = newTemplate(s+strings.Repeat(":*", lacks), sx)
		if !r.pattern.hasStar() { // no wildcard that could reach over the colons that it lacks
			r.pattern, r.completed = r.completed, template{}
		}
	}
	return r, err
}

func (r *resource) match(ev *evaluation, arn string) bool {
	if s, resolved := r.pattern.expand(ev); resolved && glob(s, arn, &ev.budget) {
		return true
	}
	if r.completed.empty() {
		return false
	}
	s, resolved := r.completed.expand(ev)
	return resolved && glob(s, arn, &ev.budget)
}

func (r *resources) cover(ev *evaluation) bool {
	if r.patterns == nil {
		return true
	}
	for i := range r.patterns {
		if r.patterns[i].match(ev, ev.request.Resource) {
			return !r.negated
		}
	}
	return r.negated
}

// Registry is where a policy is set.
type Registry struct{ Account, Region string }

// repositories is what begins the ARNs of the registry's repositories.
func (r Registry) repositories() string {
	return "arn:aws:ecr:" + r.Region + ":" + r.Account + ":repository/"
}

// anyRepository has a shape (see canBe) for each variable part of a
// repository's ARN.
const anyRepository = "arn:aws:ecr:\xff:\xff:repository/\xff"

// canMatch reports whether the pattern matches an ARN of that shape.
func (r *resource) canMatch(shape string) bool {
	return canBe(r.pattern.loosest(), shape) || !r.completed.empty() && canBe(r.completed.loosest(), shape)
}

// pointless says what is wrong with a resource that no repository of the
// registry has, and what it should be.
func (r Registry) pointless(text string) error {
	_, name, _ := strings.Cut(text, "repository/")
	if !canBe(wildcards.Replace(name), "\xff") {
		name = "" // not what a repository can be called
	}
	if name == "" {
		name = "*"
	}
	return fmt.Errorf("no repository of this registry has such an ARN; write %s", quote(r.repositories()+name))
}

// canBe reports whether some text matches both a pattern and a shape, whose
// stars stand for any characters of the names of Regions, accounts and
// repositories. The work is the product of the lengths; a shape is short.
func canBe(pattern, shape string) bool {
	// row[j] says whether the rest of the pattern and shape[j:] have a text in common.
	row := make([]bool, len(shape)+1)
	for i := len(pattern); i >= 0; i-- {
		diagonal := false // of the row below, one to the right
		for j := len(shape); j >= 0; j-- {
			below := row[j]
			switch {
			case i == len(pattern) && j == len(shape):
				row[j] = true
			case i < len(pattern) && pattern[i] == star:
				row[j] = below || j < len(shape) && row[j+1]
			case j < len(shape) && shape[j] == star:
				row[j] = row[j+1] || i < len(pattern) && below && (pattern[i] == one || inName(pattern[i]))
			default:
				row[j] = i < len(pattern) && j < len(shape) && diagonal && (pattern[i] == one || pattern[i] == shape[j])
			}
			diagonal = below
		}
	}
	return row[0]
}

// inName reports whether the name of a Region, account or repository may have c.
func inName(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("._-/", c) >= 0
}
