package test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestSDKIdentityAndLogin(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	identity, err := s.sts(dev, oregon).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(identity.Account) != dev.id || aws.ToString(identity.Arn) != "arn:aws:iam::"+dev.id+":root" {
		t.Errorf("the caller is %s, %s", aws.ToString(identity.Account), aws.ToString(identity.Arn))
	}
	out, err := s.ecr(prod, tokyo).GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	data := out.AuthorizationData[0]
	if left := time.Until(*data.ExpiresAt); left < 11*time.Hour+59*time.Minute || left > 12*time.Hour {
		t.Errorf("the token is valid for %v, want 12 hours", left)
	}
	if got, want := aws.ToString(data.ProxyEndpoint), "http://"+s.addr; got != want {
		t.Errorf("the endpoint is %s, want %s", got, want)
	}
	if login, _ := base64.StdEncoding.DecodeString(aws.ToString(data.AuthorizationToken)); strings.Contains(string(login),
		prod.secret) {
		t.Error("the token carries the secret")
	}
	_, err = s.ecr(prod, "eu-nowhere-1").DescribeRegistry(ctx, &ecr.DescribeRegistryInput{})
	if err == nil || !strings.Contains(err.Error(), tokyo) {
		t.Errorf("an unserved Region is answered with %v; want the Regions that are served", err)
	}
}

func TestSDKRepositories(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := s.ecr(prod, tokyo)
	before := time.Now().Add(-time.Second)
	created, err := client.CreateRepository(ctx, &ecr.CreateRepositoryInput{
		RepositoryName:             aws.String("team/app"),
		ImageTagMutability:         types.ImageTagMutabilityImmutable,
		ImageScanningConfiguration: &types.ImageScanningConfiguration{ScanOnPush: true},
		Tags:                       []types.Tag{{Key: aws.String("env"), Value: aws.String("test")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	described, err := client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{
		RepositoryNames: []string{"team/app"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, repo := range []types.Repository{*created.Repository, described.Repositories[0]} {
		if aws.ToString(repo.RepositoryArn) != "arn:aws:ecr:"+tokyo+":"+prod.id+":repository/team/app" ||
			aws.ToString(repo.RegistryId) != prod.id || aws.ToString(repo.RepositoryName) != "team/app" ||
			aws.ToString(repo.RepositoryUri) != s.addr+"/"+prod.id+"/"+tokyo+"/team/app" ||
			repo.ImageTagMutability != types.ImageTagMutabilityImmutable || !repo.ImageScanningConfiguration.ScanOnPush ||
			repo.EncryptionConfiguration.EncryptionType != types.EncryptionTypeAes256 ||
			repo.CreatedAt.Before(before) || repo.CreatedAt.After(time.Now().Add(time.Second)) {
			t.Errorf("the repository is %+v", repo)
		}
	}

	create := func(name string) error {
		_, err := client.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: &name})
		return err
	}
	wantCode(t, create("team/app"), "RepositoryAlreadyExistsException", "The repository with name 'team/app' already "+
		"exists in the registry with id '"+prod.id+"'")
	for _, name := range []string{
		"", "a", "Upper", "-a", "a-", "a//b", "/a", "a/", "a b", "a..b", "../a", "a/../b", "a\x00b", "ä1",
		strings.Repeat("a", 257), "a___b",
	} {
		wantCode(t, create(name), "InvalidParameterException", "repositoryName")
	}
	for _, name := range []string{"ab", "a.b", "a_b", "a__b", "a---b", "0a", strings.Repeat("a", 256)} {
		if err := create(name); err != nil {
			t.Errorf("%.30q: %v", name, err)
		}
	}
	_, err = client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"ab", "none"}})
	wantCode(t, err, "RepositoryNotFoundException", "The repository with name 'none' does not exist in the "+
		"registry with id '"+prod.id+"'")

	// The same name in another Region and account is another repository.
	for _, other := range []*ecr.Client{s.ecr(prod, oregon), s.ecr(dev, tokyo)} {
		_, err := other.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"ab"}})
		wantCode(t, err, "RepositoryNotFoundException", "")
	}

	_, err = client.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: aws.String("none")})
	wantCode(t, err, "RepositoryNotFoundException", "")
	s.oci(prod, tokyo).mustPush("ab", "1", makeImage("x", nil, ""))
	_, err = client.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: aws.String("ab")})
	wantCode(t, err, "RepositoryNotEmptyException", "The repository with name 'ab' in registry with id '"+prod.id+
		"' cannot be deleted because it still contains images")
	if _, err := client.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{
		RepositoryName: aws.String("ab"), Force: true,
	}); err != nil {
		t.Error(err)
	}
	if err := create("ab"); err != nil {
		t.Error(err)
	}
	if err := s.oci(prod, tokyo).wantAbsent("ab", "1"); err != nil {
		t.Errorf("a repository made anew: %v", err)
	}
}

