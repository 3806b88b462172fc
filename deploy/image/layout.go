package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// platformImage is the image for one platform with its bill of materials.
type platformImage struct {
	platform *v1.Platform
	image    v1.Image
	version  string
	bill     []byte
}

func newPlatformImage(path string, platform *v1.Platform, from source) (platformImage, error) {
	built := platformImage{platform: platform}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return built, err
	}
	built.version = info.Main.Version
	binary, err := os.ReadFile(path)
	if err != nil {
		return built, err
	}
	if built.bill, err = billOfMaterials(info, binary, from.created); err != nil {
		return built, err
	}
	list, err := layers(binary, from.created)
	if err != nil {
		return built, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, layer := range list {
		image, err = mutate.Append(image, mutate.Addendum{
			Layer: layer, History: v1.History{Created: v1.Time{Time: from.created}, CreatedBy: "deploy/image"},
		})
		if err != nil {
			return built, err
		}
	}
	image, err = mutate.ConfigFile(image, configFile(image, platform, labels(built.version, from), from.created))
	built.image = image
	return built, err
}

// configFile makes serve the default command, on every address and with the
// data in a volume.
func configFile(image v1.Image, platform *v1.Platform, labels map[string]string, created time.Time) *v1.ConfigFile {
	config, err := image.ConfigFile()
	if err != nil {
		panic(err) // it is in memory
	}
	config = config.DeepCopy()
	config.Created = v1.Time{Time: created}
	config.OS, config.Architecture, config.Variant = platform.OS, platform.Architecture, platform.Variant
	config.Config = v1.Config{
		User:         fmt.Sprintf("%d:%d", user, user),
		Entrypoint:   []string{"/twinport"},
		Cmd:          []string{"serve"},
		Env:          []string{"PATH=/", "TWINPORT_LISTEN=:8080", "TWINPORT_DATA=" + dataFolder},
		WorkingDir:   dataFolder,
		Volumes:      map[string]struct{}{dataFolder: {}},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		Labels:       labels,
		StopSignal:   "SIGTERM",
	}
	return config
}

// labels are the same on the images and, as annotations, on their index.
func labels(version string, from source) map[string]string {
	list := map[string]string{
		ocispec.AnnotationTitle:       "Twinport",
		ocispec.AnnotationDescription: "A self-hosted container registry that speaks Amazon ECR",
		ocispec.AnnotationLicenses:    "Apache-2.0",
		ocispec.AnnotationVersion:     version,
		ocispec.AnnotationCreated:     from.created.Format(time.RFC3339),
	}
	if from.revision != "" {
		list[ocispec.AnnotationRevision] = from.revision
	}
	return list
}

// writeLayout writes the index, tagged with the version, and for each image
// its bill of materials as a referrer. It returns tag and digest of the index.
func writeLayout(path string, images []platformImage, from source) (tag string, digest v1.Hash, err error) {
	version := images[0].version
	target, err := layout.Write(path, empty.Index)
	if err != nil {
		return "", digest, err
	}
	index := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Annotations: labels(version, from),
	}
	for _, built := range images {
		if err := target.WriteImage(built.image); err != nil {
			return "", digest, err
		}
		descriptor, err := built.descriptor()
		if err != nil {
			return "", digest, err
		}
		descriptor.Platform = &ocispec.Platform{
			OS: built.platform.OS, Architecture: built.platform.Architecture, Variant: built.platform.Variant,
		}
		index.Manifests = append(index.Manifests, descriptor)
	}
	// A tag has fewer characters than a version: 1.2.3+dirty, (devel).
	tag = strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' {
			return r
		}
		return '-'
	}, version), "-.")
	digest, err = appendManifest(target, index, v1.Descriptor{
		MediaType: types.OCIImageIndex, Annotations: map[string]string{ocispec.AnnotationRefName: tag},
	})
	if err != nil {
		return "", digest, err
	}
	for _, built := range images {
		if err := appendBill(target, built, from); err != nil {
			return "", digest, err
		}
	}
	return tag, digest, nil
}

// descriptor names the image by its digest.
func (built platformImage) descriptor() (ocispec.Descriptor, error) {
	hash, err := built.image.Digest()
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	size, err := built.image.Size()
	return ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageManifest, Digest: digest.Digest(hash.String()), Size: size,
	}, err
}

// appendBill writes the bill of materials as an artifact whose subject is the
// image.
func appendBill(target layout.Path, built platformImage, from source) error {
	subject, err := built.descriptor()
	if err != nil {
		return err
	}
	for _, blob := range [][]byte{ocispec.DescriptorEmptyJSON.Data, built.bill} {
		if _, err := writeBlob(target, blob); err != nil {
			return err
		}
	}
	_, err = appendManifest(target, ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: billMediaType,
		Config:       ocispec.DescriptorEmptyJSON,
		Layers: []ocispec.Descriptor{
			{MediaType: billMediaType, Digest: digest.FromBytes(built.bill), Size: int64(len(built.bill))},
		},
		Subject:     &subject,
		Annotations: map[string]string{ocispec.AnnotationCreated: from.created.Format(time.RFC3339)},
	}, v1.Descriptor{MediaType: types.OCIManifestSchema1, ArtifactType: billMediaType})
	return err
}

// appendManifest writes a manifest or an index and lists it in the layout, by
// the descriptor with digest and size added.
func appendManifest(target layout.Path, manifest any, descriptor v1.Descriptor) (v1.Hash, error) {
	data, err := json.Marshal(manifest)
	if err != nil {
		return v1.Hash{}, err
	}
	descriptor.Size = int64(len(data))
	if descriptor.Digest, err = writeBlob(target, data); err != nil {
		return v1.Hash{}, err
	}
	return descriptor.Digest, target.AppendDescriptor(descriptor)
}

func writeBlob(target layout.Path, data []byte) (v1.Hash, error) {
	hash, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return hash, err
	}
	return hash, target.WriteBlob(hash, io.NopCloser(bytes.NewReader(data)))
}
