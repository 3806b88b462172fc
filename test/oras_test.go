package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// TestORAS attaches a signature and an SBOM to an image, as cosign and its
// like do, and finds them at the destination: referrers replicate as pushes of
// their own.
func TestORAS(t *testing.T) {
	t.Parallel()
	oras := client(t, "oras")
	s := newServer(t)
	d := s.desk()
	s.createRepository(prod, tokyo, "team/app")
	s.grant(dev, oregon, prod, "ReplicateImage", "CreateRepository")
	s.replicate(prod, tokyo, rule{to: []destination{{dev, oregon}}})
	prodHost, devHost := s.host(prod, tokyo), s.host(dev, oregon)
	d.must(s.password(prod, tokyo), oras, "login", "--plain-http", "--username", "AWS", "--password-stdin", prodHost)
	d.must(s.password(dev, oregon), oras, "login", "--plain-http", "--username", "AWS", "--password-stdin", devHost)

	for file, content := range map[string]string{
		"app.txt": "the artifact", "app.sig": "a signature", "sbom.json": `{"bomFormat":"CycloneDX"}`,
	} {
		if err := os.WriteFile(filepath.Join(d.home, file), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d.must("", oras, "push", "--plain-http", "--artifact-type", "application/vnd.example.app", prodHost+"/team/app:1",
		"app.txt:text/plain")
	d.must("", oras, "attach", "--plain-http", "--artifact-type", "application/vnd.dev.cosign.artifact.sig.v1+json",
		prodHost+"/team/app:1", "app.sig:application/octet-stream")
	d.must("", oras, "attach", "--plain-http", "--artifact-type", "application/vnd.cyclonedx+json", "--annotation",
		"made.by=test", prodHost+"/team/app:1", "sbom.json:application/json")

	atSource := discover(t, d, oras, prodHost+"/team/app:1")
	if len(atSource) != 2 {
		t.Fatalf("prod has %d referrers, want 2", len(atSource))
	}
	for _, referrer := range append([]string{"1"}, atSource...) {
		s.wantStatus(prod, tokyo, "team/app", referrer, destination{dev, oregon}, types.ReplicationStatusComplete)
	}
	if atDestination := discover(t, d, oras, devHost+"/team/app:1"); !slices.Equal(atDestination, atSource) {
		t.Errorf("dev has the referrers %v, prod %v", atDestination, atSource)
	}
	signatures := discover(t, d, oras, devHost+"/team/app:1", "--artifact-type",
		"application/vnd.dev.cosign.artifact.sig.v1+json")
	if len(signatures) != 1 {
		t.Fatalf("dev has %d signatures, want 1", len(signatures))
	}
	d.must("", oras, "pull", "--plain-http", "--output", "pulled", devHost+"/team/app@"+signatures[0])
	if got, err := os.ReadFile(filepath.Join(d.home, "pulled", "app.sig")); err != nil || string(got) != "a signature" {
		t.Errorf("the signature pulled from dev is %q (%v)", got, err)
	}

	// A copy with its referrers, from registry to registry.
	s.createRepository(dev, oregon, "copied")
	d.must("", oras, "cp", "--recursive", "--from-plain-http", "--to-plain-http", prodHost+"/team/app:1",
		devHost+"/copied:1")
	if copied := discover(t, d, oras, devHost+"/copied:1"); !slices.Equal(copied, atSource) {
		t.Errorf("the copy has the referrers %v, want %v", copied, atSource)
	}
	d.must("", oras, "manifest", "delete", "--force", "--plain-http", prodHost+"/team/app@"+atSource[0])
	if left := discover(t, d, oras, prodHost+"/team/app:1"); len(left) != 1 {
		t.Errorf("after a delete prod has %d referrers, want 1", len(left))
	}
	d.must("", oras, "repo", "tags", "--plain-http", devHost+"/team/app")
}

// discover returns the sorted digests of an image's referrers.
func discover(t *testing.T, d *desk, oras, image string, flags ...string) []string {
	t.Helper()
	args := append([]string{"discover", "--plain-http", "--format", "json"}, flags...)
	out := d.must("", oras, append(args, image)...)
	var found struct {
		Referrers []struct{ Digest string }
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	digests := []string{}
	for _, r := range found.Referrers {
		digests = append(digests, r.Digest)
	}
	slices.Sort(digests)
	return digests
}

func mustDigest(t *testing.T, text string) digest.Digest {
	t.Helper()
	d, err := digest.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
