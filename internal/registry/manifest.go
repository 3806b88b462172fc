package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/metadata"
)

// MaxManifestSize is the most bytes a manifest may have (ECR: PutImage; the
// distribution-spec asks for 4 MB at least).
const MaxManifestSize = 4 << 20

// The media types of manifests that have no constant in image-spec.
const (
	dockerManifest       = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList           = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerSchema1        = "application/vnd.docker.distribution.manifest.v1+json"
	dockerSchema1Signed  = "application/vnd.docker.distribution.manifest.v1+prettyjws"
	ociArtifactManifest  = "application/vnd.oci.artifact.manifest.v1+json" // image-spec 1.1 release candidates
	maxArtifactTypeBytes = 255
)

// form is which members of a manifest carry its content.
type form int

const (
	imageForm    form = iota // config and layers
	indexForm                // manifests
	artifactForm             // blobs
	schema1Form              // fsLayers
)

var forms = map[string]form{
	ocispec.MediaTypeImageManifest: imageForm, dockerManifest: imageForm,
	ocispec.MediaTypeImageIndex: indexForm, dockerList: indexForm,
	ociArtifactManifest: artifactForm, dockerSchema1: schema1Form, dockerSchema1Signed: schema1Form,
}

// IsIndex reports whether manifests of the media type name others.
func IsIndex(mediaType string) bool { return forms[mediaType] == indexForm }

// parsedManifest is what the domain needs to know of a manifest.
type parsedManifest struct {
	MediaType    string
	ArtifactType string
	Subject      digest.Digest
	Annotations  string // JSON, kept for referrers only
	// References are the layers, config or children that must be there.
	References []metadata.Reference
	size       int64 // of config and layers, as declared
}

// facts are what the store keeps of the manifest with these bytes, but for
// its digest, its times and the size of an index's children.
func (p parsedManifest) facts(raw []byte) metadata.Manifest {
	return metadata.Manifest{
		MediaType: p.MediaType, ArtifactType: p.ArtifactType, Subject: string(p.Subject), Annotations: p.Annotations,
		Size: int64(len(raw)), ImageSize: p.size,
	}
}

// manifestDocument has the members of every form.
type manifestDocument struct {
	SchemaVersion int                 `json:"schemaVersion"`
	MediaType     string              `json:"mediaType"`
	ArtifactType  string              `json:"artifactType"`
	Config        *ocispec.Descriptor `json:"config"`
	Layers        descriptors         `json:"layers"`
	Manifests     descriptors         `json:"manifests"`
	Blobs         descriptors         `json:"blobs"`
	Subject       *ocispec.Descriptor `json:"subject"`
	Annotations   rawAnnotations      `json:"annotations"`
	FSLayers      []struct {
		BlobSum digest.Digest `json:"blobSum"`
	} `json:"fsLayers"`
}

// rawAnnotations are annotations as they stand in the manifest, but for spaces;
// nil if there are none.
type rawAnnotations []byte

// UnmarshalJSON implements json.Unmarshaler.
func (a *rawAnnotations) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' || len(*a) > 0 || !utf8.Valid(raw) {
		return a.merge(raw)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return err
	}
	if *a = compact.Bytes(); len(*a) == len("{}") {
		*a = nil
	}
	return nil
}

// merge does as encoding/json does with a map: for what is none, and for
// manifests from when annotations could come twice.
func (a *rawAnnotations) merge(raw []byte) error {
	all := map[string]string{}
	for _, one := range [][]byte{*a, raw} {
		if len(one) == 0 {
			continue
		}
		if err := json.Unmarshal(one, &all); err != nil {
			return err
		}
	}
	*a = nil
	if len(all) == 0 {
		return nil
	}
	text, err := json.Marshal(all)
	*a = text
	return err
}

// descriptors is a list that is read one at a time, up to the first descriptor
// without a usable digest: else the three bytes of an empty one would become
// hundreds in memory. Of the others only what is needed is kept.
type descriptors []ocispec.Descriptor

