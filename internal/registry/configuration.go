package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// dockerConfig is the media type of a configuration as Docker names it.
const dockerConfig = "application/vnd.docker.container.image.v1+json"

// MaxConfigurationSize is the most bytes that a configuration may have to be read: those of images have some KiB.
const MaxConfigurationSize = 1 << 20

// ImageContent is what a manifest says, with the configuration that it names.
type ImageContent struct {
	Digest       digest.Digest
	MediaType    string
	ManifestSize int64
	ArtifactType string
	Subject      digest.Digest
	Annotations  map[string]string
	Config       *ocispec.Descriptor // nil if the manifest names none
	// Layers in their order, the lowest first, at most MaxConfigurationItems. Their sizes are those that the manifest
	// says; 0 if it says none.
	Layers     []ocispec.Descriptor
	LayerCount int
	// Platforms are the images that an index names, in their order, at most 100.
	Platforms     []IndexedImage
	PlatformCount int

	Configuration       *Configuration // nil unless ConfigurationStatus is ConfigurationAvailable
	ConfigurationStatus ConfigurationStatus
	ConfigurationReason string // why it is not available
}

// IndexedImage is one that an index names, whether or not the repository has it.
type IndexedImage struct {
	Digest       digest.Digest
	MediaType    string
	ManifestSize int64
	Platform     string // such as linux/arm64; "" if the index does not say
}

// ConfigurationStatus says whether an image's configuration was read.
type ConfigurationStatus string

const (
	ConfigurationAvailable ConfigurationStatus = "AVAILABLE"
	// ConfigurationNone is that of an index, and of manifests from before images had configurations.
	ConfigurationNone ConfigurationStatus = "NONE"
	// ConfigurationArtifact is that of what is no container image: its config has another media type.
	ConfigurationArtifact ConfigurationStatus = "ARTIFACT"
	ConfigurationTooLarge ConfigurationStatus = "TOO_LARGE"
	ConfigurationInvalid  ConfigurationStatus = "INVALID"
	// ConfigurationMissing means that the repository does not have its bytes.
	ConfigurationMissing ConfigurationStatus = "MISSING"
)

// Configuration is that of a container image. Texts are as they stand there: they may have any characters.
type Configuration struct {
	Architecture, Variant string
	OS, OSVersion         string
	OSFeatures            []string
	CreatedAt             time.Time // zero if it does not say
	Author                string
	User                  string
	Entrypoint, Command   []string
	Environment           []string
	WorkingDirectory      string
	Labels                map[string]string
	ExposedPorts, Volumes []string // sorted
	StopSignal            string
	History               []HistoryEntry
	// Truncated says that a list had more than MaxConfigurationItems: the others are left out.
	Truncated bool
}

// HistoryEntry is a step that an image was built by.
type HistoryEntry struct {
	CreatedAt  time.Time // zero if it does not say
	CreatedBy  string
	Author     string
	Comment    string
	EmptyLayer bool // the step changed no file
	Layer      int  // its place among the layers; -1 if it has none, or if this cannot be told
}

// ImageContent reads a manifest, by tag or digest, and the configuration of the image: ImageNotFound. It is no pull.
// What is wrong with the configuration is a status, not an error. Needs ecr:BatchGetImage and
// ecr:GetDownloadUrlForLayer.
func (s *Service) ImageContent(ctx context.Context, c access.Caller, ref resource.Repository,
	r Reference) (ImageContent, error) {
	repo, err := s.repositoryAbout(ctx, c, ref, aboutImages(r), contentAhead(r), access.BatchGetImage,
		access.GetDownloadURLForLayer)
	if err != nil {
		return ImageContent{}, err
	}
	m, err := s.Content(ctx, repo, r)
	if err != nil {
		return ImageContent{}, err
	}
	if m.Bytes == nil {
		if m, err = s.largeContent(ctx, repo, r, m); err != nil {
			return ImageContent{}, err
		}
	}
	content, err := readContent(ctx, m)
	if err != nil {
		return ImageContent{}, err
	}
	if err := s.readConfiguration(ctx, repo, &content); err != nil {
		return ImageContent{}, fmt.Errorf("read the configuration of image %s of %s: %w", r, ref, err)
	}
	return content, nil
}

