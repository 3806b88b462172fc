package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/test/servers"
)

// tenantOf is the account of a deployment as its user sees it.
func (d *peerDeployment) tenant() *tenant {
	d.t.Helper()
	cfg, err := config.Load(d.config, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return newTenant(d.url, strings.TrimPrefix(d.url, "http://"), cfg.Regions[0], cfg.Accounts[0])
}

// compare runs the command, which ends with the code, and returns what it printed.
func (d *peerDeployment) compare(code int, args ...string) (stdout, stderr string) {
	d.t.Helper()
	var out, problems bytes.Buffer
	args = append([]string{"replication", "compare", "--config", d.config}, args...)
	if got := Run(args, &out, &problems); got != code {
		d.t.Fatalf("%s: twinport %s: exit code %d, want %d; stdout:\n%s\nstderr:\n%s", d.name, strings.Join(args, " "),
			got, code, &out, &problems)
	}
	return out.String(), problems.String()
}

// push pushes an image, and returns its digest.
func push(t *testing.T, of *tenant, repository, tag string) string {
	t.Helper()
	image, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewTag(fmt.Sprintf("%s/%s/%s/%s:%s", of.host, of.id, of.region, repository, tag))
	if err != nil {
		t.Fatal(err)
	}
	password, err := of.login(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image,
		remote.WithAuth(&authn.Basic{Username: "AWS", Password: password})); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// TestReplicationCompare compares a deployment with its peer, beside its server and without one.
func TestReplicationCompare(t *testing.T) {
	inEmptyFolder(t)
	t.Run("files", func(t *testing.T) { testReplicationCompare(t, "") })
	t.Run("PostgreSQL", func(t *testing.T) { testReplicationCompare(t, "database: "+servers.Postgres(t)+"\n") })
}

func testReplicationCompare(t *testing.T, stores string) {
	tokyo := newPeerDeployment(t, "tokyo", tokyoAccount, "ap-northeast-1", stores)
	oregon := newPeerDeployment(t, "oregon", oregonAccount, "us-west-2", "")
	oregon.wantPeer(`^Joined tokyo`, "join", tokyo.invite(), "--accounts", "all")
	source, destination := tokyo.tenant(), oregon.tenant()
	for _, repository := range []string{"app", "web"} {
		if _, err := source.ecr.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{
			RepositoryName: aws.String(repository),
		}); err != nil {
			t.Fatal(err)
		}
	}
	first := push(t, source, "app", "1")
	push(t, source, "web", "1")
	const to = oregonAccount + "/us-west-2"
	_, stderr := tokyo.compare(exitFailed, "--to", to)
	tokyo.wantMatch(`^twinport: compare 111122223333/ap-northeast-1 with 444455556666/us-west-2: `+
		`no replication rule .*\n$`, stderr, nil)
	if err := source.replicateTo(t.Context(), destination); err != nil {
		t.Fatal(err)
	}

	stdout, _ := tokyo.compare(exitDifferent, "--to", to)
	tokyo.wantMatch(`^REFUSED    app\nREFUSED    web\n`+
		`Account 444455556666 does not let [^\0]*"ecr:ReplicateImage"[^\0]*\n`+
		`Compared 2 images of 111122223333/ap-northeast-1 with 444455556666/us-west-2: 0 are lacking, 0 different; `+
		`2 repositories are refused\.\n$`, stdout, nil)
	if err := destination.putRegistryPolicy(t.Context(), json.RawMessage(policy.Grant("Replication", tokyoAccount,
		[]string{"ecr:CreateRepository", "ecr:ReplicateImage"},
		"arn:aws:ecr:us-west-2:"+oregonAccount+":repository/*"))); err != nil {
		t.Fatal(err)
	}
	stdout, _ = tokyo.compare(exitDifferent, "--from", tokyoAccount+"/ap-northeast-1", "--to", to, "app")
	tokyo.wantMatch(`^LACKING    app:1  `+first+`\nCompared 1 images of [^\0]*: 1 are lacking, 0 different; `+
		`0 repositories are refused\.\n$`, stdout, nil)
	stdout, _ = tokyo.compare(exitDifferent, "--to", to, "--repair")
	tokyo.wantMatch(`^LACKING    app:1 .*\nLACKING    web:1 .*\n[^\0]*\nQueued 2 replications\.\n$`, stdout, nil)
	same := func() bool {
		var out bytes.Buffer
		return Run([]string{"replication", "compare", "--config", tokyo.config, "--to", to}, &out, &out) == exitOK &&
			strings.HasSuffix(out.String(), ": nothing differs.\n")
	}
	for end := time.Now().Add(patience); !same(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("what was repaired does not arrive")
		}
	}
	push(t, destination, "app", "1")
	stdout, _ = tokyo.compare(exitDifferent, "--to", to)
	tokyo.wantMatch(`^DIFFERENT  app:1  `+first+`\nCompared 2 images`, stdout, nil)

	// Without a server the command does it all itself, and the server goes on with what was queued.
	tokyo.stop()
	if _, err := destination.ecr.BatchDeleteImage(t.Context(), &ecr.BatchDeleteImageInput{
		RepositoryName: aws.String("web"), ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("1")}},
	}); err != nil {
		t.Fatal(err)
	}
	stdout, _ = tokyo.compare(exitDifferent, "--to", to, "--repair")
	tokyo.wantMatch(`^DIFFERENT  app:1 .*\nLACKING    web:1 .*\n[^\0]*\nQueued 2 replications\.\n$`, stdout, nil)
	stdout, _ = tokyo.compare(exitDifferent, "--to", to, "--repair")
	tokyo.wantMatch(`\nQueued 0 replications; the others were in progress already\.\n$`, stdout, nil)
	tokyo.start()
	for end := time.Now().Add(patience); !same(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("what was repaired without a server does not arrive")
		}
	}

	oregon.stop()
	_, stderr = tokyo.compare(exitFailed, "--to", to)
	tokyo.wantMatch(`^twinport: compare .*: the deployment 'oregon' did not compare: .*cannot be `, stderr, nil)
	for args, want := range map[string]string{
		"--to=x":                        `--to: "x" is not a registry: write ACCOUNT/REGION`,
		"--from=x/ --to=" + to:          `--from: "x/" is not a registry`,
		"--from=1/x --to=" + to:         `the registry 1/x is not served by this deployment`,
		"--to=" + to + " none":          `the repository with name 'none' does not exist`,
		"--to=111122223333/x":           `no replication rule`,
		"--to=" + to + " --config=none": `none`,
	} {
		_, stderr := tokyo.compare(exitFailed, strings.Fields(args)...)
		tokyo.wantMatch(`^twinport: .*`+want, stderr, nil)
	}
	tokyo.compare(exitUsage)
}

// Where there are several registries one must be named.
func TestReplicationCompareNeedsFrom(t *testing.T) {
	inEmptyFolder(t)
	if code := Run([]string{"init"}, new(bytes.Buffer), new(bytes.Buffer)); code != exitOK {
		t.Fatalf("init ended with %d", code)
	}
	var problems bytes.Buffer
	if code := Run([]string{"replication", "compare", "--to", "444455556666/us-west-2"}, &problems, &problems); code !=
		exitFailed || !strings.Contains(problems.String(), "--from is missing: the deployment serves the accounts ") {
		t.Errorf("it ended with %d, and said %s", code, &problems)
	}
}
