package registry

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func descriptor(mediaType, content string) string {
	return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, mediaType, digest.FromString(content), len(content))
}

var (
	config    = descriptor(ocispec.MediaTypeImageConfig, "{}")
	layer     = descriptor(ocispec.MediaTypeImageLayerGzip, "layer")
	foreign   = descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "foreign")
	nondist   = descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "nondist")
	child     = descriptor(ocispec.MediaTypeImageManifest, "child")
	fsLayers  = fmt.Sprintf(`"fsLayers":[{"blobSum":%q}]`, digest.FromString("layer"))
	huge      = fmt.Sprintf(`{"digest":%q,"size":%d}`, digest.FromString("huge"), int64(math.MaxInt64))
	imageBody = `"config":` + config + `,"layers":[` + layer + `]`
)

// manifests that are right, by a name.
var goodManifests = map[string]struct {
	declared, raw string
	layers        int
	children      int
	artifactType  string
	size          int64
}{
	"OCI image": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,` + imageBody + `}`, 2, 0, ocispec.MediaTypeImageConfig, 7,
	},
	"by its own mediaType": {
		"", `{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageManifest + `",` + imageBody + `}`, 2, 0,
		ocispec.MediaTypeImageConfig, 7,
	},
	"with parameters": {
		ocispec.MediaTypeImageManifest + "; charset=utf-8", `{"schemaVersion":2,` + imageBody + `}`, 2, 0,
		ocispec.MediaTypeImageConfig, 7,
	},
	"no layers": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,"config":` + config + `,"layers":[]}`, 1, 0,
		ocispec.MediaTypeImageConfig, 2,
	},
	"same layer twice": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,"config":` + config + `,"layers":[` + layer + `,` + layer + `]}`,
		2, 0, ocispec.MediaTypeImageConfig, 12,
	},
	"nondistributable": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,"config":` + config + `,"layers":[` + layer + `,` + foreign +
			`,` + nondist + `]}`, 2, 0, ocispec.MediaTypeImageConfig, 21,
	},
	"Docker image": {
		dockerManifest, `{"schemaVersion":2,"mediaType":"` + dockerManifest + `",` + imageBody + `}`, 2, 0,
		ocispec.MediaTypeImageConfig, 7,
	},
	"OCI index": {
		ocispec.MediaTypeImageIndex, `{"schemaVersion":2,"artifactType":"a/b","manifests":[` + child + `]}`, 0, 1, "a/b", 0,
	},
	"empty index":            {ocispec.MediaTypeImageIndex, `{"schemaVersion":2,"manifests":[]}`, 0, 0, "", 0},
	"Docker list":            {dockerList, `{"schemaVersion":2,"manifests":[` + child + `]}`, 0, 1, "", 0},
	"Docker schema 1":        {dockerSchema1, `{"schemaVersion":1,` + fsLayers + `}`, 1, 0, "", 0},
	"Docker schema 1 signed": {dockerSchema1Signed, `{"schemaVersion":1,` + fsLayers + `,"signatures":[]}`, 1, 0, "", 0},
	"artifact manifest": {
		ociArtifactManifest, `{"mediaType":"` + ociArtifactManifest + `","artifactType":"a/b","blobs":[` + layer + `]}`, 1, 0,
		"a/b", 5,
	},
}

// ambiguousManifests are read in two ways by programs that know of one another
// nothing. Each is as good as any but for that.
var ambiguousManifests = map[string]string{
	"layers twice":                 `{"schemaVersion":2,` + imageBody + `,"layers":[]}`,
	"layers twice, once escaped":   `{"schemaVersion":2,` + imageBody + `,"\u006cayers":[]}`,
	"Layers, too":                  `{"schemaVersion":2,` + imageBody + `,"Layers":[]}`,
	"Layers only":                  `{"schemaVersion":2,"config":` + config + `,"Layers":[` + layer + `]}`,
	"layerſ":                       `{"schemaVersion":2,` + imageBody + `,"layerſ":[]}`,
	"layerſ, escaped":              `{"schemaVersion":2,` + imageBody + `,"layer\u017f":[]}`,
	"Manifests":                    `{"schemaVersion":2,` + imageBody + `,"Manifests":null}`,
	"FSLayers":                     `{"schemaVersion":2,` + imageBody + `,"FSLayers":null}`,
	"mediatype":                    `{"schemaVersion":2,"mediatype":"` + dockerManifest + `",` + imageBody + `}`,
	"artifactType twice":           `{"schemaVersion":2,"artifactType":"a","artifactType":"b",` + imageBody + `}`,
	"an unknown member twice":      `{"schemaVersion":2,"x":1,"x":2,` + imageBody + `}`,
	"an unknown member in 2 cases": `{"schemaVersion":2,"x":{"y":1,"Y":2},` + imageBody + `}`,
	"Digest of a layer": `{"schemaVersion":2,"config":` + config + `,"layers":[{"Digest":"x",` +
		layer[1:] + `]}`,
	"digest of a layer twice": `{"schemaVersion":2,"config":` + config + `,"layers":[{"digest":"` +
		digest.FromString("x").String() + `",` + layer[1:] + `]}`,
	"size of the config twice": `{"schemaVersion":2,"config":{"size":1,` + config[1:] + `,"layers":[]}`,
	"OS of a platform":         `{"schemaVersion":2,"subject":{"platform":{"OS":"x"},` + child[1:] + `,` + imageBody + `}`,
	"an annotation twice":      `{"schemaVersion":2,` + imageBody + `,"annotations":{"a":"b","a":"b"}}`,
	"of a layer, too": `{"schemaVersion":2,"config":` + config + `,"layers":[{"annotations":{"a":"b","a":"c"},` +
		layer[1:] + `]}`,
	"annotations twice": `{"schemaVersion":2,` + imageBody + `,"annotations":{"a":"b"},"annotations":{"c":"d"}}`,
}

// TestAmbiguousManifests: what one program may read otherwise than another is not
// stored. It was, by earlier builds, and is still read where it is.
func TestAmbiguousManifests(t *testing.T) {
	for name, raw := range ambiguousManifests {
		if _, err := parseManifest([]byte(raw), ocispec.MediaTypeImageManifest); CodeOf(err) != InvalidManifest ||
			!strings.Contains(err.Error(), "at byte") {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := ReadManifest([]byte(raw), ocispec.MediaTypeImageManifest); err != nil &&
			!strings.Contains(name, "only") && !strings.Contains(name, "FSLayers") && !strings.Contains(name, "mediatype") {
			t.Errorf("%s, stored: %v", name, err)
		}
	}
	for _, raw := range []string{
		`{"schemaVersion":2,` + imageBody + `,"annotations":{"layers":"x","Layers":"y","LAYERS":"z"}}`,
		`{"schemaVersion":2,` + imageBody + `,"x":{"Layers":[],"digest":"x"},"New":[{"Size":1}]}`,
	} {
		if _, err := parseManifest([]byte(raw), ocispec.MediaTypeImageManifest); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
	twice := `{"schemaVersion":2,` + imageBody + `,"subject":` + child +
		`,"annotations":{"b":"1","a":"2"},"annotations":{"c":"3"}}`
	if m, _, err := ReadManifest([]byte(twice), ocispec.MediaTypeImageManifest); err != nil ||
		m.Annotations != `{"a":"2","b":"1","c":"3"}` {
		t.Errorf("annotations of an earlier build are %s, %v", m.Annotations, err)
	}
}

func TestAnnotationsAreBounded(t *testing.T) {
	manifest := func(annotations string) string {
		return `{"schemaVersion":2,` + imageBody + `,"subject":` + child + `,"annotations":` + annotations + `}`
	}
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"%d":""`, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	for annotations, ok := range map[string]bool{
		many(maxManifestMembers): true, many(maxManifestMembers + 1): false, many(300_000): false,
		`{"a":"` + strings.Repeat("b", maxAnnotationBytes-8) + `"}`: true,
		`{"a":"` + strings.Repeat("b", maxAnnotationBytes-7) + `"}`: false,
		`{"a":1}`: false, `{"a":null}`: false, `{"a":{}}`: false, `[]`: false, `null`: true, `{}`: true,
	} {
		p, err := parseManifest([]byte(manifest(annotations)), ocispec.MediaTypeImageManifest)
		if (err == nil) != ok || err != nil && CodeOf(err) != InvalidManifest {
			t.Errorf("%.40s, of %d bytes: %v", annotations, len(annotations), err)
		}
		if want := annotations; ok && len(want) > 4 && p.Annotations != want || ok && len(want) <= 4 && p.Annotations != "" {
			t.Errorf("%.40s became %.40s", annotations, p.Annotations)
		}
	}
	if p, err := parseManifest([]byte(manifest(" { \"b\" : \"<1>\",\n\t\"a\":\"\\u0041\" } ")),
		ocispec.MediaTypeImageManifest); err != nil || p.Annotations != `{"b":"<1>","a":"\u0041"}` {
		t.Errorf("kept as %s, %v", p.Annotations, err)
	}
}

var badManifests = map[string]struct{ declared, raw string }{
	"not UTF-8": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,"x":"` + "\xff" + `",` + imageBody + `}`,
	},
	"deep": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `,` +
			imageBody + `}`,
	},
	"empty":            {ocispec.MediaTypeImageManifest, ``},
	"truncated":        {ocispec.MediaTypeImageManifest, `{"schemaVersion":2,` + imageBody},
	"null":             {ocispec.MediaTypeImageManifest, `null`},
	"null artifact":    {ociArtifactManifest, `null`},
	"an array":         {ocispec.MediaTypeImageManifest, `[]`},
	"two documents":    {ocispec.MediaTypeImageManifest, `{"schemaVersion":2,` + imageBody + `}{}`},
	"no type at all":   {"", `{"schemaVersion":2,` + imageBody + `}`},
	"an unknown type":  {"application/json", `{"schemaVersion":2,` + imageBody + `}`},
	"a malformed type": {"a b c", `{"schemaVersion":2,` + imageBody + `}`},
	"types that differ": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,"mediaType":"` + dockerManifest + `",` + imageBody + `}`,
	},
	"schemaVersion 1":       {ocispec.MediaTypeImageManifest, `{"schemaVersion":1,` + imageBody + `}`},
	"no schemaVersion":      {ocispec.MediaTypeImageIndex, `{"manifests":[]}`},
	"schemaVersion as text": {ocispec.MediaTypeImageManifest, `{"schemaVersion":"2",` + imageBody + `}`},
	"schema 1 of version 2": {dockerSchema1, `{"schemaVersion":2,` + fsLayers + `}`},
	"no config":             {ocispec.MediaTypeImageManifest, `{"schemaVersion":2,"layers":[]}`},
	"image with manifests":  {ocispec.MediaTypeImageManifest, `{"schemaVersion":2,` + imageBody + `,"manifests":[]}`},
	"image with fsLayers": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,` + imageBody + `,` + fsLayers + `}`,
	},
	"index with layers": {ocispec.MediaTypeImageIndex, `{"schemaVersion":2,"manifests":[],"layers":[]}`},
	"index with config": {
		ocispec.MediaTypeImageIndex, `{"schemaVersion":2,"manifests":[],"config":` + config + `}`,
	},
	"index with LAYERS":    {ocispec.MediaTypeImageIndex, `{"schemaVersion":2,"manifests":[],"LAYERS":[]}`},
	"schema 1 with layers": {dockerSchema1, `{"schemaVersion":1,` + fsLayers + `,"layers":[]}`},
	"artifact with layers": {
		ociArtifactManifest, `{"mediaType":"` + ociArtifactManifest + `","blobs":[],"layers":[]}`,
	},
	"artifact with fsLayers": {
		ociArtifactManifest, `{"mediaType":"` + ociArtifactManifest + `","blobs":[],` + fsLayers + `}`,
	},
	"artifact without mediaType": {ociArtifactManifest, `{"blobs":[]}`},
	"bad digest": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,"config":{"digest":"sha256:../x"}}`,
	},
	"no digest": {ocispec.MediaTypeImageManifest, `{"schemaVersion":2,"config":{}}`},
	"upper-case digest": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,"config":{"digest":"sha256:` + strings.Repeat("A", 64) + `"}}`,
	},
	"negative size": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,"config":{"digest":"` + string(digest.FromString("")) +
			`","size":-1}}`,
	},
	"sizes that overflow": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,"config":` + config + `,"layers":[` + huge + `,` + huge + `]}`,
	},
	"size that overflows": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,"config":{"digest":"` + string(digest.FromString("")) +
			`","size":9223372036854775808}}`,
	},
	"bad subject": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,` + imageBody + `,"subject":{"digest":"x"}}`,
	},
	"long artifactType": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,"artifactType":"` + strings.Repeat("a", 256) + `",` +
			imageBody + `}`,
	},
	"too deep": {ocispec.MediaTypeImageManifest, `{"x":` + strings.Repeat("[", 20000)},
	"too large": {
		ocispec.MediaTypeImageManifest, `{"schemaVersion":2,` + imageBody + `}` + strings.Repeat(" ", MaxManifestSize),
	},
}