// readContent reads a manifest, which may be of an earlier build: what another program took for a manifest may say
// nothing.
func readContent(ctx context.Context, m *metadata.ManifestContent) (ImageContent, error) {
	done, err := budget.Busy(ctx, len(m.Bytes))
	if err != nil {
		return ImageContent{}, err
	}
	defer done()
	content := ImageContent{
		Digest: digest.Digest(m.Digest), MediaType: m.MediaType, ManifestSize: m.Size, ArtifactType: m.ArtifactType,
		Subject: digest.Digest(m.Subject),
	}
	var doc manifestDocument
	_ = json.Unmarshal(m.Bytes, &doc)
	if len(doc.Annotations) > 0 {
		_ = json.Unmarshal(doc.Annotations, &content.Annotations)
	}
	layers := doc.Layers
	switch forms[m.MediaType] {
	case imageForm:
		content.Config = doc.Config
	case artifactForm:
		layers = doc.Blobs
	case schema1Form: // the highest comes first
		layers = nil
		for i := len(doc.FSLayers) - 1; i >= 0; i-- {
			layers = append(layers, ocispec.Descriptor{
				Digest: doc.FSLayers[i].BlobSum, MediaType: ocispec.MediaTypeImageLayerGzip,
			})
		}
	case indexForm:
		layers = nil
		platforms, _ := platformsOf(m.Bytes)
		content.PlatformCount = len(doc.Manifests)
		for _, d := range doc.Manifests[:min(len(doc.Manifests), maxShown)] {
			content.Platforms = append(content.Platforms, IndexedImage{d.Digest, d.MediaType, d.Size, platforms[d.Digest]})
		}
	}
	content.LayerCount = len(layers)
	content.Layers = layers[:min(len(layers), MaxConfigurationItems)]
	return content, nil
}

// readConfiguration adds the configuration that the manifest names, or why there is none.
func (s *Service) readConfiguration(ctx context.Context, repo *metadata.Repository, content *ImageContent) error {
	not := func(status ConfigurationStatus, format string, args ...any) error {
		content.ConfigurationStatus, content.ConfigurationReason = status, fmt.Sprintf(format, args...)
		return nil
	}
	config := content.Config
	switch {
	case config == nil:
		return not(ConfigurationNone, "A manifest of type '%s' has no configuration", Shorten(content.MediaType))
	case config.MediaType != ocispec.MediaTypeImageConfig && config.MediaType != dockerConfig:
		return not(ConfigurationArtifact, "The config is of type '%s', which is not that of a container image",
			Shorten(config.MediaType))
	}
	l, err := s.layer(ctx, repo, config.Digest)
	if CodeOf(err) == LayersNotFound {
		return not(ConfigurationMissing, "The repository does not have the config %s: push the image again", config.Digest)
	}
	if err != nil {
		return err
	}
	if l.Size > MaxConfigurationSize {
		return not(ConfigurationTooLarge, "The config has %d bytes; at most %d are read: fetch it as a layer", l.Size,
			MaxConfigurationSize)
	}
	if err := budget.TakeMemory(ctx, parsedSize*int(l.Size)); err != nil {
		return err
	}
	raw, err := s.readSmallLayer(ctx, l)
	if blob.IsLost(err) {
		return not(ConfigurationMissing, "The bytes of the config %s are lost: push the image again", config.Digest)
	}
	if err != nil {
		return err
	}
	if config.Digest.Algorithm().FromBytes(raw) != config.Digest {
		return not(ConfigurationInvalid, "What is stored as the config %s has another digest: the operator should run "+
			"twinport verify", config.Digest)
	}
	done, err := budget.Busy(ctx, len(raw))
	if err != nil {
		return err
	}
	defer done()
	parsed, err := parseConfiguration(raw, content.LayerCount)
	if err != nil {
		return not(ConfigurationInvalid, "The config is not that of a container image: %s", Shorten(err.Error()))
	}
	content.Configuration, content.ConfigurationStatus = parsed, ConfigurationAvailable
	return nil
}

// readSmallLayer reads the bytes of a layer into memory.
func (s *Service) readSmallLayer(ctx context.Context, l Layer) ([]byte, error) {
	content, err := s.blobs.Open(ctx, l.object, l.Size)
	if err != nil {
		return nil, s.found(l.Digest, l.object, err)
	}
	defer content.Close()
	raw, err := io.ReadAll(io.LimitReader(content, l.Size))
	return raw, s.found(l.Digest, l.object, err)
}
