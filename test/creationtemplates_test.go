package test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// TestCreateOnPush: clients push to repositories that are not there, also to those
// of an account that lets them. A template is set as the user guide of ECR does.
func TestCreateOnPush(t *testing.T) {
	t.Parallel()
	crane := client(t, "crane")
	s := newServer(t)
	d := s.desk()
	program, endpoint := d.awsCommandLine()
	template := func(prefix string, more ...string) {
		t.Helper()
		d.must("", program, append(append(endpoint, "--profile", "prod", "--region", tokyo, "ecr",
			"create-repository-creation-template", "--prefix", prefix, "--applied-for", "CREATE_ON_PUSH"), more...)...)
	}
	push := append(pullActions, "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage")
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"CI","Effect":"Allow",
		"Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":[%s]}]}`, dev.id, quoted(push))
	template("team", "--image-tag-mutability", "IMMUTABLE", "--resource-tags", "Key=team,Value=x",
		"--encryption-configuration", "encryptionType=AES256")
	template("shared", "--repository-policy", policy)

	archive := filepath.Join(d.home, "image.tar")
	image := helloImage(t, "created on push\n")
	if err := tarball.WriteToFile(archive, name.MustParseReference("hello:1").(name.Tag), image); err != nil {
		t.Fatal(err)
	}
	host := s.host(prod, tokyo)
	login := func(a account) {
		t.Helper()
		d.must(s.password(a, tokyo), crane, "auth", "login", host, "--username", "AWS", "--password-stdin")
	}
	login(prod)
	d.must("", crane, "push", "--insecure", archive, host+"/team/app:1")
	d.must("", crane, "validate", "--insecure", "--remote", host+"/team/app:1")
	d.must("", crane, "copy", "--insecure", host+"/team/app:1", host+"/team/copy:1") // mounts its layers
	d.mustFail("NAME_UNKNOWN", "", crane, "push", "--insecure", archive, host+"/elsewhere/app:1")
	login(dev)
	d.must("", crane, "push", "--insecure", archive, host+"/shared/app:1")
	d.mustFail("403", "", crane, "push", "--insecure", archive, host+"/team/other:1")
	d.mustFail("403", "", crane, "push", "--insecure", archive, host+"/elsewhere/app:1")

	out, err := s.ecr(prod, tokyo).DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{})
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, r := range out.Repositories {
		there = append(there, aws.ToString(r.RepositoryName))
		if immutable := r.ImageTagMutability == types.ImageTagMutabilityImmutable; immutable !=
			strings.HasPrefix(*r.RepositoryName, "team/") {
			t.Errorf("%s has the tag mutability %s", *r.RepositoryName, r.ImageTagMutability)
		}
	}
	if got := fmt.Sprint(there); got != "[shared/app team/app team/copy]" {
		t.Errorf("there are %s", got)
	}
}
