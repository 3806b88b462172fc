package access

import (
	"context"

	"github.com/twinport/twinport/internal/policy"
)

// globalRegion is where IAM answers, which has one endpoint for all Regions.
const globalRegion = "us-east-1"

// DecideIAM decides an action of IAM or STS, for example iam:CreateUser, on the ARN of a user, group, role or policy,
// or on "*". It belongs to the account that the ARN names, or else to the caller's. The policies are those of the
// resource: a role's trust policy, without which nobody may assume it. Of what the request is about, Tags are those of
// the user, role or policy. The root of the account may do what no policy denies. An error means that nothing was
// decided, so nothing is allowed: ctx has ended.
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
	about.addIAM(&r.Context)
	c.add(&r.Context)
	return d.authorize(ctx, r, c.policies(policies))
}

// addIAM fills the condition keys of IAM's and STS's requests ("Actions, resources, and condition keys for AWS Identity
// and Access Management" and "… AWS Security Token Service" in the Service Authorization Reference). A key is there
// only if the request has something for it.
func (a *About) addIAM(keys *policy.Context) {
	for _, t := range a.Tags {
		keys.Add("aws:ResourceTag/"+t.Key, t.Value)
		keys.Add("iam:ResourceTag/"+t.Key, t.Value)
	}
	a.addRequestTags(keys)
	a.addTagKeys(keys)
	for name, value := range map[string]string{
		"iam:PolicyARN": a.PolicyARN, "iam:PermissionsBoundary": a.PermissionsBoundary,
		"iam:AWSServiceName": a.ServiceName, "sts:ExternalId": a.ExternalID, "sts:RoleSessionName": a.SessionName,
		"sts:SourceIdentity": a.SourceIdentity,
	} {
		if value != "" {
			keys.Add(name, value)
		}
	}
	keys.Add("sts:TransitiveTagKeys", a.TransitiveTagKeys...)
}
