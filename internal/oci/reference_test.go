package oci

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/registry"
)

var (
	specName = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	specTag  = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"app": true, "a/b/c": true, "a.b_c-d": true, "a__b": true, "a---b": true, "00": true,
		strings.Repeat("a", 256): true, strings.Repeat("a", 257): false,
		"": false, "a": false, "/": false, "a/": false, "/a": false, "a//b": false, ".": false, "..": false, "a/../b": false,
		"a..b": false, "a___b": false, "a._b": false, "a-_b": false, "a_-b": false, "-a": false, "a-": false, "a_": false,
		"A": false, "a b": false, "a\x00b": false, "a%2fb": false, "ä": false, `a\b`: false, "a:b": false, "a./b": false,
	} {
		if got := registry.ValidName(name); got != want {
			t.Errorf("ValidName(%q) = %v, want %v", name, got, want)
		}
	}
}

func FuzzValidName(f *testing.F) {
	for _, seed := range []string{"a", "a/b", "a__b", "a_.b", "a--b", "a-", "/", "a//b", "a\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := registry.ValidName(s), specName.MatchString(s) && len(s) >= 2 && len(s) <= 256; got != want {
			t.Errorf("ValidName(%q) = %v, the specification's expression says %v", s, got, want)
		}
	})
}

func FuzzValidTag(f *testing.F) {
	for _, seed := range []string{"latest", "v1.0_a-b", ".a", "-a", "", "a:b", strings.Repeat("t", 129), "a\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := registry.ValidTag(s), specTag.MatchString(s); got != want {
			t.Errorf("ValidTag(%q) = %v, the specification's expression says %v", s, got, want)
		}
	})
}

func TestParseDigest(t *testing.T) {
	sha256, sha512 := digest.FromString("x").String(), digest.SHA512.FromString("x").String()
	for s, want := range map[string]error{
		sha256:                          nil,
		sha512:                          nil,
		"sha256:baddigeststring":        errDigestFormat,
		strings.ToUpper(sha256):         errDigestAlgorithm,
		sha256[:len(sha256)-1] + "A":    errDigestFormat,
		sha256 + "0":                    errDigestFormat,
		"sha512:" + sha256[7:]:          errDigestFormat,
		"sha384:00":                     errDigestAlgorithm,
		"md5:00":                        errDigestAlgorithm,
		"":                              errDigestFormat,
		":00":                           errDigestFormat,
		"sha256":                        errDigestFormat,
		sha256[:70] + "\x00":            errDigestFormat,
		"sha256:" + "/../../etc/passwd": errDigestFormat,
	} {
		if d, err := parseDigest(s); !errors.Is(err, want) || err == nil && d.String() != s {
			t.Errorf("parseDigest(%q) = %q, %v; want error %v", s, d, err, want)
		}
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add(digest.FromString("x").String())
	f.Add("sha512:00")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parseDigest(s)
		if err == nil && (string(d) != s || d.Validate() != nil) {
			t.Errorf("parseDigest(%q) accepted what go-digest refuses", s)
		}
		if known := digest.Digest(s); err != nil && known.Validate() == nil && known.Algorithm() != digest.SHA384 {
			t.Errorf("parseDigest(%q) = %v, go-digest accepts it", s, err)
		}
	})
}

func TestSupportedAlgorithm(t *testing.T) {
	for name, want := range map[string]bool{
		"sha256": true, "sha512": true, "": false, "sha": false, "sha256:": false, "sha384": false,
	} {
		if got := registry.SupportedAlgorithm(name); got != want {
			t.Errorf("SupportedAlgorithm(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestValidUploadID(t *testing.T) {
	for id, want := range map[string]bool{
		"0b1c2d3e-0000-4000-8000-0123456789ab": true,
		"0B1c2d3e-0000-4000-8000-0123456789ab": false,
		"0b1c2d3e00000-4000-8000-0123456789ab": false,
		"0b1c2d3e-0000-4000-8000-0123456789a":  false,
		"":                                     false, "../../../../../../../../../../../../": false,
	} {
		if got := validUploadID(id); got != want {
			t.Errorf("validUploadID(%q) = %v, want %v", id, got, want)
		}
	}
}
