package registry_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// configured pushes an image with layers of the given contents, whose config has the given bytes and media type.
func (d *domain) configured(ref resource.Repository, mediaType, configType, config string,
	layers ...string) digest.Digest {
	d.t.Helper()
	c := d.pushLayer(ref, config)
	c.MediaType = configType
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: mediaType, Config: c, Layers: []ocispec.Descriptor{},
		Annotations: map[string]string{"org.opencontainers.image.title": "\u202etitle"},
	}
	for _, l := range layers {
		m.Layers = append(m.Layers, d.pushLayer(ref, l))
	}
	return d.put(ref, marshal(d.t, m))
}

func (d *domain) content(ref resource.Repository, image digest.Digest) registry.ImageContent {
	d.t.Helper()
	c, err := d.ImageContent(ctx, root(ref.Registry.Account), ref, registry.Reference{Digest: image})
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

const (
	dockerManifestType = "application/vnd.docker.distribution.manifest.v2+json"
	dockerConfigType   = "application/vnd.docker.container.image.v1+json"
)

func TestImageContent(t *testing.T) {
	d := openStill(t)
	ref := in(prod)
	d.create(ref)
	const config = `{
		"architecture":"arm","variant":"v7","os":"linux","os.version":"1","os.features":["a"],
		"created":"2026-11-30T01:02:03.000004Z","author":"Ann","docker_version":"1","container_config":{"Env":[1]},
		"config":{"User":"app:app","ExposedPorts":{"443/tcp":{},"80/tcp":{}},"Env":["A=1","B= "],"Entrypoint":["/app"],
			"Cmd":["serve","\u001b[31m"],"Volumes":{"/data":{}},"WorkingDir":"/srv","Labels":{"k":"v\u0000"},
			"StopSignal":"SIGINT","OnBuild":null,"Healthcheck":{"Test":["CMD","x"]}},
		"rootfs":{"type":"layers","diff_ids":["sha256:1"]},
		"history":[{"created":"2026-11-30T01:02:03Z","created_by":"COPY . /","comment":"buildkit"},
			{"created_by":"ENV A=1","empty_layer":true,"author":"Ben"},{"created_by":"RUN make"}]}`
	want := &registry.Configuration{
		Architecture: "arm", Variant: "v7", OS: "linux", OSVersion: "1", OSFeatures: []string{"a"},
		CreatedAt: time.Date(2026, 11, 30, 1, 2, 3, 4000, time.UTC), Author: "Ann", User: "app:app",
		ExposedPorts: []string{"443/tcp", "80/tcp"}, Environment: []string{"A=1", "B= "}, Entrypoint: []string{"/app"},
		Command: []string{"serve", "\x1b[31m"}, Volumes: []string{"/data"}, WorkingDirectory: "/srv",
		Labels: map[string]string{"k": "v\x00"}, StopSignal: "SIGINT",
		History: []registry.HistoryEntry{
			{CreatedAt: time.Date(2026, 11, 30, 1, 2, 3, 0, time.UTC), CreatedBy: "COPY . /", Comment: "buildkit"},
			{CreatedBy: "ENV A=1", EmptyLayer: true, Author: "Ben", Layer: -1},
			{CreatedBy: "RUN make", Layer: 1},
		},
	}
	for mediaType, configType := range map[string]string{
		ocispec.MediaTypeImageManifest: ocispec.MediaTypeImageConfig, dockerManifestType: dockerConfigType,
	} {
		image := d.configured(ref, mediaType, configType, config, "first", "second")
		got := d.content(ref, image)
		if got.ConfigurationStatus != registry.ConfigurationAvailable || !reflect.DeepEqual(got.Configuration, want) {
			t.Errorf("%s: %s %s %+v", mediaType, got.ConfigurationStatus, got.ConfigurationReason, got.Configuration)
		}
		if got.Digest != image || got.MediaType != mediaType || got.Config.Size != int64(len(config)) ||
			got.LayerCount != 2 || len(got.Layers) != 2 || got.Layers[1].Digest != digest.FromString("second") ||
			got.Layers[1].Size != 6 || got.Annotations["org.opencontainers.image.title"] != "\u202etitle" ||
			got.Platforms != nil {
			t.Errorf("%s: %+v", mediaType, got)
		}
		described, err := d.DescribeImages(ctx, root(prodAccount), ref, []registry.Reference{{Digest: image}})
		if err != nil || !described[0].LastPulledAt.IsZero() {
			t.Errorf("it counts as a pull: %+v, %v", described, err)
		}
	}
	tagged := d.put(ref, d.image(ref, "one"), "1")
	if got, err := d.ImageContent(ctx, root(prodAccount), ref, registry.Reference{Tag: "1"}); err != nil ||
		got.Digest != tagged || !reflect.DeepEqual(got.Configuration, &registry.Configuration{}) {
		t.Errorf("by tag: %+v, %v", got, err)
	}
}

func TestContentWithoutConfiguration(t *testing.T) {
	d := openStill(t)
	ref := in(prod)
	d.create(ref)
	chart := d.content(ref, d.configured(ref, ocispec.MediaTypeImageManifest, "application/vnd.cncf.helm.config.v1+json",
		`{"name":"chart"}`, "chart"))
	if chart.ConfigurationStatus != registry.ConfigurationArtifact || chart.Configuration != nil ||
		chart.LayerCount != 1 || !strings.Contains(chart.ConfigurationReason, "helm") {
		t.Errorf("a chart: %+v", chart)
	}

	a, b := d.image(ref, "a"), d.image(ref, "b")
	d.put(ref, a)
	d.put(ref, b)
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	for raw, platform := range map[string]*ocispec.Platform{
		string(a): {OS: "linux", Architecture: "arm64"}, string(b): nil,
	} {
		index.Manifests = append(index.Manifests, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest,
			Digest: digest.FromString(raw), Size: int64(len(raw)), Platform: platform})
	}
	got := d.content(ref, d.put(ref, marshal(t, index)))
	if got.ConfigurationStatus != registry.ConfigurationNone || got.PlatformCount != 2 || got.LayerCount != 0 {
		t.Errorf("an index: %+v", got)
	}
	for i, p := range got.Platforms {
		want := ""
		if p.Digest == digest.FromBytes(a) {
			want = "linux/arm64"
		}
		if p.Digest != index.Manifests[i].Digest || p.Platform != want || p.ManifestSize != int64(len(a)) {
			t.Errorf("of an index: %+v", p)
		}
	}
	// The index may name more than is shown.
	for i := range 150 {
		raw := d.image(ref, fmt.Sprint(i))
		d.put(ref, raw)
		index.Manifests = append(index.Manifests, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest,
			Digest: digest.FromBytes(raw), Size: int64(len(raw))})
	}
	if got = d.content(ref, d.put(ref, marshal(t, index))); got.PlatformCount != 152 || len(got.Platforms) != 100 {
		t.Errorf("a large index: %d of %d", len(got.Platforms), got.PlatformCount)
	}

	large := d.content(ref, d.configured(ref, ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageConfig,
		`{"author":"`+strings.Repeat("x", registry.MaxConfigurationSize)+`"}`, "layer"))
	if large.ConfigurationStatus != registry.ConfigurationTooLarge || large.LayerCount != 1 {
		t.Errorf("a large config: %+v", large)
	}
}

