package awsapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/registry"
)

// TestBatchFailures has an item for every failure code of ECR in every batch
// operation where it can occur, and says why the others cannot.
func TestBatchFailures(t *testing.T) {
	a := newAPI(t)
	a.domain.create("app")
	one, child := a.domain.push("app", "one", "1", "2"), a.domain.push("app", "child", "child")
	_, err := a.domain.PutManifest(t.Context(), root(account), in(here, "app"), registry.NewManifest{
		Bytes: fmt.Appendf(nil, `{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":%d}]}`, ociType, child,
			len(a.domain.image("app", "child", ""))),
		MediaType: "application/vnd.oci.image.index.v1+json", Tags: []string{"index"},
	})
	if err != nil {
		t.Fatal(err)
	}
	unknown := digest.FromString("unknown")
	long := string(slices.Repeat([]byte("a"), 129))
	type item struct{ id, code, reason string } // of a failure; "" where there is none
	image := func(d digest.Digest, tag string) string {
		return fmt.Sprintf(`{"imageDigest":%q,"imageTag":%q}`, d, tag)
	}
	const digestReason = "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
	const tagReason = "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'"
	images := []item{
		{image(child, "1"), "ImageTagDoesNotMatchDigest", "Requested image tag does not belong to the requested image digest"},
		{image(unknown, "1"), "ImageTagDoesNotMatchDigest", "Requested image tag does not belong to the requested image digest"},
		{`{"imageTag":"1"}`, "", ""},
		{image(one, "2"), "", ""},
		{`{}`, "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"},
		{`{"imageTag":null,"imageDigest":null}`, "MissingDigestAndTag",
			"Invalid request parameters: both tag and digest cannot be null"},
		{`{"imageDigest":""}`, "InvalidImageDigest", digestReason},
		{`{"imageDigest":"latest"}`, "InvalidImageDigest", digestReason},
		{image("nocolon", "1"), "InvalidImageDigest", digestReason},
		{`{"imageDigest":"md5:0f"}`, "InvalidImageDigest", "Invalid request parameters: image digest must be a sha256 or " +
			"sha512 digest, such as sha256: and 64 hexadecimal digits"},
		{`{"imageTag":"-v"}`, "InvalidImageTag", tagReason},
		{`{"imageTag":"` + long + `"}`, "InvalidImageTag", tagReason},
		{image(one, "a b"), "InvalidImageTag", tagReason},
		{`{"imageTag":"gone"}`, "ImageNotFound", "Requested image not found"},
		{fmt.Sprintf(`{"imageDigest":%q}`, unknown), "ImageNotFound", "Requested image not found"},
		{image(one, "gone"), "ImageNotFound", "Requested image not found"},
	}
	referenced := item{
		`{"imageTag":"child"}`, "ImageReferencedByManifestList", "Requested image referenced by manifest list: [",
	}
	layers := []item{
		{fmt.Sprintf("%q", digest.FromString("one")), "", ""},
		{fmt.Sprintf("%q", unknown), "", ""}, // it is UNAVAILABLE
		{`""`, "MissingLayerDigest", "Invalid layer digest"},
		{`"latest"`, "InvalidLayerDigest", "Invalid layer digest"},
		{`"sha256:12"`, "InvalidLayerDigest", "Invalid layer digest"},
		{`"md5:0f"`, "InvalidLayerDigest", "Invalid layer digest"},
	}
	seen := map[string]bool{
		"KmsError": true, "ImageInaccessible": true, // nothing is encrypted, or archived
		"UpstreamAccessDenied": true, "UpstreamTooManyRequests": true, "UpstreamUnavailable": true, // there are no upstreams
	}
	for _, batch := range []struct {
		operation, list string
		items           []item
	}{
		{"BatchGetImage", "imageIds", images},
		{"BatchDeleteImage", "imageIds", append([]item{referenced}, images...)},
		{"BatchCheckLayerAvailability", "layerDigests", layers},
	} {
		for _, i := range batch.items {
			resp, text := a.post(t, ecrOf+batch.operation, "application/x-amz-json-1.1",
				fmt.Sprintf(`{"repositoryName":"app",%q:[%s]}`, batch.list, i.id))
			var answer struct {
				Failures []struct{ FailureCode, FailureReason string }
			}
			if err := json.Unmarshal([]byte(text), &answer); err != nil || resp.StatusCode != 200 {
				t.Fatalf("%s of %s: %d %s", batch.operation, i.id, resp.StatusCode, text)
			}
			var got struct{ FailureCode, FailureReason string }
			if len(answer.Failures) > 0 {
				got = answer.Failures[0]
			}
			if len(answer.Failures) > 1 || got.FailureCode != i.code || len(got.FailureReason) < len(i.reason) ||
				got.FailureReason[:len(i.reason)] != i.reason {
				t.Errorf("%s of %s: got %s\nwant %s, %s", batch.operation, i.id, text, i.code, i.reason)
			}
			seen[i.code] = true
		}
	}
	for _, code := range types.ImageFailureCode("").Values() {
		if !seen[string(code)] {
			t.Errorf("no operation was made to fail with %s", code)
		}
	}
	for _, code := range types.LayerFailureCode("").Values() {
		if !seen[string(code)] {
			t.Errorf("no operation was made to fail with %s", code)
		}
	}
}
