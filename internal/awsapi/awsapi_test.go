package awsapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi"
	"github.com/twinport/twinport/internal/awsapi/uri"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/jobs"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/session"
)

const (
	account = "111122223333"
	other   = "444455556666"
	region  = "ap-northeast-1"
	keyID   = "AKIAPRODPRODPRODPROD"
	secret  = "prod/secret+0123456789012345678901234567"
	ociType = "application/vnd.oci.image.manifest.v1+json"
)

type api struct {
	*httptest.Server
	domain   *domain
	verifier *auth.Verifier
	sessions *session.Service
	handler  *awsapi.Handler
	closing  chan struct{} // see awsapi.Config
	log      *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newAPI(t testing.TB, adjust ...func(*awsapi.Config)) *api {
	t.Helper()
	keys, err := auth.NewDirectory([]auth.Account{{ID: account, Name: "prod", Keys: []auth.AccessKey{{
		ID: keyID, Secret: secret, Principal: policy.Principal{Account: account, ARN: "arn:aws:iam::" + account + ":root"},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	a := &api{
		domain: openDomain(t), verifier: auth.NewVerifier(keys, "deployment", time.Now), log: new(syncBuffer),
		closing: make(chan struct{}),
	}
	a.sessions = session.New(session.Config{Store: a.domain.meta, Keys: keys, Verifier: a.verifier, Now: time.Now})
	config := awsapi.Config{
		Registry: a.domain.Service, Replication: a.domain.replicator, Expiry: a.domain.expiry,
		Verifier: a.verifier,
		Accounts: keys,
		Sessions: a.sessions,
		Version:  "v1.2.3",
		Jobs: func(context.Context) ([]jobs.Run, error) {
			return []jobs.Run{
				{Job: "sweep", Steps: []string{"uploads", "links"}, Step: 2, Running: true, Finished: begin},
				{Job: "sessions", Steps: []string{"expired"}},
			}, nil
		},
		URIs: uri.Writer{Form: uri.Host, Domain: "localhost", Scheme: "http", Endpoint: func(id resource.Registry) string {
			return id.Account + ".dkr.ecr." + id.Region + ".localhost:8080"
		}},
		Closing: a.closing,
		Logger:  slog.New(slog.NewJSONHandler(a.log, nil)),
	}
	for _, f := range adjust {
		f(&config)
	}
	a.handler = awsapi.New(config)
	a.Server = httptest.NewServer(a.handler)
	t.Cleanup(a.Close)
	return a
}

func (a *api) config(region string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(a.URL),
		Credentials:  credentials.NewStaticCredentialsProvider(keyID, secret, ""),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func (a *api) ecr() *ecr.Client { return ecr.NewFromConfig(a.config(region)) }

// post sends a signed request as it is.
func (a *api) post(t *testing.T, target, contentType, body string) (*http.Response, string) {
	t.Helper()
	return send(t, a.signed(t, target, contentType, body))
}

// ofRoot is the access key of the account's root.
var ofRoot = aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}

// signed is a signed request; header has names and values of further headers.
func (a *api) signed(t testing.TB, target, contentType, body string, header ...string) *http.Request {
	t.Helper()
	return a.signedWith(t, ofRoot, target, contentType, body, header...)
}

// signedWith is signed by other credentials.
func (a *api) signedWith(t testing.TB, with aws.Credentials, target, contentType, body string,
	header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, a.URL+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	r.Header.Set("Content-Type", contentType)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	sum := digest.FromString(body).Encoded()
	err = v4.NewSigner().SignHTTP(context.Background(), with, r, sum, "ecr", region, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func send(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// code is the code of an SDK's error, "" for none.
func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func want(t *testing.T, err error, wantCode, wantMessage string) {
	t.Helper()
	if code(err) != wantCode || wantMessage != "" && !strings.Contains(err.Error(), wantMessage) {
		t.Errorf("got %v, want %s … %s", err, wantCode, wantMessage)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestRepositories(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	c := a.ecr()
	created := must[*ecr.CreateRepositoryOutput](t)(c.CreateRepository(ctx, &ecr.CreateRepositoryInput{
		RepositoryName:             aws.String("team/app"),
		ImageTagMutability:         types.ImageTagMutabilityImmutableWithExclusion,
		ImageScanningConfiguration: &types.ImageScanningConfiguration{ScanOnPush: true},
		ImageTagMutabilityExclusionFilters: []types.ImageTagMutabilityExclusionFilter{
			{Filter: aws.String("dev-*"), FilterType: types.ImageTagMutabilityExclusionFilterTypeWildcard},
		},
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("")}},
	})).Repository
	if got := *created.RepositoryUri; got != "111122223333.dkr.ecr.ap-northeast-1.localhost:8080/team/app" {
		t.Errorf("repositoryUri = %s", got)
	}
	if got := *created.RepositoryArn; got != "arn:aws:ecr:ap-northeast-1:111122223333:repository/team/app" {
		t.Errorf("repositoryArn = %s", got)
	}
	if !created.CreatedAt.Equal(begin) {
		t.Errorf("createdAt = %v", created.CreatedAt)
	}
	if created.EncryptionConfiguration.EncryptionType != types.EncryptionTypeAes256 ||
		!created.ImageScanningConfiguration.ScanOnPush || *created.ImageTagMutabilityExclusionFilters[0].Filter != "dev-*" {
		t.Errorf("repository = %+v", created)
	}
	_, err := c.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String("team/app")})
	want(t, err, "RepositoryAlreadyExistsException", "'team/app' already exists in the registry with id '111122223333'")

	for i := range 5 {
		must[*ecr.CreateRepositoryOutput](t)(c.CreateRepository(ctx, &ecr.CreateRepositoryInput{
			RepositoryName: aws.String(fmt.Sprint("r-", i)),
		}))
	}
	var names []string
	pages := ecr.NewDescribeRepositoriesPaginator(c, &ecr.DescribeRepositoriesInput{MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page := must[*ecr.DescribeRepositoriesOutput](t)(pages.NextPage(ctx))
		for _, r := range page.Repositories {
			names = append(names, *r.RepositoryName)
		}
	}
	if got := strings.Join(names, " "); got != "r-0 r-1 r-2 r-3 r-4 team/app" {
		t.Errorf("pages hold %s", got)
	}
	one := must[*ecr.DescribeRepositoriesOutput](t)(c.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{
		RepositoryNames: []string{"r-3"}, RegistryId: aws.String(account),
	}))
	if len(one.Repositories) != 1 || *one.Repositories[0].RepositoryName != "r-3" {
		t.Errorf("by name: %+v", one.Repositories)
	}
	_, err = c.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{
		RepositoryNames: []string{"r-3"}, MaxResults: aws.Int32(1),
	})
	want(t, err, "InvalidParameterException", "'maxResults'")
	_, err = c.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{NextToken: aws.String("made-up")})
	want(t, err, "InvalidParameterException", "'nextToken'")
	_, err = c.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{
		RepositoryNames: []string{"r-3"}, RegistryId: aws.String(other),
	})
	want(t, err, "AccessDeniedException", "arn:aws:ecr:ap-northeast-1:444455556666:repository/r-3")

	m := must[*ecr.PutImageTagMutabilityOutput](t)(c.PutImageTagMutability(ctx, &ecr.PutImageTagMutabilityInput{
		RepositoryName: aws.String("r-0"), ImageTagMutability: types.ImageTagMutabilityImmutable,
	}))
	if m.ImageTagMutability != types.ImageTagMutabilityImmutable || *m.RepositoryName != "r-0" ||
		len(m.ImageTagMutabilityExclusionFilters) != 0 {
		t.Errorf("mutability: %+v", m)
	}
	must[*ecr.DeleteRepositoryOutput](t)(c.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{
		RepositoryName: aws.String("r-0"),
	}))
	_, err = c.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: aws.String("r-0")})
	want(t, err, "RepositoryNotFoundException", "The repository with name 'r-0' does not exist in the registry with id "+
		"'111122223333'")

	// Resource tags.
	arn := created.RepositoryArn
	must[*ecr.TagResourceOutput](t)(c.TagResource(ctx, &ecr.TagResourceInput{
		ResourceArn: arn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
	}))
	must[*ecr.UntagResourceOutput](t)(c.UntagResource(ctx, &ecr.UntagResourceInput{
		ResourceArn: arn, TagKeys: []string{"none"},
	}))
	tags := must[*ecr.ListTagsForResourceOutput](t)(c.ListTagsForResource(ctx,
		&ecr.ListTagsForResourceInput{ResourceArn: arn})).Tags
	if len(tags) != 2 || *tags[0].Key != "a" || *tags[0].Value != "b" || *tags[1].Value != "" {
		t.Errorf("tags: %+v", tags)
	}
	for _, bad := range []string{
		"", "x", "arn:aws:ecr:ap-northeast-1:111122223333:repository/",
		"arn:aws:ecr:ap-northeast-1:111122223333:registry/team/app",
		"arn:aws:s3:ap-northeast-1:111122223333:repository/team/app", "arn:aws:ecr:ap-northeast-1:1111:repository/team/app",
		"arn:aws:ecr:us-west-2:111122223333:repository/team/app",
		"arn:aws:ecr:ap-northeast-1:111122223333:repository/team/../app",
		"arn:aws:ecr:ap-northeast-1:111122223333:repository/team/app:x",
	} {
		_, err := c.ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: aws.String(bad)})
		want(t, err, "InvalidParameterException", "Invalid parameter at 'resourceArn' failed to satisfy "+
			"constraint: 'Invalid ARN")
	}
}

