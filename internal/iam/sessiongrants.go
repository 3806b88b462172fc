package iam

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// SessionGrants is what a session of a role has: what the role was granted, but no
// more than its session policies allow, and the session's tags in place of the
// role's of the same keys. Managed session policies are those of the role's account
// or of AWS as they are now; one that is gone allows nothing.
func SessionGrants(ctx context.Context, managed ManagedPolicies, account string, session *auth.RoleSession,
	role access.Grants) (access.Grants, error) {
	if session.HasPolicies() {
		// Not nil, which would mean that there are no session policies.
		role.Session = make([]policy.Policy, 0, 1+len(session.PolicyARNs))
	}
	if document := session.InlinePolicy(); document != nil {
		role.Session = append(role.Session, policy.Policy{Name: "the session policy of " + session.Name, Document: document})
	}
	for _, arn := range session.PolicyARNs {
		found, err := managed.ManagedPolicy(ctx, account, arn)
		switch {
		case err == nil:
			role.Session = append(role.Session, found)
		case !errors.Is(err, ErrNotFound):
			return access.Grants{}, err
		}
	}
	if len(session.Tags) > 0 {
		own := role.Tags
		role.Tags = make([]resource.Tag, 0, len(own)+len(session.Tags))
		for _, t := range own {
			if !slices.ContainsFunc(session.Tags, func(s resource.Tag) bool { return strings.EqualFold(s.Key, t.Key) }) {
				role.Tags = append(role.Tags, t)
			}
		}
		role.Tags = append(role.Tags, session.Tags...)
	}
	return role, nil
}
