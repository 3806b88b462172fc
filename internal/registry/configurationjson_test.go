package registry

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// FuzzParseConfiguration compares what is read of a configuration with what OCI's own types make of it, which
// runtimes use.
func FuzzParseConfiguration(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"os":"linux","architecture":"arm64","variant":"v8","author":"Ann"}`,
		`{"config":{"User":"a","Env":["A=1",""],"Entrypoint":["/a"],"Cmd":null,"WorkingDir":"/","Labels":{"a":"b"}}}`,
		`{"config":{"ExposedPorts":{"80/tcp":{}},"Volumes":{"/b":{},"/a":{}},"StopSignal":"SIGINT","OnBuild":[1]}}`,
		`{"history":[{"created_by":"RUN","comment":"c","empty_layer":true},{"author":"x"}],"rootfs":{"diff_ids":[]}}`,
		`{"os":"a","OS":"b"}`, `{"config":{"env":["x"]}}`, `{"history":[null]}`, `{"x":[[[{"y":1e9}]]]}`,
		"{\"os\":\"\\u0000\\ud800\"}",
	} {
		f.Add([]byte(seed), 1)
	}
	f.Fuzz(func(t *testing.T, raw []byte, layers int) {
		if len(raw) > MaxConfigurationSize || layers < 0 {
			return
		}
		c, err := parseConfiguration(raw, layers)
		if err != nil {
			return
		}
		for _, list := range [][]string{c.OSFeatures, c.Entrypoint, c.Command, c.Environment, c.ExposedPorts, c.Volumes} {
			if len(list) > MaxConfigurationItems {
				t.Fatalf("a list of %d", len(list))
			}
		}
		numbered := 0
		for _, e := range c.History {
			if e.Layer >= layers || e.Layer >= 0 && e.Layer != numbered || e.Layer >= 0 && e.EmptyLayer {
				t.Fatalf("of %d layers: %+v", layers, c.History)
			}
			if e.Layer >= 0 {
				numbered++
			}
		}
		var other ocispec.Image
		if json.Unmarshal(raw, &other) != nil || c.Truncated {
			return // of a time that is none, or of members that nobody shows
		}
		oc := other.Config
		if c.OS != other.OS || c.Architecture != other.Architecture || c.Variant != other.Variant ||
			c.Author != other.Author || c.User != oc.User || c.WorkingDirectory != oc.WorkingDir ||
			c.StopSignal != oc.StopSignal || !slices.Equal(c.Environment, oc.Env) ||
			!slices.Equal(c.Entrypoint, oc.Entrypoint) || !slices.Equal(c.Command, oc.Cmd) ||
			!maps.Equal(c.Labels, oc.Labels) || len(c.History) != len(other.History) ||
			!slices.Equal(c.Volumes, slices.Sorted(maps.Keys(oc.Volumes))) ||
			!slices.Equal(c.ExposedPorts, slices.Sorted(maps.Keys(oc.ExposedPorts))) {
			t.Fatalf("%s\nis read as %+v\nby others as %+v", raw, c, other)
		}
		for i, e := range c.History {
			if o := other.History[i]; e.CreatedBy != o.CreatedBy || e.EmptyLayer != o.EmptyLayer || e.Author != o.Author ||
				e.Comment != o.Comment {
				t.Fatalf("%s\nhas the step %+v, to others %+v", raw, e, o)
			}
		}
	})
}