func TestImages(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	c, app := a.ecr(), aws.String("app")
	must[*ecr.CreateRepositoryOutput](t)(c.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: app}))
	manifest, second := a.domain.image("app", "one", ""), a.domain.image("app", "two", "<&>\u2028é")

	put := must[*ecr.PutImageOutput](t)(c.PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: app, ImageManifest: aws.String(manifest), ImageManifestMediaType: aws.String(ociType),
		ImageTag: aws.String("v1"),
	})).Image
	d := digest.FromString(manifest).String()
	if *put.ImageId.ImageDigest != d || *put.ImageId.ImageTag != "v1" || *put.ImageManifest != manifest ||
		*put.ImageManifestMediaType != ociType || *put.RegistryId != account {
		t.Errorf("put: %+v %+v", put, put.ImageId)
	}
	_, err := c.PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: app, ImageManifest: aws.String(manifest), ImageManifestMediaType: aws.String(ociType),
		ImageTag: aws.String("v1"),
	})
	want(t, err, "ImageAlreadyExistsException", "")
	_, err = c.PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: app, ImageManifest: aws.String("{}"), ImageTag: aws.String("v1"),
	})
	want(t, err, "InvalidParameterException", "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'The "+
		"manifest has no mediaType, and none was given with it'")
	_, err = c.PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: app, ImageManifest: aws.String(manifest), ImageDigest: aws.String("sha256:abc"),
	})
	want(t, err, "InvalidParameterException", "'imageDigest'")
	_, err = c.PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: app, ImageManifest: aws.String(manifest), ImageManifestMediaType: aws.String(ociType),
		ImageDigest: aws.String(digest.FromString("x").String()),
	})
	want(t, err, "ImageDigestDoesNotMatchException", "")
	untagged := must[*ecr.PutImageOutput](t)(c.PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: app, ImageManifest: aws.String(second), ImageManifestMediaType: aws.String(ociType),
	}))
	if untagged.Image.ImageId.ImageTag != nil {
		t.Errorf("untagged image has tag %q", *untagged.Image.ImageId.ImageTag)
	}

	fresh := must[*ecr.DescribeImagesOutput](t)(c.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: app}))
	if len(fresh.ImageDetails) != 2 || fresh.ImageDetails[0].LastRecordedPullTime != nil {
		t.Errorf("described: %+v", fresh.ImageDetails)
	}
	got := must[*ecr.BatchGetImageOutput](t)(c.BatchGetImage(ctx, &ecr.BatchGetImageInput{RepositoryName: app,
		ImageIds: []types.ImageIdentifier{
			{ImageTag: aws.String("v1")},
			{ImageDigest: untagged.Image.ImageId.ImageDigest},
			{ImageTag: aws.String("v1"), ImageDigest: &d},
			{},
			{ImageTag: aws.String("none")},
			{ImageDigest: aws.String("sha256:zz")},
			{ImageDigest: aws.String("nocolon")},
			{ImageTag: aws.String("-v")},
			{ImageTag: aws.String("v1"), ImageDigest: untagged.Image.ImageId.ImageDigest},
		}}))
	if len(got.Images) != 3 || *got.Images[0].ImageManifest != manifest || *got.Images[0].ImageId.ImageTag != "v1" ||
		*got.Images[0].ImageId.ImageDigest != d ||
		*got.Images[1].ImageManifest != second || got.Images[1].ImageId.ImageTag != nil {
		t.Errorf("images: %+v", got.Images)
	}
	var codes []string
	for _, f := range got.Failures {
		codes = append(codes, string(f.FailureCode))
	}
	if s := strings.Join(codes, " "); s != "MissingDigestAndTag ImageNotFound InvalidImageDigest InvalidImageDigest "+
		"InvalidImageTag ImageTagDoesNotMatchDigest" {
		t.Errorf("failures: %s", s)
	}
	if f := got.Failures[1]; *f.ImageId.ImageTag != "none" || *f.FailureReason != "Requested image not found" ||
		f.ImageId.ImageDigest != nil {
		t.Errorf("failure: %+v", f)
	}

	// What is empty is no digest, and not absent either.
	const grammar = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"
	for _, bad := range []string{"", "nocolon", "sha256:zz", ":00"} {
		ids := []types.ImageIdentifier{{ImageTag: aws.String("v1"), ImageDigest: &bad}}
		failed := must[*ecr.BatchGetImageOutput](t)(c.BatchGetImage(ctx, &ecr.BatchGetImageInput{
			RepositoryName: app, ImageIds: ids,
		})).Failures
		failed = append(failed, must[*ecr.BatchDeleteImageOutput](t)(c.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{
			RepositoryName: app, ImageIds: ids,
		})).Failures...)
		if len(failed) != 2 {
			t.Errorf("digest %q: failures %+v", bad, failed)
		}
		for _, f := range failed {
			if f.FailureCode != types.ImageFailureCodeInvalidImageDigest ||
				*f.FailureReason != "Invalid request parameters: image digest should satisfy the regex '"+grammar+"'" {
				t.Errorf("digest %q: %s, %s", bad, f.FailureCode, *f.FailureReason)
			}
		}
		const violated = "Invalid parameter at 'imageDigest' failed to satisfy constraint: 'must satisfy regular expression '" + grammar + "''"
		_, err = c.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: app, ImageIds: ids})
		want(t, err, "InvalidParameterException", violated)
		_, err = c.DescribeImageReplicationStatus(ctx, &ecr.DescribeImageReplicationStatusInput{
			RepositoryName: app, ImageId: &ids[0],
		})
		want(t, err, "InvalidParameterException", violated)
		_, err = c.PutImage(ctx, &ecr.PutImageInput{
			RepositoryName: app, ImageManifest: aws.String(second), ImageManifestMediaType: aws.String(ociType),
			ImageDigest: &bad,
		})
		want(t, err, "InvalidParameterException", violated)
	}

	// Without a valid identifier the repository and the permission are checked all the same.
	_, err = c.BatchGetImage(ctx, &ecr.BatchGetImageInput{
		RepositoryName: aws.String("none"), ImageIds: []types.ImageIdentifier{{}},
	})
	want(t, err, "RepositoryNotFoundException", "'none'")
	if got := must[*ecr.BatchGetImageOutput](t)(c.BatchGetImage(ctx, &ecr.BatchGetImageInput{
		RepositoryName: app, ImageIds: []types.ImageIdentifier{{}},
	})); len(got.Failures) != 1 {
		t.Errorf("failures without a valid identifier: %+v", got.Failures)
	}

	for i := range 4 {
		must[*ecr.PutImageOutput](t)(c.PutImage(ctx, &ecr.PutImageInput{
			RepositoryName: app, ImageManifest: aws.String(manifest), ImageManifestMediaType: aws.String(ociType),
			ImageTag: aws.String(fmt.Sprint("w", i)),
		}))
	}
	var tags []string
	pages := ecr.NewListImagesPaginator(c, &ecr.ListImagesInput{
		RepositoryName: app, MaxResults: aws.Int32(2), Filter: &types.ListImagesFilter{TagStatus: types.TagStatusTagged},
	})
	for pages.HasMorePages() {
		for _, id := range must[*ecr.ListImagesOutput](t)(pages.NextPage(ctx)).ImageIds {
			tags = append(tags, *id.ImageTag)
		}
	}
	if s := strings.Join(tags, " "); s != "v1 w0 w1 w2 w3" {
		t.Errorf("tags: %s", s)
	}

	all := must[*ecr.DescribeImagesOutput](t)(c.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: app}))
	if len(all.ImageDetails) != 2 || all.ImageDetails[0].LastRecordedPullTime == nil {
		t.Errorf("described: %+v", all.ImageDetails)
	}
	some := must[*ecr.DescribeImagesOutput](t)(c.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RepositoryName: app, ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("v1")}, {ImageTag: aws.String("w1")}},
	}))
	if len(some.ImageDetails) != 1 || *some.ImageDetails[0].ImageSizeInBytes != int64(len("{}one")) ||
		len(some.ImageDetails[0].ImageTags) != 5 || !some.ImageDetails[0].ImagePushedAt.Equal(begin) {
		t.Errorf("described: %+v", some.ImageDetails)
	}
	archived := must[*ecr.DescribeImagesOutput](t)(c.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RepositoryName: app, Filter: &types.DescribeImagesFilter{ImageStatus: types.ImageStatusFilterArchived},
	}))
	if archived.ImageDetails == nil || len(archived.ImageDetails) != 0 {
		t.Errorf("archived: %+v", archived.ImageDetails)
	}
	_, err = c.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RepositoryName: app, ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("no")}},
	})
	want(t, err, "ImageNotFoundException", "")
	_, err = c.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RepositoryName: app, MaxResults: aws.Int32(3), ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("v1")}},
	})
	want(t, err, "InvalidParameterException", "'maxResults'")
	_, err = c.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: app, ImageIds: []types.ImageIdentifier{{}}})
	want(t, err, "InvalidParameterException", "'imageIds.1.member'")

	child := a.domain.push("app", "three", "referenced")
	index := fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":%d}]}`, ociType, child,
		len(a.domain.image("app", "three", "")))
	must[*ecr.PutImageOutput](t)(c.PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: app, ImageManifest: &index,
		ImageManifestMediaType: aws.String("application/vnd.oci.image.index.v1+json"),
	}))
	deleted := must[*ecr.BatchDeleteImageOutput](t)(c.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{RepositoryName: app,
		ImageIds: []types.ImageIdentifier{
			{ImageTag: aws.String("w1")}, {ImageTag: aws.String("w9")}, {ImageTag: aws.String("referenced")}, {},
			{ImageTag: aws.String("w2"), ImageDigest: untagged.Image.ImageId.ImageDigest},
		}}))
	if len(deleted.ImageIds) != 1 || *deleted.ImageIds[0].ImageTag != "w1" || *deleted.ImageIds[0].ImageDigest != d ||
		len(deleted.Failures) != 4 {
		t.Errorf("deleted: %+v %+v", deleted.ImageIds, deleted.Failures)
	}
	codes = nil
	for _, f := range deleted.Failures {
		codes = append(codes, string(f.FailureCode))
	}
	if s := strings.Join(codes, " "); s != "MissingDigestAndTag ImageNotFound ImageReferencedByManifestList "+
		"ImageTagDoesNotMatchDigest" {
		t.Errorf("failures: %s", s)
	}
	_, err = c.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{
		RepositoryName: aws.String("gone"), ImageIds: []types.ImageIdentifier{{}},
	})
	want(t, err, "RepositoryNotFoundException", "")
}

