package iam

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

func decimal(n int) string { return strconv.Itoa(n) }

func accountOf(c *access.Caller) string { return c.Identity.Principal.Account }

// arnOf is the ARN of a user, group, role or policy. The path begins and ends with a slash.
func arnOf(account, word, path, name string) string {
	return "arn:aws:iam::" + account + ":" + word + path + name
}

func identityARN(i *metadata.Identity) string {
	return arnOf(i.Account, kinds[Kind(i.Kind)].word, i.Path, i.Name)
}

// may asks the caller's policies.
func (s *Service) may(ctx context.Context, c access.Caller, action, arn string, about access.About) error {
	d, err := s.Access.DecideIAM(ctx, c, "iam:"+action, arn, about)
	if err != nil {
		return err
	}
	if !d.Allowed() {
		return refuse(AccessDenied, "%s", d.Message())
	}
	return nil
}

// change runs a change of what there is of an account. Such changes follow one another.
func (s *Service) change(ctx context.Context, account string, fn func(tx *metadata.Tx) error) error {
	return s.Store.Update(ctx, func(tx *metadata.Tx) error {
		if err := tx.Identities().Change(account); err != nil {
			return err
		}
		tx.OnCommit(func() { s.directory.changed(account) })
		return fn(tx)
	})
}

func (k Kind) noSuch(name string) error {
	return refuse(NoSuchEntity, "The %s with name %s cannot be found.", kinds[k].word, name)
}

func (k Kind) exists(name string) error {
	return refuse(EntityAlreadyExists, "%s with name %s already exists.", k, name)
}

// find looks one up by its name: NoSuchEntity.
func find(q metadata.Identities, account string, k Kind, name string) (metadata.Identity, error) {
	of, ok := kinds[k]
	if !ok {
		return metadata.Identity{}, errors.New("iam: there is no kind of identity " + string(k))
	}
	if err := checkName(of.field, name, 128); err != nil {
		return metadata.Identity{}, err
	}
	i, err := q.Get(account, string(k), folded(name))
	if errors.Is(err, metadata.ErrNotFound) || err == nil && i.Name != name {
		return metadata.Identity{}, k.noSuch(name)
	}
	return i, err
}

func isNoSuch(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == NoSuchEntity
}

// on finds the identity that the caller names and may do the action on. Who may not is not told whether there is one.
func (s *Service) on(ctx context.Context, c access.Caller, action string, k Kind, name string,
	about access.About) (metadata.Identity, error) {
	i, err := find(s.Store.Read(ctx).Identities(), accountOf(&c), k, name)
	if err != nil && !isNoSuch(err) {
		return i, err
	}
	arn := arnOf(accountOf(&c), kinds[k].word, "/", name)
	if err == nil {
		arn, about.Tags = identityARN(&i), i.Tags
		if about.PermissionsBoundary == "" {
			about.PermissionsBoundary = i.Boundary
		}
	}
	if denied := s.may(ctx, c, action, arn, about); denied != nil {
		return metadata.Identity{}, denied
	}
	return i, err
}

// edit is on for a change: fn changes the identity, and saves it.
func (s *Service) edit(ctx context.Context, c access.Caller, action string, k Kind, name string, about access.About,
	fn func(tx *metadata.Tx, i metadata.Identity) error) error {
	seen, err := s.on(ctx, c, action, k, name, about)
	if err != nil {
		return err
	}
	return s.change(ctx, accountOf(&c), func(tx *metadata.Tx) error {
		i, err := again(tx, seen)
		if err != nil {
			return err
		}
		return fn(tx, i)
	})
}

// again reads an identity once more, in the transaction that changes it. What the caller's policies were asked about
// must be as it was.
func again(tx *metadata.Tx, seen metadata.Identity) (metadata.Identity, error) {
	i, err := tx.Identities().ByID(seen.ID)
	switch {
	case errors.Is(err, metadata.ErrNotFound):
		return i, Kind(seen.Kind).noSuch(seen.Name)
	case err == nil && (i.Name != seen.Name || i.Path != seen.Path || i.Boundary != seen.Boundary ||
		!slices.Equal(i.Tags, seen.Tags)):
		return i, refuse(ConcurrentModification, "The %s %s was changed by another request: try again.",
			kinds[Kind(seen.Kind)].word, seen.Name)
	}
	return i, err
}

// create stores a new identity.
func (s *Service) create(ctx context.Context, c access.Caller, i metadata.Identity) (metadata.Identity, error) {
	k := Kind(i.Kind)
	of := kinds[k]
	if err := errors.Join(checkName(of.field, i.Name, of.longest), checkPath(&i.Path), checkTags(i.Tags)); err != nil {
		return i, first(err)
	}
	i.Account, i.Folded = accountOf(&c), folded(i.Name)
	i.ID, i.CreatedAt = newID(of.prefix), s.Now().UTC().Truncate(time.Second)
	if err := s.may(ctx, c, "Create"+string(k), identityARN(&i),
		access.About{Set: i.Tags, PermissionsBoundary: i.Boundary}); err != nil {
		return i, err
	}
	if k == OfRole {
		var err error
		if i.Secret, err = s.newRoleSecret(i.ID); err != nil {
			return i, err
		}
	}
	return i, s.change(ctx, i.Account, func(tx *metadata.Tx) error {
		n, err := tx.Identities().Count(i.Account, i.Kind)
		if err != nil {
			return err
		}
		created := false
		if n < of.most {
			created, err = tx.Identities().Create(i)
		} else if _, err = tx.Identities().Get(i.Account, i.Kind, i.Folded); errors.Is(err, metadata.ErrNotFound) {
			return refuse(LimitExceeded, "Cannot exceed quota for %ssPerAccount: %d", k, of.most)
		}
		if err != nil {
			return err
		}
		if !created {
			return k.exists(i.Name)
		}
		if made := i; i.Boundary != "" { // not i itself: this may run again
			if err := setBoundary(tx, &made, i.Boundary); err != nil {
				return err
			}
		}
		return nil
	})
}

