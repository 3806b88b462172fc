package policy

import (
	"strings"
	"testing"
)

// federated1 is a session that user1 began for somebody else.
var federated1 = Principal{
	Account: "111122223333", ARN: "arn:aws:sts::111122223333:federated-user/ann", User: user1.ARN,
}

// side is what the policies of one sort say in a case.
type side int

const (
	without  side = iota // there is no policy
	silent               // there is one, and it says nothing of the request
	allowing             // there is one that allows it
	denying              // there is one that denies it
)

var sides = [...]string{without: "none", silent: "imp", allowing: "allow", denying: "deny"}

// policies returns those of a side, nil if there is none.
func (s side) policies(t testing.TB, name string) []Policy {
	t.Helper()
	return policies(t, IdentityPolicy, name, [...]string{
		without:  "",
		silent:   `{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}`,
		allowing: `{"Effect": "Allow", "Action": ["ecr:*", "sts:*"], "Resource": "*"}`,
		denying: `{"Effect": "Allow", "Action": "*", "Resource": "*"},
			{"Sid": "No", "Effect": "Deny", "Action": "ecr:BatchGetImage", "Resource": "*"}`,
	}[s])
}

// grantee is a statement that allows a principal what the cases ask. A condition may follow the principal.
func grantee(principal string) string {
	return `{"Sid": "R", "Effect": "Allow", "Action": ["ecr:BatchGetImage", "sts:AssumeRole"], "Principal": ` + principal + `}`
}

const (
	toUser      = `{"AWS": "arn:aws:iam::111122223333:user/ci"}`
	toRole      = `{"AWS": "arn:aws:iam::111122223333:role/deploy"}`
	toSession   = `{"AWS": "arn:aws:sts::111122223333:assumed-role/deploy/run-1"}`
	toFederated = `{"AWS": "arn:aws:sts::111122223333:federated-user/ann"}`
	toAccount   = `{"AWS": "111122223333"}`
	toRootARN   = `{"AWS": "arn:aws:iam::111122223333:root"}`
	toAll       = `"*"`
	toAllIf     = `"*", "Condition": {"ArnEquals": {"aws:PrincipalArn": [
		"arn:aws:iam::111122223333:user/ci", "arn:aws:iam::111122223333:role/deploy",
		"arn:aws:sts::111122223333:federated-user/ann"]}}`
	toElse = `{"AWS": "arn:aws:iam::111122223333:user/else"}`
)

