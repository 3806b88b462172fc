package replication

import (
	"context"
	"errors"
	"fmt"

	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// AskComparison answers a peer that compares.
func (s *Service) AskComparison(ctx context.Context, from peer.Record,
	m AskedComparison) (AskedComparisonAnswer, error) {
	if !from.MaySend(m.Source) {
		return AskedComparisonAnswer{}, mayNotSend(from, m.Source)
	}
	return s.local.compare(ctx, m)
}

// compare answers a source that compares: InvalidParameter. It decides on each
// repository as a replication would, and says nothing of what the source does not
// name or has not brought itself. What it says takes as many look-ups whether or
// not a repository is there, and is refused.
func (l *local) compare(ctx context.Context, m AskedComparison) (answer AskedComparisonAnswer, err error) {
	if err := m.check(); err != nil {
		return answer, err
	}
	if !l.registry.Exists(m.Destination) {
		return answer, registry.Errorf(registry.InvalidParameter, "There is no account %s with Region %s in the "+
			"deployment: take it out of the replication rule, or add it to the configuration", m.Destination.Account,
			m.Destination.Region)
	}
	done, err := budget.Busy(ctx, m.size())
	if err != nil {
		return answer, err
	}
	defer done()
	q := l.meta.Read(ctx)
	reg, err := q.Registries().Get(m.Destination.Account, m.Destination.Region)
	if err == nil {
		err = l.compareRanges(ctx, q, reg, m, &answer)
	}
	if err == nil {
		err = l.compareImages(ctx, q, reg, m, &answer)
	}
	if err != nil {
		err = fmt.Errorf("compare %s with its source %s: %w", m.Destination, m.Source, err)
	}
	return answer, err
}

func (l *local) compareRanges(ctx context.Context, q *metadata.Queries, reg metadata.Registry, m AskedComparison,
	answer *AskedComparisonAnswer) error {
	if len(m.Ranges) == 0 {
		return nil
	}
	rows, err := q.Registries().IDs([]resource.Registry{m.Source})
	if err != nil {
		return err
	}
	source, known := rows[m.Source]
	if !known {
		source = -1 // which has brought nothing; 0 stands for pushes
	}
	asked := make([]metadata.Answer[[]metadata.RegistryImage], len(m.Ranges))
	for i, r := range m.Ranges {
		asked[i] = metadata.Ask(q, func(q *metadata.Queries) ([]metadata.RegistryImage, error) {
			return q.Images().BroughtBetween(reg.ID, source, metadata.RegistryImage(r.After),
				metadata.RegistryImage(r.Last), r.Count+1)
		})
	}
	found := make([][]metadata.RegistryImage, len(m.Ranges))
	var names []string
	for i, r := range m.Ranges {
		if found[i], err = asked[i].Get(); err != nil {
			return err
		}
		if r.After.Repository == r.Last.Repository {
			names = append(names, r.Last.Repository)
		}
		for k, image := range found[i] {
			if k == 0 || image.Repository != found[i][k-1].Repository {
				names = append(names, image.Repository)
			}
		}
	}
	refusals, err := l.refusals(ctx, q, reg, m, names)
	if err != nil {
		return err
	}
	for i, r := range m.Ranges {
		if r.After.Repository == r.Last.Repository {
			if refused := refusals[r.Last.Repository]; refused != nil {
				answer.Refused = append(answer.Refused, RefusedRange{i, *refused})
				continue
			}
		}
		images := found[i][:0]
		for _, image := range found[i] {
			if refusals[image.Repository] == nil {
				images = append(images, image)
			}
		}
		sortImages(images)
		if len(images) != r.Count || rangeDigest(images) != r.Digest {
			answer.Different = append(answer.Different, i)
		}
	}
	return nil
}

func (l *local) compareImages(ctx context.Context, q *metadata.Queries, reg metadata.Registry, m AskedComparison,
	answer *AskedComparisonAnswer) error {
	if len(m.Repositories) == 0 {
		return nil
	}
	var names []string
	var images []metadata.RegistryImage
	for _, r := range m.Repositories {
		names = append(names, r.Name)
		for _, image := range r.Images {
			images = append(images, metadata.RegistryImage{Repository: r.Name, Digest: image.Digest, Tag: image.Tag})
		}
	}
	refusals, err := l.refusals(ctx, q, reg, m, names)
	if err != nil {
		return err
	}
	found, err := q.Images().Find(reg.ID, images)
	if err != nil {
		return err
	}
	for _, r := range m.Repositories {
		a := ComparedRepositoryAnswer{Refused: refusals[r.Name]}
		for k := range r.Images {
			switch {
			case a.Refused != nil, isThere(images[k], found[k]):
			case found[k].Named == "":
				a.Lacking = append(a.Lacking, k)
			default:
				a.Different = append(a.Different, k)
			}
		}
		images, found = images[len(r.Images):], found[len(r.Images):]
		answer.Repositories = append(answer.Repositories, a)
	}
	return nil
}

// refusals are, by name, those of the repositories that do not let the source in.
func (l *local) refusals(ctx context.Context, q *metadata.Queries, reg metadata.Registry, m AskedComparison,
	names []string) (map[string]*ImageResult, error) {
	names = distinct(names)
	there, err := q.Repositories().Named(reg.ID, names)
	if err != nil {
		return nil, err
	}
	refusals := map[string]*ImageResult{}
	for _, name := range names {
		to, exists := there[name]
		err := l.decide(ctx, admission{
			source: m.Source.Account, to: resource.Repository{Registry: m.Destination, Name: name},
			registryPolicy: reg.Policy, there: exists, policy: to.Policy, tags: to.Tags,
		})
		var refused *Refusal
		switch {
		case err == nil:
		case !errors.As(err, &refused):
			return nil, err
		default:
			refusals[name] = refusedTo(m.Source, m.Destination, refused)
		}
	}
	return refusals, nil
}
