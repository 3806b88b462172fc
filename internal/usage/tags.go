package usage

import "github.com/twinport/twinport/internal/metadata"

// TagsAhead asks what TagsFull is going to ask.
func (c *Counter) TagsAhead(q *metadata.Queries, account string, repository int64, digest string, more int) {
	if limit := c.limits[account].TagsPerImage; limit > 0 && repository != 0 && more > 0 {
		_, _ = q.Tags().CountOf(repository, digest, int(limit))
	}
}

// TagsFull reports whether more tags are too many for an image of the account's
// repository: 0 if that is not there yet.
func (c *Counter) TagsFull(q *metadata.Queries, account string, repository int64, digest string, more int) (
	bool, error) {
	limit := c.limits[account].TagsPerImage
	if limit == 0 || more == 0 {
		return false, nil
	}
	tags := 0
	if repository != 0 {
		var err error
		if tags, err = q.Tags().CountOf(repository, digest, int(limit)); err != nil {
			return false, err
		}
	}
	return int64(tags)+int64(more) > limit, nil
}
