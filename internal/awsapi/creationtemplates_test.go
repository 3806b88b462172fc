package awsapi_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

const (
	templatePolicy = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"},
		"Action": "ecr:BatchGetImage"}]}`
	otherRole = "arn:aws:iam::111122223333:role/templates"
)

func TestCreationTemplates(t *testing.T) {
	t.Parallel()
	a, ctx := newAPI(t), t.Context()
	c := a.ecr()
	described := func() []types.RepositoryCreationTemplate {
		t.Helper()
		return must[*ecr.DescribeRepositoryCreationTemplatesOutput](t)(c.DescribeRepositoryCreationTemplates(ctx,
			&ecr.DescribeRepositoryCreationTemplatesInput{})).RepositoryCreationTemplates
	}
	if all := described(); len(all) != 0 {
		t.Errorf("at first: %+v", all)
	}
	bare := must[*ecr.CreateRepositoryCreationTemplateOutput](t)(c.CreateRepositoryCreationTemplate(ctx,
		&ecr.CreateRepositoryCreationTemplateInput{
			Prefix: aws.String("bare/"), AppliedFor: []types.RCTAppliedFor{types.RCTAppliedForPullThroughCache},
		}))
	at := begin.UTC().Truncate(time.Millisecond)
	if got := bare.RepositoryCreationTemplate; *bare.RegistryId != account || *got.Prefix != "bare/" ||
		got.ImageTagMutability != types.ImageTagMutabilityMutable || got.Description != nil ||
		got.EncryptionConfiguration.EncryptionType != types.EncryptionTypeAes256 ||
		got.EncryptionConfiguration.KmsKey != nil || len(got.ResourceTags) != 0 || got.RepositoryPolicy != nil ||
		got.LifecyclePolicy != nil || got.CustomRoleArn != nil || !got.CreatedAt.Equal(at) || !got.UpdatedAt.Equal(at) {
		t.Errorf("bare: %+v", got)
	}
	full := ecr.CreateRepositoryCreationTemplateInput{
		Prefix: aws.String("team"), Description: aws.String("of the team"), CustomRoleArn: aws.String(otherRole),
		AppliedFor: []types.RCTAppliedFor{
			types.RCTAppliedForReplication, types.RCTAppliedForCreateOnPush, types.RCTAppliedForReplication,
		},
		ImageTagMutability: types.ImageTagMutabilityImmutableWithExclusion,
		ImageTagMutabilityExclusionFilters: []types.ImageTagMutabilityExclusionFilter{
			{FilterType: types.ImageTagMutabilityExclusionFilterTypeWildcard, Filter: aws.String("dev-*")},
		},
		EncryptionConfiguration: &types.EncryptionConfigurationForRepositoryCreationTemplate{
			EncryptionType: types.EncryptionTypeAes256, KmsKey: aws.String(""),
		},
		ResourceTags:     []types.Tag{{Key: aws.String("team"), Value: aws.String("x")}},
		RepositoryPolicy: aws.String(templatePolicy), LifecyclePolicy: aws.String(sentPolicy),
	}
	created := *must[*ecr.CreateRepositoryCreationTemplateOutput](t)(
		c.CreateRepositoryCreationTemplate(ctx, &full)).RepositoryCreationTemplate
	wanted := types.RepositoryCreationTemplate{
		Prefix: full.Prefix, Description: full.Description, CustomRoleArn: full.CustomRoleArn,
		AppliedFor: full.AppliedFor[:2], ImageTagMutability: full.ImageTagMutability,
		ImageTagMutabilityExclusionFilters: full.ImageTagMutabilityExclusionFilters,
		EncryptionConfiguration: &types.EncryptionConfigurationForRepositoryCreationTemplate{
			EncryptionType: types.EncryptionTypeAes256,
		},
		ResourceTags: full.ResourceTags, RepositoryPolicy: full.RepositoryPolicy, LifecyclePolicy: full.LifecyclePolicy,
		CreatedAt: &at, UpdatedAt: &at,
	}
	if !reflect.DeepEqual(created, wanted) {
		t.Errorf("created: %+v\nwant %+v", created, wanted)
	}
	// One that holds for the same repositories is the same.
	full.Prefix = aws.String("team/")
	_, err := c.CreateRepositoryCreationTemplate(ctx, &full)
	want(t, err, "TemplateAlreadyExistsException", "The repository creation template already exists. Specify a unique "+
		"prefix and try again.")
	if all := described(); len(all) != 2 || *all[0].Prefix != "bare/" || !reflect.DeepEqual(all[1], wanted) {
		t.Errorf("described: %+v", all)
	}

	// An update leaves what it does not name.
	a.domain.time.Store(int64(time.Minute))
	later := at.Add(time.Minute)
	update := func(in ecr.UpdateRepositoryCreationTemplateInput) types.RepositoryCreationTemplate {
		t.Helper()
		in.Prefix = aws.String("team")
		return *must[*ecr.UpdateRepositoryCreationTemplateOutput](t)(
			c.UpdateRepositoryCreationTemplate(ctx, &in)).RepositoryCreationTemplate
	}
	wanted.UpdatedAt = &later
	if got := update(ecr.UpdateRepositoryCreationTemplateInput{}); !reflect.DeepEqual(got, wanted) {
		t.Errorf("updated nothing: %+v", got)
	}
	wanted.AppliedFor = []types.RCTAppliedFor{types.RCTAppliedForPullThroughCache}
	wanted.ResourceTags = []types.Tag{{Key: aws.String("a"), Value: aws.String("")}}
	wanted.ImageTagMutability, wanted.ImageTagMutabilityExclusionFilters = types.ImageTagMutabilityImmutable, nil
	wanted.Description, wanted.RepositoryPolicy = nil, nil
	if got := update(ecr.UpdateRepositoryCreationTemplateInput{
		AppliedFor: wanted.AppliedFor, ResourceTags: wanted.ResourceTags, Description: aws.String(""),
		RepositoryPolicy: aws.String(""), ImageTagMutability: wanted.ImageTagMutability,
	}); !reflect.DeepEqual(got, wanted) {
		t.Errorf("updated: %+v\nwant %+v", got, wanted)
	}
	if got := update(ecr.UpdateRepositoryCreationTemplateInput{
		AppliedFor: []types.RCTAppliedFor{}, ResourceTags: []types.Tag{}, CustomRoleArn: aws.String(""),
		LifecyclePolicy: aws.String(""),
	}); len(got.AppliedFor)+len(got.ResourceTags) != 0 || got.CustomRoleArn != nil || got.LifecyclePolicy != nil {
		t.Errorf("emptied: %+v", got)
	}

	deleted := must[*ecr.DeleteRepositoryCreationTemplateOutput](t)(c.DeleteRepositoryCreationTemplate(ctx,
		&ecr.DeleteRepositoryCreationTemplateInput{Prefix: aws.String("team/")}))
	if *deleted.RegistryId != account || *deleted.RepositoryCreationTemplate.Prefix != "team" {
		t.Errorf("deleted: %+v", deleted)
	}
	const notFound = "The repository creation template can't be found. Verify the registry ID and prefix and try again."
	_, err = c.DeleteRepositoryCreationTemplate(ctx, &ecr.DeleteRepositoryCreationTemplateInput{Prefix: full.Prefix})
	want(t, err, "TemplateNotFoundException", notFound)
	_, err = c.UpdateRepositoryCreationTemplate(ctx, &ecr.UpdateRepositoryCreationTemplateInput{Prefix: full.Prefix})
	want(t, err, "TemplateNotFoundException", notFound)
	if all := described(); len(all) != 1 {
		t.Errorf("left: %+v", all)
	}
}

// Requests that SDKs would not send, and what is refused.
func TestCreationTemplatesAsSent(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	const create = `"prefix":"p","appliedFor":["REPLICATION"]`
	const filters = `"imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"a*"}]`
	const key = `"kmsKey":"arn:aws:kms:r:111122223333:key/a"`
	quote := func(text string) string {
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(quoted)
	}
	tags := make([]string, 51)
	for i := range tags {
		tags[i] = fmt.Sprintf(`{"Key":"k%d","Value":""}`, i)
	}
	for _, c := range []struct{ operation, members, exception, message string }{
		{"Create", `"appliedFor":[]`, "InvalidParameterException", "'prefix"},
		{"Create", `"prefix":null,"appliedFor":[]`, "InvalidParameterException", "'prefix'"},
		{"Create", `"prefix":"p"`, "InvalidParameterException", "'appliedFor"},
		{"Create", `"prefix":"p","appliedFor":["PULL"]`, "InvalidParameterException", "'appliedFor"},
		{"Create", `"prefix":"/p","appliedFor":[]`, "InvalidParameterException", "'prefix'"},
		{"Create", `"prefix":"Root","appliedFor":[]`, "InvalidParameterException", "'prefix'"},
		{"Create", `"prefix":"ROOT/","appliedFor":[]`, "InvalidParameterException", "'prefix'"},
		{"Create", `"prefix":"` + strings.Repeat("a", 257) + `","appliedFor":[]`, "InvalidParameterException", "'prefix'"},
		{"Create", create + `,"description":"` + strings.Repeat("a", 257) + `"`, "InvalidParameterException",
			"'description'"},
		{"Create", create + `,"customRoleArn":"` + strings.Repeat("a", 2049) + `"`, "InvalidParameterException",
			"'customRoleArn'"},
		{"Create", create + `,"encryptionConfiguration":{"encryptionType":"KMS"}`, "KmsException", "AWS KMS"},
		{"Create", create + `,"encryptionConfiguration":{"encryptionType":"KMS_DSSE",` + key + `}`, "KmsException", "AWS KMS"},
		{"Create", create + `,"encryptionConfiguration":{"encryptionType":"AES256",` + key + `}`, "InvalidParameterException",
			"Encryption key should not be set for AES256 encryption."},
		{"Create", create + `,"encryptionConfiguration":{"encryptionType":"AES256","kmsKey":"alias/a"}`,
			"InvalidParameterException", "kmsKey"},
		{"Create", create + `,"encryptionConfiguration":{}`, "InvalidParameterException", "ncryptionType"},
		{"Create", create + `,"imageTagMutability":"IMMUTABLE",` + filters, "InvalidParameterException",
			"'imageTagMutabilityExclusionFilters'"},
		{"Create", create + `,"imageTagMutability":"MUTABLE_WITH_EXCLUSION"`, "InvalidParameterException",
			"'imageTagMutabilityExclusionFilters'"},
		{"Create", create + `,"imageTagMutabilityExclusionFilters":[]`, "InvalidParameterException",
			"'imageTagMutabilityExclusionFilters'"},
		{"Create", create + `,"resourceTags":[` + strings.Join(tags, ",") + `]`, "InvalidParameterException",
			"Invalid parameter at 'resourceTags' failed to satisfy constraint: 'A repository has at most 50 tags"},
		{"Create", create + `,"resourceTags":[{"Key":"aws:x","Value":""}]`, "InvalidParameterException", "'resourceTags'"},
		{"Create", create + `,"resourceTags":[{"Key":"a","Value":""},{"Key":"A","Value":""}]`, "InvalidParameterException",
			"'resourceTags'"},
		{"Create", create + `,"repositoryPolicy":"{"`, "InvalidParameterException",
			"Invalid parameter at 'repositoryPolicy' failed to satisfy constraint: 'Invalid repository policy provided"},
		{"Create", create + `,"repositoryPolicy":"` + strings.Repeat("a", 10241) + `"`, "InvalidParameterException",
			"'repositoryPolicy'"},
		{"Create", create + `,"lifecyclePolicy":"{}"`, "InvalidParameterException", "'lifecyclePolicy'"},
		{"Create", create + `,"lifecyclePolicy":` + quote(strings.ReplaceAll(sentPolicy, `"days"`, `"hours"`)),
			"InvalidParameterException", "Invalid parameter at 'lifecyclePolicy' failed to satisfy constraint: 'Lifecycle " +
				"policy validation failure: instance value (\\\"hours\\\") not found in enum"},
		{"Describe", `"maxResults":0`, "InvalidParameterException", "'maxResults'"},
		{"Describe", `"maxResults":1001`, "InvalidParameterException", "'maxResults'"},
		{"Describe", `"nextToken":"bad"`, "InvalidParameterException", "'nextToken'"},
		{"Describe", `"prefixes":["P"]`, "InvalidParameterException", "'prefix"},
		// As Terraform's provider sends what is not set, and empty lists.
		{"Create", `"prefix":"null","appliedFor":["REPLICATION"],"description":null,"encryptionConfiguration":null,` +
			`"resourceTags":null,"imageTagMutability":null,"imageTagMutabilityExclusionFilters":null,` +
			`"repositoryPolicy":null,"lifecyclePolicy":null,"customRoleArn":null,"other":1`, "", `"AES256"`},
		{"Create", `"prefix":"ROOT","appliedFor":[],"description":"","resourceTags":[],"repositoryPolicy":"",` +
			`"lifecyclePolicy":"","customRoleArn":"","encryptionConfiguration":{"encryptionType":"AES256","kmsKey":""}`, "",
			`"resourceTags":[]`},
		{"Update", `"prefix":"ROOT","imageTagMutability":"MUTABLE_WITH_EXCLUSION",` + filters, "", `"filter":"a*"`},
		{"Update", `"prefix":"ROOT","imageTagMutability":"IMMUTABLE_WITH_EXCLUSION"`, "", `"filter":"a*"`},
		{"Update", `"prefix":"ROOT","imageTagMutability":"MUTABLE"`, "", `"MUTABLE"`},
		{"Update", `"prefix":"ROOT",` + filters, "InvalidParameterException", "'imageTagMutabilityExclusionFilters'"},
		{"Update", `"prefix":"ROOT","encryptionConfiguration":{"encryptionType":"KMS"}`, "KmsException", ""},
		{"Update", `"prefix":"ROOT","description":null`, "", `"appliedFor":[]`},
		{"Delete", `"prefix":""`, "InvalidParameterException", "'prefix'"},
		{"Delete", `"prefix":"ROOT"`, "", `"prefix":"ROOT"`},
	} {
		operation := c.operation + "RepositoryCreationTemplate"
		if c.operation == "Describe" {
			operation += "s"
		}
		resp, text := a.post(t, ecrOf+operation, "application/x-amz-json-1.1", "{"+c.members+"}")
		if (resp.StatusCode == 200) != (c.exception == "") || !strings.Contains(text, c.exception) ||
			!strings.Contains(text, c.message) {
			t.Errorf("%s %s: %d %s\nwant %s %s", operation, beginning(c.members), resp.StatusCode, text, c.exception,
				c.message)
		}
	}
}

