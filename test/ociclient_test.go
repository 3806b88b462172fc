package test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ociClient speaks the OCI distribution protocol to one registry, plainly
// enough to send what no well-behaved client would.
type ociClient struct {
	t    *testing.T
	http *http.Client
	host string // Host header and, through the client's dialer, where to go
	// prefix stands between /v2/ and the repository where the registry is
	// named by the path; empty or ending in a slash.
	prefix   string
	user     string
	password string
}

// oci returns a client of the registry that is addressed by its host name,
// logged in as its own account.
func (s *server) oci(a account, region string) *ociClient {
	s.t.Helper()
	return s.ociAs(a, a, region)
}

// ociAs is oci with caller's login at owner's registry.
func (s *server) ociAs(caller, owner account, region string) *ociClient {
	s.t.Helper()
	return &ociClient{t: s.t, http: s.http, host: s.host(owner, region), user: "AWS", password: s.password(caller, region)}
}

// password returns what `aws ecr get-login-password` prints.
func (s *server) password(a account, region string) string {
	s.t.Helper()
	return loginOf(s.t, s.ecr(a, region))
}

// loginOf is password for who the client signs as.
func loginOf(t *testing.T, c *ecr.Client) string {
	t.Helper()
	out, err := c.GetAuthorizationToken(context.Background(), &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	login, err := base64.StdEncoding.DecodeString(*out.AuthorizationData[0].AuthorizationToken)
	if err != nil {
		t.Fatal(err)
	}
	user, password, ok := strings.Cut(string(login), ":")
	if !ok || user != "AWS" {
		t.Fatalf("the authorization token is for the user %q, not AWS", user)
	}
	return password
}

// answer is a response read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) String() string {
	return fmt.Sprintf("%d %.500s", a.status, a.body)
}

// code returns the first error code of an OCI error body.
func (a answer) code() string {
	var body struct {
		Errors []struct{ Code, Message string }
	}
	if json.Unmarshal(a.body, &body) != nil || len(body.Errors) == 0 {
		return ""
	}
	return body.Errors[0].Code
}

// send sends a request whose target is everything after the host, so that it
// reaches the server exactly as written. header holds names and values in turn.
func (c *ociClient) send(method, target string, body io.Reader, header ...string) (answer, error) {
	req, err := http.NewRequest(method, "http://"+c.host, body)
	if err != nil {
		return answer{}, err
	}
	path, query, _ := strings.Cut(target, "?")
	req.URL = &url.URL{Scheme: "http", Host: c.host, Opaque: path, RawQuery: query}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Content-Length" {
			fmt.Sscan(header[i+1], &req.ContentLength)
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	if c.password != "" {
		req.SetBasicAuth(c.user, c.password)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, data}, err
}

