package ecr

import (
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/registry"
)

func validateJSON[T any, P awsjson.Decodable[T]](t *testing.T, text string) *awsjson.Exception {
	t.Helper()
	v, err := decode[T, P](text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return P(&v).Validate("")
}

// TestLimits has the words of ECR's refusals, as users of it have reported them,
// which are not of one form. TestEveryConstraint has every constraint.
func TestLimits(t *testing.T) {
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, c := range []struct {
		check func(t *testing.T, text string) *awsjson.Exception
		text  string
		want  string // of the message; "" for none
	}{
		{validateJSON[CreateRepositoryRequest], `{"repositoryName":"team/app-1.x__y"}`, ""},
		{validateJSON[CreateRepositoryRequest], `{}`, "Invalid parameter at 'repositoryName' failed to satisfy " +
			"constraint: 'must not be null'"},
		{validateJSON[CreateRepositoryRequest], `{"repositoryName":null}`, "'repositoryName' failed to satisfy " +
			"constraint: 'must not be null'"},
		{validateJSON[CreateRepositoryRequest], `{"repositoryName":"a"}`, "'repositoryName' failed to satisfy constraint: " +
			"'must have length greater than or equal to 2'"},
		{validateJSON[CreateRepositoryRequest], `{"repositoryName":"` + strings.Repeat("a", 256) + `"}`, ""},
		{validateJSON[CreateRepositoryRequest], `{"repositoryName":"` + strings.Repeat("a", 257) + `"}`,
			"'must have length less than or equal to 256'"},
		{validateJSON[CreateRepositoryRequest], `{"repositoryName":"Team/app"}`,
			`must satisfy regular expression '[a-z0-9]+(`},
		{validateJSON[CreateRepositoryRequest], `{"repositoryName":"app\n"}`, "must satisfy regular expression"},
		{validateJSON[CreateRepositoryRequest], `{"repositoryName":"../app"}`, "must satisfy regular expression"},
		{validateJSON[CreateRepositoryRequest], `{"repositoryName":"a//b"}`, "must satisfy regular expression"},
		{validateJSON[CreateRepositoryRequest], `{"repositoryName":"app","registryId":"12345678901"}`,
			"'registryId' failed to satisfy constraint: 'must satisfy regular expression '[0-9]{12}''"},
		{validateJSON[CreateRepositoryRequest], `{"repositoryName":"app","imageTagMutability":"mutable"}`,
			"'Member must satisfy enum value set: [IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]'"},
		{validateJSON[CreateRepositoryRequest], `{"repositoryName":"app","tags":[{"Key":"a","Value":""},{"Key":"a"}]}`,
			"'tags.2.member.Value' failed to satisfy constraint: 'Member must not be null'"},
		{validateJSON[CreateRepositoryRequest], `{"repositoryName":"app","imageTagMutabilityExclusionFilters":[]}`,
			"'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'Member must have length greater than " +
				"or equal to 1'"},
		{validateJSON[CreateRepositoryRequest],
			`{"repositoryName":"app","imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"a b"}]}`,
			"'imageTagMutabilityExclusionFilters.1.member.filter' failed to satisfy"},
		{validateJSON[BatchGetImageRequest], `{"repositoryName":"app","imageIds":[]}`,
			"'imageIds' failed to satisfy constraint: 'Member must have length greater than or equal to 1'"},
		{validateJSON[BatchGetImageRequest], `{"repositoryName":"app","imageIds":[{}` + strings.Repeat(",{}", 100) + `]}`,
			"less than or equal to 100"},
		{validateJSON[BatchGetImageRequest], `{"repositoryName":"app","imageIds":[{"imageTag":""}]}`,
			"'imageIds.1.member.imageTag' failed to satisfy constraint: 'Member must have length greater than or equal to 1'"},
		{validateJSON[BatchGetImageRequest], `{"repositoryName":"app","imageIds":[{"imageTag":"` + strings.Repeat("é", 300) +
			`"}]}`, ""},
		{validateJSON[BatchGetImageRequest], `{"repositoryName":"app","imageIds":[{"imageTag":"` + strings.Repeat("é", 301) +
			`"}]}`, "less than or equal to 300"},
		{validateJSON[DescribeImagesRequest], `{"repositoryName":"app","maxResults":1000}`, ""},
		{validateJSON[DescribeImagesRequest], `{"repositoryName":"app","maxResults":1001}`,
			"'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to 1000'"},
		{validateJSON[DescribeImagesRequest], `{"repositoryName":"app","maxResults":0}`,
			"'Member must have value greater than or equal to 1'"},
		{validateJSON[GetAuthorizationTokenRequest], `{"registryIds":["111122223333","x"]}`,
			"'registryIds' failed to satisfy constraint: 'Member must satisfy constraint: [Member must satisfy regular " +
				"expression pattern: [0-9]{12}]'"},
		{validateJSON[DescribeRepositoriesRequest], `{"repositoryNames":["app","Team/app"]}`, "'repositoryName' failed to " +
			`satisfy constraint: 'must satisfy regular expression '[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+` +
			`((\.|_|__|-+)[a-z0-9]+)*)*''`},
		{validateJSON[DeletePullThroughCacheRuleRequest], `{"ecrRepositoryPrefix":"A/b"}`, "'ecrRepositoryPrefix' failed to " +
			`satisfy constraint: 'Member must satisfy regular expression pattern: ^([a-z0-9]+`},
		{validateJSON[GetDownloadUrlForLayerRequest], `{"repositoryName":"app","layerDigest":"` + digest + `"}`, ""},
		{validateJSON[GetDownloadUrlForLayerRequest], `{"repositoryName":"app","layerDigest":"x` + digest + `/"}`,
			"'layerDigest' failed"},
		{validateJSON[PutImageRequest], `{"repositoryName":"app","imageManifest":"` + strings.Repeat("a", 4_194_304) +
			`"}`, ""},
		{validateJSON[PutImageRequest], `{"repositoryName":"app","imageManifest":"` + strings.Repeat("a", 4_194_305) + `"}`,
			"less than or equal to 4194304"},
		{validateJSON[UploadLayerPartRequest], `{"repositoryName":"app","uploadId":"not-a-uuid"}`, "'uploadId' failed"},
		{validateJSON[UploadLayerPartRequest], `{"repositoryName":"app","uploadId":"d1f9e4a6-6a0e-4b6e-9d4b-5f6a7b8c9d0e","partFirstByte":-1}`, "'partFirstByte' failed to satisfy constraint: 'Member must have value greater"},
		{validateJSON[UploadLayerPartRequest], `{"repositoryName":"app","uploadId":"d1f9e4a6-6a0e-4b6e-9d4b-5f6a7b8c9d0e","partFirstByte":0,"partLastByte":0}`, "'layerPartBlob' failed to satisfy constraint: 'Member must not be null'"},
		{validateJSON[UploadLayerPartRequest], `{"repositoryName":"app","uploadId":"d1f9e4a6-6a0e-4b6e-9d4b-5f6a7b8c9d0e","partFirstByte":0,"partLastByte":0,"layerPartBlob":"` + strings.Repeat("AAAA", 20_971_520/3+1) + `"}`, "less than or equal to 20971520"},
		{validateJSON[PutReplicationConfigurationRequest], `{"replicationConfiguration":{"rules":[{"destinations":[]}` +
			strings.Repeat(`,{"destinations":[]}`, 24) + `]}}`, ""},
		{validateJSON[PutReplicationConfigurationRequest], `{"replicationConfiguration":{"rules":[{"destinations":[]}` +
			strings.Repeat(`,{"destinations":[]}`, 25) + `]}}`, "'replicationConfiguration.rules' failed to satisfy " +
			"constraint: 'Member must have length less than or equal to 25'"},
		{validateJSON[PutReplicationConfigurationRequest],
			`{"replicationConfiguration":{"rules":[{"destinations":[{"region":"US","registryId":"111122223333"}]}]}}`,
			"'replicationConfiguration.rules.1.member.destinations.1.member.region' failed"},
		{validateJSON[PutReplicationConfigurationRequest],
			`{"replicationConfiguration":{"rules":[{"destinations":[],"repositoryFilters":[{"filter":"prod","filterType":"EXACT"}]}]}}`, "repositoryFilters.1.member.filterType' failed to satisfy constraint: 'Member must satisfy enum value set: [PREFIX_MATCH]'"},
		{validateJSON[PutReplicationConfigurationRequest], `{"replicationConfiguration":{}}`,
			"'replicationConfiguration.rules' failed to satisfy constraint: 'Member must not be null'"},
		{validateJSON[StopReplicationBackfillRequest], `{"replicationBackfillId":"x"}`, "'replicationBackfillId' failed"},
		{validateJSON[SetRepositoryPolicyRequest], `{"repositoryName":"app","policyText":"` + strings.Repeat("x", 10_241) +
			`"}`, "less than or equal to 10240"},
	} {
		e := c.check(t, c.text)
		switch {
		case e == nil && c.want != "":
			t.Errorf("%.80s: accepted, want %s", c.text, c.want)
		case e != nil && c.want == "":
			t.Errorf("%.80s: %v", c.text, e)
		case e != nil && (e.Code != InvalidParameterException || e.Status != 400 || !strings.Contains(e.Message, c.want)):
			t.Errorf("%.80s:\n got %d %s\nwant %s", c.text, e.Status, e, c.want)
		}
	}
}

// Every pattern of the model must compile, though each does so only when needed.
func TestPatternsCompile(t *testing.T) {
	for _, p := range []*awsjson.Pattern{
		limitsCredentialArn.Pattern, limitsImageTagMutabilityExclusionFilterValue.Pattern,
		limitsKmsKeyForRepositoryCreationTemplate.Pattern,
		limitsLayerDigest.Pattern, limitsPrefix.Pattern, limitsPrincipalArn.Pattern,
		limitsPullThroughCacheRuleRepositoryPrefix.Pattern,
		limitsRegion.Pattern, limitsRegistryId.Pattern, limitsRepositoryFilterValue.Pattern, limitsRepositoryName.Pattern,
		limitsScanningRepositoryFilterValue.Pattern, limitsSigningProfileArn.Pattern,
		limitsSigningRepositoryFilterValue.Pattern, limitsUploadId.Pattern,
	} {
		p.Compile()
	}
}

// ECR's model and the domain take the same names of repositories.
func TestRepositoryNames(t *testing.T) {
	for _, name := range []string{
		"", "a", "ab", "a/b", "team/app", "a..b", "a.b", "a_b", "a__b", "a___b", "a-b", "a---b", "a-_b", "/a", "a/", "a//b",
		"A/b", "-a", "a-",
		"a/../b", "a\n", "é", "a b", strings.Repeat("a", 256), strings.Repeat("a", 257),
	} {
		if e := limitsRepositoryName.Check("", "repositoryName", name); (e == nil) != registry.ValidName(name) {
			t.Errorf("%q: the model says %v, the domain %v", name, e, registry.ValidName(name))
		}
	}
}
