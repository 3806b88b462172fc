// Command generate writes the wire shapes, limits, error codes and dispatch table
// of package iam, and the model of requests for tests, from AWS's published
// service model, as botocore ships it (data/iam/2010-05-08/service-2.json.gz), and
// from offered.json, which names the operations that are offered.
//
// The model is read from -model, else from the file that the environment
// variable IAM_MODEL names, else from the botocore that python3 imports.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	model := flag.String("model", os.Getenv("IAM_MODEL"), "botocore's IAM `file` service-2.json or service-2.json.gz")
	out := flag.String("out", ".", "`folder` of package iam, to write zz_generated_*.go to")
	flag.Parse()
	if err := run(*model, *out); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(modelPath, out string) error {
	if modelPath == "" {
		var err error
		if modelPath, err = installedModel(); err != nil {
			return err
		}
	}
	m, err := loadModel(modelPath)
	if err != nil {
		return err
	}
	files, err := emit(m)
	if err != nil {
		return err
	}
	for name, source := range files {
		if err := os.WriteFile(filepath.Join(out, name), source, 0o644); err != nil {
			return fmt.Errorf("writing the generated file: %w", err)
		}
	}
	return nil
}
