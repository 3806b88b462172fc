package twinport

import (
	"context"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/ecr"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// DescribeImageConfigurationRequest is the request of DescribeImageConfiguration.
type DescribeImageConfigurationRequest struct {
	RepositoryName string
	ImageID        ecr.ImageIdentifier

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *DescribeImageConfigurationRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "repositoryName":
			if d.First(&v.present, 0) {
				v.RepositoryName = d.String()
			}
		case "imageId":
			if d.First(&v.present, 1) {
				v.ImageID.Decode(d)
			}
		default:
			d.Unknown()
		}
	}
}

// Validate implements awsjson.Decodable.
func (v *DescribeImageConfigurationRequest) Validate(at string) *awsjson.Exception {
	if !v.present.Has(0) {
		return awsjson.Missing(at, "repositoryName")
	}
	if e := limitsRepositoryName.Check(at, "repositoryName", v.RepositoryName); e != nil {
		return e
	}
	if !v.present.Has(1) {
		return awsjson.Missing(at, "imageId")
	}
	return v.ImageID.Validate(at + "imageId.")
}

// LayerDescriptor is what a manifest says of a layer, or of the config.
type LayerDescriptor struct {
	LayerDigest string `json:"layerDigest"`
	MediaType   string `json:"mediaType,omitzero"`
	// LayerSizeInBytes is missing where the manifest does not say.
	LayerSizeInBytes int64 `json:"layerSizeInBytes,omitzero"`
}

// IndexedImage is an image that an index names.
type IndexedImage struct {
	ImageDigest              string `json:"imageDigest"`
	ImageManifestMediaType   string `json:"imageManifestMediaType,omitzero"`
	ImageManifestSizeInBytes int64  `json:"imageManifestSizeInBytes"`
	Platform                 string `json:"platform,omitzero"`
}

// HistoryEntry is a step that an image was built by.
type HistoryEntry struct {
	CreatedAt  seconds `json:"createdAt,omitzero"`
	CreatedBy  string  `json:"createdBy,omitzero"`
	Author     string  `json:"author,omitzero"`
	Comment    string  `json:"comment,omitzero"`
	EmptyLayer bool    `json:"emptyLayer"`
	LayerIndex *int    `json:"layerIndex,omitempty"`
}

// ImageConfiguration is the configuration of a container image.
type ImageConfiguration struct {
	Architecture     string            `json:"architecture,omitzero"`
	Variant          string            `json:"variant,omitzero"`
	OS               string            `json:"os,omitzero"`
	OSVersion        string            `json:"osVersion,omitzero"`
	OSFeatures       []string          `json:"osFeatures"`
	CreatedAt        seconds           `json:"createdAt,omitzero"`
	Author           string            `json:"author,omitzero"`
	User             string            `json:"user,omitzero"`
	Entrypoint       []string          `json:"entrypoint"`
	Command          []string          `json:"command"`
	Environment      []string          `json:"environment"`
	WorkingDirectory string            `json:"workingDirectory,omitzero"`
	Labels           map[string]string `json:"labels"`
	ExposedPorts     []string          `json:"exposedPorts"`
	Volumes          []string          `json:"volumes"`
	StopSignal       string            `json:"stopSignal,omitzero"`
	History          []HistoryEntry    `json:"history"`
	Truncated        bool              `json:"truncated"`
}

// DescribeImageConfigurationResponse is the answer of DescribeImageConfiguration.
type DescribeImageConfigurationResponse struct {
	ImageDigest               string              `json:"imageDigest"`
	ImageManifestMediaType    string              `json:"imageManifestMediaType"`
	ImageManifestSizeInBytes  int64               `json:"imageManifestSizeInBytes"`
	ArtifactMediaType         string              `json:"artifactMediaType,omitzero"`
	SubjectManifestDigest     string              `json:"subjectManifestDigest,omitzero"`
	Annotations               map[string]string   `json:"annotations"`
	Config                    *LayerDescriptor    `json:"config,omitempty"`
	Layers                    []LayerDescriptor   `json:"layers"`
	LayerCount                int                 `json:"layerCount"`
	Platforms                 []IndexedImage      `json:"platforms"`
	PlatformCount             int                 `json:"platformCount"`
	Configuration             *ImageConfiguration `json:"configuration,omitempty"`
	ConfigurationStatus       string              `json:"configurationStatus"`
	ConfigurationStatusReason string              `json:"configurationStatusReason,omitzero"`
}

