package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/config"
)

// TestReadmeQuickStart does what README.md tells a newcomer to do, word for
// word but for the port and for the binary in the place of `go run`.
func TestReadmeQuickStart(t *testing.T) {
	t.Parallel()
	blocks := shellBlocks(readmeSection(t, "## Quick start"))
	if len(blocks) < 2 {
		t.Fatalf("README.md's quick start has %d shell blocks, want one that starts the server and those that use it",
			len(blocks))
	}
	serve, ok := strings.CutPrefix(blocks[0], "go run ./cmd/twinport ")
	if !ok {
		t.Fatalf("README.md's quick start does not begin with the server, but with\n%s", blocks[0])
	}

	dir := t.TempDir()
	port := freePort(t)
	addr := "127.0.0.1:" + port
	s := &server{
		t: t, dir: dir, data: filepath.Join(dir, "twinport-data"), addr: addr, port: port, log: &logBuffer{},
		http: newHTTPClient(addr),
	}
	s.endWithTest()
	engine := s.startDocker()
	_, endpoint := engine.awsCommandLine()
	s.startAs([]string{"TWINPORT_LISTEN=" + addr}, strings.Fields(serve)...)

	engine.load("my-image", "hello from the README\n")
	var script strings.Builder
	script.WriteString("docker() { " + engine.program + ` "$@"; }` + "\n")
	if endpoint != nil {
		script.WriteString("aws() { command aws " + strings.Join(endpoint, " ") + ` "$@"; }` + "\n")
	}
	script.WriteString("cd '" + dir + "'\n")
	for _, block := range blocks[1:] {
		script.WriteString(strings.ReplaceAll(block, "localhost:8080", "localhost:"+port) + "\n")
	}
	if strings.Contains(script.String(), "8080") {
		t.Errorf("README.md's quick start names the port in an unexpected way:\n%s", &script)
	}
	out := engine.desk.must("", "sh", "-euc", script.String())
	for _, want := range []string{
		"Login Succeeded", "Downloaded newer image for localhost:" + port + "/" + dev.id, "COMPLETE",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the quick start does not print %q:\n%s", want, out)
		}
	}
	pulled := "localhost:" + port + "/" + dev.id + "/" + virginia + "/app:1"
	if got := engine.must("", "run", "--rm", "--network=none", pulled); got != "hello from the README\n" {
		t.Errorf("the image pulled in dev prints %q", got)
	}
}

// TestReadmeConfiguration compares README.md's table of the configuration with
// what the program says is allowed.
func TestReadmeConfiguration(t *testing.T) {
	t.Parallel()
	var keys, variables []string
	defaults := map[string]string{}
	for _, row := range tableRows(readmeSection(t, "## Configuration")) {
		names, vars, values, note := quotedWords(row[0]), quotedWords(row[1]), quotedWords(row[2]), quotedWords(row[3])
		for i, name := range names {
			for j, c := range name {
				if c == '.' {
					keys = append(keys, strings.TrimSuffix(name[:j], "[]"))
				}
			}
			if !strings.HasSuffix(name, "[]") {
				keys = append(keys, name)
				want := "TWINPORT_" + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
				if i >= len(vars) || vars[i] != want {
					t.Errorf("README.md's row of %s has the variables %q, want %s", name, vars, want)
				}
			}
			if strings.HasPrefix(name, "accounts") || name == "peers" {
				for _, below := range note {
					keys = append(keys, strings.TrimSuffix(name, "[]")+"[]."+below)
				}
			}
			if len(values) == 1 {
				defaults[name] = values[0]
			}
		}
		variables = append(variables, vars...)
	}

	// A wrong key at every level is answered with those that there are.
	file := filepath.Join(t.TempDir(), "wrong.yaml")
	writeFile(t, file, "x: 1\nsweep: {x: 1}\nlifecycle: {x: 1}\ntls: {x: 1, acme: {x: 1}}\n"+
		"accounts: [{x: 1, access_keys: [{x: 1}]}]\n"+
		"deployment: {x: 1}\nsecrets: {x: 1}\npeers: [{x: 1}]\n")
	_, err := config.Load(file, []string{"TWINPORT_X=1"})
	if err == nil {
		t.Fatal("unknown keys are allowed")
	}
	var allowedKeys, allowedVariables []string
	for _, m := range regexp.MustCompile(
		`(?:: (\S+))?: unknown key "x" \(allowed: (.*)\)`).FindAllStringSubmatch(err.Error(), -1) {
		parent := strings.ReplaceAll(m[1], "[0]", "[]")
		if strings.Contains(m[1], "wrong.yaml") {
			parent = ""
		}
		for name := range strings.SplitSeq(m[2], ", ") {
			allowedKeys = append(allowedKeys, strings.TrimPrefix(parent+"."+name, "."))
		}
	}
	if m := regexp.MustCompile(
		`TWINPORT_X: unknown variable \(allowed: (.*)\)`).FindStringSubmatch(err.Error()); m != nil {
		allowedVariables = strings.Split(m[1], ", ")
	}
	wantSame(t, "keys", keys, allowedKeys)
	wantSame(t, "variables", variables, allowedVariables)

	d := config.Default()
	for name, want := range map[string]string{
		"listen": d.Listen, "domain": d.Domain, "data": d.Data, "regions": strings.Join(d.Regions, ", "),
	} {
		if defaults[name] != want {
			t.Errorf("README.md says that the default of %s is %q; it is %q", name, defaults[name], want)
		}
	}
}

