package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestCDKAssets publishes an image as AWS CDK does, with each form of URIs. The
// manifest is one that CliCredentialsStackSynthesizer writes.
func TestCDKAssets(t *testing.T) {
	t.Parallel()
	node, modules := javaScript(t)
	const repository = "cdk-hnb659fds-container-assets-"
	dir := t.TempDir()
	s := prepareServer(t, dir, filepath.Join(dir, "data"), storesOf(t), "uri: auto\n")
	s.start()
	s.createRepository(prod, tokyo, repository+prod.id+"-"+tokyo)
	s.createRepository(prod, oregon, repository+prod.id+"-"+oregon)
	engine := s.startDocker()
	engine.env = append(engine.env, "AWS_PROFILE="+prod.name, "CDK_DOCKER="+engine.program,
		"CDK_DOCKER_CREDS_FILE="+filepath.Join(engine.home, "none"))
	assets := filepath.Join(engine.home, "cdk.out")
	if err := os.MkdirAll(filepath.Join(assets, "asset"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(assets, "asset", "Dockerfile"), "FROM scratch\nCOPY hello /hello\n")
	// publish publishes an image to the Regions, and returns what the tool says.
	publish := func(id, more string, regions ...string) (string, error) {
		var destinations []string
		for _, region := range regions {
			destinations = append(destinations, fmt.Sprintf(`%q: {"repositoryName": "%s${AWS::AccountId}-${AWS::Region}",
				"imageTag": %q, "region": %q%s}`, region, repository, id, region, more))
		}
		writeFile(t, filepath.Join(assets, "assets.json"), fmt.Sprintf(`{"version": "54.0.0", "files": {}, "dockerImages": {
			%q: {"source": {"directory": "asset"}, "destinations": {%s}}}}`, id, strings.Join(destinations, ",")))
		writeFile(t, filepath.Join(assets, "asset", "hello"), id)
		out, err := engine.command(node, filepath.Join(modules, "cdk-assets", "bin", "cdk-assets"), "--verbose",
			"--path", assets, "publish").CombinedOutput()
		return string(out), err
	}

	must := func(want, id string, regions ...string) {
		t.Helper()
		if out, err := publish(id, "", regions...); err != nil || !strings.Contains(out, want) {
			t.Fatalf("%s: %v, want %q in\n%s", id, err, want, out)
		}
		for _, region := range regions {
			if _, err := s.oci(prod, region).pull(repository+prod.id+"-"+region, id); err != nil {
				t.Errorf("%s in %s: %v", id, region, err)
			}
		}
	}
	use := func(old, form string) {
		s.replaceInConfig("uri: "+old+"\n", "uri: "+form+"\n")
		s.restart(syscall.SIGTERM)
	}

	must("Push "+s.addr+"/"+prod.id+"/"+tokyo+"/"+repository, "path", tokyo)
	must("Found ", "path", tokyo) // and is not built again
	// The tool logs in once to a host, and a login is for one Region.
	if out, err := publish("regions", "", tokyo, oregon); err == nil || !strings.Contains(out, "is for the Region") {
		t.Errorf("to two Regions below one host: %v\n%s", err, out)
	}
	role := fmt.Sprintf(`, "assumeRoleArn": "arn:${AWS::Partition}:iam::%s:role/cdk-hnb659fds-image-publishing-role"`,
		prod.id)
	if out, err := publish("role", role, tokyo); err == nil || !strings.Contains(out,
		"Roles may not be assumed by root accounts") {
		t.Errorf("with a role: %v\n%s", err, out)
	}
	use("auto", "short")
	must("Push "+s.addr+"/"+repository, "short", tokyo)
	use("short", "host")
	must("Push "+s.host(prod, oregon)+"/"+repository, "host", tokyo, oregon)
}
