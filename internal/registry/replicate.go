package registry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
)

// The codes of replications that failed, as DescribeImageReplicationStatus
// shows them.
const (
	// The destination's registry policy does not allow, or denies, what is needed.
	failureReplicateNotAllowed = "ReplicateImageNotAllowed"
	failureCreateNotAllowed    = "CreateRepositoryNotAllowed"
	// No such account in this deployment.
	failureNoDestination = "DestinationRegistryNotFound"
	// A part of the source image was deleted before it was replicated. (A
	// replication of an image that was deleted itself is gone with it.)
	failureSourceIncomplete = "SourceImageIncomplete"
	// An index reaches more manifests than one replication copies.
	failureTooLarge = "ImageTooLarge"
	// A fault of the server's; it is tried again.
	failureInternal = "InternalError"
)

// refusedCodes are those of failures that a change of the destination can mend.
var refusedCodes = []string{failureReplicateNotAllowed, failureCreateNotAllowed, failureNoDestination}

// Delays between the tries of a replication that failed through a fault.
const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

// maxGraph bounds how many manifests one replicated index may reach.
const maxGraph = 10000

// refusal ends a replication as FAILED.
type refusal struct{ code, reason string }

func (r *refusal) Error() string { return r.code + ": " + r.reason }

// DueReplications are the ids of replications to try now, the longest due
// first, and when the next one falls due (zero if none will by itself).
func (s *Service) DueReplications(_ context.Context, limit int) (ids []int64, next time.Time, err error) {
	now := s.now()
	ids, err = s.meta.Read().DueReplications(now, limit)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("look for due replications: %w", err)
	}
	if len(ids) == 0 {
		next, err = s.meta.Read().NextReplicationAt(now)
	}
	return ids, next, err
}

// retryRefused makes the replications due that the destination refused, since
// its policy changes with this transaction.
func (s *Service) retryRefused(tx *metadata.Tx, destination ID) error {
	any, err := tx.RetryRefused(destination.Account, destination.Region, refusedCodes, s.now())
	if any {
		tx.OnCommit(s.wakeReplications)
	}
	return err
}

// retryRefusedInto makes those due that the destination refused to take into a
// repository, which this transaction creates.
func (s *Service) retryRefusedInto(tx *metadata.Tx, destination Ref) error {
	any, err := tx.RetryRefusedOf(destination.Registry.Account, destination.Registry.Region, destination.Name, refusedCodes, s.now())
	if any {
		tx.OnCommit(s.wakeReplications)
	}
	return err
}

// Replicate tries one replication. Copy and record are one transaction, so it
// is never done twice, nor done and not recorded; nor can a destination change
// its mind between a refusal and its record, which nobody would then retry. The
// result says how it ended; an error means that not even that could be stored.
func (s *Service) Replicate(ctx context.Context, id int64) (metadata.Replication, error) {
	var row metadata.Replication
	err := s.meta.UpdateFirst(ctx, func(tx *metadata.Tx) (err error) {
		row, err = tx.Replication(id)
		if err != nil || row.State != metadata.ReplicationInProgress {
			return err
		}
		row.Tries++
		row.FinishedAt, row.FailureCode, row.FailureReason = s.now(), "", ""
		err = tx.Attempt(func() error { return s.copyImage(tx, row) })
		var refused *refusal
		switch {
		case errors.As(err, &refused):
			row.State, row.FailureCode, row.FailureReason = metadata.ReplicationFailed, refused.code, refused.reason
		case err != nil:
			return err
		default:
			row.State = metadata.ReplicationComplete
		}
		return tx.SaveReplication(row)
	})
	if err == nil || row.ID == 0 || errors.Is(err, metadata.ErrClosed) || ctx.Err() != nil {
		return row, err // without an id: it was not found, or not even looked up
	}
	s.log.Error("a replication met a fault and will be tried again", "replication", id, "tries", row.Tries, "error", err)
	row.State, row.FinishedAt, row.NextTryAt = metadata.ReplicationInProgress, time.Time{}, s.now().Add(retryDelay(row.Tries))
	row.FailureCode = failureInternal
	row.FailureReason = "The server met a fault, which its log tells. The replication is tried again by itself."
	if errors.Is(err, metadata.ErrFull) {
		row.FailureReason = "The server's disk is full. The replication is tried again by itself."
	}
	return row, s.meta.Update(ctx, func(tx *metadata.Tx) error { return tx.SaveReplication(row) })
}

// retryDelay doubles with each try up to a limit, with up to half of it taken
// off at random, so that many replications do not return at once.
func retryDelay(tries int) time.Duration {
	d := lastRetry
	if tries < 10 {
		d = min(firstRetry<<(tries-1), lastRetry)
	}
	return d - rand.N(d/2)
}

// copyImage makes the image appear in the destination, or returns a refusal.
func (s *Service) copyImage(tx *metadata.Tx, row metadata.Replication) error {
	source, err := tx.RepositoryByID(row.RepositoryID)
	if err != nil {
		return err
	}
	destination, err := s.openDestination(tx, source, ID{row.DestinationAccount, row.DestinationRegion})
	if err != nil {
		return err
	}
	if err := s.copyGraph(tx, source, destination, row.Digest); err != nil {
		return err
	}
	return s.copyTag(tx, row, source, destination)
}

