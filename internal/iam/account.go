package iam

import (
	"context"
	"errors"
	"strings"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
)

func checkAlias(alias string) error {
	if !isAlias.MatchString(alias) || strings.Contains(alias, "--") || isNumber.MatchString(alias) {
		return invalid(shown(alias), "accountAlias", "satisfy regular expression pattern: "+aliasPattern)
	}
	return nil
}

// CreateAccountAlias gives the account an alias in place of the one that it has.
func (s *Service) CreateAccountAlias(ctx context.Context, c access.Caller, alias string) error {
	if err := checkAlias(alias); err != nil {
		return err
	}
	if err := s.may(ctx, c, "CreateAccountAlias", "*", access.About{}); err != nil {
		return err
	}
	return s.change(ctx, accountOf(&c), func(tx *metadata.Tx) error {
		set, err := tx.Identities().SetAlias(accountOf(&c), alias)
		if err == nil && !set {
			err = refuse(EntityAlreadyExists, "The account alias %s already exists.", alias)
		}
		return err
	})
}

// DeleteAccountAlias takes the alias from the account.
func (s *Service) DeleteAccountAlias(ctx context.Context, c access.Caller, alias string) error {
	if err := checkAlias(alias); err != nil {
		return err
	}
	if err := s.may(ctx, c, "DeleteAccountAlias", "*", access.About{}); err != nil {
		return err
	}
	return s.change(ctx, accountOf(&c), func(tx *metadata.Tx) error {
		deleted, err := tx.Identities().DeleteAlias(accountOf(&c), alias)
		if err == nil && !deleted {
			err = refuse(NoSuchEntity, "The account alias %s cannot be found.", alias)
		}
		return err
	})
}

// ListAccountAliases lists the one that there may be.
func (s *Service) ListAccountAliases(ctx context.Context, c access.Caller, p Page) (List[string], error) {
	if err := s.may(ctx, c, "ListAccountAliases", "*", access.About{}); err != nil {
		return List[string]{}, err
	}
	alias, err := s.Store.Read(ctx).Identities().Alias(accountOf(&c))
	aliases := []string{alias}
	if errors.Is(err, metadata.ErrNotFound) {
		aliases, err = nil, nil
	}
	if err != nil {
		return List[string]{}, err
	}
	return pageOf(aliases, p, func(alias string) string { return alias })
}

// GetAccountSummary returns numbers by their keys in the API's SummaryMap.
func (s *Service) GetAccountSummary(ctx context.Context, c access.Caller) (map[string]int, error) {
	if err := s.may(ctx, c, "GetAccountSummary", "*", access.About{}); err != nil {
		return nil, err
	}
	q, account := s.Store.Read(ctx), accountOf(&c)
	summary := map[string]int{
		"UsersQuota": maxUsers, "GroupsQuota": maxGroups, "RolesQuota": maxRoles, "PoliciesQuota": maxPolicies,
		"AccessKeysPerUserQuota": maxKeys, "GroupsPerUserQuota": maxGroupsOfUser, "VersionsPerPolicyQuota": maxVersions,
		"AttachedPoliciesPerUserQuota": maxAttached, "AttachedPoliciesPerGroupQuota": maxAttached,
		"AttachedPoliciesPerRoleQuota": maxAttached, "UserPolicySizeQuota": kinds[OfUser].maxInline,
		"GroupPolicySizeQuota": kinds[OfGroup].maxInline, "RolePolicySizeQuota": kinds[OfRole].maxInline,
		"PolicySizeQuota": maxManagedPolicy, "AssumeRolePolicySizeQuota": maxTrustPolicy,
	}
	for k := range kinds {
		n, err := q.Identities().Count(account, string(k))
		if err != nil {
			return nil, err
		}
		summary[string(k)+"s"] = n
	}
	n, err := q.ManagedPolicies().Count(account)
	summary["Policies"] = n
	return summary, err
}
