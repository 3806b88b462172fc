package awsapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/registry"
)

// refer pushes a referrer of the subject, which need not be there.
func (d *domain) refer(repository string, subject digest.Digest, artifactType, annotations string) {
	d.t.Helper()
	manifest := d.image(repository, "layer", "")
	end := strings.LastIndex(manifest, `"annotations"`)
	manifest = manifest[:end] + fmt.Sprintf(`"artifactType":%q,"subject":{"mediaType":%q,"digest":%q,"size":7}`,
		artifactType, ociType, subject)
	if annotations != "" {
		manifest += `,"annotations":` + annotations
	}
	_, err := d.PutManifest(d.t.Context(), root(account), in(here, repository),
		registry.NewManifest{Bytes: []byte(manifest + "}")})
	if err != nil {
		d.t.Fatal(err)
	}
}

func TestListImageReferrers(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	c := a.ecr()
	a.domain.create("app")
	subject := a.domain.push("app", "one", "1")
	const sbom, signature, parameters = "application/spdx+json", "application/vnd.sig",
		"application/vnd.dev.sigstore.bundle+json;version=0.2"
	a.domain.refer("app", subject, sbom, `{"a":"é<&>","b":""}`)
	a.domain.refer("app", subject, parameters, "")
	for i := range 23 {
		a.domain.refer("app", subject, signature, fmt.Sprintf(`{"n":"%d"}`, i))
	}
	input := func(artifactTypes ...string) *ecr.ListImageReferrersInput {
		in := &ecr.ListImageReferrersInput{
			RepositoryName: aws.String("app"), SubjectId: &types.SubjectIdentifier{ImageDigest: aws.String(subject.String())},
		}
		if artifactTypes != nil {
			in.Filter = &types.ListImageReferrersFilter{ArtifactTypes: artifactTypes}
		}
		return in
	}
	list := func(in *ecr.ListImageReferrersInput, wantPages ...int) (all []types.ImageReferrer) {
		t.Helper()
		var pages []int
		for {
			page := must[*ecr.ListImageReferrersOutput](t)(c.ListImageReferrers(ctx, in))
			pages, all = append(pages, len(page.Referrers)), append(all, page.Referrers...)
			if in.NextToken = page.NextToken; page.NextToken == nil {
				break
			}
		}
		if fmt.Sprint(pages) != fmt.Sprint(wantPages) {
			t.Errorf("pages of %v referrers, want %v", pages, wantPages)
		}
		return all
	}

	list(input(), 20, 5)
	in := input()
	in.MaxResults = aws.Int32(10)
	list(in, 10, 10, 5)
	list(input([]string{}...), 20, 5)
	list(input("none"), 0)
	list(input(signature, "none"), 20, 3)
	if one := list(input(sbom), 1)[0]; *one.ArtifactType != sbom || *one.MediaType != ociType || *one.Size == 0 ||
		one.ArtifactStatus != types.ArtifactStatusActive || len(one.Annotations) != 2 || one.Annotations["a"] != "é<&>" {
		t.Errorf("got %+v", one)
	}
	if one := list(input(parameters), 1)[0]; *one.ArtifactType != parameters || one.Annotations != nil {
		t.Errorf("got %+v", one)
	}
	for status, want := range map[types.ArtifactStatusFilter][]int{
		types.ArtifactStatusFilterAny: {20, 5}, types.ArtifactStatusFilterActive: {20, 5},
		types.ArtifactStatusFilterArchived: {0}, types.ArtifactStatusFilterActivating: {0},
	} {
		in := input()
		in.Filter = &types.ListImageReferrersFilter{ArtifactStatus: status}
		list(in, want...)
	}
	in = input()
	in.SubjectId.ImageDigest = aws.String(digest.FromString("none").String())
	list(in, 0)

	in = input()
	in.SubjectId.ImageDigest = aws.String("nocolon")
	_, err := c.ListImageReferrers(ctx, in)
	want(t, err, "InvalidParameterException", "'imageDigest' failed to satisfy constraint: 'must satisfy regular "+
		"expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+''")
	in = input()
	in.MaxResults = aws.Int32(51)
	_, err = c.ListImageReferrers(ctx, in)
	want(t, err, "InvalidParameterException", "'maxResults' failed to satisfy constraint: 'Member must have value less "+
		"than or equal to 50'")
	in = input("1", "2", "3", "4", "5", "6")
	_, err = c.ListImageReferrers(ctx, in)
	want(t, err, "InvalidParameterException", "'filter.artifactTypes' failed to satisfy constraint: 'Member must have "+
		"length less than or equal to 5'")
	in = input()
	in.RepositoryName = aws.String("gone")
	_, err = c.ListImageReferrers(ctx, in)
	want(t, err, "RepositoryNotFoundException", "'gone'")
	in = input()
	in.RegistryId = aws.String(other)
	_, err = c.ListImageReferrers(ctx, in)
	want(t, err, "AccessDeniedException", "is not authorized to perform: ecr:BatchGetImage")
}

func TestStorageClassIsRefused(t *testing.T) {
	a := newAPI(t)
	_, err := a.ecr().UpdateImageStorageClass(t.Context(), &ecr.UpdateImageStorageClassInput{
		RepositoryName: aws.String("app"), ImageId: &types.ImageIdentifier{ImageTag: aws.String("1")},
		TargetStorageClass: types.TargetStorageClassArchive,
	})
	want(t, err, "ImageStorageClassUpdateNotSupportedException", "The requested image storage class update is not supported")
}