// Whoever may push an image can write anything into its config.
func TestHostileConfigurations(t *testing.T) {
	d := openStill(t)
	ref := in(prod)
	d.create(ref)
	push := func(config string) registry.ImageContent {
		return d.content(ref, d.configured(ref, ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageConfig, config, "l"))
	}
	for config, want := range map[string]string{
		``:                                     "ends before",
		`null`:                                 "it is null, not an object",
		`[]`:                                   "it is an array",
		`{`:                                    "ends before",
		`{} {}`:                                "after the end",
		"\xff":                                 "not UTF-8",
		`{"os":7}`:                             "os is a number, not a string",
		`{"config":[]}`:                        "config is an array, not an object",
		`{"config":{"Env":"A=1"}}`:             "config.Env is a string, not an array",
		`{"config":{"Env":["A",{}]}}`:          "config.Env[1] is an object, not a string",
		`{"config":{"Cmd":[null]}}`:            "config.Cmd[0] is null",
		`{"config":{"Labels":{"a":1}}}`:        "config.Labels.a is a number",
		`{"config":{"Labels":["a"]}}`:          "config.Labels is an array",
		`{"config":{"Volumes":["/a"]}}`:        "config.Volumes is an array",
		`{"history":{}}`:                       "history is an object",
		`{"history":[1]}`:                      "history[0] is a number",
		`{"history":[{"empty_layer":"true"}]}`: "history[0].empty_layer is a string, not a boolean",
		`{"created":7}`:                        "created is a number",
		`{"os":"linux","os":"windows"}`:        "a second time",
		`{"config":{"User":"app","user":"root"}}`:                           "case",
		`{"config":{"Labels":{"a":"1","a":"2"}}}`:                           "a second time",
		`{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`: "deeply",
	} {
		got := push(config)
		if got.ConfigurationStatus != registry.ConfigurationInvalid || got.Configuration != nil || got.LayerCount != 1 ||
			!strings.Contains(got.ConfigurationReason, want) || len(got.ConfigurationReason) > 300 {
			t.Errorf("%.60s: %s %s, want …%s…", config, got.ConfigurationStatus, got.ConfigurationReason, want)
		}
	}
	// null is what Docker writes for what there is none of; a time that is none is left out.
	nulls := push(`{"os":null,"config":{"Env":null,"Labels":null,"Volumes":null},"history":null,"created":"yesterday"}`)
	if c := nulls.Configuration; c == nil || len(c.Environment)+len(c.Labels)+len(c.Volumes)+len(c.History) > 0 ||
		!c.CreatedAt.IsZero() {
		t.Errorf("nulls: %+v", nulls)
	}
	if c := push(`{"config":null}`).Configuration; c == nil {
		t.Error("config: null is refused")
	}

	// Lists as long as a config may be.
	most := registry.MaxConfigurationItems
	many := func(element string, n int) string { return element + strings.Repeat(","+element, n-1) }
	long := push(`{"history":[` + many(`{}`, 300_000) + `]}`).Configuration
	if long == nil || len(long.History) != most || !long.Truncated || long.History[0].Layer != -1 {
		t.Errorf("a long history: %+.200v", long)
	}
	long = push(`{"config":{"Env":[` + many(`""`, 300_000) + `]}}`).Configuration
	if long == nil || len(long.Environment) != most || !long.Truncated {
		t.Errorf("a long environment: %+.200v", long)
	}
	var labels strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&labels, `,"%d":"%d"`, i, i)
	}
	long = push(`{"config":{"Labels":{` + labels.String()[1:] + `}}}`).Configuration
	if long == nil || len(long.Labels) != most || !long.Truncated {
		t.Errorf("many labels: %+.200v", long)
	}
	for i := range 9000 {
		fmt.Fprintf(&labels, `,"a%d":""`, i)
	}
	if got := push(`{"config":{"Labels":{` + labels.String()[1:] + `}}}`); got.Configuration != nil ||
		!strings.Contains(got.ConfigurationReason, "members") {
		t.Errorf("very many labels: %s", got.ConfigurationReason)
	}
	// Fewer or more steps than layers: which made which is not known.
	for _, history := range []string{`[]`, `[{"empty_layer":true}]`, `[{},{}]`} {
		for _, e := range push(`{"history":` + history + `}`).Configuration.History {
			if e.Layer != -1 {
				t.Errorf("%s: %+v", history, e)
			}
		}
	}
}

