package policy

import (
	"cmp"
	"context"
)

// Outcome is the result of an evaluation.
type Outcome int

const (
	// ImplicitDeny: nothing denies the request, but not everything that must
	// allow it does.
	ImplicitDeny Outcome = iota
	// ExplicitDeny: a statement denies the request, which no other can undo.
	ExplicitDeny
	Allowed
	// Undecided refuses: the policies are more work than one request may cause,
	// or the request ended meanwhile.
	Undecided
)

func (o Outcome) String() string {
	switch o {
	case Allowed:
		return "allowed"
	case ExplicitDeny:
		return "explicit deny"
	case Undecided:
		return "undecided"
	default:
		return "implicit deny"
	}
}

// Match is a statement that applies to a request.
type Match struct {
	Policy string // the policy's name
	Sid    string // empty if the statement has none
	Number int    // of the statement in its policy, from 1
	Effect Effect
	// Identity tells an identity policy from a resource policy.
	Identity bool
}

// Decision is the answer to a Request. Its zero value refuses.
type Decision struct {
	Outcome Outcome
	// By is the statement that decided; across accounts, where both sides must
	// allow, the resource policy's. It is nil for an implicit deny and for the
	// root of the account that owns the resource, which needs no statement.
	By *Match
	// MissingIdentity and MissingResource say, for an implicit deny, on which
	// side no statement allows the request. Within one account either would
	// be enough; across accounts what is missing is needed.
	MissingIdentity bool
	MissingResource bool

	request            Request
	identity, resource []Policy
	delegated          *Match // an Allow that only names the caller's own account
}

// Allowed reports whether the request may proceed.
func (d Decision) Allowed() bool { return d.Outcome == Allowed }

// evaluation is the work on one request. It is kept on the stack.
type evaluation struct {
	budget
	request *Request
}

func newEvaluation(ctx context.Context, req *Request) evaluation {
	return evaluation{newBudget(ctx), req}
}

// Policies are those that decide on a request.
type Policies struct {
	Identity []Policy // the caller's
	Resource []Policy // of the resource
}

// Authorize decides a request on the policies of the caller and those of the
// resource, as the IAM User Guide's "Policy evaluation logic" describes:
//
//   - A Deny that applies, in any of them, is final.
//   - In the account that owns the resource, an Allow on either side is enough.
//     A resource policy that names only the account, though, leaves the
//     decision to the identity policies.
//   - Across accounts both sides must allow.
//   - A root needs no identity policy. A service has none and an anonymous
//     caller has none: the resource policy decides alone.
//
// The work is bounded, and ends with ctx: then the request is refused as Undecided.
func Authorize(ctx context.Context, req Request, by Policies) Decision {
	identity, resource := by.Identity, by.Resource
	d := Decision{request: req, identity: identity, resource: resource}
	who := &req.Principal
	alone := who.Service != "" || who.anonymous()
	own := who.Account != "" && who.Account == req.ResourceAccount
	root := who.IsRoot()

	ev := newEvaluation(ctx, &req)
	i := ev.read(identity, true)
	r := ev.read(resource, false)
	if deny := cmp.Or(i.deny, r.deny); deny != nil {
		d.Outcome, d.By = ExplicitDeny, deny
		return d
	}
	if ev.spent {
		d.Outcome = Undecided
		return d
	}
	allow := r.named
	if own {
		d.delegated = r.delegated
	} else if allow == nil {
		allow = r.delegated
	}
	switch {
	case own && root:
		d.Outcome = Allowed
	case own && i.named != nil:
		d.Outcome, d.By = Allowed, i.named
	case allow != nil && (own || alone || root || i.named != nil):
		d.Outcome, d.By = Allowed, allow
	default:
		d.MissingIdentity = i.named == nil && !root && !alone
		d.MissingResource = allow == nil
	}
	return d
}

// verdict is what the policies of one side say: the first statement of each sort.
type verdict struct {
	deny      *Match
	named     *Match // allows the caller itself, or everyone
	delegated *Match // allows the caller's account
}

// read evaluates the policies of one side. It stops at the first Deny.
func (ev *evaluation) read(policies []Policy, identity bool) (v verdict) {
	for i := range policies {
		p := &policies[i]
		if !p.decides(ev.request.Action) {
			continue
		}
		for j := range p.Document.Statements {
			s := &p.Document.Statements[j]
			if s.Effect == Allow && v.named != nil {
				continue
			}
			b := ev.applies(s, identity)
			if b == none || s.Effect == Allow && b == delegated && v.delegated != nil {
				continue
			}
			m := &Match{Policy: p.Name, Sid: s.Sid, Number: j + 1, Effect: s.Effect, Identity: identity}
			switch {
			case s.Effect == Deny:
				v.deny = m
				return v
			case b == named:
				v.named = m
			default:
				v.delegated = m
			}
		}
	}
	return v
}

// applies reports how a statement applies to the request, if it does.
func (ev *evaluation) applies(s *Statement, identity bool) bond {
	if !ev.spend(1) || !s.actions.cover(ev.request.Action, &ev.budget) {
		return none
	}
	b := s.bond(ev.request, identity)
	if b == none || !s.resources.cover(ev) {
		return none
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(ev) {
			return none
		}
	}
	return b
}

// bond says how a statement of that side covers the caller. One without
// principals speaks only for the identity that it is attached to.
func (s *Statement) bond(req *Request, identity bool) bond {
	if s.principals != nil {
		return s.principals.cover(&req.Principal, s.Effect)
	}
	if identity {
		return named
	}
	return none
}
