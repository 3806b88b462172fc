package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// newServerWith starts a server whose configuration ends with more.
func newServerWith(t *testing.T, more string) *server {
	t.Helper()
	dir := t.TempDir()
	s := prepareServer(t, dir, filepath.Join(dir, "data"), storesOf(t), more)
	s.start()
	return s
}

// TestQuotas meets each quota by both protocols: at its limit, and one past it.
func TestQuotas(t *testing.T) {
	t.Parallel()
	s := newServerWith(t, `quotas: {repositories: 2, images_per_repository: 2, tags_per_image: 2, open_uploads: 2, stored_bytes: 100kB, requests_per_second: none}
`)
	sdk, oci := s.ecr(prod, tokyo), s.oci(prod, tokyo)
	repository := aws.String("team/app")
	over := func(what string, err error, name string) {
		t.Helper()
		var limit *types.LimitExceededException
		if !errors.As(err, &limit) || !strings.Contains(limit.ErrorMessage(), "'"+name+"'") {
			t.Errorf("%s: %v, want LimitExceededException of %s", what, err, name)
		}
	}
	denied := func(what string, a answer, name string) {
		t.Helper()
		if a.status != http.StatusForbidden || a.code() != "DENIED" || !strings.Contains(string(a.body), "'"+name+"'") {
			t.Errorf("%s: %v, want 403 DENIED for %s", what, a, name)
		}
	}
	for _, name := range []string{"team/app", "other"} {
		s.createRepository(prod, tokyo, name)
	}
	_, err := sdk.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String("third")})
	over("a third repository", err, "Registered repositories")

	var images [3]image
	for i := range images {
		images[i] = makeImage(fmt.Sprint("quota", i), nil, "")
		for _, blob := range [][]byte{images[i].config, images[i].layer} {
			if _, err := oci.putBlob("team/app", blob); err != nil {
				t.Fatal(err)
			}
		}
	}
	put := func(i image, tag string) error {
		_, err := sdk.PutImage(ctx, &ecr.PutImageInput{
			RepositoryName: repository, ImageManifest: aws.String(string(i.manifest)), ImageTag: &tag,
		})
		return err
	}
	putManifest := func(i image, tag string) answer {
		return oci.do("PUT", "team/app/manifests/"+tag, i.manifest, "Content-Type", ocispec.MediaTypeImageManifest)
	}
	if err := put(images[0], "a"); err != nil {
		t.Fatal(err)
	}
	oci.want(putManifest(images[1], "b"), http.StatusCreated, "")
	over("a third image", put(images[2], "c"), "Images per repository")
	denied("a third image", putManifest(images[2], "c"), "Images per repository")
	oci.want(putManifest(images[0], "a2"), http.StatusCreated, "")
	over("a third tag", put(images[0], "a3"), "Tags per image")
	denied("a third tag", putManifest(images[0], "a3"), "Tags per image")

	first, err := sdk.InitiateLayerUpload(ctx, &ecr.InitiateLayerUploadInput{RepositoryName: repository})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := oci.startUpload("team/app"); err != nil {
		t.Fatal(err)
	}
	_, err = sdk.InitiateLayerUpload(ctx, &ecr.InitiateLayerUploadInput{RepositoryName: repository})
	over("a third upload", err, "Open layer uploads")
	denied("a third upload", oci.do("POST", "team/app/blobs/uploads/", nil), "Open layer uploads")

	// All of it is shown.
	var described struct {
		Quotas []struct {
			Name         string
			Value, Usage *int64
		}
	}
	b := s.browser()
	b.signIn(prod)
	b.own(prod, tokyo, "DescribeQuotas", "{}", &described)
	used := map[string]string{}
	for _, q := range described.Quotas {
		if q.Usage != nil && q.Value != nil {
			used[q.Name] = fmt.Sprint(*q.Usage, " of ", *q.Value)
		}
	}
	for _, name := range []string{"Registered repositories", "Open layer uploads"} {
		if used[name] != "2 of 2" {
			t.Errorf("%s: %s are used, want 2 of 2", name, used[name])
		}
	}

	large := bytes.Repeat([]byte("large"), 40<<10)
	_, err = sdk.UploadLayerPart(ctx, &ecr.UploadLayerPartInput{RepositoryName: repository, UploadId: first.UploadId,
		PartFirstByte: aws.Int64(0), PartLastByte: aws.Int64(int64(len(large)) - 1), LayerPartBlob: large})
	over("a layer that does not fit", err, "Stored bytes")
	target, err := oci.startUpload("team/app") // the first one is gone
	if err != nil {
		t.Fatal(err)
	}
	a, err := oci.send("PATCH", target, bytes.NewReader(large))
	if err != nil {
		t.Fatal(err)
	}
	denied("a layer that does not fit", a, "Stored bytes")
}