func TestSDKRepositoriesByPage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := s.ecr(prod, oregon)
	var want []string
	for i := range 23 {
		want = append(want, fmt.Sprintf("repo%02d", i))
		s.createRepository(prod, oregon, want[i])
	}
	var got []string
	pages := ecr.NewDescribeRepositoriesPaginator(client, &ecr.DescribeRepositoriesInput{MaxResults: aws.Int32(5)})
	var token *string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Repositories) > 5 {
			t.Errorf("a page has %d repositories, want at most 5", len(page.Repositories))
		}
		for _, r := range page.Repositories {
			got = append(got, *r.RepositoryName)
		}
		token = cmp.Or(page.NextToken, token)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the pages have %v", got)
	}
	_, err := client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{NextToken: aws.String("forged")})
	wantCode(t, err, "InvalidParameterException", "")
	_, err = client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{
		NextToken: token, RepositoryNames: []string{"repo00"},
	})
	wantCode(t, err, "InvalidParameterException", "")
	for _, n := range []int32{0, -1, 1001} {
		_, err = client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{MaxResults: &n})
		wantCode(t, err, "InvalidParameterException", "maxResults")
	}
}

func TestSDKImages(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := s.ecr(prod, tokyo)
	s.createRepository(prod, tokyo, "app")
	oci := s.oci(prod, tokyo)
	one, two := makeImage("one", nil, ""), makeImage("two", nil, "")
	oci.mustPush("app", "1", one)
	oci.mustPush("app", "", two)
	put := func(i image, tag *string) error {
		_, err := client.PutImage(ctx, &ecr.PutImageInput{
			RepositoryName: aws.String("app"), ImageManifest: aws.String(string(i.manifest)), ImageTag: tag,
		})
		return err
	}
	if err := put(two, aws.String("2")); err != nil {
		t.Fatal(err)
	}
	wantCode(t, put(two, aws.String("2")), "ImageAlreadyExistsException", two.digest.String())
	wantCode(t, put(makeImage("no layers here", nil, ""), aws.String("3")), "LayersNotFoundException", "")
	wantCode(t, put(image{manifest: makeIndex(makeImage("no child", nil, "").descriptor())}, aws.String("3")),
		"ReferencedImagesNotFoundException", "")
	wantCode(t, put(image{manifest: []byte(`{"schemaVersion":2`)}, aws.String("3")), "InvalidParameterException", "")
	wantCode(t, put(one, aws.String("no good tag")), "InvalidParameterException", "imageTag")
	wantCode(t, put(one, aws.String(strings.Repeat("t", 301))), "InvalidParameterException", "imageTag")
	_, err := client.PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: aws.String("app"), ImageManifest: aws.String(string(one.manifest)), ImageTag: aws.String("4"),
		ImageDigest: aws.String(two.digest.String()),
	})
	wantCode(t, err, "ImageDigestDoesNotMatchException", "")
	_, err = client.PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: aws.String("none"), ImageManifest: aws.String(string(one.manifest)), ImageTag: aws.String("1"),
	})
	wantCode(t, err, "RepositoryNotFoundException", "")

	got, err := client.BatchGetImage(ctx, &ecr.BatchGetImageInput{RepositoryName: aws.String("app"),
		ImageIds: []types.ImageIdentifier{
			{ImageTag: aws.String("1")}, {ImageDigest: aws.String(two.digest.String())},
			{ImageTag: aws.String("9")}, {ImageDigest: aws.String(digest.FromString("no").String())},
			{ImageTag: aws.String("1"), ImageDigest: aws.String(two.digest.String())},
			{}, {ImageDigest: aws.String("sha256:short")},
		}})
	if err != nil {
		t.Fatal(err)
	}
	var digests, codes []string
	for _, image := range got.Images {
		digests = append(digests, *image.ImageId.ImageDigest)
		if digest.FromString(*image.ImageManifest).String() != *image.ImageId.ImageDigest ||
			aws.ToString(image.ImageManifestMediaType) != ocispec.MediaTypeImageManifest {
			t.Errorf("the image is %+v", image)
		}
	}
	for _, f := range got.Failures {
		codes = append(codes, string(f.FailureCode))
	}
	slices.Sort(codes)
	if want := []string{one.digest.String(), two.digest.String()}; !slices.Equal(digests, want) {
		t.Errorf("got the images %v, want %v", digests, want)
	}
	if want := []string{
		"ImageNotFound", "ImageNotFound", "ImageTagDoesNotMatchDigest", "InvalidImageDigest", "MissingDigestAndTag",
	}; !slices.Equal(codes, want) {
		t.Errorf("got the failures %v, want %v", codes, want)
	}

	// Describe: by tag, all, and with a filter.
	described, err := client.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RepositoryName: aws.String("app"), ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("1")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	detail := described.ImageDetails[0]
	if aws.ToString(detail.ImageDigest) != one.digest.String() || !slices.Equal(detail.ImageTags, []string{"1"}) ||
		aws.ToInt64(detail.ImageSizeInBytes) != int64(len(one.config)+len(one.layer)) &&
			aws.ToInt64(detail.ImageSizeInBytes) != int64(len(one.layer)) ||
		aws.ToString(detail.ImageManifestMediaType) != ocispec.MediaTypeImageManifest ||
		time.Since(*detail.ImagePushedAt) > time.Minute {
		t.Errorf("the image is described as %+v", detail)
	}
	_, err = client.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RepositoryName: aws.String("app"), ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("9")}},
	})
	wantCode(t, err, "ImageNotFoundException", "")

	// Moving a tag leaves its image untagged.
	if err := put(one, aws.String("2")); err != nil {
		t.Fatal(err)
	}
	untagged, err := client.ListImages(ctx, &ecr.ListImagesInput{
		RepositoryName: aws.String("app"), Filter: &types.ListImagesFilter{TagStatus: types.TagStatusUntagged},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(untagged.ImageIds) != 1 || aws.ToString(untagged.ImageIds[0].ImageDigest) != two.digest.String() ||
		untagged.ImageIds[0].ImageTag != nil {
		t.Errorf("the untagged images are %+v", untagged.ImageIds)
	}

	// Delete: a tag, the last tag, an index's child.
	index := makeIndex(two.descriptor())
	if err := oci.putManifest("app", "list", ocispec.MediaTypeImageIndex, index); err != nil {
		t.Fatal(err)
	}
	deleted, err := client.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{RepositoryName: aws.String("app"),
		ImageIds: []types.ImageIdentifier{
			{ImageTag: aws.String("1")}, {ImageDigest: aws.String(two.digest.String())}, {ImageTag: aws.String("9")},
		}})
	if err != nil {
		t.Fatal(err)
	}
	codes = nil
	for _, f := range deleted.Failures {
		codes = append(codes, string(f.FailureCode))
	}
	slices.Sort(codes)
	if !slices.Equal(codes, []string{"ImageNotFound", "ImageReferencedByManifestList"}) || len(deleted.ImageIds) != 1 {
		t.Errorf("deleted %+v, failed %v", deleted.ImageIds, codes)
	}
	if err := oci.wantPull("app", "2", one.digest); err != nil {
		t.Errorf("an image with one tag of two deleted: %v", err)
	}
	if _, err := client.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{
		RepositoryName: aws.String("app"), ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("2")}},
	}); err != nil {
		t.Fatal(err)
	}
	if err := oci.wantAbsent("app", one.digest.String()); err != nil {
		t.Errorf("an image with its last tag deleted: %v", err)
	}
}

