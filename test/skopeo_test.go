package test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// TestSkopeo copies a multi-platform image into prod and out of dev.
func TestSkopeo(t *testing.T) {
	t.Parallel()
	skopeo := client(t, "skopeo")
	s := newServer(t)
	d := s.desk()
	s.createRepository(prod, tokyo, "team/multi")
	s.grant(dev, virginia, prod, "ReplicateImage", "CreateRepository")
	s.replicate(prod, tokyo, rule{to: []destination{{dev, virginia}}})

	source := filepath.Join(d.home, "source")
	index := helloIndex(t)
	if _, err := layout.Write(source, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index})); err != nil {
		t.Fatal(err)
	}
	prodHost, devHost := s.host(prod, tokyo), s.host(dev, virginia)
	d.must(s.password(prod, tokyo), skopeo, "login", "--tls-verify=false", "--username", "AWS", "--password-stdin",
		prodHost)
	d.must(s.password(dev, virginia), skopeo, "login", "--tls-verify=false", "--username", "AWS", "--password-stdin",
		devHost)

	d.must("", skopeo, "--insecure-policy", "copy", "--all", "--dest-tls-verify=false",
		"oci:"+source, "docker://"+prodHost+"/team/multi:1")
	s.wantStatus(prod, tokyo, "team/multi", "1", destination{dev, virginia}, types.ReplicationStatusComplete)

	inspect := func(image string) (inspected struct{ Digest string }) {
		t.Helper()
		if err := json.Unmarshal([]byte(d.must("", skopeo, "inspect", "--tls-verify=false", "docker://"+image)),
			&inspected); err != nil {
			t.Fatal(err)
		}
		return inspected
	}
	if got, want := inspect(devHost+"/team/multi:1"), inspect(prodHost+"/team/multi:1"); got != want || want.Digest == "" {
		t.Errorf("dev has %v, prod %v", got, want)
	}
	d.must("", skopeo, "--insecure-policy", "copy", "--all", "--src-tls-verify=false",
		"docker://"+devHost+"/team/multi:1", "dir:"+filepath.Join(d.home, "out"))

	d.must("", skopeo, "delete", "--tls-verify=false", "docker://"+devHost+"/team/multi:1")
	d.mustFail("Requested image not found", "", skopeo, "inspect", "--tls-verify=false",
		"docker://"+devHost+"/team/multi:1")
	d.must("", skopeo, "inspect", "--tls-verify=false", "docker://"+prodHost+"/team/multi:1")
}

// helloIndex is an index of two platforms' images.
func helloIndex(t *testing.T) v1.ImageIndex {
	t.Helper()
	var index v1.ImageIndex = empty.Index
	for _, arch := range []string{"amd64", "arm64"} {
		image := helloImage(t, "hello from "+arch+"\n")
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		config = config.DeepCopy()
		config.Architecture = arch
		if image, err = mutate.ConfigFile(image, config); err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	return index
}
