package cli

import (
	"bytes"
	"context"
	"io"
	"net"
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
	if err := (demoCommand{Regions: 1}).Run(t.Context(), output{&stdout, &stderr}); err != nil {
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

// TestDemoTwoRegions: prod and dev have a deployment each, and the timeline says when a layer of prod's push is in dev.
func TestDemoTwoRegions(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	temp, work := demoFolder(t), inEmptyFolder(t)
	var stdout, stderr buffer
	if err := (demoCommand{Regions: 2}).Run(t.Context(), output{&stdout, &stderr}); err != nil {
		t.Fatalf("%v\n%s\n%s", err, &stdout, &stderr)
	}
	shown := stdout.String()
	for _, want := range []string{
		`ap-northeast-1 serves account prod \(111122223333\)`,
		`us-west-2 serves account dev \(444455556666\)`,
		`the round trip between them is \d+\.\d ms`,
		`the replication is FAILED: DESTINATION_REGISTRY_ACCESS_DENIED`,
		`the refused replication completed by itself`,
		`release 2, 3 layers, and the program in it is this one`,
		// On a machine that is busy the push may be answered first.
		`a layer of 33\.6 MB is in prod\n(.*\n)?.* the layer is in dev +[0-9.]+ ms (before|after) the push is answered\n`,
		`dev's latest is the new image +[0-9.]+ ms (before|after) the push\n`,
	} {
		if !regexp.MustCompile(want).MatchString(shown) {
			t.Errorf("the demo does not show %s:\n%s", want, shown)
		}
	}
	if stderr.String() != "" {
		t.Errorf("the demo complains:\n%s", &stderr)
	}
	checkEmpty(t, temp)
	checkEmpty(t, work)
	stdout, stderr = buffer{}, buffer{}
	if code := Run([]string{"demo", "--regions", "3"}, &stdout, &stderr); code != exitUsage ||
		!strings.Contains(stderr.String(), "--regions") {
		t.Errorf("three Regions: exit code %d\n%s", code, &stderr)
	}
}

// TestLine: bytes come whole, late, and no more after the end of the line.
func TestLine(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			conn, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
	line, err := newLine()
	if err != nil {
		t.Fatal(err)
	}
	line.start(echo.Addr().String())
	dial := func() *net.TCPConn {
		conn, err := net.Dial("tcp", line.address())
		if err != nil {
			t.Fatal(err)
		}
		return conn.(*net.TCPConn)
	}
	sent := bytes.Repeat([]byte("0123456789abcdef"), lineChunks*lineChunk/8) // twice what is under way
	conn, begun := dial(), time.Now()
	go func() {
		conn.Write(sent)
		conn.CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("got %d bytes of %d back, or others (%v)", len(got), len(sent), err)
	}
	if took := time.Since(begun); took < 4*lineDelay {
		t.Errorf("to connect, to send and to receive took %v", took)
	}
	conn.Close()
	conn = dial()
	defer conn.Close()
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Error(err)
	}
	line.close()
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("got %d bytes after the end of the line", n)
	}
}

// TestDemoKeep: the server stays up until the signal, and its files with it.
func TestDemoKeep(t *testing.T) {
	t.Setenv("PATH", fakeDocker(t))
	temp := demoFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr buffer
	ended := make(chan error, 1)
	go func() { ended <- demoCommand{Regions: 1, Keep: true}.Run(ctx, output{&stdout, &stderr}) }()
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
	for _, regions := range []int{1, 2} {
		ctx, cancel := context.WithCancel(t.Context())
		var stderr buffer
		interrupt := writerFunc(func(p []byte) {
			if bytes.Contains(p, []byte("prod pushes")) {
				cancel()
			}
		})
		err := demoCommand{Regions: regions}.Run(ctx, output{interrupt, &stderr})
		if err == nil || err.Error() != "the demo was interrupted" {
			t.Errorf("%d Regions: got %v; %s", regions, err, &stderr)
		}
		checkEmpty(t, temp)
	}
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
	ctx := t.Context()
	servers, err := startDemoServers(ctx, temp, 1, &buffer{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := servers.stop(); err != nil {
			t.Error(err)
		}
	}()
	d := newDemo(servers, newScreen(&buffer{}))
	binary, err := newBinaryLayer()
	if err != nil {
		t.Fatal(err)
	}
	first, err := binary.image(1, 0)
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
