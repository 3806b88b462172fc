package test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
)

var ctx = context.Background()

func (s *server) createRepository(a account, region, name string) {
	s.t.Helper()
	if _, err := s.ecr(a, region).CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: &name}); err != nil {
		s.t.Fatal(err)
	}
}

// destination names a registry to replicate to.
type destination struct {
	account account
	region  string
}

// rule is a replication rule; no prefixes match every repository.
type rule struct {
	to       []destination
	prefixes []string
}

func (r rule) sdk() types.ReplicationRule {
	var out types.ReplicationRule
	for _, d := range r.to {
		out.Destinations = append(out.Destinations, types.ReplicationDestination{
			Region: aws.String(d.region), RegistryId: aws.String(d.account.id),
		})
	}
	for _, p := range r.prefixes {
		out.RepositoryFilters = append(out.RepositoryFilters, types.RepositoryFilter{
			Filter: aws.String(p), FilterType: types.RepositoryFilterTypePrefixMatch,
		})
	}
	return out
}

func (s *server) replicate(a account, region string, rules ...rule) {
	s.t.Helper()
	config := &types.ReplicationConfiguration{Rules: []types.ReplicationRule{}}
	for _, r := range rules {
		config.Rules = append(config.Rules, r.sdk())
	}
	if _, err := s.ecr(a, region).PutReplicationConfiguration(ctx, &ecr.PutReplicationConfigurationInput{
		ReplicationConfiguration: config,
	}); err != nil {
		s.t.Fatal(err)
	}
}

// grant lets source replicate into owner's registry, with the actions given
// (without their ecr: prefix).
func (s *server) grant(owner account, region string, source account, actions ...string) {
	s.t.Helper()
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"ReplicationAccess","Effect":"Allow",
		"Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":[%s],"Resource":["arn:aws:ecr:%s:%s:repository/*"]}]}`,
		source.id, quoted(actions), region, owner.id)
	if _, err := s.ecr(owner, region).PutRegistryPolicy(ctx,
		&ecr.PutRegistryPolicyInput{PolicyText: &policy}); err != nil {
		s.t.Fatal(err)
	}
}

// allow sets a repository policy that lets another account do the actions.
func (s *server) allow(owner account, region, repo string, caller account, actions ...string) {
	s.t.Helper()
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"Cross account","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":[%s]}]}`,
		caller.id, quoted(actions))
	if _, err := s.ecr(owner, region).SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{
		RepositoryName: &repo, PolicyText: &policy,
	}); err != nil {
		s.t.Fatal(err)
	}
}

func quoted(actions []string) string {
	var list []string
	for _, a := range actions {
		list = append(list, fmt.Sprintf("%q", "ecr:"+a))
	}
	return strings.Join(list, ",")
}

var pullActions = []string{"BatchGetImage", "GetDownloadUrlForLayer", "BatchCheckLayerAvailability"}

// statuses returns DescribeImageReplicationStatus by destination, as
// "<account>/<region>".
func (s *server) statuses(a account, region, repo, tagOrDigest string) map[string]types.ImageReplicationStatus {
	s.t.Helper()
	out, err := s.ecr(a, region).DescribeImageReplicationStatus(ctx, &ecr.DescribeImageReplicationStatusInput{
		RepositoryName: &repo, ImageId: imageID(tagOrDigest),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	byDestination := map[string]types.ImageReplicationStatus{}
	for _, status := range out.ReplicationStatuses {
		byDestination[aws.ToString(status.RegistryId)+"/"+aws.ToString(status.Region)] = status
	}
	return byDestination
}

// wantStatus waits until the replication to the destination has the status.
func (s *server) wantStatus(from account, region, repo, ref string, to destination,
	want types.ReplicationStatus) types.ImageReplicationStatus {
	s.t.Helper()
	var status types.ImageReplicationStatus
	eventually(s.t, patience, func() error {
		var ok bool
		all := s.statuses(from, region, repo, ref)
		if status, ok = all[to.account.id+"/"+to.region]; !ok {
			return fmt.Errorf("no status of %s %s to %s/%s among %d", repo, ref, to.account.id, to.region, len(all))
		}
		if status.Status != want {
			return fmt.Errorf("%s %s to %s/%s is %s (%s), want %s", repo, ref, to.account.id, to.region, status.Status,
				aws.ToString(status.FailureCode), want)
		}
		return nil
	})
	return status
}

func imageID(tagOrDigest string) *types.ImageIdentifier {
	if strings.Contains(tagOrDigest, ":") {
		return &types.ImageIdentifier{ImageDigest: &tagOrDigest}
	}
	return &types.ImageIdentifier{ImageTag: &tagOrDigest}
}

// wantCode fails the test unless err is an AWS API error with the code and
// (if not empty) a message that contains the text.
func wantCode(t *testing.T, err error, code, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Errorf("got error %v, want %s", err, code)
		return
	}
	if api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), text) {
		t.Errorf("got %s: %s; want %s: …%s…", api.ErrorCode(), api.ErrorMessage(), code, text)
	}
}
