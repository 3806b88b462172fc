package replication

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// A comparison asks a destination about digests of ranges of images, and then
// about parts of those that differ, until these have few images, each of which it
// asks about. So what goes over the network grows with what differs, and where
// nothing does a page is one message. It is no snapshot: what is replicated or
// pushed meanwhile may be seen as it was before or as it is after.

const (
	// maxCompared is how many images of the source a page compares.
	maxCompared = 1 << 14
	// rangeParts is how many parts a range is split into, and fewImages how many
	// images it has when each is asked about instead.
	rangeParts = 16
	fewImages  = 64
	// MaxDifferences is how many differences a page has at most.
	MaxDifferences = 1000
)

// DifferenceKind says how a destination differs from its source.
type DifferenceKind string

const (
	ImageLacking      DifferenceKind = "LACKING"   // the image, or its tag, is not there
	ImageDifferent    DifferenceKind = "DIFFERENT" // the tag names another image
	RepositoryRefused DifferenceKind = "REFUSED"   // the destination does not let the source into the repository
)

// Difference is one between a source and a destination.
type Difference struct {
	Kind       DifferenceKind
	Repository string
	// The image at the source: none of a repository that is refused.
	Digest digest.Digest
	Tag    string // "" for an image without one
	// Failure is that of a replication into a repository that is refused.
	Failure Failure
}

// CompareRequest says what to compare.
type CompareRequest struct {
	Destination resource.Registry
	// Repository is the only one to compare; "" compares all that the rules send there.
	Repository string
	// Repair has what is lacking or different replicated again.
	Repair bool
}

// Comparison is a page of a comparison.
type Comparison struct {
	Differences []Difference
	Compared    int // images of the source
	Queued      int // replications, for repair
	// Next is where the next page begins; "" if there is none.
	Next string
}

// Compare says what the destination lacks, or has otherwise, of the repositories
// that the registry's rules send there: InvalidParameter, Validation,
// RepositoryNotFound; Throttled if trying again later helps. It changes nothing but
// by repair. What the destination has beyond is not shown.
func (s *Service) Compare(ctx context.Context, c access.Caller, source resource.Registry, r CompareRequest,
	p registry.Page) (Comparison, error) {
	reg, err := s.registry.Settings(ctx, c, source, access.DescribeRegistry)
	if err == nil && r.Repair {
		reg, err = s.registry.Settings(ctx, c, source, access.PutReplicationConfiguration)
	}
	if err != nil {
		return Comparison{}, err
	}
	return s.comparePage(ctx, reg, source, r, p)
}

// CompareForOperator is Compare for who runs the deployment: no policy holds for them.
func (s *Service) CompareForOperator(ctx context.Context, source resource.Registry, r CompareRequest,
	p registry.Page) (Comparison, error) {
	if !s.registry.Exists(source) {
		return Comparison{}, registry.Errorf(registry.InvalidParameter, "The registry %s is not served by this "+
			"deployment: compare where it is", source)
	}
	reg, err := s.meta.Read(ctx).Registries().Get(source.Account, source.Region)
	if err != nil {
		return Comparison{}, fmt.Errorf("look up registry %s: %w", source, err)
	}
	return s.comparePage(ctx, reg, source, r, p)
}

func (s *Service) comparePage(ctx context.Context, reg metadata.Registry, source resource.Registry, r CompareRequest,
	p registry.Page) (Comparison, error) {
	after, err := comparedKey(p.After)
	if err != nil {
		return Comparison{}, err
	}
	scopes, err := s.comparedScopes(ctx, reg, source, r)
	if err != nil {
		return Comparison{}, err
	}
	c := &comparison{
		source: source, destination: r.Destination, after: after, limit: min(p.Limit, MaxDifferences),
		ask: s.comparer(r.Destination), refused: map[string]ImageResult{},
	}
	var more bool
	if c.images, more, err = s.imagesAfter(ctx, reg.ID, scopes, after, maxCompared); err != nil {
		return Comparison{}, fmt.Errorf("list the images of %s: %w", source, err)
	}
	if err := c.run(ctx); err != nil {
		return Comparison{}, s.comparisonError(ctx, r.Destination, err)
	}
	page := c.page(more)
	if page.Differences, err = s.stillDiffer(ctx, reg.ID, page.Differences); err != nil {
		return Comparison{}, fmt.Errorf("look up images of %s: %w", source, err)
	}
	if r.Repair {
		return s.repairPage(ctx, c, page)
	}
	return page, nil
}

