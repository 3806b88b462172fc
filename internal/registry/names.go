package registry

import (
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
)

// Limits of names (ECR: RepositoryName; OCI distribution-spec: tag grammar).
const (
	minNameLength = 2
	maxNameLength = 256
	maxTagLength  = 128
)

// validName is ValidName with ECR's error.
func validName(name string) error {
	if ValidName(name) {
		return nil
	}
	return Errorf(InvalidParameter, "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must be %d "+
		"to %d characters of a-z, 0-9 and the separators . _ __ - and /, and begin and end with a letter or digit'",
		minNameLength, maxNameLength)
}

// ValidName reports whether name can be a repository's: 2 to 256 bytes of
// lower-case path components (ECR: RepositoryName; distribution-spec, "Pulling manifests"),
//
//	[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*
func ValidName(name string) bool {
	return len(name) >= minNameLength && len(name) <= maxNameLength && isPath(name)
}

// validPrefix checks the prefix of a creation template (ECR: Prefix): path components, which may be followed by a
// slash, or ROOT.
func validPrefix(prefix string) error {
	if len(prefix) <= maxNameLength && isPath(strings.TrimSuffix(prefix, "/")) || prefix == metadata.RootPrefix {
		return nil
	}
	return Errorf(InvalidParameter, "Invalid parameter at 'prefix' failed to satisfy constraint: 'must be %s, or 1 to "+
		"%d characters of a-z, 0-9 and the separators . _ __ - and /, and begin with a letter or digit'",
		metadata.RootPrefix, maxNameLength)
}

// isPath reports whether name is made of lower-case path components.
func isPath(name string) bool {
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

// validTag is ValidTag with ECR's error.
func validTag(tag string) error {
	if ValidTag(tag) {
		return nil
	}
	return Errorf(InvalidParameter, "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular "+
		"expression '%s''", TagGrammar)
}

// TagGrammar is the regular expression that the whole of a tag matches
// (distribution-spec, "Pulling manifests").
const TagGrammar = "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"

// ValidTag reports whether tag can be an image's: it matches TagGrammar.
func ValidTag(tag string) bool {
	ok := tag != "" && len(tag) <= maxTagLength && tag[0] != '.' && tag[0] != '-'
	for i := 0; ok && i < len(tag); i++ {
		c := tag[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-'
	}
	return ok
}

// validDigest is ValidDigest with ECR's error.
func validDigest(d digest.Digest) error {
	if ValidDigest(d) {
		return nil
	}
	return Errorf(InvalidParameter, "Invalid parameter: '%s' is not a digest; it must be sha256: or sha512: followed "+
		"by lower-case hexadecimal digits", Shorten(string(d)))
}

// SupportedAlgorithm reports whether content is stored under digests of the algorithm.
func SupportedAlgorithm(name string) bool { return blob.SupportedAlgorithm(name) }

// ValidDigest reports whether d is well-formed and of a supported algorithm.
func ValidDigest(d digest.Digest) bool { return blob.ValidDigest(d) }

// Shorten keeps hostile input from filling messages and logs.
func Shorten(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}

// ValidImage checks the names of an image that came from elsewhere, which has a tag
// or none: InvalidParameter.
func ValidImage(repository, d, tag string) error {
	if err := validName(repository); err != nil {
		return err
	}
	if tag != "" {
		if err := validTag(tag); err != nil {
			return err
		}
	}
	return validDigest(digest.Digest(d))
}
