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
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/uri"
	"github.com/twinport/twinport/internal/expiry"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/session"
)

// SigningName is the service in the credential scope, also of Twinport's own operations.
const SigningName = "ecr"

// Config is what Service needs.
type Config struct {
	Registry    *registry.Service
	Replication *replication.Service
	Expiry      *expiry.Service
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
	registry    *registry.Service
	replication *replication.Service
	expiry      *expiry.Service
	keys        auth.Keys
	uris        uri.Writer
	now         func() time.Time
}

// New returns the ECR API of a deployment.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Service{
		registry: c.Registry, replication: c.Replication, expiry: c.Expiry, keys: c.Keys, uris: c.URIs, now: c.Now,
	}
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
	// Base are the revisions that the request may replace; none: whatever is there.
	Base []registry.Revision
	// Revision, if not nil, is set to that of the document that the answer has.
	Revision *registry.Revision
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
func bind[In, Out any, P awsjson.Decodable[In]](
	method func(*Service, context.Context, Call, *In) (*Out, error)) operation {
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
