package cli

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// imageClient pushes and pulls images as users do.
type imageClient interface {
	// push pushes the image under the demo's tag and returns its digest, and
	// when the push was answered.
	push(ctx context.Context, t *tenant, image *demoImage) (digest string, answered time.Time, err error)
	// pull pulls the demo's tag, which must be the image with the digest, and
	// says what was found right, a line for each.
	pull(ctx context.Context, t *tenant, image *demoImage, digest string) (found []string, err error)
	// close removes what the client has left on this machine.
	close()
}

// builtinClient is go-containerregistry, the library behind crane. It needs
// nothing on the machine.
type builtinClient struct{}

func (*builtinClient) close() {}

func (*builtinClient) connect(ctx context.Context, t *tenant) (name.Tag, []remote.Option, error) {
	tag, err := name.NewTag(t.reference())
	if err != nil {
		return name.Tag{}, nil, fmt.Errorf("name the image: %w", err)
	}
	password, err := t.login(ctx)
	if err != nil {
		return name.Tag{}, nil, err
	}
	return tag, []remote.Option{
		remote.WithContext(ctx), remote.WithAuth(&authn.Basic{Username: "AWS", Password: password}), remote.WithJobs(1),
	}, nil
}

func (c *builtinClient) push(ctx context.Context, t *tenant,
	image *demoImage) (digest string, answered time.Time, err error) {
	tag, options, err := c.connect(ctx, t)
	if err != nil {
		return "", time.Time{}, err
	}
	if err := remote.WriteIndex(tag, image.index, options...); err != nil {
		return "", time.Time{}, fmt.Errorf("push %s: %w", tag, err)
	}
	answered = time.Now()
	hash, err := image.index.Digest()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("push %s: %w", tag, err)
	}
	return hash.String(), answered, nil
}

func (c *builtinClient) pull(ctx context.Context, t *tenant, image *demoImage, digest string) ([]string, error) {
	tag, options, err := c.connect(ctx, t)
	if err != nil {
		return nil, err
	}
	found, err := pullAndCheck(tag, options, image, digest)
	if err != nil {
		return nil, fmt.Errorf("pull %s: %w", tag, err)
	}
	return found, nil
}

// pullAndCheck pulls everything. The library compares the digest of all that
// it reads, layers included.
func pullAndCheck(tag name.Tag, options []remote.Option, image *demoImage, digest string) ([]string, error) {
	index, err := remote.Index(tag, options...)
	if err != nil {
		return nil, err
	}
	got, err := index.Digest()
	if err != nil {
		return nil, err
	}
	if got.String() != digest {
		return nil, fmt.Errorf("the digest is %s, want %s", got, digest)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Manifests) != 1 {
		return nil, fmt.Errorf("the index has %d children, want 1", len(manifest.Manifests))
	}
	child, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		return nil, err
	}
	config, err := child.ConfigFile()
	if err != nil {
		return nil, err
	}
	if release := config.Config.Labels[releaseLabel]; release != strconv.Itoa(image.release) {
		return nil, fmt.Errorf("it is release %q, want %d", release, image.release)
	}
	layers, err := child.Layers()
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, layer := range layers {
		if err := hashFiles(layer, files); err != nil {
			return nil, err
		}
	}
	if files[binaryPath] != image.binary.sha256 {
		return nil, fmt.Errorf("the program in it has the SHA-256 %q, want %s", files[binaryPath], image.binary.sha256)
	}
	return []string{
		"the digest is what prod pushed: " + digest,
		fmt.Sprintf("the content too: release %d, %d layers, and the program in it is this one, byte for byte", image.release,
			len(layers)),
	}, nil
}

// hashFiles reads a layer to its end and adds the SHA-256 of its files.
func hashFiles(layer v1.Layer, files map[string]string) (err error) {
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	archive := tar.NewReader(content)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			// The digest is compared at the very end.
			_, err = io.Copy(io.Discard, content)
			return err
		}
		if err != nil {
			return err
		}
		hash := sha256.New()
		if _, err := io.Copy(hash, archive); err != nil {
			return err
		}
		files[header.Name] = hex.EncodeToString(hash.Sum(nil))
	}
}