func TestLayers(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	c, app := a.ecr(), aws.String("app")
	must[*ecr.CreateRepositoryOutput](t)(c.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: app}))
	start := func() *string {
		t.Helper()
		up := must[*ecr.InitiateLayerUploadOutput](t)(c.InitiateLayerUpload(ctx,
			&ecr.InitiateLayerUploadInput{RepositoryName: app}))
		if *up.PartSize != 10<<20 {
			t.Errorf("partSize = %d", *up.PartSize)
		}
		return up.UploadId
	}
	part := func(id *string, first int64, b []byte) (*ecr.UploadLayerPartOutput, error) {
		return c.UploadLayerPart(ctx, &ecr.UploadLayerPartInput{RepositoryName: app, UploadId: id,
			PartFirstByte: aws.Int64(first), PartLastByte: aws.Int64(first + int64(len(b)) - 1), LayerPartBlob: b})
	}
	complete := func(id *string, digests ...string) (*ecr.CompleteLayerUploadOutput, error) {
		return c.CompleteLayerUpload(ctx, &ecr.CompleteLayerUploadInput{
			RepositoryName: app, UploadId: id, LayerDigests: digests,
		})
	}

	content := bytes.Repeat([]byte("twinport"), 11<<20/8)
	d := digest.FromBytes(content).String()
	id := start()
	if up := must[*ecr.UploadLayerPartOutput](t)(part(id, 0, content[:5<<20])); *up.LastByteReceived != 5<<20-1 {
		t.Errorf("lastByteReceived = %d", *up.LastByteReceived)
	}
	_, err := part(id, 7, content[:10])
	var invalid *types.InvalidLayerPartException
	if !errors.As(err, &invalid) || *invalid.LastValidByteReceived != 5<<20-1 || *invalid.UploadId != *id ||
		*invalid.RepositoryName != "app" || *invalid.RegistryId != account {
		t.Errorf("out of order: %v", err)
	}
	_, err = c.UploadLayerPart(ctx, &ecr.UploadLayerPartInput{
		RepositoryName: app, UploadId: id, PartFirstByte: aws.Int64(5 << 20), PartLastByte: aws.Int64(5<<20 + 100),
		LayerPartBlob: []byte("short"),
	})
	if !errors.As(err, &invalid) || *invalid.LastValidByteReceived != 5<<20-1 {
		t.Errorf("wrong length: %v", err)
	}
	must[*ecr.UploadLayerPartOutput](t)(part(id, 5<<20, content[5<<20:]))
	done := must[*ecr.CompleteLayerUploadOutput](t)(complete(
		id, "tarsum.v1:00ff", d, digest.SHA512.FromBytes(content).String()))
	if *done.LayerDigest != d || *done.UploadId != *id {
		t.Errorf("complete: %+v", done)
	}
	_, err = complete(id, d)
	want(t, err, "UploadNotFoundException", "")

	id = start()
	must[*ecr.UploadLayerPartOutput](t)(part(id, 0, []byte("a")))
	_, err = part(id, 9, []byte("b"))
	if !errors.As(err, &invalid) || *invalid.LastValidByteReceived != 0 {
		t.Errorf("after one byte: %v", err)
	}
	must[*ecr.UploadLayerPartOutput](t)(part(id, 1, []byte("b")))
	_, err = complete(id, digest.FromString("ab").String())
	want(t, err, "LayerPartTooSmallException", "")

	id = start()
	_, err = complete(id, d)
	want(t, err, "EmptyUploadException", "")
	_, err = part(id, 3, []byte("b"))
	if !errors.As(err, &invalid) || invalid.LastValidByteReceived != nil {
		t.Errorf("empty upload: %v", err)
	}
	must[*ecr.UploadLayerPartOutput](t)(part(id, 0, []byte("x")))
	for _, digests := range [][]string{{"tarsum.v1:00ff"}, {"sha256:00ff"}} {
		_, err = complete(id, digests...)
		want(t, err, "InvalidParameterException", "'layerDigests")
	}
	_, err = complete(id, d, digest.FromString("x").String())
	want(t, err, "InvalidLayerException", "")
	_, err = complete(id, digest.FromString("other").String())
	want(t, err, "InvalidLayerException", "")

	id = start()
	must[*ecr.UploadLayerPartOutput](t)(part(id, 0, content[:100]))
	_, err = complete(id, d)
	want(t, err, "LayerAlreadyExistsException", d)
	_, err = complete(id, d)
	want(t, err, "UploadNotFoundException", "")

	// Who may not check availability may upload nevertheless.
	a.domain.deny("BatchCheckLayerAvailability")
	id = start()
	must[*ecr.UploadLayerPartOutput](t)(part(id, 0, content))
	must[*ecr.CompleteLayerUploadOutput](t)(complete(id, d))
	must[string](t)(a.domain.DeleteRegistryPolicy(ctx, root(account), here))

	missing := digest.FromString("missing").String()
	check := must[*ecr.BatchCheckLayerAvailabilityOutput](t)(c.BatchCheckLayerAvailability(ctx,
		&ecr.BatchCheckLayerAvailabilityInput{
			RepositoryName: app, LayerDigests: []string{d, missing, "", "sha256:12", "junk"},
		}))
	if len(check.Layers) != 2 || check.Layers[0].LayerAvailability != types.LayerAvailabilityAvailable ||
		*check.Layers[0].LayerSize != int64(len(content)) ||
		check.Layers[1].LayerAvailability != types.LayerAvailabilityUnavailable || check.Layers[1].LayerSize != nil {
		t.Errorf("layers: %+v", check.Layers)
	}
	if f := check.Failures; len(f) != 3 || f[0].FailureCode != types.LayerFailureCodeMissingLayerDigest ||
		f[1].FailureCode != types.LayerFailureCodeInvalidLayerDigest {
		t.Errorf("failures: %+v", check.Failures)
	}

	_, err = c.GetDownloadUrlForLayer(ctx, &ecr.GetDownloadUrlForLayerInput{RepositoryName: app, LayerDigest: &d})
	want(t, err, "LayerInaccessibleException", d)
	a.domain.push("app", string(content), "v1")
	download := must[*ecr.GetDownloadUrlForLayerOutput](t)(c.GetDownloadUrlForLayer(ctx, &ecr.GetDownloadUrlForLayerInput{
		RepositoryName: app, LayerDigest: &d,
	}))
	u := must[*url.URL](t)(url.Parse(*download.DownloadUrl))
	if "http://"+u.Host != a.URL || u.Path != "/v2/111122223333/ap-northeast-1/app/blobs/"+d {
		t.Errorf("downloadUrl = %s", u)
	}
	token, identity, err := a.verifier.VerifyToken(t.Context(), u.Query().Get("X-Twinport-Token"))
	if err != nil || token.Scope != "blob:111122223333/ap-northeast-1/app@"+d || identity.AccessKeyID != keyID ||
		time.Until(token.Expires).Round(time.Minute) != time.Hour {
		t.Errorf("token = %+v, %+v, %v", token, identity, err)
	}
	_, err = c.GetDownloadUrlForLayer(ctx, &ecr.GetDownloadUrlForLayerInput{RepositoryName: app, LayerDigest: &missing})
	want(t, err, "LayersNotFoundException", "")
}