func TestParseManifest(t *testing.T) {
	for name, c := range goodManifests {
		p, err := parseManifest([]byte(c.raw), c.declared)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		layers, children := p.split()
		if len(layers) != c.layers || len(children) != c.children || p.ArtifactType != c.artifactType || p.size != c.size {
			t.Errorf("%s: %+v", name, p)
		}
		if bare, _, _ := strings.Cut(c.declared, ";"); c.declared != "" && p.MediaType != bare {
			t.Errorf("%s: media type %q", name, p.MediaType)
		}
	}
	for name, c := range badManifests {
		if p, err := parseManifest([]byte(c.raw), c.declared); CodeOf(err) != InvalidManifest {
			t.Errorf("%s: %v, %+v", name, err, p)
		}
	}
	whole := `{"schemaVersion":2,` + imageBody + `}`
	if _, err := parseManifest([]byte(whole+strings.Repeat(" ", MaxManifestSize-len(whole))),
		ocispec.MediaTypeImageManifest); err != nil {
		t.Errorf("as large as is allowed: %v", err)
	}
}

func TestParseManifestKeepsAnnotationsOfReferrers(t *testing.T) {
	subject := `,"subject":` + child + `,"annotations":{"a":"b"}}`
	p, err := parseManifest([]byte(`{"schemaVersion":2,`+imageBody+subject), ocispec.MediaTypeImageManifest)
	if err != nil || p.Subject != digest.FromString("child") || p.Annotations != `{"a":"b"}` {
		t.Errorf("%+v, %v", p, err)
	}
	for _, r := range p.References {
		if r.Digest == string(p.Subject) {
			t.Error("a subject must not be needed")
		}
	}
	if p, err := parseManifest([]byte(`{"schemaVersion":2,`+imageBody+`,"annotations":{"a":"b"}}`),
		ocispec.MediaTypeImageManifest); err != nil || p.Annotations != "" {
		t.Errorf("%+v, %v", p, err)
	}
}

