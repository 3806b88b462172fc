package test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	regtypes "github.com/google/go-containerregistry/pkg/v1/types"
)

// TestDocker is the main job with a real engine: push to prod by each way to
// address its registry, pull from dev what was replicated there, and run it.
func TestDocker(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	engine := s.startDocker()
	s.createRepository(prod, tokyo, "team/app")
	s.grant(dev, oregon, prod, "ReplicateImage", "CreateRepository")
	s.replicate(prod, tokyo, rule{to: []destination{{dev, oregon}}})

	prodHost, devHost := s.host(prod, tokyo), s.host(dev, oregon)
	engine.must(s.password(prod, tokyo), "login", "--username", "AWS", "--password-stdin", prodHost)
	engine.must(s.password(prod, tokyo), "login", "--username", "AWS", "--password-stdin", "127.0.0.1:"+s.port)
	engine.must(s.password(dev, oregon), "login", "--username", "AWS", "--password-stdin", devHost)

	for tag, repository := range map[string]string{
		"by-host":  prodHost + "/team/app",
		"by-path":  "127.0.0.1:" + s.port + "/" + prod.id + "/" + tokyo + "/team/app",
		"by-token": "127.0.0.1:" + s.port + "/team/app",
	} {
		message := "hello " + tag + "\n"
		engine.load("local:"+tag, message)
		engine.must("", "tag", "local:"+tag, repository+":"+tag)
		engine.must("", "push", repository+":"+tag)
		s.wantStatus(prod, tokyo, "team/app", tag, destination{dev, oregon}, types.ReplicationStatusComplete)

		engine.must("", "rmi", "local:"+tag, repository+":"+tag)
		if got := engine.must("", "run", "--rm", "--network=none", devHost+"/team/app:"+tag); got != message {
			t.Errorf("the image pushed %s prints %q in dev, want %q", tag, got, message)
		}
		engine.must("", "rmi", devHost+"/team/app:"+tag)
	}

	t.Run("the engine says what is wrong", func(t *testing.T) {
		engine.mustFail("401", "not a token", "login", "--username", "AWS", "--password-stdin", prodHost)
		engine.mustFail("does not exist in the registry with id '"+prod.id+"'", "", "pull", prodHost+"/team/other:1")
		engine.mustFail("Requested image not found", "", "pull", prodHost+"/team/app:none")
	})
}

// TestDockerCrossAccount pulls from another account's registry, which only a
// repository policy allows.
func TestDockerCrossAccount(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	engine := s.startDocker()
	s.createRepository(prod, tokyo, "app")
	host := s.host(prod, tokyo)
	engine.must(s.password(prod, tokyo), "login", "--username", "AWS", "--password-stdin", host)
	engine.load(host+"/app:1", "cross account\n")
	engine.must("", "push", host+"/app:1")
	engine.must("", "rmi", host+"/app:1")

	engine.must(s.password(dev, tokyo), "login", "--username", "AWS", "--password-stdin", host)
	engine.mustFail("not authorized to perform: ecr:BatchGetImage", "", "pull", host+"/app:1")
	s.allow(prod, tokyo, "app", dev, pullActions...)
	if got := engine.must("", "run", "--rm", "--network=none", host+"/app:1"); got != "cross account\n" {
		t.Errorf("the image prints %q", got)
	}
	engine.load(host+"/app:2", "not allowed\n")
	engine.mustFail("not authorized to perform: ecr:InitiateLayerUpload", "", "push", host+"/app:2")
}

// engine is a Docker engine of the test's own with a client for it.
type engine struct {
	*desk
	program string
}

func (s *server) startDocker() *engine {
	t := s.t
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("left out: starting a Docker engine needs root")
	}
	daemon, err := exec.LookPath("dockerd")
	if err != nil {
		t.Skip("left out: dockerd is not installed")
	}
	// Prefer the client that came with the engine: a much newer one may
	// refuse to speak the engine's version of the API.
	program, err := exec.LookPath("/usr/bin/docker")
	if err != nil {
		program = client(t, "docker")
	}
	// A short path, since the engine makes Unix sockets below it.
	dir, err := os.MkdirTemp("", "twd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	e := &engine{s.desk(), program}
	socket := "unix://" + filepath.Join(dir, "sock")
	e.env = append(e.env, "DOCKER_HOST="+socket)
	var log logBuffer
	cmd := e.command(daemon, "--iptables=false", "--ip6tables=false", "--ip-masq=false", "--bridge=none",
		"--storage-driver=overlay2",
		"--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"), "--pidfile",
		filepath.Join(dir, "pid"), "-H", socket)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(30 * time.Second):
			t.Error("dockerd does not end 30 s after SIGTERM")
			cmd.Process.Kill()
			<-exited
		}
		if t.Failed() {
			text := log.String()
			t.Logf("dockerd's log ends with:\n%s", text[max(0, len(text)-2000):])
		}
	})
	eventually(t, 60*time.Second, func() error {
		select {
		case <-exited:
			t.Skipf("left out: dockerd does not run here: %s", lastLine(log.String()))
		default:
		}
		_, err := e.run("", "version")
		return err
	})
	return e
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func (e *engine) run(stdin string, args ...string) (string, error) {
	return e.desk.run(stdin, e.program, args...)
}

func (e *engine) must(stdin string, args ...string) string {
	e.s.t.Helper()
	return e.desk.must(stdin, e.program, args...)
}

func (e *engine) mustFail(text, stdin string, args ...string) {
	e.s.t.Helper()
	e.desk.mustFail(text, stdin, e.program, args...)
}

// load gives the engine an image that prints the message.
func (e *engine) load(tag, message string) {
	t := e.s.t
	t.Helper()
	ref, err := name.NewTag(tag, name.WithDefaultRegistry("docker.io"))
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := tarball.Write(ref, helloImage(t, message), &archive); err != nil {
		t.Fatal(err)
	}
	e.must(archive.String(), "load")
}

// helloImage is a runnable image from scratch that prints the message.
func helloImage(t *testing.T, message string) v1.Image {
	t.Helper()
	program, err := helloProgram()
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, regtypes.OCIManifestSchema1),
		regtypes.OCIConfigJSON),
		static.NewLayer(tarOf("hello", 0o755, program), regtypes.OCIUncompressedLayer),
		static.NewLayer(tarOf("message", 0o644, []byte(message)), regtypes.OCIUncompressedLayer))
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Architecture, config.OS = runtime.GOARCH, runtime.GOOS
	config.Config.Entrypoint = []string{"/hello"}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	return image
}

func tarOf(file string, mode int64, data []byte) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	w.WriteHeader(&tar.Header{Name: file, Mode: mode, Size: int64(len(data))})
	w.Write(data)
	w.Close()
	return buf.Bytes()
}

// helloProgram builds testdata/hello as a static binary.
var helloProgram = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "twinport-hello-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "hello")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./testdata/hello")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", build, err, out)
	}
	return os.ReadFile(path)
})

// TestDemoWithDocker: where an engine answers, the demo pushes, pulls and runs
// its image with it.
func TestDemoWithDocker(t *testing.T) {
	t.Parallel()
	engine := newServer(t).startDocker()
	// The demo takes the docker that it finds.
	engine.env = append(engine.env, "PATH="+filepath.Dir(engine.program)+":"+os.Getenv("PATH"))
	out := engine.desk.must("", binary, "demo")
	for _, want := range []string{"pushed, pulled and run with docker", "docker run printed: twinport"} {
		if !strings.Contains(out, want) {
			t.Errorf("the demo does not say %q:\n%s", want, out)
		}
	}
}
