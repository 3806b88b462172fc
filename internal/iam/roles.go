package iam

import (
	"context"
	"crypto/rand"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
)

func roleOf(q metadata.Identities, i metadata.Identity) (Role, error) {
	text, err := trustText(q, &i)
	return Role{
		Path: i.Path, Name: i.Name, ID: i.ID, ARN: identityARN(&i), CreatedAt: i.CreatedAt, TrustPolicy: text,
		Description: i.Description, MaxSession: i.MaxSession, Boundary: i.Boundary, Tags: i.Tags,
	}, err
}

// roleSecretSize is the size of a role's secret in bytes.
const roleSecretSize = 32

func roleSecretName(id string) string { return "role " + id }

// newRoleSecret makes the secret that seals a role's sessions, itself sealed.
func (s *Service) newRoleSecret(id string) ([]byte, error) {
	if s.Sealer == nil {
		return nil, s.noMasterKey("create a role")
	}
	secret := make([]byte, roleSecretSize)
	rand.Read(secret) // never fails
	return s.Sealer.Seal(roleSecretName(id), secret)
}

func (s *Service) noMasterKey(what string) error {
	return refuse(ServiceFailure, "cannot %s: its secret would have to be stored in the clear. "+
		"Configure a master key, with which the server seals secrets", what)
}

func checkSession(seconds *int) error {
	if *seconds == 0 {
		*seconds = minSession
	}
	if *seconds < minSession || *seconds > maxSession {
		return invalid(decimal(*seconds), "maxSessionDuration",
			"have value less than or equal to 43200 and greater than or equal to 3600")
	}
	return nil
}

// CreateRole makes a role.
func (s *Service) CreateRole(ctx context.Context, c access.Caller, in CreateRole) (Role, error) {
	if err := checkSession(&in.MaxSession); err != nil {
		return Role{}, err
	}
	if err := checkDescription(in.Description); err != nil {
		return Role{}, err
	}
	i := metadata.Identity{Kind: string(OfRole), Name: in.Name, Path: in.Path}
	i.Description, i.MaxSession, i.Boundary, i.Tags = in.Description, in.MaxSession, in.Boundary, in.Tags
	// Who may not create roles is not told whom there is to trust.
	if err := s.mayCreateRole(ctx, c, &i); err != nil {
		return Role{}, err
	}
	var err error
	if i.Trusted, err = s.bind(ctx, in.TrustPolicy); err != nil {
		return Role{}, err
	}
	i.TrustPolicy = in.TrustPolicy
	if i, err = s.create(ctx, c, i); err != nil {
		return Role{}, err
	}
	s.warnOfTrust(ctx, identityARN(&i), in.TrustPolicy)
	return roleOf(s.Store.Read(ctx).Identities(), i)
}

// warnOfTrust says so in the log if everybody may assume the role, whoever they are.
func (s *Service) warnOfTrust(ctx context.Context, arn, text string) {
	document, err := policy.Parse(text, policy.TrustPolicy)
	if err != nil {
		return
	}
	nobody := policy.Principal{Account: "000000000000", ARN: "arn:aws:iam::000000000000:user/anybody"}
	d := policy.Authorize(ctx, policy.Request{
		Principal: nobody, Action: "sts:AssumeRole", Resource: arn, ResourceAccount: nobody.Account, Time: s.Now(),
	}, policy.Policies{Resource: []policy.Policy{{Name: "the trust policy", Document: document}}})
	if d.Allowed() {
		s.Logger.WarnContext(ctx, "the trust policy lets callers of every account assume the role", "role", arn)
	}
}

func (s *Service) mayCreateRole(ctx context.Context, c access.Caller, i *metadata.Identity) error {
	if err := checkName("roleName", i.Name, kinds[OfRole].longest); err != nil {
		return err
	}
	if err := checkPath(&i.Path); err != nil {
		return err
	}
	return s.may(ctx, c, "CreateRole", arnOf(accountOf(&c), "role", i.Path, i.Name),
		access.About{Set: i.Tags, PermissionsBoundary: i.Boundary})
}

// GetRole returns a role.
func (s *Service) GetRole(ctx context.Context, c access.Caller, name string) (Role, error) {
	i, err := s.on(ctx, c, "GetRole", OfRole, name, access.About{})
	if err != nil {
		return Role{}, err
	}
	return roleOf(s.Store.Read(ctx).Identities(), i)
}

// UpdateRole changes what is given.
func (s *Service) UpdateRole(ctx context.Context, c access.Caller, in UpdateRole) error {
	if in.Description != nil {
		if err := checkDescription(*in.Description); err != nil {
			return err
		}
	}
	if in.MaxSession != nil {
		seconds := *in.MaxSession
		if seconds == 0 {
			seconds = -1
		}
		if err := checkSession(&seconds); err != nil {
			return err
		}
	}
	return s.edit(ctx, c, "UpdateRole", OfRole, in.Name, access.About{}, func(tx *metadata.Tx, i metadata.Identity) error {
		if in.Description != nil {
			i.Description = *in.Description
		}
		if in.MaxSession != nil {
			i.MaxSession = *in.MaxSession
		}
		return tx.Identities().Save(i)
	})
}

// UpdateRoleDescription changes the description, and returns the role.
func (s *Service) UpdateRoleDescription(ctx context.Context, c access.Caller, name, description string) (Role, error) {
	if err := checkDescription(description); err != nil {
		return Role{}, err
	}
	var saved metadata.Identity
	err := s.edit(ctx, c, "UpdateRoleDescription", OfRole, name, access.About{}, func(tx *metadata.Tx, i metadata.Identity) error {
		i.Description = description
		saved = i
		return tx.Identities().Save(i)
	})
	if err != nil {
		return Role{}, err
	}
	return roleOf(s.Store.Read(ctx).Identities(), saved)
}

// UpdateAssumeRolePolicy sets the trust policy.
func (s *Service) UpdateAssumeRolePolicy(ctx context.Context, c access.Caller, name, document string) error {
	if _, err := s.on(ctx, c, "UpdateAssumeRolePolicy", OfRole, name, access.About{}); err != nil {
		return err
	}
	trusted, err := s.bind(ctx, document)
	if err != nil {
		return err
	}
	var arn string
	err = s.edit(ctx, c, "UpdateAssumeRolePolicy", OfRole, name, access.About{},
		func(tx *metadata.Tx, i metadata.Identity) error {
			i.TrustPolicy, i.Trusted = document, trusted
			arn = identityARN(&i)
			return tx.Identities().Save(i)
		})
	if err == nil {
		s.warnOfTrust(ctx, arn, document)
	}
	return err
}

// DeleteRole deletes a role that has no policies. Its sessions end with it.
func (s *Service) DeleteRole(ctx context.Context, c access.Caller, name string) error {
	return s.remove(ctx, c, OfRole, name)
}

// ListRoles lists roles by name.
func (s *Service) ListRoles(ctx context.Context, c access.Caller, pathPrefix string, p Page) (List[Role], error) {
	found, err := list(ctx, s, c, OfRole, pathPrefix, p, func(i metadata.Identity) metadata.Identity { return i })
	if err != nil {
		return List[Role]{}, err
	}
	q := s.Store.Read(ctx).Identities()
	roles := List[Role]{Items: make([]Role, len(found.Items)), Marker: found.Marker}
	for n, i := range found.Items {
		if roles.Items[n], err = roleOf(q, i); err != nil {
			return List[Role]{}, err
		}
		roles.Items[n].Boundary, roles.Items[n].Tags = "", nil
	}
	return roles, nil
}