func TestSDKImagesByPage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := s.ecr(prod, tokyo)
	s.createRepository(prod, tokyo, "app")
	oci := s.oci(prod, tokyo)
	tags, digests := map[string]bool{}, map[string]bool{}
	for i := range 12 {
		pushed := makeImage(fmt.Sprint(i), nil, "")
		oci.mustPush("app", fmt.Sprintf("v%d", i), pushed)
		tags[fmt.Sprintf("v%d", i)], digests[pushed.digest.String()] = true, true
	}
	list := ecr.NewListImagesPaginator(client, &ecr.ListImagesInput{
		RepositoryName: aws.String("app"), MaxResults: aws.Int32(5),
	})
	for list.HasMorePages() {
		page, err := list.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range page.ImageIds {
			if !tags[aws.ToString(id.ImageTag)] {
				t.Errorf("listed twice, or never pushed: %s", aws.ToString(id.ImageTag))
			}
			delete(tags, aws.ToString(id.ImageTag))
		}
	}
	describe := ecr.NewDescribeImagesPaginator(client, &ecr.DescribeImagesInput{
		RepositoryName: aws.String("app"), MaxResults: aws.Int32(5),
	})
	for describe.HasMorePages() {
		page, err := describe.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.ImageDetails) > 5 {
			t.Errorf("a page has %d images, want at most 5", len(page.ImageDetails))
		}
		for _, d := range page.ImageDetails {
			if !digests[aws.ToString(d.ImageDigest)] {
				t.Errorf("described twice, or never pushed: %s", aws.ToString(d.ImageDigest))
			}
			delete(digests, aws.ToString(d.ImageDigest))
		}
	}
	if len(tags)+len(digests) != 0 {
		t.Errorf("the pages lack %v and %v", tags, digests)
	}
	_, err := client.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RepositoryName: aws.String("app"), MaxResults: aws.Int32(5),
		ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("v1")}},
	})
	wantCode(t, err, "InvalidParameterException", "")
}

