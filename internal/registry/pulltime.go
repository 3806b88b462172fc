package registry

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// pullTimeFreshness is how old a recorded pull time may get before a pull
// renews it (ECR refreshes it at least once every 24 hours).
const pullTimeFreshness = time.Hour

// maxPullTimeExclusions is how many principals' pulls may not count (ECR: "Pull-time update exclusions").
const maxPullTimeExclusions = 100

// PullTimeExclusion is a principal whose pulls do not count, as it is stored.
type PullTimeExclusion = metadata.PullTimeExclusion

// recordPull notes the time of a pull in the background, and seldom: a pull
// must not wait for a write.
func (s *Service) recordPull(c *access.Caller, repo *metadata.Repository, m metadata.Manifest) {
	if excludesPulls(&repo.Registry, c) {
		return
	}
	now := s.now()
	if now.Sub(m.PulledAt) < pullTimeFreshness || !s.pulls.claim(content{repo.ID, m.Digest}, now, pullTimeFreshness) {
		return
	}
	id, d := repo.ID, m.Digest
	go func() {
		err := s.meta.Update(context.Background(), func(tx *metadata.Tx) error { return tx.Images().SetPulledAt(id, d, now) })
		if err != nil && !errors.Is(err, metadata.ErrClosed) {
			s.log.Warn("could not record the time of a pull", "image", d, "error", err)
		}
	}()
}

// excludesPulls reports whether pulls of the caller do not count in a registry. A session of a role is excluded by the
// role.
func excludesPulls(set *metadata.RegistrySettings, c *access.Caller) bool {
	who := &c.Identity.Principal
	return slices.ContainsFunc(set.PullTimeExclusions, func(e PullTimeExclusion) bool {
		return e.Principal == who.ARN || e.Principal == who.Role
	})
}

// ExcludePulls has pulls of the principal not count any more: ExclusionAlreadyExists, LimitExceeded. Nobody need be
// known by the ARN.
func (s *Service) ExcludePulls(ctx context.Context, c access.Caller, id resource.Registry,
	principal string) (excluded PullTimeExclusion, err error) {
	excluded = PullTimeExclusion{Principal: principal, CreatedAt: s.now().UTC().Truncate(time.Microsecond)}
	err = s.changeExclusions(ctx, c, id, access.RegisterPullTimeUpdateExclusion, principal,
		func(all []PullTimeExclusion, i int, there bool) ([]PullTimeExclusion, error) {
			switch {
			case there:
				return nil, Errorf(ExclusionAlreadyExists, "The pull time update exclusion for '%s' already exists in the "+
					"registry with id '%s'", principal, id.Account)
			case len(all) >= maxPullTimeExclusions:
				return nil, Errorf(LimitExceeded, "The registry with id '%s' has %d pull time update exclusions in %s, which "+
					"is as many as there may be: deregister one that is not needed any more", id.Account, len(all), id.Region)
			}
			return slices.Insert(all, i, excluded), nil
		})
	return excluded, err
}

// IncludePulls has pulls of the principal count again: ExclusionNotFound.
func (s *Service) IncludePulls(ctx context.Context, c access.Caller, id resource.Registry, principal string) error {
	return s.changeExclusions(ctx, c, id, access.DeregisterPullTimeUpdateExclusion, principal,
		func(all []PullTimeExclusion, i int, there bool) ([]PullTimeExclusion, error) {
			if !there {
				return nil, Errorf(ExclusionNotFound, "The pull time update exclusion for '%s' does not exist in the registry "+
					"with id '%s'", principal, id.Account)
			}
			return slices.Delete(all, i, i+1), nil
		})
}

// changeExclusions stores what change makes of the exclusions, among which the principal is, or belongs, at i.
func (s *Service) changeExclusions(ctx context.Context, c access.Caller, id resource.Registry, action, principal string,
	change func(all []PullTimeExclusion, i int, there bool) ([]PullTimeExclusion, error)) error {
	reg, err := s.Settings(ctx, c, id, action)
	if err != nil {
		return err
	}
	return s.Update(ctx, func(tx *metadata.Tx) error {
		reg, err := LockSettings(tx, reg.ID, id)
		if err != nil {
			return err
		}
		i, there := slices.BinarySearchFunc(reg.PullTimeExclusions, principal, comparePrincipal)
		if reg.PullTimeExclusions, err = change(reg.PullTimeExclusions, i, there); err != nil {
			return err
		}
		return s.SaveSettings(tx, reg)
	})
}

func comparePrincipal(e PullTimeExclusion, principal string) int {
	return strings.Compare(e.Principal, principal)
}

// PullTimeExclusions in order of principal; next is the Page.After of the next page, "" at the end.
func (s *Service) PullTimeExclusions(ctx context.Context, c access.Caller, id resource.Registry,
	p Page) (all []PullTimeExclusion, next string, err error) {
	reg, err := s.Settings(ctx, c, id, access.ListPullTimeUpdateExclusions)
	if err != nil {
		return nil, "", err
	}
	i, found := slices.BinarySearchFunc(reg.PullTimeExclusions, p.After, comparePrincipal)
	if found {
		i++
	}
	all, next = PageOf(reg.PullTimeExclusions[i:], p.Limit, func(e PullTimeExclusion) string { return e.Principal })
	return all, next, nil
}
