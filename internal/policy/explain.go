package policy

import (
	"context"
	"fmt"
	"strings"
)

// String names the statement for a person, for example: statement "DenyProd"
// (number 2) of the repository policy of 111122223333/app.
func (m *Match) String() string {
	return fmt.Sprintf("%s of %s", statementName(m.Sid, m.Number), policyName(m.Policy, m.Identity))
}

func statementName(sid string, number int) string {
	if sid == "" {
		return fmt.Sprintf("statement number %d", number)
	}
	return fmt.Sprintf("statement %s (number %d)", quote(sid), number)
}

func policyName(name string, identity bool) string {
	switch {
	case name != "":
		return name
	case identity:
		return "an identity policy"
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
		missing = append(missing, d.missing(d.resource, false))
	}
	if d.MissingIdentity {
		missing = append(missing, d.missing(d.identity, true))
	}
	if len(missing) == 0 {
		return "The request was not evaluated."
	}
	need := ""
	if len(missing) == 2 {
		need = " Either is enough within one account."
		if req.Principal.Account != req.ResourceAccount {
			need = " Across accounts both are needed."
		}
	}
	return fmt.Sprintf("%s may not do %s: %s.%s", &req.Principal, what, strings.Join(missing, ", and "), need)
}

// missing says which policies of one side allow nothing, and which of their
// statements comes nearest.
func (d *Decision) missing(policies []Policy, identity bool) string {
	var set, unset []string
	for i := range policies {
		p, name := &policies[i], policyName(policies[i].Name, identity)
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
	case identity:
		text = "no identity policy allows it"
	default:
		text = "no resource policy allows it"
	}
	if !identity && d.delegated != nil {
		return fmt.Sprintf("%s (%s names only the account, which leaves the decision to the caller's identity policies)",
			text, d.delegated)
	}
	if near := d.nearest(policies, identity); near != "" {
		text += " (" + near + ")"
	}
	return text
}

// nearest describes the first Allow that fails on one element alone.
func (d *Decision) nearest(policies []Policy, identity bool) string {
	ev := newEvaluation(context.Background(), &d.request)
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
			if fails := ev.failures(s, identity); len(fails) == 1 && !ev.spent {
				return fmt.Sprintf("%s of %s would, but %s", statementName(s.Sid, j+1), policyName(p.Name, identity), fails[0])
			}
		}
	}
	return ""
}

// failures says why a statement does not apply, one sentence for each element.
// It shows no values of conditions.
func (ev *evaluation) failures(s *Statement, identity bool) []string {
	var fails []string
	if s.bond(ev.request, identity) == none {
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
// AccessDeniedException. It says which kind of policy refused but none of its
// contents, so that any caller may read it. To a caller of another account than
// the resource's it is the same whatever the reason, so that it does not tell
// whether the resource, or a policy, is there. It is empty if the request is
// allowed.
func (d Decision) Message() string {
	var because string
	switch {
	case d.Outcome == Allowed:
		return ""
	case d.request.Principal.Account != d.request.ResourceAccount:
		because = fmt.Sprintf("because no resource-based policy allows the %s action", d.request.Action)
	case d.Outcome == Undecided:
		because = "because it takes too much work to find out whether its policies allow it"
	case d.Outcome == ExplicitDeny && d.By.Identity:
		because = "with an explicit deny in an identity-based policy"
	case d.Outcome == ExplicitDeny:
		because = "with an explicit deny in a resource-based policy"
	case d.MissingIdentity:
		because = fmt.Sprintf("because no identity-based policy allows the %s action", d.request.Action)
	default:
		because = fmt.Sprintf("because no resource-based policy allows the %s action", d.request.Action)
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s",
		&d.request.Principal, d.request.Action, d.request.Resource, because)
}
