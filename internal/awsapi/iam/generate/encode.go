package main

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/twinport/twinport/internal/awsapi/awsmodel"
)

// writeEncode writes the method EncodeXML of each structure of an answer.
func (g *generator) writeEncode(b *bytes.Buffer) error {
	answers := map[string]bool{}
	for _, op := range g.Model.Operations {
		answers[op.Output] = true
	}
	for _, name := range g.shapes {
		s := g.Shapes[name]
		if s.Type != "structure" || !g.outputs[name] {
			continue
		}
		fmt.Fprint(b, "// EncodeXML implements awsquery.Result.\n")
		if len(s.Members) == 0 {
			fmt.Fprintf(b, "func (*%s) EncodeXML(*awsquery.Encoder) {}\n\n", name)
			continue
		}
		fmt.Fprintf(b, "func (v *%s) EncodeXML(e *awsquery.Encoder) {\n", name)
		for _, m := range s.Members {
			field := "v." + awsmodel.GoName(m.Name)
			write, err := g.writer(m, field)
			if err != nil {
				return fmt.Errorf("%s.%s: %w", name, m.Name, err)
			}
			if present := g.presence(s, m, field, answers[name]); present != "" {
				write = fmt.Sprintf("if %s {\n%s\n}", present, write)
			}
			fmt.Fprintln(b, write)
		}
		fmt.Fprint(b, "}\n\n")
	}
	return nil
}

// presence returns the condition under which a member is written, "" if it always
// is: so are numbers and truths, what the model requires, and the lists of an
// answer itself, which clients look into without asking whether they are there.
func (g *generator) presence(s *awsmodel.Shape, m awsmodel.Member, field string, answer bool) string {
	switch of := g.Shapes[m.Shape]; {
	case of.Type == "structure":
		return field + " != nil"
	case s.Requires(m.Name), answer && of.Type == "list":
		return ""
	case of.Type == "string":
		return field + ` != ""`
	case of.Type == "timestamp":
		return "!" + field + ".IsZero()"
	case of.Type == "list":
		return field + " != nil"
	}
	return ""
}

// writer returns the statements that write a member.
func (g *generator) writer(m awsmodel.Member, field string) (string, error) {
	s := g.Shapes[m.Shape]
	switch s.Type {
	case "structure":
		return fmt.Sprintf("e.Open(%q)\n%s.EncodeXML(e)\ne.Close(%q)", m.Name, field, m.Name), nil
	case "string":
		switch {
		case slices.Contains(g.Documents, m.Shape):
			return fmt.Sprintf("e.Document(%q, %s)", m.Name, field), nil
		case len(s.Enum) > 0:
			field = "string(" + field + ")"
		}
		return fmt.Sprintf("e.String(%q, %s)", m.Name, field), nil
	case "integer":
		return fmt.Sprintf("e.Int(%q, %s)", m.Name, field), nil
	case "boolean":
		return fmt.Sprintf("e.Bool(%q, %s)", m.Name, field), nil
	case "timestamp":
		return fmt.Sprintf("e.Time(%q, %s)", m.Name, field), nil
	case "map":
		if g.Shapes[s.Value.Shape].Type == "integer" {
			return fmt.Sprintf("awsquery.EncodeMap(e, %q, %s)", m.Name, field), nil
		}
	case "list":
		switch g.Shapes[s.Member.Shape].Type {
		case "structure":
			return fmt.Sprintf("awsquery.EncodeStructures(e, %q, %s)", m.Name, field), nil
		case "string":
			return fmt.Sprintf("awsquery.EncodeStrings(e, %q, %s)", m.Name, field), nil
		}
	}
	return "", fmt.Errorf("an answer with a %s: teach the encoder to write one", s.Type)
}