func TestSDKLayers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := s.ecr(prod, tokyo)
	s.createRepository(prod, tokyo, "app")
	repo := aws.String("app")

	started, err := client.InitiateLayerUpload(ctx, &ecr.InitiateLayerUploadInput{RepositoryName: repo})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToInt64(started.PartSize) <= 0 {
		t.Errorf("the part size is %d", aws.ToInt64(started.PartSize))
	}
	layer := make([]byte, 5<<20+1000) // a full part and a rest
	rand.Read(layer)
	part := func(id *string, first, last int64) error {
		_, err := client.UploadLayerPart(ctx, &ecr.UploadLayerPartInput{RepositoryName: repo, UploadId: id,
			PartFirstByte: &first, PartLastByte: &last, LayerPartBlob: layer[first : last+1]})
		return err
	}
	if err := part(started.UploadId, 0, 5<<20-1); err != nil {
		t.Fatal(err)
	}
	var gap *types.InvalidLayerPartException
	if err := part(started.UploadId, 5<<20+10, 5<<20+20); !errors.As(err, &gap) {
		t.Errorf("a part with a gap before it: %v", err)
	} else if aws.ToInt64(gap.LastValidByteReceived) != 5<<20-1 || aws.ToString(gap.UploadId) != *started.UploadId ||
		aws.ToString(gap.RepositoryName) != "app" || aws.ToString(gap.RegistryId) != prod.id {
		t.Errorf("a part with a gap before it: %+v", gap)
	}
	if err := part(started.UploadId, 5<<20, 5<<20+999); err != nil {
		t.Fatal(err)
	}
	d := digest.FromBytes(layer).String()
	completed, err := client.CompleteLayerUpload(ctx, &ecr.CompleteLayerUploadInput{
		RepositoryName: repo, UploadId: started.UploadId, LayerDigests: []string{d},
	})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(completed.LayerDigest) != d {
		t.Errorf("completed as %s, want %s", aws.ToString(completed.LayerDigest), d)
	}

	start := func() *string {
		t.Helper()
		out, err := client.InitiateLayerUpload(ctx, &ecr.InitiateLayerUploadInput{RepositoryName: repo})
		if err != nil {
			t.Fatal(err)
		}
		return out.UploadId
	}
	complete := func(id *string, digests ...string) error {
		_, err := client.CompleteLayerUpload(ctx, &ecr.CompleteLayerUploadInput{
			RepositoryName: repo, UploadId: id, LayerDigests: digests,
		})
		return err
	}
	wantCode(t, complete(start(), d), "EmptyUploadException", "")
	id := start()
	if err := part(id, 0, 99); err != nil {
		t.Fatal(err)
	}
	wantCode(t, complete(id, digest.FromString("other").String()), "InvalidLayerException", "")
	wantCode(t, complete(aws.String("00000000-0000-4000-8000-000000000000"), d), "UploadNotFoundException", "")
	wantCode(t, complete(aws.String("../../etc"), d), "InvalidParameterException", "uploadId")
	id = start()
	if err := part(id, 0, 99); err != nil {
		t.Fatal(err)
	}
	if err := part(id, 100, 199); err == nil {
		// ECR may also notice at the end that a part was too small.
		wantCode(t, complete(id, digest.FromBytes(layer[:200]).String()), "LayerPartTooSmallException", "")
	} else {
		wantCode(t, err, "LayerPartTooSmallException", "")
	}

	checked, err := client.BatchCheckLayerAvailability(ctx, &ecr.BatchCheckLayerAvailabilityInput{
		RepositoryName: repo, LayerDigests: []string{d, digest.FromString("none").String()},
	})
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]types.LayerAvailability{}
	for _, l := range checked.Layers {
		states[aws.ToString(l.LayerDigest)] = l.LayerAvailability
	}
	if states[d] != types.LayerAvailabilityAvailable ||
		states[digest.FromString("none").String()] == types.LayerAvailabilityAvailable {
		t.Errorf("the layers are %v", states)
	}

	// A layer that no image names has no URL.
	url := func(d string) (string, error) {
		out, err := client.GetDownloadUrlForLayer(ctx, &ecr.GetDownloadUrlForLayerInput{
			RepositoryName: repo, LayerDigest: &d,
		})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.DownloadUrl), nil
	}
	_, err = url(d)
	wantCode(t, err, "LayerInaccessibleException", "")
	_, err = url(digest.FromString("none").String())
	wantCode(t, err, "LayersNotFoundException", "")
	pushed := makeImage("with URL", nil, "")
	s.oci(prod, tokyo).mustPush("app", "1", pushed)
	link, err := url(digest.FromBytes(pushed.layer).String())
	if err != nil {
		t.Fatal(err)
	}
	fetch := func(link string) (int, []byte) {
		t.Helper()
		res, err := s.http.Get(link)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return res.StatusCode, body
	}
	if status, body := fetch(link); status != http.StatusOK || !bytes.Equal(body, pushed.layer) {
		t.Errorf("the URL answers %d with %d bytes", status, len(body))
	}
	// It opens that layer alone.
	otherLink, err := url(digest.FromBytes(pushed.config).String())
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(link, "?")
	otherPath, _, _ := strings.Cut(otherLink, "?")
	if path == otherPath {
		t.Fatalf("two layers have the URL %s", path)
	}
	if status, _ := fetch(otherPath + "?" + query); status < 400 {
		t.Errorf("the URL of one layer opens another: %d", status)
	}
	// Sending a layer that is there says so.
	id = start()
	if err := part(id, 0, int64(len(layer)-1)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, complete(id, d), "LayerAlreadyExistsException", "")
}

