package policy

import (
	"strings"
	"testing"
)

func TestReason(t *testing.T) {
	const (
		name = "the repository policy of 111122223333/app"
		what = "ecr:BatchGetImage on " + app1
	)
	conditional := strings.Replace(allowRoot2, `"Action"`,
		`"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-secret"}}, "Action"`, 1)
	elsewhere := strings.Replace(allowRoot2, `"Action"`, `"NotResource": "`+app1+`", "Action"`, 1)
	unnamed := strings.Replace(allowRoot1, `"Sid": "Account", `, "", 1)
	tests := []struct {
		who                Principal
		identity, resource string
		reason, message    string
	}{
		{root1, "", "",
			"arn:aws:iam::111122223333:root may do " + what + ": it is the root of the account that owns the resource, and " +
				"no policy denies it.", ""},
		{root2, "", allowPush + "," + allowRoot2,
			`arn:aws:iam::444455556666:root may do ` + what + `: statement "Other" (number 2) of ` + name + ` allows it.`, ""},
		{root2, "", allowRoot2 + "," + denyAll,
			`arn:aws:iam::444455556666:root may not do ` + what + `: statement "DenyAll" (number 2) of ` + name +
				` denies it, and a Deny overrides every Allow.`,
			"because no resource-based policy allows the ecr:BatchGetImage action"}, // to another account, one text
		{root1, "", denyAll,
			"arn:aws:iam::111122223333:root may not do " + what + ": statement \"DenyAll\" (number 1) of " + name +
				" denies it, and a Deny overrides every Allow.",
			"with an explicit deny in a resource-based policy"},
		{user1, identityDeny, allowUser1,
			`arn:aws:iam::111122223333:user/ci may not do ` + what +
				`: statement "IdDeny" (number 1) of the identity policy denies it, and a Deny overrides every Allow.`,
			"with an explicit deny in an identity-based policy"},
		{root2, "", "",
			"arn:aws:iam::444455556666:root may not do " + what + ": no resource policy allows it.",
			"because no resource-based policy allows the ecr:BatchGetImage action"},
		{root2, "", "unset",
			"arn:aws:iam::444455556666:root may not do " + what + ": " + name + " is not set.",
			"because no resource-based policy allows the ecr:BatchGetImage action"},
		{root2, "", unnamed,
			"arn:aws:iam::444455556666:root may not do " + what + ": no statement of " + name +
				" allows it (statement number 1 of " + name + " would, but its Principal does not include " +
				"arn:aws:iam::444455556666:root).",
			"because no resource-based policy allows the ecr:BatchGetImage action"},
		{root2, "", allowPush,
			"arn:aws:iam::444455556666:root may not do " + what + ": no statement of " + name +
				` allows it (statement "Push" (number 1) of ` + name +
				" would, but its Action does not include ecr:BatchGetImage).",
			"because no resource-based policy allows the ecr:BatchGetImage action"},
		{root2, "", strings.Replace(allowPush, `"*"`, `{"AWS": "999999999999"}`, 1), // not near
			"arn:aws:iam::444455556666:root may not do " + what + ": no statement of " + name + " allows it.",
			"because no resource-based policy allows the ecr:BatchGetImage action"},
		{root2, "", elsewhere,
			"arn:aws:iam::444455556666:root may not do " + what + ": no statement of " + name +
				` allows it (statement "Other" (number 1) of ` + name + " would, but its NotResource does not include " +
				app1 + ").",
			"because no resource-based policy allows the ecr:BatchGetImage action"},
		{root2, "", conditional,
			"arn:aws:iam::444455556666:root may not do " + what + ": no statement of " + name +
				` allows it (statement "Other" (number 1) of ` + name + " would, but its Condition StringEquals on " +
				"aws:SourceVpc does not hold).",
			"because no resource-based policy allows the ecr:BatchGetImage action"},
		{user1, "", allowRoot1,
			"arn:aws:iam::111122223333:user/ci may not do " + what + ": no statement of " + name +
				` allows it (statement "Account" (number 1) of ` + name + " names only the account, which leaves the decision " +
				"to the caller's identity policies), and no identity policy allows it. Either is enough within one account.",
			"because no identity-based policy allows the ecr:BatchGetImage action"},
		{Principal{Account: "444455556666", ARN: "arn:aws:iam::444455556666:user/x"}, "", "",
			"arn:aws:iam::444455556666:user/x may not do " + what + ": no resource policy allows it, and no identity policy " +
				"allows it. Across accounts both are needed.",
			"because no resource-based policy allows the ecr:BatchGetImage action"},
		{nobody, "", "",
			"an anonymous caller may not do " + what + ": no resource policy allows it.",
			"because no resource-based policy allows the ecr:BatchGetImage action"},
	}
	for _, tt := range tests {
		req := Request{Principal: tt.who, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: "111122223333"}
		resource := []Policy{{Name: name}}
		if tt.resource != "unset" {
			resource = policies(t, RepositoryPolicy, name, tt.resource)
		}
		d := authorize(req, policies(t, IdentityPolicy, "the identity policy", tt.identity), resource)
		if got := d.Reason(); got != tt.reason {
			t.Errorf("Reason:\n got %s\nwant %s", got, tt.reason)
		}
		want := ""
		if tt.message != "" {
			want = "User: " + tt.who.String() + " is not authorized to perform: ecr:BatchGetImage on resource: " + app1 + " " +
				tt.message
		}
		if got := d.Message(); got != want {
			t.Errorf("Message:\n got %s\nwant %s", got, want)
		}
		if strings.Contains(d.Reason(), "vpc-secret") {
			t.Error("the reason shows a condition's value")
		}
	}
	if (Decision{}).Allowed() || (Decision{}).Reason() == "" || (Decision{}).Message() == "" {
		t.Error("the zero decision must refuse")
	}
}
