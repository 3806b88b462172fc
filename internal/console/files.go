package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// assets is the folder of files whose names carry a hash of what they hold.
const assets = "assets/"

// page is the file that every address of the console which is no file begins
// with: the console itself reads the address then.
const page = "index.html"

// contentTypes by the ends of names: those of the system may be anything.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2", ".woff": "font/woff",
	".json": "application/json", ".txt": "text/plain; charset=utf-8",
}

// file is one to serve.
type file struct {
	content     []byte
	contentType string
	tag         string // of the content: an ETag without its quotation marks
	// compressed is the content in gzip, made when it is first asked for; nil if
	// that does not make it smaller.
	compressed func() []byte
}

// files are the console's by their names below Path.
type files struct {
	byName map[string]*file
}

// readFiles reads all files of a folder, which must have a page.
func readFiles(folder fs.FS) (*files, error) {
	f := &files{byName: map[string]*file{}}
	err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		contentType, ok := contentTypes[path.Ext(name)]
		if !ok {
			contentType = "application/octet-stream"
		}
		sum := sha256.Sum256(content)
		f.byName[name] = &file{
			content: content, contentType: contentType, tag: hex.EncodeToString(sum[:12]),
			compressed: sync.OnceValue(func() []byte { return compress(content) }),
		}
		return nil
	})
	if err == nil && f.byName[page] == nil {
		err = fmt.Errorf("there is no %s", page)
	}
	if err != nil {
		return nil, fmt.Errorf("read the files of the console: %w", err)
	}
	return f, nil
}

// compress returns nil if it does not gain a tenth: images and fonts are
// compressed already.
func compress(content []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(content) // a buffer takes everything
	_ = w.Close()
	if b.Len() > len(content)-len(content)/10 {
		return nil
	}
	return b.Bytes()
}

// serve answers with the file of the name below Path, or with the page.
func (f *files) serve(w http.ResponseWriter, r *http.Request, name string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "The files of the console are read with GET", http.StatusMethodNotAllowed)
		return
	}
	header := w.Header()
	found := f.byName[name]
	switch asset := strings.HasPrefix(name, assets); {
	case found == nil && asset:
		header.Set("Cache-Control", "no-store")
		http.Error(w, "The console has no such file: reload the page, for the server may have a newer version",
			http.StatusNotFound)
		return
	case found == nil:
		found = f.byName[page]
		fallthrough
	default:
		header.Set("Cache-Control", "no-cache")
		if asset {
			header.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
	}
	found.write(w, r)
}

func (f *file) write(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	content, tag := f.content, f.tag
	header.Set("Vary", "Accept-Encoding")
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		if compressed := f.compressed(); compressed != nil {
			content, tag = compressed, tag+"-gzip"
			header.Set("Content-Encoding", "gzip")
		}
	}
	tag = `"` + tag + `"`
	header.Set("ETag", tag)
	if matches(r.Header.Values("If-None-Match"), tag) {
		header.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", f.contentType)
	header.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, bytes.NewReader(content)) // a client that went away needs no answer
	}
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3).
func acceptsGzip(headers []string) bool {
	for item := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		coding, parameters, _ := strings.Cut(item, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		name, quality, given := strings.Cut(parameters, "=")
		if !given || !strings.EqualFold(strings.TrimSpace(name), "q") {
			return true
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(quality), 64)
		return err == nil && q > 0
	}
	return false
}

// matches reads If-None-Match (RFC 9110, section 13.1.2).
func matches(headers []string, tag string) bool {
	for item := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		item = strings.TrimSpace(item)
		if item == "*" || strings.TrimPrefix(item, "W/") == tag {
			return true
		}
	}
	return false
}
