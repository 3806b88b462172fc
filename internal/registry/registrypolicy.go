package registry

import (
	"context"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// SetRegistryPolicy: InvalidParameter. Replications into this registry that
// were refused for want of a grant are tried again.
func (s *Service) SetRegistryPolicy(ctx context.Context, c access.Caller, id resource.Registry, text string) error {
	if _, err := s.Settings(ctx, c, id, access.PutRegistryPolicy); err != nil {
		return err
	}
	if _, err := policy.ParseNew(text, policy.RegistryPolicy, policy.Registry(id)); err != nil {
		return Errorf(InvalidParameter, "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided: %v'", err)
	}
	_, err := s.replaceRegistryPolicy(ctx, id, text)
	return err
}

// replaceRegistryPolicy sets a registry's policy and returns the one before.
func (s *Service) replaceRegistryPolicy(ctx context.Context, id resource.Registry,
	text string) (before string, err error) {
	err = s.Update(ctx, func(tx *metadata.Tx) error {
		reg, err := tx.Registry(id.Account, id.Region)
		if err != nil {
			return err
		}
		if before = reg.Policy; before == "" && text == "" {
			return registryPolicyNotFound(id)
		}
		tx.OnCommit(func() { s.changes.Notify(changes.Change{Registry: reg.ID, Settings: true}) })
		if err := tx.SetRegistryPolicy(reg.ID, text); err != nil {
			return err
		}
		return s.outbox.Possible(tx, reg.ID, resource.Repository{Registry: id})
	})
	return before, err
}

func registryPolicyNotFound(id resource.Registry) *Error {
	return Errorf(RegistryPolicyNotFound, "Registry policy does not exist in the registry with id '%s'", id.Account)
}

// RegistryPolicy: RegistryPolicyNotFound.
func (s *Service) RegistryPolicy(ctx context.Context, c access.Caller, id resource.Registry) (string, error) {
	reg, err := s.Settings(ctx, c, id, access.GetRegistryPolicy)
	if err != nil {
		return "", err
	}
	if reg.Policy == "" {
		return "", registryPolicyNotFound(id)
	}
	return reg.Policy, nil
}

// DeleteRegistryPolicy returns the text that was deleted: RegistryPolicyNotFound.
func (s *Service) DeleteRegistryPolicy(ctx context.Context, c access.Caller, id resource.Registry) (string, error) {
	if _, err := s.Settings(ctx, c, id, access.DeleteRegistryPolicy); err != nil {
		return "", err
	}
	return s.replaceRegistryPolicy(ctx, id, "")
}
