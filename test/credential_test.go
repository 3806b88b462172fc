package test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// linkHelper puts the program, by its names as a credential helper, into the
// desk's PATH, and configures clients.
func (d *desk) linkHelper(config string) {
	t := d.s.t
	t.Helper()
	bin := filepath.Join(d.home, "bin")
	for _, folder := range []string{bin, filepath.Join(d.home, "docker")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"docker-credential-twinport", "twinport-credential-provider"} {
		if err := os.Symlink(binary, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(d.home, "docker", "config.json"), config)
	writeFile(t, filepath.Join(d.home, "auth.json"), config)
	d.env = append(d.env, "PATH="+bin+":"+os.Getenv("PATH"), "XDG_CACHE_HOME="+filepath.Join(d.home, "cache"))
}

// helperConfig is the configuration of docs/clients.md for hosts of the server.
func helperConfig(t *testing.T, hosts ...string) string {
	t.Helper()
	const named = `"111122223333.dkr.ecr.us-east-1.registry.example.com": "twinport"`
	config := docBlock(t, "../docs/clients.md", named)
	return strings.Replace(config, named, `"`+strings.Join(hosts, `": "twinport", "`)+`": "twinport"`, 1)
}

// TestCredentialHelper has clients log in by the helper alone: with the profile
// that `twinport init` writes, nobody logs in.
func TestCredentialHelper(t *testing.T) {
	t.Parallel()
	crane, oras, skopeo := client(t, "crane"), client(t, "oras"), client(t, "skopeo")
	s := newServer(t)
	d := s.desk()
	for _, region := range []string{tokyo, oregon} {
		s.createRepository(prod, region, "app")
	}
	byHost, elsewhere, byPath := s.host(prod, tokyo), s.host(prod, oregon), s.addr
	d.linkHelper(helperConfig(t, byHost, elsewhere, byPath))
	d.env = append(d.env, "AWS_PROFILE=prod")
	helper := filepath.Join(d.home, "bin", "docker-credential-twinport")
	archive := makeArchive(t, d)

	d.must("", crane, "push", "--insecure", archive, byHost+"/app:1")
	d.must("", crane, "push", "--insecure", archive, elsewhere+"/app:1") // the host names its Region
	d.must("", crane, "push", "--insecure", archive, byPath+"/"+prod.id+"/"+tokyo+"/app:2")
	d.must("", skopeo, "--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false",
		"docker://"+byHost+"/app:1", "docker://"+byPath+"/"+prod.id+"/"+tokyo+"/app:3")
	writeFile(t, filepath.Join(d.home, "file"), "text")
	d.must("", oras, "push", "--plain-http", byHost+"/app:4", "file:text/plain")
	if got := d.must("", crane, "ls", "--insecure", byHost+"/app"); got != "1\n2\n3\n4\n" {
		t.Errorf("there are the tags\n%s", got)
	}
	// A store for all registries is asked for others, too.
	writeFile(t, filepath.Join(d.home, "docker", "config.json"), `{"credsStore": "twinport"}`)
	d.must("", crane, "digest", "--insecure", byHost+"/app:1")
	d.mustFail("credentials not found in native keychain", "registry.example.net", helper, "get")

	// Many at once, with a cache that all of them write.
	cache := filepath.Join(d.home, "cache", "twinport", "logins.json")
	if err := os.Remove(cache); err != nil {
		t.Error(err)
	}
	var all sync.WaitGroup
	for i := range 16 {
		host := []string{byHost, elsewhere}[i%2]
		all.Go(func() {
			if out, err := d.run(host, helper, "get"); err != nil || !strings.Contains(out, `"Username":"AWS"`) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	all.Wait()
	var entries []any
	if text, err := os.ReadFile(cache); err != nil || json.Unmarshal(text, &entries) != nil || len(entries) == 0 ||
		len(entries) > 2 {
		t.Errorf("the cache is not whole: %v\n%s", err, text)
	}
	if left, err := os.ReadDir(filepath.Dir(cache)); len(left) != 1 {
		t.Errorf("beside the cache there is %v, %v", left, err)
	}

	// What is wrong is said where clients look, without the secret.
	const wrongSecret = "wrong/secret/of/this/test"
	for want, env := range map[string][]string{
		"no AWS access key is configured": {"AWS_SHARED_CREDENTIALS_FILE=/dev/null"},
		"UnrecognizedClientException":     {"AWS_ACCESS_KEY_ID=AKIANOBODY", "AWS_SECRET_ACCESS_KEY=" + wrongSecret},
		"InvalidSignatureException": {
			"AWS_ACCESS_KEY_ID=" + dev.key, "AWS_SECRET_ACCESS_KEY=" + wrongSecret,
		},
		"failed to get shared config profile": {"AWS_PROFILE=nobody"},
	} {
		wrong := *d
		wrong.env = append(append([]string{}, d.env...), env...)
		out, err := wrong.run(byHost, helper, "get")
		if err == nil || !strings.Contains(out, want) || strings.Contains(err.Error(), wrongSecret) {
			t.Errorf("%s: %v", want, err)
		}
		wrong.mustFail(want, "", crane, "ls", "--insecure", byHost+"/app")
	}
}

// TestCredentialHelperOfDocker: docker login works where it is not needed, and
// says that it stores nothing else.
func TestCredentialHelperOfDocker(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	engine := s.startDocker()
	s.createRepository(prod, tokyo, "app")
	engine.linkHelper(helperConfig(t, s.addr))
	engine.env = append(engine.env, "AWS_PROFILE=prod")
	repository := s.addr + "/" + prod.id + "/" + tokyo + "/app"
	engine.load(repository+":1", "helper\n")
	engine.must("", "push", repository+":1")
	engine.must("", "pull", repository+":1")
	if out := engine.must("", "login", s.addr); !strings.Contains(out, "Login Succeeded") {
		t.Errorf("docker login prints %s", out)
	}
	engine.mustFail("nothing was stored", s.password(dev, tokyo), "login", "--username", "AWS", "--password-stdin", s.addr)
	// After a logout the login is another one.
	helper := filepath.Join(engine.home, "bin", "docker-credential-twinport")
	before := engine.desk.must(s.addr, helper, "get")
	time.Sleep(time.Second) // logins of the same second are the same
	engine.must("", "logout", s.addr)
	if after := engine.desk.must(s.addr, helper, "get"); after == before {
		t.Error("docker logout does not forget the login")
	}
}

// TestCredentialHelperDoesNotWaitForever: the server accepts, and is silent.
func TestCredentialHelperDoesNotWaitForever(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	cmd := exec.Command(binary, "docker-credential", "get")
	cmd.Stdin = strings.NewReader(silent.Addr().String())
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL=http://"+silent.Addr().String(), "AWS_REGION="+tokyo,
		"AWS_ACCESS_KEY_ID="+prod.key, "AWS_SECRET_ACCESS_KEY="+prod.secret, "XDG_CACHE_HOME="+t.TempDir())
	began := time.Now()
	out, err := cmd.Output()
	if err == nil || !strings.Contains(string(out), "there was no answer for 15s") || time.Since(began) > patience {
		t.Errorf("after %v: %v\n%s", time.Since(began), err, out)
	}
}

// TestCredentialProvider runs what docs/clients.md configures as the kubelet
// does, and pulls with what it gets.
func TestCredentialProvider(t *testing.T) {
	t.Parallel()
	crane := client(t, "crane")
	s := newServer(t)
	d := s.desk()
	s.createRepository(dev, tokyo, "app")
	host := s.host(dev, tokyo)
	d.linkHelper("{}")
	key := filepath.Join(d.home, "aws-credentials")
	text := strings.NewReplacer("https://registry.example.com", "http://"+s.addr, "registry.example.com",
		"localhost:"+s.port, "/etc/twinport/kubelet-key", key,
	).Replace(docBlock(t, "../docs/clients.md", "kind: CredentialProviderConfig"))
	var config struct {
		Providers []struct {
			Name        string
			Version     string   `yaml:"apiVersion"`
			MatchImages []string `yaml:"matchImages"`
			Env         []struct{ Name, Value string }
		}
	}
	if err := yaml.Unmarshal([]byte(text), &config); err != nil || len(config.Providers) != 1 {
		t.Fatalf("%v in\n%s", err, text)
	}
	provider := config.Providers[0]
	if matched, err := filepath.Match(provider.MatchImages[0], host); !matched || err != nil {
		t.Errorf("%s does not match %s: %v", provider.MatchImages[0], host, err)
	}
	env := []string{"PATH=" + os.Getenv("PATH")} // no home
	for _, v := range provider.Env {
		env = append(env, v.Name+"="+v.Value)
	}
	kubelet := *d
	kubelet.env = env
	program := filepath.Join(d.home, "bin", provider.Name)
	request := func(image, more string) string {
		return `{"kind":"CredentialProviderRequest","apiVersion":"` + provider.Version + `","image":"` + image + `"` +
			more + `}`
	}
	pattern := s.addr + "/" + dev.id + "/" + tokyo
	for _, image := range []string{host + "/app:1", pattern + "/app:1"} {
		out := kubelet.must(request(image, ""), program)
		var answer struct {
			CacheKeyType, CacheDuration string
			Auth                        map[string]struct{ Username, Password string }
		}
		if err := json.Unmarshal([]byte(out), &answer); err != nil || len(answer.Auth) != 1 {
			t.Fatalf("%v: %s", err, out)
		}
		if left, err := time.ParseDuration(answer.CacheDuration); err != nil || left > 6*time.Hour || left < 5*time.Hour {
			t.Errorf("it is to be cached for %s", answer.CacheDuration)
		}
		for registry, login := range answer.Auth {
			if registry != host && registry != pattern {
				t.Errorf("it is for %s", registry)
			}
			at, _, _ := strings.Cut(registry, "/")
			d.must(login.Password, crane, "auth", "login", at, "--username", login.Username, "--password-stdin")
			d.must("", crane, "push", "--insecure", makeArchive(t, d), image)
		}
	}
	kubelet.mustFail("AssumeRoleWithWebIdentity", request(host+"/app:1", `,"serviceAccountToken":"a.b.c"`), program)
	kubelet.mustFail("is no registry of the endpoint", request("registry.example.net/app:1", ""), program)
}
