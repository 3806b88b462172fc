package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/opencontainers/go-digest"
	"go.yaml.in/yaml/v3"

	"github.com/twinport/twinport/internal/config"
)

// TestImage builds the container image twice, pushes it with its bill of
// materials into a Twinport, and runs it from there, as locked up as
// deploy/compose runs it.
func TestImage(t *testing.T) {
	t.Parallel()
	skopeo, oras := client(t, "skopeo"), client(t, "oras")
	build := func() (folder, tag, digest string) {
		t.Helper()
		folder = t.TempDir()
		cmd := exec.Command("go", "run", "./deploy/image", "-out", folder, "-platforms", "linux/"+runtime.GOARCH)
		cmd.Dir = ".."
		cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		m := regexp.MustCompile(`^oci:(.+):(.+)@(sha256:[0-9a-f]{64})\n$`).FindStringSubmatch(string(out))
		if err != nil || m == nil {
			t.Fatalf("%v: %v, %q\n%s", cmd.Args, err, out, &stderr)
		}
		return folder, m[2], m[3]
	}
	folder, tag, built := build()
	if _, _, again := build(); again != built {
		t.Errorf("the second build is %s, the first %s", again, built)
	}

	s := newServer(t)
	d := s.desk()
	s.createRepository(prod, tokyo, "twinport")
	repository := s.host(prod, tokyo) + "/twinport"
	d.must(s.password(prod, tokyo), skopeo, "login", "--tls-verify=false", "--username", "AWS", "--password-stdin",
		s.host(prod, tokyo))
	d.must("", skopeo, "--insecure-policy", "copy", "--all", "--dest-tls-verify=false",
		"oci:"+filepath.Join(folder, "oci")+":"+tag, "docker://"+repository+":skopeo")
	d.must(s.password(prod, tokyo), oras, "login", "--plain-http", "--username", "AWS", "--password-stdin",
		s.host(prod, tokyo))
	d.must("", oras, "copy", "--recursive", "--to-plain-http",
		"--from-oci-layout", filepath.Join(folder, "oci")+":"+tag, repository+":oras")
	for _, pushed := range []string{"skopeo", "oras"} {
		image, err := s.ecr(prod, tokyo).DescribeImages(ctx, &ecr.DescribeImagesInput{
			RepositoryName: new("twinport"), ImageIds: []types.ImageIdentifier{*imageID(pushed)},
		})
		if err != nil || *image.ImageDetails[0].ImageDigest != built {
			t.Errorf("%s pushed %+v, %v; want %s", pushed, image.ImageDetails, err, built)
		}
	}

	path, err := layout.FromPath(filepath.Join(folder, "oci"))
	if err != nil {
		t.Fatal(err)
	}
	top, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	hash, err := v1.NewHash(built)
	if err != nil {
		t.Fatal(err)
	}
	index, err := top.ImageIndex(hash)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("the index is %+v, %v", manifest, err)
	}
	one := manifest.Manifests[0]
	image, err := index.Image(one.Digest)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := settings.Config; c.User != "65532:65532" || !slices.Equal(append(c.Entrypoint, c.Cmd...),
		[]string{"/twinport", "serve"}) ||
		settings.Architecture != runtime.GOARCH || settings.Created.Unix() != 1700000000 {
		t.Errorf("the image's configuration is %+v", settings)
	}

	// The bill of materials is found by the image, and is the file beside it.
	referrers := discover(t, d, oras, repository+"@"+one.Digest.String(), "--artifact-type",
		"application/vnd.cyclonedx+json")
	if len(referrers) != 1 {
		t.Fatalf("the image has the bills of materials %v", referrers)
	}
	text, err := os.ReadFile(filepath.Join(folder, "twinport-linux-"+runtime.GOARCH+".cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	bill := string(text)
	for _, want := range []string{
		`"bomFormat": "CycloneDX"`, "pkg:golang/stdlib@1.", "pkg:golang/modernc.org/sqlite@v1.",
		"pkg:golang/golang.org/x/crypto/x509roots/fallback@v0.",
	} {
		if !strings.Contains(bill, want) {
			t.Errorf("the bill of materials has no %s:\n%.2000s", want, bill)
		}
	}
	artifact := d.must("", oras, "manifest", "fetch", "--plain-http", repository+"@"+referrers[0])
	if want := digest.FromBytes(text).String(); !strings.Contains(artifact, want) {
		t.Errorf("the referrer is not the bill of materials %s: %s", want, artifact)
	}

	engine := s.startDocker()
	engine.must(s.password(prod, tokyo), "login", "--username", "AWS", "--password-stdin", s.host(prod, tokyo))
	locked := []string{"run", "--rm", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"}
	if out := engine.must("", append(slices.Clone(locked), "--network=none", repository+":skopeo",
		"version")...); !strings.HasPrefix(out, "twinport ") {
		t.Errorf("the image's version is %q", out)
	}
	port := freePort(t)
	account := fmt.Sprintf(`[{id: %q, name: prod, access_keys: [{id: %s, secret: %q}]}]`, prod.id, prod.key, prod.secret)
	engine.must("", append(slices.Clone(locked), "--detach", "--name=twinport", "--network=host",
		"--env=TWINPORT_LISTEN=127.0.0.1:"+port, "--env=TWINPORT_ACCOUNTS="+account, repository+":skopeo")...)
	eventually(t, patience, func() error {
		res, err := http.Get("http://127.0.0.1:" + port + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				err = errors.New(res.Status)
			}
		}
		return err
	})
	inside := *s
	inside.addr, inside.port = "127.0.0.1:"+port, port
	inside.createRepository(prod, tokyo, "app") // its data folder can be written to
	engine.must("", "stop", "twinport")
	runAsDocumented(t, engine, repository+":skopeo")
}

// runAsDocumented runs the image with the commands of docs/operations.md, but
// for the port, which the engine of the tests does not publish.
func runAsDocumented(t *testing.T, engine *engine, image string) {
	t.Helper()
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	command := func(verb string) []string {
		_, line, ok := strings.Cut(string(text), "\n    docker "+verb+" ")
		if !ok {
			t.Fatalf("docs/operations.md has no docker %s", verb)
		}
		line, _, _ = strings.Cut(line, "\n")
		line, _, _ = strings.Cut(line, "#")
		return append([]string{verb}, strings.Fields(line)...)
	}
	port := freePort(t)
	run := command("run")
	publish, named := slices.Index(run, "--publish"), slices.Index(run, "twinport:local")
	if publish < 0 || named < 0 || run[publish+1] != "127.0.0.1:8080:8080" {
		t.Fatalf("docs/operations.md runs the image with %q", run)
	}
	run[named] = image
	run = slices.Replace(run, publish, publish+2, "--network=host", "--rm", "--env=TWINPORT_LISTEN=127.0.0.1:"+port)
	engine.must("", run...)
	eventually(t, patience, func() error {
		res, err := http.Get("http://127.0.0.1:" + port + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				err = errors.New(res.Status)
			}
		}
		return err
	})
	cp := command("cp")
	cp[len(cp)-1] = t.TempDir()
	engine.must("", cp...)
	if text, err := os.ReadFile(filepath.Join(cp[len(cp)-1], "aws", "credentials")); err != nil ||
		!strings.Contains(string(text), "aws_secret_access_key") {
		t.Errorf("the credentials that docker cp fetches: %q, %v", text, err)
	}
	engine.must("", "stop", "twinport")
}

