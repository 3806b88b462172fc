// Command generate writes the wire shapes, limits and dispatch table of
// package ecr, the shapes and limits of the console, and the model of requests
// for tests, from AWS's published service model, as botocore ships it
// (data/ecr/2015-09-21/service-2.json.gz), and from supplement.json, which
// holds what AWS published later, the members that Twinport adds, those that
// its answers always have, those of requests that may be empty, and what ECR has
// words of its own for.
//
// The model is read from -model, else from the file that the environment
// variable ECR_MODEL names, else from the botocore that python3 imports.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	model := flag.String("model", os.Getenv("ECR_MODEL"), "botocore's ECR `file` service-2.json or service-2.json.gz")
	out := flag.String("out", ".", "`folder` of package ecr, to write zz_generated_*.go to and, from there, web/src/api/ecr.ts")
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
