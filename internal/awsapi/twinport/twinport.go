// Package twinport implements the operations that Twinport has beyond Amazon
// ECR's (docs/api.md), in ECR's protocol: their shapes, limits and answers.
package twinport

import (
	"context"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/ecr"
	"github.com/twinport/twinport/internal/awsapi/uri"
	"github.com/twinport/twinport/internal/expiry"
	"github.com/twinport/twinport/internal/jobs"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/session"
)

// BodyLimit is the size of the largest body, in bytes, that a request for the
// operation may have.
func BodyLimit(name string) int64 {
	switch name {
	case "ValidatePolicy":
		return 512 << 10 // a policy, each letter of which may be an escape sequence
	case "GrantPeer", "InvitePeer", "JoinPeer":
		return 512 << 10 // a grant names up to 20,000 accounts
	}
	return 64 << 10
}

// Config is what Service needs; every field must be set.
type Config struct {
	Registry    *registry.Service
	Replication *replication.Service
	Expiry      *expiry.Service
	Sessions    *session.Service
	Accounts    *auth.Directory
	Peers       *peer.Directory
	// Operators are the accounts whose root may operate the deployment.
	Operators []string
	// DescribeRepository is ECR's shape of a repository.
	DescribeRepository func(Call, registry.Repository) *ecr.Repository
	// URIs writes where registries are.
	URIs    uri.Writer
	Version string
	// Jobs says how the jobs of the deployment go.
	Jobs func(context.Context) ([]jobs.Run, error)
	// Shared says that the stores are a database server and a bucket.
	Shared bool
}

// Service is Twinport's own API. It is safe for concurrent use.
type Service struct{ Config }

// New returns Twinport's own API of a deployment.
func New(c Config) *Service { return &Service{c} }

// Call is who calls, and the registry that the request speaks to.
type Call = ecr.Call

// operation is one of the API.
type operation = awsjson.Operation[*Service, Call]

// bind makes an operation of one of Service's methods.
func bind[In, Out any, P awsjson.Decodable[In]](
	method func(*Service, context.Context, Call, *In) (*Out, error)) operation {
	return awsjson.Bind(awsjson.ReadStrictly[In, P], method)
}

// operations is the dispatch table, but for those of operators.
var operations = map[string]operation{
	"CheckReplicationDestinations": bind((*Service).CheckReplicationDestinations),
	"CompareReplication":           bind((*Service).CompareReplication),
	"DescribeDeployment":           bind((*Service).DescribeDeployment),
	"DescribeImageConfiguration":   bind((*Service).DescribeImageConfiguration),
	"DescribeJobs":                 bind((*Service).DescribeJobs),
	"DescribeLifecyclePreview":     bind((*Service).DescribeLifecyclePreview),
	"DescribeQuotas":               bind((*Service).DescribeQuotas),
	"DescribeStorage":              bind((*Service).DescribeStorage),
	"FindImages":                   bind((*Service).FindImages),
	"FindRepositories":             bind((*Service).FindRepositories),
	"GetReplicationStatistics":     bind((*Service).GetReplicationStatistics),
	"ListLifecycleRunImages":       bind((*Service).ListLifecycleRunImages),
	"ListLifecycleRuns":            bind((*Service).ListLifecycleRuns),
	"ListPeers":                    bind((*Service).ListPeers),
	"ListReplications":             bind((*Service).ListReplications),
	"ListSessions":                 bind((*Service).ListSessions),
	"RetryReplications":            bind((*Service).RetryReplications),
	"RevokeSessions":               bind((*Service).RevokeSessions),
	"ValidatePolicy":               bind((*Service).ValidatePolicy),
}

// Known says whether there is an operation of the name.
func Known(name string) bool {
	return operations[name] != nil || operatorsOperations[name] != nil || name == Watch
}

// Do answers a request for the named operation, but for Watch, with a value to encode as JSON,
// or an error: an *awsjson.Exception, one of the domain's, or an internal one. It
// may overwrite body.
func (s *Service) Do(ctx context.Context, name string, call Call, body []byte) (any, error) {
	if do, ok := operatorsOperations[name]; ok {
		return s.operate(ctx, name, do, call, body)
	}
	do, ok := operations[name]
	if !ok {
		return nil, awsjson.Exceptionf(awsjson.UnknownOperationException, "Twinport has no operation %.64q", name)
	}
	return do(ctx, s, call, body)
}
