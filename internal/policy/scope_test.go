package policy

import (
	"strings"
	"testing"
)

func TestBeyond(t *testing.T) {
	t.Parallel()
	for actions, want := range map[string]string{
		`"Action":"ecr:ReplicateImage"`:                "",
		`"Action":"ecr:replicateimage"`:                "",
		`"Action":["ecr:Rep*","ecr:CreateRepository"]`: "",
		`"Action":"*"`:          "",
		`"Action":"ecr:*Image"`: "",
		`"Action":["ecr:ReplicateImage","ecr:GetDownload*"]`:      `statement "b" (number 2)`,
		`"Action":"ecr:BatchGetImage"`:                            `statement "b" (number 2)`,
		`"NotAction":"ecr:BatchGetImage"`:                         `statement "b" (number 2)`,
		`"NotAction":["ecr:CreateRepository"]`:                    "",
		`"Action":["ecr:CreateRepositoryCreationTemplate"]`:       `statement "b" (number 2)`,
		`"Action":["ecr:CreateRepository?","ecr:ReplicateImage"]`: `statement "b" (number 2)`,
	} {
		doc, err := Parse(`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":"*","Action":"ecr:CreateRepository","Resource":"*"},
			{"Sid":"b","Effect":"Deny","Principal":"*",`+actions+`,"Resource":"*"}]}`, RegistryPolicy)
		if err != nil {
			t.Fatal(err)
		}
		if got := doc.Beyond([]string{"ecr:CreateRepository", "ecr:ReplicateImage"}); got != want {
			t.Errorf("%s: %q, want %q", actions, got, want)
		}
	}
}

// A policy decides on nothing but its actions, and the reason says so.
func TestPolicyOfSomeActions(t *testing.T) {
	t.Parallel()
	doc, err := Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"*","Resource":"*"},
		{"Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"*","Resource":"*"}]}`, RegistryPolicy)
	if err != nil {
		t.Fatal(err)
	}
	policies := []Policy{{Name: "the registry policy", Document: doc, Actions: []string{"ecr:CreateRepository"}}}
	for _, c := range []struct {
		account, action string
		want            Outcome
	}{
		{"444455556666", "ecr:CreateRepository", Allowed}, {"111122223333", "ecr:CreateRepository", ExplicitDeny},
		{"444455556666", "ecr:PutImage", ImplicitDeny}, {"111122223333", "ecr:PutImage", Allowed},
	} {
		d := Authorize(t.Context(), Request{
			Principal: Root(c.account), Action: c.action, Resource: "*", ResourceAccount: "111122223333",
		}, Policies{Resource: policies})
		if d.Outcome != c.want {
			t.Errorf("%s by %s: %v, want %v", c.action, c.account, d.Outcome, c.want)
		}
		if why := "the registry policy does not decide on ecr:PutImage in its scope"; c.want == ImplicitDeny &&
			!strings.Contains(d.Reason(), why) {
			t.Errorf("%q, want %q", d.Reason(), why)
		}
	}
}
