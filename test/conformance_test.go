package test

import (
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestConformance runs the conformance suite of the OCI distribution
// specification with every API and every kind of data switched on but sparse:
// Twinport refuses a manifest whose layers or children are missing, as ECR does.
func TestConformance(t *testing.T) {
	suite := client(t, "conformance")
	for _, version := range []string{"1.1", "dev"} {
		run := func(name string, start func(*testing.T) *server, redirects bool) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				testConformance(t, suite, version, start(t), redirects)
			})
		}
		if !shared() {
			run(version, newServer, false)
			continue
		}
		run(version+" from the bucket", newServer, true)
		run(version+" through the registry", newStreamingServer, false)
	}
}

// testConformance runs the suite against the server. One that sends clients to
// a bucket for blobs cannot have that answer with the digest in a header, which
// the specification leaves open.
func testConformance(t *testing.T, suite, version string, s *server, redirects bool) {
	s.createRepository(prod, tokyo, "conformance/one")
	s.createRepository(prod, tokyo, "conformance/two")
	results := t.TempDir()
	cmd := exec.Command(suite)
	cmd.Dir = results
	cmd.Env = append(os.Environ(),
		"OCI_VERSION="+version,
		"OCI_REGISTRY="+s.addr,
		"OCI_TLS=disabled",
		"OCI_REPO1=conformance/one",
		"OCI_REPO2=conformance/two",
		"OCI_USERNAME=AWS",
		"OCI_PASSWORD="+s.password(prod, tokyo),
		"OCI_RESULTS_DIR="+results,
		"OCI_LOG=error",
	)
	for _, option := range []string{
		"API_PING", "API_PULL", "API_PUSH", "API_REFERRER",
		"API_BLOBS_ATOMIC", "API_BLOBS_DELETE", "API_BLOBS_MOUNT_ANONYMOUS", "API_BLOBS_UPLOAD_CANCEL",
		"API_MANIFESTS_ATOMIC", "API_MANIFESTS_DELETE", "API_MANIFESTS_DIGEST_HEADER", "API_MANIFESTS_TAG_PARAM",
		"API_TAGS_ATOMIC", "API_TAGS_DELETE", "API_TAGS_LIST",
		"DATA_IMAGE", "DATA_INDEX", "DATA_INDEX_LIST", "DATA_ARTIFACT", "DATA_SUBJECT", "DATA_SUBJECT_MISSING",
		"DATA_ARTIFACT_LIST", "DATA_SUBJECT_LIST", "DATA_DATA_FIELD", "DATA_NONDISTRIBUTABLE", "DATA_CUSTOM_FIELDS",
		"DATA_NO_LAYERS", "DATA_EMPTY_BLOB", "DATA_SHA512",
	} {
		cmd.Env = append(cmd.Env, "OCI_"+option+"=true")
	}
	cmd.Env = append(cmd.Env, "OCI_DATA_SPARSE=false", fmt.Sprintf("OCI_API_BLOBS_DIGEST_HEADER=%t", !redirects))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Logf("the suite ended with %v:\n%.4000s", err, out)
	}
	if checks := checkConformance(t, filepath.Join(results, "junit.xml"), redirects); checks < 950 {
		t.Errorf("only %d checks were made: the suite did not run as a whole", checks)
	} else {
		t.Logf("%d checks were made", checks)
	}
}

// checkConformance fails the test for each check that failed, and for each
// that was skipped: every feature the suite lets a registry leave out,
// Twinport has. How a bucket answers a range that makes no sense is its own
// affair. It returns how many checks were made.
func checkConformance(t *testing.T, report string, redirects bool) (checks int) {
	t.Helper()
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var suites struct {
		Suites []struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Errors   int `xml:"errors,attr"`
			Skipped  int `xml:"skipped,attr"`
			Disabled int `xml:"disabled,attr"`
			Cases    []struct {
				Name   string `xml:"name,attr"`
				Status string `xml:"status,attr"`
				Errors string `xml:"system-out"`
				Output string `xml:"system-err"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(data, &suites); err != nil {
		t.Fatal(err)
	}
	for _, suite := range suites.Suites {
		checks += suite.Tests
		for i := range suite.Cases {
			check := &suite.Cases[i]
			if redirects && check.Status == "skipped" && strings.HasSuffix(check.Name, "/range requests/range 500-0") {
				check.Status = "passed"
				suite.Skipped--
			}
		}
		if suite.Failures+suite.Errors+suite.Skipped+suite.Disabled > 0 {
			t.Errorf("of %d checks %d failed, %d broke, %d were skipped and %d disabled", suite.Tests, suite.Failures,
				suite.Errors, suite.Skipped, suite.Disabled)
		}
		for _, check := range suite.Cases {
			if check.Status != "passed" {
				t.Errorf("%s: %s\n%.600s\n%.1500s", check.Status, check.Name, check.Errors, check.Output)
			}
		}
	}
	return checks
}
