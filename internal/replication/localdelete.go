package replication

import (
	"context"
	"errors"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
)

// deleteReplicated deletes at the destination what the source has deleted, as
// far as replications from there have brought it and nothing newer has come; or
// it returns a refusal. That there is nothing to delete is none. again is as for admit.
func (l *local) deleteReplicated(ctx context.Context, tx *metadata.Tx, job metadata.ReplicationJob,
	again func() (metadata.ReplicationJob, error)) error {
	if err := l.admit(ctx, tx, job, again); err != nil {
		return err
	}
	if job.DestinationID == 0 {
		return l.stillNone(tx, job, again)
	}
	repo, err := tx.Repositories().Lock(job.DestinationID)
	if errors.Is(err, metadata.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	whole := job.Tag == ""
	d := ""
	if whole {
		d = job.Digest
	}
	if err := tx.Deletions().DeleteTags(repo, job.Tags, d, job.SourceRegistryRow, job.Sequence); err != nil || !whole {
		return err
	}
	for todo := []metadata.ChildDeletion{{Digest: d, Sequence: job.Sequence}}; len(todo) > 0; todo = todo[1:] {
		// Deletions come in any order: one of a child that came before left it to its index.
		children, err := tx.Deletions().Children(job, todo[0].Digest)
		if err != nil {
			return err
		}
		deleted, err := tx.Deletions().DeleteManifest(repo, todo[0].Digest, job.SourceRegistryRow, todo[0].Sequence)
		if err != nil {
			return err
		}
		if deleted {
			todo = append(todo, children...)
		}
	}
	return nil
}

// stillNone keeps the repository that a deletion did not find from being created until the
// deletion is recorded: registry.ErrChangedSince if it has been meanwhile. What comes
// later compares with that record, and what came before would stay.
func (l *local) stillNone(tx *metadata.Tx, job metadata.ReplicationJob,
	again func() (metadata.ReplicationJob, error)) error {
	if err := tx.Registries().Share(job.RegistryRow); err != nil {
		return err
	}
	now, err := again()
	if err == nil && now.DestinationID != 0 {
		err = registry.ErrChangedSince
	}
	return err
}