// DescribeImageConfiguration reads what an image says of itself. It is no pull.
func (s *Service) DescribeImageConfiguration(ctx context.Context, call Call,
	in *DescribeImageConfigurationRequest) (*DescribeImageConfigurationResponse, error) {
	ref := resource.Repository{Registry: call.Registry, Name: in.RepositoryName}
	content, err := s.Registry.ImageContent(ctx, call.Caller, ref,
		registry.Reference{Tag: in.ImageID.ImageTag, Digest: digest.Digest(in.ImageID.ImageDigest)})
	if err != nil {
		return nil, err
	}
	return imageContent(content), nil
}

func imageContent(c registry.ImageContent) *DescribeImageConfigurationResponse {
	out := &DescribeImageConfigurationResponse{
		ImageDigest: c.Digest.String(), ImageManifestMediaType: c.MediaType, ImageManifestSizeInBytes: c.ManifestSize,
		ArtifactMediaType: c.ArtifactType, SubjectManifestDigest: c.Subject.String(), Annotations: orEmpty(c.Annotations),
		Layers: make([]LayerDescriptor, 0, len(c.Layers)), LayerCount: c.LayerCount,
		Platforms: make([]IndexedImage, 0, len(c.Platforms)), PlatformCount: c.PlatformCount,
		ConfigurationStatus: string(c.ConfigurationStatus), ConfigurationStatusReason: c.ConfigurationReason,
	}
	if c.Config != nil {
		config := layerDescriptor(*c.Config)
		out.Config = &config
	}
	for _, l := range c.Layers {
		out.Layers = append(out.Layers, layerDescriptor(l))
	}
	for _, p := range c.Platforms {
		out.Platforms = append(out.Platforms, IndexedImage{p.Digest.String(), p.MediaType, p.ManifestSize, p.Platform})
	}
	if c.Configuration != nil {
		out.Configuration = imageConfiguration(*c.Configuration)
	}
	return out
}

func layerDescriptor(d ocispec.Descriptor) LayerDescriptor {
	return LayerDescriptor{d.Digest.String(), d.MediaType, d.Size}
}

func imageConfiguration(c registry.Configuration) *ImageConfiguration {
	out := &ImageConfiguration{
		Architecture: c.Architecture, Variant: c.Variant, OS: c.OS, OSVersion: c.OSVersion,
		OSFeatures: append([]string{}, c.OSFeatures...), CreatedAt: seconds{c.CreatedAt}, Author: c.Author, User: c.User,
		Entrypoint: append([]string{}, c.Entrypoint...), Command: append([]string{}, c.Command...),
		Environment: append([]string{}, c.Environment...), WorkingDirectory: c.WorkingDirectory, Labels: orEmpty(c.Labels),
		ExposedPorts: append([]string{}, c.ExposedPorts...), Volumes: append([]string{}, c.Volumes...),
		StopSignal: c.StopSignal, History: make([]HistoryEntry, 0, len(c.History)), Truncated: c.Truncated,
	}
	for _, e := range c.History {
		entry := HistoryEntry{
			CreatedAt: seconds{e.CreatedAt}, CreatedBy: e.CreatedBy, Author: e.Author, Comment: e.Comment,
			EmptyLayer: e.EmptyLayer,
		}
		if e.Layer >= 0 {
			entry.LayerIndex = new(e.Layer)
		}
		out.History = append(out.History, entry)
	}
	return out
}

// orEmpty has a map written as an object where there is none.
func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
