package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestRoundTrip(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 100_000)
	var received int64
	var encoding []string
	mux := http.NewServeMux()
	mux.HandleFunc("/sized", func(w http.ResponseWriter, _ *http.Request) {
		http.ServeContent(w, &http.Request{
			Method: "GET", Header: http.Header{},
		}, "x.bin", testStart, strings.NewReader(large))
	})
	mux.HandleFunc("/chunked", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, large[:100])
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, large[100:])
	})
	mux.HandleFunc("/closing", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, "bye")
	})
	mux.HandleFunc("/upload", func(w http.ResponseWriter, r *http.Request) {
		received, _ = io.Copy(io.Discard, r.Body)
		encoding = r.TransferEncoding
		w.Header().Set("Location", "http://elsewhere/v2/x?state=1")
		w.WriteHeader(http.StatusCreated)
	})
	mux.HandleFunc("/refuse", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no room", http.StatusInsufficientStorage)
	})
	mux.HandleFunc("/authorised", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Basic eDp5" || r.Host != "registry.example" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	e := endpoint{addr: server.Listener.Addr().String(), host: "registry.example", auth: "Basic eDp5"}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c := newConn(ctx, e)
	defer c.close()

	data := []byte(large)
	for _, step := range []struct {
		name, method, path string
		body               body
		status             int
		size, received     int64
		location, problem  string
	}{
		{name: "sized", method: "GET", path: "/sized", status: 200, size: int64(len(large))},
		{name: "head", method: "HEAD", path: "/sized", status: 200, size: int64(len(large))},
		{name: "chunked answer", method: "GET", path: "/chunked", status: 200, size: int64(len(large))},
		{name: "again on the same connection", method: "GET", path: "/chunked", status: 200, size: int64(len(large))},
		{name: "closing", method: "GET", path: "/closing", status: 200, size: 3},
		{name: "dials again", method: "GET", path: "/closing", status: 200, size: 3},
		{name: "sized upload, data repeated", method: "PUT", path: "/upload", body: body{data: data, total: 5_000_001},
			status: 201, received: 5_000_001, location: "http://elsewhere/v2/x?state=1"},
		{name: "streamed upload", method: "PATCH", path: "/upload", body: body{data: data, total: 5_000_001, chunked: true},
			status: 201, received: 5_000_001, location: "http://elsewhere/v2/x?state=1"},
		{name: "refused before the body is read", method: "PUT", path: "/refuse", body: body{data: data, total: 64 << 20},
			status: 507, size: 8, problem: "no room\n"},
		{name: "authorised", method: "GET", path: "/authorised", status: 200},
	} {
		length := step.body.total
		if step.body.chunked {
			length = -1
		}
		received, encoding = 0, nil
		res, err := c.roundTrip(e.request(step.method, step.path, "", length), step.body, nil)
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if res.status != step.status || res.size != step.size || res.location != step.location ||
			res.problem != step.problem {
			t.Errorf("%s: got %+v, want %+v", step.name, res, step)
		}
		if received != step.received {
			t.Errorf("%s: the server received %d bytes, want %d", step.name, received, step.received)
		}
		if streamed := len(encoding) > 0; streamed != step.body.chunked {
			t.Errorf("%s: Transfer-Encoding is %q", step.name, encoding)
		}
	}

	var got bytes.Buffer
	if _, err := c.expect(200, e.request("GET", "/sized", "", 0), body{}, &got); err != nil || got.String() != large {
		t.Errorf("the sink received %d bytes, want %d; %v", got.Len(), len(large), err)
	}
	if _, err := c.expect(200, e.request("GET", "/refuse", "", 0), body{}, nil); err == nil ||
		!strings.Contains(err.Error(), "no room") {
		t.Errorf("an unexpected status gave %v, want an error with the answer's text", err)
	}
}

func TestUploadPath(t *testing.T) {
	for location, want := range map[string]string{
		"/v2/a/blobs/uploads/1":                  "/v2/a/blobs/uploads/1?digest=sha256%3Aab",
		"http://host:1/v2/a/blobs/uploads/1?s=2": "/v2/a/blobs/uploads/1?s=2&digest=sha256%3Aab",
	} {
		path, err := uploadPath(location)
		if got := withDigest(path, "sha256:ab"); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", location, got, err, want)
		}
	}
	if path, err := uploadPath(""); err == nil {
		t.Errorf("an empty Location gave %q", path)
	}
}

func TestContent(t *testing.T) {
	c := newContent()
	seen := map[string]bool{}
	for _, size := range []int64{1, 1 << 10, 1 << 10, 8 << 20, 8 << 20, contentSize + 1} {
		b := c.blob(size)
		h := sha256.New()
		if err := b.body.writeTo(h); err != nil || b.body.total != size || digestOf(h) != b.digest {
			t.Errorf("a blob of %d bytes does not match its digest", size)
		}
		if seen[b.digest] {
			t.Errorf("a blob of %d bytes came twice", size)
		}
		seen[b.digest] = true
	}
	img := c.image("t", 2, 10)
	if one, two := img.manifestNote("a1"), img.manifestNote("a2"); bytes.Equal(one, two) || len(one) != len(two) {
		t.Errorf("two notes of one length give manifests %s and %s", one, two)
	}
}
