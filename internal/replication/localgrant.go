package replication

import (
	"context"
	"errors"
	"fmt"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// admit returns a refusal unless the destination lets the job in, or
// registry.ErrChangedSince. again reads the job once more.
func (l *local) admit(ctx context.Context, tx *metadata.Tx, job metadata.ReplicationJob,
	again func() (metadata.ReplicationJob, error)) error {
	err := l.decide(ctx, admissionOf(job))
	var refused *Refusal
	if !errors.As(err, &refused) || job.RegistryRow == 0 {
		return err
	}
	// What changes the destination makes due again what was refused before: so a
	// refusal must not be decided on what is being changed.
	if err := tx.Registries().Share(job.RegistryRow); err != nil {
		return err
	}
	if job.DestinationID != 0 {
		if _, err := tx.Repositories().Share(job.DestinationID); err != nil && !errors.Is(err, metadata.ErrNotFound) {
			return err
		}
	}
	now, err := again()
	if err != nil {
		return err
	}
	if err := l.decide(ctx, admissionOf(now)); err != nil {
		return err
	}
	// It is let in by now. But the transaction shares rows, and would have to lock them to
	// go on: two of them would wait for each other, and the owner's next change for both.
	return registry.ErrChangedSince
}

// admission is a question: does the destination take an image, or a deletion?
type admission struct {
	source  string // account
	to      resource.Repository
	deletes bool
	// What there is at the destination, or would be.
	registryPolicy string
	there          bool // the repository
	policy         string
	tags           []resource.Tag
	imageTags      []string // that it sets, or removes
}

func admissionOf(job metadata.ReplicationJob) admission {
	a := admission{
		source: job.SourceAccount, to: destinationOf(job), deletes: job.Deletes,
		registryPolicy: job.RegistryPolicy, there: job.DestinationID != 0, policy: job.DestinationPolicy,
		tags: job.DestinationTags, imageTags: job.Tags,
	}
	if !job.Deletes && job.Tag != "" {
		a.imageTags = []string{job.Tag}
	}
	a.createBy(job.Template)
	return a
}

// createBy decides on a repository that is not there as it would be created.
func (a *admission) createBy(t *registry.CreationTemplate) {
	if t != nil && !a.there {
		a.policy, a.tags = t.Policy, t.Tags
	}
}

// decide returns a refusal unless the destination takes the image, or the
// deletion. It decides at every replication: its registry policy must allow it, and
// neither that nor the repository's policy may deny it. An Allow of the repository's
// policy is none: ECR documents the registry policy, and no other, as what lets
// replications in.
func (l *local) decide(ctx context.Context, a admission) error {
	to := a.to.Registry
	if !l.registry.Exists(to) {
		return &Refusal{Code: failureNoDestination, Reason: fmt.Sprintf("There is no account %s with Region %s in "+
			"this deployment. Add it to the configuration, or take it out of the replication rule.", to.Account, to.Region)}
	}
	if a.source == to.Account && a.registryPolicy == "" && a.policy == "" {
		return nil // nothing that could deny
	}
	p, own := l.access.RegistryPolicy(to, a.registryPolicy), policy.Policy{}
	if a.policy != "" {
		own = l.access.RepositoryPolicy(a.to, a.policy)
	}
	caller := access.Replicator(a.source)
	decide := func(action string) (d access.Decision) {
		about := access.About{Tags: a.tags, ImageTags: a.imageTags}
		r := access.Request{Caller: caller, Action: action, On: a.to, About: about}
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
	case a.deletes:
		// What lets images in lets them out again, unless that is denied.
		d, code = decide(access.BatchDeleteImage), failureDeleteNotAllowed
		refused = !d.Allowed() && d.Outcome != policy.ImplicitDeny
	case !a.there:
		d, code = decide(access.CreateRepository), failureCreateNotAllowed
		refused = !d.Allowed()
	}
	if err := ctx.Err(); err != nil {
		return err // what was not evaluated was not refused
	}
	if refused {
		source := resource.Repository{Registry: resource.Registry{Account: a.source}, Name: a.to.Name}
		return refuse(code, source, to, d)
	}
	return nil
}

// refuse is a refusal. Its reason names what denies it within the account, and
// nothing of another account's.
func refuse(code string, source resource.Repository, destination resource.Registry, d access.Decision) *Refusal {
	if source.Registry.Account != destination.Account {
		return &Refusal{Code: code, Reason: refusedAbroad(source, destination)}
	}
	return &Refusal{Code: code, Reason: d.Reason() +
		" Change that statement; the replication is tried again when the policy changes."}
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
	q := l.meta.Read(ctx)
	templates := map[string]metadata.Answer[*registry.CreationTemplate]{}
	for _, name := range names {
		if _, exists := there[name]; !exists {
			templates[name] = metadata.Ask(q, func(q *metadata.Queries) (*registry.CreationTemplate, error) {
				return registry.TemplateFor(q, reg.ID, name, registry.ForReplication)
			})
		}
	}
	for _, name := range names {
		to, exists := there[name]
		a := admission{
			source: source.Account, to: resource.Repository{Registry: destination, Name: name},
			registryPolicy: reg.Policy, there: exists, policy: to.Policy, tags: to.Tags,
		}
		if !exists {
			t, err := templates[name].Get()
			if err != nil {
				return "", err
			}
			a.createBy(t)
		}
		if err := l.decide(ctx, a); err != nil {
			return name, err
		}
	}
	return "", nil
}
