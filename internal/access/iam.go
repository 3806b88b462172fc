package access

import (
	"context"

	"github.com/twinport/twinport/internal/policy"
)

// globalRegion is where IAM answers, which has one endpoint for all Regions.
const globalRegion = "us-east-1"

// DecideIAM decides an action of IAM or STS, for example iam:CreateUser, on the ARN of a user, group, role or policy, or on
// "*". It belongs to the account that the ARN names, or else to the caller's. The policies are those of the resource: a
// role's trust policy. The root of the account may do what no policy denies. An error means that nothing was decided,
// so nothing is allowed: ctx has ended.
func (d *Decider) DecideIAM(ctx context.Context, c Caller, action, arn string, about About,
	policies ...policy.Policy) (Decision, error) {
	who := c.Identity.Principal
	who.Organization = d.Organizations[who.Account]
	account := policy.AccountOf(arn)
	if account == "" {
		account = who.Account
	}
	r := policy.Request{
		Principal: who, Action: action, Resource: arn, Time: d.Now(),
		ResourceAccount: account, ResourceOrganization: d.Organizations[account],
	}
	r.Context.Add("aws:RequestedRegion", globalRegion)
	c.add(&r.Context)
	return d.authorize(ctx, r, c.policies(policies))
}
