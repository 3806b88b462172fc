package metadata

import (
	"context"
	"sync"

	"github.com/twinport/twinport/internal/resource"
)

// maxKnown bounds how many repositories' rows are remembered.
const maxKnown = 10000

// knownRepositories remembers the rows last seen. They are never answers, since
// another process may have changed them. Their ids are guesses: facts can be
// asked for together with the row that they belong to. And the policies of a
// row that is unchanged need not be parsed again.
type knownRepositories struct {
	mu   sync.Mutex
	rows map[repositoryKey]*Repository
}

func (k *knownRepositories) get(key repositoryKey) *Repository {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rows[key]
}

// see remembers the row. If it says the same as the last one, it gets that
// one's memo.
func (k *knownRepositories) see(key repositoryKey, r *Repository) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if last := k.rows[key]; last != nil && last.sameFacts(r) {
		r.memo = last.memo
		return
	}
	if len(k.rows) >= maxKnown {
		clear(k.rows)
	}
	row := r.facts() // without the view, which holds what was read for one request
	row.memo = r.memo
	k.rows[key] = &row
}

func (k *knownRepositories) forget(key repositoryKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.rows, key)
}

// Registry reads the row: another process may have changed it.
func (s *Postgres) Registry(ctx context.Context, account, region string) (Registry, error) {
	return s.Read(ctx).Registries().Get(account, region)
}

// Repository reads the row and, if its id can be guessed, what ahead asks and
// what policies may ask. A name gets a new id when its repository is deleted
// and created again: then nobody asks for what was answered by the old one.
func (s *Postgres) Repository(ctx context.Context, account, region, name string, ahead Ahead) (*Repository, error) {
	key := repositoryKey{account, region, name}
	view := &pipeline{store: s, ctx: ctx}
	q := &Queries{conn: view}
	guess := s.known.get(key)
	if guess != nil {
		q.ahead(func(q *Queries) {
			if guess.Policy != "" || guess.Registry.Policy != "" {
				_, _ = q.Repositories().ResourceTags(guess.ID) // their conditions may be about these
			}
			if ahead != nil {
				ahead(q, guess.ID)
			}
		})
	}
	r, err := q.Repositories().Get(account, region, name)
	if err != nil {
		if err == ErrNotFound {
			s.known.forget(key)
		}
		return nil, err
	}
	if ahead != nil && (guess == nil || guess.ID != r.ID) {
		q.ahead(func(q *Queries) { ahead(q, r.ID) }) // with the first of these reads
	}
	s.known.see(key, r)
	r.view = view
	return r, nil
}

// Remembered is the row last seen, or nil.
func (s *Postgres) Remembered(account, region, name string) *Repository {
	return s.known.get(repositoryKey{account, region, name})
}

// ForMany returns the repository for use by several goroutines.
func (r *Repository) ForMany() *Repository {
	of := *r
	of.view = nil
	return &of
}

func (s *Postgres) ReadOf(ctx context.Context, r *Repository) *Queries {
	if r.view == nil { // it was found by its id, or is for many
		return s.Read(ctx)
	}
	r.view.ctx = ctx
	return &Queries{conn: r.view}
}

func (s *Postgres) ManifestContent(ctx context.Context, r *Repository, digest string) (*ManifestContent, error) {
	return s.ReadOf(ctx, r).Images().Content(r.ID, digest)
}

func (s *Postgres) ManifestContentByTag(ctx context.Context, r *Repository, tag string) (*ManifestContent, error) {
	return s.ReadOf(ctx, r).Images().ContentByTag(r.ID, tag)
}

func (s *Postgres) ManifestHead(ctx context.Context, r *Repository, digest string) (ManifestHead, error) {
	return s.ReadOf(ctx, r).Images().Head(r.ID, digest)
}

func (s *Postgres) ManifestHeadByTag(ctx context.Context, r *Repository, tag string) (ManifestHead, error) {
	return s.ReadOf(ctx, r).Images().HeadByTag(r.ID, tag)
}

func (s *Postgres) Layer(ctx context.Context, r *Repository, digest string) (Layer, error) {
	return s.ReadOf(ctx, r).Layers().Get(r.ID, digest)
}

func (s *Postgres) LayerMediaType(ctx context.Context, r *Repository, digest string) (string, error) {
	_, mediaType, err := s.ReadOf(ctx, r).Images().Referring(r.ID, digest)
	return mediaType, err
}

func (s *Postgres) ResourceTags(ctx context.Context, r *Repository) ([]resource.Tag, error) {
	return s.ReadOf(ctx, r).Repositories().ResourceTags(r.ID)
}
