package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTestingDocument does what docs/testing.md says to do in a shell, word for
// word, in a folder and with an environment that have nothing of Twinport's or AWS's.
func TestTestingDocument(t *testing.T) {
	t.Parallel()
	client(t, "aws")
	text, err := os.ReadFile("../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := shellBlocks(string(text))
	if len(blocks) != 4 {
		t.Fatalf("docs/testing.md has the blocks %q; want a command, a script, Terraform and Go", blocks)
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "examples"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "examples", "testing"), os.DirFS("../examples/testing")); err != nil {
		t.Fatal(err)
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	env = append(env, "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "HOME="+dir, "AWS_PAGER=")
	env = append(env, terraformVariables(t, dir)...)
	run := func(t *testing.T, script, want string) {
		t.Helper()
		cmd := exec.Command("sh", "-euc", script)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		if err != nil && strings.Contains(string(out), "Failed to query available provider packages") {
			t.Skip("left out: Terraform cannot get its AWS provider")
		}
		if err != nil || !regexp.MustCompile(want).Match(out) {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
	registry := `127\.0\.0\.1:\d+/` + prod.id + `/` + tokyo
	t.Run("command", func(t *testing.T) { run(t, blocks[0], `"repositoryUri": "`+registry+`/app"`) })
	t.Run("script", func(t *testing.T) { run(t, blocks[1], `(?m)^`+registry+`/app$`) })
	t.Run("Terraform", func(t *testing.T) {
		client(t, "terraform")
		run(t, blocks[2], `repository = "`+registry+`/team/app"`)
	})
	t.Run("Go", func(t *testing.T) {
		// It is a test of the package, which runs it.
		source, err := os.ReadFile("../ecrtest/document_test.go")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.ReplaceAll(string(source), "\t", "    "), blocks[3]) {
			t.Errorf("ecrtest/document_test.go has not what docs/testing.md has:\n%s", blocks[3])
		}
	})
}
