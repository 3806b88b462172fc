package main

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/twinport/twinport/internal/awsapi/awsmodel"
)

//go:embed supplement.json
var supplementJSON []byte

// model is the published one with what the supplement says.
type model struct {
	*awsmodel.Model
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

// installedModel finds the model of the botocore that python3 imports.
func installedModel() (string, error) { return awsmodel.Installed("ecr", "2015-09-21") }

func loadModel(path string) (*model, error) {
	published, err := awsmodel.Load(path)
	if err != nil {
		return nil, err
	}
	var supplement struct {
		Operations map[string]struct{ Input, Output string }
		Limits     map[string]struct {
			Min, Max *int64
			Pattern  string
		}
		Members  map[string]awsmodel.Members
		Shapes   map[string]*awsmodel.Shape
		Always   map[string][]string
		Own      map[string]ownString
		Optional map[string][]string
	}
	if err := json.Unmarshal(supplementJSON, &supplement); err != nil {
		return nil, fmt.Errorf("parsing supplement.json: %w", err)
	}

	m := &model{
		Model: published, always: supplement.Always, own: supplement.Own, optional: supplement.Optional,
	}
	operations := make(map[string]awsmodel.Operation)
	for name, op := range supplement.Operations {
		operations[name] = awsmodel.Operation{Name: name, Input: op.Input, Output: op.Output}
	}
	// A published shape or operation replaces the supplement's.
	for _, op := range published.Operations {
		operations[op.Name] = op
	}
	m.Operations = nil
	for _, name := range slices.Sorted(maps.Keys(operations)) {
		m.Operations = append(m.Operations, operations[name])
	}
	for name, s := range supplement.Shapes {
		if m.Shapes[name] == nil {
			m.Shapes[name] = s
		}
	}
	for name, limit := range supplement.Limits {
		s := m.Shapes[name]
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
		s := m.Shapes[name]
		if s == nil {
			return nil, fmt.Errorf("supplement.json adds members to shape %s, which the model does not have", name)
		}
		for _, add := range added {
			if !s.Has(add.Name) {
				s.Members = append(s.Members, add)
			}
		}
	}
	for name := range supplement.Own {
		if m.Shapes[name] == nil {
			return nil, fmt.Errorf("supplement.json says that ECR checks shape %s itself, which the model does not have", name)
		}
	}
	for name, members := range supplement.Always {
		for _, always := range members {
			s := m.Shapes[name]
			if s == nil || !s.Has(always) {
				return nil, fmt.Errorf("supplement.json says that answers always have %s.%s, which the model lacks", name, always)
			}
		}
	}
	for name, members := range supplement.Optional {
		for _, optional := range members {
			s := m.Shapes[name]
			if s == nil || !s.Has(optional) {
				return nil, fmt.Errorf("supplement.json says that %s.%s is optional, which the model lacks", name, optional)
			}
		}
	}
	return m, nil
}
