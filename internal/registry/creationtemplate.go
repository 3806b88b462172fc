package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// A repository creation template says what repositories begin with that are
// created for somebody: by a push, a replication or a pull through a cache.
type (
	CreationTemplate = metadata.CreationTemplate
	TemplateSettings = metadata.TemplateSettings
	Occasion         = metadata.Occasion
)

const (
	ForPush        = metadata.ForPush
	ForReplication = metadata.ForReplication
	ForPullThrough = metadata.ForPullThrough
)

// maxCreationTemplates is how many a registry may have. ECR publishes no number.
const maxCreationTemplates = 1000

// maxTemplatePage bounds how many are listed at once: each may have 40 KiB of policies.
const maxTemplatePage = 100

// Limits of what a template has (ECR's model).
const (
	maxTemplateDescription = 256
	maxTemplatePolicy      = 10240
	maxTemplateRole        = 2048
)

// CreateCreationTemplate stores a new template: TemplateAlreadyExists, InvalidParameter, KMS, LimitExceeded. Zero
// values of its settings mean MUTABLE and AES256.
func (s *Service) CreateCreationTemplate(ctx context.Context, c access.Caller, id resource.Registry,
	t CreationTemplate) (CreationTemplate, error) {
	reg, err := s.Settings(ctx, c, id, access.CreateRepositoryCreationTemplate)
	if err != nil {
		return CreationTemplate{}, err
	}
	t.RegistryRow, t.CreatedAt = reg.ID, s.now().UTC().Truncate(time.Microsecond)
	t.UpdatedAt = t.CreatedAt
	if err := s.checkTemplate(ctx, c, id, reg, &t); err != nil {
		return CreationTemplate{}, err
	}
	err = s.Update(ctx, func(tx *metadata.Tx) error {
		if err := tx.Registries().Lock(reg.ID); err != nil {
			return err
		}
		created, err := tx.CreationTemplates().Create(t)
		if err != nil {
			return err
		}
		if !created {
			return Errorf(TemplateAlreadyExists, "The repository creation template already exists. Specify a unique prefix "+
				"and try again.")
		}
		n, err := tx.CreationTemplates().Count(reg.ID, maxCreationTemplates+1)
		if err != nil {
			return err
		}
		if n > maxCreationTemplates {
			return Errorf(LimitExceeded, "The registry with id '%s' has %d repository creation templates, which is all that "+
				"it may have: delete one that is not needed any more", id.Account, maxCreationTemplates)
		}
		return s.templateChanged(tx, reg.ID, id)
	})
	return t, err
}

// UpdateCreationTemplate has change overwrite what is to be other in the template with the prefix, and stores it:
// TemplateNotFound, InvalidParameter, KMS. change may be called more than once.
func (s *Service) UpdateCreationTemplate(ctx context.Context, c access.Caller, id resource.Registry, prefix string,
	change func(*CreationTemplate)) (t CreationTemplate, err error) {
	return s.alterTemplate(ctx, c, id, prefix, access.UpdateRepositoryCreationTemplate,
		func(tx *metadata.Tx, reg metadata.Registry, t *CreationTemplate) error {
			change(t)
			t.UpdatedAt = s.now().UTC().Truncate(time.Microsecond)
			if err := s.checkTemplate(ctx, c, id, reg, t); err != nil {
				return err
			}
			return tx.CreationTemplates().Save(*t)
		})
}

// DeleteCreationTemplate deletes the template with the prefix, and returns it: TemplateNotFound.
func (s *Service) DeleteCreationTemplate(ctx context.Context, c access.Caller, id resource.Registry,
	prefix string) (CreationTemplate, error) {
	return s.alterTemplate(ctx, c, id, prefix, access.DeleteRepositoryCreationTemplate,
		func(tx *metadata.Tx, _ metadata.Registry, t *CreationTemplate) error {
			return tx.CreationTemplates().Delete(*t)
		})
}

// alterTemplate authorises the action, and runs alter with the template that is there.
func (s *Service) alterTemplate(ctx context.Context, c access.Caller, id resource.Registry, prefix, action string,
	alter func(*metadata.Tx, metadata.Registry, *CreationTemplate) error) (t CreationTemplate, err error) {
	reg, err := s.Settings(ctx, c, id, action)
	if err != nil {
		return t, err
	}
	err = s.Update(ctx, func(tx *metadata.Tx) error {
		reg, err := LockSettings(tx, reg.ID, id)
		if err != nil {
			return err
		}
		t, err = tx.CreationTemplates().Get(reg.ID, prefix)
		if errors.Is(err, metadata.ErrNotFound) {
			return Errorf(TemplateNotFound, "The repository creation template can't be found. Verify the registry ID and "+
				"prefix and try again.")
		}
		if err != nil {
			return err
		}
		if err := alter(tx, reg, &t); err != nil {
			return err
		}
		return s.templateChanged(tx, reg.ID, id)
	})
	return t, err
}