// UnmarshalJSON implements json.Unmarshaler. It returns InvalidManifest, too.
func (ds *descriptors) UnmarshalJSON(raw []byte) error {
	*ds = nil
	decoder := json.NewDecoder(bytes.NewReader(raw))
	switch start, err := decoder.Token(); {
	case err != nil:
		return err
	case start == nil: // null
		return nil
	case start != json.Delim('['):
		return Errorf(InvalidManifest, "The manifest has something else where a list of descriptors belongs")
	}
	list := descriptors{}
	for decoder.More() {
		var d ocispec.Descriptor
		if err := decoder.Decode(&d); err != nil {
			return err
		}
		if err := validDescriptor("descriptor", &d); err != nil {
			return err
		}
		list = append(list, ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size})
	}
	*ds = list
	return nil
}

// parseManifest reads a manifest that is being pushed: InvalidManifest. declared
// is the type that the client gave it, or empty.
func parseManifest(raw []byte, declared string) (parsedManifest, error) {
	if len(raw) > MaxManifestSize {
		return parsedManifest{}, Errorf(InvalidManifest, "The manifest has %d bytes; at most %d are allowed", len(raw),
			MaxManifestSize)
	}
	if err := checkJSON(raw); err != nil {
		return parsedManifest{}, err
	}
	p, err := readManifest(raw, declared)
	if err == nil && len(p.Annotations) > maxAnnotationBytes {
		err = Errorf(InvalidManifest, "The manifest's annotations have %d bytes; at most %d are allowed", len(p.Annotations),
			maxAnnotationBytes)
	}
	return p, err
}

// readManifest reads a manifest that may be of an earlier build, which refused
// less: InvalidManifest.
func readManifest(raw []byte, declared string) (p parsedManifest, err error) {
	var doc manifestDocument
	if err := json.Unmarshal(raw, &doc); err != nil {
		if refusal, ok := errors.AsType[*Error](err); ok {
			return p, refusal
		}
		return p, malformed(err)
	}
	if declared != "" {
		bare, _, err := mime.ParseMediaType(declared)
		if err != nil {
			return p, Errorf(InvalidManifest, "The manifest's media type '%s' is malformed", Shorten(declared))
		}
		declared = bare
	}
	switch {
	case declared == "":
		declared = doc.MediaType
	case doc.MediaType != "" && doc.MediaType != declared:
		return p, Errorf(InvalidManifest, "The manifest is declared as '%s', but its mediaType is '%s': they must agree",
			Shorten(declared), Shorten(doc.MediaType))
	}
	if declared == "" {
		return p, Errorf(InvalidManifest, "The manifest has no mediaType, and none was given with it")
	}
	f, ok := forms[declared]
	if !ok {
		return p, Errorf(InvalidManifest, "'%s' is not a media type of manifests; allowed are OCI image manifests and "+
			"indexes, and Docker manifests and manifest lists", Shorten(declared))
	}
	p.MediaType = declared
	if err := p.read(f, &doc); err != nil {
		return p, err
	}
	if doc.Subject != nil {
		if err := validDescriptor("subject", doc.Subject); err != nil {
			return p, err
		}
		p.Subject = doc.Subject.Digest
		p.Annotations = string(doc.Annotations)
	}
	// distribution-spec, "Listing Referrers": without an artifactType, an
	// image manifest's config type takes its place.
	p.ArtifactType = doc.ArtifactType
	if p.ArtifactType == "" && f == imageForm && doc.Config != nil {
		p.ArtifactType = doc.Config.MediaType
	}
	if len(p.ArtifactType) > maxArtifactTypeBytes {
		return p, Errorf(InvalidManifest, "The manifest's artifactType is longer than %d characters", maxArtifactTypeBytes)
	}
	return p, nil
}

// malformed says what is wrong with the JSON, without the decoder's Go types.
func malformed(err error) *Error {
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		where := "the document"
		if t.Field != "" {
			where = "'" + Shorten(t.Field) + "'"
		}
		return Errorf(InvalidManifest, "The manifest's JSON does not have the form of a manifest: %s, at byte "+
			"%d, is a JSON %s", where, t.Offset, Shorten(t.Value))
	}
	return Errorf(InvalidManifest, "The manifest is not valid JSON: %s", Shorten(err.Error()))
}

