package registry

import (
	"errors"
	"unicode/utf8"

	"github.com/twinport/twinport/internal/strictjson"
)

// What the JSON of a manifest may cost whoever reads it. Tools come nowhere near:
// they write a dozen annotations of a few KiB at most, Helm's charts perhaps some
// tens of KiB.
const (
	maxManifestDepth   = 32
	maxManifestMembers = 1024 // of one object; so of annotationsShape, too
	// maxAnnotationBytes bounds the annotations of the manifest itself, which
	// every list of referrers repeats. Those of its descriptors are only stored.
	maxAnnotationBytes = 256 << 10
)

// shape is which members of a JSON value somebody reads.
type shape struct {
	names   *strictjson.Names // of an object; nil if it is a map
	members map[string]*shape
	all     *shape // of the elements of an array, or the values of a map
	text    bool   // it must be a string
}

// objectShape is an object with members of no shape of their own, and others.
func objectShape(plain []string, members map[string]*shape) *shape {
	for name := range members {
		plain = append(plain, name)
	}
	return &shape{names: strictjson.NewNames(plain...), members: members}
}

// Shapes of the manifests of all forms together. What is not named here is
// unknown to everybody.
var (
	unknownShape     = objectShape(nil, nil)
	annotationsShape = &shape{all: &shape{text: true}}
	platformShape    = objectShape([]string{"architecture", "os", "os.version", "os.features", "variant", "features"}, nil)
	descriptorShape  = objectShape([]string{"mediaType", "digest", "size", "urls", "data", "artifactType"},
		map[string]*shape{"annotations": annotationsShape, "platform": platformShape})
	descriptorsShape = &shape{all: descriptorShape}
	manifestShape    = objectShape([]string{"schemaVersion", "mediaType", "artifactType", "signatures"}, map[string]*shape{
		"config": descriptorShape, "layers": descriptorsShape, "manifests": descriptorsShape, "blobs": descriptorsShape,
		"subject": descriptorShape, "annotations": annotationsShape,
		"fsLayers": {
			all: objectShape([]string{"blobSum"}, nil),
		}, "history": {all: objectShape([]string{"v1Compatibility"}, nil)},
	})
)

// checkJSON refuses a manifest that another program may read as another
// manifest, and so as an image with other layers than those that were checked
// and replicate: with a member that comes twice, or in another case than its own
// (InvalidManifest). Manifests from before this was refused are still served.
func checkJSON(raw []byte) error {
	if !utf8.Valid(raw) {
		return Errorf(InvalidManifest, "The manifest is not UTF-8, so programs could read it in more than one way")
	}
	r := strictjson.NewReader(raw, strictjson.Limits{Depth: maxManifestDepth, Members: maxManifestMembers})
	err := checkShape(r, manifestShape)
	if err == nil {
		err = r.End()
	}
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
		return Errorf(InvalidManifest, "The manifest's JSON is not good: %s", Shorten(e.Error()))
	}
	return err
}

func checkShape(r *strictjson.Reader, s *shape) error {
	v, err := r.Value()
	if err != nil {
		return err
	}
	if s.text && v.Kind != strictjson.String {
		return &strictjson.Error{Offset: v.Offset, Problem: "an annotation is a string, not " + string(v.Kind)}
	}
	if v.Kind != strictjson.Object && v.Kind != strictjson.Array {
		return nil
	}
	for {
		more, err := r.More()
		if !more {
			return err
		}
		inner := s.all
		if v.Kind == strictjson.Object {
			name, _, err := r.Name(s.names)
			if err != nil {
				return err
			}
			if s.names != nil {
				inner = s.members[name]
			}
		}
		if inner == nil {
			inner = unknownShape
		}
		if err := checkShape(r, inner); err != nil {
			return err
		}
	}
}
