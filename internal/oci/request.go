package oci

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// maxQuery bounds the query of a request, in bytes: room for a hundred tag
// parameters of full length (the specification asks for ten).
const maxQuery = 16 << 10

// operation is an endpoint of the specification together with a method that
// it allows. The comments name the specification's endpoints.
type operation uint8

const (
	opUnknown          operation = iota
	opBase                       // end-1
	opGetBlob                    // end-2, GET
	opHeadBlob                   // end-2, HEAD
	opGetManifest                // end-3, GET and HEAD
	opStartUpload                // end-4a, end-4c
	opPushBlob                   // end-4b
	opAppendUpload               // end-5
	opCompleteUpload             // end-6
	opPutManifest                // end-7a, end-7b
	opListTags                   // end-8a, end-8b
	opDeleteManifest             // end-9, by tag or digest
	opDeleteBlob                 // end-10
	opMountBlob                  // end-11
	opListReferrers              // end-12a, end-12b
	opUploadStatus               // end-13
	opCancelUpload               // end-14
	opListRepositories           // /v2/_catalog, Docker's registry API
)

// kind returns the operation of ECR that does the same, and whose rate applies.
func (op operation) kind() quota.Kind {
	switch op {
	case opGetManifest:
		return quota.BatchGetImage
	case opPutManifest:
		return quota.PutImage
	case opGetBlob:
		return quota.GetDownloadURLForLayer
	case opHeadBlob:
		return quota.BatchCheckLayerAvailability
	case opStartUpload, opPushBlob, opMountBlob:
		return quota.InitiateLayerUpload
	case opAppendUpload:
		return quota.UploadLayerPart
	case opCompleteUpload:
		return quota.CompleteLayerUpload
	}
	return quota.Other
}

// request is a request of the protocol after parsing: whatever it holds is in
// the grammar of the specification.
type request struct {
	op operation
	// ref is the repository. authenticate fills in its registry where neither
	// host nor path named one.
	ref resource.Repository
	// name is the repository as the client wrote it: with account and Region
	// if the path had them. Locations are built on it, so that the client comes
	// back by the way it came.
	name   string
	caller access.Caller

	reference registry.Reference // of a manifest: either tag or digest
	digest    digest.Digest      // of a blob, or of the subject of referrers
	upload    string             // upload session

	// Query parameters of the operations that have them.
	bareNames     bool // a catalog has no account and Region before names: the host names them
	limit         int  // n; noLimit if absent
	last          string
	artifactType  string
	from          *resource.Repository // source of a mount; nil if absent
	tags          []string             // tags to set on a manifest that is put by digest
	downloadToken string
}

// noLimit is a list request without n.
const noLimit = -1

// parse reads what the request asks for, and of which registry if host or path
// tell. It looks at method, path, query and host only.
func parse(r *http.Request, domain string) (request, error) {
	req := request{limit: noLimit}
	// An encoded slash would let a name be one thing to a proxy in front and
	// another one here. Other needless encodings, such as %3A in digests, occur.
	if raw := r.URL.RawPath; raw != "" && (strings.Contains(raw, "%2F") || strings.Contains(raw, "%2f")) {
		return req, errNameInvalid
	}
	where, name, item := splitPath(r.URL.Path)
	if where == nowhere {
		return req, errNoEndpoint
	}
	req.op = where.operation(r.Method)
	if req.op == opUnknown {
		return req, methodNotAllowed(where)
	}
	if err := req.parseName(where, name, r.Host, domain); err != nil {
		return req, err
	}
	if err := req.parseItem(where, item); err != nil {
		return req, err
	}
	return req, req.parseQuery(r.URL.RawQuery)
}

// endpoint is the shape of a path.
type endpoint uint8

const (
	nowhere   endpoint = iota
	base               // /v2/
	catalog            // /v2/_catalog
	blob               // /v2/<name>/blobs/<digest>
	manifest           // /v2/<name>/manifests/<tag-or-digest>
	tagList            // /v2/<name>/tags/list
	referrers          // /v2/<name>/referrers/<digest>
	uploads            // /v2/<name>/blobs/uploads/
	upload             // /v2/<name>/blobs/uploads/<id>
)

