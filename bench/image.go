package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"
)

// blob is content with its digest, computed before anything is timed.
type blob struct {
	digest string
	body   body
}

// image is a manifest and the blobs that it names.
type image struct {
	tag      string
	manifest []byte
	blobs    []blob // config first
}

// content makes blobs that no two calls make alike, all of them windows into
// one block of random bytes, so that no test waits for random numbers and
// thousands of layers fit in memory.
type content struct {
	random []byte
	next   int
}

const contentSize = 64 << 20

func newContent() *content {
	c := &content{random: make([]byte, contentSize)}
	// crypto/rand.Read never fails.
	_, _ = rand.Read(c.random)
	return c
}

// blob returns total random bytes; above half of contentSize they repeat.
func (c *content) blob(total int64) blob {
	// The step is odd, so that no window of an earlier round comes again within
	// millions of calls, and small, so that windows begin in fresh bytes.
	c.next = (c.next + 4097) % (contentSize / 2)
	data := c.random[c.next : c.next+int(min(total, contentSize/2))]
	b := body{data: data, total: total}
	h := sha256.New()
	_ = b.writeTo(h) // a hash never fails to be written to
	return blob{digest: digestOf(h), body: b}
}

func digestOf(h hash.Hash) string { return "sha256:" + hex.EncodeToString(h.Sum(nil)) }

func digestOfBytes(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func literal(s string) blob {
	h := sha256.New()
	_, _ = io.WriteString(h, s)
	return blob{digest: digestOf(h), body: body{data: []byte(s), total: int64(len(s))}}
}

const manifestType = "application/vnd.oci.image.manifest.v1+json"

// image makes an image of layers random layers of size bytes each. Layers in
// shared are put below them.
func (c *content) image(tag string, layers int, size int64, shared ...blob) image {
	config := literal(fmt.Sprintf(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"author":%q}`,
		c.blob(64).digest))
	img := image{tag: tag, blobs: append([]blob{config}, shared...)}
	for range layers {
		img.blobs = append(img.blobs, c.blob(size))
	}
	img.manifest = img.manifestNote("")
	return img
}

// digest of the manifest.
func (img image) digest() string { return digestOfBytes(img.manifest) }

// manifestNote renders the image's manifest with an annotation, which makes
// it another manifest, with another digest, of the same size for a note of
// the same length.
func (img image) manifestNote(note string) []byte {
	var layers []string
	for _, l := range img.blobs[1:] {
		layers = append(
			layers, fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":%q,"size":%d}`, l.digest,
				l.body.total))
	}
	config := img.blobs[0]
	return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[%s],"annotations":{"org.opencontainers.image.version":%q}}`,
		manifestType, config.digest, config.body.total, strings.Join(layers, ","), note)
}

// size of the image in bytes, without its manifest.
func (img image) size() int64 {
	var n int64
	for _, b := range img.blobs {
		n += b.body.total
	}
	return n
}
