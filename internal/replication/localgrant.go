package replication

import (
	"context"
	"errors"
	"fmt"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// errChangedSince ends a transaction whose destination has been changed since the
// transaction began: it allows the replication now, or its tags are mutable now or are
// not any more. The transaction shares rows, and would have to lock them to go on: two
// of them would wait for each other, and the owner's next change for both.
var errChangedSince = errors.New("the destination has just been changed")

// admit returns a refusal unless the destination lets the job in, or errChangedSince.
func (l *local) admit(ctx context.Context, tx *metadata.Tx, job metadata.ReplicationJob) error {
	err := l.mayReplicate(ctx, job)
	var refused *Refusal
	if !errors.As(err, &refused) || job.RegistryID == 0 {
		return err
	}
	// What changes the destination makes due again what was refused before: so a
	// refusal must not be decided on what is being changed.
	if err := tx.Registries().Share(job.RegistryID); err != nil {
		return err
	}
	if job.DestinationID != 0 {
		if _, err := tx.Repositories().Share(job.DestinationID); err != nil && !errors.Is(err, metadata.ErrNotFound) {
			return err
		}
	}
	now, err := claim(tx, job.ID)
	if err != nil {
		return err
	}
	if err := l.mayReplicate(ctx, now); err != nil {
		return err
	}
	return errChangedSince
}

// mayReplicate returns a refusal unless the destination takes the image, or the
// deletion. It decides at every replication: its registry policy must allow it, and
// neither that nor the repository's policy may deny it. An Allow of the repository's
// policy is none: ECR documents the registry policy, and no other, as what lets
// replications in.
func (l *local) mayReplicate(ctx context.Context, job metadata.ReplicationJob) error {
	source := resource.Repository{
		Registry: resource.Registry{Account: job.SourceAccount, Region: ""}, Name: job.RepositoryName,
	}
	to := resource.Repository{
		Registry: resource.Registry{Account: job.DestinationAccount, Region: job.DestinationRegion}, Name: job.RepositoryName,
	}
	if !l.registry.Exists(to.Registry) {
		return &Refusal{Code: failureNoDestination, Reason: fmt.Sprintf("There is no account %s with Region %s in "+
			"this deployment. "+
			"Add it to the configuration, or take it out of the replication rule.", to.Registry.Account, to.Registry.Region)}
	}
	if job.SourceAccount == to.Registry.Account && job.RegistryPolicy == "" && job.DestinationPolicy == "" {
		return nil // nothing that could deny
	}
	p, own := l.access.RegistryPolicy(to.Registry, job.RegistryPolicy), policy.Policy{}
	if job.DestinationPolicy != "" {
		own = l.access.RepositoryPolicy(to, job.DestinationPolicy)
	}
	caller := access.Replicator(job.SourceAccount)
	decide := func(action string) (d access.Decision) {
		r := access.Request{Caller: caller, Action: action, On: to, About: access.About{Tags: job.DestinationTags}}
		d, _ = l.access.Decide(ctx, r, p)
		if d.Allowed() || d.Outcome == policy.ImplicitDeny {
			if own, _ := l.access.Decide(ctx, r, own); own.Outcome != policy.Allowed && own.Outcome != policy.ImplicitDeny {
				d = own
			}
		}
		return d
	}
	d, code := decide(access.ReplicateImage), failureReplicateNotAllowed
	refused := !d.Allowed()
	switch {
	case refused:
	case job.Deletes:
		// What lets images in lets them out again, unless that is denied.
		d, code = decide(access.BatchDeleteImage), failureDeleteNotAllowed
		refused = !d.Allowed() && d.Outcome != policy.ImplicitDeny
	case job.DestinationID == 0:
		d, code = decide(access.CreateRepository), failureCreateNotAllowed
		refused = !d.Allowed()
	}
	if err := ctx.Err(); err != nil {
		return err // what was not evaluated was not refused
	}
	if refused {
		return refuse(code, source, to.Registry, d)
	}
	return nil
}

// refuse is a refusal. Its reason names what denies it within the account, and
// nothing of another account'l.
func refuse(code string, source resource.Repository, destination resource.Registry, d access.Decision) *Refusal {
	if source.Registry.Account != destination.Account {
		return &Refusal{code, refusedAbroad(source, destination)}
	}
	return &Refusal{code, d.Reason() + " Change that statement; the replication is tried again when the policy changes."}
}

// Check implements Destination.
func (l *local) Check(ctx context.Context, source, destination resource.Registry,
	names []string) (refused string, err error) {
	var reg metadata.Registry
	var there map[string]metadata.NamedRepository
	if l.registry.Exists(destination) {
		if reg, err = l.meta.Read(ctx).Registries().Get(destination.Account, destination.Region); err == nil {
			there, err = l.meta.Read(ctx).Repositories().Named(reg.ID, names)
		}
		if err != nil {
			return "", err
		}
	}
	for _, name := range names {
		to := there[name]
		err := l.mayReplicate(ctx, metadata.ReplicationJob{
			Replication:   metadata.Replication{DestinationAccount: destination.Account, DestinationRegion: destination.Region},
			SourceAccount: source.Account, RepositoryName: name,
			RegistryID: reg.ID, RegistryPolicy: reg.Policy, DestinationID: to.ID, DestinationPolicy: to.Policy,
			DestinationTags: to.Tags,
		})
		if err != nil {
			return name, err
		}
	}
	return "", nil
}
