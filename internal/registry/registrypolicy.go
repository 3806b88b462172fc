package registry

import (
	"context"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// SetRegistryPolicy: InvalidParameter, PreconditionFailed. Replications into this registry that
// were refused for want of a grant are tried again.
func (s *Service) SetRegistryPolicy(ctx context.Context, c access.Caller, id resource.Registry, text string,
	base ...Revision) error {
	reg, err := s.Settings(ctx, c, id, access.PutRegistryPolicy)
	if err != nil {
		return err
	}
	if _, err := policy.ParseNew(text, policy.RegistryPolicy, policy.Registry(id)); err != nil {
		return Errorf(InvalidParameter, "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid "+
			"registry policy provided: %v'", err)
	}
	_, err = s.replaceRegistryPolicy(ctx, reg.ID, id, text, base)
	return err
}

// replaceRegistryPolicy sets a registry's policy and returns the one before.
func (s *Service) replaceRegistryPolicy(ctx context.Context, row int64, id resource.Registry, text string,
	base []Revision) (before string, err error) {
	err = s.Update(ctx, func(tx *metadata.Tx) error {
		reg, err := LockSettings(tx, row, id)
		if err != nil {
			return err
		}
		if err := Unchanged("the registry policy", base, reg.Policy); err != nil {
			return err
		}
		if before = reg.Policy; before == "" && text == "" {
			return registryPolicyNotFound(id)
		}
		reg.Policy = text
		if err := s.validScope(id, &reg.RegistrySettings); err != nil {
			return err
		}
		if err := s.SaveSettings(tx, reg); err != nil {
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

// DeleteRegistryPolicy returns the text that was deleted: RegistryPolicyNotFound, PreconditionFailed.
func (s *Service) DeleteRegistryPolicy(ctx context.Context, c access.Caller, id resource.Registry,
	base ...Revision) (string, error) {
	reg, err := s.Settings(ctx, c, id, access.DeleteRegistryPolicy)
	if err != nil {
		return "", err
	}
	return s.replaceRegistryPolicy(ctx, reg.ID, id, "", base)
}
