// Package awsmodel reads AWS's published service models, as botocore ships them
// (data/<service>/<version>/service-2.json.gz), for the programs that generate
// shapes, limits and dispatch tables from them.
package awsmodel

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Model is the part of a service model that is needed.
type Model struct {
	// Digest is the SHA-256 of the model's JSON text: generated files name it,
	// so that a later run can tell another edition from a stale file.
	Digest     string
	Operations []Operation // in order of name
	Shapes     map[string]*Shape
}

// Operation has the names of its shapes, each "" if there is none.
type Operation struct{ Name, Input, Output string }

// Shape is a type.
type Shape struct {
	Type      string    `json:"type"`
	Members   Members   `json:"members"`
	Required  []string  `json:"required"`
	Member    Reference `json:"member"` // of a list
	Value     Reference `json:"value"`  // of a map
	Enum      []string  `json:"enum"`
	Min       *int64    `json:"min"`
	Max       *int64    `json:"max"`
	Pattern   string    `json:"pattern"`
	Exception bool      `json:"exception"`
	Fault     bool      `json:"fault"`
	Error     Error     `json:"error"` // of an exception, in the Query protocol
}

// Reference names a shape.
type Reference struct {
	Shape string `json:"shape"`
}

// Error is how an exception is written.
type Error struct {
	Code   string `json:"code"`
	Status int    `json:"httpStatusCode"`
}

// Member is one of a structure.
type Member struct{ Name, Shape string }

// Members keeps the order of the model, which is the order of validation.
type Members []Member

// UnmarshalJSON implements json.Unmarshaler.
func (m *Members) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil { // the opening brace
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var r Reference
		if err := d.Decode(&r); err != nil {
			return err
		}
		*m = append(*m, Member{fmt.Sprint(name), r.Shape})
	}
	return nil
}

// Has says whether a structure has the member.
func (s *Shape) Has(name string) bool {
	return slices.ContainsFunc(s.Members, func(m Member) bool { return m.Name == name })
}

// Requires says whether a structure must have the member.
func (s *Shape) Requires(name string) bool { return slices.Contains(s.Required, name) }

// Limited says whether the model demands anything of a value.
func (s *Shape) Limited() bool {
	return s.Min != nil || s.Max != nil || s.Pattern != "" || len(s.Enum) > 0
}

// ErrNone says that no model was found.
var ErrNone = errors.New("no model found: name the file with -model or the environment variable, or install botocore for " +
	"python3")

// Installed finds the model of a service in the botocore that python3 imports.
func Installed(service, version string) (string, error) {
	out, err := exec.Command("python3", "-c", "import botocore; print(botocore.__path__[0])").Output()
	if err != nil {
		return "", ErrNone
	}
	path := filepath.Join(strings.TrimSpace(string(out)), "data", service, version, "service-2.json.gz")
	if _, err := os.Stat(path); err != nil {
		return "", ErrNone
	}
	return path, nil
}

// Load reads a model, which may be compressed.
func Load(path string) (*Model, error) {
	text, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("reading the service model %s: %w", path, err)
	}
	var published struct {
		Operations map[string]struct{ Input, Output Reference }
		Shapes     map[string]*Shape
	}
	if err := json.Unmarshal(text, &published); err != nil {
		return nil, fmt.Errorf("parsing the service model %s: %w", path, err)
	}
	digest := sha256.Sum256(text)
	m := &Model{Digest: hex.EncodeToString(digest[:]), Shapes: published.Shapes}
	for _, name := range slices.Sorted(maps.Keys(published.Operations)) {
		op := published.Operations[name]
		m.Operations = append(m.Operations, Operation{name, op.Input.Shape, op.Output.Shape})
	}
	return m, nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !strings.HasSuffix(path, ".gz") {
		return io.ReadAll(f)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// Reachable returns the names of all shapes that the given ones lead to.
func (m *Model) Reachable(roots []string) (map[string]bool, error) {
	seen := make(map[string]bool)
	var walk func(name string) error
	walk = func(name string) error {
		if seen[name] {
			return nil
		}
		s := m.Shapes[name]
		if s == nil {
			return fmt.Errorf("shape %s is used but not defined", name)
		}
		seen[name] = true
		for _, member := range s.Members {
			if err := walk(member.Shape); err != nil {
				return err
			}
		}
		for _, r := range []Reference{s.Member, s.Value} {
			if r.Shape != "" {
				if err := walk(r.Shape); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, root := range roots {
		if err := walk(root); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// Bounds writes the least and the greatest length or value as two arguments in Go.
func (s *Shape) Bounds() string {
	low, high := "awsjson.Unlimited", "awsjson.Unlimited"
	if s.Min != nil {
		low = fmt.Sprint(*s.Min)
	}
	if s.Max != nil {
		high = fmt.Sprint(*s.Max)
	}
	return low + ", " + high
}