// TestCases are the rows of the IAM User Guide's pages "How AWS enforcement code
// logic evaluates requests to allow or deny access" and "Cross-account policy
// evaluation logic": who asks, whom the resource policy allows, and what the
// identity policies (i), the boundary (b) and the session policies (s) say.
func TestCases(t *testing.T) {
	t.Parallel()
	const own, other = "111122223333", "444455556666"
	type tell struct{ i, b, s side }
	tests := []struct {
		name    string
		who     Principal
		to      string // of the resource policy, empty for none
		account string // of the resource
		tell    []tell
		want    Outcome
	}{
		{"1 user, identity policy within its boundary", user1, "", own,
			[]tell{{allowing, without, without}, {allowing, allowing, without}}, Allowed},
		{"2 user, boundary is silent", user1, "", own, []tell{{allowing, silent, without}}, ImplicitDeny},
		{"3 user named", user1, toUser, own,
			[]tell{{silent, silent, without}, {without, without, without}, {without, silent, without}}, Allowed},
		{"4 role of a session named", session1, toRole, own,
			[]tell{{silent, without, without}, {without, without, without}, {silent, allowing, allowing}}, Allowed},
		{"5 role of a session named, boundary or session policy silent", session1, toRole, own, []tell{
			{allowing, silent, without}, {silent, silent, without}, {without, without, silent}, {allowing, without, silent},
			{allowing, allowing, silent}, {allowing, silent, allowing},
		}, ImplicitDeny},
		{"6 session named", session1, toSession, own, []tell{{silent, silent, silent}, {without, without, without}}, Allowed},
		{"7 federated user named", federated1, toFederated, own, []tell{{silent, silent, silent}}, Allowed},
		{"8 user of a federated one named", federated1, toUser, own,
			[]tell{{allowing, silent, without}, {allowing, without, silent}, {silent, silent, silent}}, ImplicitDeny},
		{"8 user of a federated one named, all else allows", federated1, toUser, own,
			[]tell{{silent, without, allowing}, {silent, allowing, allowing}}, Allowed},
		{"9 everyone on aws:PrincipalArn, user", user1, toAllIf, own, []tell{{silent, silent, without}}, Allowed},
		{"9 everyone on aws:PrincipalArn, session", session1, toAllIf, own, []tell{{silent, silent, silent}}, Allowed},
		{"9 everyone on aws:PrincipalArn, federated", federated1, toAllIf, own, []tell{{silent, silent, silent}}, Allowed},
		// Nobody tried on AWS whether a boundary binds "*"; its pages say so of no other name.
		{"10 everyone, user", user1, toAll, own, []tell{{silent, without, without}, {silent, silent, without}}, Allowed},
		{"10 everyone, session", session1, toAll, own, []tell{{silent, silent, silent}}, Allowed},
		{"11 account", user1, toAccount, own, []tell{{silent, without, without}, {without, allowing, without}}, ImplicitDeny},
		{"11 root", session1, toRootARN, own, []tell{{silent, without, without}, {without, allowing, allowing}}, ImplicitDeny},
		{"11 account, identity policy", user1, toAccount, own,
			[]tell{{allowing, without, without}, {allowing, allowing, without}}, Allowed},
		{"12 session policy silent", session1, "", own,
			[]tell{{allowing, allowing, silent}, {allowing, without, silent}}, ImplicitDeny},
		{"12 session policy allows", session1, "", own,
			[]tell{{allowing, allowing, allowing}, {allowing, without, allowing}}, Allowed},
		{"12 session policy allows alone", session1, "", own, []tell{{silent, without, allowing}}, ImplicitDeny},
		// Keys of GetSessionToken speak for the user itself, so they have no rows of their own.
		{"13 user's temporary keys", user1, toUser, own, []tell{{silent, silent, without}}, Allowed},
		{"14 anonymous, everyone", nobody, toAll, own, []tell{{}}, Allowed},
		{"14 anonymous, account", nobody, toAccount, own, []tell{{}}, ImplicitDeny},

		{"16 user named", user1, toUser, other, []tell{{allowing, without, without}, {allowing, allowing, without}}, Allowed},
		{"16 role named", session1, toRole, other,
			[]tell{{allowing, without, without}, {allowing, allowing, allowing}}, Allowed},
		{"16 session named", session1, toSession, other, []tell{{allowing, allowing, allowing}}, Allowed},
		{"16 account", session1, toAccount, other, []tell{{allowing, allowing, allowing}}, Allowed},
		{"16 everyone", session1, toAll, other, []tell{{allowing, allowing, allowing}}, Allowed},
		{"16 federated user named", federated1, toFederated, other, []tell{{allowing, without, allowing}}, Allowed},
		{"17 user named", user1, toUser, other,
			[]tell{{silent, without, without}, {without, without, without}, {allowing, silent, without}}, ImplicitDeny},
		{"17 session named", session1, toSession, other, []tell{
			{silent, without, without}, {allowing, silent, without}, {allowing, without, silent}, {silent, allowing, allowing},
		}, ImplicitDeny},
		{"17 everyone", session1, toAll, other,
			[]tell{{silent, without, without}, {allowing, silent, without}, {allowing, without, silent}}, ImplicitDeny},
		{"18 nobody", session1, "", other, []tell{{allowing, allowing, allowing}}, ImplicitDeny},
		{"18 someone else", user1, toElse, other, []tell{{allowing, without, without}}, ImplicitDeny},
		// Row 19 is about service control policies, which there are none of.
	}
	for _, tt := range tests {
		for _, tell := range tt.tell {
			t.Run(tt.name+", "+sides[tell.i]+"/"+sides[tell.b]+"/"+sides[tell.s], func(t *testing.T) {
				by := Policies{Identity: tell.i.policies(t, ""), Session: tell.s.policies(t, "")}
				if b := tell.b.policies(t, ""); b != nil {
					by.Boundary = &b[0]
				}
				if tt.to != "" {
					by.Resource = policies(t, RepositoryPolicy, "", grantee(tt.to))
				}
				req := Request{Principal: tt.who, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: tt.account}
				d := Authorize(t.Context(), req, by)
				if d.Outcome != tt.want {
					t.Fatalf("%v, want %v: %s", d.Outcome, tt.want, d.Reason())
				}
				// A Deny in any of them beats every row.
				deny := denying.policies(t, "")
				for i, p := range []Policies{
					{Identity: append(deny, by.Identity...), Boundary: by.Boundary, Session: by.Session, Resource: by.Resource},
					{Identity: by.Identity, Boundary: &deny[0], Session: by.Session, Resource: by.Resource},
					{Identity: by.Identity, Boundary: by.Boundary, Session: append(deny, by.Session...), Resource: by.Resource},
					{Identity: by.Identity, Boundary: by.Boundary, Session: by.Session, Resource: append(by.Resource,
						policies(t, RepositoryPolicy, "", denyAll)...)},
				} {
					want := []Sort{Identity, Boundary, Session, Resource}[i]
					if d := Authorize(t.Context(), req, p); d.Outcome != ExplicitDeny || d.By.Sort != want {
						t.Errorf("with a Deny of sort %d: %v", want, d.Outcome)
					}
				}
			})
		}
	}
}

