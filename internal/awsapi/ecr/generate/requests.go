package main

import (
	"bytes"
	"fmt"

	"github.com/twinport/twinport/internal/awsapi/awsmodel"
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
		more := ""
		if own, ok := g.own[name]; ok {
			more = fmt.Sprintf(", own: true, elementName: %q", own.ElementName)
		}
		awsmodel.WriteShape(b, name, g.Shapes[name], more)
	}
	fmt.Fprint(b, "}\n")
	return nil
}
