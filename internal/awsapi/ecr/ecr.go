// Package ecr implements the operations of the Amazon ECR API over the domain
// (package registry): their wire shapes, limits, messages and exceptions.
//
// Shapes, limits and the dispatch table are generated from AWS's published
// service model. To add one of the operations that are still refused, define
// the method of its name on Service.
package ecr

//go:generate go run ./generate

import (
	"context"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/uri"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/session"
)

// Registry is the part of the domain that the operations use.
// *registry.Service is the one that serves; its methods say which errors to
// expect.
type Registry interface {
	Authorize(ctx context.Context, c access.Caller, id resource.Registry, action string) error

	CreateRepository(ctx context.Context, c access.Caller, ref resource.Repository,
		n registry.NewRepository) (registry.Repository, error)
	DescribeRepositories(ctx context.Context, c access.Caller, id resource.Registry,
		names []string) ([]registry.Repository, error)
	ListRepositories(ctx context.Context, c access.Caller, id resource.Registry,
		p registry.Page) ([]registry.Repository, string, error)
	DeleteRepository(ctx context.Context, c access.Caller, ref resource.Repository,
		force bool) (registry.Repository, error)
	SetTagMutability(ctx context.Context, c access.Caller, ref resource.Repository, m registry.TagMutability,
		exclusions []string) (registry.Repository, error)

	SetRepositoryPolicy(ctx context.Context, c access.Caller, ref resource.Repository, text string, force bool) error
	RepositoryPolicy(ctx context.Context, c access.Caller, ref resource.Repository) (string, error)
	DeleteRepositoryPolicy(ctx context.Context, c access.Caller, ref resource.Repository) (string, error)
	SetRegistryPolicy(ctx context.Context, c access.Caller, id resource.Registry, text string) error
	RegistryPolicy(ctx context.Context, c access.Caller, id resource.Registry) (string, error)
	DeleteRegistryPolicy(ctx context.Context, c access.Caller, id resource.Registry) (string, error)

	TagResource(ctx context.Context, c access.Caller, ref resource.Repository, tags []resource.Tag) error
	UntagResource(ctx context.Context, c access.Caller, ref resource.Repository, keys []string) error
	ResourceTags(ctx context.Context, c access.Caller, ref resource.Repository) ([]resource.Tag, error)

	PutManifest(ctx context.Context, c access.Caller, ref resource.Repository,
		n registry.NewManifest) (registry.PutResult, error)
	Manifest(ctx context.Context, c access.Caller, ref resource.Repository,
		r registry.Reference) (registry.Manifest, error)
	DeleteImages(ctx context.Context, c access.Caller, ref resource.Repository,
		refs []registry.Reference) ([]registry.DeletedImage, error)
	DescribeImages(ctx context.Context, c access.Caller, ref resource.Repository,
		refs []registry.Reference) ([]registry.Image, error)
	ListImages(ctx context.Context, c access.Caller, ref resource.Repository, status registry.TagStatus,
		p registry.Page) ([]registry.Image, string, error)
	ListImageIDs(ctx context.Context, c access.Caller, ref resource.Repository, status registry.TagStatus,
		p registry.Page) ([]registry.Reference, string, error)

	LayersAvailable(ctx context.Context, c access.Caller, ref resource.Repository,
		ds []digest.Digest) (map[digest.Digest]registry.Layer, error)
	HoldsLayer(ctx context.Context, c access.Caller, ref resource.Repository, d digest.Digest) (bool, error)
	LayerForDownload(ctx context.Context, c access.Caller, ref resource.Repository,
		d digest.Digest) (l registry.Layer, url string, err error)
	StartUpload(ctx context.Context, c access.Caller, ref resource.Repository) (string, error)
	UploadSize(ctx context.Context, c access.Caller, ref resource.Repository, id string) (int64, error)
	AppendUpload(ctx context.Context, c access.Caller, ref resource.Repository, id string, offset int64,
		r io.Reader) (int64, error)
	CompleteUpload(ctx context.Context, c access.Caller, ref resource.Repository, id string, d digest.Digest,
		offset int64, tail io.Reader) (registry.Layer, error)
	CancelUpload(ctx context.Context, c access.Caller, ref resource.Repository, id string) error

	SetReplication(ctx context.Context, c access.Caller, id resource.Registry, rules []registry.ReplicationRule) error
	Replication(ctx context.Context, c access.Caller, id resource.Registry) ([]registry.ReplicationRule, error)
	ReplicationStatus(ctx context.Context, c access.Caller, ref resource.Repository,
		r registry.Reference) ([]registry.ReplicationStatus, error)
}