// TestCompose has setup make the secrets, and reads the result as Docker
// Compose does.
func TestCompose(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "compose")
	if err := os.CopyFS(dir, os.DirFS("../deploy/compose")); err != nil {
		t.Fatal(err)
	}
	setup := func() ([]byte, error) { return exec.Command(filepath.Join(dir, "setup")).CombinedOutput() }
	if out, err := setup(); err != nil {
		t.Fatalf("setup: %v\n%s", err, out)
	}
	secret := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, "secrets", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := secret("twinport.yaml")
	if out, err := setup(); err == nil || secret("twinport.yaml") != first {
		t.Errorf("setup overwrites secrets: %s", out)
	}
	if info, err := os.Stat(filepath.Join(dir, "secrets")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the secrets' folder has the mode %v, %v", info.Mode(), err)
	}
	if !strings.HasSuffix(strings.TrimSpace(secret("pgpass")), ":"+secret("postgres-password")) ||
		len(secret("postgres-password")) != 40 {
		t.Error("PostgreSQL and Twinport have different passwords")
	}
	loaded, err := config.Load(filepath.Join(dir, "secrets", "twinport.yaml"), nil)
	if err != nil || len(loaded.Accounts) != 2 {
		t.Errorf("twinport.yaml: %v", err)
	}

	// Compose's own reader, with the variables of .env filled in.
	values := map[string]string{}
	env, err := os.ReadFile(filepath.Join(dir, ".env"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^(\w+)=(.*)$`).FindAllStringSubmatch(string(env), -1) {
		values[m[1]] = m[2]
	}
	text, err := os.ReadFile(filepath.Join(dir, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	filled := regexp.MustCompile(`\$\{(\w+)[^}]*\}`).ReplaceAllStringFunc(string(text), func(variable string) string {
		name := regexp.MustCompile(`\w+`).FindString(variable)
		if values[name] == "" {
			t.Errorf("compose.yaml names %s, which .env does not have", name)
		}
		return values[name]
	})
	writeFile(t, filepath.Join(dir, "compose.yaml"), filled)
	read := exec.Command(client(t, "cmd"), "-format", "json", "compose.yaml")
	read.Dir = dir
	out, err := read.CombinedOutput()
	if err != nil {
		t.Fatalf("Compose does not take compose.yaml: %v\n%s", err, out)
	}
	var project struct {
		Services map[string]struct {
			Environment map[string]any
			ReadOnly    bool     `json:"read_only"`
			CapDrop     []string `json:"cap_drop"`
			SecurityOpt []string `json:"security_opt"`
			Restart     string
			StopGrace   string `json:"stop_grace_period"`
			Deploy      struct {
				Resources struct{ Limits map[string]any }
			}
			Ports []any
		}
	}
	if err := json.Unmarshal(out, &project); err != nil {
		t.Fatal(err)
	}
	processes := 0
	for name, service := range project.Services {
		if !service.ReadOnly || !slices.Equal(service.CapDrop, []string{"ALL"}) ||
			!slices.Equal(service.SecurityOpt, []string{"no-new-privileges:true"}) ||
			service.Restart != "unless-stopped" || service.Deploy.Resources.Limits["memory"] == nil {
			t.Errorf("%s is not locked up: %+v", name, service)
		}
		if published := len(service.Ports) > 0; published != (name == "balancer") {
			t.Errorf("%s publishes the ports %v", name, service.Ports)
		}
		if strings.HasPrefix(name, "twinport-") {
			processes++
			wantKnownVariables(t, "compose.yaml", service.Environment)
			if grace, err := time.ParseDuration(service.StopGrace); err != nil || grace < 70*time.Second {
				t.Errorf("%s is killed after %s, while requests under way may take a minute", name, service.StopGrace)
			}
		}
	}
	if processes != 3 {
		t.Errorf("%d processes", processes)
	}
}

// wantKnownVariables fails the test for TWINPORT_ variables that the program
// would refuse.
func wantKnownVariables(t *testing.T, where string, environment map[string]any) {
	t.Helper()
	_, err := config.Load("", []string{"TWINPORT_X=1"})
	m := regexp.MustCompile(`TWINPORT_X: unknown variable \(allowed: (.*)\)`).FindStringSubmatch(fmt.Sprint(err))
	if m == nil {
		t.Fatalf("the program does not list its variables: %v", err)
	}
	known := strings.Split(m[1], ", ")
	for name := range environment {
		if strings.HasPrefix(name, "TWINPORT_") && !slices.Contains(known, name) {
			t.Errorf("%s sets %s, which the program does not know", where, name)
		}
	}
}

// TestKubernetes builds the manifests as kubectl does and compares what they
// say with each other and with the program.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(client(t, "kubectl"), "kustomize", "../deploy/kubernetes").CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl kustomize: %v\n%s", err, out)
	}
	byKind := map[string]map[string]any{}
	for decoder := yaml.NewDecoder(bytes.NewReader(out)); ; {
		var object map[string]any
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		byKind[object["kind"].(string)] = object
		if namespace := at(object, "metadata", "namespace"); namespace != "twinport" && object["kind"] != "Namespace" {
			t.Errorf("%v is in the namespace %v", object["kind"], namespace)
		}
	}
	deployment := byKind["Deployment"]
	label := at(deployment, "spec", "template", "metadata", "labels", "app.kubernetes.io/name")
	for _, selector := range []any{
		at(deployment, "spec", "selector", "matchLabels"), at(byKind["Service"], "spec", "selector"),
		at(byKind["PodDisruptionBudget"], "spec", "selector", "matchLabels"),
		at(byKind["NetworkPolicy"], "spec", "podSelector", "matchLabels"),
	} {
		if at(selector, "app.kubernetes.io/name") != label || label == nil {
			t.Errorf("the selector %v does not find the pods of %v", selector, label)
		}
	}
	pod := at(deployment, "spec", "template", "spec")
	container := at(pod, "containers", 0)
	for _, test := range []struct {
		got, want any
	}{
		{at(deployment, "spec", "replicas"), 3},
		{at(pod, "enableServiceLinks"), false}, // else TWINPORT_PORT is set, which the program refuses
		{at(pod, "automountServiceAccountToken"), false},
		{at(pod, "securityContext", "runAsNonRoot"), true},
		{at(pod, "securityContext", "seccompProfile", "type"), "RuntimeDefault"},
		{at(container, "securityContext", "readOnlyRootFilesystem"), true},
		{at(container, "securityContext", "allowPrivilegeEscalation"), false},
		{at(container, "securityContext", "capabilities", "drop", 0), "ALL"},
		{at(container, "livenessProbe", "httpGet", "path"), "/healthz"},
		{at(container, "readinessProbe", "httpGet", "path"), "/readyz"},
		{at(container, "envFrom", 0, "configMapRef", "name"), at(byKind["ConfigMap"], "metadata", "name")},
	} {
		if test.got != test.want {
			t.Errorf("%v, want %v, in\n%s", test.got, test.want, out)
		}
	}
	if grace, ok := at(pod, "terminationGracePeriodSeconds").(int); !ok || grace < 75 {
		t.Errorf("pods are killed after %d s, while requests under way may take a minute", grace)
	}
	environment := map[string]any{}
	maps.Copy(environment, at(byKind["ConfigMap"], "data").(map[string]any))
	for _, variable := range at(container, "env").([]any) {
		environment[at(variable, "name").(string)] = nil
	}
	wantKnownVariables(t, "the manifests", environment)
}

// at follows keys and positions into decoded YAML; nil if there is nothing.
func at(value any, path ...any) any {
	for _, step := range path {
		switch node := value.(type) {
		case map[string]any:
			name, _ := step.(string)
			value = node[name]
		case []any:
			i, ok := step.(int)
			if !ok || i >= len(node) {
				return nil
			}
			value = node[i]
		default:
			return nil
		}
	}
	return value
}

// TestSystemdUnit has systemd itself check the unit, and rate what it may do.
func TestSystemdUnit(t *testing.T) {
	t.Parallel()
	analyze := client(t, "systemd-analyze")
	text, err := os.ReadFile("../deploy/systemd/twinport.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "twinport.service")
	writeFile(t, unit, strings.ReplaceAll(string(text), "/usr/local/bin/twinport", binary))
	if out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	// The threshold is in tenths: 2.0 of 10.
	if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20",
		unit).CombinedOutput(); err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out[max(0, len(out)-500):])
	}
}

// startBalancer runs HAProxy with deploy/compose's configuration, and the
// processes at the addresses in the place of those, and returns its address and its log.
func startBalancer(t *testing.T, addresses ...string) (string, *logBuffer) {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/haproxy"); err != nil {
			t.Skip("left out: haproxy is not installed")
		}
	}
	text, err := os.ReadFile("../deploy/compose/haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + freePort(t)
	settings := string(text)
	replace := func(old, new string) {
		t.Helper()
		if strings.Count(settings, old) != 1 {
			t.Fatalf("haproxy.cfg has %q %d times", old, strings.Count(settings, old))
		}
		settings = strings.Replace(settings, old, new, 1)
	}
	replace("    bind :8080\n", "    bind "+address+"\n")
	for i, address := range addresses {
		name := fmt.Sprintf("twinport-%d", i+1)
		replace(" "+name+":8080", " "+address)
	}
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	writeFile(t, file, settings)
	if out, err := exec.Command(program, "-c", "-f", file).CombinedOutput(); err != nil ||
		strings.Contains(string(out), "WARNING") {
		t.Fatalf("HAProxy does not take its configuration: %v\n%s", err, out)
	}
	var log logBuffer
	cmd := exec.Command(program, "-db", "-f", file)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			text := log.String()
			t.Logf("the balancer's log ends with:\n%s", text[max(0, len(text)-3000):])
		}
	})
	eventually(t, patience, func() error {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			connection.Close()
		}
		return err
	})
	return address, &log
}

// TestBalancer serves through the balancer of deploy/compose: images whole,
// past processes that are dead, and again when one comes back.
func TestBalancer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dead := []string{"127.0.0.1:" + freePort(t), "127.0.0.1:" + freePort(t)}
	address, _ := startBalancer(t, dead[0], s.addr, dead[1])
	_, port, _ := net.SplitHostPort(address)
	through := *s
	through.addr, through.port, through.http = address, port, newHTTPClient(address)
	defer through.http.CloseIdleConnections()
	get := func(path string) (int, error) {
		res, err := through.http.Get("http://" + address + path)
		if err != nil {
			return 0, err
		}
		defer res.Body.Close()
		_, err = io.Copy(io.Discard, res.Body)
		return res.StatusCode, err
	}
	// The checks need two seconds to find out who is dead; nobody must notice.
	throughout(t, 3*time.Second, func() error {
		status, err := get("/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("/readyz answers %d", status)
		}
		return err
	})
	through.createRepository(prod, tokyo, "app")
	client := through.oci(prod, tokyo)
	pushed := makeImage("balanced", nil, "")
	client.mustPush("app", "1", pushed)
	layer := bytes.Repeat([]byte("a layer longer than any buffer. "), 1<<20)
	stored, err := client.putBlob("app", layer)
	if err != nil {
		t.Fatal(err)
	}
	if got := client.do("GET", "app/blobs/"+stored.String(), nil); got.status != http.StatusOK ||
		!bytes.Equal(got.body, layer) {
		t.Errorf("a large layer comes back as %d with %d bytes", got.status, len(got.body))
	}

	s.kill(syscall.SIGTERM)
	if status, err := get("/readyz"); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("with every process dead: %d, %v; want 503", status, err)
	}
	s.start()
	eventually(t, patience, func() error { return client.wantPull("app", "1", pushed.digest) })
}

// TestBalancerSaysWhoTheClientIs: what a client forges does not reach the
// processes, and what is secret in a URL does not reach the log.
func TestBalancerSaysWhoTheClientIs(t *testing.T) {
	t.Parallel()
	headers := make(chan http.Header, 1)
	process := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			headers <- r.Header
		}
	}))
	defer process.Close()
	dead := []string{"127.0.0.1:" + freePort(t), "127.0.0.1:" + freePort(t)}
	address, log := startBalancer(t, process.Listener.Addr().String(), dead[0], dead[1])
	eventually(t, patience, func() error {
		request, err := http.NewRequest("GET", "http://"+address+"/v2/app/blobs/x?X-Twinport-Token=verysecret", nil)
		if err != nil {
			return err
		}
		request.Header = http.Header{"X-Forwarded-For": {"203.0.113.9", "203.0.113.10"}, "X-Forwarded-Proto": {"https"}}
		res, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return errors.New(res.Status)
		}
		return nil
	})
	got := <-headers
	if by, proto := got.Values("X-Forwarded-For"), got.Values("X-Forwarded-Proto"); !slices.Equal(by,
		[]string{"127.0.0.1"}) || !slices.Equal(proto, []string{"http"}) {
		t.Errorf("the process gets X-Forwarded-For %q and X-Forwarded-Proto %q", by, proto)
	}
	eventually(t, patience, func() error {
		if !strings.Contains(log.String(), "GET /v2/app/blobs/x HTTP") {
			return errors.New("the request is not logged")
		}
		return nil
	})
	if strings.Contains(log.String(), "verysecret") {
		t.Errorf("the log has the token:\n%s", log.String())
	}
}

// TestDeployNamesNoSecret: nothing below deploy/ comes with a password of its own.
func TestDeployNamesNoSecret(t *testing.T) {
	t.Parallel()
	suspicious := regexp.MustCompile(`(?i)(password|secret[a-z_]*)["']?\s*[:=]\s*["']?[a-z0-9+/]{8,}`)
	err := filepath.WalkDir("../deploy", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			if suspicious.MatchString(line) && !strings.Contains(line, "/run/secrets/") &&
				!strings.Contains(line, "file: secrets/") {
				t.Errorf("%s: %s", path, strings.TrimSpace(line))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
