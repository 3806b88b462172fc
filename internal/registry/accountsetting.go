package registry

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// Names of account settings, which hold in one Region each: for a registry.
const (
	// BasicScanTypeVersion is what scans; nothing does yet.
	BasicScanTypeVersion = "BASIC_SCAN_TYPE_VERSION"
	// BlobMounting is whether pushes may mount layers of other repositories.
	BlobMounting = "BLOB_MOUNTING"
	// RegistryPolicyScope is which actions the registry policy decides on.
	RegistryPolicyScope = "REGISTRY_POLICY_SCOPE"
)

// accountSettings are the values that each setting may have. The first is what it is until it is set: as in ECR, but
// for BLOB_MOUNTING, which ECR leaves disabled; mounts were always done here, and clients expect them.
var accountSettings = map[string][]string{
	BasicScanTypeVersion: {"AWS_NATIVE", "CLAIR"},
	BlobMounting:         {"ENABLED", "DISABLED"},
	RegistryPolicyScope:  {string(access.ScopeV2), string(access.ScopeV1)},
}

// accountSetting is the value of one of them in a registry.
func accountSetting(of *metadata.RegistrySettings, name string) string {
	if value := of.AccountSettings[name]; value != "" {
		return value
	}
	return accountSettings[name][0]
}

// AccountSetting returns the value of a setting: InvalidParameter.
func (s *Service) AccountSetting(ctx context.Context, c access.Caller, id resource.Registry, name string) (string,
	error) {
	reg, err := s.authorizeSetting(ctx, c, id, access.GetAccountSetting, name)
	if err != nil {
		return "", err
	}
	return accountSetting(&reg.RegistrySettings, name), nil
}

// SetAccountSetting sets the value of a setting: InvalidParameter.
func (s *Service) SetAccountSetting(ctx context.Context, c access.Caller, id resource.Registry,
	name, value string) error {
	reg, err := s.authorizeSetting(ctx, c, id, access.PutAccountSetting, name)
	if err != nil {
		return err
	}
	if !slices.Contains(accountSettings[name], value) {
		return Errorf(InvalidParameter, "Invalid parameter at 'value' failed to satisfy constraint: 'The account setting "+
			"%s may have the values: %s'", name, strings.Join(slices.Sorted(slices.Values(accountSettings[name])), ", "))
	}
	return s.Update(ctx, func(tx *metadata.Tx) error {
		reg, err := LockSettings(tx, reg.ID, id)
		if err != nil {
			return err
		}
		set := maps.Clone(reg.AccountSettings)
		if set == nil {
			set = map[string]string{}
		}
		set[name] = value
		reg.AccountSettings = set
		if name == RegistryPolicyScope {
			if err := s.validScope(id, &reg.RegistrySettings); err != nil {
				return err
			}
		}
		return s.SaveSettings(tx, reg)
	})
}

// authorizeSetting authorises an action on a setting that there is: InvalidParameter.
func (s *Service) authorizeSetting(ctx context.Context, c access.Caller, id resource.Registry,
	action, name string) (metadata.Registry, error) {
	reg, err := s.AuthorizeRegistry(ctx, access.Request{
		Caller: c, Action: action, On: resource.Repository{Registry: id}, About: access.About{Setting: name},
	})
	if err == nil && accountSettings[name] == nil {
		err = Errorf(InvalidParameter, "Invalid parameter at 'name' failed to satisfy constraint: 'There is no account "+
			"setting %s; there are: %s'", Shorten(name), strings.Join(slices.Sorted(maps.Keys(accountSettings)), ", "))
	}
	return reg, err
}

func mountsBlobs(r *metadata.Repository) bool {
	return accountSetting(&r.Registry, BlobMounting) == "ENABLED"
}

func scopeOf(set *metadata.RegistrySettings) access.Scope {
	return access.Scope(accountSetting(set, RegistryPolicyScope))
}

// registryPolicy is what decides on what callers ask of the registry, and of its repositories.
func (s *Service) registryPolicy(id resource.Registry, set *metadata.RegistrySettings) policy.Policy {
	return s.access.ScopedRegistryPolicy(id, set.Policy, scopeOf(set))
}

// validScope refuses a policy that names actions on which it would not decide in the registry's scope, so that nobody
// relies on a statement that has no effect: InvalidParameter.
func (s *Service) validScope(id resource.Registry, set *metadata.RegistrySettings) error {
	if scopeOf(set) != access.ScopeV1 {
		return nil
	}
	doc := s.access.RegistryPolicy(id, set.Policy).Document
	if doc == nil {
		return nil
	}
	// A Deny of deletions counts for those that are replicated.
	decides := append([]string{access.BatchDeleteImage}, access.ActionsOfV1...)
	if statement := doc.Beyond(decides); statement != "" {
		return Errorf(InvalidParameter, "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry "+
			"policy provided: %s has an action on which the registry policy does not decide in the scope V1, where it "+
			"decides on %s alone: change the statement, or set %s to V2'", statement, strings.Join(access.ActionsOfV1, ", "),
			RegistryPolicyScope)
	}
	return nil
}
