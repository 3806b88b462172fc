package policy

import (
	"context"
	"fmt"
	"strings"
)

// String names the statement for a person, for example: statement "DenyProd"
// (number 2) of the repository policy of 111122223333/app.
func (m *Match) String() string {
	return fmt.Sprintf("%s of %s", statementName(m.Sid, m.Number), policyName(m.Policy, m.Sort))
}

func statementName(sid string, number int) string {
	if sid == "" {
		return fmt.Sprintf("statement number %d", number)
	}
	return fmt.Sprintf("statement %s (number %d)", quote(sid), number)
}

func policyName(name string, sort Sort) string {
	if name != "" {
		return name
	}
	switch sort {
	case Identity:
		return "an identity policy"
	case Boundary:
		return "the permissions boundary"
	case Session:
		return "a session policy"
	case Trust:
		return "the role's trust policy"
	}
	return "a resource policy"
}

func (p *Principal) String() string {
	switch {
	case p.Service != "":
		return p.Service
	case p.ARN != "":
		return p.ARN
	case p.Account != "":
		return "account " + p.Account
	}
	return "an anonymous caller"
}

// Reason explains the decision to a person: which statement of which policy
// decided, or which is missing and where. It names policies and Sids, so it is
// for those who may read the policies; Message is for everyone.
func (d Decision) Reason() string {
	req := &d.request
	what := fmt.Sprintf("%s on %s", req.Action, req.Resource)
	switch d.Outcome {
	case Allowed:
		if d.By == nil {
			return fmt.Sprintf("%s may do %s: it is the root of the account that owns the resource, and no policy denies it.",
				&req.Principal, what)
		}
		return fmt.Sprintf("%s may do %s: %s allows it.", &req.Principal, what, d.By)
	case Undecided:
		return fmt.Sprintf("%s may not do %s: it takes too much work to find out whether its policies allow it. "+
			"Make their patterns simpler: fewer of them, and with fewer wildcards and variables.", &req.Principal, what)
	case ExplicitDeny:
		return fmt.Sprintf("%s may not do %s: %s denies it, and a Deny overrides every Allow.", &req.Principal, what, d.By)
	}
	var missing []string
	if d.MissingResource {
		missing = append(missing, d.missing(d.policies.Resource, Resource))
	}
	if d.MissingIdentity {
		missing = append(missing, d.missing(d.policies.Identity, Identity))
	}
	if d.MissingBoundary {
		missing = append(missing, d.missing([]Policy{*d.policies.Boundary}, Boundary))
	}
	if d.MissingSession {
		missing = append(missing, d.missing(d.policies.Session, Session))
	}
	if len(missing) == 0 {
		return "The request was not evaluated."
	}
	return fmt.Sprintf("%s may not do %s: %s.%s", &req.Principal, what, strings.Join(missing, ", and "),
		d.need(len(missing)))
}

// need says how many of the missing sorts of policies must allow the request.
func (d *Decision) need(missing int) string {
	own := d.request.Principal.Account == d.request.ResourceAccount
	switch {
	case missing < 2:
		return ""
	case own && d.MissingIdentity && d.MissingResource && missing == 2:
		return " Either is enough within one account."
	case own && d.MissingIdentity && d.MissingResource:
		return " Within one account either of the first two is enough; what else is named here must allow it, too."
	case own:
		return " All of them are needed."
	case missing == 2:
		return " Across accounts both are needed."
	}
	return " Across accounts all of them are needed."
}

