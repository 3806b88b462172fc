package policy

import (
	"errors"
	"strings"
)

// resources is a statement's Resource or NotResource element. Without
// patterns it stands for whatever the policy is attached to.
type resources struct {
	patterns []*arnPattern
	negated  bool
}

func newResource(s string, variables bool) (*arnPattern, error) {
	p, err := newARNPattern(s, variables)
	if err != nil || p.everything || p.whole != nil {
		return p, err
	}
	if service := p.parts[2].text; service == "" || strings.IndexByte(service, star) >= 0 || strings.IndexByte(service, one) >= 0 {
		return nil, errors.New("the third part of a resource's ARN must name a service in full, for example ecr")
	}
	return p, nil
}

func (r *resources) cover(ev *evaluation) bool {
	if r.patterns == nil {
		return true
	}
	if !ev.split {
		ev.arn, ev.isARN = splitARN(ev.request.Resource)
		ev.split = true
	}
	for _, p := range r.patterns {
		if p.match(ev, &ev.arn, ev.isARN) {
			return !r.negated
		}
	}
	return r.negated
}
