package replication

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// failureDenied is ECR's code of a replication that the destination refused.
const failureDenied = "DESTINATION_REGISTRY_ACCESS_DENIED"

// The codes of replications that failed, as they are stored. Those of a refusal
// are shown beside ECR's, and within one account only.
const (
	// The destination's policies do not allow, or deny, what is needed.
	failureReplicateNotAllowed = "ReplicateImageNotAllowed"
	failureCreateNotAllowed    = "CreateRepositoryNotAllowed"
	failureDeleteNotAllowed    = "BatchDeleteImageNotAllowed"
	// No such account in this deployment.
	failureNoDestination = "DestinationRegistryNotFound"
	// A part of the source image was deleted before it was replicated. (A
	// replication of an image that was deleted itself is gone with it.)
	failureSourceIncomplete = "SourceImageIncomplete"
	// An index reaches more manifests than one replication copies.
	failureTooLarge = "ImageTooLarge"
	// The destination has no room: a quota of it would be exceeded. It is tried
	// again when a process starts, as quotas may be others then.
	failureLimitExceeded = "DestinationLimitExceeded"
	// A peer finds the image invalid.
	failureInvalidImage = "InvalidImage"
	// A peer cannot be reached, or does not do what it should; it is tried again.
	// What is stored is peerPrefix with the code of the peer.Error.
	failurePeer = "DestinationUnavailable"
	// A peer does not let this deployment replicate from the account.
	failurePeerNotGranted = peerPrefix + PeerNotGranted
	// A fault of the server's; it is tried again.
	failureInternal = "InternalError"

	// Of images of a backfill, and of a backfill: before an image was replicated it was
	// deleted, or its repository, or the rule that sends it to the destination.
	failureImageDeleted      = "SourceImageNotFound"
	failureRepositoryDeleted = "SourceRepositoryNotFound"
	failureNotConfigured     = "DestinationNotConfigured"
	// A half of a backfill's images failed, or more.
	failureTooMany = "TooManyReplicationsFailed"
)

// peerPrefix begins the stored codes of what a peer.Error says.
const peerPrefix = "Peer"

// refusedCodes are those of failures that a change of the destination can fix.
var refusedCodes = []string{
	failureReplicateNotAllowed, failureCreateNotAllowed, failureDeleteNotAllowed, failureNoDestination,
}

// Refusal ends a replication as FAILED.
type Refusal struct {
	Code, Reason string

	number int64 // among the changes of a peer's registry, if a peer gave it one
}

func (r *Refusal) Error() string { return r.Code + ": " + r.Reason }

// Failure is why a replication failed, or its last try did, as its source may
// know it. It is empty if nothing failed.
type Failure struct {
	// Code is a stable word: ECR's where ECR has one.
	Code string
	// Detail is a more exact word, where there is one.
	Detail string
	// Reason says what is missing and how to fix it.
	Reason string
	// Statement is what would fix it in the destination's registry policy, JSON, or "".
	Statement string
}

// WithStatement is the reason with the statement, for those who read only that.
func (f Failure) WithStatement() string {
	if f.Statement == "" {
		return f.Reason
	}
	return strings.TrimSuffix(f.Reason, ".") + ":\n" + f.Statement
}

// failureOf is the failure of a replication from a repository, as its source may
// know it: of another account's refusal no more than that there is one. So what
// earlier versions stored of its policies is not shown either.
func failureOf(code, reason string, source resource.Repository, destination resource.Registry) Failure {
	if detail, ok := strings.CutPrefix(code, peerPrefix); ok && code != failurePeerNotGranted {
		return Failure{Code: failurePeer, Detail: detail, Reason: reason}
	}
	if code == failureNoDestination || !slices.Contains(refusedCodes, code) {
		return Failure{Code: code, Reason: reason}
	}
	if source.Registry.Account == destination.Account {
		return Failure{Code: failureDenied, Detail: code, Reason: reason}
	}
	return Failure{
		Code: failureDenied, Reason: refusedAbroad(source, destination),
		Statement: policy.Grant("Replication"+source.Registry.Account, source.Registry.Account,
			[]string{
				access.CreateRepository, access.ReplicateImage,
			}, resource.Repository{Registry: destination, Name: "*"}.ARN()),
	}
}

// refusedAbroad is what an account learns of another's refusal: whether the
// repository exists, what lacks and what denies is the other's affair.
func refusedAbroad(source resource.Repository, destination resource.Registry) string {
	return fmt.Sprintf("Account %s does not let account %s replicate the repository '%s' into its registry in %s. "+
		"Add this statement to the registry policy there, unless it is there and another denies what it allows, and the "+
		"replication completes by itself.",
		destination.Account, source.Registry.Account, source.Name, destination.Region)
}

// failureNow is why a stored replication failed, or its last try did; or, while
// the peer that it goes to cannot be used, why that is so: nothing is tried then.
func (s *Service) failureNow(r metadata.Replication, source resource.Repository) Failure {
	code, reason := r.FailureCode, r.FailureReason
	if r.State == metadata.ReplicationInProgress && s.outbox.peers != nil {
		if p, ok := s.outbox.peers.Of(r.Destination()); ok {
			if e := s.outbox.peers.Client(p.ID).Refusing(); e != nil {
				code, reason = peerPrefix+e.Code, notTaken(p.Name, e)
			}
		}
	}
	return failureOf(code, reason, source, r.Destination())
}

// notTaken is why a peer did not take an image.
func notTaken(name string, e *peer.Error) string {
	return fmt.Sprintf("The deployment '%s' does not take the image: %s. The replication is tried again by itself.", name,
		strings.TrimSuffix(e.Message, "."))
}