func FuzzParseManifest(f *testing.F) {
	for _, c := range goodManifests {
		f.Add([]byte(c.raw), c.declared)
	}
	for _, c := range badManifests {
		if len(c.raw) < 1<<16 {
			f.Add([]byte(c.raw), c.declared)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, declared string) {
		p, err := parseManifest(raw, declared)
		if err != nil {
			if CodeOf(err) != InvalidManifest {
				t.Errorf("%v", err)
			}
			if len(err.Error()) > 2000 || !utf8.ValidString(err.Error()) {
				t.Errorf("the error is long or no UTF-8: %q", err)
			}
			return
		}
		if !json.Valid(raw) || p.size < 0 {
			t.Errorf("accepted: %+v", p)
		}
		if _, ok := forms[p.MediaType]; !ok {
			t.Errorf("media type %q", p.MediaType)
		}
		seen := map[string]bool{}
		for _, r := range p.References {
			if seen[r.Digest] || validDigest(digest.Digest(r.Digest)) != nil {
				t.Errorf("reference %+v", r)
			}
			seen[r.Digest] = true
		}
		if p.Annotations != "" && !json.Valid([]byte(p.Annotations)) {
			t.Errorf("annotations %q", p.Annotations)
		}
	})
}

var (
	// ECR's RepositoryName, matched whole, of 2 to 256 characters.
	repositoryName = regexp.MustCompile(`\A[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\z`)
	// The distribution-spec's tag.
	tagGrammar = regexp.MustCompile(`\A[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\z`)
)