// TestRates asks more than ECR's rates let through. Both protocols answer as ECR
// does, the SDK and crane try again, and other accounts notice nothing.
func TestRates(t *testing.T) {
	t.Parallel()
	crane := client(t, "crane")
	s := newServerWith(t, "quotas: {requests_per_second: {PutImage: 1}}\n")
	for _, a := range []account{prod, dev} {
		s.createRepository(a, tokyo, "team/app")
	}
	i := makeImage("rate", nil, "")
	oci, other := s.oci(prod, tokyo), s.oci(dev, tokyo)
	oci.mustPush("team/app", "first", i)
	put := func(ctx context.Context, client *ecr.Client, tag string) (*ecr.PutImageOutput, error) {
		return client.PutImage(ctx, &ecr.PutImageInput{
			RepositoryName: aws.String("team/app"), ImageManifest: aws.String(string(i.manifest)), ImageTag: &tag,
		})
	}
	// exhaust uses the quota up, as often as it takes on a slow machine.
	sdk := s.ecr(prod, tokyo)
	exhaust := func() error {
		for n := range 1000 {
			var api smithy.APIError
			_, err := put(ctx, sdk, fmt.Sprint("tag", n))
			if errors.As(err, &api) && api.ErrorCode() != "ImageAlreadyExistsException" {
				return err
			}
		}
		return nil
	}
	err := exhaust()
	var api smithy.APIError
	var response *awshttp.ResponseError
	if !errors.As(err, &api) || api.ErrorCode() != "ThrottlingException" || api.ErrorMessage() != "Rate exceeded" ||
		!errors.As(err, &response) || response.HTTPStatusCode() != http.StatusBadRequest {
		t.Errorf("asked too often, the SDK gets %v", err)
	}
	limited := answer{}
	for range 1000 {
		if limited = oci.do("PUT", "team/app/manifests/again", i.manifest, "Content-Type",
			ocispec.MediaTypeImageManifest); limited.status != http.StatusCreated {
			break
		}
	}
	if limited.code() != "TOOMANYREQUESTS" || limited.status != http.StatusTooManyRequests ||
		limited.header.Get("Retry-After") != "1" {
		t.Errorf("asked too often, OCI clients get %v, Retry-After %q", limited, limited.header.Get("Retry-After"))
	}
	other.mustPush("team/app", "first", i)
	if err := oci.wantPull("team/app", "first", i.digest); err != nil {
		t.Errorf("a pull beside too many pushes: %v", err)
	}

	// The SDK's own retries get through.
	patient := ecr.New(ecr.Options{
		Region: tokyo, BaseEndpoint: aws.String("http://" + s.addr), HTTPClient: s.http,
		Credentials: sdk.Options().Credentials,
		Retryer:     retry.AddWithMaxAttempts(retry.NewStandard(), 10),
	})
	throttled := false
	for n := 0; n < 100 && !throttled; n++ {
		out, err := put(ctx, patient, fmt.Sprint("retried", n))
		if err != nil {
			t.Fatal(err)
		}
		attempts, _ := retry.GetAttemptResults(out.ResultMetadata)
		throttled = len(attempts.Results) > 1
	}
	if !throttled {
		t.Error("the SDK had to try nothing again")
	}
	// So do crane's.
	d := s.desk()
	host := s.host(prod, tokyo)
	d.must(s.password(prod, tokyo), crane, "auth", "login", host, "--username", "AWS", "--password-stdin")
	_ = exhaust()
	d.must("", crane, "tag", "--insecure", host+"/team/app:first", "crane")
}