// What the repository has of an image is shown, also where its config is gone.
func TestContentWhoseConfigIsLost(t *testing.T) {
	d := openStill(t)
	ref := in(prod)
	d.create(ref)
	image := d.configured(ref, ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageConfig, `{"os":"linux"}`, "layer")
	config := d.content(ref, image).Config.Digest
	want := func(what string, status registry.ConfigurationStatus) {
		t.Helper()
		if got := d.content(ref, image); got.ConfigurationStatus != status || got.LayerCount != 1 {
			t.Errorf("%s: %+v", what, got)
		}
	}
	d.loseBytes(config)
	want("bytes lost", registry.ConfigurationMissing)
	if _, err := d.PutLayer(ctx, root(prodAccount), ref, config, strings.NewReader(`{"os":"linux"}`)); err != nil {
		t.Fatal(err)
	}
	want("pushed again", registry.ConfigurationAvailable)
	if err := d.loseLink(ref, config); err != nil {
		t.Fatal(err)
	}
	want("not linked", registry.ConfigurationMissing)
}

func TestImageContentIsRefused(t *testing.T) {
	d := openStill(t)
	ref := in(prod)
	d.create(ref)
	image := d.put(ref, d.image(ref, "one"), "1")
	read := func(c access.Caller, ref resource.Repository, r registry.Reference) error {
		_, err := d.ImageContent(ctx, c, ref, r)
		return err
	}
	wantCode(t, "no reference", read(root(prodAccount), ref, registry.Reference{}), registry.InvalidParameter)
	wantCode(t, "no such tag", read(root(prodAccount), ref, registry.Reference{Tag: "2"}), registry.ImageNotFound)
	wantCode(t, "no such repository", read(root(prodAccount), resource.Repository{Registry: prod, Name: "none"},
		registry.Reference{Tag: "1"}), registry.RepositoryNotFound)
	for _, actions := range [][]string{nil, {"ecr:BatchGetImage"}, {"ecr:GetDownloadUrlForLayer"}} {
		if actions != nil {
			if err := d.SetRepositoryPolicy(ctx, root(prodAccount), ref, statement("Allow", devAccount, actions...),
				false); err != nil {
				t.Fatal(err)
			}
		}
		wantCode(t, fmt.Sprint("another account with ", actions), read(root(devAccount), ref,
			registry.Reference{Digest: image}), registry.AccessDenied)
	}
	if err := d.SetRepositoryPolicy(ctx, root(prodAccount), ref,
		statement("Allow", devAccount, "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"), false); err != nil {
		t.Fatal(err)
	}
	if err := read(root(devAccount), ref, registry.Reference{Digest: image}); err != nil {
		t.Errorf("another account that may pull: %v", err)
	}
}
