package policy

import (
	"errors"
	"strings"
)

// splitARN cuts an ARN into its six parts: arn, partition, service, Region,
// account, resource. The last may contain colons itself.
func splitARN(s string) (parts [6]string, ok bool) {
	for i := range 5 {
		var found bool
		if parts[i], s, found = strings.Cut(s, ":"); !found {
			return parts, false
		}
	}
	parts[5] = s
	return parts, parts[0] == "arn"
}

// AccountOf returns the account that an ARN names, empty if it names none or is no ARN.
func AccountOf(arn string) string {
	if parts, ok := splitARN(arn); ok && isAccount(parts[4]) {
		return parts[4]
	}
	return ""
}

// arnPattern is the operand of an Arn operator. It matches ARNs part by part: a
// wildcard does not reach across a colon, but for those in the last part.
type arnPattern struct {
	everything bool // "*", which matches even what is no ARN
	parts      [6]template
	// whole is set instead of parts if a variable stands for the beginning, so
	// that only its value shows where the colons are.
	whole *template
}

var errARN = errors.New(`write "*" or an ARN such as arn:aws:ecr:us-east-1:111122223333:repository/team/*`)

func newARNPattern(s string, variables bool) (*arnPattern, error) {
	if s == "*" {
		return &arnPattern{everything: true}, nil
	}
	sx := syntax{variables: variables, wildcards: true}
	if variables && strings.HasPrefix(s, "${") {
		t, err := newTemplate(s, sx)
		return &arnPattern{whole: &t}, err
	}
	p := &arnPattern{}
	pieces := cutARN(s, variables)
	if pieces[0] != "arn" || len(pieces) < 3 {
		return nil, errARN
	}
	for i := range p.parts {
		piece := "*" // IAM completes an ARN that lacks its last parts
		if i < len(pieces) {
			piece = pieces[i]
		}
		var err error
		if p.parts[i], err = newTemplate(piece, sx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// cutARN cuts s at its first five colons, leaving out those in variables. As
// the cut is made before a variable has a value, a value with colons cannot
// shift the parts.
func cutARN(s string, variables bool) []string {
	var pieces []string
	start := 0
	for i := 0; i < len(s) && len(pieces) < 5; i++ {
		switch {
		case s[i] == ':':
			pieces = append(pieces, s[start:i])
			start = i + 1
		case variables && strings.HasPrefix(s[i:], "${"):
			if n := strings.IndexByte(s[i:], '}'); n > 0 {
				i += n
			}
		}
	}
	return append(pieces, s[start:])
}

// match reports whether the ARN with these parts matches; ok says whether it
// is an ARN at all.
func (p *arnPattern) match(ev *evaluation, arn *[6]string, ok bool) bool {
	if p.everything {
		return true
	}
	if !ok {
		return false
	}
	if p.whole != nil {
		s, resolved := p.whole.expand(ev)
		if !resolved {
			return false
		}
		parts, isARN := splitARN(s)
		if !isARN {
			return false
		}
		for i := range parts {
			if !glob(parts[i], arn[i], &ev.budget) {
				return false
			}
		}
		return true
	}
	// From the end: that is where ARNs differ.
	for i := len(arn) - 1; i >= 0; i-- {
		s, resolved := p.parts[i].expand(ev)
		if !resolved || !glob(s, arn[i], &ev.budget) {
			return false
		}
	}
	return true
}
