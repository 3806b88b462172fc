package blob

import (
	"errors"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"0f8fad5b-d9cb-469f-a165-70867728950e": true, "a": true, "A_z-9": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, ".": false, "..": false, "a/b": false, "a.b": false, "a b": false,
		"ä": false, "a\x00": false,
	} {
		if got := ValidID(id); got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
}

func TestValidateDigest(t *testing.T) {
	for _, d := range []digest.Digest{digest.FromString("x"), digest.SHA512.FromString("x")} {
		if err := ValidateDigest(d); err != nil {
			t.Errorf("%s: %v", d, err)
		}
	}
	for _, d := range []digest.Digest{
		"", "sha256:", "sha256:ab", "md5:d41d8cd98f00b204e9800998ecf8427e", digest.SHA384.FromString("x"),
	} {
		if err := ValidateDigest(d); err == nil || errors.Is(err, ErrDigest) {
			t.Errorf("%s: %v", d, err)
		}
	}
}