// templateChanged says so to those who follow the registry. What a template's policy has refused may be possible now.
func (s *Service) templateChanged(tx *metadata.Tx, row int64, id resource.Registry) error {
	tx.OnCommit(func() { s.changes.Notify(changes.Change{Registry: row, Settings: true}) })
	return s.outbox.Possible(tx, row, resource.Repository{Registry: id})
}

// CreationTemplates of a registry in their order: all, or those with one of the prefixes. next is the Page.After of
// the next page, "" at the end.
func (s *Service) CreationTemplates(ctx context.Context, c access.Caller, id resource.Registry, prefixes []string,
	p Page) (all []CreationTemplate, next string, err error) {
	reg, err := s.Settings(ctx, c, id, access.DescribeRepositoryCreationTemplates)
	if err != nil {
		return nil, "", err
	}
	p.Limit = min(p.Limit, maxTemplatePage)
	if q := s.meta.Read(ctx).CreationTemplates(); len(prefixes) > 0 {
		all, err = q.Named(reg.ID, prefixes, p.After, p.Limit+1)
	} else {
		all, err = q.List(reg.ID, p.After, p.Limit+1)
	}
	if err != nil {
		return nil, "", fmt.Errorf("list the repository creation templates of %s: %w", id, err)
	}
	all, next = PageOf(all, p.Limit, func(t CreationTemplate) string { return t.Scope() })
	return all, next, nil
}

// checkTemplate checks a template that is to be stored, which it completes: AccessDenied, InvalidParameter, KMS. Who
// sets one has repositories made in its way: so the caller needs the rights to make them so (ECR: "IAM permissions for
// creating repository creation templates").
func (s *Service) checkTemplate(ctx context.Context, c access.Caller, id resource.Registry, reg metadata.Registry,
	t *CreationTemplate) error {
	if err := completeTemplate(id, t); err != nil {
		return err
	}
	actions := []string{access.CreateRepository}
	if t.Policy != "" {
		actions = append(actions, access.SetRepositoryPolicy)
	}
	if t.LifecyclePolicy != "" {
		actions = append(actions, access.PutLifecyclePolicy)
	}
	if len(t.Tags) > 0 {
		actions = append(actions, access.TagResource)
	}
	on := resource.Repository{Registry: id, Name: strings.TrimPrefix(t.Scope(), "/") + "*"}
	registryPolicy := []policy.Policy{s.registryPolicy(id, &reg.RegistrySettings)}
	return s.decideAll(ctx, c, on, access.About{Set: t.Tags}, registryPolicy, actions)
}

// completeTemplate checks what a template says: InvalidParameter, KMS.
func completeTemplate(id resource.Registry, t *CreationTemplate) error {
	if err := validPrefix(t.Prefix); err != nil {
		return err
	}
	var occasions []Occasion
	for _, o := range t.AppliedFor {
		if !slices.Contains([]Occasion{ForPush, ForReplication, ForPullThrough}, o) {
			return Errorf(InvalidParameter, "Invalid parameter at 'appliedFor' failed to satisfy constraint: 'Member must "+
				"satisfy enum value set: [%s, %s, %s]'", ForReplication, ForPullThrough, ForPush)
		}
		if !slices.Contains(occasions, o) {
			occasions = append(occasions, o)
		}
	}
	t.AppliedFor = occasions
	for _, of := range []struct {
		parameter, text string
		most            int
	}{
		{"description", t.Description, maxTemplateDescription}, {"repositoryPolicy", t.Policy, maxTemplatePolicy},
		{"customRoleArn", t.Role, maxTemplateRole},
	} {
		if utf8.RuneCountInString(of.text) > of.most {
			return Errorf(InvalidParameter, "Invalid parameter at '%s' failed to satisfy constraint: 'Member must have length "+
				"less than or equal to %d'", of.parameter, of.most)
		}
	}
	settings := withDefaults(RepositorySettings{
		TagMutability: t.TagMutability, Exclusions: t.Exclusions, Encryption: t.Encryption,
	})
	t.TagMutability, t.Encryption = settings.TagMutability, settings.Encryption
	if err := validMutability(t.TagMutability, t.Exclusions); err != nil {
		return err
	}
	if err := ValidEncryption(t.Encryption); err != nil {
		return err
	}
	if err, ok := errors.AsType[*Error](validResourceTags(t.Tags)); ok { // ECR declares no exception of tags here
		return Errorf(InvalidParameter, "Invalid parameter at 'resourceTags' failed to satisfy constraint: '%s'", err.Message)
	}
	if t.Policy != "" {
		if _, err := policy.ParseNew(t.Policy, policy.RepositoryPolicy, policy.Registry(id)); err != nil {
			return invalidPolicy("repositoryPolicy", err)
		}
	}
	if t.LifecyclePolicy != "" {
		if _, err := ParseLifecyclePolicy("lifecyclePolicy", t.LifecyclePolicy); err != nil {
			return err
		}
	}
	return nil
}
