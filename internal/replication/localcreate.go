package replication

import (
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
)

// withTemplate adds to a job whose destination has no such repository the template that it would be created by.
func withTemplate(q *metadata.Queries, job metadata.ReplicationJob) (metadata.ReplicationJob, error) {
	if job.DestinationID != 0 || job.RegistryRow == 0 || job.Deletes {
		return job, nil
	}
	var err error
	job.Template, err = registry.TemplateFor(q, job.RegistryRow, job.RepositoryName, registry.ForReplication)
	return job, err
}

// create creates the repository that the job, which was admitted, replicates into: registry.ErrChangedSince if others
// have meanwhile, or another template holds.
func (l *local) create(tx *metadata.Tx, job metadata.ReplicationJob) (*metadata.Repository, error) {
	r, err := l.registry.CreateFor(tx, destinationOf(job), job.RegistryRow, registry.ForReplication, job.Template)
	if err == nil && r == nil {
		err = registry.ErrChangedSince
	}
	return r, err
}
