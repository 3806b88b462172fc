package iam

import (
	"context"
	"slices"
	"strings"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
)

// AttachPolicy is AttachUserPolicy, AttachGroupPolicy and AttachRolePolicy. One that is attached stays so.
func (s *Service) AttachPolicy(ctx context.Context, c access.Caller, in Attachment) error {
	return s.edit(ctx, c, "Attach"+string(in.Kind)+"Policy", in.Kind, in.Name, access.About{PolicyARN: in.PolicyARN},
		func(tx *metadata.Tx, i metadata.Identity) error {
			p, err := attachable(tx, i.Account, in.PolicyARN)
			if err != nil {
				return err
			}
			added, err := tx.Identities().Attach(i.Account, metadata.PolicyAttachment{
				Identity: i.ID, Usage: metadata.AsPolicy, Policy: p.ID,
			})
			if err != nil || !added {
				return err
			}
			attached, err := tx.Identities().Attached([]string{i.ID})
			if err != nil {
				return err
			}
			n := 0
			for _, a := range attached {
				if a.Usage == metadata.AsPolicy {
					n++
				}
			}
			if n > maxAttached {
				return refuse(LimitExceeded, "Cannot exceed quota for PoliciesPer%s: %d", in.Kind, maxAttached)
			}
			return nil
		})
}

// attachable finds a managed policy that identities of the account can have.
func attachable(tx *metadata.Tx, account, arn string) (managed, error) {
	p, err := lookUp(tx.ManagedPolicies().ManagedPolicies, account, arn)
	if isNoSuch(err) {
		return p, refuse(NoSuchEntity, "Policy %s does not exist or is not attachable.", shown(arn))
	}
	return p, err
}

// DetachPolicy is DetachUserPolicy, DetachGroupPolicy and DetachRolePolicy.
func (s *Service) DetachPolicy(ctx context.Context, c access.Caller, in Attachment) error {
	return s.edit(ctx, c, "Detach"+string(in.Kind)+"Policy", in.Kind, in.Name, access.About{PolicyARN: in.PolicyARN},
		func(tx *metadata.Tx, i metadata.Identity) error {
			p, err := lookUp(tx.ManagedPolicies().ManagedPolicies, i.Account, in.PolicyARN)
			if err != nil {
				return err
			}
			removed, err := tx.Identities().Detach(metadata.PolicyAttachment{
				Identity: i.ID, Usage: metadata.AsPolicy, Policy: p.ID,
			})
			if err == nil && !removed {
				err = refuse(NoSuchEntity, "Policy %s was not found.", shown(in.PolicyARN))
			}
			return err
		})
}

// ListAttachedPolicies is ListAttachedUserPolicies, ListAttachedGroupPolicies and ListAttachedRolePolicies.
func (s *Service) ListAttachedPolicies(ctx context.Context, c access.Caller, k Kind, name, pathPrefix string,
	p Page) (List[AttachedPolicy], error) {
	if err := checkPathPrefix(&pathPrefix); err != nil {
		return List[AttachedPolicy]{}, err
	}
	i, err := s.on(ctx, c, "ListAttached"+string(k)+"Policies", k, name, access.About{})
	if err != nil {
		return List[AttachedPolicy]{}, err
	}
	q := s.Store.Read(ctx)
	attached, err := q.Identities().Attached([]string{i.ID})
	if err != nil {
		return List[AttachedPolicy]{}, err
	}
	var ids []string
	var policies []AttachedPolicy
	add := func(m managed) {
		if strings.HasPrefix(m.Path, pathPrefix) {
			policies = append(policies, AttachedPolicy{m.Name, m.ARN})
		}
	}
	for _, a := range attached {
		if a.Usage != metadata.AsPolicy {
			continue
		}
		if aws, ok := awsByID[a.Policy]; ok {
			add(aws.managed)
		} else {
			ids = append(ids, a.Policy)
		}
	}
	rows, err := q.ManagedPolicies().ByIDs(ids)
	if err != nil {
		return List[AttachedPolicy]{}, err
	}
	for _, row := range rows {
		add(managedOf(row))
	}
	slices.SortFunc(policies, func(a, b AttachedPolicy) int { return strings.Compare(a.ARN, b.ARN) })
	return pageOf(policies, p, func(a AttachedPolicy) string { return a.ARN })
}

// setBoundary gives an identity a boundary in place of the one that it has. The caller saves the identity.
func setBoundary(tx *metadata.Tx, i *metadata.Identity, arn string) error {
	if err := dropBoundary(tx, i); err != nil {
		return err
	}
	p, err := attachable(tx, i.Account, arn)
	if err != nil {
		return err
	}
	i.Boundary = arn
	_, err = tx.Identities().Attach(i.Account, metadata.PolicyAttachment{
		Identity: i.ID, Usage: metadata.AsBoundary, Policy: p.ID,
	})
	return err
}

func dropBoundary(tx *metadata.Tx, i *metadata.Identity) error {
	i.Boundary = ""
	attached, err := tx.Identities().Attached([]string{i.ID})
	if err != nil {
		return err
	}
	for _, a := range attached {
		if a.Usage == metadata.AsBoundary {
			if _, err := tx.Identities().Detach(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// PutPermissionsBoundary is PutUserPermissionsBoundary and PutRolePermissionsBoundary.
func (s *Service) PutPermissionsBoundary(ctx context.Context, c access.Caller, in Attachment) error {
	return s.edit(ctx, c, "Put"+string(in.Kind)+"PermissionsBoundary", in.Kind, in.Name,
		access.About{PermissionsBoundary: in.PolicyARN}, func(tx *metadata.Tx, i metadata.Identity) error {
			if err := setBoundary(tx, &i, in.PolicyARN); err != nil {
				return err
			}
			return tx.Identities().Save(i)
		})
}

// DeletePermissionsBoundary is DeleteUserPermissionsBoundary and DeleteRolePermissionsBoundary.
func (s *Service) DeletePermissionsBoundary(ctx context.Context, c access.Caller, k Kind, name string) error {
	return s.edit(ctx, c, "Delete"+string(k)+"PermissionsBoundary", k, name, access.About{},
		func(tx *metadata.Tx, i metadata.Identity) error {
			if i.Boundary == "" {
				return refuse(NoSuchEntity, "The %s with name %s does not have a permissions boundary.", kinds[k].word, name)
			}
			if err := dropBoundary(tx, &i); err != nil {
				return err
			}
			return tx.Identities().Save(i)
		})
}
