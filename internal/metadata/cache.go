package metadata

import "sync"

// maxCachedBytes bounds the cache; past it everything is dropped and the cache
// fills again with what is asked for.
const maxCachedBytes = 16 << 20

type repositoryKey struct{ account, region, name string }

// cache holds facts of repositories that are read at every pull. It is right
// because this process is the only writer: a commit drops the entries of the
// repositories that it touched before it is acknowledged. A reader that loaded
// an older fact can only add it to the dropped entry, which no later reader sees.
type cache struct {
	mu           sync.RWMutex
	repositories map[repositoryKey]*cachedRepository
	bytes        int
}

type cachedRepository struct {
	cache *cache
	row   *Repository

	mu     sync.RWMutex
	tags   map[string]*ManifestContent
	images map[string]*ManifestContent
	layers map[string]int64
	// resourceTags is nil until they are loaded.
	resourceTags *[]ResourceTag
}

func newCache() *cache { return &cache{repositories: map[repositoryKey]*cachedRepository{}} }

func (c *cache) drop(keys []repositoryKey, all bool) {
	if len(keys) == 0 && !all {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if all {
		c.reset()
	}
	for _, k := range keys {
		delete(c.repositories, k)
	}
}

func (c *cache) reset() {
	clear(c.repositories)
	c.bytes = 0
}

// spend counts bytes that entries came to hold.
func (c *cache) spend(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bytes += n; c.bytes > maxCachedBytes {
		c.reset()
	}
}

// Repository by name, from the cache if it is there: ErrNotFound.
func (s *Store) Repository(account, region, name string) (*Repository, error) {
	key := repositoryKey{account, region, name}
	s.cache.mu.RLock()
	e := s.cache.repositories[key]
	s.cache.mu.RUnlock()
	if e == nil {
		e = &cachedRepository{cache: s.cache, tags: map[string]*ManifestContent{}, images: map[string]*ManifestContent{}, layers: map[string]int64{}}
		// The entry is published before the row is read, so that a commit in
		// between drops it.
		s.cache.mu.Lock()
		if other := s.cache.repositories[key]; other != nil {
			e = other
		} else {
			s.cache.repositories[key] = e
		}
		s.cache.mu.Unlock()
	}
	e.mu.RLock()
	row := e.row
	e.mu.RUnlock()
	if row != nil {
		return row, nil
	}
	row, err := s.reads.Repository(account, region, name)
	if err != nil {
		s.cache.mu.Lock()
		if s.cache.repositories[key] == e { // absent names take no room
			delete(s.cache.repositories, key)
		}
		s.cache.mu.Unlock()
		return nil, err
	}
	e.mu.Lock()
	if e.row == nil {
		row.cached = e
		e.row = row
	} else {
		row = e.row
	}
	e.mu.Unlock()
	s.cache.spend(1024 + len(row.Policy) + len(row.RegistryPolicy) + len(row.Replication))
	return row, nil
}

// ManifestContent of a repository that came from Store.Repository, by digest: ErrNotFound.
func (s *Store) ManifestContent(r *Repository, digest string) (*ManifestContent, error) {
	return r.cached.content(r.cached.images, digest, func() (*ManifestContent, error) { return s.reads.ManifestContent(r.ID, digest) })
}

// ManifestContentByTag of a repository that came from Store.Repository: ErrNotFound.
func (s *Store) ManifestContentByTag(r *Repository, tag string) (*ManifestContent, error) {
	return r.cached.content(r.cached.tags, tag, func() (*ManifestContent, error) { return s.reads.ManifestContentByTag(r.ID, tag) })
}

func (e *cachedRepository) content(in map[string]*ManifestContent, key string, load func() (*ManifestContent, error)) (*ManifestContent, error) {
	e.mu.RLock()
	c := in[key]
	e.mu.RUnlock()
	if c != nil {
		return c, nil
	}
	loaded, err := load()
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	in[key] = loaded
	e.mu.Unlock()
	e.cache.spend(512 + len(loaded.Bytes))
	return loaded, nil
}

// Layer returns the size of a blob that the repository, which came from
// Store.Repository, has a link to: ErrNotFound.
func (s *Store) Layer(r *Repository, digest string) (int64, error) {
	e := r.cached
	e.mu.RLock()
	size, ok := e.layers[digest]
	e.mu.RUnlock()
	if ok {
		return size, nil
	}
	size, err := s.reads.Layer(r.ID, digest)
	if err != nil {
		return 0, err
	}
	e.mu.Lock()
	e.layers[digest] = size
	e.mu.Unlock()
	e.cache.spend(256)
	return size, nil
}

// ResourceTags of a repository that came from Store.Repository, in order of key.
func (s *Store) ResourceTags(r *Repository) ([]ResourceTag, error) {
	e := r.cached
	e.mu.RLock()
	tags := e.resourceTags
	e.mu.RUnlock()
	if tags != nil {
		return *tags, nil
	}
	loaded, err := s.reads.ResourceTags(r.ID)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.resourceTags = &loaded
	e.mu.Unlock()
	return loaded, nil
}