func TestPolicies(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	c, app := a.ecr(), aws.String("app")
	text := "{ \"Version\": \"2012-10-17\",\n\"Statement\": {\"Effect\": \"Allow\", \"Principal\": \"*\", " +
		"\"Action\": \"ecr:*\", \"Resource\": \"*\",\n\"Condition\": {\"StringLike\": {\"aws:UserAgent\": \"<&>\"}}} } "
	_, err := c.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: app})
	want(t, err, "RepositoryNotFoundException", "")
	must[*ecr.CreateRepositoryOutput](t)(c.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: app}))
	_, err = c.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: app})
	want(t, err, "RepositoryPolicyNotFoundException", "")
	set := must[*ecr.SetRepositoryPolicyOutput](t)(c.SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{
		RepositoryName: app, PolicyText: &text,
	}))
	got := must[*ecr.GetRepositoryPolicyOutput](t)(c.GetRepositoryPolicy(ctx,
		&ecr.GetRepositoryPolicyInput{RepositoryName: app}))
	deleted := must[*ecr.DeleteRepositoryPolicyOutput](t)(c.DeleteRepositoryPolicy(ctx,
		&ecr.DeleteRepositoryPolicyInput{RepositoryName: app}))
	if *set.PolicyText != text || *got.PolicyText != text || *deleted.PolicyText != text || *got.RepositoryName != "app" {
		t.Errorf("repository policy: %q, %q, %q", *set.PolicyText, *got.PolicyText, *deleted.PolicyText)
	}

	_, err = c.GetRegistryPolicy(ctx, &ecr.GetRegistryPolicyInput{})
	want(t, err, "RegistryPolicyNotFoundException", "")
	putR := must[*ecr.PutRegistryPolicyOutput](t)(c.PutRegistryPolicy(ctx, &ecr.PutRegistryPolicyInput{PolicyText: &text}))
	gotR := must[*ecr.GetRegistryPolicyOutput](t)(c.GetRegistryPolicy(ctx, &ecr.GetRegistryPolicyInput{}))
	deletedR := must[*ecr.DeleteRegistryPolicyOutput](t)(c.DeleteRegistryPolicy(ctx, &ecr.DeleteRegistryPolicyInput{}))
	if *putR.PolicyText != text || *gotR.PolicyText != text || *deletedR.PolicyText != text ||
		*gotR.RegistryId != account {
		t.Errorf("registry policy: %q, %q, %q", *putR.PolicyText, *gotR.PolicyText, *deletedR.PolicyText)
	}
}

