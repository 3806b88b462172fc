package registry

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// Limits of resource tags (ECR: "Tag restrictions").
const (
	maxResourceTags     = 50
	maxResourceTagKey   = 128
	maxResourceTagValue = 256

	// maxUntagged bounds how many keys a request may remove.
	maxUntagged = 200

	// tagPunctuation is what tags may have beside letters, digits and spaces.
	tagPunctuation = "+-=._:/@"
)

func validResourceTags(tags []resource.Tag) error {
	if len(tags) > maxResourceTags {
		return tooManyTags()
	}
	seen := make(map[string]string, len(tags))
	for _, t := range tags {
		folded := strings.ToLower(t.Key)
		switch first, given := seen[folded]; {
		case t.Key == "" || utf8.RuneCountInString(t.Key) > maxResourceTagKey:
			return Errorf(InvalidTagParameter, "Invalid tag key: a key has 1 to %d characters", maxResourceTagKey)
		case utf8.RuneCountInString(t.Value) > maxResourceTagValue:
			return Errorf(InvalidTagParameter, "Invalid value of tag '%s': a value has at most %d characters", Shorten(t.Key),
				maxResourceTagValue)
		case !hasTagCharacters(t.Key) || !hasTagCharacters(t.Value):
			return Errorf(InvalidTagParameter, "Invalid tag '%s': keys and values have letters, digits, spaces and the "+
				"characters %s alone", Shorten(t.Key), tagPunctuation)
		case strings.HasPrefix(folded, "aws:"):
			return Errorf(InvalidTagParameter, "Invalid tag key '%s': keys that begin with aws: are reserved", Shorten(t.Key))
		case given && first == t.Key:
			return Errorf(InvalidTagParameter, "Tag key '%s' is given twice", Shorten(t.Key))
		case given:
			return sameButForCase(t.Key, first)
		}
		seen[folded] = t.Key
	}
	return nil
}

// hasTagCharacters reports whether text has only what ECR lets tags have, beside its length.
func hasTagCharacters(text string) bool {
	return strings.IndexFunc(text, func(c rune) bool {
		return !unicode.In(c, unicode.L, unicode.N, unicode.Z) && !strings.ContainsRune(tagPunctuation, c)
	}) < 0
}

// sameButForCase refuses a tag key that policies could not tell from another:
// condition keys have no case.
func sameButForCase(key, other string) *Error {
	return Errorf(InvalidTagParameter, "Tag key '%s' differs from '%s' only by case, which policies do not see; "+
		"choose one of them", Shorten(key), Shorten(other))
}

func tooManyTags() *Error {
	return Errorf(TooManyTags, "A repository has at most %d tags", maxResourceTags)
}

// TagResource adds or overwrites resource tags: InvalidTagParameter, TooManyTags, PreconditionFailed.
func (s *Service) TagResource(ctx context.Context, c access.Caller, ref resource.Repository, tags []resource.Tag,
	base ...Revision) error {
	if err := validResourceTags(tags); err != nil {
		return err
	}
	r, err := s.repositoryAbout(ctx, c, ref, access.About{Set: tags}, nil, access.TagResource)
	if err != nil {
		return err
	}
	return s.alter(ctx, r, func(tx *metadata.Tx, r *metadata.Repository) error {
		before, err := tx.Repositories().ResourceTags(r.ID)
		if err != nil {
			return err
		}
		if err := Unchanged(documentOf("the tags", ref), base, before); err != nil {
			return err
		}
		for _, t := range tags {
			known := false
			for _, b := range before {
				if b.Key != t.Key && strings.EqualFold(b.Key, t.Key) {
					return sameButForCase(t.Key, b.Key)
				}
				known = known || b.Key == t.Key
			}
			if !known {
				before = append(before, t)
			}
			if err := tx.Repositories().SetResourceTag(r, t); err != nil {
				return err
			}
		}
		if len(before) > maxResourceTags {
			return tooManyTags()
		}
		return s.outbox.Possible(tx, r.RegistryRow, ref)
	})
}

// UntagResource removes resource tags by key: InvalidTagParameter, PreconditionFailed.
func (s *Service) UntagResource(ctx context.Context, c access.Caller, ref resource.Repository, keys []string,
	base ...Revision) error {
	if len(keys) > maxUntagged {
		return Errorf(InvalidTagParameter, "%d tag keys were given; at most %d can be removed at once", len(keys),
			maxUntagged)
	}
	r, err := s.repositoryAbout(ctx, c, ref, access.About{Removed: keys}, nil, access.UntagResource)
	if err != nil {
		return err
	}
	return s.alter(ctx, r, func(tx *metadata.Tx, r *metadata.Repository) error {
		before, err := tx.Repositories().ResourceTags(r.ID)
		if err != nil {
			return err
		}
		if err := Unchanged(documentOf("the tags", ref), base, before); err != nil {
			return err
		}
		for _, key := range keys {
			if err := tx.Repositories().DeleteResourceTag(r, key); err != nil {
				return err
			}
		}
		return s.outbox.Possible(tx, r.RegistryRow, ref)
	})
}

// ResourceTags in order of key.
func (s *Service) ResourceTags(ctx context.Context, c access.Caller, ref resource.Repository) ([]resource.Tag, error) {
	r, err := s.Repository(ctx, c, ref, access.ListTagsForResource)
	if err != nil {
		return nil, err
	}
	tags, err := s.meta.ResourceTags(ctx, r)
	return append([]resource.Tag{}, tags...), err
}
