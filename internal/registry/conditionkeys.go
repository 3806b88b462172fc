package registry

import (
	"net/netip"
	"strconv"

	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// conditionKey is a key that conditions of policies may be about. The tables
// below are those of docs/security.md, which a test compares.
type conditionKey struct {
	name  string
	value string
	// client: only a request of a client has it, not a replication.
	client bool
	// known: it is absent where there is nothing to tell.
	known bool
}

// keysOfAll are the keys that requests for every action have.
var keysOfAll = []conditionKey{
	{name: "aws:CurrentTime", value: "the time of the request, such as `2026-11-28T12:00:00Z`"},
	{name: "aws:EpochTime", value: "the same in seconds since 1970"},
	{name: "aws:PrincipalAccount", value: "the caller's account; of a replication, the source's"},
	{name: "aws:PrincipalArn", value: "the caller's ARN"},
	{name: "aws:PrincipalIsAWSService", value: "`false`"},
	{name: "aws:PrincipalOrgID", value: "the caller's `organization` in the configuration", known: true},
	{name: "aws:PrincipalType", value: "`Account`: the caller is the root of its account"},
	{name: "aws:RequestedRegion", value: "the registry's Region"},
	{name: "aws:ResourceAccount", value: "the registry's account"},
	{name: "aws:ResourceOrgID", value: "the `organization` of the registry's account", known: true},
	{name: "aws:SecureTransport", value: "whether the client came by TLS; of a replication, `true`"},
	{name: "aws:SourceIp", value: "the client's address", client: true},
	{name: "aws:UserAgent", value: "what the client calls itself, its first 1,024 bytes", client: true, known: true},
	{name: "aws:userid", value: "the caller's unique id: the account, for its root"},
	{name: "aws:ViaAWSService", value: "`false`"},
}

// keySet is what else requests for an action have.
type keySet uint8

const (
	// ofRepository: the resource is a repository's ARN. Without it, it is "*".
	ofRepository keySet = 1 << iota
	// resourceTags: aws:ResourceTag/… and ecr:ResourceTag/…, the repository's tags.
	resourceTags
	// requestTags: aws:RequestTag/…, the tags that the request sets.
	requestTags
	// tagKeys: aws:TagKeys, the keys of the tags that it sets or removes.
	tagKeys
)

// keysOf are the keys that requests for one action have, as the Service
// Authorization Reference has them for Amazon ECR.
var keysOf = map[string]keySet{
	actionBatchCheckLayers:    ofRepository | resourceTags,
	actionBatchDeleteImage:    ofRepository | resourceTags,
	actionBatchGetImage:       ofRepository | resourceTags,
	actionCompleteUpload:      ofRepository | resourceTags,
	actionCreateRepository:    ofRepository | requestTags | tagKeys, // what is to be made has no tags yet
	actionDeleteRegistryPol:   0,
	actionDeleteRepository:    ofRepository | resourceTags,
	actionDeleteRepoPolicy:    ofRepository | resourceTags,
	actionDescribeReplStatus:  ofRepository | resourceTags,
	actionDescribeImages:      ofRepository | resourceTags,
	actionDescribeRegistry:    0,
	actionDescribeRepos:       ofRepository | resourceTags,
	actionGetDownloadURL:      ofRepository | resourceTags,
	actionGetRegistryPolicy:   0,
	actionGetRepositoryPolicy: ofRepository | resourceTags,
	actionGetToken:            0,
	actionInitiateUpload:      ofRepository | resourceTags,
	actionListImages:          ofRepository | resourceTags,
	actionListTags:            ofRepository | resourceTags,
	actionPutImage:            ofRepository | resourceTags,
	actionPutMutability:       ofRepository | resourceTags,
	actionPutRegistryPolicy:   0,
	actionPutReplication:      0,
	actionReplicateImage:      ofRepository | resourceTags,
	actionSetRepositoryPolicy: ofRepository | resourceTags,
	actionTagResource:         ofRepository | resourceTags | requestTags | tagKeys,
	actionUntagResource:       ofRepository | resourceTags | tagKeys,
	actionUploadPart:          ofRepository | resourceTags,
}

// maxUserAgent is how much of what a client says of itself policies see, in
// bytes. The longest names of browsers and SDKs are half as long.
const maxUserAgent = 1 << 10

// subject is what a request is about, as far as conditions may ask.
type subject struct {
	tags    []resource.Tag // the repository's
	set     []resource.Tag // that the request sets
	removed []string       // keys of tags that it removes
}

// request is a client's question to policies. An action that is not in the
// table has no keys but those of all, which its test would not let pass.
func (s *Service) request(c Caller, id resource.Registry, action, resource string, about subject) policy.Request {
	req := s.question(c.Identity.Principal, id, action, resource, about)
	req.Context.Add("aws:SecureTransport", strconv.FormatBool(c.Secure))
	if c.UserAgent != "" {
		req.Context.Add("aws:UserAgent", beginning(c.UserAgent, maxUserAgent))
	}
	if address, err := netip.ParseAddrPort(c.RemoteAddr); err == nil {
		req.Context.Add("aws:SourceIp", address.Addr().Unmap().String())
	}
	return req
}

// replicationRequest is what a replication asks the destination: the source's
// account wants to do the action on a repository with the tags. Nobody calls
// from anywhere, so it has no address and no user agent; nor has it
// aws:SourceAccount, which only calls of an AWS service have.
func (s *Service) replicationRequest(source, to resource.Repository, action string, tags []resource.Tag) policy.Request {
	account := source.Registry.Account
	principal := policy.Principal{Account: account, ARN: "arn:aws:iam::" + account + ":root"}
	req := s.question(principal, to.Registry, action, to.ARN(), subject{tags: tags})
	req.Context.Add("aws:SecureTransport", "true") // it never leaves the deployment
	return req
}

// question has the keys of all that do not tell of a client, and those of the
// action. Package policy adds what follows from the request itself.
func (s *Service) question(who policy.Principal, id resource.Registry, action, resource string, about subject) policy.Request {
	who.Organization = s.organizations[who.Account]
	req := policy.Request{
		Principal: who, Action: action, Resource: resource, Time: s.now(),
		ResourceAccount: id.Account, ResourceOrganization: s.organizations[id.Account],
	}
	req.Context.Add("aws:RequestedRegion", id.Region)
	keys := keysOf[action]
	if keys&resourceTags != 0 {
		for _, t := range about.tags {
			req.Context.Add("aws:ResourceTag/"+t.Key, t.Value)
			req.Context.Add("ecr:ResourceTag/"+t.Key, t.Value)
		}
	}
	for _, t := range about.set {
		if keys&requestTags != 0 {
			req.Context.Add("aws:RequestTag/"+t.Key, t.Value)
		}
		if keys&tagKeys != 0 {
			req.Context.Add("aws:TagKeys", t.Key)
		}
	}
	if keys&tagKeys != 0 {
		req.Context.Add("aws:TagKeys", about.removed...)
	}
	return req
}
