package expiry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// fresh is for how long a preview shows what it found.
const fresh = 24 * time.Hour

// Preview is what a policy would do to the images of a repository.
type Preview struct {
	Text   string // of the policy, as it was sent
	Status PreviewStatus
	Note   string // why it failed
	// How many images it would act on, and the bytes of those that would expire.
	Expiring, Transitioning, Bytes int64

	BeganAt time.Time
	EndedAt time.Time // zero if it has not
}

// PreviewStatus is how far a preview has come.
type PreviewStatus string

// The statuses of previews, in ECR's words.
const (
	PreviewInProgress PreviewStatus = "IN_PROGRESS"
	PreviewComplete   PreviewStatus = "COMPLETE"
	PreviewExpired    PreviewStatus = "EXPIRED" // a day has passed since it ended
	PreviewFailed     PreviewStatus = "FAILED"
)

// Marked is an image that a policy acts on, as it was when it was found.
type Marked struct {
	Digest       digest.Digest
	Tags         []string
	PushedAt     time.Time
	Size         int64
	StorageClass string  // as the policy language has it
	Action       string  // as the policy language has it
	Priority     int     // of the rule
	Outcome      Outcome // of a run
	Reason       string  // of the outcome
}

// Outcome is what a run has done about an image.
type Outcome string

// The outcomes.
const (
	Waiting Outcome = "WAITING" // it has yet to act
	Expired Outcome = "EXPIRED"
	Kept    Outcome = "KEPT" // when the run came to it, the policy did not act on it any more
)

// StartPreview begins to find what a policy would do, and returns its text; an
// empty text means the repository's own policy: LifecyclePolicyNotFound,
// LifecyclePolicyPreviewInProgress, InvalidParameter.
func (s *Service) StartPreview(ctx context.Context, c access.Caller, ref resource.Repository,
	text string) (string, error) {
	r, err := s.registry.Repository(ctx, c, ref, access.StartLifecyclePolicyPreview)
	if err != nil {
		return "", err
	}
	if text != "" {
		if _, err := registry.ParseLifecyclePolicy("LifecyclePolicyText", text); err != nil {
			return "", err
		}
	}
	sent := text
	err = s.registry.Alter(ctx, r, func(tx *metadata.Tx, r *metadata.Repository) error {
		if text = sent; text == "" {
			p, err := policyOf(tx.Queries, r, ref)
			if err != nil {
				return err
			}
			text = p.Text
		}
		last, err := tx.Lifecycle().Evaluations(r.ID, metadata.LifecyclePreview, 0, 1)
		if err != nil {
			return err
		}
		if len(last) > 0 {
			if last[0].EndedAt.IsZero() {
				return registry.Errorf(registry.LifecyclePolicyPreviewInProgress, "The previous lifecycle policy preview "+
					"request for the repository with name '%s' has not completed. Wait and try again.", ref.Name)
			}
			if err := tx.Lifecycle().ReplacePreviews(r, s.now()); err != nil {
				return err
			}
		}
		return tx.Lifecycle().Begin(&metadata.Evaluation{
			RepositoryID: r.ID, Kind: metadata.LifecyclePreview, Policy: text, Status: metadata.EvaluationInProgress,
			BeganAt: s.now(),
		})
	})
	if err == nil {
		s.hurry()
	}
	return text, err
}

// hurry has the job of previews run, in this process if no other runs it.
func (s *Service) hurry() {
	if call := s.asked.Load(); call != nil {
		(*call)()
	}
}

// preview is the last of a repository, for a caller who may see it; its id is 0
// where it has no images to show: LifecyclePolicyPreviewNotFound.
func (s *Service) preview(ctx context.Context, c access.Caller, ref resource.Repository) (r *metadata.Repository,
	p Preview, id int64, err error) {
	r, err = s.registry.Repository(ctx, c, ref, access.GetLifecyclePolicyPreview)
	if err != nil {
		return nil, p, 0, err
	}
	last, err := s.meta.Read(ctx).Lifecycle().Evaluations(r.ID, metadata.LifecyclePreview, 0, 1)
	if err != nil {
		return nil, p, 0, fmt.Errorf("read the preview of %s: %w", ref, err)
	}
	if len(last) == 0 {
		return nil, p, 0, registry.Errorf(registry.LifecyclePolicyPreviewNotFound, "There is no lifecycle policy preview "+
			"for the repository with name '%s' in the registry with id '%s'", ref.Name, ref.Registry.Account)
	}
	e := last[0]
	p = Preview{
		Text: e.Policy, Status: PreviewStatus(e.Status), Note: e.Failure, BeganAt: e.BeganAt, EndedAt: e.EndedAt,
	}
	switch {
	case e.EndedAt.IsZero():
		s.hurry() // if the process that was to find the images has died
	case s.now().Sub(e.EndedAt) >= fresh:
		p.Status = PreviewExpired
	case e.Status == metadata.EvaluationComplete:
		p.Expiring, p.Transitioning, p.Bytes, id = e.Expiring, e.Transitioning, e.Bytes, e.ID
	}
	return r, p, id, nil
}

