package awsmodel

import (
	"bytes"
	"fmt"
)

// WriteShape writes a shape of requests as an element of a map, for tests that break
// one constraint at a time. more is what the element has beside what the model says.
func WriteShape(b *bytes.Buffer, name string, s *Shape, more string) {
	fmt.Fprintf(b, "%q: {kind: %q", name, s.Type)
	if len(s.Members) > 0 {
		fmt.Fprint(b, ", members: []member{\n")
		for _, m := range s.Members {
			fmt.Fprintf(b, "{%q, %q, %t},\n", m.Name, m.Shape, s.Requires(m.Name))
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
	fmt.Fprint(b, more, "},\n")
}
