package test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestArchitecture finds what docs/architecture.md names: every test, every
// file and, in the table of rules, every function of the files beside it.
func TestArchitecture(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	file := regexp.MustCompile(`^[a-z_/]+\.go$`)
	function := regexp.MustCompile(`^[A-Za-z]+$`)
	for line := range strings.Lines(string(text)) {
		rule := strings.HasPrefix(line, "| ") && strings.Contains(line, "`Test")
		var sources strings.Builder
		for _, word := range quotedWords(line) {
			if file.MatchString(word) {
				source, err := os.ReadFile(filepath.Join("../internal", word))
				if err != nil {
					t.Error(err)
				}
				sources.Write(source)
			}
		}
		for _, word := range quotedWords(line) {
			switch {
			case strings.HasPrefix(word, "Test"):
				if !tests[word] {
					t.Errorf("there is no %s, which docs/architecture.md names in\n%s", word, line)
				}
			case rule && sources.Len() > 0 && function.MatchString(word):
				if !regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + word + `\(`).MatchString(sources.String()) {
					t.Errorf("there is no function %s, which docs/architecture.md names in\n%s", word, line)
				}
			}
		}
	}
}

// testNames returns the names of all tests of the tree.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	for _, folder := range []string{".", "../bench", "../internal"} {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			for _, m := range declaration.FindAllSubmatch(source, -1) {
				names[string(m[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}
