package iam

import (
	"context"
	"errors"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/metadata"
)

func noKey(id string) error {
	return refuse(NoSuchEntity, "The Access Key with id %s cannot be found.", shown(id))
}

func keySecretName(id string) string { return "access key " + id }

func keyOf(user string, k metadata.AccessKey) AccessKey {
	status := Inactive
	if k.Active {
		status = Active
	}
	return AccessKey{UserName: user, ID: k.ID, Status: status, CreatedAt: k.CreatedAt}
}

// CreateAccessKey makes a key of the user; an empty name is the caller's, here and below. The secret is not told again.
func (s *Service) CreateAccessKey(ctx context.Context, c access.Caller, user string) (AccessKey, error) {
	user, err := callersUser(&c, user)
	if err != nil {
		return AccessKey{}, err
	}
	id, secret := auth.NewUserKey(accountOf(&c))
	row := metadata.AccessKey{ID: id, Active: true, CreatedAt: s.Now().UTC().Truncate(time.Second)}
	err = s.edit(ctx, c, "CreateAccessKey", OfUser, user, access.About{}, func(tx *metadata.Tx, i metadata.Identity) error {
		if s.Sealer == nil {
			return s.noMasterKey("create an access key")
		}
		keys, err := tx.AccessKeys().Of(i.ID)
		if err != nil {
			return err
		}
		if len(keys) >= maxKeys {
			return refuse(LimitExceeded, "Cannot exceed quota for AccessKeysPerUser: %d", maxKeys)
		}
		if row.Secret, err = s.Sealer.Seal(keySecretName(id), []byte(secret)); err != nil {
			return err
		}
		row.User = i.ID
		return tx.AccessKeys().Create(row)
	})
	if err != nil {
		return AccessKey{}, err
	}
	k := keyOf(user, row)
	k.Secret = secret
	return k, nil
}

// ListAccessKeys lists the keys of a user without their secrets.
func (s *Service) ListAccessKeys(ctx context.Context, c access.Caller, user string, p Page) (List[AccessKey], error) {
	user, err := callersUser(&c, user)
	if err != nil {
		return List[AccessKey]{}, err
	}
	i, err := s.on(ctx, c, "ListAccessKeys", OfUser, user, access.About{})
	if err != nil {
		return List[AccessKey]{}, err
	}
	rows, err := s.Store.Read(ctx).AccessKeys().Of(i.ID)
	if err != nil {
		return List[AccessKey]{}, err
	}
	keys := make([]AccessKey, len(rows))
	for n, row := range rows {
		keys[n] = keyOf(user, row)
	}
	return pageOf(keys, p, func(k AccessKey) string { return k.ID })
}

// UpdateAccessKey makes a key Active or Inactive.
func (s *Service) UpdateAccessKey(ctx context.Context, c access.Caller, user, id, status string) error {
	if status != Active && status != Inactive {
		return invalid(shown(status), "status", "satisfy enum value set: [Active, Inactive]")
	}
	return s.editKey(ctx, c, "UpdateAccessKey", user, id, func(tx *metadata.Tx, user string) (bool, error) {
		return tx.AccessKeys().SetActive(user, id, status == Active)
	})
}

// DeleteAccessKey deletes a key.
func (s *Service) DeleteAccessKey(ctx context.Context, c access.Caller, user, id string) error {
	return s.editKey(ctx, c, "DeleteAccessKey", user, id, func(tx *metadata.Tx, user string) (bool, error) {
		return tx.AccessKeys().Delete(user, id)
	})
}

func (s *Service) editKey(ctx context.Context, c access.Caller, action, user, id string,
	fn func(tx *metadata.Tx, user string) (bool, error)) error {
	user, err := callersUser(&c, user)
	if err != nil {
		return err
	}
	return s.edit(ctx, c, action, OfUser, user, access.About{}, func(tx *metadata.Tx, i metadata.Identity) error {
		if _, ok := auth.UserKeyAccount(id); !ok {
			return noKey(id)
		}
		done, err := fn(tx, i.ID)
		if err == nil && !done {
			err = noKey(id)
		}
		return err
	})
}

// GetAccessKeyLastUsed says when a key of the account was used last.
func (s *Service) GetAccessKeyLastUsed(ctx context.Context, c access.Caller, id string) (AccessKeyLastUsed, error) {
	used := AccessKeyLastUsed{Service: "N/A", Region: "N/A"}
	q := s.Store.Read(ctx)
	arn := arnOf(accountOf(&c), "user", "/", "*")
	var user metadata.Identity
	missing := noKey(id)
	if account, ok := auth.UserKeyAccount(id); ok && account == accountOf(&c) {
		key, err := q.AccessKeys().Get(id)
		if err == nil {
			user, err = q.Identities().ByID(key.User)
		}
		switch {
		case err == nil:
			arn, missing = identityARN(&user), nil
		case !errors.Is(err, metadata.ErrNotFound):
			return used, err
		}
	}
	if err := s.may(ctx, c, "GetAccessKeyLastUsed", arn, access.About{Tags: user.Tags}); err != nil {
		return used, err
	}
	if missing != nil {
		return used, missing
	}
	used.UserName = user.Name
	last, err := q.AccessKeys().LastUse(id)
	if err == nil {
		used.At, used.Service, used.Region = last.At, last.Service, last.Region
	} else if errors.Is(err, metadata.ErrNotFound) {
		err = nil
	}
	return used, err
}

// maxUses bounds how many keys' uses wait to be stored; others are left out.
const maxUses = 10000

// NoteUse remembers that a request was signed with a user's key. StoreUses stores it.
func (s *Service) NoteUse(id, service, region string) {
	if _, ok := auth.UserKeyAccount(id); !ok {
		return
	}
	s.uses.Lock()
	defer s.uses.Unlock()
	if _, there := s.uses.byKey[id]; !there && len(s.uses.byKey) >= maxUses {
		return
	}
	if s.uses.byKey == nil {
		s.uses.byKey = map[string]metadata.AccessKeyUse{}
	}
	s.uses.byKey[id] = metadata.AccessKeyUse{ID: id, Service: service, Region: region, At: s.Now()}
}

// useInterval is how often uses of access keys are stored.
const useInterval = time.Minute

// Run stores uses of access keys until ctx is done, and then once more.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(useInterval)
	defer tick.Stop()
	for more := true; more; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			more = false
		}
		if err := s.StoreUses(context.WithoutCancel(ctx)); err != nil {
			s.Logger.WarnContext(ctx, "could not store when access keys were used last", "error", err)
		}
	}
}

// StoreUses stores what NoteUse has remembered since it was called before. Uses are lost if it fails.
func (s *Service) StoreUses(ctx context.Context) error {
	s.uses.Lock()
	byKey := s.uses.byKey
	s.uses.byKey = nil
	s.uses.Unlock()
	if len(byKey) == 0 {
		return nil
	}
	uses := make([]metadata.AccessKeyUse, 0, len(byKey))
	for _, u := range byKey {
		uses = append(uses, u)
	}
	return s.Store.Update(ctx, func(tx *metadata.Tx) error { return tx.AccessKeys().NoteUses(uses) })
}
