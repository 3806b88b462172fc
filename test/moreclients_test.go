package test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// The clients of this file take minutes to install: `make clients` does, and runs
// the tests. Without it they are left out.

// newTwin returns a desk at a server whose prod, which has the repositories,
// replicates all to dev, and the hosts of the two registries.
func newTwin(t *testing.T, repositories ...string) (d *desk, source, target string) {
	t.Helper()
	t.Parallel()
	s, _, _ := replicating(t)
	for _, name := range repositories {
		s.createRepository(prod, tokyo, name)
	}
	return s.desk(), s.host(prod, tokyo), s.host(dev, tokyo)
}

// login calls the function for both accounts' registries.
func (d *desk) login(login func(password, host string)) {
	d.s.t.Helper()
	for _, a := range []account{prod, dev} {
		login(d.s.password(a, tokyo), d.s.host(a, tokyo))
	}
}

// craneLogin logs in with crane, whose file of logins most others read.
func (d *desk) craneLogin() {
	d.s.t.Helper()
	crane := client(d.s.t, "crane")
	d.login(func(password, host string) {
		d.must(password, crane, "auth", "login", host, "--username", "AWS", "--password-stdin")
	})
}

// wantArrived waits until a tag is replicated.
func (d *desk) wantArrived(repository, tag string) {
	d.s.t.Helper()
	d.s.wantStatus(prod, tokyo, repository, tag, devTokyo, types.ReplicationStatusComplete)
}

func TestHelm(t *testing.T) {
	helm := client(t, "helm")
	d, source, target := newTwin(t, "charts/hello")
	d.login(func(password, host string) {
		d.must(password, helm, "registry", "login", host, "--plain-http", "--username", "AWS", "--password-stdin")
	})
	d.must("", helm, "create", "hello")
	d.must("", helm, "package", "hello", "--version", "1.2.3+build.7")
	d.must("", helm, "push", "hello-1.2.3+build.7.tgz", "oci://"+source+"/charts", "--plain-http")
	d.wantArrived("charts/hello", "1.2.3_build.7")
	out := d.must("", helm, "show", "chart", "oci://"+target+"/charts/hello", "--version", "1.2.3+build.7", "--plain-http")
	if !strings.Contains(out, "name: hello") {
		t.Errorf("the chart is\n%s", out)
	}
	d.must("", helm, "pull", "oci://"+target+"/charts/hello", "--plain-http", "--destination", d.home) // the newest
	d.mustFail("does not exist", "", helm, "push", "hello-1.2.3+build.7.tgz", "oci://"+source+"/other", "--plain-http")
}

func TestKo(t *testing.T) {
	ko, crane := client(t, "ko"), client(t, "crane")
	d, source, target := newTwin(t, "base", "hello")
	d.craneLogin()
	empty := filepath.Join(d.home, "empty.tar")
	if err := exec.Command("tar", "-cf", empty, "-T", "/dev/null").Run(); err != nil {
		t.Fatal(err)
	}
	d.must("", crane, "append", "--insecure", "--new_layer", empty, "--new_tag", source+"/base:1")
	d.must("", crane, "mutate", "--insecure", "--set-platform", "linux/"+runtime.GOARCH, source+"/base:1")
	writeFile(t, filepath.Join(d.home, "go.mod"), "module example.com/hello\n\ngo 1.26\n")
	writeFile(t, filepath.Join(d.home, "main.go"), "package main\n\nfunc main() { println(\"hello\") }\n")
	d.env = append(d.env, "KO_DOCKER_REPO="+source+"/hello", "KO_DEFAULTBASEIMAGE="+source+"/base:1",
		"GOFLAGS=", "CGO_ENABLED=0")
	image := strings.TrimSpace(d.must("", ko, "build", "--bare", "--insecure-registry", "--tags", "1", "."))
	if !strings.Contains(image, source+"/hello") || !strings.Contains(image, "@sha256:") {
		t.Errorf("ko has built %q", image)
	}
	d.wantArrived("hello", "1")
	d.must("", crane, "validate", "--insecure", "--remote", target+"/hello:1")
	// Its bill of materials, by the tag that ko gives it.
	_, digest, _ := strings.Cut(image, "@sha256:")
	d.wantArrived("hello", "sha256-"+digest+".sbom")
}

// What is signed in one account is verified in the other, by the same key.
func TestCosign(t *testing.T) {
	cosign, crane := client(t, "cosign"), client(t, "crane")
	d, source, target := newTwin(t, "hello")
	d.craneLogin()
	d.must("", crane, "push", "--insecure", makeArchive(t, d), source+"/hello:1")
	digest := strings.TrimSpace(d.must("", crane, "digest", "--insecure", source+"/hello:1"))
	d.wantArrived("hello", "1")
	d.env = append(d.env, "COSIGN_PASSWORD=secret")
	d.must("", cosign, "generate-key-pair")
	verify := []string{"verify", "--key", "cosign.pub", "--insecure-ignore-tlog", "--allow-http-registry",
		target + "/hello@" + digest}
	d.mustFail("no signatures found", "", cosign, verify...)
	d.must("", cosign, "sign", "--yes", "--key", "cosign.key", "--allow-http-registry", "--use-signing-config=false",
		"--tlog-upload=false", source+"/hello@"+digest)
	eventually(t, patience, func() error {
		_, err := d.run("", cosign, verify...)
		return err
	})
}

