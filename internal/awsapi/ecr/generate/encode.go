package main

import (
	"bytes"
	"fmt"

	"github.com/twinport/twinport/internal/awsapi/awsmodel"
)

// writeEncode writes the method AppendJSON of each structure of a response.
func (g *generator) writeEncode(b *bytes.Buffer) error {
	for _, name := range g.shapes {
		s := g.Shapes[name]
		if s.Type != "structure" || !g.outputs[name] {
			continue
		}
		if err := g.writeEncoder(b, name, s); err != nil {
			return err
		}
	}
	return nil
}

func (g *generator) writeEncoder(b *bytes.Buffer, name string, s *awsmodel.Shape) error {
	fmt.Fprintf(b, "// AppendJSON implements awsjson.Appender.\n")
	if len(s.Members) == 0 {
		fmt.Fprintf(b, "func (*%s) AppendJSON(b []byte) []byte { return append(b, \"{}\"...) }\n\n", name)
		return nil
	}
	fmt.Fprintf(b, "func (v *%s) AppendJSON(b []byte) []byte {\nb = append(b, '{')\n", name)
	for _, m := range s.Members {
		field := "v." + awsmodel.GoName(m.Name)
		present, value := g.presence(name, s, m, field)
		appends, err := g.appends(m.Shape, value)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", name, m.Name, err)
		}
		member := fmt.Sprintf("b = awsjson.AppendName(b, %q)\nb = %s\n", m.Name, appends)
		if present != "" {
			member = fmt.Sprintf("if %s {\n%s}\n", present, member)
		}
		b.WriteString(member)
	}
	fmt.Fprint(b, "return append(b, '}')\n}\n\n")
	return nil
}

// presence returns the condition under which a member is written, "" if it always is,
// and the expression of its value then: those of the type and tag of its field.
func (g *generator) presence(structure string, s *awsmodel.Shape, m awsmodel.Member, field string) (present, value string) {
	of := g.Shapes[m.Shape]
	omitted := g.omits(s, m, g.inputs[structure])
	switch {
	case of.Type == "structure":
		return field + " != nil", field
	case g.isOptional(structure, m):
		return field + " != nil", "*" + field
	case !omitted:
		return "", field
	}
	switch of.Type {
	case "list", "map", "blob":
		return field + " != nil", field
	case "integer", "long", "boolean", "double":
		return field + " != nil", "*" + field
	case "timestamp":
		return "!" + field + ".IsZero()", field
	}
	return field + ` != ""`, field
}

// appends returns the expression that appends a value of the shape to b.
func (g *generator) appends(name, value string) (string, error) {
	s := g.Shapes[name]
	switch s.Type {
	case "structure", "timestamp":
		return value + ".AppendJSON(b)", nil
	case "string":
		if len(s.Enum) > 0 {
			value = "string(" + value + ")"
		}
		return "awsjson.AppendString(b, " + value + ")", nil
	case "integer", "long":
		return "strconv.AppendInt(b, int64(" + value + "), 10)", nil
	case "boolean":
		return "strconv.AppendBool(b, " + value + ")", nil
	case "double":
		return "awsjson.AppendFloat(b, " + value + ")", nil
	case "list":
		if of := g.Shapes[s.Member.Shape].Type; of != "structure" && of != "string" {
			return "", fmt.Errorf("a response with a list of %ss: teach the encoder to write one", of)
		} else if of == "string" {
			return "awsjson.AppendStrings(b, " + value + ")", nil
		}
		return fmt.Sprintf("awsjson.AppendList(b, %s, (*%s).AppendJSON)", value, s.Member.Shape), nil
	case "map":
		each, err := g.appends(s.Value.Shape, "value")
		if err != nil {
			return "", err
		}
		typ, err := g.elementType(s.Value.Shape)
		return fmt.Sprintf("awsjson.AppendMap(b, %s, func(b []byte, value %s) []byte { return %s })", value, typ, each), err
	}
	return "", fmt.Errorf("a response with a %s: teach the encoder to write one", s.Type)
}
