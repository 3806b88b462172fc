package oci

import (
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/registry"
)

// parseDigest accepts the digests that the registry can verify.
func parseDigest(s string) (digest.Digest, error) {
	if d := digest.Digest(s); registry.ValidDigest(d) {
		return d, nil
	}
	if algorithm, _, ok := strings.Cut(s, ":"); ok && algorithm != "" && !registry.SupportedAlgorithm(algorithm) {
		return "", errDigestAlgorithm
	}
	return "", errDigestFormat
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
