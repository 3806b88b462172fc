package policy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// plainStatement is a statement as the slow evaluator below reads it. It shares
// nothing with what the parser compiles.
type plainStatement struct {
	deny         bool
	notPrincipal bool
	principals   []string // "*", accounts, ARNs; nil in an identity policy
	notAction    bool
	actions      []string // with "*" at the end, if at all
	account      string   // that aws:PrincipalAccount must equal, if set
}

func (s *plainStatement) json() string {
	m := map[string]any{"Effect": "Allow", "Action": s.actions}
	if s.deny {
		m["Effect"] = "Deny"
	}
	if s.notAction {
		m["NotAction"] = s.actions
		delete(m, "Action")
	}
	switch {
	case s.principals == nil:
		m["Resource"] = "*"
	case s.notPrincipal:
		m["NotPrincipal"] = map[string]any{"AWS": s.principals}
	default:
		m["Principal"] = map[string]any{"AWS": s.principals}
	}
	if s.account != "" {
		m["Condition"] = map[string]any{"StringEquals": map[string]string{"aws:PrincipalAccount": s.account}}
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (s *plainStatement) matches(who Principal, action string) bool {
	hit := false
	for _, a := range s.actions {
		prefix, open := strings.CutSuffix(a, "*")
		hit = hit || a == action || open && strings.HasPrefix(action, prefix)
	}
	return hit != s.notAction && (s.account == "" || s.account == who.Account)
}

// plainPolicies are one sort of policies, statements alone; nil: there are none.
type plainPolicies []plainStatement

func (p plainPolicies) denies(who Principal, action string, bounded bool) bool {
	for _, s := range p {
		if !s.deny || !s.matches(who, action) {
			continue
		}
		names := namesOf(who)
		listed := func(n string) bool { return slices.Contains(s.principals, n) }
		switch {
		case s.principals == nil:
			return true
		case !s.notPrincipal && (listed("*") || slices.ContainsFunc(names, listed)):
			return true
		case s.notPrincipal && (bounded || len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return !listed(n) })):
			return true
		}
	}
	return false
}

// namesOf are all names under which a caller may be listed: its account, role, user and own.
func namesOf(who Principal) (names []string) {
	for _, n := range []string{who.Account, who.Role, who.User, who.ARN} {
		if n != "" && !strings.HasSuffix(n, ":root") {
			names = append(names, n)
		}
	}
	return names
}

// grants reports whether a statement allows that names one of these (nil: an identity policy's).
func (p plainPolicies) grants(who Principal, action string, names ...string) bool {
	return slices.ContainsFunc(p, func(s plainStatement) bool {
		return !s.deny && s.matches(who, action) && (s.principals == nil && names == nil ||
			slices.ContainsFunc(names, func(n string) bool { return n != "" && slices.Contains(s.principals, n) }))
	})
}

// slowly decides as the tables of the IAM User Guide do, row by row.
func slowly(who Principal, action, owner string, trust bool, i, b, s, r plainPolicies) bool {
	for _, p := range []plainPolicies{i, b, s, r} {
		if p.denies(who, action, b != nil) {
			return false
		}
	}
	root := who.ARN == "arn:aws:iam::"+who.Account+":root"
	may := (root || i.grants(who, action)) && (b == nil || b.grants(who, action)) && (s == nil || s.grants(who, action))
	if who.Account == "" {
		return r.grants(who, action, "*")
	}
	if who.Account != owner {
		return may && r.grants(who, action, "*", who.Account, who.Role, who.User, who.ARN)
	}
	own := who.ARN
	if root {
		own = who.Account
	}
	if r.grants(who, action, "*", own) { // rows 3, 6, 7, 9, 10
		return true
	}
	if r.grants(who, action, who.Role, who.User) && // rows 4, 5, 8
		(b == nil || b.grants(who, action)) && (s == nil || s.grants(who, action)) {
		return true
	}
	if trust { // row 15
		return may && r.grants(who, action, who.Account)
	}
	return may // rows 1, 2, 11, 12
}