func TestSDKTagMutability(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := s.ecr(prod, tokyo)
	oci := s.oci(prod, tokyo)
	one, two := makeImage("one", nil, ""), makeImage("two", nil, "")
	set := func(m types.ImageTagMutability, filters ...string) error {
		in := &ecr.PutImageTagMutabilityInput{RepositoryName: aws.String("app"), ImageTagMutability: m}
		for _, f := range filters {
			in.ImageTagMutabilityExclusionFilters = append(in.ImageTagMutabilityExclusionFilters,
				types.ImageTagMutabilityExclusionFilter{
					Filter: aws.String(f), FilterType: types.ImageTagMutabilityExclusionFilterTypeWildcard,
				})
		}
		_, err := client.PutImageTagMutability(ctx, in)
		return err
	}
	s.createRepository(prod, tokyo, "app")
	for _, tag := range []string{"1", "latest", "dev-1"} {
		oci.mustPush("app", tag, one)
	}
	oci.mustPush("app", "", two)
	moves := func(tag string) bool {
		t.Helper()
		a := oci.do("PUT", "app/manifests/"+tag, two.manifest, "Content-Type", ocispec.MediaTypeImageManifest)
		if a.status == http.StatusCreated {
			if err := oci.putManifest("app", tag, ocispec.MediaTypeImageManifest, one.manifest); err != nil {
				t.Error(err)
			}
			return true
		}
		oci.want(a, http.StatusBadRequest, "TAG_INVALID")
		_, err := client.PutImage(ctx, &ecr.PutImageInput{
			RepositoryName: aws.String("app"), ImageTag: &tag, ImageManifest: aws.String(string(two.manifest)),
		})
		wantCode(t, err, "ImageTagAlreadyExistsException", "cannot be overwritten because the tag is immutable")
		return false
	}
	for _, c := range []struct {
		mutability types.ImageTagMutability
		filters    []string
		moves      map[string]bool
	}{
		{types.ImageTagMutabilityMutable, nil, map[string]bool{"1": true, "latest": true, "dev-1": true}},
		{types.ImageTagMutabilityImmutable, nil, map[string]bool{"1": false, "latest": false, "dev-1": false}},
		{types.ImageTagMutabilityImmutableWithExclusion, []string{"latest", "dev-*"}, map[string]bool{
			"1": false, "latest": true, "dev-1": true,
		}},
		{types.ImageTagMutabilityMutableWithExclusion, []string{"dev-*"}, map[string]bool{
			"1": true, "latest": true, "dev-1": false,
		}},
	} {
		if err := set(c.mutability, c.filters...); err != nil {
			t.Fatal(err)
		}
		for tag, want := range c.moves {
			if got := moves(tag); got != want {
				t.Errorf("%s %v: moving %s: %t, want %t", c.mutability, c.filters, tag, got, want)
			}
		}
	}
	for name, err := range map[string]error{
		"no such setting":          set("SOMETIMES"),
		"exclusion without filter": set(types.ImageTagMutabilityImmutableWithExclusion),
		"filter without exclusion": set(types.ImageTagMutabilityImmutable, "a*"),
		"six filters":              set(types.ImageTagMutabilityImmutableWithExclusion, "a", "b", "c", "d", "e", "f"),
		"a filter with a slash":    set(types.ImageTagMutabilityImmutableWithExclusion, "a/b"),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			wantCode(t, err, "InvalidParameterException", "")
		}
	}
}

