package test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// TestCrane pushes, lists, copies, tags and deletes with crane, whose blob
// uploads are streamed.
func TestCrane(t *testing.T) {
	t.Parallel()
	crane := client(t, "crane")
	s := newServer(t)
	d := s.desk()
	s.createRepository(prod, tokyo, "team/app")
	s.createRepository(prod, tokyo, "team/copy")
	s.grant(dev, oregon, prod, "ReplicateImage", "CreateRepository")
	s.replicate(prod, tokyo, rule{to: []destination{{dev, oregon}}})

	archive := filepath.Join(d.home, "image.tar")
	if err := tarball.WriteToFile(archive, name.MustParseReference("hello:1").(name.Tag),
		helloImage(t, "crane\n")); err != nil {
		t.Fatal(err)
	}
	prodHost, devHost := s.host(prod, tokyo), s.host(dev, oregon)
	d.must(s.password(prod, tokyo), crane, "auth", "login", prodHost, "--username", "AWS", "--password-stdin")
	d.must(s.password(dev, oregon), crane, "auth", "login", devHost, "--username", "AWS", "--password-stdin")

	d.must("", crane, "push", "--insecure", archive, prodHost+"/team/app:1")
	want := strings.TrimSpace(d.must("", crane, "digest", "--insecure", prodHost+"/team/app:1"))
	s.wantStatus(prod, tokyo, "team/app", "1", destination{dev, oregon}, types.ReplicationStatusComplete)
	if got := strings.TrimSpace(d.must("", crane, "digest", "--insecure", devHost+"/team/app:1")); got != want {
		t.Errorf("dev has %s, prod %s", got, want)
	}

	d.must("", crane, "tag", "--insecure", prodHost+"/team/app:1", "2")
	s.wantStatus(prod, tokyo, "team/app", "2", destination{dev, oregon}, types.ReplicationStatusComplete)
	if got := d.must("", crane, "ls", "--insecure", devHost+"/team/app"); got != "1\n2\n" {
		t.Errorf("the tags in dev are %q", got)
	}

	// Within a registry crane mounts the layers instead of sending them.
	d.must("", crane, "copy", "--insecure", prodHost+"/team/app:1", prodHost+"/team/copy:1")
	d.must("", crane, "validate", "--insecure", "--remote", prodHost+"/team/copy:1")
	// From one account's registry to the other's they are sent.
	s.createRepository(dev, oregon, "copied")
	d.must("", crane, "copy", "--insecure", prodHost+"/team/app:1", devHost+"/copied:1")
	d.must("", crane, "validate", "--insecure", "--remote", devHost+"/copied:1")

	layers := d.must("", crane, "export", "--insecure", devHost+"/team/app:2", "-")
	if !bytes.Contains([]byte(layers), []byte("crane\n")) {
		t.Error("the exported file system has no message")
	}
	catalog := d.must("", crane, "catalog", "--insecure", prodHost)
	if catalog != "team/app\nteam/copy\n" {
		t.Errorf("the catalog of prod is %q", catalog)
	}
	d.must("", crane, "delete", "--insecure", prodHost+"/team/app@"+want)
	d.mustFail("MANIFEST_UNKNOWN", "", crane, "digest", "--full-ref", "--insecure", prodHost+"/team/app:1")
	if err := s.oci(dev, oregon).wantPull("team/app", "1", mustDigest(t, want)); err != nil {
		t.Errorf("a delete in prod reached dev: %v", err)
	}
}