// beginning keeps messages of tests readable.
func beginning(s string) string { return s[:min(len(s), 200)] }

func TestCreationTemplatesByPage(t *testing.T) {
	t.Parallel()
	a, ctx := newAPI(t), t.Context()
	c := a.ecr()
	for _, prefix := range []string{"b", "ROOT", "a/b/", "a", "0/x"} {
		must[*ecr.CreateRepositoryCreationTemplateOutput](t)(c.CreateRepositoryCreationTemplate(ctx,
			&ecr.CreateRepositoryCreationTemplateInput{Prefix: &prefix, AppliedFor: []types.RCTAppliedFor{}}))
	}
	list := func(size int32, prefixes ...string) (all []string) {
		t.Helper()
		pages := ecr.NewDescribeRepositoryCreationTemplatesPaginator(c, &ecr.DescribeRepositoryCreationTemplatesInput{
			Prefixes: prefixes, MaxResults: aws.Int32(size),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.RepositoryCreationTemplates) > int(size) {
				t.Errorf("a page of %d has %d", size, len(page.RepositoryCreationTemplates))
			}
			for _, one := range page.RepositoryCreationTemplates {
				all = append(all, *one.Prefix)
			}
		}
		return all
	}
	for _, size := range []int32{1, 2, 5, 1000} {
		if got := fmt.Sprint(list(size)); got != "[ROOT 0/x a a/b/ b]" {
			t.Errorf("in pages of %d: %s", size, got)
		}
		if got := fmt.Sprint(list(size, "b", "a/", "none", "a/b", "b", "ROOT")); got != "[ROOT a a/b/ b]" {
			t.Errorf("some in pages of %d: %s", size, got)
		}
	}
	if got := list(10, "none"); len(got) != 0 {
		t.Errorf("unknown: %v", got)
	}
	first := must[*ecr.DescribeRepositoryCreationTemplatesOutput](t)(c.DescribeRepositoryCreationTemplates(ctx,
		&ecr.DescribeRepositoryCreationTemplatesInput{MaxResults: aws.Int32(1)}))
	_, err := c.DescribeRepositoryCreationTemplates(ctx, &ecr.DescribeRepositoryCreationTemplatesInput{
		NextToken: first.NextToken, Prefixes: []string{"a"},
	})
	want(t, err, "InvalidParameterException", "'nextToken'")
}

