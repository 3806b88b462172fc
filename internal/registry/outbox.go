package registry

import (
	"context"
	"time"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// Outbox takes what happens in a registry and is to reach others. Its methods
// with a transaction are called in that of what happens, so that nothing is
// lost. *replication.Outbox is the one that serves.
type Outbox interface {
	// Admit makes sure, before anything is written, that what a push of so many
	// tags to the repository makes has its place: LimitExceeded, Throttled.
	Admit(ctx context.Context, r *metadata.Repository, tags int) error
	// Arriving is called while an upload gets its bytes, now and then, if OpenUpload can
	// read them. It must not block. False says that it need not be called for them again.
	Arriving(a Arrival) bool
	// Stored is called after a repository has got a blob by an upload. It must not block.
	Stored(r *metadata.Repository, b metadata.Blob, upload string)
	// Failed is called when an upload has ended without a blob. It must not block.
	Failed(upload string)
	// Pushed is called when all else of a push is written.
	Pushed(tx *metadata.Tx, p Push) error
	// Deleting is called before a deletion is done.
	Deleting(tx *metadata.Tx, d Deletion) error
	// Possible is called when the transaction changes what the registry with the
	// row, or with a name a repository of it, may have refused for: a policy, what
	// there is. The transaction must have the registry's or the repository's row
	// for itself, or create it.
	Possible(tx *metadata.Tx, registry int64, at resource.Repository) error
	// Serving is called at the start with all registries that the deployment
	// serves: before they may have been others.
	Serving(tx *metadata.Tx, all []resource.Registry) error
}

// Push is what was pushed to a repository.
type Push struct {
	Repository *metadata.Repository
	Digest     string
	Tags       []string // none for a push by digest
	Sequence   int64    // among the changes of the registry
	At         time.Time
	// Again says that the repository had the image, and that the push brought tags.
	Again bool
}

// Deletion is of a tag or, without one, of an image with all its tags.
type Deletion struct {
	Repository *metadata.Repository
	Tag        string
	Digest     string
}
