package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/test/servers"
)

// TestPeers is the main job: what is pushed in one deployment by real clients is
// pulled in another one by others, if that lets it in.
func TestPeers(t *testing.T) {
	t.Parallel()
	here, there := newDeployment(t, tokyo, 1, storesOf(t)), newDeployment(t, oregon, 1, storesOf(t))
	join(here, there)
	here.replicate(prod, tokyo, rule{to: []destination{devOregon, {prod, oregon}}})
	here.createRepository(prod, tokyo, "team/app")
	source, target := here.oci(prod, tokyo), there.oci(dev, oregon)

	// An account needs no grant for its own registry in another Region; another one's registry refuses.
	first := makeImage("first", nil, "")
	source.mustPush("team/app", "first", first)
	refused := here.wantStatus(prod, tokyo, "team/app", "first", devOregon, types.ReplicationStatusFailed)
	if code := aws.ToString(refused.FailureCode); code != "DESTINATION_REGISTRY_ACCESS_DENIED" {
		t.Errorf("what is refused has the code %q", code)
	}
	here.wantStatus(prod, tokyo, "team/app", "first", destination{prod, oregon}, types.ReplicationStatusComplete)
	if err := errors.Join(there.oci(prod, oregon).wantPull("team/app", "first", first.digest),
		target.wantAbsent("team/app", "first")); err != nil {
		t.Error(err)
	}
	// The statement that is shown is what the destination lacks; then it completes by itself.
	failed := here.replications(prod, "FAILED")
	if len(failed) != 1 || !json.Valid([]byte(failed[0].Statement)) ||
		!strings.Contains(failed[0].FailureReason, dev.id) {
		t.Fatalf("the failed replications are %+v", failed)
	}
	if _, err := there.ecr(dev, oregon).PutRegistryPolicy(ctx, &ecr.PutRegistryPolicyInput{
		PolicyText: aws.String(`{"Version":"2012-10-17","Statement":[` + failed[0].Statement + `]}`),
	}); err != nil {
		t.Fatal(err)
	}
	here.wantStatus(prod, tokyo, "team/app", "first", devOregon, types.ReplicationStatusComplete)
	if err := target.wantPull("team/app", "first", first.digest); err != nil {
		t.Error(err)
	}

	d := here.desk()
	from, to := here.host(prod, tokyo)+"/team/app", there.host(dev, oregon)+"/team/app"
	arrived := func(tag string) {
		t.Helper()
		here.wantStatus(prod, tokyo, "team/app", tag, devOregon, types.ReplicationStatusComplete)
	}
	login := func(program string, args ...string) {
		t.Helper()
		for host, password := range map[string]string{
			here.host(prod, tokyo): here.password(prod, tokyo), there.host(dev, oregon): there.password(dev, oregon),
		} {
			d.must(password, program, append(args, host)...)
		}
	}
	archive := makeArchive(t, d)
	t.Run("crane", func(t *testing.T) {
		crane := client(t, "crane")
		login(crane, "auth", "login", "--username", "AWS", "--password-stdin")
		d.must("", crane, "push", "--insecure", archive, from+":crane")
		arrived("crane")
		d.must("", crane, "validate", "--insecure", "--remote", to+":crane")
		// An image of several platforms.
		for _, platform := range []string{"linux/amd64", "linux/arm64"} {
			d.must("", crane, "mutate", "--insecure", "--set-platform", platform, "--tag",
				from+":"+strings.ReplaceAll(platform, "/", "-"), from+":crane")
		}
		d.must("", crane, "index", "append", "--insecure", "--manifest", from+":linux-amd64", "--manifest",
			from+":linux-arm64", "--tag", from+":index")
		arrived("index")
		d.must("", crane, "validate", "--insecure", "--remote", to+":index")
		if a, b := d.must("", crane, "digest", "--insecure", from+":index"),
			d.must("", crane, "digest", "--insecure", to+":index"); a != b {
			t.Errorf("the index is %s in Tokyo and %s in Oregon", a, b)
		}
	})
	t.Run("oras", func(t *testing.T) {
		oras := client(t, "oras")
		login(oras, "login", "--plain-http", "--username", "AWS", "--password-stdin")
		writeFile(t, filepath.Join(d.home, "file"), "the artifact")
		writeFile(t, filepath.Join(d.home, "signature"), "a signature")
		d.must("", oras, "push", "--plain-http", from+":oras", "file")
		d.must("", oras, "attach", "--plain-http", "--artifact-type", "application/vnd.example.signature", from+":oras",
			"signature")
		arrived("oras")
		here.idle(prod) // the signature, too
		d.must("", oras, "pull", "--plain-http", "--output", "pulled", to+":oras")
		if referrers := discover(t, d, oras, to+":oras"); len(referrers) != 1 {
			t.Errorf("the artifact has the referrers %v", referrers)
		}
	})
	t.Run("regctl", func(t *testing.T) {
		regctl := client(t, "regctl")
		for _, host := range []string{here.host(prod, tokyo), there.host(dev, oregon)} {
			d.must("", regctl, "registry", "set", "--tls", "disabled", host)
		}
		login(regctl, "registry", "login", "--user", "AWS", "--pass-stdin")
		d.must("", regctl, "image", "copy", from+":first", from+":regctl")
		arrived("regctl")
		if got := strings.TrimSpace(d.must("", regctl, "image", "digest", to+":regctl")); got != first.digest.String() {
			t.Errorf("the image is %s, want %s", got, first.digest)
		}
	})
	t.Run("skopeo", func(t *testing.T) {
		skopeo := client(t, "skopeo")
		login(skopeo, "login", "--tls-verify=false", "--username", "AWS", "--password-stdin")
		d.must("", skopeo, "--insecure-policy", "copy", "--dest-tls-verify=false", "docker-archive:"+archive,
			"docker://"+from+":skopeo")
		arrived("skopeo")
		d.must("", skopeo, "--insecure-policy", "copy", "--src-tls-verify=false", "docker://"+to+":skopeo",
			"dir:"+filepath.Join(d.home, "out"))
	})
	t.Run("aws", func(t *testing.T) {
		program, endpoint := d.awsCommandLine()
		source.mustPush("team/app", "aws", makeImage("aws", nil, ""))
		eventually(t, patience, func() error {
			out := d.must("", program, append(endpoint, "--profile", "prod", "ecr", "describe-image-replication-status",
				"--repository-name", "team/app", "--image-id", "imageTag=aws", "--output", "json")...)
			var answer struct {
				ReplicationStatuses []struct{ Region, RegistryId, Status string }
			}
			if err := json.Unmarshal([]byte(out), &answer); err != nil {
				return err
			}
			if len(answer.ReplicationStatuses) != 2 {
				t.Fatalf("the statuses are %s", out)
			}
			for _, s := range answer.ReplicationStatuses {
				if s.Region != oregon || s.Status != "COMPLETE" {
					return fmt.Errorf("the statuses are %s", out)
				}
			}
			return nil
		})
	})
	t.Run("docker", func(t *testing.T) {
		engine := here.startDocker()
		engine.must(there.password(dev, oregon), "login", "--username", "AWS", "--password-stdin",
			there.host(dev, oregon))
		var archive bytes.Buffer
		tag, err := name.NewTag(from+":docker", name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		if err := tarball.Write(tag, helloImage(t, "hello from Tokyo\n"), &archive); err != nil {
			t.Fatal(err)
		}
		engine.must(here.password(prod, tokyo), "login", "--username", "AWS", "--password-stdin",
			here.host(prod, tokyo))
		engine.must(archive.String(), "load")
		engine.must("", "push", from+":docker")
		engine.must("", "rmi", from+":docker")
		arrived("docker")
		if got := engine.must("", "run", "--rm", "--network=none", to+":docker"); got != "hello from Tokyo\n" {
			t.Errorf("the image prints %q", got)
		}
	})
}

// TestPeersCluster: one side is one process on files, the other two processes on
// PostgreSQL and S3, whose connections go to one and the other in turn. Images go
// both ways, and get there though processes are killed and the database restarts.
func TestPeersCluster(t *testing.T) {
	ownStores(t)
	t.Parallel()
	db := servers.StartPostgres(t)
	here := newDeployment(t, tokyo, 1, stores{})
	there := newDeployment(t, oregon, 2, sharedStores(db.Database(), servers.S3(t), ""))
	there.faulty = true
	join(here, there)
	there.grant(dev, oregon, prod, "ReplicateImage", "CreateRepository")
	here.grant(prod, tokyo, dev, "ReplicateImage", "CreateRepository")
	here.replicate(prod, tokyo, rule{to: []destination{devOregon}})
	there.replicate(dev, oregon, rule{to: []destination{{prod, tokyo}}})
	type side struct {
		source, target *ociClient
		repo           string
		pushed         map[string]image
	}
	sides := []*side{
		{here.oci(prod, tokyo), there.oci(dev, oregon), "from-tokyo", map[string]image{}},
		{there.oci(dev, oregon), here.oci(prod, tokyo), "from-oregon", map[string]image{}},
	}
	here.createRepository(prod, tokyo, sides[0].repo)
	there.createRepository(dev, oregon, sides[1].repo)
	shared := noise(1 << 20) // a layer of many images
	var round int
	push := func(n int) {
		t.Helper()
		round++
		var pushing sync.WaitGroup
		for _, s := range sides {
			for i := range n {
				tag := fmt.Sprintf("r%d-%d", round, i)
				image := makeImageOf(fmt.Appendf(nil, "%s %s", s.repo, tag))
				switch i {
				case 0:
					image = makeImageOf(noise(10<<20 + 77)) // of several parts
				case 1:
					image = makeImageOf(shared)
				}
				s.pushed[tag] = image
				pushing.Go(func() {
					if err := insist(stubborn, func() error { return s.source.push(s.repo, tag, image) }); err != nil {
						t.Errorf("push %s:%s: %v", s.repo, tag, err)
					}
				})
			}
		}
		pushing.Wait()
	}
	push(8)
	there.nodes[1].kill(syscall.SIGKILL)
	push(8)
	there.nodes[1].http.CloseIdleConnections()
	there.nodes[1].start()
	db.Restart(servers.Immediate)
	push(8)
	for _, s := range sides {
		for tag, image := range s.pushed {
			eventually(t, patience, func() error { return s.target.tagged(s.repo, tag, image.digest) })
			pull := func() error { return s.target.wantPull(s.repo, tag, image.digest) }
			if err := insist(stubborn, pull); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestPeersPullAtOnce: who pulls at the destination right after a push gets all
// of the image, or hears that it is not there yet.
func TestPeersPullAtOnce(t *testing.T) {
	t.Parallel()
	here, there := newPair(t)
	here.createRepository(prod, tokyo, "app")
	source, target := here.oci(prod, tokyo), there.oci(dev, oregon)
	for i := range 12 {
		child := makeImageOf(noise(3 << 20))
		source.mustPush("app", "", child)
		index := makeIndex(child.descriptor())
		want := digest.FromBytes(index)
		tag := fmt.Sprint("v", i)
		if err := source.putManifest("app", tag, ocispec.MediaTypeImageIndex, index); err != nil {
			t.Fatal(err)
		}
		pushed := time.Now()
		for {
			a, err := target.send("GET", "/v2/app/manifests/"+tag, nil, "Accept", acceptAll)
			if err != nil {
				t.Fatal(err)
			}
			if a.status == http.StatusNotFound {
				if time.Since(pushed) > patience {
					t.Fatalf("%s has not arrived within %v", tag, patience)
				}
				continue
			}
			if err := target.wantPull("app", tag, want); err != nil {
				t.Errorf("%s is there, but %v", tag, err)
			}
			break
		}
	}
}

// TestPeersBothPush: one tag is pushed on both sides at once, which replicate to
// each other. Nothing is lost, each side ends on one of the images, and it stays.
func TestPeersBothPush(t *testing.T) {
	t.Parallel()
	here, there := newPair(t)
	here.grant(prod, tokyo, dev, "ReplicateImage", "CreateRepository")
	there.replicate(dev, oregon, rule{to: []destination{{prod, tokyo}}})
	here.createRepository(prod, tokyo, "app")
	there.createRepository(dev, oregon, "app")
	clients := []*ociClient{here.oci(prod, tokyo), there.oci(dev, oregon)}
	pushed := make([][]image, len(clients))
	var pushing sync.WaitGroup
	for n, c := range clients {
		for i := range 20 {
			pushed[n] = append(pushed[n], makeImage(fmt.Sprintf("%d-%d", n, i), nil, ""))
		}
		pushing.Go(func() {
			for _, image := range pushed[n] {
				if err := c.push("app", "latest", image); err != nil {
					t.Error(err)
				}
			}
		})
	}
	pushing.Wait()
	here.idle(prod)
	there.idle(dev)
	for n, c := range clients {
		last, err := c.pull("app", "latest")
		if err != nil {
			t.Fatal(err)
		}
		if last != pushed[0][19].digest && last != pushed[1][19].digest {
			t.Errorf("side %d ends on %s, which was the last push on neither side", n, last)
		}
		throughout(t, settle, func() error { return c.tagged("app", "latest", last) })
		for _, image := range slices.Concat(pushed...) {
			if err := c.wantPull("app", image.digest.String(), image.digest); err != nil {
				t.Errorf("side %d: %v", n, err)
			}
		}
	}
}

// TestPeersDelete: what is deleted is deleted at the destination soon, or as soon
// as that is there again; and what was pushed after it stays.
func TestPeersDelete(t *testing.T) {
	t.Parallel()
	here, there := newPair(t)
	here.replicateWithDeletes(prod, devOregon)
	here.createRepository(prod, tokyo, "app")
	source, target := here.oci(prod, tokyo), there.oci(dev, oregon)
	images := map[string]image{}
	var tags []string
	for i := range 40 {
		tag := fmt.Sprint("v", i)
		tags, images[tag] = append(tags, tag), makeImage(tag, nil, "")
		source.mustPush("app", tag, images[tag])
	}
	here.idle(prod)
	there.line.Latency(25 * time.Millisecond)
	remove := func(tag string) {
		t.Helper()
		source.want(source.do("DELETE", "app/manifests/"+images[tag].digest.String(), nil), http.StatusAccepted, "")
	}
	begun := time.Now()
	for _, tag := range tags[:20] {
		remove(tag)
	}
	for _, tag := range tags[:20] {
		eventually(t, patience, func() error { return target.wantAbsent("app", tag) })
	}
	t.Logf("20 images were deleted on both sides in %v", time.Since(begun).Round(time.Millisecond))
	there.kill(syscall.SIGKILL)
	for _, tag := range tags[20:] {
		remove(tag)
	}
	for _, tag := range tags[30:] { // the same again, and the tag
		source.mustPush("app", tag, images[tag])
	}
	there.http.CloseIdleConnections()
	there.start()
	for _, tag := range tags[20:30] {
		eventually(t, patience, func() error { return target.wantAbsent("app", tag) })
	}
	here.idle(prod)
	for _, tag := range tags[30:] {
		target.wantArrival("app", tag, images[tag].digest)
	}
}

// TestPeersLargeLayer: parts of a large layer come to two processes, side by side, over
// a long line. None is sent twice; and if a process is killed, the other one goes on.
func TestPeersLargeLayer(t *testing.T) {
	ownStores(t)
	t.Parallel()
	here := newDeployment(t, tokyo, 1, stores{})
	there := newDeployment(t, oregon, 2, sharedStores(servers.Postgres(t), servers.S3(t), ""))
	there.faulty = true
	join(here, there)
	here.replicate(prod, tokyo, rule{to: []destination{{prod, oregon}}})
	here.createRepository(prod, tokyo, "app")
	source, target := here.oci(prod, tokyo), there.oci(prod, oregon)
	there.line.Latency(50 * time.Millisecond)
	const size = 100<<20 + 7
	for _, test := range []struct {
		tag  string
		kill bool
	}{{"whole", false}, {"killed", true}} {
		image := makeImageOf(noise(size))
		before := there.line.Passed(servers.ToServer)
		sent := func() int64 { return there.line.Passed(servers.ToServer) - before }
		begun := time.Now()
		source.mustPush("app", test.tag, image)
		if test.kill {
			eventually(t, patience, func() error {
				if sent() < size/2 {
					return fmt.Errorf("%d bytes were sent", sent())
				}
				return nil
			})
			there.nodes[0].kill(syscall.SIGKILL)
			there.nodes[0].http.CloseIdleConnections()
		}
		target.wantArrival("app", test.tag, image.digest)
		t.Logf("%s: %d bytes were sent for a layer of %d, in %v", test.tag, sent(), size,
			time.Since(begun).Round(time.Millisecond))
		if !test.kill && sent() > size+size/10 {
			t.Error("parts were sent twice")
		}
	}
}
