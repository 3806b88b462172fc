package test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// TestUnmodifiedAWSTools is the recipe of docs/clients.md for tools that know
// AWS's names only: they find Twinport at these names, with a certificate of its own.
func TestUnmodifiedAWSTools(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("left out: listening on port 443 needs root")
	}
	crane := client(t, "crane")
	dir := t.TempDir()
	s := prepareServer(t, dir, filepath.Join(dir, "data"), stores{}, "")
	const address = "127.44.3.1" // a loopback address whose port 443 nobody else uses
	recipe := docBlock(t, "../docs/clients.md", "domain: amazonaws.com")
	file := filepath.Join(dir, "server.crt")
	writeCertificate(t, file, filepath.Join(dir, "server.key"), 1, "api.ecr."+tokyo+".amazonaws.com",
		"*.dkr.ecr."+tokyo+".amazonaws.com")
	certificate, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	recipe = strings.NewReplacer(`":443"`, `"`+address+`:443"`, "/etc/twinport/", dir+"/").Replace(recipe)
	s.replaceInConfig("listen: "+s.addr+"\ndomain: localhost\n", recipe)
	s.addr, s.port = address+":443", "443"
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	s.http = &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "api.ecr." + tokyo + ".amazonaws.com"},
		},
	}
	s.launch(nil, "serve", "--config", filepath.Join(dir, "twinport.yaml"))
	s.waitReady("https")

	registry := prod.id + ".dkr.ecr." + tokyo + ".amazonaws.com"
	d := s.desk()
	hosts, err := os.ReadFile(d.hosts)
	if err != nil {
		t.Fatal(err)
	}
	hosts = fmt.Appendf(hosts, "%s api.ecr.%s.amazonaws.com %s\n", address, tokyo, registry)
	if err := os.WriteFile(d.hosts, hosts, 0o644); err != nil {
		t.Fatal(err)
	}
	// No endpoint and no profile: only what such tools are given on AWS, and the certificate.
	d.env = slices.DeleteFunc(d.env, func(v string) bool {
		return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "SSL_CERT")
	})
	d.env = append(d.env, "AWS_ACCESS_KEY_ID="+prod.key, "AWS_SECRET_ACCESS_KEY="+prod.secret, "AWS_REGION="+tokyo,
		"AWS_DEFAULT_REGION="+tokyo,
		"AWS_CA_BUNDLE="+file, "SSL_CERT_FILE="+file, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")

	archive := filepath.Join(d.home, "image.tar")
	if err := tarball.WriteToFile(archive, name.MustParseReference("hello:1").(name.Tag),
		helloImage(t, "aws\n")); err != nil {
		t.Fatal(err)
	}
	t.Run("aws", func(t *testing.T) {
		aws := client(t, "aws")
		out := d.must("", aws, "ecr", "create-repository", "--repository-name", "app", "--query", "repository.repositoryUri",
			"--output", "text")
		if got := strings.TrimSpace(out); got != registry+"/app" {
			t.Errorf("the repository's URI is %s", got)
		}
		password := d.must("", aws, "ecr", "get-login-password")
		d.must(password, crane, "auth", "login", registry, "--username", "AWS", "--password-stdin")
		d.must("", crane, "push", archive, registry+"/app:1")
	})
	t.Run("boto3", func(t *testing.T) {
		for version, python := range pythons(t) {
			out := d.must("", python, "-c", "import boto3\n"+
				"print(boto3.client('ecr').describe_repositories()['repositories'][0]['repositoryUri'])")
			if got := strings.TrimSpace(out); got != registry+"/app" {
				t.Errorf("%s: the repository's URI is %s", version, got)
			}
		}
	})
	t.Run("JavaScript SDK", func(t *testing.T) {
		node, modules := javaScript(t)
		out := d.must("", "env", "NODE_PATH="+modules, "NODE_EXTRA_CA_CERTS="+file, node, "-e", `
			new (require('@aws-sdk/client-ecr').ECR)().describeRepositories({}).then((answer) =>
				console.log(answer.repositories[0].repositoryUri))`)
		if got := strings.TrimSpace(out); got != registry+"/app" {
			t.Errorf("the repository's URI is %s", got)
		}
	})
	// The image is where CDK's templates say: they have AWS's names.
	t.Run("CDK", func(t *testing.T) {
		node, modules := javaScript(t)
		docker := filepath.Join(d.home, "docker.sh")
		writeFile(t, docker, `case $1 in
			inspect) exit 1;;
			login) exec `+crane+` auth login "$5" --username "$3" --password-stdin;;
			push) exec `+crane+` push `+archive+` "$2";;
			esac`)
		writeFile(t, filepath.Join(d.home, "assets.json"), `{"version": "54.0.0", "files": {}, "dockerImages": {
			"cdk": {"source": {"executable": ["echo", "built"]}, "destinations": {"current": {
				"repositoryName": "app", "imageTag": "of-${AWS::AccountId}", "region": "`+tokyo+`"}}}}}`)
		if err := os.Chmod(docker, 0o700); err != nil {
			t.Fatal(err)
		}
		d.must("", "env", "NODE_EXTRA_CA_CERTS="+file, "AWS_ENDPOINT_URL_STS=https://api.ecr."+tokyo+".amazonaws.com",
			"CDK_DOCKER="+docker, "CDK_DOCKER_CREDS_FILE="+filepath.Join(d.home, "none"),
			node, filepath.Join(modules, "cdk-assets", "bin", "cdk-assets"), "--path", d.home, "publish")
		d.must("", crane, "validate", "--remote", registry+"/app:of-"+prod.id)
	})
	t.Run("credential helper", func(t *testing.T) {
		helper := client(t, "docker-credential-ecr-login")
		folder := filepath.Join(d.home, "docker")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(folder, "config.json"), `{"credHelpers": {"`+registry+`": "ecr-login"}}`)
		d.must("", "env", "PATH="+filepath.Dir(helper)+":"+os.Getenv("PATH"), crane, "push", archive, registry+"/app:2")
	})
	// By AWS's name of the API, and by the registry's own host where that is below a domain that is configured.
	t.Run("own credential helper", func(t *testing.T) {
		d.linkHelper(`{"credHelpers": {"` + registry + `": "twinport"}}`)
		for tag, endpoint := range map[string]string{"3": "", "4": "https://none.example.com", "5": "https://amazonaws.com",
			"6": "https://api.ecr." + oregon + ".amazonaws.com"} {
			d.env = append(d.env, "AWS_ENDPOINT_URL_ECR="+endpoint)
			if endpoint == "https://none.example.com" {
				d.mustFail("is no registry of the endpoint none.example.com", "", crane, "push", archive, registry+"/app:"+tag)
			} else {
				d.must("", crane, "push", archive, registry+"/app:"+tag)
			}
		}
	})
	t.Run("kubelet's provider", func(t *testing.T) {
		provider := client(t, "ecr-credential-provider")
		out := d.must(`{"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1","image":"`+
			registry+`/app:1"}`, provider, "get-credentials")
		var answer struct {
			Auth map[string]struct{ Username, Password string }
		}
		if err := json.Unmarshal([]byte(out), &answer); err != nil || len(answer.Auth) != 1 {
			t.Fatalf("%v: %s", err, out)
		}
		writeFile(t, filepath.Join(d.home, "docker", "config.json"), "{}")
		for _, login := range answer.Auth {
			d.must(login.Password, crane, "auth", "login", registry, "--username", login.Username, "--password-stdin")
		}
		d.must("", crane, "validate", "--remote", registry+"/app:1")
	})
}

// docBlock returns the indented block of a document that has the text.
func docBlock(t *testing.T, path, has string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range shellBlocks(string(text)) {
		if strings.Contains(block, has) {
			return block + "\n"
		}
	}
	t.Fatalf("%s has no block with %q", path, has)
	return ""
}
