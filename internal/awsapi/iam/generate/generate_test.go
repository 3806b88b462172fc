package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/awsapi/awsmodel"
)

// The committed files must be what the generator makes of the model that they
// name. Another edition of the model proves nothing about them.
func TestGeneratedFilesAreInStep(t *testing.T) {
	path := os.Getenv("IAM_MODEL")
	if path == "" {
		var err error
		if path, err = installedModel(); errors.Is(err, awsmodel.ErrNone) {
			t.Skip("left out: ", err)
		}
	}
	m, err := loadModel(path)
	if err != nil {
		t.Fatal(err)
	}
	files, err := emit(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(got, []byte("// Model: sha256:"+m.Digest)) {
			t.Skipf("left out: %s was generated from another edition of the model than %s; run go generate to take that one",
				name, path)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is stale: run go generate ./internal/awsapi/iam", name)
		}
	}
}

func TestModelThatDoesNotFit(t *testing.T) {
	for text, want := range map[string]string{
		`{`: "parsing the service model",
		`{"operations":{"CreateUser":{}},"shapes":{}}`: "operations of offered.json",
	} {
		path := filepath.Join(t.TempDir(), "service-2.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(path, t.TempDir()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