// Row 15: who may assume a role. Its trust policy decides in any case.
func TestTrust(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::111122223333:role/target"
	other := Principal{Account: "444455556666", ARN: "arn:aws:iam::444455556666:user/ci"}
	const toOther, toOtherAccount = `{"AWS": "arn:aws:iam::444455556666:user/ci"}`, `{"AWS": "444455556666"}`
	tests := []struct {
		name    string
		who     Principal
		to      string
		i, b, s side
		want    Outcome
		because string
	}{
		{"15 user named", user1, toUser, without, without, without, Allowed, ""},
		{"15 user named, boundary", user1, toUser, without, silent, without, Allowed, ""},
		{"15 account, identity policy", user1, toAccount, allowing, without, without, Allowed, ""},
		{"15 account", user1, toAccount, silent, without, without, ImplicitDeny,
			"because no identity-based policy allows the sts:AssumeRole action"},
		{"15 account, boundary", user1, toAccount, allowing, silent, without, ImplicitDeny,
			"because no permissions boundary allows the sts:AssumeRole action"},
		{"15 silent", user1, toElse, allowing, without, without, ImplicitDeny,
			"because no role trust policy allows the sts:AssumeRole action"},
		{"15 silent, nothing else allows", user1, toElse, without, silent, without, ImplicitDeny,
			"because no role trust policy allows the sts:AssumeRole action"},
		{"15 silent, root", root1, toElse, without, without, without, ImplicitDeny,
			"because no role trust policy allows the sts:AssumeRole action"},
		{"15 root", root1, toAccount, without, without, without, Allowed, ""},
		{"15 role named", session1, toRole, without, allowing, allowing, Allowed, ""},
		{"15 role named, session policy", session1, toRole, allowing, allowing, silent, ImplicitDeny,
			"because no session policy allows the sts:AssumeRole action"},
		{"15 a role trusts itself only if it says so", session1, toUser, allowing, without, without, ImplicitDeny,
			"because no role trust policy allows the sts:AssumeRole action"},
		{"15 denied", user1, toUser + `}, {"Effect": "Deny", "Action": "sts:*", "Principal": "*"`, allowing, without, without,
			ExplicitDeny, "with an explicit deny in the role trust policy"},
		{"15 across accounts, named", other, toOther, without, without, without, ImplicitDeny,
			"because no resource-based policy allows the sts:AssumeRole action"},
		{"15 across accounts, both", other, toOther, allowing, without, without, Allowed, ""},
		{"15 across accounts, account", other, toOtherAccount, allowing, without, without, Allowed, ""},
		{"15 across accounts, silent", other, toUser, allowing, without, without, ImplicitDeny,
			"because no resource-based policy allows the sts:AssumeRole action"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			by := Policies{Identity: tt.i.policies(t, ""), Session: tt.s.policies(t, "")}
			if b := tt.b.policies(t, ""); b != nil {
				by.Boundary = &b[0]
			}
			by.Resource = policies(t, TrustPolicy, "", strings.Replace(grantee(tt.to), `"ecr:BatchGetImage", `, "", 1))
			d := Authorize(t.Context(), Request{
				Principal: tt.who, Action: "sts:AssumeRole", Resource: role, ResourceAccount: "111122223333",
			}, by)
			if d.Outcome != tt.want {
				t.Fatalf("%v, want %v: %s", d.Outcome, tt.want, d.Reason())
			}
			want := ""
			if tt.because != "" {
				want = "User: " + tt.who.ARN + " is not authorized to perform: sts:AssumeRole on resource: " + role + " " +
					tt.because
			}
			if d.Message() != want {
				t.Errorf("message %q, want %q", d.Message(), want)
			}
		})
	}
}

// Several session policies are a union, and so are those of an identity.
func TestSessionPoliciesAreAUnion(t *testing.T) {
	t.Parallel()
	d := Authorize(t.Context(), Request{
		Principal: session1, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: "111122223333",
	}, Policies{
		Identity: append(silent.policies(t, ""), allowing.policies(t, "")...),
		Session:  append(silent.policies(t, ""), allowing.policies(t, "")...),
	})
	if !d.Allowed() {
		t.Error(d.Reason())
	}
}

// What bounds a caller bounds nothing away where it is empty: it allows nothing.
func TestEmptyBoundsAllowNothing(t *testing.T) {
	t.Parallel()
	for _, by := range []Policies{{Boundary: &Policy{Name: "gone"}}, {Session: []Policy{}}} {
		by.Identity = allowing.policies(t, "")
		for _, who := range []Principal{user1, root1} {
			req := Request{Principal: who, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: "111122223333"}
			if d := Authorize(t.Context(), req, by); d.Allowed() {
				t.Errorf("%s is allowed", &who)
			} else if d.Reason() == "" || d.MissingBoundary != (by.Boundary != nil) || d.MissingSession != (by.Session != nil) {
				t.Errorf("%s: %s", &who, d.Reason())
			}
		}
	}
}

