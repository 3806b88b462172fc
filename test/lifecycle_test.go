package test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

// expireAllBut is the text of a lifecycle policy that keeps so many images.
func expireAllBut(n int) string {
	return fmt.Sprintf(`{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan",`+
		`"countNumber":%d},"action":{"type":"expire"}}]}`, n)
}

func (s *server) putLifecyclePolicy(a account, region, repo, text string) {
	s.t.Helper()
	_, err := s.ecr(a, region).PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{
		RepositoryName: &repo, LifecyclePolicyText: &text,
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// lifecycle runs `twinport lifecycle run` to its end.
func (s *server) lifecycle(status int, args ...string) (stdout, stderr string) {
	s.t.Helper()
	cmd := s.command("lifecycle", args...)
	cmd.Args = append([]string{cmd.Args[0], "lifecycle", "run"}, cmd.Args[2:]...)
	return s.runTool(cmd, status)
}

// imagesOf are how many images a repository has.
func (s *server) imagesOf(a account, region, repo string) int {
	s.t.Helper()
	out, err := s.ecr(a, region).ListImages(ctx, &ecr.ListImagesInput{RepositoryName: &repo, MaxResults: aws.Int32(1000)})
	if err != nil {
		s.t.Fatal(err)
	}
	return len(out.ImageIds)
}

// TestLifecycleCommand has the operator run policies, beside the server and, where
// it keeps its data in files, without one.
func TestLifecycleCommand(t *testing.T) {
	t.Parallel()
	s, source, _ := replicating(t)
	if a := s.answer(s.signed(prod, tokyo, "ecr", time.Now(), "PutReplicationConfiguration",
		fmt.Sprintf(`{"replicationConfiguration": {"rules": [
		{"destinations": [{"registryId": %q, "region": %q}], "deleteReplication": {"enabled": true}}]}}`, dev.id,
			tokyo))); a.status != http.StatusOK {
		t.Fatal(a)
	}
	s.createRepository(prod, tokyo, "app")
	for i := range 5 {
		source.mustPush("app", fmt.Sprint("v", i), makeImage(fmt.Sprint(i), nil, ""))
	}
	eventually(t, patience, func() error {
		out, err := s.ecr(dev, tokyo).ListImages(ctx, &ecr.ListImagesInput{RepositoryName: aws.String("app")})
		if err != nil || len(out.ImageIds) != 5 {
			return fmt.Errorf("the destination has %v, %v", out, err)
		}
		return nil
	})
	s.putLifecyclePolicy(prod, tokyo, "app", expireAllBut(3))
	if out, _ := s.lifecycle(0); !strings.Contains(out, "Policies that have run: 0.") {
		t.Errorf("a policy that was set just now has run: %s", out)
	}
	name := prod.id + "/" + tokyo + "/app"
	ran := name + "  COMPLETE  2 of 2 images deleted\nPolicies that have run: 1."
	if out, _ := s.lifecycle(0, "--now"); !strings.Contains(out, ran) {
		t.Errorf("run --now: %s", out)
	}
	if n := s.imagesOf(prod, tokyo, "app"); n != 3 {
		t.Errorf("%d images are left, want 3", n)
	}
	eventually(t, patience, func() error {
		if n := s.imagesOf(dev, tokyo, "app"); n != 3 {
			return fmt.Errorf("the destination has %d images, want 3", n)
		}
		return nil
	})
	if !shared() {
		s.kill(syscall.SIGTERM)
		if out, _ := s.lifecycle(0, "--now", "--repository", name); !strings.Contains(out, "0 of 0 images deleted") {
			t.Errorf("without a server: %s", out)
		}
		s.start()
	}
	for _, c := range []struct{ repository, says string }{
		{"app", "is not a repository: write ACCOUNT/REGION/NAME"}, {name + "/none", "there is no repository"},
	} {
		if _, log := s.lifecycle(1, "--repository", c.repository); !strings.Contains(log, c.says) {
			t.Errorf("--repository %s: %s", c.repository, log)
		}
	}
	s.createRepository(prod, tokyo, "without")
	_, log := s.lifecycle(1, "--repository", prod.id+"/"+tokyo+"/without")
	if !strings.Contains(log, "has no lifecycle policy") {
		t.Errorf("without a policy: %s", log)
	}
}

// TestKillLifecycleRun kills the server again and again while policies run: in the
// end each has kept what it says, and no image is half gone.
func TestKillLifecycleRun(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	source := s.oci(prod, tokyo)
	const repositories, images, kept = 4, 60, 5
	for r := range repositories {
		repo := fmt.Sprint("app", r)
		s.createRepository(prod, tokyo, repo)
		for i := range images {
			source.mustPush(repo, fmt.Sprint("v", i), makeImage(fmt.Sprint(i), nil, ""))
		}
	}
	s.kill(syscall.SIGTERM)
	s.http.CloseIdleConnections()
	s.env = append(s.env, "TWINPORT_LIFECYCLE_INTERVAL=1s")
	s.start()
	for r := range repositories {
		s.putLifecyclePolicy(prod, tokyo, fmt.Sprint("app", r), expireAllBut(kept))
	}
	for i := range 4 {
		time.Sleep(time.Duration(i+1) * 400 * time.Millisecond)
		s.restart(syscall.SIGKILL)
	}
	eventually(t, patience, func() error {
		for r := range repositories {
			if n := s.imagesOf(prod, tokyo, fmt.Sprint("app", r)); n != kept {
				return fmt.Errorf("app%d has %d images, want %d", r, n, kept)
			}
		}
		return nil
	})
	for r := range repositories {
		for i := images - kept; i < images; i++ {
			want := makeImage(fmt.Sprint(i), nil, "").digest
			if err := follow(source).wantPull(fmt.Sprint("app", r), fmt.Sprint("v", i), want); err != nil {
				t.Error(err)
			}
		}
	}
	found, _ := s.verify(0)
	wantFindings(t, found)
}

// TestLifecycleDocument does what docs/lifecycle.md tells to do, word for word, with
// the aws command and then with twinport.
func TestLifecycleDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/lifecycle.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := shellBlocks(string(text))
	if len(blocks) != 2 {
		t.Fatalf("docs/lifecycle.md has %d shell blocks, want those of aws and of twinport", len(blocks))
	}
	s := newServer(t)
	s.createRepository(prod, tokyo, "team/app")
	s.createRepository(prod, virginia, "team/app")
	s.oci(prod, tokyo).mustPush("team/app", "v1", makeImage("v1", nil, ""))
	d := s.desk()
	_, endpoint := d.awsCommandLine()
	d.env = append(d.env, "AWS_PROFILE=prod")
	script := "cd '" + d.home + "'\naws() { command aws " + strings.Join(endpoint, " ") + ` "$@"; }` + "\n" + blocks[0]
	out := d.must("", "sh", "-euc", script)
	for _, want := range []string{
		`"status": "COMPLETE"`, `"expiringImageTotalCount": 0`, `{\"rules\":[{\"rulePriority\":1,`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the commands do not print %q:\n%s", want, out)
		}
	}
	s.putLifecyclePolicy(prod, virginia, "team/app", expireAllBut(1))
	for line := range strings.Lines(blocks[1]) {
		args, ok := strings.CutPrefix(strings.TrimSpace(line), "twinport lifecycle run")
		if !ok {
			t.Fatalf("no command of twinport's: %s", line)
		}
		if out, _ := s.lifecycle(0, strings.Fields(args)...); !strings.Contains(out, "Policies that have run: ") {
			t.Errorf("%s prints %s", line, out)
		}
	}
}