// first is the first of joined errors.
func first(err error) error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()[0]
	}
	return err
}

// list lists identities of a kind.
func list[R any](ctx context.Context, s *Service, c access.Caller, k Kind, pathPrefix string, p Page,
	as func(metadata.Identity) R) (List[R], error) {
	if err := checkPathPrefix(&pathPrefix); err != nil {
		return List[R]{}, err
	}
	after, n, err := p.start()
	if err != nil {
		return List[R]{}, err
	}
	arn := arnOf(accountOf(&c), kinds[k].word, pathPrefix, "")
	if err := s.may(ctx, c, "List"+string(k)+"s", arn, access.About{}); err != nil {
		return List[R]{}, err
	}
	found, err := s.Store.Read(ctx).Identities().List(accountOf(&c), string(k), pathPrefix, after, n+1)
	if err != nil {
		return List[R]{}, err
	}
	return page(found, n, byName, as), nil
}

func byName(i metadata.Identity) string { return i.Folded }

// rename is UpdateUser and UpdateGroup. Both names must be allowed.
func (s *Service) rename(ctx context.Context, c access.Caller, k Kind, in Rename) error {
	of := kinds[k]
	seen, err := s.on(ctx, c, "Update"+string(k), k, in.Name, access.About{})
	if err != nil {
		return err
	}
	name, path := seen.Name, seen.Path
	if in.NewName != "" {
		name = in.NewName
	}
	if in.NewPath != "" {
		path = in.NewPath
	}
	if err := errors.Join(checkName("new"+strings.ToUpper(of.field[:1])+of.field[1:], name, of.longest), checkPath(&path)); err != nil {
		return first(err)
	}
	if err := s.may(ctx, c, "Update"+string(k), arnOf(seen.Account, of.word, path, name),
		access.About{Tags: seen.Tags, PermissionsBoundary: seen.Boundary}); err != nil {
		return err
	}
	return s.change(ctx, seen.Account, func(tx *metadata.Tx) error {
		i, err := again(tx, seen)
		if err != nil {
			return err
		}
		other, err := tx.Identities().Get(i.Account, i.Kind, folded(name))
		if err == nil && other.ID != i.ID {
			return k.exists(name)
		}
		if err != nil && !errors.Is(err, metadata.ErrNotFound) {
			return err
		}
		i.Name, i.Folded, i.Path = name, folded(name), path
		return tx.Identities().Save(i)
	})
}

// remove deletes an identity that has nothing left.
func (s *Service) remove(ctx context.Context, c access.Caller, k Kind, name string) error {
	return s.edit(ctx, c, "Delete"+string(k), k, name, access.About{}, func(tx *metadata.Tx, i metadata.Identity) error {
		attached, err := tx.Identities().Attached([]string{i.ID})
		if err != nil {
			return err
		}
		conflict := func(what string) error {
			return refuse(DeleteConflict, "Cannot delete entity, must %s first.", what)
		}
		if slices.ContainsFunc(attached, func(a metadata.PolicyAttachment) bool { return a.Usage == metadata.AsPolicy }) {
			return conflict("detach all policies")
		}
		if len(i.Inline) > 0 {
			return conflict("delete policies")
		}
		switch k {
		case OfUser:
			keys, err := tx.AccessKeys().Of(i.ID)
			if err != nil {
				return err
			}
			if len(keys) > 0 {
				return conflict("delete access keys")
			}
			groups, err := tx.Identities().GroupsOf(i.ID, 1)
			if err != nil {
				return err
			}
			if len(groups) > 0 {
				return conflict("remove users from group")
			}
		case OfGroup:
			users, err := tx.Identities().Members(i.ID, "", 1)
			if err != nil {
				return err
			}
			if len(users) > 0 {
				return conflict("remove users from group")
			}
		}
		return tx.Identities().Delete(i.ID)
	})
}

// Tag is TagUser and TagRole.
func (s *Service) Tag(ctx context.Context, c access.Caller, k Kind, name string, tags []resource.Tag) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	return s.edit(ctx, c, "Tag"+string(k), k, name, access.About{Set: tags},
		func(tx *metadata.Tx, i metadata.Identity) (err error) {
			if i.Tags, err = merged(i.Tags, tags); err != nil {
				return err
			}
			return tx.Identities().Save(i)
		})
}

// Untag is UntagUser and UntagRole.
func (s *Service) Untag(ctx context.Context, c access.Caller, k Kind, name string, keys []string) error {
	if len(keys) > maxTags {
		return invalid(decimal(len(keys)), "tagKeys", "have length less than or equal to 50")
	}
	return s.edit(ctx, c, "Untag"+string(k), k, name, access.About{Removed: keys},
		func(tx *metadata.Tx, i metadata.Identity) error {
			i.Tags = without(i.Tags, keys)
			return tx.Identities().Save(i)
		})
}

// ListTags is ListUserTags and ListRoleTags.
func (s *Service) ListTags(ctx context.Context, c access.Caller, k Kind, name string, p Page) (List[resource.Tag], error) {
	i, err := s.on(ctx, c, "List"+string(k)+"Tags", k, name, access.About{})
	if err != nil {
		return List[resource.Tag]{}, err
	}
	return tagPage(i.Tags, p)
}

func tagPage(tags []resource.Tag, p Page) (List[resource.Tag], error) {
	tags = slices.SortedFunc(slices.Values(tags), func(a, b resource.Tag) int { return strings.Compare(a.Key, b.Key) })
	return pageOf(tags, p, func(t resource.Tag) string { return t.Key })
}
