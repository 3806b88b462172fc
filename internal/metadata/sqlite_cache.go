package metadata

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/twinport/twinport/internal/resource"
)

// maxCachedBytes bounds the cache. Past it everything is dropped, and the cache
// fills again.
const maxCachedBytes = 16 << 20

type repositoryKey struct{ account, region, name string }

// cache holds facts of repositories that are read at every pull, and the rows of
// registries, which are read at every login. It is right
// because this process is the only writer: what a commit changes is dropped
// before the commit, and cannot be stored again until it is done. So nobody who
// has seen any effect of a commit finds an older fact here. Only facts that
// exist are stored, so what a commit adds need not be dropped.
//
// A reader may have loaded a fact before the commit that changes it, and be
// about to store it. Later readers no longer find an entry that was dropped; a
// tag that is dropped raises the entry's generation, which the reader compares.
type cache struct {
	mu           sync.RWMutex
	repositories map[repositoryKey]*cachedRepository
	registries   map[resource.Registry]*cachedRegistry // as many as there are
	bytes        int                                   // of repositories
	committing   staleFacts                            // being changed at this moment: not to be kept
}

type cachedRepository struct {
	cache *cache
	key   repositoryKey
	bytes int // guarded by cache.mu

	mu         sync.RWMutex
	row        *Repository
	generation int // counts the tags dropped
	tags       map[string]*ManifestContent
	images     map[string]*ManifestContent
	layers     map[string]Layer
	mediaTypes map[string]string // of layers that images name
	whole      map[string]bool   // images that are, by digest
	// resourceTags is nil until they are loaded.
	resourceTags *[]resource.Tag
}

// cachedRegistry is a registry's row, nil until it is loaded.
type cachedRegistry struct{ row atomic.Pointer[Registry] }

// staleFacts are what a transaction changes of what may be cached.
type staleFacts struct {
	all          bool
	repositories []repositoryKey
	tags         []tagKey
}

type tagKey struct {
	repository repositoryKey
	tag        string
}

func (r *Repository) key() repositoryKey { return repositoryKey{r.Account, r.Region, r.Name} }

// touchRepository says that the transaction changes or removes facts of a repository.
func (tx *Tx) touchRepository(r *Repository) {
	tx.stale.repositories = append(tx.stale.repositories, r.key())
}

// touchTag says that the transaction moves or removes a tag.
func (tx *Tx) touchTag(r *Repository, tag string) {
	tx.stale.tags = append(tx.stale.tags, tagKey{r.key(), tag})
}

func newCache() *cache {
	return &cache{
		repositories: map[repositoryKey]*cachedRepository{}, registries: map[resource.Registry]*cachedRegistry{},
	}
}

// add adds the facts of another transaction of the same commit.
func (f *staleFacts) add(other *staleFacts) {
	f.all = f.all || other.all
	f.repositories = append(f.repositories, other.repositories...)
	f.tags = append(f.tags, other.tags...)
}

func (f *staleFacts) hasRepository(k repositoryKey) bool {
	return f.all || slices.Contains(f.repositories, k)
}

// beginCommit drops what the commit changes, and keeps it from being stored.
func (c *cache) beginCommit(stale staleFacts) {
	c.mu.Lock()
	c.committing = stale
	if stale.all {
		c.reset()
		clear(c.registries)
	}
	for _, k := range stale.repositories {
		c.remove(k)
	}
	c.mu.Unlock()
	c.dropTags(stale.tags)
}

// endCommit allows those facts to be stored again if they are loaded from now
// on. Only the writer calls it and beginCommit.
func (c *cache) endCommit() {
	c.dropTags(c.committing.tags)
	c.mu.Lock()
	c.committing = staleFacts{}
	c.mu.Unlock()
}

func (c *cache) dropTags(tags []tagKey) {
	for _, k := range tags {
		c.mu.RLock()
		e := c.repositories[k.repository]
		c.mu.RUnlock()
		if e == nil {
			continue
		}
		e.mu.Lock()
		e.generation++
		if c := e.tags[k.tag]; c != nil {
			delete(e.tags, k.tag)
			e.grow(-c.cost())
		}
		e.mu.Unlock()
	}
}

