package test

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/twinport/twinport/test/servers"
)

// TestJavaScriptSDK does what programs do with the AWS SDK for JavaScript.
func TestJavaScriptSDK(t *testing.T) {
	t.Parallel()
	node, modules := javaScript(t)
	walkSDK(t, []string{"NODE_PATH=" + modules}, node, "sdks/ecr.js")
}

// TestBoto3 does what programs do with boto3, in each Python here that has another.
func TestBoto3(t *testing.T) {
	t.Parallel()
	for version, python := range pythons(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			walkSDK(t, nil, python, "sdks/ecr.py")
		})
	}
}

// pythons returns the Pythons that have boto3, by its version, or skips the test.
func pythons(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, python := range []string{"python3", "/usr/bin/python3"} { // the latter has Debian's
		out, err := exec.Command(python, "-c", "import boto3; print(boto3.__version__)").Output()
		if err == nil {
			found[strings.TrimSpace(string(out))] = python
		}
	}
	if len(found) == 0 {
		t.Skip("left out: no Python here has boto3, which make tools installs")
	}
	return found
}

// javaScript returns Node and the folder of packages that `make tools` installs,
// or skips the test.
func javaScript(t *testing.T) (node, modules string) {
	t.Helper()
	installed, _ := filepath.Glob("../.cache/tools/sdks@*/node_modules/.package-lock.json")
	if len(installed) != 1 {
		t.Skip("left out: the JavaScript packages of test/sdks are not installed, which make tools does")
	}
	modules, err := filepath.Abs(filepath.Dir(installed[0]))
	if err != nil {
		t.Fatal(err)
	}
	return client(t, "node"), modules
}

// sdkFaults is what happens to the first requests of operations that programs in
// test/sdks ask for. They have to be tried again, by the SDKs' own rules.
func sdkFaults() map[string][]servers.Fault {
	said := http.Header{"Content-Type": {"application/x-amz-json-1.1"}}
	page := http.Header{"Content-Type": {"text/html"}} // as balancers have
	return map[string][]servers.Fault{
		"DescribeRegistry":      {servers.LoseAnswer()},
		"ListTagsForResource":   {servers.CutAnswer(5)},
		"PutImageTagMutability": {servers.LoseAnswer(), servers.LoseAnswer()},
		"GetRegistryScanningConfiguration": {
			servers.AnswerWith(429, said, `{"__type":"ThrottlingException","message":"A test asked for this."}`),
		},
		"BatchCheckLayerAvailability": {
			servers.AnswerWith(500, said, `{"__type":"ServerException","message":"A test asked for this."}`),
		},
		"BatchGetRepositoryScanningConfiguration": {servers.AnswerWith(503, page, "<h1>503 Service Unavailable</h1>")},
	}
}

// walkSDK runs a program of test/sdks for prod with a server of its own.
func walkSDK(t *testing.T, env []string, interpreter, program string) {
	t.Helper()
	program, err := filepath.Abs(program)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := prepareServer(t, dir, filepath.Join(dir, "data"), storesOf(t), "quotas: {requests_per_second: {PutImage: 1}}\n")
	s.start()
	proxy := servers.HTTPFaults(t, "http://"+s.addr)
	var lock sync.Mutex
	faults := sdkFaults()
	proxy.Rule(func(r *http.Request) (fault servers.Fault) {
		lock.Lock()
		defer lock.Unlock()
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if left := faults[operation]; len(left) > 0 {
			fault, faults[operation] = left[0], left[1:]
		}
		return fault
	})
	d := s.desk()
	d.env = append(d.env, "AWS_PROFILE="+prod.name, "AWS_ENDPOINT_URL="+proxy.URL, "ACCOUNT="+prod.id, "KEY="+prod.key,
		"OTHER_REGION="+oregon)
	d.env = append(d.env, env...)
	d.must("", interpreter, program)
	for operation, left := range faults {
		if len(left) > 0 {
			t.Errorf("%s has not asked for %s as often as the test has faults for it", filepath.Base(program), operation)
		}
	}
}
