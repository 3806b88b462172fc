package attack

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// client of one tenant, for both protocols.
type client struct {
	p        *program
	tenant   tenant
	http     *http.Client
	ecr      *ecr.Client
	password string
}

// as returns a client of the tenant with connections of its own.
func (p *program) as(a tenant) *client {
	p.t.Helper()
	c := &client{p: p, tenant: a, http: p.client()}
	p.t.Cleanup(c.http.CloseIdleConnections)
	c.ecr = ecr.New(ecr.Options{
		Region: region, BaseEndpoint: aws.String(p.url("")), HTTPClient: c.http, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(a.key, a.secret, ""),
	})
	out, err := c.ecr.GetAuthorizationToken(context.Background(), &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		p.t.Fatal(err)
	}
	login, err := base64.StdEncoding.DecodeString(*out.AuthorizationData[0].AuthorizationToken)
	if err != nil {
		p.t.Fatal(err)
	}
	c.password = strings.TrimPrefix(string(login), "AWS:")
	return c
}

func (c *client) createRepository(name string) {
	c.p.t.Helper()
	if _, err := c.ecr.CreateRepository(context.Background(),
		&ecr.CreateRepositoryInput{RepositoryName: &name}); err != nil {
		c.p.t.Fatal(err)
	}
}

// request of the OCI protocol; header holds names and values in turn.
func (c *client) request(method, path string, body io.Reader, header ...string) *http.Request {
	r, err := http.NewRequest(method, c.p.url("/v2/"+path), body)
	if err != nil {
		c.p.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	r.SetBasicAuth("AWS", c.password)
	return r
}

// ask sends a request and reads the answer.
func (c *client) ask(method, path string, body []byte, header ...string) (int, http.Header, []byte, error) {
	res, err := c.http.Do(c.request(method, path, bytes.NewReader(body), header...))
	if err != nil {
		return 0, nil, nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, answer, err
}

// do is ask for the status, the path of the Location, and the answer.
func (c *client) do(method, path string, body []byte, header ...string) (status int, location string, answer []byte,
	err error) {
	status, h, answer, err := c.ask(method, path, body, header...)
	return status, strings.TrimPrefix(h.Get("Location"), "/v2/"), answer, err
}

// want is do for an answer with one status.
func (c *client) want(want int, method, path string, body []byte, header ...string) (location string, err error) {
	status, location, answer, err := c.do(method, path, body, header...)
	if err == nil && status != want {
		err = fmt.Errorf("%s %.80s: %d %.300s", method, path, status, answer)
	}
	return location, err
}

// putBlob uploads a layer.
func (c *client) putBlob(repo string, data []byte) (ocispec.Descriptor, error) {
	d := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: digest.FromBytes(data), Size: int64(len(data))}
	location, err := c.want(http.StatusAccepted, "POST", repo+"/blobs/uploads/", nil)
	if err == nil {
		_, err = c.want(http.StatusCreated, "PUT", location+"?digest="+d.Digest.String(), data)
	}
	return d, err
}

// manifestOf an image.
func manifestOf(layers []ocispec.Descriptor, adjust func(*ocispec.Manifest)) []byte {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: layers[0],
		Layers: layers,
	}
	if adjust != nil {
		adjust(&m)
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return text
}

func (c *client) putManifest(repo, reference string, manifest []byte) error {
	_, err := c.want(http.StatusCreated, "PUT", repo+"/manifests/"+reference, manifest, "Content-Type",
		ocispec.MediaTypeImageManifest)
	return err
}

// push pushes a small image.
func (c *client) push(repo, tag string) error {
	layer, err := c.putBlob(repo, []byte("a layer of "+tag))
	if err != nil {
		return err
	}
	return c.putManifest(repo, tag, manifestOf([]ocispec.Descriptor{layer}, nil))
}