// read collects the references of a manifest of form f. Members that belong to
// another form are refused: clients that guess the form from them would see
// another image than we do (OCI advisory GHSA-mc8v-mgrf-8f4m).
func (p *parsedManifest) read(f form, doc *manifestDocument) error {
	version := 2
	var content []ocispec.Descriptor
	var foreign bool
	switch f {
	case imageForm:
		foreign = doc.Manifests != nil || doc.FSLayers != nil
		if doc.Config == nil {
			return Errorf(InvalidManifest, "The manifest has no config")
		}
		content = append(append(content, *doc.Config), doc.Layers...)
	case indexForm:
		foreign = doc.Layers != nil || doc.Config != nil || doc.FSLayers != nil
		content = doc.Manifests
	case artifactForm:
		foreign = doc.Layers != nil || doc.Config != nil || doc.Manifests != nil || doc.FSLayers != nil
		if doc.MediaType == "" {
			return Errorf(InvalidManifest, "The manifest has no mediaType, which '%s' must have", p.MediaType)
		}
		content, version = doc.Blobs, doc.SchemaVersion // it has none
	case schema1Form:
		foreign = doc.Layers != nil || doc.Manifests != nil
		version = 1
		for _, l := range doc.FSLayers {
			if l.BlobSum == "" { // small in the manifest, large as a descriptor
				return Errorf(InvalidManifest, "A layer of the manifest has no blobSum")
			}
			content = append(content, ocispec.Descriptor{Digest: l.BlobSum, MediaType: ocispec.MediaTypeImageLayerGzip})
		}
	}
	if foreign {
		return Errorf(InvalidManifest, "The manifest of type '%s' has members of another type, so clients could read "+
			"it in two ways", p.MediaType)
	}
	if doc.SchemaVersion != version {
		return Errorf(InvalidManifest, "The manifest's schemaVersion is %d; '%s' has %d", doc.SchemaVersion, p.MediaType,
			version)
	}
	seen := make(map[digest.Digest]bool, len(content))
	for i := range content {
		d := &content[i]
		if err := validDescriptor("descriptor", d); err != nil {
			return err
		}
		if f != indexForm {
			if d.Size > math.MaxInt64-p.size {
				return Errorf(InvalidManifest, "The sizes of the manifest's content add up to more than can be counted")
			}
			p.size += d.Size
			if !distributable(d.MediaType) {
				continue
			}
		}
		if seen[d.Digest] {
			continue
		}
		seen[d.Digest] = true
		p.References = append(p.References, metadata.Reference{
			Digest: string(d.Digest), Child: f == indexForm, MediaType: Shorten(d.MediaType),
		})
	}
	return nil
}

func validDescriptor(what string, d *ocispec.Descriptor) error {
	if err := validDigest(d.Digest); err != nil {
		return Errorf(InvalidManifest, "A %s of the manifest has an unusable digest '%s'", what, Shorten(string(d.Digest)))
	}
	if d.Size < 0 {
		return Errorf(InvalidManifest, "The %s %s of the manifest has the negative size %d", what, d.Digest, d.Size)
	}
	return nil
}

// distributable reports whether a layer's bytes are meant to be in the
// registry. Those that are not need not be there (image-spec, "Non-Distributable Layers").
func distributable(mediaType string) bool {
	return !strings.HasPrefix(mediaType, "application/vnd.oci.image.layer.nondistributable.") &&
		!strings.HasPrefix(mediaType, "application/vnd.docker.image.rootfs.foreign.")
}

// split returns the digests of the layers and of the children.
func (p *parsedManifest) split() (layers, children []string) {
	for _, r := range p.References {
		if r.Child {
			children = append(children, r.Digest)
		} else {
			layers = append(layers, r.Digest)
		}
	}
	return layers, children
}