// missing says which policies of one sort allow nothing, and which of their
// statements comes nearest.
func (d *Decision) missing(policies []Policy, sort Sort) string {
	var set, unset []string
	for i := range policies {
		p, name := &policies[i], policyName(policies[i].Name, policies[i].sort(sort))
		switch {
		case p.Document == nil:
			unset = append(unset, name+" is not set")
		case !p.decides(d.request.Action):
			unset = append(unset, name+" does not decide on "+d.request.Action+" in its scope")
		default:
			set = append(set, name)
		}
	}
	var text string
	switch {
	case len(set) > 0:
		text = strings.Join(append(unset, "no statement of "+strings.Join(set, " or ")+" allows it"), ", and ")
	case len(unset) > 0:
		text = strings.Join(unset, ", and ")
	default:
		text = "no " + [...]string{
			Resource: "resource policy", Identity: "identity policy", Session: "session policy",
		}[sort] + " allows it"
	}
	if sort == Resource && d.delegated != nil {
		return fmt.Sprintf("%s (%s names only the account, which leaves the decision to the caller's identity policies)",
			text, d.delegated)
	}
	if near := d.nearest(policies, sort); near != "" {
		text += " (" + near + ")"
	}
	return text
}

// nearest describes the first Allow that fails on one element alone.
func (d *Decision) nearest(policies []Policy, sort Sort) string {
	ev := newEvaluation(context.Background(), &d.request, &d.policies)
	for i := range policies {
		p := &policies[i]
		if !p.decides(d.request.Action) {
			continue
		}
		for j := range p.Document.Statements {
			s := &p.Document.Statements[j]
			if s.Effect != Allow {
				continue
			}
			if fails := ev.failures(s, sort); len(fails) == 1 && !ev.spent {
				return fmt.Sprintf("%s of %s would, but %s", statementName(s.Sid, j+1), policyName(p.Name, p.sort(sort)),
					fails[0])
			}
		}
	}
	return ""
}

// failures says why a statement does not apply, one sentence for each element.
// It shows no values of conditions.
func (ev *evaluation) failures(s *Statement, sort Sort) []string {
	var fails []string
	if ev.bond(s, sort) == none {
		fails = append(fails, fmt.Sprintf("its %s does not include %s", element("Principal", s.principals != nil &&
			s.principals.negated), &ev.request.Principal))
	}
	if !s.actions.cover(ev.request.Action, &ev.budget) {
		fails = append(fails, fmt.Sprintf("its %s does not include %s", element("Action", s.actions.negated),
			ev.request.Action))
	}
	if !s.resources.cover(ev) {
		fails = append(fails, fmt.Sprintf("its %s does not include %s", element("Resource", s.resources.negated),
			ev.request.Resource))
	}
	for i := range s.conditions {
		if c := &s.conditions[i]; !c.holds(ev) {
			fails = append(fails, fmt.Sprintf("its Condition %s on %s does not hold", c.name, c.key.name))
		}
	}
	return fails
}

func element(name string, negated bool) string {
	if negated {
		return "Not" + name
	}
	return name
}

// Message is the refusal as AWS words it, for the message of an
// AccessDeniedException ("Troubleshoot access denied error messages" in the IAM
// user guide). It says which sort of policy refused, of several the first in AWS's
// order, but none of its contents, so that any caller may read it. To a caller of
// another account than the resource's it is the same whatever the reason, so that
// it does not tell whether the resource, or a policy, is there. It is empty if the
// request is allowed.
func (d Decision) Message() string {
	if d.Outcome == Allowed {
		return ""
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s",
		&d.request.Principal, d.request.Action, d.request.Resource, d.because())
}

func (d *Decision) because() string {
	missing := "resource-based policy"
	switch {
	case d.request.Principal.Account != d.request.ResourceAccount:
	case d.Outcome == Undecided:
		return "because it takes too much work to find out whether its policies allow it"
	case d.Outcome == ExplicitDeny:
		return "with an explicit deny in " + [...]string{
			Resource: "a resource-based policy", Trust: "the role trust policy", Identity: "an identity-based policy",
			Boundary: "a permissions boundary", Session: "a session policy",
		}[d.By.Sort]
	case d.MissingIdentity:
		missing = "identity-based policy"
	case d.MissingBoundary:
		missing = "permissions boundary"
	case d.MissingSession:
		missing = "session policy"
	case d.MissingResource && d.policies.trust():
		missing = "role trust policy"
	}
	return fmt.Sprintf("because no %s allows the %s action", missing, d.request.Action)
}