// comparedKey reads where a page of a comparison begins: InvalidParameter.
func comparedKey(after string) (k metadata.RegistryImage, err error) {
	if after == "" {
		return k, nil
	}
	parts := strings.Split(after, keySeparator)
	if len(parts) == 3 {
		k = metadata.RegistryImage{Repository: parts[0], Digest: parts[1], Tag: parts[2]}
		if ImageKey(k).valid() || registry.ValidName(k.Repository) && k == endOf(k.Repository) {
			return k, nil
		}
	}
	return k, registry.Errorf(registry.InvalidParameter, "'%s' is not where a page of a comparison ended",
		registry.Shorten(after))
}

// endOf is a key after all images of a repository.
func endOf(repository string) metadata.RegistryImage {
	return metadata.RegistryImage{Repository: repository, Digest: "~"}
}

// scope are repositories: the one of the name, or all whose names begin with it.
type scope struct {
	name string
	one  bool
}

// comparedScopes are those that are to be compared, in order.
func (s *Service) comparedScopes(ctx context.Context, reg metadata.Registry, source resource.Registry,
	r CompareRequest) ([]scope, error) {
	if r.Destination == source {
		return nil, sameRegistry("destination")
	}
	rules, err := s.outbox.rules(source, reg.Replication)
	if err != nil {
		return nil, err
	}
	scopes := scopesTo(rules, r.Destination)
	if len(scopes) == 0 {
		return nil, registry.Errorf(registry.InvalidParameter, "No replication rule of the registry %s sends images "+
			"to %s: compare with a destination of its rules, or add a rule", source, r.Destination)
	}
	if r.Repository == "" {
		return scopes, nil
	}
	ref := resource.Repository{Registry: source, Name: r.Repository}
	if !registry.ValidName(ref.Name) {
		return nil, registry.Errorf(registry.InvalidParameter, "'%s' is not the name of a repository",
			registry.Shorten(ref.Name))
	}
	_, err = s.meta.Repository(ctx, source.Account, source.Region, ref.Name, nil)
	if errors.Is(err, metadata.ErrNotFound) {
		return nil, registry.Errorf(registry.RepositoryNotFound, "The repository with name '%s' does not exist in the "+
			"registry with id '%s'", ref.Name, source.Account)
	}
	if err != nil {
		return nil, fmt.Errorf("look up repository %s: %w", ref, err)
	}
	if !slices.Contains(destinations(rules, ref.Name), r.Destination) {
		return nil, registry.Errorf(registry.InvalidParameter, "No replication rule sends images of the repository %s "+
			"to %s: add it to a rule first", ref, r.Destination)
	}
	return []scope{{ref.Name, true}}, nil
}

// scopesTo are the repositories that rules send to a destination.
func scopesTo(rules []Rule, destination resource.Registry) (scopes []scope) {
	var prefixes []string
	for _, rule := range rules {
		switch {
		case !slices.Contains(rule.Destinations, destination):
		case len(rule.Prefixes) == 0:
			prefixes = append(prefixes, "")
		default:
			prefixes = append(prefixes, rule.Prefixes...)
		}
	}
	for _, prefix := range disjoint(prefixes) {
		scopes = append(scopes, scope{name: prefix})
	}
	return scopes
}