// Random policies are decided as the tables have it, whoever asks.
func TestAuthorizeAgreesWithTheTables(t *testing.T) {
	t.Parallel()
	const seed = 5
	random := rand.New(rand.NewPCG(seed, seed))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	callers := []Principal{
		user1, session1, federated1, root1, root2, nobody,
		{Account: "444455556666", ARN: "arn:aws:iam::444455556666:user/ci"},
		{
			Account: "444455556666", ARN: "arn:aws:sts::444455556666:assumed-role/deploy/run-1",
			Role: "arn:aws:iam::444455556666:role/deploy",
		},
		{
			Account: "444455556666", ARN: "arn:aws:sts::444455556666:federated-user/ann",
			User: "arn:aws:iam::444455556666:user/ci",
		},
	}
	var names []string
	for _, c := range callers {
		for _, n := range []string{c.Account, c.ARN, c.Role, c.User} {
			if n != "" && !strings.HasSuffix(n, ":root") && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	action := "ecr:BatchGetImage"
	statement := func(resource, trust bool) (s plainStatement) {
		s.deny = random.IntN(8) == 0
		for range 1 + random.IntN(2) {
			a := pick("ecr:BatchGetImage", "ecr:Batch*", "ecr:*", "*", "ecr:PutImage", "s3:*")
			if trust {
				a = pick("sts:AssumeRole", "sts:*", "sts:AssumeRole*", "sts:TagSession")
			}
			s.actions = append(s.actions, a)
		}
		s.notAction = random.IntN(8) == 0
		if random.IntN(6) == 0 {
			s.account = pick("111122223333", "444455556666")
		}
		if resource {
			s.notPrincipal = s.deny && random.IntN(2) == 0
			for range 1 + random.IntN(3) {
				s.principals = append(s.principals, pick(names...))
			}
			if !s.notPrincipal && random.IntN(8) == 0 {
				s.principals = []string{"*"}
			}
		}
		return s
	}
	write := func(p plainPolicies, kind Kind) []Policy {
		if p == nil {
			return nil
		}
		var texts []string
		for _, s := range p {
			texts = append(texts, s.json())
		}
		return policies(t, kind, "", strings.Join(texts, ","))
	}
	some := func(resource, trust bool, none int) (p plainPolicies) {
		if random.IntN(none) == 0 {
			return nil
		}
		for range 1 + random.IntN(3) {
			p = append(p, statement(resource, trust))
		}
		return p
	}
	allowed := 0
	const rounds = 20_000
	for n := range rounds {
		trust := n%4 == 0
		action = "ecr:BatchGetImage"
		kind := RepositoryPolicy
		if trust {
			action, kind = "sts:AssumeRole", TrustPolicy
		}
		i, b, s, r := some(false, false, 4), some(false, false, 3), some(false, false, 3), some(true, trust, 4)
		if trust && r == nil {
			r = plainPolicies{statement(true, true)}
		}
		by := Policies{Identity: write(i, IdentityPolicy), Session: write(s, IdentityPolicy), Resource: write(r, kind)}
		if b != nil {
			by.Boundary = &write(b, IdentityPolicy)[0]
		}
		who := callers[random.IntN(len(callers))]
		d := Authorize(t.Context(), Request{
			Principal: who, Action: action, Resource: app1, ResourceAccount: "111122223333",
		}, by)
		want := slowly(who, action, "111122223333", trust, i, b, s, r)
		if d.Allowed() != want {
			t.Fatalf("round %d: %s by %s: %v, want allowed %v\nidentity %s\nboundary %s\nsession %s\nresource %s", n, action, &who,
				d.Outcome, want, shown(i), shown(b), shown(s), shown(r))
		}
		if missing := d.MissingIdentity || d.MissingBoundary || d.MissingSession || d.MissingResource; missing !=
			(d.Outcome == ImplicitDeny) {
			t.Fatalf("round %d: %v, and what is missing: %v", n, d.Outcome, missing)
		}
		if want {
			allowed++
		}
	}
	if allowed < rounds/10 || allowed > rounds*9/10 {
		t.Errorf("%d of %d are allowed: the policies are too much alike", allowed, rounds)
	}
}

func shown(p plainPolicies) string {
	if p == nil {
		return "none"
	}
	return fmt.Sprintf("%+v", []plainStatement(p))
}