var names = []string{
	"", "a", "ab", "a/b", "team/app", "a..b", "a.b", "a_b", "a__b", "a___b", "a-b", "a---b", "a-_b", "/a", "a/", "a//b",
	"A/b", "-a", "a-", "a_", "_a",
	"../x", "a/../b", "a\n", "ab\x00", "é", "a b", "a.", "a/.b", strings.Repeat("a", 256), strings.Repeat("a", 257),
	"latest", "v1.0", ".a", "a:b", strings.Repeat("t", 128), strings.Repeat("t", 129),
}

func checkName(t *testing.T, s string) {
	if want := len(s) >= 2 && len(s) <= 256 && repositoryName.MatchString(s); (validName(s) == nil) != want {
		t.Errorf("repository name %q: %v, ECR says %v", s, validName(s), want)
	}
	if want := tagGrammar.MatchString(s); (validTag(s) == nil) != want {
		t.Errorf("tag %q: %v, the grammar says %v", s, validTag(s), want)
	}
}

func TestNames(t *testing.T) {
	for _, s := range names {
		checkName(t, s)
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range names {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkName(t, s) })
}

var wildcards = [][2]string{
	{"", ""}, {"", "a"}, {"*", ""}, {"*", "abc"}, {"a*", "a"}, {"a*", "b"}, {"*a", "ba"}, {"a*a", "a"}, {"a*a", "aa"},
	{"a*b*c", "aXbYc"},
	{"a*b*c", "acb"}, {"*a*b*", "xaxbx"}, {"**", "x"}, {"*ab*ab", "ab"}, {"*ab*ab", "abab"}, {"v*.*", "v1"},
	{"a.c", "abc"}, {"a+", "aa"}, {"*b", "bb"},
}

