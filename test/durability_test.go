package test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestKill ends the server with kill -9 in the middle of pushes, again and
// again. Every push that was acknowledged is whole afterwards, and every
// replication ends.
func TestKill(t *testing.T) {
	t.Parallel()
	s, source, target := replicating(t)
	s.createRepository(prod, tokyo, "app")

	type push struct {
		tag    string
		digest digest.Digest
	}
	var acknowledged []push
	var mu sync.Mutex
	for round := range 4 {
		var clients sync.WaitGroup
		for client := range 8 {
			clients.Go(func() {
				for i := 0; ; i++ {
					tag := fmt.Sprintf("r%d-c%d-%d", round, client, i)
					image := makeImage(tag, nil, "")
					ref, mediaType, manifest := tag, ocispec.MediaTypeImageManifest, image.manifest
					if i%3 == 0 { // an index of one child
						if source.push("app", "", image) != nil {
							return
						}
						mediaType, manifest = ocispec.MediaTypeImageIndex, makeIndex(image.descriptor())
					} else {
						for _, blob := range [][]byte{image.config, image.layer} {
							if _, err := source.putBlob("app", blob); err != nil {
								return
							}
						}
					}
					if source.putManifest("app", ref, mediaType, manifest) != nil {
						return
					}
					mu.Lock()
					acknowledged = append(acknowledged, push{tag, digest.FromBytes(manifest)})
					mu.Unlock()
				}
			})
		}
		// The kill comes at any moment once pushes are flowing.
		eventually(t, patience, func() error {
			mu.Lock()
			defer mu.Unlock()
			if n := len(acknowledged); n < 10*(round+1) {
				return fmt.Errorf("%d pushes are acknowledged", n)
			}
			return nil
		})
		time.Sleep(time.Duration(37*round) * time.Millisecond)
		s.kill(syscall.SIGKILL)
		clients.Wait()
		s.http.CloseIdleConnections()
		s.start()
	}
	for _, p := range acknowledged {
		if err := source.wantPull("app", p.tag, p.digest); err != nil {
			t.Errorf("acknowledged, but after the restart: %v", err)
		}
	}
	for _, p := range acknowledged {
		s.wantStatus(prod, tokyo, "app", p.tag, devTokyo, types.ReplicationStatusComplete) // else it says what
		if err := target.wantPull("app", p.tag, p.digest); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d pushes were acknowledged", len(acknowledged))
}

// TestKillDuringUpload: an upload that a kill cut short can be resumed where
// the server says, or is gone; either way no wrong content appears.
func TestKillDuringUpload(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.createRepository(prod, tokyo, "app")
	c := s.oci(prod, tokyo)
	data := make([]byte, 3<<20)
	rand.Read(data)
	target, err := c.startUpload("app")
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.send("PATCH", target, bytes.NewReader(data[:1<<20]), "Content-Type", "application/octet-stream",
		"Content-Range", fmt.Sprintf("0-%d", 1<<20-1))
	if err != nil || a.status != http.StatusAccepted {
		t.Fatalf("the first chunk: %v, %v", a, err)
	}
	s.restart(syscall.SIGKILL)
	a, err = c.send("GET", target, nil)
	if err != nil {
		t.Fatal(err)
	}
	have := 0
	switch a.status {
	case http.StatusNoContent:
		var last int
		if _, err := fmt.Sscanf(a.header.Get("Range"), "0-%d", &last); err != nil {
			t.Fatalf("the Range of the upload is %q", a.header.Get("Range"))
		}
		if have = last + 1; last == 0 {
			have = 0
		}
	case http.StatusNotFound:
		if target, err = c.startUpload("app"); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("the upload after the restart: %v", a)
	}
	d := digest.FromBytes(data)
	a, err = c.send("PUT", withQuery(target, "digest", d.String()), bytes.NewReader(data[have:]), "Content-Type",
		"application/octet-stream")
	if err != nil || a.status != http.StatusCreated {
		t.Fatalf("the rest from %d: %v, %v", have, a, err)
	}
	if a := c.do("GET", "app/blobs/"+d.String(), nil); digest.FromBytes(a.body) != d {
		t.Errorf("the blob has %d bytes, want %d", len(a.body), len(data))
	}
}

// TestTerminate: on SIGTERM requests under way finish, no new ones are taken,
// and the process ends well.
func TestTerminate(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.createRepository(prod, tokyo, "app")
	c := s.oci(prod, tokyo)
	target, err := c.startUpload("app")
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 1<<20)
	rand.Read(data)
	d := digest.FromBytes(data)
	body, writer := io.Pipe()
	type result struct {
		answer answer
		err    error
	}
	finished := make(chan result, 1)
	quiet := s.metric("twinport_http_requests_in_flight")
	go func() {
		a, err := c.send("PUT", withQuery(target, "digest", d.String()), body, "Content-Type", "application/octet-stream",
			"Content-Length", fmt.Sprint(len(data)))
		finished <- result{a, err}
	}()
	if _, err := writer.Write(data[:len(data)/2]); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error { // the kernel takes what the server has not seen
		if s.metric("twinport_http_requests_in_flight") <= quiet {
			return errors.New("the upload has not begun")
		}
		return nil
	})
	s.cmd.Process.Signal(syscall.SIGTERM)
	eventually(t, patience, func() error {
		connection, err := net.Dial("tcp", s.addr)
		if err == nil {
			connection.Close()
			return errors.New("connections are still taken")
		}
		return nil
	})
	if _, err := writer.Write(data[len(data)/2:]); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	if r := <-finished; r.err != nil || r.answer.status != http.StatusCreated {
		t.Errorf("the upload under way ended with %v, %v", r.answer, r.err)
	}
	s.http.CloseIdleConnections()
	select {
	case <-s.exited:
		if s.err != nil {
			t.Errorf("the process ended with %v", s.err)
		}
	case <-time.After(patience):
		t.Error("the process does not end")
	}
	s.start()
	if a := c.do("GET", "app/blobs/"+d.String(), nil); digest.FromBytes(a.body) != d {
		t.Errorf("after the restart the blob is %v", a.status)
	}
}

