package test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestLargeLayer streams a layer of 256 MiB up, without saying how long it
// is, and down again. The server's memory must not grow with it.
func TestLargeLayer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.createRepository(prod, tokyo, "app")
	c := s.oci(prod, tokyo)
	c.mustPush("app", "1", makeImage("small", nil, ""))
	const size = 256 << 20
	// Each call gives the same bytes anew.
	content := func() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), size) }
	sum := sha256.New()
	if _, err := io.Copy(sum, content()); err != nil {
		t.Fatal(err)
	}
	d := "sha256:" + hex.EncodeToString(sum.Sum(nil))

	before := s.peakMemory()
	target, err := c.startUpload("app")
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.send("PATCH", target, content(), "Content-Type", "application/octet-stream")
	if err != nil || a.status != http.StatusAccepted || a.header.Get("Range") != fmt.Sprintf("0-%d", size-1) {
		t.Fatalf("streaming: %v, Range %q, %v", a, a.header.Get("Range"), err)
	}
	if target, err = c.target(a.header.Get("Location")); err != nil {
		t.Fatal(err)
	}
	a, err = c.send("PUT", withQuery(target, "digest", d), nil)
	if err != nil || a.status != http.StatusCreated {
		t.Fatalf("completing: %v, %v", a, err)
	}

	req, err := http.NewRequest("GET", "http://"+c.host+"/v2/app/blobs/"+d, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(c.user, c.password)
	res, err := s.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	sum.Reset()
	if n, err := io.Copy(sum, res.Body); err != nil || n != size || "sha256:"+hex.EncodeToString(sum.Sum(nil)) != d {
		t.Errorf("the layer comes back with %d bytes, %v", n, err)
	}
	limit := 96 << 20
	if shared() && raceEnabled {
		limit *= 2 // parts on their way to the bucket, and what the race detector knows of them
	}
	if grown := s.peakMemory() - before; grown > limit {
		t.Errorf("a layer of 256 MiB has made the server grow by %d MiB", grown>>20)
	}
}

// peakMemory is the most memory the server has had, in bytes.
func (s *server) peakMemory() int {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	var kilobytes int
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		s.t.Fatal(err)
	}
	return kilobytes << 10
}