// TestMakeHelp lists every target that the documents tell people to run.
func TestMakeHelp(t *testing.T) {
	t.Parallel()
	help := exec.Command(client(t, "make"), "help")
	help.Dir = ".."
	// Not as a part of the make that runs the tests.
	help.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS")
	})
	out, err := help.CombinedOutput()
	if err != nil {
		t.Fatalf("make help: %v\n%s", err, out)
	}
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^  make ([a-z]+) +\S.*$`).FindAllSubmatch(out, -1) {
		listed[string(m[1])] = true
	}
	documents, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	advised := 0
	for _, document := range append(documents, "../README.md", "../CONTRIBUTING.md") {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?m)(?:^    |`)make ([a-z]+)").FindAllSubmatch(text, -1) {
			advised++
			if !listed[string(m[1])] {
				t.Errorf("%s names make %s, which make help does not list:\n%s", document, m[1], out)
			}
		}
	}
	if advised == 0 {
		t.Error("no document names a target")
	}
}

// readmeSection returns the text below the heading, up to the next one.
func readmeSection(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n"+heading)
	if !ok {
		t.Fatalf("README.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n##")
	return section
}

// shellBlocks returns the indented blocks of a Markdown text.
func shellBlocks(text string) []string {
	var blocks []string
	inside := false
	for line := range strings.Lines(text) {
		code, indented := strings.CutPrefix(line, "    ")
		switch {
		case indented && inside:
			blocks[len(blocks)-1] += code
		case indented:
			blocks = append(blocks, code)
		}
		inside = indented
	}
	for i := range blocks {
		blocks[i] = strings.TrimSpace(blocks[i])
	}
	return blocks
}

// tableRows returns the cells of a Markdown table, without its head.
func tableRows(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "|") {
			rows = append(rows, strings.Split(strings.Trim(line, "|"), "|"))
		}
	}
	return rows[min(2, len(rows)):]
}

var quotedWord = regexp.MustCompile("`([^`]*)`")

// quotedWords returns what stands in backquotes.
func quotedWords(cell string) []string {
	var words []string
	for _, m := range quotedWord.FindAllStringSubmatch(cell, -1) {
		words = append(words, m[1])
	}
	return words
}

// wantSame fails the test if README.md's words are not those of the program.
func wantSame(t *testing.T, what string, readme, program []string) {
	t.Helper()
	sorted := func(words []string) []string {
		words = slices.Clone(words)
		slices.Sort(words)
		return slices.Compact(words)
	}
	if len(program) == 0 || !slices.Equal(sorted(readme), sorted(program)) {
		t.Errorf("README.md's table has the %s\n%q, the program\n%q", what, sorted(readme), sorted(program))
	}
}
