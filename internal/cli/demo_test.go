package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// demoFolder makes a new folder the one for temporary files.
func demoFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return dir
}

// checkEmpty fails the test if the demo has left anything.
func checkEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("the demo left %v (%v)", left, err)
	}
}

func TestDemo(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no docker
	temp, work := demoFolder(t), inEmptyFolder(t)
	var stdout, stderr buffer
	if err := (demoCommand{}).Run(t.Context(), output{&stdout, &stderr}); err != nil {
		t.Fatalf("%v\n%s\n%s", err, &stdout, &stderr)
	}
	shown := stdout.String()
	for _, want := range []string{
		`with go-containerregistry \(there is no docker command here\)`,
		`the replication is FAILED: \w+`,
		`(?s)"Sid": .*"ecr:CreateRepository",\s+"ecr:ReplicateImage"`,
		`the refused replication completed by itself`,
		`the digest is what prod pushed: sha256:[0-9a-f]{64}`,
		`release 2, 2 layers, and the program in it is this one`,
		`dev's latest is the new image +[0-9.]+ ms after the push`,
		`dev has pulled and checked it +[0-9.]+ ms after`,
	} {
		if !regexp.MustCompile(want).MatchString(shown) {
			t.Errorf("the demo does not show %s:\n%s", want, shown)
		}
	}
	if strings.Contains(shown, "\x1b") {
		t.Error("the demo shows colours where there is no terminal")
	}
	if stderr.String() != "" {
		t.Errorf("the demo complains:\n%s", &stderr)
	}
	checkEmpty(t, temp)
	checkEmpty(t, work)
}

// TestDemoKeep: the server stays up until the signal, and its files with it.
func TestDemoKeep(t *testing.T) {
	t.Setenv("PATH", fakeDocker(t))
	temp := demoFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr buffer
	ended := make(chan error, 1)
	go func() { ended <- demoCommand{Keep: true}.Run(ctx, output{&stdout, &stderr}) }()
	stdout.await(t, "crane manifest 127.0.0.1:")
	if !strings.Contains(stdout.String(), "with go-containerregistry (the Docker engine does not reach 127.0.0.1:") {
		t.Errorf("the demo does not say why it does not use docker:\n%s", &stdout)
	}
	files := regexp.MustCompile(
		`AWS_CONFIG_FILE=(\S+) AWS_SHARED_CREDENTIALS_FILE=(\S+)`).FindStringSubmatch(stdout.String())
	if files == nil {
		t.Fatalf("no AWS files in\n%s", &stdout)
	}
	for _, name := range files[1:] {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("the demo does not end")
	}
	checkEmpty(t, temp)
}

// fakeDocker makes a docker command whose engine answers, but cannot log in.
func fakeDocker(t *testing.T) (path string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\ncase $1 in\nversion) echo 99;;\ncontext) echo unix:///nowhere;;\n*) echo refused >&2; " +
		"exit 1;;\nesac\n"
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDemoInterrupted(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	temp := demoFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	var stderr buffer
	interrupt := writerFunc(func(p []byte) {
		if bytes.Contains(p, []byte("prod pushes")) {
			cancel()
		}
	})
	err := demoCommand{}.Run(ctx, output{interrupt, &stderr})
	if err == nil || err.Error() != "the demo was interrupted" {
		t.Errorf("got %v; %s", err, &stderr)
	}
	checkEmpty(t, temp)
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

func TestMissingStatement(t *testing.T) {
	for _, test := range []struct{ reason, want string }{
		{`Add this: {"Sid":"x","Principal":{"AWS":"*"}} and more {`, `{"Sid":"x","Principal":{"AWS":"*"}}`},
		{`Not {this} but {"Sid":"y"}`, `{"Sid":"y"}`},
		{`{"Sid":`, ""},
		{``, ""},
	} {
		got, err := missingStatement(test.reason)
		if string(got) != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%s: %s, %v", test.reason, got, err)
		}
	}
}

// TestPullFindsWhatIsWrong: the demo's own checks can fail.
func TestPullFindsWhatIsWrong(t *testing.T) {
	temp := demoFolder(t)
	s, written, err := startDemoServer(t.Context(), temp, &buffer{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	d := newDemo(s, written, newScreen(&buffer{}))
	binary, err := newBinaryLayer()
	if err != nil {
		t.Fatal(err)
	}
	first, err := binary.image(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.prod.createRepository(ctx); err != nil {
		t.Fatal(err)
	}
	client := &builtinClient{}
	digest, _, err := client.push(ctx, d.prod, first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.pull(ctx, d.prod, first, digest); err != nil {
		t.Errorf("the right image: %v", err)
	}
	otherBinary := *binary
	otherBinary.sha256 = "other"
	for _, test := range []struct {
		image        *demoImage
		digest, want string
	}{
		{first, "sha256:other", "the digest is " + digest},
		{&demoImage{release: 2, binary: binary}, digest, `it is release "1"`},
		{&demoImage{release: 1, binary: &otherBinary}, digest, "the program in it has the SHA-256"},
	} {
		if _, err := client.pull(ctx, d.prod, test.image, test.digest); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
	if _, err := client.pull(ctx, d.dev, first, digest); err == nil {
		t.Error("dev pulls what it does not have")
	}
}
