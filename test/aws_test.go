package test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// awsCommandLine returns the aws command, and the arguments that an old one
// must be given: it reads endpoint_url from a profile since 1.29 and 2.13.
func (d *desk) awsCommandLine() (program string, endpoint []string) {
	t := d.s.t
	t.Helper()
	program = client(t, "aws")
	version := d.must("", program, "--version")
	var major, minor int
	if _, err := fmt.Sscanf(version, "aws-cli/%d.%d", &major, &minor); err != nil {
		t.Fatalf("%v in the version %q", err, version)
	}
	if major == 1 && minor < 29 || major == 2 && minor < 13 {
		endpoint = []string{"--endpoint-url", "http://" + d.s.addr}
	}
	return program, endpoint
}

// TestAWSCommandLine walks through the setup as a newcomer would, with the
// profiles that `twinport init` writes.
func TestAWSCommandLine(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	d := s.desk()
	program, endpoint := d.awsCommandLine()
	aws := func(args ...string) []string { return slices.Concat(endpoint, args) }
	ask := func(answer any, args ...string) {
		t.Helper()
		out := d.must("", program, aws(append(args, "--output", "json")...)...)
		if err := json.Unmarshal([]byte(out), answer); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
	}

	var identity struct{ Account, Arn string }
	ask(&identity, "--profile", "prod", "sts", "get-caller-identity")
	if identity.Account != prod.id || identity.Arn != "arn:aws:iam::"+prod.id+":root" {
		t.Errorf("the caller is %+v", identity)
	}

	var created struct {
		Repository struct{ RepositoryArn, RegistryId, RepositoryUri, ImageTagMutability string }
	}
	ask(&created, "--profile", "prod", "ecr", "create-repository", "--repository-name", "team/app",
		"--image-tag-mutability", "IMMUTABLE", "--tags", "Key=env,Value=test")
	if got := created.Repository; got.RepositoryArn != "arn:aws:ecr:"+tokyo+":"+prod.id+":repository/team/app" ||
		got.RegistryId != prod.id ||
		got.RepositoryUri != s.addr+"/"+prod.id+"/"+tokyo+"/team/app" || got.ImageTagMutability != "IMMUTABLE" {
		t.Errorf("created %+v", got)
	}
	d.mustFail("RepositoryAlreadyExistsException", "", program, aws("--profile", "prod", "ecr", "create-repository",
		"--repository-name", "team/app")...)
	d.mustFail("InvalidParameterException", "", program, aws("--profile", "prod", "ecr", "create-repository",
		"--repository-name", "Team/App")...)

	var tags struct{ Tags []struct{ Key, Value string } }
	ask(&tags, "--profile", "prod", "ecr", "list-tags-for-resource", "--resource-arn", created.Repository.RepositoryArn)
	if len(tags.Tags) != 1 || tags.Tags[0].Key != "env" || tags.Tags[0].Value != "test" {
		t.Errorf("the tags are %+v", tags.Tags)
	}

	var replication struct {
		ReplicationConfiguration struct {
			Rules []struct {
				Destinations []struct{ Region, RegistryId string }
			}
		}
	}
	ask(&replication, "--profile", "prod", "ecr", "put-replication-configuration", "--replication-configuration",
		`{"rules":[{"destinations":[{"region":"`+tokyo+`","registryId":"`+dev.id+
			`"}],"repositoryFilters":[{"filter":"team","filterType":"PREFIX_MATCH"}]}]}`)
	ask(&replication, "--profile", "prod", "ecr", "describe-registry")
	if rules := replication.ReplicationConfiguration.Rules; len(rules) != 1 ||
		rules[0].Destinations[0].RegistryId != dev.id {
		t.Errorf("the rules are %+v", rules)
	}
	d.must("", program, aws("--profile", "dev", "ecr", "put-registry-policy", "--policy-text",
		`{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+prod.id+
			`:root"},"Action":["ecr:CreateRepository","ecr:ReplicateImage"],"Resource":"arn:aws:ecr:`+tokyo+`:`+dev.id+
			`:repository/*"}]}`)...)

	// The login flow ends in a push and a pull.
	password := d.must("", program, aws("--profile", "prod", "ecr", "get-login-password")...)
	pusher := &ociClient{t: t, http: s.http, host: s.host(prod, tokyo), user: "AWS", password: strings.TrimSpace(password)}
	pushed := makeImage("the command line's", nil, "")
	pusher.mustPush("team/app", "1", pushed)
	puller := s.oci(dev, tokyo)
	eventually(t, patience, func() error { return puller.wantPull("team/app", "1", pushed.digest) })

	var status struct {
		ReplicationStatuses []struct{ Region, RegistryId, Status string }
	}
	ask(&status, "--profile", "prod", "ecr", "describe-image-replication-status", "--repository-name", "team/app",
		"--image-id", "imageTag=1")
	if len(status.ReplicationStatuses) != 1 || status.ReplicationStatuses[0].Status != "COMPLETE" {
		t.Errorf("the replication's status is %+v", status)
	}
	var images struct {
		ImageDetails []struct {
			ImageDigest   string
			ImageTags     []string
			ImagePushedAt any
		}
	}
	ask(&images, "--profile", "dev", "ecr", "describe-images", "--repository-name", "team/app")
	if len(images.ImageDetails) != 1 || images.ImageDetails[0].ImageDigest != pushed.digest.String() ||
		images.ImageDetails[0].ImagePushedAt == nil {
		t.Errorf("dev has the images %+v", images)
	}

	// put-image with the manifest of batch-get-image is how scripts retag.
	var got struct {
		Images []struct{ ImageManifest string }
	}
	ask(&got, "--profile", "prod", "ecr", "batch-get-image", "--repository-name", "team/app", "--image-ids", "imageTag=1")
	if len(got.Images) != 1 || got.Images[0].ImageManifest != string(pushed.manifest) {
		t.Fatalf("batch-get-image gave %+v", got)
	}
	d.must("", program, aws("--profile", "prod", "ecr", "put-image", "--repository-name", "team/app", "--image-tag", "2",
		"--image-manifest", got.Images[0].ImageManifest)...)
	eventually(t, patience, func() error { return puller.wantPull("team/app", "2", pushed.digest) })

	// Another account has no key to the repository, and a wrong key no entry.
	d.mustFail("AccessDeniedException", "", program, aws("--profile", "mallory", "ecr", "describe-images", "--registry-id",
		prod.id, "--repository-name", "team/app")...)
	wrong := *d
	wrong.env = append(append([]string{}, d.env...), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(d.home, "wrong"))
	writeFile(t, filepath.Join(d.home, "wrong"), "[prod]\naws_access_key_id = "+prod.key+
		"\naws_secret_access_key = wrong\n")
	wrong.mustFail("InvalidSignatureException", "", program, aws("--profile", "prod", "ecr", "describe-repositories")...)

	d.mustFail("RepositoryNotEmptyException", "", program, aws("--profile", "prod", "ecr", "delete-repository",
		"--repository-name", "team/app")...)
	d.must("", program, aws("--profile", "prod", "ecr", "delete-repository", "--force", "--repository-name",
		"team/app")...)
	d.mustFail("RepositoryNotFoundException", "", program, aws("--profile", "prod", "ecr", "list-images",
		"--repository-name", "team/app")...)
	if err := puller.wantPull("team/app", "2", pushed.digest); err != nil {
		t.Errorf("deleting the repository in prod reached dev: %v", err)
	}
}