// TestFullDisk: pushes fail clearly, what was stored stays readable, and the
// server goes on when there is room again.
func TestFullDisk(t *testing.T) {
	embeddedOnly(t, "the disk of the data folder")
	t.Parallel()
	enter, err := enterNamespace()
	if err != nil {
		t.Skipf("left out: a small disk of its own: %v", err)
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	// The disk is a mount that only the server's process sees.
	s := newServerAt(t, dir, data, append(enter, "sh", "-c", `mount -t tmpfs -o size=48m tmpfs "$0" && exec "$@"`,
		data)...)
	disk := filepath.Join("/proc", fmt.Sprint(s.cmd.Process.Pid), "root", data)
	s.createRepository(prod, tokyo, "app")
	c := s.oci(prod, tokyo)
	before := makeImage("before", nil, "")
	c.mustPush("app", "before", before)

	ballast, err := os.Create(filepath.Join(disk, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	fill := func() {
		t.Helper()
		block := make([]byte, 64<<10)
		for {
			if _, err := ballast.Write(block); errors.Is(err, syscall.ENOSPC) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	// One MiB is left for what needs eight; then none is.
	fill()
	if size, err := ballast.Seek(-1<<20, io.SeekEnd); err != nil {
		t.Fatal(err)
	} else if err := ballast.Truncate(size); err != nil {
		t.Fatal(err)
	}
	layer := make([]byte, 8<<20)
	rand.Read(layer)
	d := digest.FromBytes(layer)
	upload := func() answer {
		t.Helper()
		target, err := c.startUpload("app")
		if err != nil {
			var refused *statusError
			if !errors.As(err, &refused) {
				t.Fatal(err)
			}
			return refused.answer
		}
		a, err := c.send("PUT", withQuery(target, "digest", d.String()), bytes.NewReader(layer), "Content-Type",
			"application/octet-stream")
		if err != nil {
			t.Fatalf("on a full disk the connection breaks: %v", err)
		}
		return a
	}
	clear := func(a answer) {
		t.Helper()
		if a.status != http.StatusInsufficientStorage || !bytes.Contains(a.body, []byte(`"errors"`)) ||
			!(bytes.Contains(a.body, []byte("space")) || bytes.Contains(a.body, []byte("full")) ||
				bytes.Contains(a.body, []byte("room"))) {
			t.Errorf("on a full disk a push is answered with %v", a)
		}
	}
	// What a push wrote that did not fit is gone with the refusal.
	held := func(what string) {
		t.Helper()
		files, err := os.ReadDir(filepath.Join(disk, "blobs", "uploads"))
		if err != nil || len(files) > 0 {
			t.Errorf("after %s the disk keeps %v, %v", what, files, err)
		}
	}
	clear(upload())
	held("a PUT")
	target, err := c.startUpload("app")
	if err != nil {
		t.Fatal(err)
	}
	patched, err := c.send("PATCH", target, bytes.NewReader(layer), "Content-Type", "application/octet-stream")
	if err != nil {
		t.Fatal(err)
	}
	clear(patched)
	held("a PATCH")
	if a, err := c.send("GET", target, nil); err != nil || a.status != http.StatusNotFound {
		t.Errorf("the upload that did not fit is answered with %v, %v", a, err)
	}
	started, err := s.ecr(prod, tokyo).InitiateLayerUpload(ctx, &ecr.InitiateLayerUploadInput{
		RepositoryName: aws.String("app"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ecr(prod, tokyo).UploadLayerPart(ctx, &ecr.UploadLayerPartInput{RepositoryName: aws.String("app"),
		UploadId:      started.UploadId,
		PartFirstByte: aws.Int64(0), PartLastByte: aws.Int64(int64(len(layer)) - 1), LayerPartBlob: layer}); err == nil {
		t.Error("without room UploadLayerPart succeeds")
	}
	held("UploadLayerPart")
	fill()
	a, err := c.send("POST", "/v2/app/blobs/uploads/?digest="+d.String(), bytes.NewReader(layer), "Content-Type",
		"application/octet-stream")
	if err != nil {
		t.Fatal(err)
	}
	clear(a)
	held("a POST")
	if a, err := c.send("GET", "/readyz", nil); err != nil || a.status != http.StatusOK {
		t.Errorf("with a full disk /readyz says %v, %v", a, err)
	}
	if started, err := s.ecr(prod, tokyo).InitiateLayerUpload(ctx, &ecr.InitiateLayerUploadInput{
		RepositoryName: aws.String("app"),
	}); err == nil {
		if _, err := s.ecr(prod, tokyo).UploadLayerPart(ctx, &ecr.UploadLayerPartInput{RepositoryName: aws.String("app"),
			UploadId:      started.UploadId,
			PartFirstByte: aws.Int64(0), PartLastByte: aws.Int64(int64(len(layer)) - 1), LayerPartBlob: layer}); err == nil {
			t.Error("on a full disk UploadLayerPart succeeds")
		}
	}
	// Reading goes on, and so do the health checks.
	for range 3 {
		if err := c.wantPull("app", "before", before.digest); err != nil {
			t.Error(err)
		}
	}
	if a := c.do("HEAD", "app/blobs/"+d.String(), nil); a.status != http.StatusNotFound {
		t.Errorf("the layer that did not fit is answered with %d", a.status)
	}

	// Room again: no restart is needed.
	if err := ballast.Truncate(0); err != nil {
		t.Fatal(err)
	}
	if a := upload(); a.status != http.StatusCreated {
		t.Errorf("with room again a push is answered with %v", a)
	}
	after := makeImage("after", nil, "")
	c.mustPush("app", "after", after)
	for tag, image := range map[string]image{"before": before, "after": after} {
		if err := c.wantPull("app", tag, image.digest); err != nil {
			t.Error(err)
		}
	}
}

// TestSecondServer: two processes on one data folder would spoil it.
func TestSecondServer(t *testing.T) {
	embeddedOnly(t, "the data folder")
	t.Parallel()
	s := newServer(t)
	writeFile(t, filepath.Join(s.dir, "second.yaml"), fmt.Sprintf("listen: 127.0.0.1:%s\ndata: %s\nregions: "+
		"[%s]\naccounts:\n  - id: %q\n    name: a\n    access_keys: [{id: %s, secret: %q}]\n",
		freePort(t), s.data, tokyo, prod.id, prod.key, prod.secret))
	out, err := runFor(t, patience, s.dir, "serve", "--config", filepath.Join(s.dir, "second.yaml"))
	if err == nil || !bytes.Contains(out, []byte(s.data)) {
		t.Errorf("a second server on the same data folder: %v\n%s", err, out)
	}
}
