package test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// terraformProviders configures the Terraform AWS provider for accounts, each with its name as the alias.
func (s *server) terraformProviders(accounts ...account) string {
	var text strings.Builder
	text.WriteString("terraform {\n  required_providers {\n    aws = { source = \"hashicorp/aws\" }\n  }\n}\n")
	for _, a := range accounts {
		fmt.Fprintf(&text, `
provider "aws" {
  alias                       = %q
  region                      = %q
  access_key                  = %q
  secret_key                  = %q
  skip_metadata_api_check     = true
  skip_region_validation      = true
  endpoints {
    ecr = "http://%[5]s"
    iam = "http://%[5]s"
    sts = "http://%[5]s"
  }
}
`, a.name, tokyo, a.key, a.secret, s.addr)
	}
	return text.String()
}

// terraformInit makes the desk's folder one of Terraform's. The provider comes from a mirror in a folder of /opt, if
// there is one, else from wherever the machine's Terraform configuration says; without it the test is left out.
func (d *desk) terraformInit(terraform string) {
	t := d.s.t
	t.Helper()
	d.env = append(d.env, terraformVariables(t, d.home)...)
	if _, err := d.run("", terraform, "init", "-input=false", "-no-color"); err != nil {
		_, why, _ := strings.Cut(err.Error(), "Error: ")
		why, _, _ = strings.Cut(why, "\n")
		t.Skipf("left out: Terraform cannot get its AWS provider: %s", why)
	}
}

// terraformVariables let Terraform find its provider, with the settings that it
// needs in a folder.
func terraformVariables(t *testing.T, dir string) []string {
	t.Helper()
	variables := []string{"CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "GOGC=400"}
	// <mirror>/<host>/hashicorp/aws, as `terraform providers mirror` lays it out.
	providers, _ := filepath.Glob("/opt/*/*/hashicorp/aws")
	if len(providers) == 0 {
		return variables
	}
	mirror, settings := filepath.Join(providers[0], "../../.."), filepath.Join(dir, "terraform.rc")
	writeFile(t, settings, fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror))
	return append(variables, "TF_CLI_CONFIG_FILE="+settings)
}