func TestReplication(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	c := a.ecr()
	empty := must[*ecr.DescribeRegistryOutput](t)(c.DescribeRegistry(ctx, &ecr.DescribeRegistryInput{}))
	if *empty.RegistryId != account || empty.ReplicationConfiguration.Rules == nil ||
		len(empty.ReplicationConfiguration.Rules) != 0 {
		t.Errorf("empty registry: %+v", empty.ReplicationConfiguration)
	}
	rule := func(region, id string, prefixes ...string) types.ReplicationRule {
		r := types.ReplicationRule{Destinations: []types.ReplicationDestination{{Region: &region, RegistryId: &id}}}
		for _, p := range prefixes {
			r.RepositoryFilters = append(r.RepositoryFilters, types.RepositoryFilter{
				Filter: aws.String(p), FilterType: types.RepositoryFilterTypePrefixMatch,
			})
		}
		return r
	}
	put := func(rules ...types.ReplicationRule) error {
		_, err := c.PutReplicationConfiguration(ctx, &ecr.PutReplicationConfigurationInput{
			ReplicationConfiguration: &types.ReplicationConfiguration{Rules: rules},
		})
		return err
	}
	if err := put(rule("us-west-2", other, "prod", "team/"), rule(region, other)); err != nil {
		t.Fatal(err)
	}
	rules := must[*ecr.DescribeRegistryOutput](t)(c.DescribeRegistry(
		ctx, &ecr.DescribeRegistryInput{})).ReplicationConfiguration.Rules
	if len(rules) != 2 || *rules[0].Destinations[0].Region != "us-west-2" ||
		*rules[0].RepositoryFilters[1].Filter != "team/" || rules[1].RepositoryFilters != nil {
		t.Errorf("rules: %+v", rules)
	}
	want(t, put(rule(region, account)), "InvalidParameterException", "cannot be the same as the source registry")
	want(t, put(types.ReplicationRule{Destinations: []types.ReplicationDestination{}}), "ValidationException",
		"rule 1 has no destination")
	var rules26 []types.ReplicationRule
	for range 26 {
		rules26 = append(rules26, rule("us-west-2", other))
	}
	want(t, put(rules26...), "InvalidParameterException", "'replicationConfiguration.rules' failed to satisfy "+
		"constraint: 'Member must have length less than or equal to 25'")
	want(t, put([]types.ReplicationRule{}...), "", "")

	// A member that SDKs do not know yet.
	for _, c := range []struct{ given, answer string }{
		{`,"deleteReplication":{"enabled":true}`, ""}, {`,"deleteReplication":{"enabled":false}`, ""}, {``, ""},
		{`,"deleteReplication":{}`, "'replicationConfiguration.rules.1.member.deleteReplication.enabled' failed to " +
			"satisfy constraint: 'Member must not be null'"},
		{`,"deleteReplication":{"enabled":"yes"}`, "SerializationException"},
	} {
		text := `{"rules":[{"destinations":[{"region":"us-west-2","registryId":"` + other + `"}]` + c.given + `}]}`
		_, answer := a.post(t, "AmazonEC2ContainerRegistry_V20150921.PutReplicationConfiguration",
			"application/x-amz-json-1.1", `{"replicationConfiguration":`+text+`}`)
		if c.answer == "" {
			c.answer = text
			_, described := a.post(t, "AmazonEC2ContainerRegistry_V20150921.DescribeRegistry",
				"application/x-amz-json-1.1", `{}`)
			if !strings.Contains(described, text) {
				t.Errorf("the registry has %s, want %s", described, text)
			}
		}
		if !strings.Contains(answer, c.answer) {
			t.Errorf("answer %s, want %s", answer, c.answer)
		}
	}

	// Status.
	app := aws.String("app")
	must[*ecr.CreateRepositoryOutput](t)(c.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: app}))
	_, err := c.DescribeImageReplicationStatus(ctx, &ecr.DescribeImageReplicationStatusInput{
		RepositoryName: app, ImageId: &types.ImageIdentifier{ImageTag: aws.String("v1")},
	})
	want(t, err, "ImageNotFoundException", "")
	_, err = c.DescribeImageReplicationStatus(ctx, &ecr.DescribeImageReplicationStatusInput{
		RepositoryName: app, ImageId: &types.ImageIdentifier{},
	})
	want(t, err, "InvalidParameterException", "'imageId'")
	away := resource.Registry{Account: account, Region: "us-west-2"}
	a.domain.replicateTo(away, there)
	a.domain.setPolicy(away, "Deny", "", "ReplicateImage")
	a.domain.setPolicy(there, "Allow", "", "ReplicateImage", "CreateRepository")
	d := a.domain.push("app", "one", "v1")
	a.domain.drain()
	status := must[*ecr.DescribeImageReplicationStatusOutput](t)(c.DescribeImageReplicationStatus(ctx,
		&ecr.DescribeImageReplicationStatusInput{
			RepositoryName: app, ImageId: &types.ImageIdentifier{ImageTag: aws.String("v1")},
		}))
	if st := status.ReplicationStatuses; len(st) != 2 || st[0].Status != types.ReplicationStatusFailed ||
		*st[0].FailureCode != "DESTINATION_REGISTRY_ACCESS_DENIED" || *st[0].Region != "us-west-2" ||
		st[1].Status != types.ReplicationStatusComplete || *st[1].RegistryId != other || st[1].FailureCode != nil ||
		*status.ImageId.ImageDigest != d.String() {
		t.Errorf("statuses: %+v", st)
	}
	_, text := a.post(t, "AmazonEC2ContainerRegistry_V20150921.DescribeImageReplicationStatus",
		"application/x-amz-json-1.1", `{"repositoryName":"app","imageId":{"imageTag":"v1"}}`)
	if !strings.Contains(text, `,"failureReason":"`) ||
		!strings.Contains(text, `,"failureDetail":"ReplicateImageNotAllowed"`) {
		t.Errorf("no failure reason: %s", text)
	}
}

