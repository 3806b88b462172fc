package policy

import "testing"

func TestGrant(t *testing.T) {
	const destination = "arn:aws:ecr:us-west-2:444455556666:repository/*"
	got := Grant("ReplicationFrom111122223333", "111122223333", []string{"ecr:CreateRepository", "ecr:ReplicateImage"},
		destination)
	want := `{
  "Sid": "ReplicationFrom111122223333",
  "Effect": "Allow",
  "Principal": {
    "AWS": "arn:aws:iam::111122223333:root"
  },
  "Action": [
    "ecr:CreateRepository",
    "ecr:ReplicateImage"
  ],
  "Resource": "arn:aws:ecr:us-west-2:444455556666:repository/*"
}`
	if got != want {
		t.Errorf("Grant = %s", got)
	}

	resource := policies(t, RegistryPolicy, "", got)
	req := Request{
		Principal: root1, Resource: "arn:aws:ecr:us-west-2:444455556666:repository/team/app", ResourceAccount: "444455556666",
	}
	for action, want := range map[string]bool{
		"ecr:ReplicateImage": true, "ecr:CreateRepository": true, "ecr:PutImage": false,
	} {
		req.Action = action
		if authorize(req, nil, resource).Allowed() != want {
			t.Errorf("with the grant, %s is allowed: %v", action, !want)
		}
	}
	mustParse(t, `{"Statement": `+Grant("", "111122223333", []string{"ecr:*"}, "")+`}`, RepositoryPolicy)
}
