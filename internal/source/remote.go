package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/resource"
)

// Remote is another registry, which is spoken to by the OCI distribution
// protocol. It is a Source.
type Remote struct {
	url         *url.URL
	puller      *remote.Puller
	maxManifest int
}

// OpenRemote reads the URL of a registry: http://host:port or https://host,
// perhaps with a path to put before the names of repositories, in which
// {account} and {region} stand for those of the repository. Without a path,
// both <account>/<region>/<repository>, as another Twinport has it, and
// <repository> are tried. Manifests of more than maxManifest bytes are errors.
func OpenRemote(raw string, login authn.Keychain, maxManifest int) (*Remote, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" ||
		u.Fragment != "" {
		return nil, errors.New("it must look like https://host, http://host:port or https://host/path")
	}
	if u.User != nil {
		return nil, errors.New("it must not hold a password: log in with docker login, or give --username and " +
			"--password-stdin")
	}
	puller, err := remote.NewPuller(remote.WithAuthFromKeychain(login), remote.WithUserAgent("twinport"))
	if err != nil {
		return nil, err
	}
	return &Remote{url: u, puller: puller, maxManifest: maxManifest}, nil
}

// String is the registry's URL.
func (r *Remote) String() string { return r.url.String() }

// references are where the registry may have what a repository has.
func (r *Remote) references(of resource.Repository, d digest.Digest) ([]name.Digest, error) {
	var options []name.Option
	if r.url.Scheme == "http" {
		options = append(options, name.Insecure)
	}
	var refs []name.Digest
	path := strings.Trim(r.url.Path, "/")
	paths := []string{path}
	if path == "" {
		paths = []string{"{account}/{region}", ""}
	}
	for _, p := range paths {
		p = strings.NewReplacer("{account}", of.Registry.Account, "{region}", of.Registry.Region).Replace(p)
		if p != "" {
			p += "/"
		}
		ref, err := name.NewDigest(r.url.Host+"/"+p+of.Name+"@"+d.String(), options...)
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// Blob implements Source.
func (r *Remote) Blob(ctx context.Context, of resource.Repository, d digest.Digest,
	read func(content io.Reader) error) error {
	refs, err := r.references(of, d)
	if err != nil {
		return err
	}
	var errs []error
	for _, ref := range refs {
		content, err := r.open(ctx, ref)
		if err == nil {
			err = read(content)
			content.Close()
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		errs = append(errs, fmt.Errorf("fetch the layer %s: %w", ref, err))
	}
	return errors.Join(errs...)
}

func (r *Remote) open(ctx context.Context, ref name.Digest) (io.ReadCloser, error) {
	layer, err := r.puller.Layer(ctx, ref)
	if err != nil {
		return nil, err
	}
	return layer.Compressed()
}

// Manifest implements Source.
func (r *Remote) Manifest(ctx context.Context, of resource.Repository, d digest.Digest) ([]byte, error) {
	refs, err := r.references(of, d)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, ref := range refs {
		got, err := r.puller.Get(ctx, ref)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil && len(got.Manifest) > r.maxManifest:
			err = fmt.Errorf("it has more than %d bytes", r.maxManifest)
		case err == nil && d.Algorithm().FromBytes(got.Manifest) != d:
			err = errors.New("what came has another digest")
		case err == nil:
			return got.Manifest, nil
		}
		errs = append(errs, fmt.Errorf("fetch the manifest %s: %w", ref, err))
	}
	return nil, errors.Join(errs...)
}
