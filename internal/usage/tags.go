package usage

import "github.com/twinport/twinport/internal/metadata"

// ImageTags is how many tags an image may have, and has.
type ImageTags struct {
	limit int64 // 0 for none
	count metadata.Answer[int]
	there bool // the repository, so that the image may have some
}

// AskTags asks how many tags an image has of a repository of the account: 0 if
// that is not there yet. If more is 0, no tags are to be set.
func (c *Counter) AskTags(q *metadata.Queries, account string, repository int64, digest string, more int) ImageTags {
	if more == 0 {
		return ImageTags{}
	}
	t := ImageTags{limit: c.limits[account].TagsPerImage, there: repository != 0}
	if t.limit > 0 && t.there {
		t.count = metadata.Ask(q, func(q *metadata.Queries) (int, error) {
			return q.Tags().CountOf(repository, digest, int(t.limit))
		})
	}
	return t
}

// Full reports whether so many more tags are too many.
func (t ImageTags) Full(more int) (bool, error) {
	if t.limit == 0 || more == 0 {
		return false, nil
	}
	tags := 0
	if t.there {
		var err error
		if tags, err = t.count.Get(); err != nil {
			return false, err
		}
	}
	return int64(tags)+int64(more) > t.limit, nil
}
