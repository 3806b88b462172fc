package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/twinport/twinport/internal/awsapi/awsmodel"
)

// writeOperations writes the error codes, the dispatch table, what makes requests
// for pages, and the names of the operations that are not offered.
func (g *generator) writeOperations(b *bytes.Buffer) error {
	fmt.Fprint(b, "// statuses are the HTTP statuses of the errors that IAM declares, by their codes.\n")
	fmt.Fprint(b, "var statuses = map[string]int{\n")
	codes := map[string]int{}
	for _, s := range g.Shapes {
		if s.Exception && s.Error.Code != "" {
			codes[s.Error.Code] = s.Error.Status
		}
	}
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		fmt.Fprintf(b, "%q: %d,\n", code, codes[code])
	}
	fmt.Fprint(b, "}\n\n// operations is the dispatch table: every operation that is offered, by name.\n")
	fmt.Fprint(b, "var operations = map[string]operation{\n")
	for _, op := range g.Model.Operations {
		bind := "bind"
		if op.Output == "" {
			bind = "bindSilent"
		}
		fmt.Fprintf(b, "%q: %s((*Service).%s),\n", op.Name, bind, op.Name)
	}
	fmt.Fprint(b, "}\n\n// refused are IAM's operations that are not offered.\nvar refused = map[string]bool{\n")
	for _, name := range g.refused {
		fmt.Fprintf(b, "%q: true,\n", name)
	}
	fmt.Fprint(b, "}\n\n")
	for _, op := range g.Model.Operations {
		if g.Shapes[op.Input].Has("Marker") {
			writePaging(b, op)
		}
	}
	return nil
}

// writePaging writes the method that makes the request of an operation a pagedRequest.
func writePaging(b *bytes.Buffer, op awsmodel.Operation) {
	fmt.Fprintf(b, "func (v %s) paging() (operation, marker string, maxItems int32, rest any) {\n", op.Input)
	fmt.Fprintf(b, "operation, marker, maxItems = %q, v.Marker, v.MaxItems\n", op.Name)
	fmt.Fprint(b, "v.Marker, v.MaxItems = \"\", 0\nreturn operation, marker, maxItems, v\n}\n\n")
}

func (g *generator) writeRequests(b *bytes.Buffer) error {
	fmt.Fprint(b, "// requests has the shape of each operation's request.\nvar requests = map[string]string{\n")
	for _, op := range g.Model.Operations {
		fmt.Fprintf(b, "%q: %q,\n", op.Name, op.Input)
	}
	fmt.Fprint(b, "}\n\n// shapes are those of requests.\nvar shapes = map[string]shape{\n")
	for _, name := range g.shapes {
		if g.inputs[name] {
			awsmodel.WriteShape(b, name, g.Shapes[name], "")
		}
	}
	fmt.Fprint(b, "}\n")
	return nil
}
