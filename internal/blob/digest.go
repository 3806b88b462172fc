package blob

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
)

// encodedLengths are the algorithms that content can be verified by, each with the
// length of its hexadecimal digits (image-spec, "Digests").
var encodedLengths = map[string]int{"sha256": 64, "sha512": 128}

// SupportedAlgorithm reports whether content can be verified by digests of the algorithm.
func SupportedAlgorithm(name string) bool { return encodedLengths[name] > 0 }

// ValidDigest reports whether d is well-formed and of a supported algorithm.
// Unlike d.Validate it uses no regular expression, which would be a good part
// of the cost of a HEAD.
func ValidDigest(d digest.Digest) bool {
	algorithm, encoded, _ := strings.Cut(string(d), ":")
	ok := SupportedAlgorithm(algorithm) && len(encoded) == encodedLengths[algorithm]
	for i := 0; ok && i < len(encoded); i++ {
		c := encoded[i]
		ok = c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
	}
	return ok
}

// ValidateDigest is ValidDigest with an error that says what is wrong.
func ValidateDigest(d digest.Digest) error {
	if ValidDigest(d) {
		return nil
	}
	err := d.Validate()
	if err == nil {
		err = digest.ErrDigestUnsupported
	}
	return fmt.Errorf("blob %q: %w", d, err)
}