// do is send for a path below /v2/ of the client's registry.
func (c *ociClient) do(method, path string, body []byte, header ...string) answer {
	c.t.Helper()
	a, err := c.send(method, "/v2/"+c.prefix+path, bytes.NewReader(body), header...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// want fails the test unless the answer has the status and, if given, the OCI
// error code.
func (c *ociClient) want(a answer, status int, code string) answer {
	c.t.Helper()
	if a.status != status || (code != "" && a.code() != code) {
		c.t.Errorf("got %v, want %d %s", a, status, code)
	}
	return a
}

// startUpload opens an upload session and returns the target to go on with.
func (c *ociClient) startUpload(repo string) (string, error) {
	a, err := c.send("POST", "/v2/"+c.prefix+repo+"/blobs/uploads/", nil)
	if err != nil {
		return "", err
	}
	if a.status != http.StatusAccepted {
		return "", fmt.Errorf("starting an upload: %w", &statusError{a})
	}
	return c.target(a.header.Get("Location"))
}

// target reduces a Location, absolute or not, to what follows the host.
func (c *ociClient) target(location string) (string, error) {
	u, err := url.Parse(location)
	if err != nil || location == "" {
		return "", fmt.Errorf("no usable Location: %q", location)
	}
	return u.RequestURI(), nil
}

// withQuery adds a parameter to a target.
func withQuery(target, key, value string) string {
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	return target + separator + key + "=" + url.QueryEscape(value)
}

// putBlob uploads data, by a POST and a PUT.
func (c *ociClient) putBlob(repo string, data []byte) (digest.Digest, error) {
	d := digest.FromBytes(data)
	target, err := c.startUpload(repo)
	if err != nil {
		return "", err
	}
	a, err := c.send("PUT", withQuery(target, "digest", d.String()), bytes.NewReader(data), "Content-Type",
		"application/octet-stream")
	if err != nil {
		return "", err
	}
	if a.status != http.StatusCreated {
		return "", fmt.Errorf("uploading blob %s: %w", d, &statusError{a})
	}
	return d, nil
}

// putManifest puts a manifest under a tag or digest.
func (c *ociClient) putManifest(repo, ref, mediaType string, data []byte) error {
	a, err := c.send("PUT", "/v2/"+c.prefix+repo+"/manifests/"+ref, bytes.NewReader(data), "Content-Type", mediaType)
	if err != nil {
		return err
	}
	if a.status != http.StatusCreated {
		return fmt.Errorf("putting manifest %s:%s: %w", repo, ref, &statusError{a})
	}
	return nil
}

// image is a small image: a config, and a layer that holds its seed.
type image struct {
	manifest      []byte
	digest        digest.Digest
	config, layer []byte
}

// makeImage returns an image whose content depends on the seed only. subject,
// if not nil, makes it a referrer of the artifact type.
func makeImage(seed string, subject *ocispec.Descriptor, artifactType string) image {
	config := []byte(
		fmt.Sprintf(
			`{"architecture":"amd64","os":"linux","created":"2026-01-01T00:00:00Z","author":%q,"rootfs":{"type":"layers","diff_ids":[]}}`, seed))
	layer := []byte("the layer of " + seed)
	manifest := ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: artifactType,
		Config:       descriptor(ocispec.MediaTypeImageConfig, config),
		Layers:       []ocispec.Descriptor{descriptor(ocispec.MediaTypeImageLayerGzip, layer)},
		Subject:      subject,
	}
	data := mustJSON(manifest)
	return image{data, digest.FromBytes(data), config, layer}
}

func (i image) descriptor() ocispec.Descriptor {
	return descriptor(ocispec.MediaTypeImageManifest, i.manifest)
}

func descriptor(mediaType string, data []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
}

// makeIndex returns an index of the children.
func makeIndex(children ...ocispec.Descriptor) []byte {
	return mustJSON(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: children,
	})
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// push uploads an image's blobs and puts its manifest under the reference, or
// under its digest if ref is empty.
func (c *ociClient) push(repo, ref string, i image) error {
	for _, blob := range [][]byte{i.config, i.layer} {
		if _, err := c.putBlob(repo, blob); err != nil {
			return err
		}
	}
	if ref == "" {
		ref = i.digest.String()
	}
	return c.putManifest(repo, ref, ocispec.MediaTypeImageManifest, i.manifest)
}

func (c *ociClient) mustPush(repo, ref string, i image) {
	c.t.Helper()
	if err := c.push(repo, ref, i); err != nil {
		c.t.Fatal(err)
	}
}

const acceptAll = ocispec.MediaTypeImageManifest + ", " + ocispec.MediaTypeImageIndex

// pull reads the manifest and everything it names, checks each digest, and
// returns the manifest's digest.
func (c *ociClient) pull(repo, ref string) (digest.Digest, error) {
	a, err := c.send("GET", "/v2/"+c.prefix+repo+"/manifests/"+ref, nil, "Accept", acceptAll)
	if err != nil {
		return "", err
	}
	if a.status != http.StatusOK {
		return "", fmt.Errorf("pulling %s %s: %w", repo, ref, &statusError{a})
	}
	d := digest.FromBytes(a.body)
	if got := a.header.Get("Docker-Content-Digest"); got != d.String() {
		return "", fmt.Errorf("pulling %s %s: Docker-Content-Digest is %q, the content has %s", repo, ref, got, d)
	}
	if strings.Contains(ref, ":") && ref != d.String() {
		return "", fmt.Errorf("pulling %s %s gave %s", repo, ref, d)
	}
	var m struct {
		Manifests []ocispec.Descriptor
		Config    *ocispec.Descriptor
		Layers    []ocispec.Descriptor
	}
	if err := json.Unmarshal(a.body, &m); err != nil {
		return "", err
	}
	for _, child := range m.Manifests {
		if _, err := c.pull(repo, child.Digest.String()); err != nil {
			return "", fmt.Errorf("child of %s: %w", ref, err)
		}
	}
	if m.Config != nil {
		m.Layers = append(m.Layers, *m.Config)
	}
	for _, layer := range m.Layers {
		a, err := c.send("GET", "/v2/"+c.prefix+repo+"/blobs/"+layer.Digest.String(), nil)
		if err != nil {
			return "", err
		}
		if a.status != http.StatusOK || digest.FromBytes(a.body) != layer.Digest {
			return "", fmt.Errorf("blob %s of %s: %w", layer.Digest, ref, &statusError{a})
		}
	}
	return d, nil
}

// wantPull checks that the reference can be pulled whole and is the digest.
func (c *ociClient) wantPull(repo, ref string, want digest.Digest) error {
	got, err := c.pull(repo, ref)
	if err == nil && got != want {
		err = fmt.Errorf("%s %s is %s, want %s", repo, ref, got, want)
	}
	return err
}

// wantAbsent checks that the manifest is answered with 404.
func (c *ociClient) wantAbsent(repo, ref string) error {
	a, err := c.send("HEAD", "/v2/"+c.prefix+repo+"/manifests/"+ref, nil, "Accept", acceptAll)
	if err == nil && a.status != http.StatusNotFound {
		err = fmt.Errorf("%s %s: %w, want 404", repo, ref, &statusError{a})
	}
	return err
}

// statusError is an answer that was not the one wanted.
type statusError struct{ answer answer }

func (e *statusError) Error() string { return e.answer.String() }
