package registry

import (
	"strings"

	"github.com/opencontainers/go-digest"
)

// Limits of names (ECR: RepositoryName; OCI distribution-spec: tag grammar).
const (
	minNameLength = 2
	maxNameLength = 256
	maxTagLength  = 128
)

// validName checks a repository's name: lower-case path components, joined by
// single separators, as ECR's pattern RepositoryName has it.
func validName(name string) error {
	if len(name) >= minNameLength && len(name) <= maxNameLength && nameMatches(name) {
		return nil
	}
	return errorf(InvalidParameter, "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must be %d to %d characters of a-z, 0-9 and the separators . _ __ - and /, and begin and end with a letter or digit'", minNameLength, maxNameLength)
}

func nameMatches(name string) bool {
	separator := true // at the start, and after each separator, an alphanumeric must follow
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			separator = false
		case separator:
			return false
		case c == '.' || c == '/':
			separator = true
		case c == '_':
			if i+1 < len(name) && name[i+1] == '_' {
				i++
			}
			separator = true
		case c == '-':
			for i+1 < len(name) && name[i+1] == '-' {
				i++
			}
			separator = true
		default:
			return false
		}
	}
	return !separator
}

// validTag checks a tag: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127} (distribution-spec, "Pulling manifests").
func validTag(tag string) error {
	ok := tag != "" && len(tag) <= maxTagLength && tag[0] != '.' && tag[0] != '-'
	for i := 0; ok && i < len(tag); i++ {
		c := tag[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-'
	}
	if !ok {
		return errorf(InvalidParameter, "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must be 1 to %d characters of a-z, A-Z, 0-9, _ . and -, and not begin with . or -'", maxTagLength)
	}
	return nil
}

// validDigest checks that a digest is well-formed and of an algorithm that
// blobs and manifests are stored under: sha256 or sha512.
func validDigest(d digest.Digest) error {
	// Not d.Validate: its regular expression would be a good part of a HEAD's cost.
	algorithm, encoded, _ := strings.Cut(string(d), ":")
	ok := algorithm == "sha256" && len(encoded) == 64 || algorithm == "sha512" && len(encoded) == 128
	for i := 0; ok && i < len(encoded); i++ {
		c := encoded[i]
		ok = c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
	}
	if !ok {
		return errorf(InvalidParameter, "Invalid parameter: '%s' is not a digest; it must be sha256: or sha512: followed by lower-case hexadecimal digits", shorten(string(d)))
	}
	return nil
}

// shorten keeps hostile input from filling messages and logs.
func shorten(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}