var _ Registry = (*registry.Service)(nil)

// Config is what Service needs.
type Config struct {
	Registry Registry
	// Keys holds the keys that registry tokens and download URLs are signed with.
	Keys auth.Keys
	// URIs writes where registries are.
	URIs uri.Writer
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Service is the ECR API. It is safe for concurrent use.
type Service struct {
	unimplemented
	registry Registry
	keys     auth.Keys
	uris     uri.Writer
	now      func() time.Time
	parts    smallParts
}

// New returns the ECR API of a deployment.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Service{registry: c.Registry, keys: c.Keys, uris: c.URIs, now: c.Now}
}

// Call is who calls, and the registry that the request speaks to: that of the
// caller's account in the Region of the credential scope.
type Call struct {
	Caller   access.Caller
	Registry resource.Registry
	// Session is the one that the request rests on; zero if it is signed.
	Session session.Session
	// Asked is where the request went to.
	Asked uri.Asked
}

// registryOf is the registry that a registryId parameter names; without one it
// is the caller's own.
func (c Call) registryOf(registryID string) resource.Registry {
	if registryID == "" {
		return c.Registry
	}
	return resource.Registry{Account: registryID, Region: c.Registry.Region}
}

func (c Call) ref(registryID, repositoryName string) resource.Repository {
	return resource.Repository{Registry: c.registryOf(registryID), Name: repositoryName}
}

// operation is one of the API.
type operation = awsjson.Operation[*Service, Call]

// bind makes an operation of one of Service's methods.
func bind[In, Out any, P awsjson.Decodable[In]](method func(*Service, context.Context, Call, *In) (*Out, error)) operation {
	return awsjson.Bind(awsjson.Read[In, P], method)
}

// Bounds of request bodies, in bytes.
const (
	bodyLimit = 64 << 10
	// Of what holds a policy, or many tags or filters. JSON may write each
	// character as an escape sequence of six bytes, or twelve.
	textBodyLimit = 512 << 10
	// A manifest has up to 4 Mi characters.
	manifestBodyLimit = 26 << 20
	// A layer part has up to 20 MiB, which base64 makes a third longer.
	layerPartBodyLimit = 28 << 20
)

// BodyLimit is the size of the largest body, in bytes, that a request for the
// operation may have; ok is false if ECR has no operation of that name.
func BodyLimit(name string) (limit int64, ok bool) {
	switch name {
	case "PutImage":
		return manifestBodyLimit, true
	case "UploadLayerPart":
		return layerPartBodyLimit, true
	case "BatchCheckLayerAvailability", "CreateRepository", "CreateRepositoryCreationTemplate", "PutLifecyclePolicy",
		"PutRegistryPolicy", "PutRegistryScanningConfiguration", "PutReplicationConfiguration", "PutSigningConfiguration",
		"SetRepositoryPolicy", "StartLifecyclePolicyPreview", "TagResource", "UpdateRepositoryCreationTemplate":
		return textBodyLimit, true
	}
	_, ok = operations[name]
	return bodyLimit, ok
}

// Do answers a request for the named operation with a value to encode as
// JSON, or an error that AsException explains. It may overwrite body.
func (s *Service) Do(ctx context.Context, name string, call Call, body []byte) (any, error) {
	do, ok := operations[name]
	if !ok {
		return nil, awsjson.Exceptionf(awsjson.UnknownOperationException, "ECR has no operation %.64q", name)
	}
	return do(ctx, s, call, body)
}