// ListPreview returns a repository's last preview, and a page of its images, those
// pushed first before others. next is the Page.After of the next page, "" at the
// end: LifecyclePolicyPreviewNotFound.
func (s *Service) ListPreview(ctx context.Context, c access.Caller, ref resource.Repository, status registry.TagStatus,
	page registry.Page) (p Preview, images []Marked, next string, err error) {
	_, p, id, err := s.preview(ctx, c, ref)
	if err != nil || id == 0 {
		return p, nil, "", err
	}
	images, next, err = s.marks(ctx, id, status, page)
	return p, images, next, err
}

// marks lists images of an evaluation. A key is of that evaluation: of another it
// finds the end.
func (s *Service) marks(ctx context.Context, id int64, status registry.TagStatus, page registry.Page) (images []Marked,
	next string, err error) {
	after, ok, err := parseKey(page.After, id)
	if err != nil || !ok {
		return nil, "", err
	}
	tagged := map[registry.TagStatus]int{registry.Tagged: 1, registry.Untagged: 0, registry.AnyTagStatus: -1}[status]
	rows, err := s.meta.Read(ctx).Lifecycle().Marks(id, tagged, after, page.Limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list the images of a lifecycle policy: %w", err)
	}
	rows, next = registry.PageOf(rows, page.Limit, func(m metadata.LifecycleMark) string {
		return fmt.Sprintf("%d %d %s", id, m.PushedAt.UnixMicro(), m.Digest)
	})
	return markedOf(rows), next, nil
}

// parseKey reads the key of a page of an evaluation: false if it is of another
// one, which has been replaced.
func parseKey(text string, id int64) (key metadata.ImageKey, ok bool, err error) {
	if text == "" {
		return key, true, nil
	}
	var of, pushed int64
	if _, err := fmt.Sscanf(text, "%d %d %s", &of, &pushed, &key.Digest); err != nil {
		return key, false, fmt.Errorf("read the key of a page, %s: %w", strconv.Quote(text), err)
	}
	key.PushedAt = time.UnixMicro(pushed)
	return key, of == id, nil
}

func markedOf(rows []metadata.LifecycleMark) []Marked {
	images := make([]Marked, 0, len(rows))
	for _, m := range rows {
		i := Marked{
			Digest: digest.Digest(m.Digest), Tags: m.Tags, PushedAt: m.PushedAt, Size: m.Size, StorageClass: m.StorageClass,
			Action: m.Action, Priority: m.Priority, Outcome: Waiting, Reason: m.Reason,
		}
		switch m.Outcome {
		case metadata.MarkDone:
			i.Outcome = Expired
		case metadata.MarkKept:
			i.Outcome = Kept
		}
		images = append(images, i)
	}
	return images
}

// PreviewOf returns a repository's last preview, with those of the images that the
// policy would act on. A tag names the image that has it now.
func (s *Service) PreviewOf(ctx context.Context, c access.Caller, ref resource.Repository,
	asked []registry.Reference) (p Preview, images []Marked, err error) {
	r, p, id, err := s.preview(ctx, c, ref)
	if err != nil || id == 0 {
		return p, nil, err
	}
	q := s.meta.Read(ctx)
	var digests []string
	for _, a := range asked {
		d := string(a.Digest)
		if a.Tag != "" {
			tag, err := q.Tags().Get(r.ID, a.Tag)
			if errors.Is(err, metadata.ErrNotFound) || err == nil && d != "" && d != tag.Digest {
				continue
			}
			if err != nil {
				return p, nil, fmt.Errorf("look up a tag of %s: %w", ref, err)
			}
			d = tag.Digest
		}
		digests = append(digests, d)
	}
	rows, err := q.Lifecycle().MarksOf(id, digests)
	if err != nil {
		return p, nil, fmt.Errorf("read the preview of %s: %w", ref, err)
	}
	return p, markedOf(rows), nil
}