func TestAuthorizationToken(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	c := a.ecr()
	one := must[*ecr.GetAuthorizationTokenOutput](t)(c.GetAuthorizationToken(ctx,
		&ecr.GetAuthorizationTokenInput{})).AuthorizationData
	if len(one) != 1 || *one[0].ProxyEndpoint != "http://111122223333.dkr.ecr.ap-northeast-1.localhost:8080" ||
		time.Until(*one[0].ExpiresAt).Round(time.Minute) != 12*time.Hour {
		t.Fatalf("authorization: %+v", one)
	}
	basic := string(must[[]byte](t)(base64.StdEncoding.DecodeString(*one[0].AuthorizationToken)))
	password, ok := strings.CutPrefix(basic, "AWS:")
	token, identity, err := a.verifier.VerifyToken(t.Context(), password)
	if !ok || err != nil || token.Region != region || token.Scope != "" || identity.Principal.Account != account {
		t.Errorf("token: %+v, %+v, %v", token, identity, err)
	}
	// The SDK marks registryIds as deprecated; clients still send it.
	_, text := a.post(t, "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken", "application/x-amz-json-1.1",
		`{"registryIds":["444455556666","111122223333"]}`)
	var two struct {
		AuthorizationData []struct{ ProxyEndpoint, AuthorizationToken string }
	}
	if err := json.Unmarshal([]byte(text), &two); err != nil || len(two.AuthorizationData) != 2 ||
		two.AuthorizationData[0].ProxyEndpoint != "http://444455556666.dkr.ecr.ap-northeast-1.localhost:8080" {
		t.Errorf("two registries: %s", text)
	}
	a.domain.deny("GetAuthorizationToken")
	_, err = c.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	want(t, err, "AccessDeniedException", "is not authorized to perform: ecr:GetAuthorizationToken")
}

// TestCallerContext: a policy knows who calls, and how.
func TestCallerContext(t *testing.T) {
	a := newAPI(t)
	for condition, denied := range map[string]bool{
		`"IpAddress":{"aws:SourceIp":"127.0.0.1"}`:                          true,
		`"NotIpAddress":{"aws:SourceIp":"127.0.0.1"}`:                       false,
		`"Bool":{"aws:SecureTransport":"false"}`:                            true,
		`"Bool":{"aws:SecureTransport":"true"}`:                             false,
		`"StringLike":{"aws:UserAgent":"*aws-sdk-go-v2*"}`:                  true,
		`"StringNotLike":{"aws:UserAgent":"*aws-sdk-go-v2*"}`:               false,
		`"StringEquals":{"aws:RequestedRegion":"ap-northeast-1"}`:           true,
		`"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:root"}`: true,
		`"StringEquals":{"aws:PrincipalAccount":"444455556666"}`:            false,
	} {
		a.domain.setPolicy(here, "Deny", condition, "DescribeRegistry")
		_, err := a.ecr().DescribeRegistry(t.Context(), &ecr.DescribeRegistryInput{})
		if got := code(err); got != "" && got != "AccessDeniedException" || (got != "") != denied {
			t.Errorf("a Deny if %s: %v", condition, err)
		}
	}
}

func TestNotImplemented(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	cfg := a.config(region)
	cfg.Retryer = nil // the SDK's own
	c := ecr.NewFromConfig(cfg)
	_, err := c.PutSigningConfiguration(ctx, &ecr.PutSigningConfigurationInput{
		SigningConfiguration: &types.SigningConfiguration{Rules: []types.SigningRule{}},
	})
	want(t, err, "UnsupportedOperationException", "PutSigningConfiguration is not implemented in this version "+
		"of Twinport yet, so nothing was read or stored: the registry signs no images")
	_, err = c.CreatePullThroughCacheRule(ctx, &ecr.CreatePullThroughCacheRuleInput{
		EcrRepositoryPrefix: aws.String("docker-hub"), UpstreamRegistryUrl: aws.String("registry-1.docker.io"),
	})
	want(t, err, "UnsupportedOperationException", "there are no pull through cache rules")
	if err == nil || strings.Contains(err.Error(), "exceeded maximum number of attempts") {
		t.Errorf("the SDK tried again: %v", err)
	}
}

