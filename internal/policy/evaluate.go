package policy

import (
	"cmp"
	"context"
	"slices"
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
	Sort   Sort // of the policy
}

// Sort is what a policy is to a request.
type Sort int

const (
	// Resource policies are attached to what the request is about.
	Resource Sort = iota
	// Trust policies are those of roles: resource policies without which nobody
	// may assume the role, whatever else allows it.
	Trust
	// Identity policies are the caller's own, or its groups', or its role's.
	Identity
	// Boundary is the caller's permissions boundary.
	Boundary
	// Session policies came with the request that began the session.
	Session
)

// Decision is the answer to a Request. Its zero value refuses.
type Decision struct {
	Outcome Outcome
	// By is the statement that decided; across accounts, where both sides must
	// allow, the resource policy's. It is nil for an implicit deny and for the
	// root of the account that owns the resource, which needs no statement.
	By *Match
	// MissingIdentity, MissingBoundary, MissingSession and MissingResource say,
	// for an implicit deny, which sorts of policies do not allow the request and
	// would have to. Within one account, of the identity's policies and the
	// resource's either would be enough; all else that is missing is needed.
	MissingIdentity bool
	MissingBoundary bool
	MissingSession  bool
	MissingResource bool

	request   Request
	policies  Policies
	delegated *Match // an Allow that only names the caller's own account
}

// Allowed reports whether the request may proceed.
func (d Decision) Allowed() bool { return d.Outcome == Allowed }

// Policies are those that decide on a request.
type Policies struct {
	// Identity are the caller's.
	Identity []Policy
	// Boundary is the caller's permissions boundary; nil if it has none.
	Boundary *Policy
	// Session are those of the caller's session, of which one that allows is
	// enough; nil if it has none.
	Session []Policy
	// Resource are those of the resource, among them a role's trust policy.
	Resource []Policy
}

// trust reports whether the resource is a role with a trust policy.
func (p *Policies) trust() bool {
	return slices.ContainsFunc(p.Resource, func(p Policy) bool { return p.sort(Resource) == Trust })
}

// sort is what the policy is to a request, given among those of that sort.
func (p *Policy) sort(among Sort) Sort {
	if among == Resource && p.Document != nil && p.Document.Kind == TrustPolicy {
		return Trust
	}
	return among
}

// evaluation is the work on one request. It is kept on the stack.
type evaluation struct {
	budget
	request *Request
	bounded bool // the caller has a permissions boundary
}

func newEvaluation(ctx context.Context, req *Request, by *Policies) evaluation {
	return evaluation{newBudget(ctx), req, by.Boundary != nil}
}

// Authorize decides a request on all policies that are about it, as the IAM User
// Guide's "Policy evaluation logic" describes:
//
//   - A Deny that applies, in any of them, is final.
//   - What identity policies allow counts only within the permissions boundary
//     and the session policies.
//   - In the account that owns the resource, an Allow of the identity policies or
//     of the resource policy is enough. Whom the latter names says how far it
//     goes: if the caller itself or everyone, nothing else is needed; if the role
//     behind a session, or the user behind a federated one, the boundary and the
//     session policies must allow, too; if only the account, the decision is left
//     to the identity policies.
//   - Across accounts both sides must allow, and the boundary and the session
//     policies, too.
//   - A role's trust policy must allow in any case.
//   - A root needs no identity policy. A service has none and an anonymous
//     caller has none: the resource policy decides alone.
//
// The work is bounded, and ends with ctx: then the request is refused as Undecided.
func Authorize(ctx context.Context, req Request, by Policies) Decision {
	d := Decision{request: req, policies: by}
	ev := newEvaluation(ctx, &req, &by)
	var v verdicts
	ev.read(by.Identity, Identity, &v.identity)
	if by.Boundary != nil {
		ev.readPolicy(by.Boundary, Boundary, &v.boundary)
	}
	ev.read(by.Session, Session, &v.session)
	ev.read(by.Resource, Resource, &v.resource)
	if deny := cmp.Or(v.identity.deny, v.boundary.deny, v.session.deny, v.resource.deny); deny.found() {
		d.Outcome, d.By = ExplicitDeny, deny.match()
		return d
	}
	if ev.spent {
		d.Outcome = Undecided
		return d
	}
	if by, ok := d.grant(&v); ok {
		d.Outcome = Allowed
		d.By = by.match()
	}
	return d
}

