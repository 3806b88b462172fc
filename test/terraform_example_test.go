package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestReadmeOfTerraform does what examples/terraform/README.md says, word for word but for the port and for the binary
// in the place of `go run`; pushes as the output says, finds the image in dev, and destroys all.
func TestReadmeOfTerraform(t *testing.T) {
	t.Parallel()
	client(t, "terraform")
	client(t, "aws")
	readme, err := os.ReadFile("../examples/terraform/README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := shellBlocks(string(readme))
	if len(blocks) != 2 {
		t.Fatalf("the README has the blocks %q, want one that starts a server and one that uses it", blocks)
	}
	serve, ok := strings.CutPrefix(blocks[0], "go run ../../cmd/twinport ")
	if !ok {
		t.Fatalf("the README does not begin with the server, but with %s", blocks[0])
	}
	dir := t.TempDir()
	configuration, err := os.ReadFile("../examples/terraform/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "main.tf"), string(configuration))
	port := freePort(t)
	s := &server{
		t: t, dir: dir, data: filepath.Join(dir, "twinport-data"), addr: "127.0.0.1:" + port, port: port,
		log: &logBuffer{}, http: newHTTPClient("127.0.0.1:" + port),
	}
	s.endWithTest()
	s.startAs([]string{"TWINPORT_LISTEN=" + s.addr}, strings.Fields(serve)...)
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	env = append(append(env, "HOME="+dir), terraformVariables(t, dir)...)
	run := func(script string) string {
		t.Helper()
		cmd := exec.Command("sh", "-euc", script)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		if err != nil && strings.Contains(string(out), "Failed to query available provider packages") {
			t.Skip("left out: Terraform cannot get its AWS provider")
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
		return string(out)
	}
	out := run(blocks[1])
	for _, want := range []string{
		"Apply complete! Resources: 5 added", "No changes.", ":" + port + "/" + prod.id + "/" + tokyo + "/team/app",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the README's commands do not print %q:\n%s", want, out)
		}
	}
	pushed := makeImage("terraform", nil, "")
	profiles, _, _ := strings.Cut(blocks[1], "\n")
	as := func(a account, region string) *ociClient {
		password := run(profiles + "\naws ecr get-login-password --profile " + a.name + " --region " + region)
		return &ociClient{
			t: t, http: s.http, host: s.host(a, region), user: "AWS", password: strings.TrimSpace(password),
		}
	}
	as(prod, tokyo).mustPush("team/app", "v1", pushed)
	eventually(t, patience, func() error { return as(dev, virginia).wantPull("team/app", "v1", pushed.digest) })
	run(profiles + "\nterraform destroy -auto-approve")
}