func TestErrors(t *testing.T) {
	a := newAPI(t)
	const prefix, jsonType = "AmazonEC2ContainerRegistry_V20150921.", "application/x-amz-json-1.1"
	for _, c := range []struct {
		name, target, contentType, body string
		status                          int
		code, message                   string
	}{
		{"unknown operation", prefix + "FormatDisk", jsonType, "{}", 404, "UnknownOperationException", "FormatDisk"},
		{"unknown service", "DynamoDB_20120810.ListTables", jsonType, "{}", 404, "UnknownOperationException", "DynamoDB"},
		{"huge target", prefix + strings.Repeat("A", 10_000), jsonType, "{}", 404, "UnknownOperationException", ""},
		{"no target", "", jsonType, "{}", 404, "", ""},
		{"other content type", prefix + "DescribeRegistry", "application/json", "{}", 400, "SerializationException",
			"Content-Type"},
		{"empty body", prefix + "DescribeRegistry", jsonType, "", 400, "SerializationException", "expected an object"},
		{"no JSON", prefix + "DescribeRegistry", jsonType, "{", 400, "SerializationException", ""},
		{"truncated", prefix + "CreateRepository", jsonType, `{"repositoryName":"ap`, 400, "SerializationException", ""},
		{"wrong type", prefix + "CreateRepository", jsonType, `{"repositoryName":7}`, 400, "SerializationException",
			`expected a string for member \"repositoryName\"`},
		{"twice", prefix + "CreateRepository", jsonType, `{"repositoryName":"a","repositoryName":"b"}`, 400,
			"SerializationException", "twice"},
		{"limit", prefix + "CreateRepository", jsonType, `{"repositoryName":"A"}`, 400, "InvalidParameterException",
			"greater than or equal to 2"},
		{"body too large", prefix + "CreateRepository", jsonType, `{"x":"` + strings.Repeat("a", 1<<20) + `"}`, 413,
			"RequestEntityTooLargeException", "524288"},
		{"ordinary body too large", prefix + "DescribeRegistry", jsonType, `{"x":"` + strings.Repeat("a", 64<<10) + `"}`, 413,
			"RequestEntityTooLargeException", "65536"},
		{"unknown members", prefix + "DescribeRegistry", jsonType + "; charset=utf-8", `{"future":[{"a":1}]}`, 200, "",
			"replicationConfiguration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, text := a.post(t, c.target, c.contentType, c.body)
			if resp.StatusCode != c.status || resp.Header.Get("X-Amzn-Errortype") != c.code ||
				!strings.Contains(text, c.message) {
				t.Errorf("got %d %s %s", resp.StatusCode, resp.Header.Get("X-Amzn-Errortype"), text)
			}
			if resp.Header.Get("X-Amzn-Requestid") == "" {
				t.Error("the answer has no request id")
			}
			if c.code != "" {
				var e struct {
					Type string `json:"__type"`
				}
				if err := json.Unmarshal([]byte(text), &e); err != nil || e.Type != c.code ||
					resp.Header.Get("Content-Type") != jsonType {
					t.Errorf("body: %s, %v", text, err)
				}
			}
		})
	}
}

func TestBodies(t *testing.T) {
	a := newAPI(t)
	signed := func(body string, hold io.Reader) *http.Request {
		t.Helper()
		// of unknown length, so it is sent in chunks
		r := must[*http.Request](t)(http.NewRequest(http.MethodPost, a.URL+"/", hold))
		r.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.DescribeRegistry")
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, r,
			digest.FromString(body).Encoded(), "ecr", region, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, c := range []struct {
		body   string
		status int
	}{{"{}", 200}, {`{"x":"` + strings.Repeat("a", 1<<20) + `"}`, 413}} {
		resp, text := send(t, signed(c.body, io.MultiReader(strings.NewReader(c.body))))
		if resp.StatusCode != c.status {
			t.Errorf("chunks: %d %s", resp.StatusCode, text)
		}
	}

	// Bodies that end early, or are refused for their announced length alone.
	for _, c := range []struct {
		length       int64
		status, code string
	}{
		{100, "408", "RequestTimeoutException"},
		{1 << 50, "413", "RequestEntityTooLargeException"},
	} {
		conn, err := net.Dial("tcp", a.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		r := signed("{}", nil)
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", r.URL.Host, c.length)
		if err := r.Header.Write(conn); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "\r\n{}")
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if answer := string(must[[]byte](t)(io.ReadAll(conn))); !strings.HasPrefix(answer, "HTTP/1.1 "+c.status+" ") ||
			!strings.Contains(answer, c.code) {
			t.Errorf("%d bytes: %q", c.length, answer)
		}
	}
}

func TestSignatures(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	call := func(change func(*aws.Config)) error {
		cfg := a.config(region)
		change(&cfg)
		_, err := ecr.NewFromConfig(cfg).DescribeRegistry(ctx, &ecr.DescribeRegistryInput{})
		return err
	}
	want(t, call(func(c *aws.Config) {}), "", "")
	want(t, call(func(c *aws.Config) { c.Region = "eu-central-1" }), "InvalidSignatureException",
		`Region that this deployment serves (ap-northeast-1, us-west-2), not "eu-central-1"`)
	want(t, call(func(c *aws.Config) {
		c.Credentials = credentials.NewStaticCredentialsProvider(keyID, "wrong", "")
	}), "InvalidSignatureException", "")
	want(t, call(func(c *aws.Config) {
		c.Credentials = credentials.NewStaticCredentialsProvider("AKIAUNKNOWNUNKNOWN00", secret, "")
	}), "UnrecognizedClientException", "")
	want(t, call(func(c *aws.Config) { c.Credentials = aws.AnonymousCredentials{} }),
		"MissingAuthenticationTokenException", "")

	// A presigned request may have a large body, too.
	body := `{"repositoryName":"none","imageManifest":"{}"}`
	u := a.URL + "/?X-Amz-Content-Sha256=" + digest.FromString(body).Encoded()
	r := must[*http.Request](t)(http.NewRequest(http.MethodPost, u, strings.NewReader(body)))
	r.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.PutImage")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableHeaderHoisting = true })
	presigned, _, err := signer.PresignHTTP(ctx, aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, r,
		digest.FromString(body).Encoded(), "ecr", region, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r.URL = must[*url.URL](t)(url.Parse(presigned))
	if _, text := send(t, r); !strings.Contains(text, "RepositoryNotFoundException") {
		t.Errorf("presigned PutImage: %s", text)
	}

	// A large body is not read for a key that does not exist.
	cfg := a.config(region)
	cfg.Credentials = credentials.NewStaticCredentialsProvider("AKIAUNKNOWNUNKNOWN00", secret, "")
	_, err = ecr.NewFromConfig(cfg).PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: aws.String("app"), ImageManifest: aws.String("{}"),
	})
	want(t, err, "UnrecognizedClientException", "")
}

