package replication

import (
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// The messages by which deployments replicate to each other: JSON, version 1 of
// the protocol of docs/peers.md. Who does not know a member ignores it, so
// members may be added. All of them may be sent again: doing twice what they ask
// does it once.

// Limits of messages. A sender keeps below them.
const (
	// MaxSentImages is how many images a message has.
	MaxSentImages = 128
	// MaxSentManifests is how many bytes the manifests and small layers of a message
	// have, in all; one larger manifest comes alone.
	MaxSentManifests = 2 << 20
	// MaxSmallLayer is how many bytes a layer has at most that comes with its image,
	// and MaxSmallLayers how many of them an image has.
	MaxSmallLayer  = 32 << 10
	MaxSmallLayers = 32
	// MaxAskedLayers is how many layers a question is about.
	MaxAskedLayers = 1000
	// PartSize is how many bytes of a layer a part has, but for the last.
	PartSize = 4 << 20
)

// PeerNotGranted is the code of what a deployment does not let its peer do.
const PeerNotGranted = "NotGranted"

// SentImages brings images, and deletions of some.
type SentImages struct {
	// Acknowledged has, for each source, the highest number that the destination
	// has acknowledged. If it knows of none as high it has lost what it had, and
	// does nothing but say so.
	Acknowledged []Position  `json:"acknowledged"`
	Images       []SentImage `json:"images"`
}

// Position is a number among the changes of a registry.
type Position struct {
	Registry resource.Registry `json:"registry"`
	Number   int64             `json:"number"`
}

// SentImage is an image by a tag, or by its digest alone; or its deletion.
type SentImage struct {
	Source      resource.Registry `json:"source"`
	Destination resource.Registry `json:"destination"`
	Repository  string            `json:"repository"`
	Digest      string            `json:"digest"`
	Tag         string            `json:"tag,omitempty"`
	// Number of the push or deletion among the changes of the source.
	Number   int64     `json:"number"`
	PushedAt time.Time `json:"pushedAt"`
	// Manifests of the image, in any order; those that the destination has may be left out.
	Manifests []SentManifest `json:"manifests,omitempty"`
	// Layers of the image that are small; the destination may have some of them.
	Layers []SentLayer `json:"layers,omitempty"`
	// Deletes says that the tag or, without one, the image was deleted, with these tags.
	Deletes bool     `json:"deletes,omitempty"`
	Tags    []string `json:"tags,omitempty"`
}

func (i SentImage) into() Into {
	return Into{Source: i.Source, Destination: i.Destination, Repository: i.Repository}
}

// SentManifest is a manifest with its bytes.
type SentManifest struct {
	Digest    string `json:"digest"`
	MediaType string `json:"mediaType"`
	Bytes     []byte `json:"bytes"`
}

// SentLayer is a small layer with its bytes.
type SentLayer struct {
	Digest string `json:"digest"`
	Bytes  []byte `json:"bytes"`
}

// SentImagesAnswer has a result for each image, in their order; none if
// something was lost.
type SentImagesAnswer struct {
	Results []ImageResult `json:"results,omitempty"`
	// Received has, for each source, the highest number that was applied.
	Received []Position `json:"received,omitempty"`
	// Lost are the sources of which less was applied than was acknowledged.
	Lost []Position `json:"lost,omitempty"`
}

// Outcome is what became of an image that was sent.
type Outcome string

const (
	Applied Outcome = "APPLIED" // or a newer one was applied before
	Refused Outcome = "REFUSED" // with a code
	Lacking Outcome = "LACKING" // the destination lacks layers or manifests, and has done nothing
	Fault   Outcome = "FAULT"   // of the destination's own: try again
)

// ImageResult is what became of one image.
type ImageResult struct {
	Outcome Outcome `json:"outcome"`
	Code    string  `json:"code,omitempty"`
	Reason  string  `json:"reason,omitempty"`
	// Refusal is the number of a refusal among the changes of the destination: 0
	// if no change of its settings fixes it.
	Refusal int64 `json:"refusal,omitempty"`
	// What the destination lacks, some of it at least.
	Layers    []string `json:"layers,omitempty"`
	Manifests []string `json:"manifests,omitempty"`
	// Had says that the destination had the image before it was applied. Older deployments do not say it.
	Had bool `json:"had,omitempty"`
}

// Into is where layers are to go.
type Into struct {
	Source      resource.Registry `json:"source"`
	Destination resource.Registry `json:"destination"`
	Repository  string            `json:"repository"`
}

// AskedLayers asks which layers a repository of the destination lacks. Those that
// the asking peer has sent before are linked, so they are not sent again. The
// repository is created if the destination's policy lets it.
type AskedLayers struct {
	Into
	Digests []string `json:"digests"`
}

// AskedLayersAnswer says what is lacking.
type AskedLayersAnswer struct {
	// Refused, if not nil, says why none of the layers is wanted.
	Refused *ImageResult   `json:"refused,omitempty"`
	Lacking []LackingLayer `json:"lacking,omitempty"`
}

// LackingLayer is a layer that the destination lacks.
type LackingLayer struct {
	Digest string `json:"digest"`
	// Received is how many bytes of it were received before.
	Received int64 `json:"received,omitempty"`
	// Window is how far past Received a part may begin.
	Window int64 `json:"window,omitempty"`
}

// Part is a part of a layer, whose bytes are the body of the request.
type Part struct {
	Into
	// Upload is the id of the upload that brings the layer to its source, if it is sent while
	// it arrives there. Digest and size are not known then until it has arrived; the first part
	// that has them, too, says which layer the upload has become.
	Upload string
	Digest string // "" if it is not known
	Size   int64  // of the layer; UnknownSize
	Offset int64
	// Ended, of an upload, says that it has become no layer: what was received of it goes.
	Ended bool
}

// UnknownSize is the size of a layer that still arrives at its source.
const UnknownSize = -1

// PartAnswer says how much of the layer was received.
type PartAnswer struct {
	Refused *ImageResult `json:"refused,omitempty"`
	// Received is how many bytes from the beginning were received.
	Received int64 `json:"received"`
	// Complete says that the repository has the layer.
	Complete bool `json:"complete,omitempty"`
	// Held says that the part waits at the destination for those before it.
	Held bool `json:"held,omitempty"`
	// Window is how far past Received a part may begin.
	Window int64 `json:"window,omitempty"`
	// Keeper is who receives the layer, and holds parts of it. If it is another one than
	// before, what that one held is lost, and the layer goes on at Received.
	Keeper string `json:"keeper,omitempty"`
}

// AskedChecks asks what replications would find now.
type AskedChecks struct {
	Source      resource.Registry `json:"source"`
	Destination resource.Registry `json:"destination"`
	Names       []string          `json:"names"`
}

// AskedChecksAnswer is about the first of the names that is refused.
type AskedChecksAnswer struct {
	Name    string       `json:"name,omitempty"`
	Refused *ImageResult `json:"refused,omitempty"`
}

// AskedChanges asks whether registries have changed, so that what they refused may succeed.
type AskedChanges struct {
	Registries []resource.Registry `json:"registries"`
}

// AskedChangesAnswer has the number of the last such change of those that had any.
type AskedChangesAnswer struct {
	Changes []Position `json:"changes,omitempty"`
}