func TestSDKPolicies(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := s.ecr(prod, tokyo)
	s.createRepository(prod, tokyo, "app")
	repo := aws.String("app")
	_, err := client.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: repo})
	wantCode(t, err, "RepositoryPolicyNotFoundException", "")
	_, err = client.DeleteRepositoryPolicy(ctx, &ecr.DeleteRepositoryPolicyInput{RepositoryName: repo})
	wantCode(t, err, "RepositoryPolicyNotFoundException", "")
	_, err = client.GetRegistryPolicy(ctx, &ecr.GetRegistryPolicyInput{})
	wantCode(t, err, "RegistryPolicyNotFoundException", "")
	_, err = client.DeleteRegistryPolicy(ctx, &ecr.DeleteRegistryPolicyInput{})
	wantCode(t, err, "RegistryPolicyNotFoundException", "")

	s.allow(prod, tokyo, "app", dev, pullActions...)
	got, err := client.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: repo})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(aws.ToString(got.PolicyText), "Cross account") {
		t.Errorf("the policy is %s", aws.ToString(got.PolicyText))
	}
	for name, text := range map[string]string{
		"no JSON":       `{"Version":`,
		"no principal":  `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*"}]}`,
		"wrong effect":  `{"Version":"2012-10-17","Statement":[{"Effect":"Perhaps","Principal":"*","Action":"ecr:*"}]}`,
		"wrong version": `{"Version":"2020-01-01","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*"}]}`,
		"a member more": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*","Reason":"why not"}]}`,
		"no statement":  `{"Version":"2012-10-17"}`,
		"too long": `{"Version":"2012-10-17","Statement":[{"Sid":"` + strings.Repeat("a", 10240) +
			`","Effect":"Allow","Principal":"*","Action":"ecr:*"}]}`,
	} {
		_, err := client.SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: repo, PolicyText: &text})
		if err == nil {
			t.Errorf("%s: accepted as a repository policy", name)
		} else {
			wantCode(t, err, "InvalidParameterException", "")
		}
		if _, err := client.PutRegistryPolicy(ctx, &ecr.PutRegistryPolicyInput{PolicyText: &text}); err == nil {
			t.Errorf("%s: accepted as a registry policy", name)
		}
	}
	if _, err := client.DeleteRepositoryPolicy(ctx, &ecr.DeleteRepositoryPolicyInput{RepositoryName: repo}); err != nil {
		t.Error(err)
	}

	// An explicit deny in a repository policy also binds its own account.
	deny := `{"Version":"2012-10-17","Statement":[{"Sid":"no pull","Effect":"Deny","Principal":"*","Action":["ecr:BatchGetImage"]}]}`
	if _, err := client.SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{
		RepositoryName: repo, PolicyText: &deny,
	}); err != nil {
		t.Fatal(err)
	}
	oci := s.oci(prod, tokyo)
	oci.mustPush("app", "1", makeImage("denied", nil, ""))
	oci.want(oci.do("GET", "app/manifests/1", nil), http.StatusForbidden, "DENIED")
}

