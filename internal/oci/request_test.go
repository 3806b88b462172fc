package oci

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

const (
	testDomain  = "registry.test"
	prodAccount = "111122223333"
	devAccount  = "444455556666"
	region      = "us-east-1"
	prodHost    = prodAccount + ".dkr.ecr." + region + "." + testDomain
	uploadID    = "0b1c2d3e-0000-4000-8000-0123456789ab"
)

var (
	prod    = resource.Registry{Account: prodAccount, Region: region}
	someSHA = digest.FromString("content")
)

// newRequest makes a request as the server's parser would, whatever the target.
func newRequest(method, host, target string) *http.Request {
	u, err := url.ParseRequestURI(target)
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest(method, "http://x/", nil)
	r.Host, r.URL = host, u
	return r
}

func TestParse(t *testing.T) {
	sha := someSHA.String()
	bare := func(name string) resource.Repository { return resource.Repository{Name: name} }
	inProd := resource.Repository{Registry: prod, Name: "app"}
	for _, tt := range []struct {
		method, host, target string
		want                 request
	}{
		{"GET", "localhost", "/v2/", request{op: opBase}},
		{"GET", "localhost", "/v2", request{op: opBase}},
		{"HEAD", prodHost, "/v2/", request{op: opBase, ref: resource.Repository{Registry: prod}}},
		{"GET", prodHost, "/v2/_catalog?n=5", request{
			op: opListRepositories, ref: resource.Repository{Registry: prod}, bareNames: true, limit: 5,
		}},
		{"GET", "localhost", "/v2/_catalog?n=5&last=b", request{op: opListRepositories, limit: 5, last: "b"}},
		{"GET", "localhost", "/v2/" + prodAccount + "/us-east-1/_catalog", request{
			op: opListRepositories, ref: resource.Repository{Registry: prod}, name: prodAccount + "/us-east-1",
		}},
		{"GET", "localhost", "/v2/app/manifests/v1", request{
			op: opGetManifest, ref: bare("app"), name: "app", reference: registry.Reference{Tag: "v1"},
		}},
		{"HEAD", "localhost", "/v2/a/b/manifests/" + sha, request{
			op: opGetManifest, ref: bare("a/b"), name: "a/b", reference: registry.Reference{Digest: someSHA},
		}},
		{"GET", "localhost", "/v2/aa/manifests/" + strings.Replace(sha, ":", "%3A", 1), request{
			op: opGetManifest, ref: bare("aa"), name: "aa", reference: registry.Reference{Digest: someSHA},
		}},
		{"GET", "localhost", "/v2/blobs/uploads/manifests/manifests/tags", request{
			op: opGetManifest, ref: bare("blobs/uploads/manifests"), name: "blobs/uploads/manifests",
			reference: registry.Reference{Tag: "tags"},
		}},
		{"PUT", "localhost", "/v2/app/manifests/" + sha + "?tag=1&tag=1.2&tag=1", request{
			op: opPutManifest, ref: bare("app"), name: "app", reference: registry.Reference{Digest: someSHA},
			tags: []string{"1", "1.2"},
		}},
		{"PUT", "localhost", "/v2/app/manifests/v1?tag=other", request{
			op: opPutManifest, ref: bare("app"), name: "app", reference: registry.Reference{Tag: "v1"},
		}},
		{"DELETE", "localhost", "/v2/app/manifests/v1", request{
			op: opDeleteManifest, ref: bare("app"), name: "app", reference: registry.Reference{Tag: "v1"},
		}},
		{"GET", "localhost", "/v2/app/blobs/" + sha + "?X-Twinport-Token=t", request{
			op: opGetBlob, ref: bare("app"), name: "app", digest: someSHA, downloadToken: "t",
		}},
		{"HEAD", "localhost", "/v2/app/blobs/" + sha, request{
			op: opHeadBlob, ref: bare("app"), name: "app", digest: someSHA,
		}},
		{"DELETE", "localhost", "/v2/app/blobs/" + sha + "?X-Twinport-Token=t", request{
			op: opDeleteBlob, ref: bare("app"), name: "app", digest: someSHA,
		}},
		{"GET", "localhost", "/v2/app/tags/list?n=0", request{op: opListTags, ref: bare("app"), name: "app"}},
		{"GET", "localhost", "/v2/app/tags/list?n=99999999999999999999", request{
			op: opListTags, ref: bare("app"), name: "app", limit: 1<<63 - 1,
		}},
		{"GET", "localhost", "/v2/app/referrers/" + sha + "?artifactType=a%2Fb", request{
			op: opListReferrers, ref: bare("app"), name: "app", digest: someSHA, limit: noLimit, artifactType: "a/b",
		}},
		{"GET", "localhost", "/v2/app/referrers/" + sha + "?n=7&artifactType=a/b%2Bc%3Bversion%3D0.2",
			request{
				op: opListReferrers, ref: bare("app"), name: "app", digest: someSHA, limit: 7, artifactType: "a/b+c;version=0.2",
			}},
		{"GET", "localhost", "/v2/app/referrers/" + sha + "?n=7&artifactType=a/b+c;version=0.2", request{
			op: opListReferrers, ref: bare("app"), name: "app", digest: someSHA, limit: 7, artifactType: "a/b+c;version=0.2",
		}},
		{"GET", "localhost", "/v2/app/referrers/" + sha + "?artifactType=a/b%3B+version%3D1", request{
			op: opListReferrers, ref: bare("app"), name: "app", digest: someSHA, limit: noLimit, artifactType: "a/b; version=1",
		}},
		{"GET", "localhost", "/v2/app/tags/list?n=5&last=a;b", request{
			op: opListTags, ref: bare("app"), name: "app", limit: 5, last: "a;b",
		}},
		{"POST", "localhost", "/v2/app/blobs/uploads/", request{op: opStartUpload, ref: bare("app"), name: "app"}},
		{"POST", "localhost", "/v2/app/blobs/uploads", request{op: opStartUpload, ref: bare("app"), name: "app"}},
		{"POST", "localhost", "/v2/app/blobs/uploads/?digest-algorithm=sha512", request{
			op: opStartUpload, ref: bare("app"), name: "app",
		}},
		{"POST", "localhost", "/v2/app/blobs/uploads/?digest=" + sha, request{
			op: opPushBlob, ref: bare("app"), name: "app", digest: someSHA,
		}},
		{"POST", "localhost", "/v2/app/blobs/uploads/?mount=" + sha, request{
			op: opMountBlob, ref: bare("app"), name: "app", digest: someSHA,
		}},
		{"POST", "localhost", "/v2/app/blobs/uploads/?mount=" + sha + "&from=bb", request{
			op: opMountBlob, ref: bare("app"), name: "app", digest: someSHA, from: &resource.Repository{Name: "bb"},
		}},
		{"POST", "localhost", "/v2/" + prodAccount + "/us-east-1/app/blobs/uploads/?mount=" + sha + "&from=bb",
			request{
				op: opMountBlob, ref: inProd, name: prodAccount + "/us-east-1/app", digest: someSHA,
				from: &resource.Repository{Name: "bb"},
			}},
		{"POST", "localhost", "/v2/app/blobs/uploads/?mount=" + sha + "&from=" + devAccount + "/eu-west-1/bb",
			request{
				op: opMountBlob, ref: bare("app"), name: "app", digest: someSHA, from: &resource.Repository{
					Registry: resource.Registry{Account: devAccount, Region: "eu-west-1"}, Name: "bb",
				},
			}},
		{"POST", prodHost, "/v2/app/blobs/uploads/?mount=" + sha + "&from=" + devAccount + "/eu-west-1/bb",
			request{
				op: opMountBlob, ref: inProd, name: "app", digest: someSHA, from: &resource.Repository{
					Registry: prod, Name: devAccount + "/eu-west-1/bb",
				},
			}},
		{"GET", "localhost", "/v2/app/blobs/uploads/" + uploadID, request{
			op: opUploadStatus, ref: bare("app"), name: "app", upload: uploadID,
		}},
		{"PATCH", "localhost", "/v2/app/blobs/uploads/" + uploadID, request{
			op: opAppendUpload, ref: bare("app"), name: "app", upload: uploadID,
		}},
		{"PUT", "localhost", "/v2/app/blobs/uploads/" + uploadID + "?digest=" + sha, request{
			op: opCompleteUpload, ref: bare("app"), name: "app", upload: uploadID, digest: someSHA,
		}},
		{"DELETE", "localhost", "/v2/app/blobs/uploads/" + uploadID, request{
			op: opCancelUpload, ref: bare("app"), name: "app", upload: uploadID,
		}},
		{"DELETE", strings.ToUpper(prodHost) + ":8080", "/v2/app/manifests/v1", request{
			op: opDeleteManifest, ref: inProd, name: "app", reference: registry.Reference{Tag: "v1"},
		}},
		{"DELETE", prodHost + ".:8080", "/v2/app/manifests/v1", request{
			op: opDeleteManifest, ref: inProd, name: "app", reference: registry.Reference{Tag: "v1"},
		}},
		{"DELETE", "[::1]:8080", "/v2/" + prodAccount + "/us-east-1/app/manifests/v1", request{
			op: opDeleteManifest, ref: inProd, name: prodAccount + "/us-east-1/app", reference: registry.Reference{Tag: "v1"},
		}},
		{"DELETE", "localhost", "/v2/" + prodAccount + "/app/manifests/v1", request{
			op: opDeleteManifest, ref: bare(prodAccount + "/app"), name: prodAccount + "/app",
			reference: registry.Reference{Tag: "v1"},
		}},
		{"DELETE", prodAccount + ".dkr.ecr", "/v2/app/manifests/v1", request{
			op: opDeleteManifest, ref: bare("app"), name: "app", reference: registry.Reference{Tag: "v1"},
		}},
	} {
		if !strings.Contains(tt.target, "?n=") {
			tt.want.limit = noLimit
		}
		got, err := parse(newRequest(tt.method, tt.host, tt.target), testDomain)
		if err != nil {
			t.Errorf("%s %s %s: %v", tt.method, tt.host, tt.target, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(request{})); diff != "" {
			t.Errorf("%s %s %s:\n%s", tt.method, tt.host, tt.target, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	sha := someSHA.String()
	for _, tt := range []struct {
		method, host, target string
		status               int
		code                 string
	}{
		{"GET", "localhost", "/v2x/", 404, codeUnsupported},
		{"GET", "localhost", "/v1/", 404, codeUnsupported},
		{"GET", "localhost", "/v2/app", 404, codeUnsupported},
		{"GET", "localhost", "/v2//", 404, codeUnsupported},
		{"GET", "localhost", "/v2/app/tags/list/", 404, codeUnsupported},
		{"GET", "localhost", "/v2/app/_catalog", 404, codeUnsupported},
		{"GET", prodHost, "/v2/" + prodAccount + "/us-east-1/_catalog", 404, codeUnsupported},
		{"POST", "localhost", "/v2/", 405, codeUnsupported},
		{"GET", "localhost", "/v2/app/blobs/uploads/", 405, codeUnsupported},
		{"PATCH", "localhost", "/v2/app/manifests/v1", 405, codeUnsupported},
		{"GET", "localhost", "/v2/manifests/v1", 400, codeNameInvalid},
		{"POST", "localhost", "/v2/blobs/uploads/", 400, codeNameInvalid},
		{"GET", "localhost", "/v2/App/manifests/v1", 400, codeNameInvalid},
		{"GET", "localhost", "/v2/app//b/manifests/v1", 400, codeNameInvalid},
		{"GET", "localhost", "/v2//a/manifests/v1", 400, codeNameInvalid},
		{"GET", "localhost", "/v2/a/../b/manifests/v1", 400, codeNameInvalid},
		{"GET", "localhost", "/v2/a/%2e%2e/b/manifests/v1", 400, codeNameInvalid},
		{"GET", "localhost", "/v2/a%2Fb/manifests/v1", 400, codeNameInvalid},
		{"GET", "localhost", "/v2/a%2fb/manifests/v1", 400, codeNameInvalid},
		{"GET", "localhost", "/v2/a%00/manifests/v1", 400, codeNameInvalid},
		{"GET", "localhost", "/v2/a%5Cb/manifests/v1", 400, codeNameInvalid},
		{"GET", "localhost", "/v2/" + prodAccount + "/us-east-1/../b/manifests/v1", 400, codeNameInvalid},
		{"GET", "localhost", "/v2/a/manifests/v1", 400, codeNameInvalid},
		{"GET", "localhost", "/v2/" + strings.Repeat("a", 257) + "/manifests/v1", 400, codeNameInvalid},
		{"GET", "localhost", "/v2/app/manifests/", 400, codeTagInvalid},
		{"GET", "localhost", "/v2/app/manifests/.hidden", 400, codeTagInvalid},
		{"GET", "localhost", "/v2/app/manifests/v1%00", 400, codeTagInvalid},
		{"PUT", "localhost", "/v2/app/manifests/" + strings.Repeat("t", 129), 400, codeTagInvalid},
		{"PUT", "localhost", "/v2/app/manifests/sha256:baddigeststring", 400, codeDigestInvalid},
		{"PUT", "localhost", "/v2/app/manifests/" + sha + "?tag=ok&tag=not/ok", 400, codeTagInvalid},
		{"PUT", "localhost", "/v2/app/manifests/" + sha + "?tag=", 400, codeTagInvalid},
		{"PUT", "localhost", "/v2/app/manifests/" + sha + "?tag=ok;tag=ok", 400, codeTagInvalid},
		{"PUT", "localhost", "/v2/app/manifests/" + sha + "?" + strings.Repeat("tag=x&", 3000), 414, codeUnsupported},
		{"GET", "localhost", "/v2/app/referrers/latest", 400, codeDigestInvalid},
		{"GET", "localhost", "/v2/app/blobs/", 400, codeDigestInvalid},
		{"GET", "localhost", "/v2/app/blobs/md5:00", 400, codeDigestInvalid},
		{"GET", "localhost", "/v2/app/tags/list?n=-1", 400, codeUnsupported},
		{"GET", "localhost", "/v2/app/tags/list?n=x", 400, codeUnsupported},
		{"GET", "localhost", "/v2/app/tags/list?n=%zz", 400, codeUnsupported},
		{"POST", "localhost", "/v2/app/blobs/uploads/?mount=x", 400, codeDigestInvalid},
		{"POST", "localhost", "/v2/app/blobs/uploads/?digest=", 400, codeDigestInvalid},
		{"POST", "localhost", "/v2/app/blobs/uploads/?digest-algorithm=md5", 400, codeDigestInvalid},
		{"PUT", "localhost", "/v2/app/blobs/uploads/" + uploadID, 400, codeDigestInvalid},
		{"PUT", "localhost", "/v2/app/blobs/uploads/" + uploadID + "?x=y", 400, codeDigestInvalid},
		{"GET", "localhost", "/v2/app/blobs/uploads/not-a-uuid", 404, codeBlobUploadUnknown},
		{"GET", prodAccount + ".dkr.ecr.us-east-1.amazonaws.com", "/v2/", 404, codeNameUnknown},
		{"GET", prodAccount + ".dkr.ecr.us-east-1", "/v2/", 404, codeNameUnknown},
		{"GET", prodAccount + ".dkr.ecr.us_east." + testDomain, "/v2/", 404, codeNameUnknown},
	} {
		_, err := parse(newRequest(tt.method, tt.host, tt.target), testDomain)
		var status int
		var code string
		if e, ok := errors.AsType[*allowError](err); ok {
			status, code = e.status, e.code
		} else if e, ok := errors.AsType[*protocolError](err); ok {
			status, code = e.status, e.code
		}
		if status != tt.status || code != tt.code {
			t.Errorf("%s %s %s = %v (%d %s); want %d %s", tt.method, tt.host, tt.target, err, status, code, tt.status, tt.code)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []struct{ method, host, path, query string }{
		{"GET", "localhost:5000", "/v2/a/b/manifests/latest", ""},
		{"PUT", prodHost, "/v2/app/manifests/" + someSHA.String(), "tag=a&tag=b"},
		{"POST", "x", "/v2/" + prodAccount + "/us-east-1/app/blobs/uploads/", "mount=" + someSHA.String() + "&from=bb"},
		{"PATCH", "x", "/v2/app/blobs/uploads/" + uploadID, ""},
		{"GET", "[::1", "/v2/../..//_catalog", "n=1&last=%00"},
	} {
		f.Add(seed.method, seed.host, seed.path, seed.query)
	}
	f.Fuzz(func(t *testing.T, method, host, path, query string) {
		r := &http.Request{Method: method, Host: host, URL: &url.URL{Path: path, RawQuery: query}}
		req, err := parse(r, testDomain)
		if err != nil {
			return
		}
		if req.op == opUnknown {
			t.Fatal("accepted without an operation")
		}
		if req.op != opBase && req.op != opListRepositories && !specName.MatchString(req.ref.Name) {
			t.Errorf("accepted the name %q", req.ref.Name)
		}
		if req.from != nil && !specName.MatchString(req.from.Name) {
			t.Errorf("accepted the source %q", req.from.Name)
		}
		for _, tag := range append(req.tags, req.reference.Tag) {
			if tag != "" && !specTag.MatchString(tag) {
				t.Errorf("accepted the tag %q", tag)
			}
		}
		for _, d := range []digest.Digest{req.digest, req.reference.Digest} {
			if d != "" && d.Validate() != nil {
				t.Errorf("accepted the digest %q", d)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for name, r := range map[string]*http.Request{
		"tag":  newRequest("GET", "localhost:8080", "/v2/"+prodAccount+"/us-east-1/team/app/manifests/latest"),
		"blob": newRequest("HEAD", prodHost+":8080", "/v2/team/app/blobs/"+someSHA.String()),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parse(r, testDomain); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
