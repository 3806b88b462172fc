package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
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

//go:embed supplement.json
var supplementJSON []byte

// model is the part of a botocore service model that is needed.
type model struct {
	// digest is the SHA-256 of the model's JSON text: generated files name it,
	// so that a later run can tell another edition from a stale file.
	digest     string
	operations []operation // in order of name
	shapes     map[string]*shape
	// always are the members, by shape, that Twinport's answers always have. The
	// published model requires nearly nothing of answers.
	always map[string][]string
	// optional are the strings, by shape, of requests in which an empty one says
	// other than none. They are pointers.
	optional map[string][]string
	// own are the strings that ECR checks itself: its words for what is wrong with
	// them are other than those for the rest. An element of a list that has a name
	// is reported by that name, as if it were no element.
	own map[string]ownString
}

type ownString struct {
	ElementName string `json:"elementName"`
}

type operation struct{ name, input, output string }

type shape struct {
	Type      string    `json:"type"`
	Members   members   `json:"members"`
	Required  []string  `json:"required"`
	Member    reference `json:"member"` // of a list
	Value     reference `json:"value"`  // of a map
	Enum      []string  `json:"enum"`
	Min       *int64    `json:"min"`
	Max       *int64    `json:"max"`
	Pattern   string    `json:"pattern"`
	Exception bool      `json:"exception"`
	Fault     bool      `json:"fault"`
}

type reference struct {
	Shape string `json:"shape"`
}

type member struct{ name, shape string }

// members keeps the order of the model, which is the order of validation.
type members []member

func (m *members) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil { // the opening brace
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var r reference
		if err := d.Decode(&r); err != nil {
			return err
		}
		*m = append(*m, member{fmt.Sprint(name), r.Shape})
	}
	return nil
}

var errNoModel = errors.New("no ECR model found: name the file with -model or ECR_MODEL, or install botocore for python3")

// installedModel finds the model of the botocore that python3 imports.
func installedModel() (string, error) {
	out, err := exec.Command("python3", "-c", "import botocore; print(botocore.__path__[0])").Output()
	if err != nil {
		return "", errNoModel
	}
	path := filepath.Join(strings.TrimSpace(string(out)), "data", "ecr", "2015-09-21", "service-2.json.gz")
	if _, err := os.Stat(path); err != nil {
		return "", errNoModel
	}
	return path, nil
}

func loadModel(path string) (*model, error) {
	text, err := readModel(path)
	if err != nil {
		return nil, fmt.Errorf("reading the ECR model %s: %w", path, err)
	}
	var published struct {
		Operations map[string]struct{ Input, Output reference }
		Shapes     map[string]*shape
	}
	if err := json.Unmarshal(text, &published); err != nil {
		return nil, fmt.Errorf("parsing the ECR model %s: %w", path, err)
	}
	var supplement struct {
		Operations map[string]struct{ Input, Output string }
		Limits     map[string]struct {
			Min, Max *int64
			Pattern  string
		}
		Members  map[string]members
		Shapes   map[string]*shape
		Always   map[string][]string
		Own      map[string]ownString
		Optional map[string][]string
	}
	if err := json.Unmarshal(supplementJSON, &supplement); err != nil {
		return nil, fmt.Errorf("parsing supplement.json: %w", err)
	}

	digest := sha256.Sum256(text)
	m := &model{
		digest: hex.EncodeToString(digest[:]), shapes: published.Shapes, always: supplement.Always, own: supplement.Own,
		optional: supplement.Optional,
	}
	operations := make(map[string]operation)
	for name, op := range supplement.Operations {
		operations[name] = operation{name, op.Input, op.Output}
	}
	// A published shape or operation replaces the supplement's.
	for name, op := range published.Operations {
		operations[name] = operation{name, op.Input.Shape, op.Output.Shape}
	}
	for _, name := range slices.Sorted(maps.Keys(operations)) {
		m.operations = append(m.operations, operations[name])
	}
	for name, s := range supplement.Shapes {
		if m.shapes[name] == nil {
			m.shapes[name] = s
		}
	}
	for name, limit := range supplement.Limits {
		s := m.shapes[name]
		if s == nil {
			return nil, fmt.Errorf("supplement.json limits shape %s, which the model does not have", name)
		}
		if limit.Min != nil {
			s.Min = limit.Min
		}
		if limit.Max != nil {
			s.Max = limit.Max
		}
		s.Pattern = cmp.Or(limit.Pattern, s.Pattern)
	}
	for name, added := range supplement.Members {
		s := m.shapes[name]
		if s == nil {
			return nil, fmt.Errorf("supplement.json adds members to shape %s, which the model does not have", name)
		}
		for _, add := range added {
			if !s.has(add.name) {
				s.Members = append(s.Members, add)
			}
		}
	}
	for name := range supplement.Own {
		if m.shapes[name] == nil {
			return nil, fmt.Errorf("supplement.json says that ECR checks shape %s itself, which the model does not have", name)
		}
	}
	for name, members := range supplement.Always {
		for _, always := range members {
			s := m.shapes[name]
			if s == nil || !s.has(always) {
				return nil, fmt.Errorf("supplement.json says that answers always have %s.%s, which the model lacks", name, always)
			}
		}
	}
	for name, members := range supplement.Optional {
		for _, optional := range members {
			s := m.shapes[name]
			if s == nil || !s.has(optional) {
				return nil, fmt.Errorf("supplement.json says that %s.%s is optional, which the model lacks", name, optional)
			}
		}
	}
	return m, nil
}

func readModel(path string) ([]byte, error) {
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

// reachable returns the names of all shapes that the given ones lead to.
func (m *model) reachable(roots []string) (map[string]bool, error) {
	seen := make(map[string]bool)
	var walk func(name string) error
	walk = func(name string) error {
		if seen[name] {
			return nil
		}
		s := m.shapes[name]
		if s == nil {
			return fmt.Errorf("shape %s is used but not defined", name)
		}
		seen[name] = true
		for _, mem := range s.Members {
			if err := walk(mem.shape); err != nil {
				return err
			}
		}
		for _, r := range []reference{s.Member, s.Value} {
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