// openDestination returns the repository to copy into, which it creates if it
// must and may. The destination decides: its registry policy is evaluated for
// the source's account at every replication.
func (s *Service) openDestination(tx *metadata.Tx, source *metadata.Repository, id ID) (*metadata.Repository, error) {
	if !s.Exists(id) {
		return nil, &refusal{failureNoDestination, fmt.Sprintf("There is no account %s with Region %s in this deployment. Add it to the configuration, or take it out of the replication rule.", id.Account, id.Region)}
	}
	ref := Ref{id, source.Name}
	destination, err := tx.Repository(id.Account, id.Region, source.Name)
	missing := errors.Is(err, metadata.ErrNotFound)
	if err != nil && !missing {
		return nil, err
	}
	actions := []string{actionReplicateImage}
	if missing {
		reg, err := tx.Registry(id.Account, id.Region)
		if err != nil {
			return nil, err
		}
		destination = s.newRepository(ref, reg.ID, NewRepository{Mutability: Mutable, Encryption: Encryption{Type: defaultEncryption}})
		destination.RegistryPolicy = reg.Policy
		actions = append(actions, actionCreateRepository)
	}
	p := s.registryPolicy(id, destination.RegistryPolicy)
	for _, action := range actions {
		d := policy.Authorize(policy.Request{
			Principal: policy.Principal{Account: source.Account, ARN: "arn:aws:iam::" + source.Account + ":root"},
			Action:    action, Resource: ref.ARN(), ResourceAccount: id.Account, Time: s.now(),
			Context: policy.Context{"aws:RequestedRegion": {id.Region}},
		}, nil, []policy.Policy{p})
		if !d.Allowed() {
			return nil, refuse(action, ref, source.Account, d)
		}
	}
	if !missing {
		return destination, nil
	}
	if _, err = tx.CreateRepository(destination); err != nil {
		return nil, err
	}
	return destination, s.retryRefusedInto(tx, ref) // others may lack only the right to create it
}

// refuse says what is missing and shows the statement that would mend it.
func refuse(action string, ref Ref, source string, d policy.Decision) *refusal {
	code := failureReplicateNotAllowed
	mend := "Add this statement to the registry policy"
	if action == actionCreateRepository {
		code = failureCreateNotAllowed
		mend = fmt.Sprintf("Create the repository '%s' there, or add this statement to the registry policy", ref.Name)
	}
	if d.Outcome == policy.ExplicitDeny {
		return &refusal{code, d.Reason() + " Change that statement in the destination; the replication is tried again when its registry policy changes."}
	}
	grant := policy.Grant("Replication"+source, source, []string{actionCreateRepository, actionReplicateImage},
		fmt.Sprintf("arn:aws:ecr:%s:%s:repository/*", ref.Registry.Region, ref.Registry.Account))
	return &refusal{code, fmt.Sprintf("%s %s of account %s in %s, and the replication completes by itself:\n%s", d.Reason(), mend, ref.Registry.Account, ref.Registry.Region, grant)}
}

// copyGraph links an image to the destination: layers before the manifest that
// names them, children before their index. It walks all of it even where the
// destination has some: parts may have been deleted there.
func (s *Service) copyGraph(tx *metadata.Tx, source, destination *metadata.Repository, d string) error {
	type step struct {
		digest  string
		entered bool // its children are done
	}
	now := s.now()
	done := map[string]bool{}
	stack := []step{{digest: d}}
	for len(stack) > 0 {
		at := &stack[len(stack)-1]
		if done[at.digest] {
			stack = stack[:len(stack)-1]
			continue
		}
		if !at.entered {
			at.entered = true
			children, err := tx.Children(source.ID, at.digest)
			if err != nil {
				return err
			}
			if len(done)+len(stack)+len(children) > maxGraph {
				return &refusal{failureTooLarge, fmt.Sprintf("The index reaches more than %d manifests.", maxGraph)}
			}
			for _, child := range children {
				if !done[child] {
					stack = append(stack, step{digest: child})
				}
			}
			continue
		}
		digest := at.digest
		stack = stack[:len(stack)-1]
		done[digest] = true
		if err := tx.CopyLayers(source.ID, digest, destination, now); err != nil {
			return err
		}
		missing, err := tx.MissingLayer(source.ID, digest, destination.ID)
		if err != nil {
			return err
		}
		if missing != "" {
			return incomplete("layer", missing)
		}
		copied, err := tx.CopyManifest(source.ID, digest, destination, now)
		if err != nil {
			return err
		}
		if !copied {
			return incomplete("image", digest)
		}
	}
	return nil
}

func incomplete(what, d string) *refusal {
	return &refusal{failureSourceIncomplete, fmt.Sprintf("The %s %s, which the image needs, was deleted from the source repository. Push the whole image again.", what, d)}
}

// copyTag points the destination's tag at the image, unless the tag is
// immutable and taken (then the image stays without it, as in ECR), or a newer
// push was applied before.
func (s *Service) copyTag(tx *metadata.Tx, row metadata.Replication, source, destination *metadata.Repository) error {
	if row.Tag == "" {
		return nil
	}
	if immutableTag(destination, row.Tag) {
		_, err := tx.Tag(destination.ID, row.Tag)
		if !errors.Is(err, metadata.ErrNotFound) {
			return err
		}
	}
	newer, err := tx.AdvanceWatermark(destination.ID, row.Tag, source.RegistryID, row.Sequence)
	if err != nil || !newer {
		return err
	}
	sequence, err := tx.NextSequence(destination.RegistryID)
	if err != nil {
		return err
	}
	return tx.SetTag(destination, metadata.Tag{Name: row.Tag, Digest: row.Digest, Sequence: sequence}, s.now())
}
