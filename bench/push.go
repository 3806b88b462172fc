package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	imageConnections = 8 // images pushed or pulled at a time
	imageLayers      = 4
	repository       = "bench/app"
)

// pushBlob uploads a blob as most clients do: POST for a place, PUT with the
// bytes and the digest.
func pushBlob(c *conn, b blob) error {
	e := c.endpoint
	res, err := c.expect(202, e.request("POST", e.path("blobs/uploads/"), "", 0), body{}, nil)
	if err != nil {
		return err
	}
	place, err := uploadPath(res.location)
	if err != nil {
		return err
	}
	_, err = c.expect(201, e.request("PUT", withDigest(place, b.digest), octets, b.body.total), b.body, nil)
	return err
}

// streamBlob uploads a blob as docker does, which does not know the size
// beforehand: POST for a place, PATCH with a chunked body, PUT with the digest.
func streamBlob(c *conn, b blob) error {
	e := c.endpoint
	res, err := c.expect(202, e.request("POST", e.path("blobs/uploads/"), "", 0), body{}, nil)
	if err != nil {
		return err
	}
	place, err := uploadPath(res.location)
	if err != nil {
		return err
	}
	streamed := b.body
	streamed.chunked = true
	if res, err = c.expect(202, e.request("PATCH", place, octets, -1), streamed, nil); err != nil {
		return err
	}
	if place, err = uploadPath(res.location); err != nil {
		return err
	}
	_, err = c.expect(201, e.request("PUT", withDigest(place, b.digest), "", 0), body{}, nil)
	return err
}

const octets = "Content-Type: application/octet-stream\r\n"

func pushImage(c *conn, img image) error {
	for _, b := range img.blobs {
		if err := pushBlob(c, b); err != nil {
			return err
		}
	}
	_, err := c.expect(201, putManifest(c.endpoint, img.tag, img.manifest), body{}, nil)
	return err
}

// putManifest renders a whole PUT, so that it leaves in one write.
func putManifest(e endpoint, tag string, manifest []byte) []byte {
	head := e.request("PUT", e.path("manifests/"+tag), "Content-Type: "+manifestType+"\r\n", int64(len(manifest)))
	return append(head, manifest...)
}

func getManifest(method string, e endpoint, tag string) []byte {
	return e.request(method, e.path("manifests/"+tag), "Accept: "+manifestType+"\r\n", 0)
}

// pullImage reads a manifest by tag and every blob, and checks their sizes.
// Digests are checked only if verify asks for it: hashing in the client would
// take from the servers the cores that they share with it.
func pullImage(c *conn, img image, verify bool) error {
	if _, err := c.expect(200, getManifest("GET", c.endpoint, img.tag), body{}, nil); err != nil {
		return err
	}
	for _, b := range img.blobs {
		if err := pullBlob(c, b, verify); err != nil {
			return err
		}
	}
	return nil
}

func pullBlob(c *conn, b blob, verify bool) error {
	head := c.endpoint.request("GET", c.endpoint.path("blobs/"+b.digest), "", 0)
	if !verify {
		res, err := c.follow(head, nil)
		if err == nil && res.size != b.body.total {
			err = fmt.Errorf("pull %s: %d bytes, want %d", b.digest, res.size, b.body.total)
		}
		return err
	}
	h := sha256.New()
	if _, err := c.follow(head, h); err != nil {
		return err
	}
	if got := digestOf(h); got != b.digest {
		return fmt.Errorf("pull %s: the bytes have digest %s", b.digest, got)
	}
	return nil
}

