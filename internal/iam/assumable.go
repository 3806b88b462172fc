package iam

import (
	"context"
	"errors"
	"time"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
)

// Assumable implements Roles.
func (s *Service) Assumable(ctx context.Context, account, name string) (Assumable, error) {
	if _, ours := s.Accounts.Account(account); !ours {
		return Assumable{}, ErrNotFound
	}
	q := s.Store.Read(ctx)
	role, err := q.Identities().Get(account, string(OfRole), folded(name))
	if errors.Is(err, metadata.ErrNotFound) {
		err = ErrNotFound
	}
	if err != nil {
		return Assumable{}, err
	}
	key, err := s.Role(ctx, role.ID)
	if errors.Is(err, auth.ErrNoKey) { // it was deleted just now
		err = ErrNotFound
	}
	if err != nil {
		return Assumable{}, err
	}
	trust, err := trustOf(q.Identities(), &role)
	if err != nil {
		return Assumable{}, err
	}
	return Assumable{
		Key: key, Trust: trust, MaxSession: time.Duration(role.MaxSession) * time.Second, Tags: role.Tags,
	}, nil
}

// ManagedPolicy implements ManagedPolicies.
func (s *Service) ManagedPolicy(ctx context.Context, account, arn string) (policy.Policy, error) {
	name := "the managed policy " + arn
	if aws, ok := awsByARN[arn]; ok {
		return parsed(name, aws.text), nil
	}
	found, err := s.directory.find(ctx, "policy "+arn, account, func(q *metadata.Queries) (any, error) {
		m, err := lookUp(q.ManagedPolicies(), account, arn)
		if isNoSuch(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		versions, err := q.ManagedPolicies().Defaults([]string{m.ID})
		if err != nil || len(versions) == 0 {
			return nil, err
		}
		return parsed(name, versions[0].Text), nil
	})
	p, ok := found.(policy.Policy)
	if err == nil && !ok {
		err = ErrNotFound
	}
	return p, err
}
