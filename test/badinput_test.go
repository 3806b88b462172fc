package test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// runFor runs the binary in the folder, for at most the time.
func runFor(t *testing.T, limit time.Duration, dir string, args ...string) ([]byte, error) {
	t.Helper()
	deadline, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(deadline, binary, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if deadline.Err() != nil {
		t.Fatalf("twinport %s still runs after %v:\n%s", strings.Join(args, " "), limit, out)
	}
	return out, err
}

func TestBadManifests(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.createRepository(prod, tokyo, "app")
	c := s.oci(prod, tokyo)
	good := makeImage("good", nil, "")
	c.mustPush("app", "good", good)
	edit := func(old, new string) []byte {
		out := strings.Replace(string(good.manifest), old, new, 1)
		if out == string(good.manifest) {
			t.Fatalf("the manifest has no %s", old)
		}
		return []byte(out)
	}
	configDigest := digest.FromBytes(good.config).String()
	for name, m := range map[string]struct {
		body      []byte
		mediaType string
		status    int
	}{
		"empty":            {nil, ocispec.MediaTypeImageManifest, 400},
		"no JSON":          {[]byte("<html>"), ocispec.MediaTypeImageManifest, 400},
		"cut off":          {good.manifest[:len(good.manifest)-2], ocispec.MediaTypeImageManifest, 400},
		"more after it":    {append(bytes.Clone(good.manifest), []byte("{}")...), ocispec.MediaTypeImageManifest, 400},
		"an array":         {[]byte("[]"), ocispec.MediaTypeImageManifest, 400},
		"null":             {[]byte("null"), ocispec.MediaTypeImageManifest, 400},
		"another type":     {good.manifest, ocispec.MediaTypeImageIndex, 400},
		"schema version 3": {edit(`"schemaVersion":2`, `"schemaVersion":3`), ocispec.MediaTypeImageManifest, 400},
		"a bad digest":     {edit(configDigest, "sha256:xyz"), ocispec.MediaTypeImageManifest, 400},
		"a path as digest": {edit(configDigest, "../../../../etc/passwd"), ocispec.MediaTypeImageManifest, 400},
		"a negative size":  {edit(`"size":`, `"size":-`), ocispec.MediaTypeImageManifest, 400},
		"deeply nested": {
			[]byte(`{"schemaVersion":2,"x":` + strings.Repeat("[", 200000) + strings.Repeat("]", 200000) + "}"),
			ocispec.MediaTypeImageManifest, 400,
		},
		"a missing layer":  {makeImage("never pushed", nil, "").manifest, ocispec.MediaTypeImageManifest, 404},
		"a missing child":  {makeIndex(makeImage("never pushed", nil, "").descriptor()), ocispec.MediaTypeImageIndex, 404},
		"4 MiB and a byte": {bytes.Repeat([]byte(" "), 4<<20+1), ocispec.MediaTypeImageManifest, 413},
		"40 MiB":           {bytes.Repeat([]byte(" "), 40<<20), ocispec.MediaTypeImageManifest, 413},
		"an unknown type":  {[]byte(`{"schemaVersion":2}`), "text/html", 400},
	} {
		a, err := c.send("PUT", "/v2/app/manifests/bad", bytes.NewReader(m.body), "Content-Type", m.mediaType)
		if err != nil {
			// A server may stop reading what is too large.
			if m.status != 413 {
				t.Errorf("%s: %v", name, err)
			}
		} else if a.status/100 != 4 || m.status == 413 && a.status != 413 || m.status == 400 && a.status != 400 ||
			a.code() == "" {
			t.Errorf("%s: got %v, want %d with an OCI error", name, a, m.status)
		}
		if err := c.wantAbsent("app", "bad"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The tag's digest in the path must be that of the content.
	a := c.do("PUT", "app/manifests/"+digest.FromString("other").String(), good.manifest, "Content-Type",
		ocispec.MediaTypeImageManifest)
	c.want(a, http.StatusBadRequest, "DIGEST_INVALID")
	for _, tag := range []string{"-a", ".a", "a b", strings.Repeat("a", 129), "a:b", "ä"} {
		a, err := c.send("PUT", "/v2/app/manifests/"+strings.ReplaceAll(strings.ReplaceAll(tag, " ", "%20"), "ä", "%c3%a4"),
			bytes.NewReader(good.manifest), "Content-Type", ocispec.MediaTypeImageManifest)
		if err != nil || a.status/100 != 4 {
			t.Errorf("tag %.20q: %v, %v", tag, a, err)
		}
	}
	a = c.do("GET", "app/tags/list", nil)
	var list struct{ Tags []string }
	if err := json.Unmarshal(a.body, &list); err != nil || fmt.Sprint(list.Tags) != "[good]" {
		t.Errorf("the tags are %v (%v)", a, err)
	}
}

func TestBadBlobs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.createRepository(prod, tokyo, "app")
	c := s.oci(prod, tokyo)
	c.mustPush("app", "1", makeImage("good", nil, "")) // so that every folder exists
	settled := func() int {
		// Uploads that a broken connection left may be resumed; all others are gone.
		return len(s.files())
	}
	before := settled()
	data := make([]byte, 1<<20)
	rand.Read(data)
	d := digest.FromBytes(data)

	put := func(body []byte, digest string) answer {
		t.Helper()
		target, err := c.startUpload("app")
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.send("PUT", withQuery(target, "digest", digest), bytes.NewReader(body), "Content-Type",
			"application/octet-stream")
		if err != nil {
			t.Fatal(err)
		}
		if a.status != http.StatusCreated {
			c.send("DELETE", target, nil)
		}
		return a
	}
	c.want(put(data[1:], d.String()), http.StatusBadRequest, "DIGEST_INVALID")
	for _, bad := range []string{
		"", "sha256:", "sha256:xyz", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:" + strings.Repeat("0", 65),
		"../../etc/passwd",
	} {
		c.want(put(data, bad), http.StatusBadRequest, "DIGEST_INVALID")
	}
	c.want(c.do("POST", "app/blobs/uploads/?digest="+d.String(), data[1:], "Content-Type", "application/octet-stream"),
		http.StatusBadRequest, "DIGEST_INVALID")
	c.want(c.do("POST", "none/blobs/uploads/", nil), http.StatusNotFound, "NAME_UNKNOWN")
	for _, id := range []string{"00000000-0000-4000-8000-000000000000", "nonsense", "..", "%2e%2e%2f%2e%2e"} {
		if a, err := c.send("PATCH", "/v2/app/blobs/uploads/"+id, bytes.NewReader(data)); err != nil || a.status/100 != 4 {
			t.Errorf("upload %q: %v, %v", id, a, err)
		}
	}
	// Chunks out of order, overlapping, and with nonsense for a range.
	target, err := c.startUpload("app")
	if err != nil {
		t.Fatal(err)
	}
	chunk := func(contentRange string, body []byte) answer {
		t.Helper()
		a, err := c.send("PATCH", target, bytes.NewReader(body), "Content-Type", "application/octet-stream", "Content-Range",
			contentRange)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := chunk("0-99", data[:100]); a.status != http.StatusAccepted || a.header.Get("Range") != "0-99" {
		t.Errorf("the first chunk: %v, Range %q", a, a.header.Get("Range"))
	}
	for _, r := range []string{"200-299", "0-99", "50-149"} {
		if a := chunk(r, data[:100]); a.status != http.StatusRequestedRangeNotSatisfiable {
			t.Errorf("chunk %s: %v", r, a)
		}
	}
	for _, r := range []string{"100-", "-5", "a-b", "199-100", "100-150", "100-18446744073709551616", "bytes 100-199/*"} {
		if a := chunk(r, data[100:200]); a.status/100 != 4 {
			t.Errorf("chunk %q of 100 bytes: %v", r, a)
		}
	}
	if a, err := c.send("GET", target, nil); err != nil || a.header.Get("Range") != "0-99" {
		t.Errorf("after bad chunks the upload has the range %q (%v, %v)", a.header.Get("Range"), a, err)
	}
	if a, err := c.send("DELETE", target, nil); err != nil || a.status != http.StatusNoContent {
		t.Errorf("cancelling: %v, %v", a, err)
	}
	if a := c.do("HEAD", "app/blobs/"+d.String(), nil); a.status != http.StatusNotFound {
		t.Errorf("the blob that never came whole is answered with %d", a.status)
	}
	eventually(t, patience, func() error {
		if after := settled(); after > before {
			return fmt.Errorf("the data folder has %d files, had %d: %v", after, before, s.files())
		}
		return nil
	})
	// Ranges of a blob that is there.
	if _, err := c.putBlob("app", data); err != nil {
		t.Fatal(err)
	}
	for r, want := range map[string]int{
		"bytes=0-9": 206, "bytes=-10": 206, fmt.Sprintf("bytes=%d-", len(data)): 416, "bytes=9-0": 0, "bytes=a-b": 0,
		"chunks=0-9": 200, "bytes=18446744073709551616-": 0,
	} {
		a := c.do("GET", "app/blobs/"+d.String(), nil, "Range", r)
		if want != 0 && a.status != want || want == 0 && a.status != 200 && a.status != 416 && a.status != 400 {
			t.Errorf("Range %s: %d, want %d", r, a.status, want)
		}
		if a.status == 206 && len(a.body) != 10 {
			t.Errorf("Range %s: %d bytes, want 10", r, len(a.body))
		}
	}
}

// TestTruncatedBodies breaks connections in the middle of bodies: nothing
// appears, nothing leaks.
func TestTruncatedBodies(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.createRepository(prod, tokyo, "app")
	c := s.oci(prod, tokyo)
	c.mustPush("app", "1", makeImage("good", nil, ""))
	time.Sleep(100 * time.Millisecond)
	goroutines := s.metric("go_goroutines")
	body := bytes.Repeat([]byte("x"), 100_000)
	d := digest.FromBytes(body)
	cut := func(target string) {
		connection, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Error(err)
			return
		}
		defer connection.Close()
		req, _ := http.NewRequest("PUT", "http://"+c.host+target, nil)
		req.SetBasicAuth(c.user, c.password)
		fmt.Fprintf(connection, "PUT %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nContent-Type: "+
			"%s\r\nContent-Length: %d\r\n\r\n",
			target, c.host, req.Header.Get("Authorization"), ocispec.MediaTypeImageManifest, len(body))
		connection.Write(body[:len(body)/2])
	}
	var clients sync.WaitGroup
	var targets []string
	const many, cuts = 40, 3
	for range many {
		target, err := c.startUpload("app")
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, target)
		clients.Go(func() {
			for range cuts {
				cut(withQuery(target, "digest", d.String()))
				cut("/v2/app/manifests/cut")
			}
		})
	}
	clients.Wait()
	if a := c.do("HEAD", "app/blobs/"+d.String(), nil); a.status != http.StatusNotFound {
		t.Errorf("the blob that was cut off is answered with %d", a.status)
	}
	if err := c.wantAbsent("app", "cut"); err != nil {
		t.Error(err)
	}
	allowed := goroutines + 10
	if shared() {
		allowed += 2 * many // idle connections to the bucket, for a while; each cut that stayed would add its own
	}
	eventually(t, patience, func() error {
		s.http.CloseIdleConnections()
		if now := s.metric("go_goroutines"); now > allowed {
			return fmt.Errorf("%g goroutines, were %g", now, goroutines)
		}
		return nil
	})
	// Each such upload can be cancelled, and then leaves no file.
	for _, target := range targets {
		if a, err := c.send("DELETE", target, nil); err != nil || a.status != http.StatusNoContent &&
			a.status != http.StatusNotFound {
			t.Errorf("cancelling what was cut off: %v, %v", a, err)
		}
	}
	for _, file := range s.files() {
		if info, err := file.Info(); err == nil && info.Size() == int64(len(body)/2) {
			t.Errorf("%s is left of an upload", file.Name())
		}
	}
}

// files lists the files of the data folder but those of the database.
func (s *server) files() (files []fs.DirEntry) {
	s.t.Helper()
	err := filepath.WalkDir(s.data, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went while we looked
		}
		if err == nil && entry.Type().IsRegular() && !strings.Contains(entry.Name(), ".db") &&
			!strings.Contains(entry.Name(), "sqlite") {
			files = append(files, entry)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return files
}

// TestBadAPIRequests sends what no SDK would, properly signed.
func TestBadAPIRequests(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.createRepository(prod, tokyo, "app")
	now := time.Now()
	for name, r := range map[string]struct{ operation, body, code string }{
		"no JSON":          {"ListImages", "<xml/>", ""},
		"cut off":          {"ListImages", `{"repositoryName":"app"`, ""},
		"an array":         {"ListImages", `[]`, ""},
		"a wrong type":     {"ListImages", `{"repositoryName":["app"]}`, ""},
		"a number as text": {"ListImages", `{"repositoryName":"app","maxResults":"many"}`, ""},
		"a huge number":    {"ListImages", `{"repositoryName":"app","maxResults":1e400}`, ""},
		"deeply nested": {
			"ListImages", `{"filter":` + strings.Repeat(`{"a":`, 100000) + "1" + strings.Repeat("}", 100000) + "}", "",
		},
		"nothing":              {"ListImages", ``, ""},
		"no repository":        {"ListImages", `{}`, "InvalidParameterException"},
		"an unknown operation": {"MakeCoffee", `{}`, "UnknownOperationException"},
		"no operation":         {"", `{}`, ""},
		"a bad registry id":    {"ListImages", `{"registryId":"12","repositoryName":"app"}`, "InvalidParameterException"},
		"an unknown registry":  {"ListImages", `{"registryId":"999999999999","repositoryName":"app"}`, ""},
		"an unknown tag status": {
			"ListImages", `{"repositoryName":"app","filter":{"tagStatus":"SOMETIMES"}}`, "InvalidParameterException",
		},
		"101 images": {
			"BatchGetImage", `{"repositoryName":"app","imageIds":[` + strings.Repeat(`{"imageTag":"a"},`, 100) +
				`{"imageTag":"a"}]}`, "InvalidParameterException",
		},
		"no images": {"BatchGetImage", `{"repositoryName":"app","imageIds":[]}`, "InvalidParameterException"},
		"invalid base64": {
			"UploadLayerPart", `{"repositoryName":"app","uploadId":"00000000-0000-4000-8000-000000000000","partFirstByte":0,"partLastByte":3,"layerPartBlob":"####"}`, "",
		},
		"a part of wrong size": {
			"UploadLayerPart", `{"repositoryName":"app","uploadId":"00000000-0000-4000-8000-000000000000","partFirstByte":5,"partLastByte":3,"layerPartBlob":"AAAA"}`, "",
		},
		"8 MiB of spaces": {"ListImages", strings.Repeat(" ", 8<<20) + `{"repositoryName":"app"}`, ""},
	} {
		a := s.answer(s.signed(prod, tokyo, "ecr", now, r.operation, r.body))
		var body struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		err := json.Unmarshal(a.body, &body)
		if a.status/100 != 4 || err != nil || body.Type == "" || body.Message == "" {
			t.Errorf("%s: got %v, want a 4xx with __type and message", name, a)
		}
		if r.code != "" && !strings.HasSuffix(body.Type, r.code) {
			t.Errorf("%s: got %s, want %s", name, body.Type, r.code)
		}
		if a.header.Get("X-Amzn-Requestid") == "" {
			t.Errorf("%s: the answer has no x-amzn-RequestId", name)
		}
	}
	// An unknown member is ignored, as AWS does.
	if a := s.answer(s.signed(prod, tokyo, "ecr", now, "ListImages",
		`{"repositoryName":"app","newest":true}`)); a.status != http.StatusOK {
		t.Errorf("an unknown member: %v", a)
	}
	for name, req := range map[string]*http.Request{
		"GET /":        mustRequest("GET", "http://"+s.addr+"/", ""),
		"unsigned":     mustRequest("POST", "http://"+s.addr+"/", "{}"),
		"STS unsigned": mustRequest("POST", "http://"+s.addr+"/", "Action=GetCallerIdentity&Version=2011-06-15"),
		"DELETE /":     mustRequest("DELETE", "http://"+s.addr+"/", ""),
	} {
		if a := s.answer(req); a.status/100 != 4 && !(name == "GET /" && a.status < 400) {
			t.Errorf("%s: %v", name, a)
		}
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "TRACE", "NONSENSE"} {
		a, err := s.oci(prod, tokyo).send(method, "/v2/app/tags/list", nil)
		if err != nil || a.status/100 != 4 {
			t.Errorf("%s of a tag list: %v, %v", method, a, err)
		}
	}
}

func mustRequest(method, url, body string) *http.Request {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	return req
}

// TestBadConfiguration: each mistake is refused at start, with the file, the
// line and what is allowed.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	const good = `listen: 127.0.0.1:0
domain: localhost
data: ./data
regions: [ap-northeast-1]
accounts:
  - id: "111122223333"
    name: prod
    access_keys:
      - {id: AKIAPRODEXAMPLE00001, secret: "a-secret-of-the-tests-0000000000000000000"}
`
	for name, c := range map[string]struct{ old, new, line string }{
		"an unknown key":            {"domain: localhost", "domian: localhost", "2"},
		"an unknown key in account": {"    name: prod", "    name: prod\n    colour: red", "8"},
		"a bad listen address":      {"127.0.0.1:0", "nowhere", "1"},
		"a bad account id":          {`"111122223333"`, `"1111"`, "6"},
		"a bad Region":              {"[ap-northeast-1]", "[Tokyo!]", "4"},
		"a list that is none":       {"[ap-northeast-1]", "{a: b}", "4"},
		"no YAML":                   {"regions: [", "regions: [[", ""},
		"no secret":                 {`, secret: "a-secret-of-the-tests-0000000000000000000"`, "", "9"},
	} {
		dir := t.TempDir()
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%s: nothing to replace", name)
		}
		writeFile(t, filepath.Join(dir, "bad.yaml"), text)
		out, err := runFor(t, patience, dir, "serve", "--config", "bad.yaml")
		if err == nil {
			t.Errorf("%s: serve ends well:\n%s", name, out)
		}
		if want := "bad.yaml:" + c.line; !strings.Contains(string(out), want) ||
			strings.Count(string(out), "bad.yaml:") != 1 {
			t.Errorf("%s: the error is not one at %s:\n%s", name, want, out)
		}
		if strings.Contains(string(out), "a-secret-of-the-tests") {
			t.Errorf("%s: the error shows the secret:\n%s", name, out)
		}
	}
}