// disjoint sorts prefixes, and leaves out those that another contains: so their
// names are ranges one after the other.
func disjoint(prefixes []string) (some []string) {
	for _, p := range slices.Sorted(slices.Values(prefixes)) {
		if n := len(some); n == 0 || !strings.HasPrefix(p, some[n-1]) {
			some = append(some, p)
		}
	}
	return some
}

// imagesAfter lists the images of the registry's scopes after a key, in order. more says
// that there may be others after them.
func (s *Service) imagesAfter(ctx context.Context, registry int64, scopes []scope, after metadata.RegistryImage,
	limit int) (images []metadata.RegistryImage, more bool, err error) {
	done, err := budget.Busy(ctx, limit*comparedSize)
	if err != nil {
		return nil, false, err
	}
	defer done()
	q := s.meta.Read(ctx)
	for _, scope := range scopes {
		if after.Repository >= scope.name && !strings.HasPrefix(after.Repository, scope.name) {
			continue // it comes before
		}
		if images, more, err = listScope(q, registry, scope, after, images, limit); err != nil || more {
			return images, more, err
		}
	}
	return images, false, nil
}

// listScope appends the images of one scope, in order. It asks about one repository first,
// and about as many at once as will have no more images than there is room for.
func listScope(q *metadata.Queries, registry int64, of scope, after metadata.RegistryImage,
	images []metadata.RegistryImage, limit int) ([]metadata.RegistryImage, bool, error) {
	first, most := max(after.Repository, of.name), 1
	for {
		names, err := q.Repositories().Names(registry, of.name, first, most)
		if err != nil || len(names) == 0 {
			return images, false, err
		}
		if of.one && names[0].Name != of.name {
			return images, false, nil
		}
		if names[0].Name != after.Repository {
			after = metadata.RegistryImage{Repository: names[0].Name}
		}
		room := limit - len(images)
		if room == 0 {
			return images, true, nil
		}
		last := names[len(names)-1].Name
		var found []metadata.RegistryImage
		if len(names) == 1 {
			found, err = q.Images().Ordered(names[0], after.Digest, after.Tag, room+1)
		} else {
			found, err = q.Images().Between(registry, after, endOf(last), room+1)
			sortImages(found)
		}
		switch {
		case err != nil:
			return images, false, err
		case len(found) > room && len(names) == 1:
			return append(images, found[:room]...), true, nil
		case len(found) > room:
			most = max(1, len(names)/rangeParts)
			continue
		}
		images = append(images, found...)
		if of.one {
			return images, false, nil
		}
		first, after = last+" ", metadata.RegistryImage{} // the next name, as names have no spaces
		// Half of what there is room for, if the next are like these.
		most = max(1, min(rangeParts*len(names), len(names)*(limit-len(images))/(2*(len(found)+1)), limit))
	}
}

// comparer is what answers for a destination.
func (s *Service) comparer(destination resource.Registry) func(context.Context,
	AskedComparison) (AskedComparisonAnswer, error) {
	if s.outbox.peers != nil {
		if p, ok := s.outbox.peers.Of(destination); ok {
			return s.laneTo(p).remote.compare
		}
	}
	return s.local.compare
}

// compare asks the peer.
func (r *remote) compare(ctx context.Context, m AskedComparison) (answer AskedComparisonAnswer, err error) {
	err = r.client.Call(ctx, OperationCompare, m, &answer)
	return answer, err
}

// comparisonError is what a caller may know of why a destination was not compared.
func (s *Service) comparisonError(ctx context.Context, destination resource.Registry, err error) error {
	e, ok := errors.AsType[*peer.Error](err)
	if !ok || ctx.Err() != nil {
		return err
	}
	name := destination.String()
	if p, known := s.outbox.peers.Of(destination); known {
		name = p.Name
	}
	code := registry.Validation
	switch {
	case e.Temporary():
		code = registry.Throttled
	case e.Code == PeerNotGranted:
		code = registry.AccessDenied
	}
	return &registry.Error{
		Code: code, Message: fmt.Sprintf("The deployment '%s' did not compare: %s", name, e.Message), Err: err,
	}
}