// TestSDKCrossAccount: a repository policy alone lets another account pull, by
// the AWS API and by the OCI endpoints, and no more than it says.
func TestSDKCrossAccount(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.createRepository(prod, tokyo, "shared")
	s.createRepository(prod, tokyo, "private")
	pushed := makeImage("shared", nil, "")
	for _, repo := range []string{"shared", "private"} {
		s.oci(prod, tokyo).mustPush(repo, "1", pushed)
	}
	guest := s.ociAs(dev, prod, tokyo)
	guest.want(guest.do("GET", "shared/manifests/1", nil), http.StatusForbidden, "DENIED")
	s.allow(prod, tokyo, "shared", dev, pullActions...)
	if err := guest.wantPull("shared", "1", pushed.digest); err != nil {
		t.Error(err)
	}
	guest.want(guest.do("GET", "private/manifests/1", nil), http.StatusForbidden, "DENIED")
	guest.want(guest.do("POST", "shared/blobs/uploads/", nil), http.StatusForbidden, "DENIED")
	guest.want(guest.do("DELETE", "shared/manifests/1", nil), http.StatusForbidden, "DENIED")
	out, err := s.ecr(dev, tokyo).BatchGetImage(ctx, &ecr.BatchGetImageInput{
		RegistryId: &prod.id, RepositoryName: aws.String("shared"),
		ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("1")}},
	})
	if err != nil || len(out.Images) != 1 {
		t.Errorf("BatchGetImage across accounts: %v", err)
	}
	_, err = s.ecr(dev, tokyo).DescribeImages(ctx, &ecr.DescribeImagesInput{
		RegistryId: &prod.id, RepositoryName: aws.String("shared"),
	})
	wantCode(t, err, "AccessDeniedException", "not authorized to perform: ecr:DescribeImages on resource: arn:aws:ecr:"+
		tokyo+":"+prod.id+":repository/shared")
	// Taken back, it ends at once.
	if _, err := s.ecr(prod, tokyo).DeleteRepositoryPolicy(ctx, &ecr.DeleteRepositoryPolicyInput{
		RepositoryName: aws.String("shared"),
	}); err != nil {
		t.Fatal(err)
	}
	guest.want(guest.do("GET", "shared/manifests/1", nil), http.StatusForbidden, "DENIED")
}

