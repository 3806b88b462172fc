package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/cli"
)

// TestMain lets the test binary be started as a yardstick, as main does, and
// as Twinport, so that no test has to wait for a build.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "peer") {
		os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr))
	}
	if len(os.Args) > 1 && os.Args[1] == yardstickCommand {
		if err := yardstickMain(os.Args[2:]); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestSmoke runs every test of the benchmark, as small as can be, on Twinport
// and the yardsticks; distribution is left out, because to build it takes minutes.
func TestSmoke(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	file := filepath.Join(t.TempDir(), "tables.md")
	var stdout, stderr bytes.Buffer
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	err = run(t.Context(), []string{"-short", "-images", "2", "-big", "4", "-duration", "200ms", "-replicated", "20",
		"-small", "4", "-lagged", "2", "-tools", craneMany + "," + regsync, "-programs", "twinport,postgresql-s3,yardstick", "-twinport", self, "-dir", t.TempDir(), "-markdown", file}, &stdout,
		&stderr)
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	tables, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		testStartup, testImages, testBig, testManifestGet, testBlobHead, testManifestPut, testReplication, testBlobGet,
		testStreamed, testProcesses, testToken, testLayers, testScale, testLists, testPeers,
	} {
		if !strings.Contains(stdout.String(), name) || !strings.Contains(string(tables), "| "+name+" |") {
			t.Errorf("no figures of %s in the report:\n%s", name, &stdout)
		}
	}
	if n := strings.Count(string(tables), "\n| "); n < len(aims) {
		t.Errorf("the tables have %d lines, fewer than there are aims", n)
	}
}

func TestArgumentsRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-tests", "nosuch"},
		{"-programs", "nosuch"},
		{"-rounds", "0"},
		{"-layer", "64"},
		{"-lines", "1000"},
		{"-lines", "0/20"},
		{"-tools", "nosuch"},
		{"surplus"},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), args, &out, &out); err == nil {
			t.Errorf("run(%q) went through", args)
		}
	}
}
