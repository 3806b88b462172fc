package oci

import (
	"strings"

	"github.com/opencontainers/go-digest"
)

const (
	// minName and maxName bound a repository name, in bytes (ECR: RepositoryName).
	minName = 2
	maxName = 256
	// maxTag bounds a tag, in bytes (distribution-spec, Pulling manifests).
	maxTag = 128
)

// validName reports whether s is a repository name of the specification:
//
//	[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*
//
// of minName to maxName bytes.
func validName(s string) bool {
	if len(s) < minName || len(s) > maxName {
		return false
	}
	// separators counts those since the last letter or digit; at the start of
	// a component none is allowed.
	atStart, separators := true, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			atStart, separators = false, 0
		case c == '/':
			if atStart || separators > 0 {
				return false
			}
			atStart = true
		case c == '.' || c == '_' || c == '-':
			if atStart || separators > 0 && s[i-1] != c || c == '.' && separators > 0 || c == '_' && separators > 1 {
				return false
			}
			separators++
		default:
			return false
		}
	}
	return !atStart && separators == 0
}

// validTag reports whether s is a tag of the specification:
// [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}.
func validTag(s string) bool {
	if s == "" || len(s) > maxTag || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// supportedAlgorithms are the digest algorithms of the image specification,
// each with the length of its encoding.
var supportedAlgorithms = [...]struct {
	prefix string
	hex    int
}{
	{"sha256:", 64},
	{"sha512:", 128},
}

// parseDigest accepts the digests that the registry can verify.
func parseDigest(s string) (digest.Digest, error) {
	for _, a := range supportedAlgorithms {
		encoded, ok := strings.CutPrefix(s, a.prefix)
		if !ok {
			continue
		}
		if len(encoded) != a.hex || !isLowerHex(encoded) {
			return "", errDigestFormat
		}
		return digest.Digest(s), nil
	}
	if algorithm, _, ok := strings.Cut(s, ":"); ok && algorithm != "" {
		return "", errDigestAlgorithm
	}
	return "", errDigestFormat
}

func supportedAlgorithm(name string) bool {
	for _, a := range supportedAlgorithms {
		if len(name) == len(a.prefix)-1 && strings.HasPrefix(a.prefix, name) {
			return true
		}
	}
	return false
}

// validUploadID reports whether s is a UUID as StartUpload makes them.
func validUploadID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !isLowerHex(s[i : i+1]) {
				return false
			}
		}
	}
	return true
}

func isLowerHex(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