// TestBudgets: who is refused for want of memory is answered at once, in the form of the protocol; and the bodies of
// those who cannot be callers are not read.
func TestBudgets(t *testing.T) {
	limits := budget.NewLimits(850<<20, 2, slog.New(slog.DiscardHandler))
	limits.Memory.Wait = 0
	a := newAPI(t, func(c *awsapi.Config) { c.Limits = limits })
	read := 0
	serve := func(keyID, region, target, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/", countingReader{strings.NewReader(body), &read})
		r.ContentLength = int64(len(body))
		r.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921."+target)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		if keyID != "" {
			err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, r,
				digest.FromString(body).Encoded(), "ecr", region, time.Now())
			if err != nil {
				t.Fatal(err)
			}
		}
		w := httptest.NewRecorder()
		a.handler.ServeHTTP(w, r)
		return w
	}
	large := `{"repositoryName":"app","uploadId":"x","layerPartBlob":"` + strings.Repeat("A", 1<<20) + `"}`
	for _, c := range []struct{ key, region string }{{"", ""}, {"AKIAUNKNOWNUNKNOWN00", region}, {keyID, "mars-north-1"}} {
		if w := serve(c.key, c.region, "UploadLayerPart", large); w.Code != 400 || read != 0 {
			t.Errorf("%v: %d after %d bytes", c, w.Code, read)
		}
	}
	// Others hold all, then the caller's network does.
	hog := limits.Memory.Claim(budget.Party{})
	if err := hog.Take(t.Context(), limits.Memory.Limit); err != nil {
		t.Fatal(err)
	}
	w := serve(keyID, region, "UploadLayerPart", large)
	if w.Code != 503 || w.Header().Get("Retry-After") != "1" ||
		w.Header().Get("X-Amzn-Errortype") != "ServiceUnavailable" {
		t.Errorf("all is taken: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := serve(keyID, region, "DescribeRegistry", "{}"); w.Code != 200 {
		t.Errorf("a small request, when all is taken: %d %s", w.Code, w.Body)
	}
	hog.Close()
	own := limits.Memory.Claim(budget.Party{Account: account, Network: budget.NetworkOf("192.0.2.1:1234")}) // httptest's
	if err := own.Take(t.Context(), limits.Memory.Limit/2-4096); err != nil {
		t.Fatal(err)
	}
	w = serve(keyID, region, "UploadLayerPart", large)
	if w.Code != 429 || w.Header().Get("Retry-After") != "1" ||
		w.Header().Get("X-Amzn-Errortype") != "ThrottlingException" {
		t.Errorf("its share is taken: %d %v %s", w.Code, w.Header(), w.Body)
	}
	own.Close()
	if w := serve(keyID, region, "UploadLayerPart", large); w.Code != 400 ||
		!strings.Contains(w.Body.String(), "InvalidParameterException") {
		t.Errorf("when there is room: %d %s", w.Code, w.Body)
	}
	for _, b := range limits.All() {
		if b.Used() != 0 {
			t.Errorf("%d of the budget %s are not given back", b.Used(), b.Name)
		}
	}
}

type countingReader struct {
	r io.Reader
	n *int
}

func (c countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	*c.n += n
	return n, err
}

func TestInternalErrors(t *testing.T) {
	a := newAPI(t)
	a.domain.breakTable("registries")
	resp, text := a.post(t, "AmazonEC2ContainerRegistry_V20150921.DescribeRegistry", "application/x-amz-json-1.1", "{}")
	id := resp.Header.Get("X-Amzn-Requestid")
	if resp.StatusCode != 500 || resp.Header.Get("X-Amzn-Errortype") != "ServerException" ||
		strings.Contains(text, "table") || !strings.Contains(text, id) {
		t.Errorf("got %d %s", resp.StatusCode, text)
	}
	if log := a.log.String(); !strings.Contains(log, "no such table") || !strings.Contains(log, id) ||
		!strings.Contains(log, "DescribeRegistry") {
		t.Errorf("log: %s", log)
	}
}

func TestCallerIdentity(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	cfg := a.config("us-east-1") // STS has a global endpoint; its Region need not be served
	id := must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(cfg).GetCallerIdentity(ctx,
		&sts.GetCallerIdentityInput{}))
	if *id.Account != account || *id.Arn != "arn:aws:iam::111122223333:root" || *id.UserId != account {
		t.Errorf("identity: %+v", id)
	}
	presigned, err := sts.NewPresignClient(sts.NewFromConfig(cfg)).PresignGetCallerIdentity(ctx,
		&sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	r := must[*http.Request](t)(http.NewRequest(presigned.Method, presigned.URL, nil))
	resp, text := send(t, r)
	var answer struct {
		XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
		Account string   `xml:"GetCallerIdentityResult>Account"`
		ID      string   `xml:"ResponseMetadata>RequestId"`
	}
	if err := xml.Unmarshal([]byte(text), &answer); err != nil || resp.StatusCode != 200 || answer.Account != account ||
		answer.ID != resp.Header.Get("X-Amzn-Requestid") {
		t.Errorf("presigned: %d %s %v", resp.StatusCode, text, err)
	}

	cfg.Credentials = credentials.NewStaticCredentialsProvider(keyID, "wrong", "")
	_, err = sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	want(t, err, "SignatureDoesNotMatch", "")
	cfg.Credentials = credentials.NewStaticCredentialsProvider("AKIAUNKNOWNUNKNOWN00", secret, "")
	_, err = sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	want(t, err, "InvalidClientTokenId", "")
	_, err = sts.NewFromConfig(a.config(region)).GetFederationToken(ctx, &sts.GetFederationTokenInput{
		Name: aws.String("ci"),
	})
	want(t, err, "InvalidAction", `"GetFederationToken" in version "2011-06-15": of STS, AssumeRole, GetAccessKeyInfo, `+
		"GetCallerIdentity and GetSessionToken in version 2011-06-15 are served")

	for _, c := range []struct {
		method, query, contentType, body string
		status                           int
		code                             string
	}{
		{"GET", "", "", "", 400, "MissingAction"},
		{"GET", "?Action=GetCallerIdentity&Version=2011-06-15", "", "", 403, "MissingAuthenticationToken"},
		{"GET", "?Action=GetCallerIdentity&Version=2010-05-08", "", "", 400, "InvalidAction"},
		{"POST", "", "application/x-www-form-urlencoded", "Action=%zz", 400, "MalformedQueryString"},
		{"POST", "", "application/x-www-form-urlencoded", "Action=" + strings.Repeat("A", 65<<10), 413,
			"RequestEntityTooLargeException"},
		{"POST", "", "application/x-www-form-urlencoded", "not read", 403, "MissingAuthenticationToken"},
		{"POST", "", "text/plain", "", 404, "UnknownOperationException"},
		{"PUT", "", "", "", 405, "UnknownOperationException"},
	} {
		r := must[*http.Request](t)(http.NewRequest(c.method, a.URL+"/"+c.query, strings.NewReader(c.body)))
		r.Header.Set("Content-Type", c.contentType)
		if strings.HasPrefix(c.body, "Action=") {
			err := v4.NewSigner().SignHTTP(ctx, aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, r,
				digest.FromString(c.body).Encoded(), "sts", region, time.Now())
			if err != nil {
				t.Fatal(err)
			}
		}
		resp, text := send(t, r)
		if resp.StatusCode != c.status || !strings.Contains(text, "<Code>"+c.code+"</Code>") {
			t.Errorf("%s %s %.30q: %d %s", c.method, c.query, c.body, resp.StatusCode, text)
		}
	}
}

// leaving is a body whose client goes away when it is read.
type leaving struct {
	io.Reader
	leave func()
}

func (l leaving) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if err == io.EOF {
		l.leave()
	}
	return n, err
}

func (l leaving) Close() error { return nil }

// TestClientThatLeaves: that a request was given up is no fault of the server.
func TestClientThatLeaves(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	ctx, leave := context.WithCancel(t.Context())
	r := a.signed(t, "AmazonEC2ContainerRegistry_V20150921.CreateRepository", "application/x-amz-json-1.1",
		`{"repositoryName": "app"}`).WithContext(ctx)
	r.Body = leaving{r.Body, leave}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || a.log.String() != "" {
		t.Errorf("answered %d %s, and logged %q", w.Code, w.Body, a.log.String())
	}
}