// checkWildcard compares with a regular expression of the same meaning.
func checkWildcard(t *testing.T, filter, s string) {
	want := regexp.MustCompile(`(?s)\A` + strings.ReplaceAll(regexp.QuoteMeta(filter), `\*`, `.*`) + `\z`).MatchString(s)
	if got := matchWildcard(filter, s); got != want {
		t.Errorf("%q matches %q: %v, want %v", filter, s, got, want)
	}
}

func TestMatchWildcard(t *testing.T) {
	for _, w := range wildcards {
		checkWildcard(t, w[0], w[1])
	}
}

func FuzzMatchWildcard(f *testing.F) {
	for _, w := range wildcards {
		f.Add(w[0], w[1])
	}
	f.Fuzz(func(t *testing.T, filter, s string) {
		if len(filter) > 128 || !utf8.ValidString(filter) || !utf8.ValidString(s) {
			return // filters and tags are short ASCII
		}
		checkWildcard(t, filter, s)
	})
}

// BenchmarkManifest compares what it costs to check that all programs read a
// manifest alike with what it costs to read it.
func BenchmarkManifest(b *testing.B) {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromString("config"), Size: 7023},
	}
	for i := range 10 {
		m.Layers = append(m.Layers, ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromString(fmt.Sprint(i)), Size: 32654,
		})
	}
	raw, err := json.MarshalIndent(m, "", "   ")
	if err != nil {
		b.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"check": func() error { return checkJSON(raw) },
		"read":  func() error { _, err := readManifest(raw, m.MediaType); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