func TestSDKResourceTags(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := s.ecr(prod, tokyo)
	s.createRepository(prod, tokyo, "app")
	arn := aws.String("arn:aws:ecr:" + tokyo + ":" + prod.id + ":repository/app")
	tag := func(tags ...types.Tag) error {
		_, err := client.TagResource(ctx, &ecr.TagResourceInput{ResourceArn: arn, Tags: tags})
		return err
	}
	kv := func(k, v string) types.Tag { return types.Tag{Key: &k, Value: &v} }
	if err := tag(kv("a", "1"), kv("b", "2")); err != nil {
		t.Fatal(err)
	}
	if err := tag(kv("b", "3"), kv("c", "")); err != nil {
		t.Fatal(err)
	}
	if _, err := client.UntagResource(ctx, &ecr.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	out, err := client.ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: arn})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, t := range out.Tags {
		got[*t.Key] = *t.Value
	}
	if fmt.Sprint(got) != "map[b:3 c:]" {
		t.Errorf("the tags are %v", got)
	}
	var many []types.Tag
	for i := range 51 {
		many = append(many, kv(fmt.Sprint("k", i), "v"))
	}
	wantCode(t, tag(many...), "TooManyTagsException", "")
	if err := tag(kv("aws:reserved", "v")); err == nil {
		t.Error("a tag key that starts with aws: is accepted")
	}
	for _, bad := range []string{
		"arn:aws:ecr:" + tokyo + ":" + prod.id + ":repository/none", "arn:aws:s3:::bucket", "app",
	} {
		if _, err := client.ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: &bad}); err == nil {
			t.Errorf("%s has tags", bad)
		}
	}
	_, err = s.ecr(mallory, tokyo).ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: arn})
	wantCode(t, err, "AccessDeniedException", "")
}

func TestSDKReplicationStatus(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := s.ecr(prod, tokyo)
	s.createRepository(prod, tokyo, "app")
	ask := func(repo string, id *types.ImageIdentifier) error {
		_, err := client.DescribeImageReplicationStatus(ctx, &ecr.DescribeImageReplicationStatusInput{
			RepositoryName: &repo, ImageId: id,
		})
		return err
	}
	wantCode(t, ask("none", imageID("1")), "RepositoryNotFoundException", "")
	wantCode(t, ask("app", imageID("1")), "ImageNotFoundException", "")
	wantCode(t, ask("app", &types.ImageIdentifier{}), "InvalidParameterException", "")
	wantCode(t, ask("app", imageID("sha256:short")), "InvalidParameterException", "")
}

// TestSDKUnimplemented: what Twinport cannot do yet it says at once.
func TestSDKUnimplemented(t *testing.T) {
	t.Parallel()
	client := newServer(t).ecr(prod, tokyo)
	for name, call := range map[string]func(context.Context) error{
		"GetSigningConfiguration": func(ctx context.Context) error {
			_, err := client.GetSigningConfiguration(ctx, &ecr.GetSigningConfigurationInput{})
			return err
		},
		"DescribePullThroughCacheRules": func(ctx context.Context) error {
			_, err := client.DescribePullThroughCacheRules(ctx, &ecr.DescribePullThroughCacheRulesInput{})
			return err
		},
	} {
		if err := call(ctx); err == nil || !strings.Contains(err.Error(), "not implemented") {
			t.Errorf("%s is answered with %v", name, err)
		}
	}
}
