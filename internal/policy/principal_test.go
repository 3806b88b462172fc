package policy

import (
	"strings"
	"testing"
)

var (
	root1    = Principal{Account: "111122223333", ARN: "arn:aws:iam::111122223333:root"}
	user1    = Principal{Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/ci"}
	session1 = Principal{
		Account: "111122223333", ARN: "arn:aws:sts::111122223333:assumed-role/deploy/run-1",
		Role: "arn:aws:iam::111122223333:role/deploy",
	}
	root2  = Principal{Account: "444455556666", ARN: "arn:aws:iam::444455556666:root"}
	build  = Principal{Service: "codebuild.amazonaws.com"}
	nobody = Principal{}
)

func TestPrincipals(t *testing.T) {
	everyone := []Principal{root1, user1, session1, root2, build, nobody}
	names := []string{"root1", "user1", "session1", "root2", "build", "nobody"}
	tests := []struct {
		json string
		want [6]bond // of everyone
	}{
		{`"*"`, [6]bond{named, named, named, named, named, named}},
		{`{"AWS": "*"}`, [6]bond{named, named, named, named, named, named}},
		{`{"AWS": "111122223333"}`, [6]bond{named, delegated, delegated, none, none, none}},
		{`{"AWS": ["999999999999", "arn:aws:iam::111122223333:root"]}`, [6]bond{
			named, delegated, delegated, none, none, none,
		}},
		{`{"AWS": "arn:aws:iam::111122223333:user/ci"}`, [6]bond{none, named, none, none, none, none}},
		{`{"AWS": "arn:aws:iam::111122223333:user/CI"}`, [6]bond{}},
		{`{"AWS": "arn:aws:iam::111122223333:role/deploy"}`, [6]bond{none, none, limited, none, none, none}},
		{`{"AWS": "arn:aws:sts::111122223333:assumed-role/deploy/run-1"}`, [6]bond{none, none, named, none, none, none}},
		{`{"AWS": "arn:aws:sts::111122223333:assumed-role/deploy/run-2"}`, [6]bond{}},
		{`{"Service": "codebuild.amazonaws.com"}`, [6]bond{none, none, none, none, named, none}},
		{`{"Service": ["x.amazonaws.com", "codebuild.amazonaws.com"], "AWS": ["444455556666"]}`, [6]bond{
			none, none, none, named, named, none,
		}},
	}
	for _, tt := range tests {
		doc := mustParse(t, `{"Statement": {"Effect": "Allow", "Action": "*", "Principal": `+tt.json+`}}`, RepositoryPolicy)
		for i := range everyone {
			if got := doc.Statements[0].principals.cover(&everyone[i], Allow, false); got != tt.want[i] {
				t.Errorf("%s covers %s: %v, want %v", tt.json, names[i], got, tt.want[i])
			}
		}
	}

	others := []struct {
		json        string
		allow, deny [6]bond
	}{
		{`"*"`, [6]bond{}, [6]bond{}},
		{`{"AWS": "111122223333"}`,
			[6]bond{none, none, none, limited, limited, none},
			[6]bond{none, named, named, named, named, named}},
		{`{"AWS": "arn:aws:iam::111122223333:user/ci"}`, // a Deny must spare the account, too
			[6]bond{limited, none, limited, limited, limited, none},
			[6]bond{named, named, named, named, named, named}},
		{`{"AWS": ["111122223333", "arn:aws:iam::111122223333:user/ci"]}`,
			[6]bond{none, none, none, limited, limited, none},
			[6]bond{none, none, named, named, named, named}},
		{`{"AWS": ["111122223333", "arn:aws:iam::111122223333:role/deploy", "arn:aws:sts::111122223333:assumed-role/deploy/run-1"]}`,
			[6]bond{none, none, none, limited, limited, none},
			[6]bond{none, named, none, named, named, named}},
		{`{"Service": "codebuild.amazonaws.com"}`,
			[6]bond{limited, limited, limited, limited, none, none},
			[6]bond{named, named, named, named, none, named}},
	}
	for _, tt := range others {
		doc := mustParse(t, `{"Statement": {"Effect": "Deny", "Action": "*", "NotPrincipal": `+tt.json+`}}`, RepositoryPolicy)
		for i := range everyone {
			if got := doc.Statements[0].principals.cover(&everyone[i], Allow, false); got != tt.allow[i] {
				t.Errorf("Allow to others than %s covers %s: %v, want %v", tt.json, names[i], got, tt.allow[i])
			}
			if got := doc.Statements[0].principals.cover(&everyone[i], Deny, false); got != tt.deny[i] {
				t.Errorf("Deny to others than %s covers %s: %v, want %v", tt.json, names[i], got, tt.deny[i])
			}
		}
	}
}

func TestRoot(t *testing.T) {
	for arn, want := range map[string]bool{
		"arn:aws:iam::111122223333:root":       true,
		"arn:aws-cn:iam::111122223333:root":    true,
		"arn:aws:iam::444455556666:root":       false,
		"arn:aws:iam::111122223333:user/:root": false,
		"arn:aws:iam::111122223333:user/root":  false,
		"":                                     false,
	} {
		if p := (Principal{Account: "111122223333", ARN: arn}); p.IsRoot() != want {
			t.Errorf("%q is root: %v", arn, p.IsRoot())
		}
	}
	if p := (Principal{ARN: "arn:aws:iam:::root"}); p.IsRoot() {
		t.Error("a principal without an account is root")
	}
}

// A unique id names one user or role, and no namesake of it.
func TestUniqueIDs(t *testing.T) {
	const userID, roleID, other = "AIDAABCDEFGHIJKLMNOPQ", "AROAABCDEFGHIJKLMNOPQ", "AIDAQQQQQQQQQQQQQQQQQ"
	user, session := user1, session1
	user.ID, session.ID = userID, roleID+":run-1"
	// The keys that seal a role's sessions speak for the role itself.
	role := Principal{Account: session1.Account, ARN: session1.Role, Role: session1.Role, ID: roleID}
	for _, tt := range []struct {
		who    Principal
		id     string
		bond   bond
		others bond // of a Deny to others, who lists the account, too
	}{
		{user, userID, named, none}, {user, other, none, named}, {user1, userID, none, named}, {user, roleID, none, named},
		{session, roleID, limited, named}, {session1, roleID, none, named}, {nobody, userID, none, named},
		{role, roleID, limited, none}, {role, session1.Role, limited, none},
	} {
		doc := mustParse(t, `{"Statement": [{"Effect": "Allow", "Action": "*", "Principal": {"AWS": "`+tt.id+`"}},
			{"Effect": "Deny", "Action": "*", "NotPrincipal": {"AWS": ["111122223333", "`+tt.id+`"]}}]}`, RepositoryPolicy)
		if got := doc.Statements[0].principals.cover(&tt.who, Allow, false); got != tt.bond {
			t.Errorf("%s covers %s: %v", tt.id, &tt.who, got)
		}
		if got := doc.Statements[1].principals.cover(&tt.who, Deny, false); got != tt.others {
			t.Errorf("others than %s cover %s: %v", tt.id, &tt.who, got)
		}
	}
	for _, id := range []string{"AIDA", "aidaabcdefghijklmnopq", "AKIAABCDEFGHIJKLMNOPQ", roleID + ":run-1", "AROA" + strings.Repeat("A", 200)} {
		text := `{"Statement": {"Effect": "Allow", "Action": "*", "Principal": {"AWS": "` + id + `"}}}`
		if _, err := Parse(text, RepositoryPolicy); err == nil {
			t.Errorf("%s is accepted", id)
		}
	}
}
