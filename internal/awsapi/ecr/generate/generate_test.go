package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/twinport/twinport/internal/awsapi/awsmodel"
)

// The committed files must be what the generator makes of the model that they
// name. Another edition of the model proves nothing about them.
func TestGeneratedFilesAreInStep(t *testing.T) {
	path := os.Getenv("ECR_MODEL")
	if path == "" {
		var err error
		if path, err = installedModel(); errors.Is(err, awsmodel.ErrNone) {
			t.Skip("left out: ", err)
		}
	}
	m, err := loadModel(path)
	if err != nil {
		t.Fatal(err)
	}
	files, err := emit(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(got, []byte("// Model: sha256:"+m.Digest)) {
			t.Skipf("left out: %s was generated from another edition of the model than %s; run go generate to take that one",
				name, path)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is stale: run go generate ./internal/awsapi/ecr", name)
		}
	}
}

func TestTypeScript(t *testing.T) {
	low, high := int64(1), int64(2)
	m := &model{always: map[string][]string{"Thing": {"kind"}}, Model: &awsmodel.Model{Shapes: map[string]*awsmodel.Shape{
		"Thing": {Type: "structure", Required: []string{"name"}, Members: awsmodel.Members{
			{Name: "name", Shape: "Name"}, {Name: "kind", Shape: "Kind"},
			{Name: "at", Shape: "Time"}, {Name: "names", Shape: "Names"}, {Name: "by", Shape: "Map"},
		}},
		"Name":  {Type: "string", Min: &low, Max: &high, Pattern: `[a/]\\\/b/`},
		"Kind":  {Type: "string", Enum: []string{"A", "B"}},
		"Time":  {Type: "timestamp"},
		"Names": {Type: "list", Member: awsmodel.Reference{Shape: "Name"}, Max: &high},
		"Map":   {Type: "map", Value: awsmodel.Reference{Shape: "Thing"}},
	}}}
	g, err := newGenerator(m, []string{"Thing"}, []string{"Thing"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := g.writeInterface(&b, "Thing", m.Shapes["Thing"]); err != nil {
		t.Fatal(err)
	}
	writeUnion(&b, "Kind", m.Shapes["Kind"].Enum)
	for _, name := range []string{"Name", "Kind", "Names"} {
		if err := g.writeLimit(&b, name, m.Shapes[name]); err != nil {
			t.Fatal(err)
		}
	}
	const want = `export interface Thing {
  name: string;
  kind: Kind;
  at?: number;
  names?: string[];
  by?: Record<string, Thing>;
}

export type Kind = 'A' | 'B';

export const limitsName = { min: 1, max: 2, pattern: /^(?:[a/]\\\/b\/)$/ };
export const limitsNames = { max: 2 };
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestModelThatDoesNotFit(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":        `{`,
		"no shapes":      `{"operations":{},"shapes":{}}`,
		"unknown shape":  `{"operations":{"A":{"name":"A","input":{"shape":"I"},"output":{"shape":"O"}}},"shapes":{"ReplicationRuleList":{"type":"list"},"ImageReplicationStatus":{"type":"structure"}}}`,
		"no such folder": "",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "service-2.json")
			if text != "" {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := run(path, t.TempDir()); err == nil {
				t.Error("the generator accepted it")
			}
		})
	}
}