// grant decides where nothing denies: it returns the statement that allows the
// request, if it is allowed and a statement does it, or says what is missing.
func (d *Decision) grant(v *verdicts) (by place, allowed bool) {
	who, all := &d.request.Principal, &d.policies
	own := who.Account != "" && who.Account == d.request.ResourceAccount
	alone := who.Service != "" || who.anonymous()
	trust := all.trust()

	bounded := all.Boundary != nil && !v.boundary.allow[named].found()
	confined := all.Session != nil && !v.session.allow[named].found()
	within := !bounded && !confined
	identity := who.IsRoot() || v.identity.allow[named].found()
	caller, role, account := v.resource.allow[named], v.resource.allow[limited], v.resource.allow[delegated]
	resource := cmp.Or(caller, role, account)

	switch {
	case alone:
		by, allowed = resource, resource.found()
	case !own:
		by, allowed = resource, resource.found() && identity && within
	case identity && within && !trust:
		by, allowed = v.identity.allow[named], true
	case caller.found():
		by, allowed = caller, true
	case role.found():
		by, allowed = role, within
	case trust:
		by, allowed = account, account.found() && identity && within
	}
	if allowed {
		return by, true
	}

	d.MissingBoundary, d.MissingSession = bounded && !alone, confined && !alone
	switch {
	case alone:
		d.MissingResource = true
	case !own:
		d.MissingIdentity, d.MissingResource = !identity, !resource.found()
	case role.found(), identity && !trust:
	case !trust:
		d.MissingIdentity, d.MissingResource = true, true
	case account.found():
		d.MissingIdentity = !identity
	default: // whatever else is missing, the trust policy comes first
		d.MissingResource, d.MissingBoundary, d.MissingSession = true, false, false
	}
	if own {
		d.delegated = account.match()
	}
	return place{}, false
}

// verdicts are what the policies of each sort say.
type verdicts struct{ identity, boundary, session, resource verdict }

// verdict is what the policies of one sort say: the first statement of each kind.
type verdict struct {
	deny  place
	allow [named + 1]place // by how they cover the caller
}

// place is where a statement stands.
type place struct {
	policy *Policy
	number int // from 1; 0 if there is no statement
	sort   Sort
}

func (p place) found() bool { return p.number > 0 }

// match describes the statement; nil if there is none.
func (p place) match() *Match {
	if !p.found() {
		return nil
	}
	s := &p.policy.Document.Statements[p.number-1]
	return &Match{Policy: p.policy.Name, Sid: s.Sid, Number: p.number, Effect: s.Effect, Sort: p.policy.sort(p.sort)}
}

// read evaluates the policies of one sort. It stops at the first Deny.
func (ev *evaluation) read(policies []Policy, sort Sort, v *verdict) {
	for i := range policies {
		if ev.readPolicy(&policies[i], sort, v); v.deny.found() {
			return
		}
	}
}

func (ev *evaluation) readPolicy(p *Policy, sort Sort, v *verdict) {
	if !p.decides(ev.request.Action) {
		return
	}
	for i := range p.Document.Statements {
		s := &p.Document.Statements[i]
		if s.Effect == Allow && v.allow[named].found() {
			continue
		}
		b := ev.applies(s, sort)
		at := place{p, i + 1, sort}
		switch {
		case b == none:
		case s.Effect == Deny:
			v.deny = at
			return
		case !v.allow[b].found():
			v.allow[b] = at
		}
	}
}

// applies reports how a statement applies to the request, if it does.
func (ev *evaluation) applies(s *Statement, sort Sort) bond {
	if !ev.spend(1) || !s.actions.cover(ev.request.Action, &ev.budget) {
		return none
	}
	b := ev.bond(s, sort)
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

// bond says how a statement of a policy of that sort covers the caller. One
// without principals speaks only for the identity that it is attached to.
func (ev *evaluation) bond(s *Statement, sort Sort) bond {
	if s.principals != nil {
		return s.principals.cover(&ev.request.Principal, s.Effect, ev.bounded)
	}
	if sort == Resource {
		return none
	}
	return named
}
