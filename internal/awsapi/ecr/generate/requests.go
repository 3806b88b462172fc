package main

import (
	"bytes"
	"fmt"
	"slices"
)

// requestsFile has the model of requests as data: tests break one constraint of
// it at a time.
const requestsFile = "../zz_generated_requests_test.go"

func (g *generator) writeRequests(b *bytes.Buffer) error {
	fmt.Fprint(b, "// requests has the shape of each operation's request.\nvar requests = map[string]string{\n")
	for _, op := range g.Operations {
		fmt.Fprintf(b, "%q: %q,\n", op.Name, op.Input)
	}
	fmt.Fprint(b, "}\n\n// shapes are those of requests.\nvar shapes = map[string]shape{\n")
	for _, name := range g.shapes {
		if !g.inputs[name] {
			continue
		}
		s := g.Shapes[name]
		fmt.Fprintf(b, "%q: {kind: %q", name, s.Type)
		if len(s.Members) > 0 {
			fmt.Fprint(b, ", members: []member{\n")
			for _, m := range s.Members {
				fmt.Fprintf(b, "{%q, %q, %t},\n", m.Name, m.Shape, slices.Contains(s.Required, m.Name))
			}
			fmt.Fprint(b, "}")
		}
		if s.Member.Shape != "" {
			fmt.Fprintf(b, ", element: %q", s.Member.Shape)
		}
		if s.Min != nil {
			fmt.Fprintf(b, ", low: new(%d)", *s.Min)
		}
		if s.Max != nil {
			fmt.Fprintf(b, ", high: new(%d)", *s.Max)
		}
		if s.Pattern != "" {
			fmt.Fprintf(b, ", pattern: %#q", s.Pattern)
		}
		if len(s.Enum) > 0 {
			fmt.Fprintf(b, ", values: %#v", s.Enum)
		}
		if own, ok := g.own[name]; ok {
			fmt.Fprintf(b, ", own: true, elementName: %q", own.ElementName)
		}
		fmt.Fprint(b, "},\n")
	}
	fmt.Fprint(b, "}\n")
	return nil
}