func TestBuildah(t *testing.T) {
	buildah := client(t, "buildah")
	needsRoot(t)
	d, source, target := newTwin(t, "hello")
	writeFile(t, filepath.Join(d.home, "Dockerfile"), "FROM scratch\nCOPY hello /hello\nCMD [\"/hello\"]\n")
	writeFile(t, filepath.Join(d.home, "hello"), "hello")
	storage := []string{"--storage-driver", "vfs", "--root", filepath.Join(d.home, "root"),
		"--runroot", filepath.Join(d.home, "run")}
	run := func(stdin string, args ...string) string {
		t.Helper()
		return d.must(stdin, buildah, append(storage, args...)...)
	}
	d.login(func(password, host string) {
		run(password, "login", "--tls-verify=false", "--username", "AWS", "--password-stdin", host)
	})
	run("", "build", "--isolation", "chroot", "--tag", source+"/hello:1", ".")
	run("", "push", "--tls-verify=false", source+"/hello:1")
	d.wantArrived("hello", "1")
	run("", "pull", "--tls-verify=false", target+"/hello:1")
}

// daemon runs until the test ends.
func (d *desk) daemon(program string, args ...string) {
	d.s.t.Helper()
	cmd := d.command(program, args...)
	log := &logBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		d.s.t.Fatal(err)
	}
	d.s.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		cmd.Wait()
		late.Stop()
		if d.s.t.Failed() {
			d.s.t.Logf("%s:\n%s", filepath.Base(program), log.String())
		}
	})
}

func TestContainerd(t *testing.T) {
	containerd, ctr := client(t, "containerd"), client(t, "ctr")
	needsRoot(t)
	d, source, target := newTwin(t, "hello")
	crane := client(t, "crane")
	d.craneLogin()
	d.must("", crane, "push", "--insecure", makeArchive(t, d), source+"/hello:1")
	d.wantArrived("hello", "1")
	socket := filepath.Join(d.home, "s")
	writeFile(t, filepath.Join(d.home, "containerd.toml"), "version = 2\ndisabled_plugins = "+
		"[\"io.containerd.grpc.v1.cri\"]\n")
	d.daemon(containerd, "--config", filepath.Join(d.home, "containerd.toml"), "--root", filepath.Join(d.home, "c"),
		"--state", filepath.Join(d.home, "cs"), "--address", socket)
	run := func(args ...string) error {
		_, err := d.run("", ctr, append([]string{"--address", socket, "images"}, args...)...)
		return err
	}
	eventually(t, patience, func() error { return run("ls") })
	for _, err := range []error{
		run("pull", "--plain-http", "--snapshotter", "native", "--user", "AWS:"+d.s.password(dev, tokyo), target+"/hello:1"),
		run("push", "--plain-http", "--user", "AWS:"+d.s.password(prod, tokyo), source+"/hello:2", target+"/hello:1"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	d.wantArrived("hello", "2")
}

// An image and its cache are both pushed, and both replicated: a build in the
// other account uses what one here has done.
func TestBuildKit(t *testing.T) {
	buildkitd, buildctl := client(t, "buildkitd"), client(t, "buildctl")
	client(t, "runc") // without it buildkitd does not start, though these builds run nothing
	needsRoot(t)
	d, source, target := newTwin(t, "hello", "cache")
	d.craneLogin()
	writeFile(t, filepath.Join(d.home, "Dockerfile"), "FROM scratch\nCOPY hello /hello\n")
	writeFile(t, filepath.Join(d.home, "hello"), "hello")
	writeFile(t, filepath.Join(d.home, "buildkitd.toml"),
		"[registry.\""+source+"\"]\nhttp = true\n[registry.\""+target+"\"]\nhttp = true\n")
	socket := "unix://" + filepath.Join(d.home, "s")
	d.env = append(d.env, "BUILDKIT_HOST="+socket)
	d.daemon(buildkitd, "--config", filepath.Join(d.home, "buildkitd.toml"), "--root", filepath.Join(d.home, "b"),
		"--addr", socket, "--otel-socket-path", filepath.Join(d.home, "otel"), "--containerd-worker", "false",
		"--oci-worker-snapshotter", "native")
	eventually(t, patience, func() error {
		_, err := d.run("", buildctl, "debug", "workers")
		return err
	})
	build := func(image string, more ...string) string {
		t.Helper()
		args := []string{"build", "--progress", "plain", "--frontend", "dockerfile.v0", "--local", "context=.",
			"--local", "dockerfile=.", "--output", "type=image,name=" + image + ",push=true"}
		out, err := d.command(buildctl, append(args, more...)...).CombinedOutput() // the steps are on stderr
		if err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		return string(out)
	}
	build(source+"/hello:1", "--export-cache",
		"type=registry,ref="+source+"/cache:1,mode=max,image-manifest=true,oci-mediatypes=true")
	d.wantArrived("hello", "1")
	d.wantArrived("cache", "1")
	d.must("", buildctl, "prune", "--all")
	out := build(target+"/hello:2", "--import-cache", "type=registry,ref="+target+"/cache:1")
	if !regexp.MustCompile(`(?m)^#\d+ \[.*COPY hello /hello\n#\d+ CACHED$`).MatchString(out) {
		t.Errorf("the cache is not used:\n%s", out)
	}
}
