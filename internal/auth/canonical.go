package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxQuery bounds the query string of a signed request, in bytes, and
	// maxParameters the number of its parameters.
	maxQuery      = 32 << 10
	maxParameters = 256
	// maxCanonical bounds the signed headers' part of a canonical request.
	maxCanonical = 64 << 10
)

// parameter is one decoded parameter of a query string.
type parameter struct{ name, value string }

// parseQuery decodes a query string as net/url does, so that what is checked is
// what a handler reads, and sorts it for the canonical form.
func parseQuery(raw string) ([]parameter, error) {
	if raw == "" {
		return nil, nil
	}
	if len(raw) > maxQuery {
		return nil, fmt.Errorf("it has %d bytes; at most %d are allowed", len(raw), maxQuery)
	}
	if strings.Contains(raw, ";") {
		return nil, errors.New("it holds a semicolon, which must be written as %3B")
	}
	if n := strings.Count(raw, "&") + 1; n > maxParameters {
		return nil, fmt.Errorf("it has %d parameters; at most %d are allowed", n, maxParameters)
	}
	var query []parameter
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return nil, errors.New("a parameter's name is not percent-encoded correctly")
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return nil, errors.New("a parameter's value is not percent-encoded correctly")
		}
		query = append(query, parameter{name, value})
	}
	return query, nil
}

// canonicalPaths returns the forms of the path that a client may have signed.
// AWS's rule, and botocore's, is the path without dot segments and repeated
// slashes; the AWS SDK for Go signs it as sent. They differ on odd paths only.
func canonicalPaths(escaped string) []string {
	if escaped == "" || escaped == "/" {
		return []string{"/"}
	}
	normal := path.Clean("/" + escaped)
	if strings.HasSuffix(escaped, "/") && normal != "/" {
		normal += "/"
	}
	if normal == escaped {
		return []string{escaped}
	}
	return []string{escaped, normal}
}

// appendCanonical writes the text that a signature covers: method, path, query,
// signed headers and payload hash. path is as on the wire, percent-encoded
// once; it is encoded again, as for every service but S3.
func appendCanonical(b []byte, r *http.Request, path string, query []parameter, signedHeaders []string,
	payloadHash string) ([]byte, error) {
	b = append(b, r.Method...)
	b = append(b, '\n')
	b = appendEncoded(b, path, true)
	b = append(b, '\n')
	b = appendQuery(b, query)
	b = append(b, '\n')
	start := len(b)
	for _, name := range signedHeaders {
		b = append(b, name...)
		b = append(b, ':')
		var found bool
		if b, found = appendHeader(b, r, name); !found {
			return nil, fmt.Errorf("%.100q is named as a signed header but the request does not have it", name)
		}
		if len(b)-start > maxCanonical {
			return nil, fmt.Errorf("together they have more than %d bytes", maxCanonical)
		}
		b = append(b, '\n')
	}
	b = append(b, '\n')
	for i, name := range signedHeaders {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	b = append(b, '\n')
	return append(b, payloadHash...), nil
}

// appendHeader writes the values of a header, which it finds by its name in lower
// case, with commas between them: false if there are none. net/http keeps the
// host, and in part the length, outside the header.
func appendHeader(b []byte, r *http.Request, name string) (_ []byte, found bool) {
	if name == "host" {
		return appendFolded(b, r.Host), true
	}
	var key [64]byte
	values := r.Header[string(appendHeaderKey(key[:0], name))]
	for i, value := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFolded(b, value)
	}
	if len(values) == 0 && name == "content-length" && r.ContentLength >= 0 {
		return strconv.AppendInt(b, r.ContentLength, 10), true
	}
	return b, len(values) > 0
}

// appendHeaderKey writes a header's name, which is in lower case, as net/http keeps
// it: as textproto.CanonicalMIMEHeaderKey does, but without a string for it.
func appendHeaderKey(b []byte, name string) []byte {
	capital := true
	for i := range len(name) {
		c := name[i]
		if capital && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		b = append(b, c)
		capital = c == '-'
	}
	return b
}

// appendQuery writes the parameters but the signature itself, sorted by their
// encoded names and then values.
func appendQuery(b []byte, query []parameter) []byte {
	if len(query) == 0 {
		return b
	}
	encoded := make([]parameter, 0, len(query))
	for _, p := range query {
		if p.name == "X-Amz-Signature" {
			continue
		}
		encoded = append(encoded, parameter{
			name:  string(appendEncoded(nil, p.name, false)),
			value: string(appendEncoded(nil, p.value, false)),
		})
	}
	slices.SortFunc(encoded, func(x, y parameter) int {
		if c := strings.Compare(x.name, y.name); c != 0 {
			return c
		}
		return strings.Compare(x.value, y.value)
	})
	for i, p := range encoded {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, p.name...)
		b = append(b, '=')
		b = append(b, p.value...)
	}
	return b
}

// appendEncoded percent-encodes all bytes but the unreserved ones of RFC 3986
// and, in a path, the slash.
func appendEncoded(b []byte, s string, isPath bool) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '_', c == '.', c == '~', c == '/' && isPath:
			b = append(b, c)
		default:
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return b
}

// appendFolded writes a header's value without the spaces around it, and with
// one space for each run of them inside.
func appendFolded(b []byte, value string) []byte {
	value = strings.TrimSpace(value)
	if !strings.Contains(value, "  ") {
		return append(b, value...)
	}
	for i := range len(value) {
		if value[i] == ' ' && value[i-1] == ' ' {
			continue
		}
		b = append(b, value[i])
	}
	return b
}
