package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// terraformPart is a part of the configuration that TestTerraform applies, changes, forgets and imports again.
type terraformPart struct {
	// steps is its text when it is applied, changed and imported.
	steps [3]string
	// counts is what each of these adds, changes and destroys, as Terraform counts.
	counts [3][3]int
	// imports are the IDs of its resources, by their addresses.
	imports map[string]string
	// read, if there is one, compares what the data sources have read in the end.
	read func(read func(output string, into any))
}

// TestTerraform applies every resource and data source that the AWS provider 5 has for what the server offers, changes
// each argument that it may, forgets all and imports it again, and destroys it. After each step nothing is left to
// change. All is one configuration, as each of Terraform's commands takes seconds to start.
func TestTerraform(t *testing.T) {
	t.Parallel()
	terraform := client(t, "terraform")
	s := newServer(t)
	d := s.desk()
	image := makeImage("terraform", nil, "")
	parts := []terraformPart{
		terraformModule(s, image), terraformSettings(), terraformTemplates(t), terraformLifecycle(), terraformIdentity(),
	}
	step := func(n int) {
		t.Helper()
		text := []string{s.terraformProviders(prod, dev, mallory)}
		var counts [3]int
		imports := map[string]string{}
		for _, part := range parts {
			text = append(text, part.steps[n])
			for i, count := range part.counts[n] {
				counts[i] += count
			}
			maps.Copy(imports, part.imports)
		}
		want := fmt.Sprintf("Resources: %d added, %d changed, %d destroyed", counts[0], counts[1], counts[2])
		if n == 2 {
			addresses := slices.Sorted(maps.Keys(imports))
			d.must("", terraform, append([]string{"state", "rm"}, addresses...)...)
			for _, address := range addresses {
				text = append(text, fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", address, imports[address]))
			}
			want = strings.Replace(want, ":", fmt.Sprintf(": %d imported,", len(imports)), 1)
		}
		writeFile(t, filepath.Join(d.home, "main.tf"), strings.Join(text, "\n"))
		if n == 0 {
			d.terraformInit(terraform)
		}
		if out := d.must("", terraform, "apply", "-auto-approve", "-input=false", "-no-color"); !strings.Contains(out, want) {
			t.Errorf("step %d: want %s:\n%s", n, want, out)
		}
		// 2 would mean that the server answers other than what was set.
		d.must("", terraform, "plan", "-detailed-exitcode", "-input=false", "-no-color")
	}
	step(0)
	step(1)
	s.oci(prod, tokyo).mustPush("team/app", "v1", image)
	eventually(t, patience, func() error { return s.oci(dev, tokyo).wantPull("team/app", "v1", image.digest) })
	step(2)
	for _, part := range parts {
		if part.read != nil {
			part.read(func(output string, into any) {
				t.Helper()
				if err := json.Unmarshal([]byte(d.must("", terraform, "output", "-json", output)), into); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
	d.must("", terraform, "destroy", "-auto-approve", "-input=false", "-no-color")
}
