package registry

import (
	"context"
	"errors"
	"time"

	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// deletionsKept is for how long the deletions that were replicated, or refused,
// are kept. (Other replications go with their image.)
const deletionsKept = 7 * 24 * time.Hour

// deleteTag removes a tag of a repository that is locked, and records where
// that is to be done, too: false if it was not there.
func (s *Service) deleteTag(tx *metadata.Tx, repo *metadata.Repository, name string) (bool, error) {
	to, err := s.deletionsTo(repo)
	if err != nil {
		return false, err
	}
	if len(to) > 0 {
		tag, err := tx.Tag(repo.ID, name)
		if errors.Is(err, metadata.ErrNotFound) {
			return false, nil
		}
		if err == nil {
			err = s.queueDeletions(tx, repo, metadata.Replication{Digest: tag.Digest, Tag: name}, []string{name}, to)
		}
		if err != nil {
			return false, err
		}
	}
	return tx.DeleteTag(repo, name)
}

// deleteManifest is deleteTag for a manifest with all its tags.
func (s *Service) deleteManifest(tx *metadata.Tx, repo *metadata.Repository, d string) (bool, error) {
	to, err := s.deletionsTo(repo)
	if err != nil {
		return false, err
	}
	if len(to) > 0 {
		tags, err := tx.TagsOf(repo.ID, d, "", maxTagsPerImage)
		if err != nil {
			return false, err
		}
		names := make([]string, len(tags))
		for i, t := range tags {
			names[i] = t.Name
		}
		if err := s.queueDeletions(tx, repo, metadata.Replication{Digest: d}, names, to); err != nil {
			return false, err
		}
	}
	return tx.DeleteManifest(repo, d)
}

// deletionsTo are the destinations of a repository's deletions.
func (s *Service) deletionsTo(repo *metadata.Repository) ([]resource.Registry, error) {
	rules, err := s.parseRules(resource.Registry{Account: repo.Account, Region: repo.Region}, repo.Replication)
	if err != nil {
		return nil, err
	}
	var deleting []ReplicationRule
	for _, r := range rules {
		if r.Deletes != nil && *r.Deletes {
			deleting = append(deleting, r)
		}
	}
	var keys []resource.Registry
	for _, id := range destinations(deleting, repo.Name) {
		keys = append(keys, resource.Registry{Account: id.Account, Region: id.Region})
	}
	return keys, nil
}

// queueDeletions records, in the transaction of a deletion and before it is
// done, where it is to be replicated. It is numbered as pushes are, so that what
// a newer one brings stays.
func (s *Service) queueDeletions(tx *metadata.Tx, repo *metadata.Repository, d metadata.Replication, tags []string,
	to []resource.Registry) error {
	sequence, err := tx.NextSequence(repo.RegistryID)
	if err != nil {
		return err
	}
	now := s.now()
	d.RepositoryID, d.Sequence, d.PushedAt, d.NextTryAt = repo.ID, sequence, now, now.Add(takeover)
	due, err := tx.QueueDeletions(d, tags, to, repo.Account)
	if err != nil || len(due) == 0 {
		return err
	}
	tx.OnCommit(func() {
		ids := make([]int64, len(due))
		for i, one := range due {
			ids[i] = one.ID
		}
		s.wakeReplications(due)
		s.changes.Notify(changes.Change{Registry: repo.RegistryID, Replications: ids})
	})
	return nil
}

// deleteReplicated deletes at the destination what the source has deleted, as
// far as replications from there have brought it and nothing newer has come; or
// it returns a refusal. That there is nothing to delete is none.
func (s *Service) deleteReplicated(ctx context.Context, tx *metadata.Tx, job metadata.ReplicationJob) error {
	if err := s.admit(ctx, tx, job); err != nil || job.DestinationID == 0 {
		return err
	}
	repo, err := tx.LockRepository(job.DestinationID)
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
	if err := tx.DeleteReplicatedTags(repo, job.Tags, d, job.SourceRegistryID, job.Sequence); err != nil || !whole {
		return err
	}
	for todo := []metadata.ChildDeletion{{Digest: d, Sequence: job.Sequence}}; len(todo) > 0; todo = todo[1:] {
		// Deletions come in any order: one of a child that came before left it to its index.
		children, err := tx.ChildDeletions(job, todo[0].Digest)
		if err != nil {
			return err
		}
		deleted, err := tx.DeleteReplicatedManifest(repo, todo[0].Digest, job.SourceRegistryID, todo[0].Sequence)
		if err != nil {
			return err
		}
		if deleted {
			todo = append(todo, children...)
		}
	}
	return nil
}
