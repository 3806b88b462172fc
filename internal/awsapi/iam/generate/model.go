package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/twinport/twinport/internal/awsapi/awsmodel"
)

//go:embed offered.json
var offeredJSON []byte

// offered is what there is of the published model here, and what the wire has
// other than the model says.
type offered struct {
	Operations []string
	// Never are structures that there can be none of: lists of them are empty.
	Never []string
	// Documents are texts that answers have percent-encoded.
	Documents []string
	// Enums are values as they are on the wire.
	Enums map[string][]string
	// Expressions are patterns as Go's regular expressions, for those that use
	// what these do not have.
	Expressions map[string]string
}

// model is the published one, without the operations that are not offered.
type model struct {
	*awsmodel.Model
	offered
	refused []string // operations of the model that are not offered, in order
}

// installedModel finds the model of the botocore that python3 imports.
func installedModel() (string, error) { return awsmodel.Installed("iam", "2010-05-08") }

func loadModel(path string) (*model, error) {
	published, err := awsmodel.Load(path)
	if err != nil {
		return nil, err
	}
	m := &model{Model: published}
	if err := json.Unmarshal(offeredJSON, &m.offered); err != nil {
		return nil, fmt.Errorf("parsing offered.json: %w", err)
	}
	all := published.Operations
	m.Model.Operations = nil
	for _, op := range all {
		if !slices.Contains(m.offered.Operations, op.Name) {
			m.refused = append(m.refused, op.Name)
			continue
		}
		if op.Input == "" {
			op.Input = op.Name + "Request"
			m.Shapes[op.Input] = &awsmodel.Shape{Type: "structure"}
		}
		m.Model.Operations = append(m.Model.Operations, op)
	}
	if len(m.Model.Operations) < len(m.offered.Operations) {
		return nil, fmt.Errorf("the model has %d of the %d operations of offered.json", len(m.Model.Operations),
			len(m.offered.Operations))
	}
	for name, values := range m.Enums {
		if err := m.change(name, func(s *awsmodel.Shape) { s.Enum = values }); err != nil {
			return nil, err
		}
	}
	for _, name := range m.Never {
		if err := m.change(name, func(s *awsmodel.Shape) { s.Members, s.Required = nil, nil }); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *model) change(shape string, change func(*awsmodel.Shape)) error {
	s := m.Shapes[shape]
	if s == nil {
		return fmt.Errorf("offered.json has shape %s, which the model does not have", shape)
	}
	change(s)
	return nil
}