// splitPath finds the endpoint from the end of the path, since a name may have
// any number of slashes, and parts that are words of endpoints.
func splitPath(path string) (where endpoint, name, item string) {
	const root = "/v2"
	if !strings.HasPrefix(path, root) {
		return nowhere, "", ""
	}
	path = path[len(root):]
	if path == "" || path == "/" {
		return base, "", ""
	}
	if path[0] != '/' {
		return nowhere, "", ""
	}
	head, item := cutLast(path[1:])
	if item == "_catalog" {
		return catalog, head, ""
	}
	name, noun := cutLast(head)
	switch {
	case noun == "blobs" && item == "uploads":
		return uploads, name, ""
	case noun == "blobs":
		return blob, name, item
	case noun == "manifests":
		return manifest, name, item
	case noun == "tags" && item == "list":
		return tagList, name, ""
	case noun == "referrers":
		return referrers, name, item
	case noun == "uploads":
		if name, noun = cutLast(name); noun == "blobs" {
			if item == "" {
				return uploads, name, ""
			}
			return upload, name, item
		}
	}
	return nowhere, "", ""
}

func cutLast(path string) (before, after string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

// operation returns what method means at the endpoint, or opUnknown.
func (e endpoint) operation(method string) operation {
	for _, m := range methods[e] {
		if m.method == method {
			return m.op
		}
	}
	return opUnknown
}

type methodOperation struct {
	method string
	op     operation
}

var methods = [...][]methodOperation{
	base:    {{http.MethodGet, opBase}, {http.MethodHead, opBase}},
	catalog: {{http.MethodGet, opListRepositories}, {http.MethodHead, opListRepositories}},
	blob:    {{http.MethodGet, opGetBlob}, {http.MethodHead, opHeadBlob}, {http.MethodDelete, opDeleteBlob}},
	manifest: {
		{http.MethodGet, opGetManifest}, {http.MethodHead, opGetManifest}, {http.MethodPut, opPutManifest},
		{http.MethodDelete, opDeleteManifest},
	},
	tagList:   {{http.MethodGet, opListTags}, {http.MethodHead, opListTags}},
	referrers: {{http.MethodGet, opListReferrers}, {http.MethodHead, opListReferrers}},
	uploads:   {{http.MethodPost, opStartUpload}},
	upload: {
		{http.MethodPatch, opAppendUpload}, {http.MethodPut, opCompleteUpload}, {http.MethodGet, opUploadStatus},
		{http.MethodDelete, opCancelUpload},
	},
}

// allowed lists the endpoint's methods for the Allow header.
func (e endpoint) allowed() string {
	var names []string
	for _, m := range methods[e] {
		names = append(names, m.method)
	}
	return strings.Join(names, ", ")
}

func (req *request) parseName(where endpoint, name, host, domain string) error {
	id, err := parseHost(host, domain)
	if err != nil {
		return err
	}
	req.ref.Registry = id
	switch where {
	case base:
		return nil
	case catalog:
		req.name, req.bareNames = name, id != resource.Registry{}
		if name == "" {
			return nil
		}
		// Only the path form, <account>/<region>/_catalog, has something before.
		id, rest := splitName(name + "/")
		if req.ref.Registry != (resource.Registry{}) || id == (resource.Registry{}) || rest != "" {
			return errNoEndpoint
		}
		req.ref.Registry = id
		return nil
	}
	req.name = name
	req.ref, err = parseRepository(name, id)
	return err
}

// parseRepository reads a repository's name as a client writes it. host is the
// registry that the host names, or zero.
func parseRepository(name string, host resource.Registry) (resource.Repository, error) {
	ref := resource.Repository{Registry: host, Name: name}
	if host == (resource.Registry{}) {
		ref.Registry, ref.Name = splitName(name)
	}
	if !registry.ValidName(ref.Name) {
		return resource.Repository{}, errNameInvalid
	}
	return ref, nil
}

func (req *request) parseItem(where endpoint, item string) (err error) {
	switch where {
	case blob, referrers:
		req.digest, err = parseDigest(item)
	case manifest:
		// Tags hold no colon and digests do, so each error can name the right one.
		if strings.IndexByte(item, ':') >= 0 {
			req.reference.Digest, err = parseDigest(item)
		} else if req.reference.Tag = item; !registry.ValidTag(item) {
			err = errTagInvalid
		}
	case upload:
		if req.upload = item; !validUploadID(item) {
			err = errUploadUnknown
		}
	}
	return err
}

func (req *request) parseQuery(raw string) error {
	if raw == "" {
		if req.op == opCompleteUpload {
			return errDigestMissing
		}
		return nil
	}
	if len(raw) > maxQuery {
		return errQueryTooLong
	}
	q, err := parameters(raw)
	if err != nil {
		return errQueryInvalid
	}
	switch req.op {
	case opGetBlob, opHeadBlob:
		req.downloadToken = q.Get(auth.DownloadParameter)
	case opPutManifest:
		return req.parseTags(q["tag"])
	case opListRepositories, opListTags, opListReferrers:
		req.last, req.artifactType = q.Get("last"), mediaType(q.Get("artifactType"))
		return req.parseLimit(q.Get("n"))
	case opStartUpload:
		return req.parseStartUpload(q)
	case opCompleteUpload:
		if !q.Has("digest") {
			return errDigestMissing
		}
		req.digest, err = parseDigest(q.Get("digest"))
		return err
	}
	return nil
}

// parameters reads a query. A semicolon that is not escaped, which precedes the
// parameters of a media type, is a character like any other; url.ParseQuery
// takes it for an error.
func parameters(raw string) (url.Values, error) {
	return url.ParseQuery(strings.ReplaceAll(raw, ";", "%3B"))
}

// mediaType reads a parameter's value as a media type. Type and subtype have no
// spaces, so a space was sent as a plus that is not escaped, and means that.
func mediaType(value string) string {
	bare, rest, more := strings.Cut(value, ";")
	bare = strings.ReplaceAll(bare, " ", "+")
	if more {
		return bare + ";" + rest
	}
	return bare
}

// parseTags takes the tag parameters of a manifest that is put by digest; the
// specification gives them no meaning when it is put by tag.
func (req *request) parseTags(tags []string) error {
	if req.reference.Digest == "" {
		return nil
	}
	seen := make(map[string]bool, len(tags))
	for _, tag := range tags {
		if !registry.ValidTag(tag) {
			return errTagInvalid
		}
		if !seen[tag] {
			seen[tag] = true
			req.tags = append(req.tags, tag)
		}
	}
	return nil
}

func (req *request) parseLimit(n string) error {
	if n == "" {
		return nil
	}
	if !isDigits(n) {
		return errLimitInvalid
	}
	limit, err := strconv.Atoi(n)
	if err != nil {
		limit = math.MaxInt // only overflow is left: as many as there may be
	}
	req.limit = limit
	return nil
}

// parseStartUpload tells a mount and a push in a single POST from the opening
// of an upload session.
func (req *request) parseStartUpload(q url.Values) (err error) {
	switch {
	case q.Has("mount"):
		req.op = opMountBlob
		if req.digest, err = parseDigest(q.Get("mount")); err != nil {
			return err
		}
		if !q.Has("from") {
			return nil
		}
		host := req.ref.Registry
		if req.name != req.ref.Name {
			host = resource.Registry{} // the registry came from the path, not from the host
		}
		from, err := parseRepository(q.Get("from"), host)
		if err != nil { // nothing can be there to mount
			req.op = opStartUpload
			return nil
		}
		req.from = &from
		return nil
	case q.Has("digest"):
		req.op = opPushBlob
		req.digest, err = parseDigest(q.Get("digest"))
		return err
	case q.Has("digest-algorithm"):
		if !registry.SupportedAlgorithm(q.Get("digest-algorithm")) {
			return errDigestAlgorithm
		}
	}
	return nil
}

func (req *request) blobLocation(d digest.Digest) string {
	return "/v2/" + req.name + "/blobs/" + string(d)
}

func (req *request) manifestLocation(d digest.Digest) string {
	return "/v2/" + req.name + "/manifests/" + string(d)
}

func (req *request) uploadLocation(id string) string {
	return "/v2/" + req.name + "/blobs/uploads/" + id
}