// A Deny of others reaches whoever has a boundary, listed or not.
func TestNotPrincipalDeniesWhoHasABoundary(t *testing.T) {
	t.Parallel()
	boundary := allowing.policies(t, "")[0]
	for _, b := range []*Policy{nil, &boundary} {
		d := Authorize(t.Context(), Request{
			Principal: user1, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: "111122223333",
		}, Policies{
			Identity: allowing.policies(t, ""), Boundary: b, Resource: policies(t, RepositoryPolicy, "", denyOthers),
		})
		if d.Allowed() != (b == nil) {
			t.Errorf("with a boundary %v: %v", b != nil, d.Outcome)
		}
	}
	// An Allow to others is no Allow to everyone: the boundary counts.
	silence := silent.policies(t, "")[0]
	d := Authorize(t.Context(), Request{
		Principal: user1, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: "111122223333",
	}, Policies{Boundary: &silence, Resource: policies(t, RepositoryPolicy, "", allowOthers)})
	if d.Outcome != ImplicitDeny || !d.MissingBoundary || d.MissingIdentity {
		t.Errorf("%v: %s", d.Outcome, d.Reason())
	}
}

func TestReasonNamesEverySort(t *testing.T) {
	t.Parallel()
	const who = "arn:aws:sts::111122223333:assumed-role/deploy/run-1 may not do ecr:BatchGetImage on " + app1 + ": "
	tests := []struct {
		name            string
		to              string
		account         string
		i, b, s         side
		reason, because string
	}{
		{"boundary", "", "111122223333", allowing, silent, without,
			who + "no statement of the boundary allows it (statement number 1 of the boundary would, but its Action does not " +
				"include ecr:BatchGetImage).",
			"because no permissions boundary allows the ecr:BatchGetImage action"},
		{"session", "", "111122223333", allowing, allowing, silent,
			who + "no statement of the session's policy allows it (statement number 1 of the session's policy would, but its " +
				"Action does not include ecr:BatchGetImage).",
			"because no session policy allows the ecr:BatchGetImage action"},
		{"both", toRole, "111122223333", without, silent, silent,
			who + "no statement of the boundary allows it (statement number 1 of the boundary would, but its Action does not " +
				"include ecr:BatchGetImage), and no statement of the session's policy allows it (statement number 1 of the " +
				"session's policy would, but its Action does not include ecr:BatchGetImage). All of them are needed.",
			"because no permissions boundary allows the ecr:BatchGetImage action"},
		{"all", "", "111122223333", without, silent, without,
			who + "no resource policy allows it, and no identity policy allows it, and no statement of the boundary allows it " +
				"(statement number 1 of the boundary would, but its Action does not include ecr:BatchGetImage). Within one " +
				"account either of the first two is enough; what else is named here must allow it, too.",
			"because no identity-based policy allows the ecr:BatchGetImage action"},
		{"across accounts", "", "444455556666", without, without, silent,
			who + "no resource policy allows it, and no identity policy allows it, and no statement of the session's policy " +
				"allows it (statement number 1 of the session's policy would, but its Action does not include " +
				"ecr:BatchGetImage). Across accounts all of them are needed.",
			"because no resource-based policy allows the ecr:BatchGetImage action"},
		{"boundary denies", "", "111122223333", allowing, denying, without,
			who + `statement "No" (number 2) of the boundary denies it, and a Deny overrides every Allow.`,
			"with an explicit deny in a permissions boundary"},
		{"session denies", "", "111122223333", allowing, without, denying,
			who + `statement "No" (number 2) of the session's policy denies it, and a Deny overrides every Allow.`,
			"with an explicit deny in a session policy"},
	}
	for _, tt := range tests {
		by := Policies{Identity: tt.i.policies(t, "the identity policy"), Session: tt.s.policies(t, "the session's policy")}
		if b := tt.b.policies(t, "the boundary"); b != nil {
			by.Boundary = &b[0]
		}
		if tt.to != "" {
			by.Resource = policies(t, RepositoryPolicy, "", grantee(tt.to))
		}
		d := Authorize(t.Context(), Request{
			Principal: session1, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: tt.account,
		}, by)
		if d.Reason() != tt.reason {
			t.Errorf("%s: reason\n got %s\nwant %s", tt.name, d.Reason(), tt.reason)
		}
		if want := "User: " + session1.ARN + " is not authorized to perform: ecr:BatchGetImage on resource: " + app1 + " " +
			tt.because; d.Message() != want {
			t.Errorf("%s: message\n got %s\nwant %s", tt.name, d.Message(), want)
		}
	}
}
