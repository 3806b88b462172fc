package test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// imports says which packages of internal a package of internal may import:
// the protocols no storage. Tests may import more.
var imports = map[string]string{
	"access": "auth parsecache policy resource",
	"auth":   "policy resource",
	"awsapi": "access auth awsapi/awsjson awsapi/awsquery awsapi/ecr awsapi/iam awsapi/sts awsapi/twinport awsapi/uri budget " +
		"expiry iam jobs peer quota registry replication resource session",
	"awsapi/awsjson":      "budget registry",
	"awsapi/awsquery":     "awsapi/awsjson",
	"awsapi/ecr":          "access auth awsapi/awsjson awsapi/uri budget expiry registry replication resource session",
	"awsapi/ecr/generate": "awsapi/awsmodel",
	"awsapi/iam":          "access awsapi/awsjson awsapi/awsquery budget iam resource",
	"awsapi/iam/generate": "awsapi/awsmodel",
	"awsapi/sts":          "access auth iam resource",
	"awsapi/twinport": "auth awsapi/awsjson awsapi/ecr awsapi/uri expiry jobs lifecycle peer policy registry replication resource " +
		"session",
	"awsapi/uri":     "auth resource",
	"backup":         "blob blob/filestore durable metadata",
	"blob/blobtest":  "blob",
	"blob/filestore": "blob durable",
	"blob/memstore":  "blob",
	"blob/s3store":   "blob budget",
	"changes":        "metadata",
	"cli": "backup blob/filestore config control credential expiry jobs metadata migrate peer registry replication resource server " +
		"source stores sweep verify",
	"config":      "auth keyring peer policy quota",
	"console":     "auth session",
	"credential":  "durable",
	"expiry":      "access changes jobs lifecycle metadata registry resource",
	"iam":         "access auth metadata policy resource",
	"jobs":        "metadata",
	"keyring":     "durable",
	"lifecycle":   "strictjson",
	"metadata":    "durable resource",
	"migrate":     "blob blob/filestore durable metadata",
	"oci":         "access auth budget quota registry resource session",
	"parsecache":  "resource",
	"policy":      "strictjson",
	"registry":    "access blob budget changes lifecycle metadata policy quota resource strictjson usage",
	"peer":        "metadata resource",
	"peerapi":     "budget peer registry replication resource",
	"replication": "access budget changes jobs metadata parsecache peer policy quota registry resource usage",
	"server": "auth awsapi awsapi/uri blob blob/filestore blob/s3store budget config console control durable expiry " +
		"iam jobs keyring metadata migrate oci peer peerapi quota registry replication resource session stores sweep",
	"session": "auth jobs metadata",
	"source":  "resource",
	"stores":  "blob blob/filestore blob/memstore blob/s3store config keyring metadata migrate",
	"sweep":   "blob jobs metadata",
	"usage":   "metadata quota",
	"verify":  "blob metadata registry resource source",
}

const module = "github.com/twinport/twinport/internal/"

// TestImports finds every import between packages of internal in the table, and
// nothing else in the table.
func TestImports(t *testing.T) {
	t.Parallel()
	found := importsOfInternal(t)
	for name, imported := range found {
		allowed := strings.Fields(imports[name])
		for _, other := range imported {
			if !slices.Contains(allowed, other) {
				t.Errorf("internal/%s imports internal/%s, which the table of imports does not allow", name, other)
			}
		}
	}
	for name, allowed := range imports {
		for _, other := range strings.Fields(allowed) {
			if !slices.Contains(found[name], other) {
				t.Errorf("the table of imports lets internal/%s import internal/%s, which it does not", name, other)
			}
		}
	}
}

// TestHouse finds every folder of internal in the house of docs/architecture.md,
// in an order in which imports run down only.
func TestHouse(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	var house []string
	for _, m := range regexp.MustCompile(`(?m)^    internal/([a-z]+) `).FindAllStringSubmatch(string(text), -1) {
		house = append(house, m[1])
	}
	folders, err := os.ReadDir("../internal")
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, folder := range folders {
		there = append(there, folder.Name())
	}
	if sorted := slices.Sorted(slices.Values(house)); !slices.Equal(sorted, there) {
		t.Fatalf("the house of docs/architecture.md has\n%s\nand internal has\n%s", sorted, there)
	}
	for name, imported := range importsOfInternal(t) {
		from, _, _ := strings.Cut(name, "/")
		for _, other := range imported {
			to, _, _ := strings.Cut(other, "/")
			if slices.Index(house, to) < slices.Index(house, from) {
				t.Errorf("internal/%s imports internal/%s, which stands above it in docs/architecture.md", name, other)
			}
		}
	}
}

// TestEnvironment finds nothing that sets variables of the process, but for the
// switch to stores whose clients know no other way.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	sets := regexp.MustCompile(`\bos\.(Setenv|Unsetenv|Clearenv)\b`)
	eachSource(t, func(path string) error {
		source, err := os.ReadFile(path)
		if sets.Match(source) && path != filepath.Join("../internal", "server", "environment.go") {
			t.Errorf("%s sets variables of the process", path)
		}
		return err
	})
}

// importsOfInternal returns which packages of internal each package of internal
// imports, but for its tests.
func importsOfInternal(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	eachSource(t, func(path string) error {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../internal/")
		for _, spec := range file.Imports {
			other, internal := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module)
			if internal && !slices.Contains(found[name], other) {
				found[name] = append(found[name], other)
			}
		}
		return nil
	})
	return found
}

// eachSource calls do with the path of each source of internal that is no test.
func eachSource(t *testing.T, do func(path string) error) {
	t.Helper()
	err := filepath.WalkDir("../internal", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		return do(path)
	})
	if err != nil {
		t.Fatal(err)
	}
}

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

// TestContributing finds the files and tests that CONTRIBUTING.md and
// docs/compatibility.md name.
func TestContributing(t *testing.T) {
	t.Parallel()
	tests, path := testNames(t), regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)
	for _, document := range []string{"CONTRIBUTING.md", "docs/compatibility.md"} {
		text, err := os.ReadFile("../" + document)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range quotedWords(string(text)) {
			if strings.HasPrefix(word, "Test") && !tests[word] {
				t.Errorf("there is no %s, which %s names", word, document)
			}
			if (strings.Contains(word, "/") || strings.HasSuffix(word, ".md")) && path.MatchString(word) {
				if _, err := os.Stat(filepath.Join("..", word)); err != nil {
					t.Errorf("%s names a file that is not there: %v", document, err)
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