// comparison is one page.
type comparison struct {
	source, destination resource.Registry
	after               metadata.RegistryImage
	limit               int // of differences
	ask                 func(context.Context, AskedComparison) (AskedComparisonAnswer, error)

	images []metadata.RegistryImage
	// What is known of them: how each differs, "" if it does not, and which
	// repositories are refused.
	kinds   []DifferenceKind
	refused map[string]ImageResult
	settled int // how many of the images are compared
}

// span is a range of the page's images.
type span struct{ from, to int }

// split splits a span into parts.
func (r span) split() (parts []span) {
	size := max(fewImages, (r.to-r.from+rangeParts-1)/rangeParts)
	for from := r.from; from < r.to; from += size {
		parts = append(parts, span{from, min(from+size, r.to)})
	}
	return parts
}

// run compares the images, as far as there is room for differences.
func (c *comparison) run(ctx context.Context) error {
	c.kinds = make([]DifferenceKind, len(c.images))
	var differ []span
	for todo := (span{0, len(c.images)}).split(); len(todo) > 0; {
		asked := todo[:min(len(todo), MaxComparedRanges)]
		different, err := c.askRanges(ctx, asked)
		if err != nil {
			return err
		}
		todo = slices.Clone(todo[len(asked):])
		for _, r := range different {
			if r.to-r.from > fewImages {
				todo = append(todo, r.split()...)
			} else {
				differ = append(differ, r)
			}
		}
	}
	slices.SortFunc(differ, func(a, b span) int { return a.from - b.from })
	return c.askImages(ctx, differ)
}

// askRanges returns those of the spans that differ.
func (c *comparison) askRanges(ctx context.Context, spans []span) (different []span, err error) {
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	m := AskedComparison{Source: c.source, Destination: c.destination}
	for _, r := range spans {
		m.Ranges = append(m.Ranges, ComparedRange{
			After: c.before(r.from), Last: ImageKey(c.images[r.to-1]), Count: r.to - r.from,
			Digest: rangeDigest(c.images[r.from:r.to]),
		})
	}
	answer, err := c.ask(ctx, m)
	if err != nil {
		return nil, err
	}
	for _, r := range answer.Refused {
		if r.Range < 0 || r.Range >= len(spans) {
			return nil, garbledComparison()
		}
		c.refused[c.images[spans[r.Range].from].Repository] = r.Refused
	}
	for _, i := range answer.Different {
		if i < 0 || i >= len(spans) || len(different) > 0 && spans[i].from <= different[len(different)-1].from {
			return nil, garbledComparison()
		}
		different = append(different, spans[i])
	}
	return different, nil
}

// before is the place before an image of the page.
func (c *comparison) before(i int) ImageKey {
	switch {
	case i > 0:
		return ImageKey(c.images[i-1])
	case c.after.Repository == c.images[0].Repository:
		return ImageKey(c.after)
	}
	return ImageKey{Repository: c.images[0].Repository}
}

// garbledComparison is the error for an answer that does not fit what was asked.
func garbledComparison() error {
	return &peer.Error{Code: peer.Garbage, Message: "Its answer does not fit what was asked."}
}

// askImages asks about the images of the spans, in order, until there are enough differences.
func (c *comparison) askImages(ctx context.Context, spans []span) error {
	c.settled = len(c.images)
	found := len(c.refused)
	var asked []int // images
	for k, r := range spans {
		for i := r.from; i < r.to; i++ {
			if _, refused := c.refused[c.images[i].Repository]; !refused {
				asked = append(asked, i)
			}
		}
		if len(asked) == 0 || k+1 < len(spans) && len(asked)+fewImages <= MaxComparedImages {
			continue
		}
		n, err := c.askSome(ctx, asked)
		if err != nil {
			return err
		}
		if found += n; found >= c.limit && k+1 < len(spans) {
			c.settled = spans[k+1].from
			return nil
		}
		asked = asked[:0]
	}
	return nil
}