// Who sets a template needs the rights to make repositories as it does.
func TestRightsOfCreationTemplates(t *testing.T) {
	t.Parallel()
	a, ctx := newAPI(t), t.Context()
	c := a.ecr()
	create := func(in ecr.CreateRepositoryCreationTemplateInput) error {
		in.Prefix, in.AppliedFor = aws.String("p"), []types.RCTAppliedFor{}
		_, err := c.CreateRepositoryCreationTemplate(ctx, &in)
		return err
	}
	update := func() error {
		_, err := c.UpdateRepositoryCreationTemplate(ctx,
			&ecr.UpdateRepositoryCreationTemplateInput{Prefix: aws.String("p")})
		return err
	}
	all := ecr.CreateRepositoryCreationTemplateInput{
		ResourceTags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}, LifecyclePolicy: aws.String(sentPolicy),
	}
	for _, action := range []string{
		"CreateRepositoryCreationTemplate", "CreateRepository", "PutLifecyclePolicy", "TagResource",
	} {
		a.domain.deny(action)
		want(t, create(all), "AccessDeniedException", "ecr:"+action)
	}
	a.domain.deny("PutLifecyclePolicy", "TagResource")
	if err := create(ecr.CreateRepositoryCreationTemplateInput{}); err != nil {
		t.Errorf("without tags and a lifecycle policy: %v", err)
	}
	for _, action := range []string{"UpdateRepositoryCreationTemplate", "CreateRepository"} {
		a.domain.deny(action)
		want(t, update(), "AccessDeniedException", "ecr:"+action)
	}
	a.domain.deny("DeleteRepositoryCreationTemplate", "DescribeRepositoryCreationTemplates")
	_, err := c.DescribeRepositoryCreationTemplates(ctx, &ecr.DescribeRepositoryCreationTemplatesInput{})
	want(t, err, "AccessDeniedException", "ecr:DescribeRepositoryCreationTemplates")
	_, err = c.DeleteRepositoryCreationTemplate(ctx, &ecr.DeleteRepositoryCreationTemplateInput{Prefix: aws.String("p")})
	want(t, err, "AccessDeniedException", "ecr:DeleteRepositoryCreationTemplate")
}
