// Package metadata is the store of facts: registries, repositories, manifests,
// tags, links to blobs, uploads and replications.
//
// One set of queries runs on two engines. SQLite is embedded and serves one
// process: one writer commits the updates of many callers together, and what
// pulls read is kept in memory. PostgreSQL serves any number of processes:
// updates run side by side, held apart by locks on the rows of repositories,
// and what is known to be asked next is asked in the same round trip.
package metadata

import (
	"context"
	"errors"
	"fmt"

	"github.com/twinport/twinport/internal/resource"
)

var (
	// ErrNotFound is returned by queries for one row that does not exist.
	ErrNotFound = errors.New("metadata: not found")
	// ErrFull is in the chain of errors that mean that the disk is full.
	ErrFull = errors.New("metadata: no space left for the database")
	// ErrUnavailable is in the chain of errors that mean that the database
	// cannot be reached or does not serve now. Trying again later helps.
	ErrUnavailable = errors.New("metadata: the database is not available")
	// ErrClosed is returned by an Update after Close.
	ErrClosed = errors.New("metadata: the store is closed")
	// ErrMoved is returned by an Update that came too late: the data was moved
	// to another store. Trying again finds it there.
	ErrMoved = fmt.Errorf("metadata: the data has moved to another database: %w (%w)", ErrUnavailable, ErrClosed)
)

// Store is an open database. It is safe for concurrent use. A commit is durable
// before Update returns.
type Store interface {
	// Read returns the queries that see what is committed. Who has left, by ctx,
	// waits for no connection, and a query of theirs that takes long is given up:
	// the error is the context's. So reads whose results others wait for, too,
	// or that are remembered, must not have the context of one request.
	Read(ctx context.Context) *Queries
	// Update runs fn in a write transaction and returns when it is durable, or
	// with fn's error and nothing changed. fn must be quick and wait for
	// nothing but the transaction. It may run more than once, so it must set
	// what it hands out anew each time.
	Update(ctx context.Context, fn func(*Tx) error) error
	// UpdateFirst is Update for work that follows from earlier commits. It goes
	// before updates that wait, so that work that was begun ends before more is
	// taken in. A part of each commit is reserved for Update.
	UpdateFirst(ctx context.Context, fn func(*Tx) error) error

	// Registry by its name: ErrNotFound. What it says is shared, and must not be
	// changed.
	Registry(ctx context.Context, account, region string) (Registry, error)
	// Repository by name: ErrNotFound. What ahead asks, the methods below
	// answer without another round trip.
	Repository(ctx context.Context, account, region, name string, ahead Ahead) (*Repository, error)
	// Remembered is the row that Repository last returned for the name, if it is
	// in memory: nobody is asked, so it may have changed. Else nil.
	Remembered(account, region, name string) *Repository
	// ManifestContent by digest, ManifestContentByTag, Layer, LayerMediaType and
	// ResourceTags of a repository that came from Repository: ErrNotFound.
	ManifestContent(ctx context.Context, r *Repository, digest string) (*ManifestContent, error)
	ManifestContentByTag(ctx context.Context, r *Repository, tag string) (*ManifestContent, error)
	ManifestHead(ctx context.Context, r *Repository, digest string) (ManifestHead, error)
	ManifestHeadByTag(ctx context.Context, r *Repository, tag string) (ManifestHead, error)
	Layer(ctx context.Context, r *Repository, digest string) (Layer, error)
	// LayerMediaType is the one that an image of the repository gives a layer, ""
	// if none names it.
	LayerMediaType(ctx context.Context, r *Repository, digest string) (string, error)
	ResourceTags(ctx context.Context, r *Repository) ([]resource.Tag, error)

	// ReadOf is Read for queries about a repository that came from Repository:
	// they too find what was asked ahead.
	ReadOf(ctx context.Context, r *Repository) *Queries

	// Shared reports whether other processes may use the database too.
	Shared() bool
	// Ping checks that the database can be read and, unless that is up to
	// another server, written; see Reason. It costs as much as a small push:
	// once a second is often enough. A full disk is no error.
	Ping(ctx context.Context) error
	// Close waits for the updates under way. Closing twice is safe.
	Close() error
}

// Ahead makes the reads that the caller is about to make of a repository.
// Engines where a round trip costs something send them along with others; the
// rest ignore it.
type Ahead func(q *Queries, repository int64)
