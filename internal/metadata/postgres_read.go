package metadata

import (
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

// Repository reads the row and, if its id can be guessed, what ahead asks and
// what policies may ask. A name gets a new id when its repository is deleted
// and created again: then nobody asks for what was answered by the old one.
func (s *Postgres) Repository(account, region, name string, ahead Ahead) (*Repository, error) {
	key := repositoryKey{account, region, name}
	q := s.Read()
	guess := s.known.get(key)
	if guess != nil {
		q.Ahead(func(q *Queries) {
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
	s.known.see(key, r)
	r.view = q
	return r, nil
}

// Remembered is the row last seen, or nil.
func (s *Postgres) Remembered(account, region, name string) *Repository {
	return s.known.get(repositoryKey{account, region, name})
}

func (s *Postgres) ReadOf(r *Repository) *Queries { return r.view }

func (s *Postgres) ManifestContent(r *Repository, digest string) (*ManifestContent, error) {
	return r.view.Images().Content(r.ID, digest)
}

func (s *Postgres) ManifestContentByTag(r *Repository, tag string) (*ManifestContent, error) {
	return r.view.Images().ContentByTag(r.ID, tag)
}

func (s *Postgres) ManifestHead(r *Repository, digest string) (ManifestHead, error) {
	return r.view.Images().Head(r.ID, digest)
}

func (s *Postgres) ManifestHeadByTag(r *Repository, tag string) (ManifestHead, error) {
	return r.view.Images().HeadByTag(r.ID, tag)
}

func (s *Postgres) Layer(r *Repository, digest string) (Layer, error) {
	return r.view.Layers().Get(r.ID, digest)
}

func (s *Postgres) ResourceTags(r *Repository) ([]resource.Tag, error) {
	return r.view.Repositories().ResourceTags(r.ID)
}
