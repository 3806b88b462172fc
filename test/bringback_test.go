package test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// writeLayout writes an OCI layout with the image alone.
func writeLayout(t *testing.T, dir string, i image) {
	t.Helper()
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		filepath.Join(dir, "oci-layout"): []byte(`{"imageLayoutVersion":"1.0.0"}`),
		filepath.Join(dir, "index.json"): mustJSON(ocispec.Index{
			Versioned: specs.Versioned{SchemaVersion: 2}, Manifests: []ocispec.Descriptor{i.descriptor()},
		}),
	}
	for _, b := range [][]byte{i.manifest, i.config, i.layer} {
		files[filepath.Join(blobs, digest.FromBytes(b).Encoded())] = b
	}
	for path, data := range files {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClientsBringAnImageBack: after damage was found, a plain push by any of
// the clients that first ask whether the image is there makes it whole: a layer
// that verify --repair took out of use, one that was deleted under the image,
// and a child of an index.
func TestClientsBringAnImageBack(t *testing.T) {
	t.Parallel()
	crane, oras, regctl := client(t, "crane"), client(t, "oras"), client(t, "regctl")
	s, source := newServer(t), newServer(t)
	d := s.desk()
	from, to := source.host(prod, tokyo), s.host(prod, tokyo)
	for _, at := range []*server{source, s} {
		host, password := at.host(prod, tokyo), at.password(prod, tokyo)
		d.must(password, crane, "auth", "login", host, "--username", "AWS", "--password-stdin")
		d.must(password, oras, "login", "--plain-http", "--username", "AWS", "--password-stdin", host)
		d.must("", regctl, "registry", "set", "--tls", "disabled", host)
		d.must(password, regctl, "registry", "login", host, "--user", "AWS", "--pass-stdin")
	}
	clients := map[string]func(repo, tag string, i image){
		"crane-push": func(repo, tag string, i image) {
			layout := filepath.Join(d.home, repo+"-"+tag)
			writeLayout(t, layout, i)
			d.must("", crane, "push", "--insecure", layout, to+"/"+repo+":"+tag)
		},
		"crane-copy": func(repo, tag string, _ image) {
			d.must("", crane, "copy", "--insecure", from+"/"+repo+":"+tag, to+"/"+repo+":"+tag)
		},
		"regctl": func(repo, tag string, _ image) {
			d.must("", regctl, "image", "copy", from+"/"+repo+":"+tag, to+"/"+repo+":"+tag)
		},
		"oras": func(repo, tag string, _ image) {
			d.must("", oras, "cp", "--from-plain-http", "--to-plain-http", from+"/"+repo+":"+tag, to+"/"+repo+":"+tag)
		},
	}
	images, indexes := map[string]image{}, map[string][]byte{}
	for name := range clients {
		var children []ocispec.Descriptor
		for _, tag := range []string{"cut", "gone", "unlinked", "child"} {
			images[name+":"+tag] = makeImage(name+" "+tag, nil, "")
			children = append(children, images[name+":"+tag].descriptor())
		}
		indexes[name] = makeIndex(children[3], children[0])
		for _, at := range []*server{source, s} {
			at.createRepository(prod, tokyo, name)
			for _, tag := range []string{"cut", "gone", "unlinked", "child"} {
				at.oci(prod, tokyo).mustPush(name, tag, images[name+":"+tag])
			}
			if err := at.oci(prod, tokyo).putManifest(name, "index", ocispec.MediaTypeImageIndex, indexes[name]); err != nil {
				t.Fatal(err)
			}
		}
	}

	if !shared() {
		s.kill(syscall.SIGTERM)
	}
	for name := range clients {
		s.changeObject(images[name+":cut"].layer, func(b []byte) []byte { return b[:len(b)-1] })
		s.changeObject(images[name+":gone"].layer, func([]byte) []byte { return nil })
		s.sql(`DELETE FROM layers WHERE digest = '` + digest.FromBytes(images[name+":unlinked"].layer).String() + `'`)
	}
	s.verify(1, "--repair")
	if !shared() {
		s.start()
	}
	c := follow(s.oci(prod, tokyo))
	for name, push := range clients {
		if a := c.do("DELETE", name+"/manifests/"+images[name+":child"].digest.String(),
			nil); a.status != http.StatusAccepted {
			t.Fatal(a)
		}
		tags := []string{"cut", "gone", "unlinked"}
		if name != "crane-push" { // whose layouts hold one image
			tags = append(tags, "index")
		}
		for _, tag := range tags {
			if err := c.wantAbsent(name, tag); err != nil {
				t.Errorf("HEAD promises what is not there: %v", err)
			}
			if a := c.do("GET", name+"/manifests/"+tag, nil, "Accept", acceptAll); a.status != http.StatusOK {
				t.Errorf("the manifest that is there is answered with %v", a)
			}
		}
		for _, tag := range tags {
			push(name, tag, images[name+":"+tag])
			want := images[name+":"+tag].digest
			if tag == "index" {
				want = digest.FromBytes(indexes[name])
			}
			if err := c.wantPull(name, tag, want); err != nil {
				t.Errorf("%s did not bring %s back: %v", name, tag, err)
			}
		}
	}
	if found, _ := s.verify(1, "--full"); len(found) != 1 ||
		!strings.HasPrefix(found[0].Repository, prod.id+"/"+tokyo+"/crane-push") {
		t.Errorf("in the end verify finds %+v; want the one child that nobody has pushed again", found)
	}
}

// TestPushOntoLostBytes: bytes that are gone or cut short, before anybody has
// noticed, are no reason to throw away what another account brings.
func TestPushOntoLostBytes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	mine, theirs := s.oci(prod, tokyo), s.oci(dev, tokyo)
	s.createRepository(prod, tokyo, "app")
	s.createRepository(dev, tokyo, "app")
	for name, change := range map[string]func([]byte) []byte{
		"cut":   func(b []byte) []byte { return b[:len(b)/2] },
		"empty": func([]byte) []byte { return []byte{} },
		"gone":  func([]byte) []byte { return nil },
	} {
		i := makeImage(name, nil, "")
		mine.mustPush("app", name, i)
		s.changeObject(i.layer, change)
		path := "app/blobs/" + digest.FromBytes(i.layer).String()
		if a := mine.do("HEAD", path, nil); a.status != http.StatusNotFound {
			t.Errorf("%s: HEAD says %d", name, a.status)
		}
		if a := follow(mine).do("GET", path, nil); a.status != http.StatusNotFound {
			t.Errorf("%s: GET says %d", name, a.status)
		}
		if a := mine.do("HEAD", path, nil); a.status != http.StatusNotFound {
			t.Errorf("%s: HEAD says %d", name, a.status)
		}
		theirs.mustPush("app", name, i)
		for _, c := range []*ociClient{follow(mine), follow(theirs)} {
			if err := c.wantPull("app", name, i.digest); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	found, _ := s.verify(0, "--full")
	wantFindings(t, found)
}
