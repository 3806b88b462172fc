package registry

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/twinport/twinport/internal/metadata"
)

// Limits of resource tags (ECR: "Tag restrictions").
const (
	maxResourceTags     = 50
	maxResourceTagKey   = 128
	maxResourceTagValue = 256
)

// ResourceTag is a key and value attached to a repository.
type ResourceTag struct{ Key, Value string }

func validResourceTags(tags []ResourceTag) error {
	if len(tags) > maxResourceTags {
		return tooManyTags()
	}
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		switch {
		case t.Key == "" || utf8.RuneCountInString(t.Key) > maxResourceTagKey:
			return errorf(InvalidTagParameter, "Invalid tag key: a key has 1 to %d characters", maxResourceTagKey)
		case utf8.RuneCountInString(t.Value) > maxResourceTagValue:
			return errorf(InvalidTagParameter, "Invalid value of tag '%s': a value has at most %d characters", shorten(t.Key), maxResourceTagValue)
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return errorf(InvalidTagParameter, "Invalid tag key '%s': keys that begin with aws: are reserved", shorten(t.Key))
		case seen[t.Key]:
			return errorf(InvalidTagParameter, "Tag key '%s' is given twice", shorten(t.Key))
		}
		seen[t.Key] = true
	}
	return nil
}

func tooManyTags() *Error {
	return errorf(TooManyTags, "A repository has at most %d tags", maxResourceTags)
}

// TagResource adds or overwrites resource tags: InvalidTagParameter, TooManyTags.
func (s *Service) TagResource(ctx context.Context, c Caller, ref Ref, tags []ResourceTag) error {
	r, err := s.repository(ctx, c, ref, actionTagResource)
	if err != nil {
		return err
	}
	if err := validResourceTags(tags); err != nil {
		return err
	}
	return s.alter(ctx, r, nil, func(tx *metadata.Tx, r *metadata.Repository) error {
		for _, t := range tags {
			if err := tx.SetResourceTag(r, metadata.ResourceTag(t)); err != nil {
				return err
			}
		}
		all, err := tx.ResourceTags(r.ID)
		if err == nil && len(all) > maxResourceTags {
			return tooManyTags()
		}
		if err != nil {
			return err
		}
		return s.retryRefusedInto(tx, ref)
	})
}

// UntagResource removes resource tags by key.
func (s *Service) UntagResource(ctx context.Context, c Caller, ref Ref, keys []string) error {
	r, err := s.repository(ctx, c, ref, actionUntagResource)
	if err != nil {
		return err
	}
	return s.alter(ctx, r, nil, func(tx *metadata.Tx, r *metadata.Repository) error {
		for _, key := range keys {
			if err := tx.DeleteResourceTag(r, key); err != nil {
				return err
			}
		}
		return s.retryRefusedInto(tx, ref)
	})
}

// ResourceTags in order of key.
func (s *Service) ResourceTags(ctx context.Context, c Caller, ref Ref) ([]ResourceTag, error) {
	r, err := s.repository(ctx, c, ref, actionListTags)
	if err != nil {
		return nil, err
	}
	rows, err := s.meta.ResourceTags(r)
	tags := make([]ResourceTag, 0, len(rows))
	for _, t := range rows {
		tags = append(tags, ResourceTag(t))
	}
	return tags, err
}