// each does work once for every image, on n connections, and returns the time
// it took. The connections are open before the clock starts.
func each(ctx context.Context, e endpoint, n int, images []image,
	work func(c *conn, img image) error) (time.Duration, error) {
	var next atomic.Int64
	var began time.Time
	var start sync.Once
	err := parallel(ctx, e, n, func(ctx context.Context, _ int, c *conn) error {
		start.Do(func() { began = time.Now() })
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= len(images) {
				return nil
			}
			if err := work(c, images[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

// measureImages pushes images, then pulls them several times over.
func measureImages(ctx context.Context, b *bench, s *process) ([]figure, error) {
	images := make([]image, b.images)
	var bytes int64
	for i := range images {
		images[i] = b.content.image(fmt.Sprintf("v%d", i), imageLayers, b.layerSize)
		bytes += images[i].size()
	}
	e, err := s.program.open(ctx, s.addr, repository)
	if err != nil {
		return nil, err
	}
	settle()
	before, err := s.usage()
	if err != nil {
		return nil, err
	}
	took, err := each(ctx, e, imageConnections, images, pushImage)
	if err != nil {
		return nil, err
	}
	figures := []figure{{"push", "MB/s", float64(bytes) / 1e6 / took.Seconds()}}
	cost, err := s.spent(before, "push: ", len(images))
	if err != nil {
		return nil, err
	}
	figures = append(figures, cost...)
	if figures, err = withPeak(figures, "push peak memory", s); err != nil {
		return nil, err
	}
	settle()
	if _, err := each(ctx, e, imageConnections, images[:1], func(c *conn, img image) error {
		return pullImage(c, img, true)
	}); err != nil {
		return nil, err
	}
	var pulls []image
	for range b.pullPasses {
		pulls = append(pulls, images...)
	}
	if before, err = s.usage(); err != nil {
		return nil, err
	}
	took, err = each(ctx, e, imageConnections, pulls, func(c *conn, img image) error { return pullImage(c, img, false) })
	if err != nil {
		return nil, err
	}
	figures = append(figures, figure{"pull", "MB/s", float64(bytes) * float64(b.pullPasses) / 1e6 / took.Seconds()})
	if cost, err = s.spent(before, "pull: ", len(pulls)); err != nil {
		return nil, err
	}
	figures = append(figures, cost...)
	return withPeak(figures, "pull peak memory", s)
}

// yardstickImages is http.ServeFile of a file as large as an image, as often
// as measureImages pulls images of the default size.
func yardstickImages(ctx context.Context, b *bench, s *process) ([]figure, error) {
	e, err := s.program.open(ctx, s.addr, repository)
	if err != nil {
		return nil, err
	}
	head := e.request("GET", "/file", "", 0)
	files := make([]image, b.images*b.pullPasses)
	took, err := each(ctx, e, imageConnections, files, func(c *conn, _ image) error {
		_, err := c.expect(200, head, body{}, nil)
		return err
	})
	return []figure{{"pull", "MB/s", fileSize * float64(len(files)) / 1e6 / took.Seconds()}}, err
}

// measureBig pushes one large layer, streamed, and pulls it again.
func measureBig(ctx context.Context, b *bench, s *process) ([]figure, error) {
	layer := b.content.blob(b.bigSize)
	e, err := s.program.open(ctx, s.addr, repository)
	if err != nil {
		return nil, err
	}
	c := newConn(ctx, e)
	defer c.close()
	if err := c.dial(); err != nil {
		return nil, err
	}
	settle()
	began := time.Now()
	if err := streamBlob(c, layer); err != nil {
		return nil, err
	}
	figures := []figure{{"up", "MB/s", float64(b.bigSize) / 1e6 / time.Since(began).Seconds()}}
	if figures, err = withPeak(figures, "up peak memory", s); err != nil {
		return nil, err
	}
	settle()
	began = time.Now()
	if err := pullBlob(c, layer, false); err != nil {
		return nil, err
	}
	figures = append(figures, figure{"down", "MB/s", float64(b.bigSize) / 1e6 / time.Since(began).Seconds()})
	if figures, err = withPeak(figures, "peak memory", s); err != nil {
		return nil, err
	}
	return figures, pullBlob(c, layer, true)
}

func yardstickBig(ctx context.Context, b *bench, _ *process) ([]figure, error) {
	return runWriteYardstick(ctx, b)
}

// withPeak appends the process's peak memory so far.
func withPeak(figures []figure, name string, s *process) ([]figure, error) {
	_, peak, err := s.memory()
	return append(figures, figure{name, "MiB", peak}), err
}