// mayStore reports whether a tag of the entry may be stored: not while a commit
// moves it.
func (e *cachedRepository) mayStore(tag string) bool {
	e.cache.mu.RLock()
	defer e.cache.mu.RUnlock()
	return !slices.Contains(e.cache.committing.tags, tagKey{e.key, tag})
}

func (c *cache) remove(k repositoryKey) {
	if e := c.repositories[k]; e != nil {
		delete(c.repositories, k)
		c.bytes -= e.bytes
	}
}

func (c *cache) reset() {
	clear(c.repositories)
	c.bytes = 0
}

// grow counts bytes that were added to the entry. One that was dropped
// meanwhile does not count: it lives only as long as its readers.
func (e *cachedRepository) grow(n int) {
	c := e.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.repositories[e.key] != e {
		return
	}
	e.bytes += n
	if c.bytes += n; c.bytes > maxCachedBytes {
		c.reset()
	}
}

// Repository by name, from the cache if it is there: ErrNotFound.
func (s *SQLite) Repository(_ context.Context, account, region, name string, _ Ahead) (*Repository, error) {
	key := repositoryKey{account, region, name}
	s.cache.mu.RLock()
	e := s.cache.repositories[key]
	s.cache.mu.RUnlock()
	if e == nil {
		e = &cachedRepository{
			cache: s.cache, key: key, tags: map[string]*ManifestContent{}, images: map[string]*ManifestContent{},
			layers: map[string]Layer{}, mediaTypes: map[string]string{}, whole: map[string]bool{},
		}
		// The entry is published before the row is read, so that a commit in
		// between drops it. One that a commit is changing stays unpublished:
		// only this caller sees it.
		s.cache.mu.Lock()
		if other := s.cache.repositories[key]; other != nil {
			e = other
		} else if !s.cache.committing.hasRepository(key) {
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
	row, err := s.reads.Repositories().Get(account, region, name)
	if err != nil {
		s.cache.mu.Lock()
		if s.cache.repositories[key] == e { // absent names take no room
			s.cache.remove(key)
		}
		s.cache.mu.Unlock()
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.row == nil {
		row.cached = e
		e.row = row
		// Policies are cached parsed as well, which takes several times their
		// text.
		e.grow(1024 + 8*(len(row.Policy)+len(row.Registry.Policy)) + len(row.Registry.Replication))
	}
	return e.row, nil
}

// Registry by its name, from the cache if it is there: ErrNotFound.
func (s *SQLite) Registry(_ context.Context, account, region string) (Registry, error) {
	key := resource.Registry{Account: account, Region: region}
	s.cache.mu.RLock()
	e := s.cache.registries[key]
	s.cache.mu.RUnlock()
	if e == nil {
		// As with repositories: published before the row is read, unless a commit is changing it.
		e = &cachedRegistry{}
		s.cache.mu.Lock()
		if other := s.cache.registries[key]; other != nil {
			e = other
		} else if !s.cache.committing.all {
			s.cache.registries[key] = e
		}
		s.cache.mu.Unlock()
	}
	if row := e.row.Load(); row != nil {
		return *row, nil
	}
	row, err := s.reads.Registries().Get(account, region)
	if err != nil {
		s.cache.mu.Lock()
		if s.cache.registries[key] == e { // absent names take no room
			delete(s.cache.registries, key)
		}
		s.cache.mu.Unlock()
		return row, err
	}
	e.row.Store(&row)
	return row, nil
}

// Remembered is the cached row, or nil.
func (s *SQLite) Remembered(account, region, name string) *Repository {
	s.cache.mu.RLock()
	e := s.cache.repositories[repositoryKey{account, region, name}]
	s.cache.mu.RUnlock()
	if e == nil {
		return nil
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.row
}

// ManifestContent of a repository that came from Store.Repository, by digest: ErrNotFound.
func (s *SQLite) ManifestContent(_ context.Context, r *Repository, digest string) (*ManifestContent, error) {
	return r.cached.content(r.cached.images, digest, func() (*ManifestContent, error) {
		return s.reads.Images().Content(r.ID, digest)
	})
}

// ManifestContentByTag of a repository that came from Store.Repository: ErrNotFound.
func (s *SQLite) ManifestContentByTag(_ context.Context, r *Repository, tag string) (*ManifestContent, error) {
	return r.cached.content(r.cached.tags, tag, func() (*ManifestContent, error) {
		return s.reads.Images().ContentByTag(r.ID, tag)
	})
}

func (e *cachedRepository) content(in map[string]*ManifestContent, key string,
	load func() (*ManifestContent, error)) (*ManifestContent, error) {
	e.mu.RLock()
	c, generation := in[key], e.generation
	e.mu.RUnlock()
	if c != nil {
		return c, nil
	}
	loaded, err := load()
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := in[key]; c != nil {
		return c, nil // another reader was first
	}
	if e.generation != generation || !e.mayStore(key) {
		return loaded, nil // a tag moves meanwhile: this may be what it was
	}
	in[key] = loaded
	e.grow(loaded.cost())
	return loaded, nil
}

// cost is how much memory the content takes, roughly.
func (c *ManifestContent) cost() int { return 512 + len(c.Bytes) }

// ManifestHead of a repository, which came from Store.Repository, by digest: ErrNotFound.
func (s *SQLite) ManifestHead(ctx context.Context, r *Repository, digest string) (ManifestHead, error) {
	return s.head(ctx, r, digest, s.ManifestContent)
}

// ManifestHeadByTag of a repository, which came from Store.Repository: ErrNotFound.
func (s *SQLite) ManifestHeadByTag(ctx context.Context, r *Repository, tag string) (ManifestHead, error) {
	return s.head(ctx, r, tag, s.ManifestContentByTag)
}

// head reads the manifest from the cache, as pulls do.
func (s *SQLite) head(ctx context.Context, r *Repository, by string,
	content func(context.Context, *Repository, string) (*ManifestContent, error)) (h ManifestHead, err error) {
	c, err := content(ctx, r, by)
	if err != nil {
		return h, err
	}
	h.Manifest = c.Manifest
	h.Whole, err = s.isWhole(r, c.Digest)
	return h, err
}

// isWhole reports whether the image with the digest is whole. That it is one is
// remembered until something is removed from the repository.
func (s *SQLite) isWhole(r *Repository, digest string) (bool, error) {
	e := r.cached
	e.mu.RLock()
	whole := e.whole[digest]
	e.mu.RUnlock()
	if whole {
		return true, nil
	}
	h, err := s.reads.Images().Head(r.ID, digest)
	if err == ErrNotFound {
		err = nil // it has gone since
	}
	if err != nil || !h.Whole {
		return false, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.whole[digest] {
		e.whole[digest] = true
		e.grow(128)
	}
	return true, nil
}

// Layer is a link of a repository, which came from Store.Repository, to a blob: ErrNotFound.
func (s *SQLite) Layer(_ context.Context, r *Repository, digest string) (Layer, error) {
	e := r.cached
	e.mu.RLock()
	l, ok := e.layers[digest]
	e.mu.RUnlock()
	if ok {
		return l, nil
	}
	l, err := s.reads.Layers().Get(r.ID, digest)
	if err != nil {
		return Layer{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.layers[digest]; !ok {
		e.layers[digest] = l
		e.grow(384)
	}
	return l, nil
}

// LayerMediaType is the one that an image of a repository, which came from Store.Repository, gives a layer, "" if
// none names it. That one does is remembered until something is removed from the repository.
func (s *SQLite) LayerMediaType(_ context.Context, r *Repository, digest string) (string, error) {
	e := r.cached
	e.mu.RLock()
	mediaType := e.mediaTypes[digest]
	e.mu.RUnlock()
	if mediaType != "" {
		return mediaType, nil
	}
	_, mediaType, err := s.reads.Images().Referring(r.ID, digest)
	if err != nil || mediaType == "" {
		return "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mediaTypes[digest] == "" {
		e.mediaTypes[digest] = mediaType
		e.grow(128 + len(digest) + len(mediaType))
	}
	return mediaType, nil
}

// ResourceTags of a repository that came from Store.Repository, in order of key.
func (s *SQLite) ResourceTags(_ context.Context, r *Repository) ([]resource.Tag, error) {
	e := r.cached
	e.mu.RLock()
	tags := e.resourceTags
	e.mu.RUnlock()
	if tags != nil {
		return *tags, nil
	}
	loaded, err := s.reads.Repositories().ResourceTags(r.ID)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.resourceTags == nil {
		e.resourceTags = &loaded
		for _, t := range loaded {
			e.grow(64 + len(t.Key) + len(t.Value))
		}
	}
	return *e.resourceTags, nil
}