// askSome asks about images, and returns how many differences it has found.
func (c *comparison) askSome(ctx context.Context, asked []int) (found int, err error) {
	m := AskedComparison{Source: c.source, Destination: c.destination}
	var of [][]int // by repository
	for _, i := range asked {
		image := c.images[i]
		if n := len(m.Repositories); n == 0 || m.Repositories[n-1].Name != image.Repository {
			m.Repositories, of = append(m.Repositories, ComparedRepository{Name: image.Repository}), append(of, nil)
		}
		n := len(m.Repositories) - 1
		m.Repositories[n].Images = append(m.Repositories[n].Images, ComparedImage{image.Digest, image.Tag})
		of[n] = append(of[n], i)
	}
	answer, err := c.ask(ctx, m)
	if err != nil {
		return 0, err
	}
	if len(answer.Repositories) != len(of) {
		return 0, garbledComparison()
	}
	for n, a := range answer.Repositories {
		if a.Refused != nil {
			c.refused[m.Repositories[n].Name] = *a.Refused
			found++
			continue
		}
		for kind, places := range map[DifferenceKind][]int{ImageLacking: a.Lacking, ImageDifferent: a.Different} {
			for _, k := range places {
				if k < 0 || k >= len(of[n]) {
					return 0, garbledComparison()
				}
				c.kinds[of[n][k]] = kind
				found++
			}
		}
	}
	return found, nil
}

// page is what was found, up to the limit. more says that the source has images
// after these.
func (c *comparison) page(more bool) Comparison {
	var page Comparison
	last := "" // the last repository that is refused
	for i, image := range c.images[:c.settled] {
		result, refused := c.refused[image.Repository]
		switch {
		case refused && image.Repository == last, !refused && c.kinds[i] == "":
			// There is nothing more to say.
		case len(page.Differences) == c.limit:
			page.Compared, page.Next = i, c.next(i)
			return page
		case refused:
			last = image.Repository
			page.Differences = append(page.Differences, Difference{
				Kind: RepositoryRefused, Repository: last, Failure: failureOf(result.Code, result.Reason,
					resource.Repository{Registry: c.source, Name: last}, c.destination),
			})
		default:
			page.Differences = append(page.Differences, Difference{
				Kind: c.kinds[i], Repository: image.Repository, Digest: digest.Digest(image.Digest), Tag: image.Tag,
			})
		}
	}
	page.Compared = c.settled
	if more || c.settled < len(c.images) {
		page.Next = c.next(c.settled)
	}
	return page
}

// next is where the page after n images begins: behind a repository that is
// refused, as that is all there is to say of it.
func (c *comparison) next(n int) string {
	last := c.after
	if n > 0 {
		last = c.images[n-1]
		if _, refused := c.refused[last.Repository]; refused {
			last = endOf(last.Repository)
		}
	}
	return strings.Join([]string{last.Repository, last.Digest, last.Tag}, keySeparator)
}

// stillDiffer leaves out what has changed at the source since it was listed.
func (s *Service) stillDiffer(ctx context.Context, registry int64, all []Difference) ([]Difference, error) {
	images := make([]metadata.RegistryImage, len(all))
	for i, d := range all {
		images[i] = metadata.RegistryImage{Repository: d.Repository, Digest: string(d.Digest), Tag: d.Tag}
	}
	if len(all) == 0 {
		return nil, nil
	}
	found, err := s.meta.Read(ctx).Images().Find(registry, images)
	if err != nil {
		return nil, err
	}
	var still []Difference
	for i, d := range all {
		if d.Kind == RepositoryRefused || isThere(images[i], found[i]) {
			still = append(still, d)
		}
	}
	return still, nil
}

// isThere reports whether a registry has an image as it was looked for.
func isThere(image metadata.RegistryImage, found metadata.FoundImage) bool {
	if image.Tag == "" {
		return found.There
	}
	return found.Named == image.Digest
}
