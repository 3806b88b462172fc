package policy_test

import (
	"context"
	"fmt"

	"github.com/twinport/twinport/internal/policy"
)

// A replication is refused, and the answer says what to do about it.
func Example() {
	registry, err := policy.Parse(`{
		"Version": "2012-10-17",
		"Statement": {
			"Sid": "Production", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
			"Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
			"Resource": "arn:aws:ecr:us-west-2:444455556666:repository/prod-*"
		}
	}`, policy.RegistryPolicy)
	if err != nil {
		fmt.Println(err)
		return
	}
	request := policy.Request{
		Principal:       policy.Principal{Account: "111122223333", ARN: "arn:aws:iam::111122223333:root"},
		Action:          "ecr:ReplicateImage",
		Resource:        "arn:aws:ecr:us-west-2:444455556666:repository/app",
		ResourceAccount: "444455556666",
	}
	name := "the registry policy of 444455556666 in us-west-2"
	decision := policy.Authorize(context.Background(), request, policy.Policies{
		Resource: []policy.Policy{{Name: name, Document: registry}},
	})
	fmt.Println(decision.Outcome)
	fmt.Println(decision.Reason())
	fmt.Println(policy.Grant("App", "111122223333", []string{"ecr:ReplicateImage"}, request.Resource))
	// Output:
	// implicit deny
	// arn:aws:iam::111122223333:root may not do ecr:ReplicateImage on arn:aws:ecr:us-west-2:444455556666:repository/app: no statement of the registry policy of 444455556666 in us-west-2 allows it (statement "Production" (number 1) of the registry policy of 444455556666 in us-west-2 would, but its Resource does not include arn:aws:ecr:us-west-2:444455556666:repository/app).
	// {
	//   "Sid": "App",
	//   "Effect": "Allow",
	//   "Principal": {
	//     "AWS": "arn:aws:iam::111122223333:root"
	//   },
	//   "Action": [
	//     "ecr:ReplicateImage"
	//   ],
	//   "Resource": "arn:aws:ecr:us-west-2:444455556666:repository/app"
	// }
}
