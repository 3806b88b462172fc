package test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/twinport/twinport/test/servers"
)

// TestSessionToken hands the three variables of `aws sts get-session-token` to programs that know nothing else: they
// push and pull, and end with the access key.
func TestSessionToken(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	d := s.desk()
	program, endpoint := d.awsCommandLine()
	if endpoint != nil {
		t.Skip("left out: this aws command takes no endpoint from a profile")
	}
	crane := client(t, "crane")
	script := docBlock(t, "../docs/clients.md", "aws sts get-session-token") +
		`echo "$AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY $AWS_SESSION_TOKEN"`
	given := strings.Fields(d.must("", "env", "AWS_PROFILE=prod", "sh", "-ec", script))
	if len(given) != 3 || !strings.HasPrefix(given[0], "ASIA") {
		t.Fatalf("it sets %q", given)
	}
	build := s.desk() // without a profile
	build.env = slices.DeleteFunc(build.env, func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	build.env = append(build.env, "AWS_ACCESS_KEY_ID="+given[0], "AWS_SECRET_ACCESS_KEY="+given[1],
		"AWS_SESSION_TOKEN="+given[2], "AWS_DEFAULT_REGION="+tokyo, "AWS_ENDPOINT_URL=http://"+s.addr,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")

	identity := build.must("", program, "sts", "get-caller-identity", "--query", "Arn", "--output", "text")
	if got := strings.TrimSpace(identity); got != "arn:aws:iam::"+prod.id+":root" {
		t.Errorf("the caller is %s", got)
	}
	build.mustFail("Cannot call GetSessionToken with session credentials", "", program, "sts", "get-session-token")
	account := d.must("", program, "--profile", "prod", "sts", "get-access-key-info", "--access-key-id",
		given[0], "--query", "Account", "--output", "text")
	if got := strings.TrimSpace(account); got != prod.id {
		t.Errorf("the access key is of account %s", got)
	}

	build.must("", program, "ecr", "create-repository", "--repository-name", "app")
	password := strings.TrimSpace(build.must("", program, "ecr", "get-login-password"))
	build.must(password, crane, "auth", "login", s.addr, "--username", "AWS", "--password-stdin")
	archive := filepath.Join(build.home, "image.tar")
	if err := tarball.WriteToFile(archive, name.MustParseReference("hello:1").(name.Tag),
		helloImage(t, "session\n")); err != nil {
		t.Fatal(err)
	}
	image := fmt.Sprintf("%s/%s/%s/app:1", s.addr, prod.id, tokyo)
	build.must("", crane, "push", "--insecure", archive, image)
	build.must("", crane, "validate", "--insecure", "--remote", image)

	// Nothing of them is in the process. They are of this deployment, and of an access key as it is.
	s.restart(syscall.SIGTERM)
	build.must("", program, "ecr", "describe-images", "--repository-name", "app")
	build.must("", crane, "validate", "--insecure", "--remote", image)
	elsewhere := newServer(t) // with the same access keys
	build.mustFail("UnrecognizedClientException", "", program, "--endpoint-url", "http://"+elsewhere.addr, "ecr",
		"describe-repositories")

	s.replaceInConfig(prod.secret, "another-secret-of-the-same-length-as-it-")
	s.restart(syscall.SIGTERM)
	build.mustFail("UnrecognizedClientException", "", program, "ecr", "describe-repositories")
	build.mustFail("InvalidClientTokenId", "", program, "sts", "get-caller-identity")
	build.mustFail("401 Unauthorized", "", crane, "validate", "--insecure", "--remote", image)
}

// TestClusterSessionToken: one process issues, the others take.
func TestClusterSessionToken(t *testing.T) {
	ownStores(t)
	t.Parallel()
	c := newClusterOn(t, 2, sharedStores(servers.Postgres(t), servers.S3(t), noRedirect), "")
	c.createRepository(prod, tokyo, "app")
	pushed := makeImage("by a session", nil, "")
	for i, issuer := range c.nodes {
		taker := c.nodes[1-i]
		issued, err := issuer.sts(prod, tokyo).GetSessionToken(ctx, &sts.GetSessionTokenInput{})
		if err != nil {
			t.Fatal(err)
		}
		given := taker.ecrWith(issued.Credentials)
		if _, err := given.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{}); err != nil {
			t.Error(err)
		}
		pusher := c.oci(prod, tokyo)
		pusher.password = loginOf(t, given)
		pusher.through(issuer).mustPush("app", fmt.Sprint(i), pushed)
		if err := pusher.through(taker).wantPull("app", fmt.Sprint(i), pushed.digest); err != nil {
			t.Error(err)
		}
	}
}

// ecrWith is the AWS SDK's client with temporary credentials.
func (s *server) ecrWith(c *types.Credentials) *ecr.Client {
	return ecr.New(ecr.Options{
		Region:           tokyo,
		BaseEndpoint:     aws.String("http://" + s.addr),
		Credentials:      credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken),
		HTTPClient:       s.http,
		RetryMaxAttempts: 1,
	})
}
