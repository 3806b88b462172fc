package source_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/source"
)

var app = resource.Repository{
	Registry: resource.Registry{Account: "111122223333", Region: "us-east-1"}, Name: "team/app",
}

// elsewhere is a registry, go-containerregistry's, with an image in a repository.
type elsewhere struct {
	*httptest.Server
	manifest, layer []byte
	wrong           string // the beginning of paths at which it answers something else
}

func newElsewhere(t *testing.T, repository string) *elsewhere {
	t.Helper()
	e := &elsewhere{}
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e.wrong != "" && strings.HasPrefix(r.URL.Path, e.wrong) {
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			_, _ = io.WriteString(w, "something else")
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(e.Close)
	image, err := random.Image(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(strings.TrimPrefix(e.URL, "http://")+"/"+repository+":1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	if e.manifest, err = image.RawManifest(); err != nil {
		t.Fatal(err)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	content, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if e.layer, err = io.ReadAll(content); err != nil {
		t.Fatal(err)
	}
	return e
}

func open(t *testing.T, url string, maxManifest int) *source.Remote {
	t.Helper()
	r, err := source.OpenRemote(url, authn.DefaultKeychain, maxManifest)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// readBlob reads a blob as whoever stores it does, and counts the places.
func readBlob(ctx context.Context, s source.Source, d digest.Digest) (got []byte, places int, err error) {
	err = s.Blob(ctx, app, d, func(content io.Reader) error {
		places++
		read, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		if digest.FromBytes(read) != d {
			return errors.New("wrong bytes")
		}
		got = read
		return nil
	})
	return got, places, err
}

// TestRemote reads an image from a registry of others, wherever that has it.
func TestRemote(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ repository, path string }{
		{"team/app", ""},
		{"111122223333/us-east-1/team/app", ""},
		{"copies/team/app", "/copies/"},
		{"of-111122223333/us-east-1/team/app", "/of-{account}/{region}"},
	} {
		t.Run(c.repository, func(t *testing.T) {
			t.Parallel()
			e := newElsewhere(t, c.repository)
			s := open(t, e.URL+c.path, 4<<20)
			if got, err := s.Manifest(t.Context(), app, digest.FromBytes(e.manifest)); err != nil ||
				!bytes.Equal(got, e.manifest) {
				t.Errorf("Manifest: %q, %v", got, err)
			}
			if got, _, err := readBlob(t.Context(), s, digest.FromBytes(e.layer)); err != nil ||
				!bytes.Equal(got, e.layer) {
				t.Errorf("Blob: %d bytes, %v", len(got), err)
			}
			unknown := digest.FromString("unknown")
			if _, err := s.Manifest(t.Context(), app, unknown); err == nil {
				t.Error("Manifest of an unknown digest: no error")
			}
			if _, places, err := readBlob(t.Context(), s, unknown); err == nil || places != 0 {
				t.Errorf("Blob of an unknown digest: %v, from %d places", err, places)
			}
			left, leave := context.WithCancel(t.Context())
			leave()
			if _, err := s.Manifest(left, app, digest.FromBytes(e.manifest)); !errors.Is(err, context.Canceled) {
				t.Errorf("Manifest for nobody: %v", err)
			}
		})
	}
}

// TestRemoteWithWrongBytes: where they do not have the digest, the next place is
// tried, and nothing wrong is handed out.
func TestRemoteWithWrongBytes(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, "team/app")
	e.wrong = "/v2/111122223333/"
	s := open(t, e.URL, 4<<20)
	if got, err := s.Manifest(t.Context(), app, digest.FromBytes(e.manifest)); err != nil ||
		!bytes.Equal(got, e.manifest) {
		t.Errorf("Manifest: %q, %v", got, err)
	}
	if got, places, err := readBlob(t.Context(), s, digest.FromBytes(e.layer)); err != nil ||
		!bytes.Equal(got, e.layer) || places != 2 {
		t.Errorf("Blob: %d bytes from %d places, %v", len(got), places, err)
	}
	s = open(t, e.URL+"/{account}", 4<<20)
	if got, err := s.Manifest(t.Context(), app, digest.FromBytes(e.manifest)); err == nil {
		t.Errorf("Manifest: %q", got)
	}
	if got, _, err := readBlob(t.Context(), s, digest.FromBytes(e.layer)); err == nil {
		t.Errorf("Blob: %q", got)
	}
}

func TestRemoteBoundsManifests(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, "team/app")
	d := digest.FromBytes(e.manifest)
	if _, err := open(t, e.URL, len(e.manifest)).Manifest(t.Context(), app, d); err != nil {
		t.Error(err)
	}
	if _, err := open(t, e.URL, len(e.manifest)-1).Manifest(t.Context(), app, d); err == nil ||
		!strings.Contains(err.Error(), "more than") {
		t.Errorf("a manifest past the bound: %v", err)
	}
}

func TestOpenRemote(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"https://host", "http://host:5000", "https://host/path", "https://host/{account}/x/"} {
		if s := open(t, good, 1); s.String() == "" {
			t.Errorf("%s has no name", good)
		}
	}
	for _, bad := range []string{
		"", "host", "host:5000", "ftp://host", "https://", "https://host?q=1", "https://host#x", "https://u:secret@host",
	} {
		_, err := source.OpenRemote(bad, authn.DefaultKeychain, 1)
		if err == nil {
			t.Errorf("%q opens", bad)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error shows the password: %v", bad, err)
		}
	}
}
