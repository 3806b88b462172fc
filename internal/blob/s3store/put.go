package s3store

import (
	"bytes"
	"context"

	"github.com/opencontainers/go-digest"
)

// Put makes an object of content at hand: one request, unless it is large.
func (s *Store) Put(ctx context.Context, id string, d digest.Digest, content []byte) (string, error) {
	u, err := s.Upload(ctx, id, nil)
	if err != nil {
		return "", err
	}
	defer u.Close()
	if _, err := u.ReadFrom(bytes.NewReader(content)); err != nil {
		return "", err
	}
	return u.Commit(ctx, d)
}
