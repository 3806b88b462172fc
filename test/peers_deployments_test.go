package test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/test/servers"
)

// deployment is one that has peers: a server, or several behind a balancer, of
// all accounts in a Region of its own.
type deployment struct {
	*server // as its clients reach it
	region  string
	nodes   []*server
	line    *servers.Proxy // by which its peers reach it
	faulty  bool           // it has reason to log errors
}

// newDeployment starts a deployment of n processes, named as its Region is.
func newDeployment(t *testing.T, region string, n int, stores stores) *deployment {
	t.Helper()
	d := prepareDeployment(t, region, n, stores, servers.StartProxy(t), "")
	d.start()
	return d
}

// newPair starts two deployments, each of one process, which are peers: images of
// prod in Tokyo go to dev in Oregon, which lets them in.
func newPair(t *testing.T) (tokyoSide, oregonSide *deployment) {
	t.Helper()
	tokyoSide = newDeployment(t, tokyo, 1, storesOf(t))
	oregonSide = newDeployment(t, oregon, 1, storesOf(t))
	join(tokyoSide, oregonSide)
	oregonSide.grant(dev, oregon, prod, "ReplicateImage", "CreateRepository")
	tokyoSide.replicate(prod, tokyo, rule{to: []destination{devOregon}})
	return tokyoSide, oregonSide
}

var devOregon = destination{dev, oregon}

// prepareDeployment writes the configurations of a deployment, which end with
// more. Its peers reach it by the line, unless more says otherwise.
func prepareDeployment(t *testing.T, region string, n int, stores stores, line *servers.Proxy,
	more string) *deployment {
	t.Helper()
	d := &deployment{region: region, line: line}
	if !strings.Contains(more, "deployment:") {
		more += fmt.Sprintf("deployment: {name: %s, url: %q}\n", region, "http://"+line.Address())
	}
	var b *balancer
	if n > 1 {
		b = newBalancer(t)
		_, port, _ := net.SplitHostPort(b.addr)
		more += "public_port: " + port + "\n"
		d.server = &server{t: t, addr: b.addr, port: port, log: &logBuffer{}, http: newHTTPClient(b.addr)}
		t.Cleanup(d.http.CloseIdleConnections)
	}
	for range n {
		dir := t.TempDir()
		node := prepareServer(t, dir, filepath.Join(dir, "data"), stores, more)
		node.replaceInConfig(strings.Join(regions, ", "), region)
		line.Add(node.addr)
		if b != nil {
			b.add(node)
		}
		d.nodes = append(d.nodes, node)
		t.Cleanup(func() {
			for line := range strings.Lines(node.log.String()) {
				if strings.Contains(line, "level=ERROR") && !d.faulty {
					t.Errorf("an error was logged: %s", line)
				}
			}
		})
	}
	if n == 1 {
		d.server = d.nodes[0]
	}
	return d
}

// start starts the processes, the first before the others: it makes the schema.
func (d *deployment) start() {
	d.t.Helper()
	d.nodes[0].start()
	var started sync.WaitGroup
	for _, node := range d.nodes[1:] {
		started.Go(node.start)
	}
	started.Wait()
	if d.t.Failed() {
		d.t.FailNow()
	}
}

// peer runs a command on the deployment's peers and returns what it printed.
func (d *deployment) peer(name string, args ...string) string {
	d.t.Helper()
	out, _ := d.peerEnds(0, name, args...)
	return out
}

// peerEnds is peer with another exit status.
func (d *deployment) peerEnds(status int, name string, args ...string) (stdout, stderr string) {
	d.t.Helper()
	cmd := d.nodes[0].command("peer", args...)
	cmd.Args = slices.Insert(cmd.Args, 2, name) // before --config
	return d.nodes[0].runTool(cmd, status)
}

// join makes two deployments peers, each of which may speak for all accounts.
func join(a, b *deployment) {
	a.t.Helper()
	code := strings.TrimSpace(a.peer("invite", "--accounts", "all"))
	b.peer("join", "--accounts", "all", code)
	a.awaitPeer(b)
	b.awaitPeer(a)
}

// awaitPeer waits until all processes have read in the database that the other
// deployment is a peer: then rules may name its Region.
func (d *deployment) awaitPeer(other *deployment) {
	d.t.Helper()
	for _, node := range d.nodes {
		put := func(rules ...types.ReplicationRule) error {
			config := &types.ReplicationConfiguration{Rules: append([]types.ReplicationRule{}, rules...)}
			_, err := node.ecr(mallory, d.region).PutReplicationConfiguration(ctx,
				&ecr.PutReplicationConfigurationInput{ReplicationConfiguration: config})
			return err
		}
		eventually(d.t, patience, func() error { return put(rule{to: []destination{{dev, other.region}}}.sdk()) })
		if err := put(); err != nil {
			d.t.Fatal(err)
		}
	}
}

// restart ends all processes with the signal, and starts them again.
func (d *deployment) restart(signal syscall.Signal) {
	d.t.Helper()
	for _, node := range d.nodes {
		node.kill(signal)
		node.http.CloseIdleConnections()
	}
	d.start()
}

// listed is a replication as ListReplications has it.
type listed struct {
	RegistryID, Region, RepositoryName, ImageTag, Status, FailureCode, FailureReason, Statement string
	Tries                                                                                       int
}

// replications lists some of those of a registry, the latest changed first. It asks
// again if the answer is lost on the way through a balancer.
func (d *deployment) replications(a account, status string) []listed {
	d.t.Helper()
	var got answer
	err := insist(stubborn, func() (err error) {
		got, err = d.ask(d.listReplications(a, status))
		if err != nil {
			d.t.Logf("the list of replications: %v", err)
		}
		return err
	})
	var out struct{ Replications []listed }
	if err != nil || got.status != http.StatusOK || json.Unmarshal(got.body, &out) != nil {
		d.t.Fatalf("the list of replications: %v, %v", got, err)
	}
	return out.Replications
}

// listReplications is the request for that list.
func (d *deployment) listReplications(a account, status string) *http.Request {
	d.t.Helper()
	body := fmt.Sprintf(`{"status": %q, "maxResults": 100}`, status)
	req, err := http.NewRequest("POST", "http://"+d.addr+"/", strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", ownTarget+"ListReplications")
	sum := sha256.Sum256([]byte(body))
	err = v4.NewSigner().SignHTTP(ctx, aws.Credentials{AccessKeyID: a.key, SecretAccessKey: a.secret}, req,
		hex.EncodeToString(sum[:]), "ecr", d.region, time.Now())
	if err != nil {
		d.t.Fatal(err)
	}
	return req
}

// wantReason waits until an account's replications in progress say why they are
// not done yet, in these words.
func (d *deployment) wantReason(a account, words ...string) {
	d.t.Helper()
	eventually(d.t, patience, func() error {
		all := d.replications(a, "IN_PROGRESS")
		for _, r := range all {
			if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(r.FailureReason, w) }) {
				return nil
			}
		}
		return fmt.Errorf("no reason has the words %q: %+v", words, all)
	})
}

// wantProblem waits until the list of the deployment's peers says in these words
// what is wrong with one.
func (d *deployment) wantProblem(words ...string) {
	d.t.Helper()
	eventually(d.t, patience, func() error {
		out := d.peer("list")
		for line := range strings.Lines(out) {
			if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
				return nil
			}
		}
		return fmt.Errorf("no peer has the problem %q:\n%s", words, out)
	})
}

// idle waits until nothing of the account waits to be replicated.
func (d *deployment) idle(a account) {
	d.t.Helper()
	eventually(d.t, patience, func() error {
		if all := d.replications(a, "IN_PROGRESS"); len(all) > 0 {
			return fmt.Errorf("%d replications wait, such as %+v", len(all), all[0])
		}
		return nil
	})
}

// tagged reports whether the tag names the image there.
func (c *ociClient) tagged(repo, tag string, want digest.Digest) error {
	a, err := c.send("HEAD", "/v2/"+c.prefix+repo+"/manifests/"+tag, nil, "Accept", acceptAll)
	if err == nil && a.header.Get("Docker-Content-Digest") != want.String() {
		err = fmt.Errorf("%s:%s is %q (%d), want %s", repo, tag, a.header.Get("Docker-Content-Digest"), a.status, want)
	}
	return err
}

// wantArrival waits until the tag names the image, which then must be there whole.
func (c *ociClient) wantArrival(repo, tag string, want digest.Digest) {
	c.t.Helper()
	eventually(c.t, patience, func() error { return c.tagged(repo, tag, want) })
	if err := c.wantPull(repo, tag, want); err != nil {
		c.t.Errorf("as soon as the tag was there: %v", err)
	}
}

// noise is content that nobody else has.
func noise(n int) []byte {
	data := make([]byte, n)
	rand.Read(data)
	return data
}

// makeImageOf returns an image of one layer.
func makeImageOf(layer []byte) image {
	config := fmt.Appendf(nil,
		`{"architecture":"amd64","os":"linux","author":%q,"rootfs":{"type":"layers","diff_ids":[]}}`,
		digest.FromBytes(layer))
	data := mustJSON(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: descriptor(ocispec.MediaTypeImageConfig, config),
		Layers: []ocispec.Descriptor{descriptor(ocispec.MediaTypeImageLayerGzip, layer)},
	})
	return image{data, digest.FromBytes(data), config, layer}
}

// replicateWithDeletes has the rule of newPair replicate deletions, too.
func (d *deployment) replicateWithDeletes(from account, to destination) {
	d.t.Helper()
	if a := d.answer(d.signed(from, d.region, "ecr", time.Now(), "PutReplicationConfiguration",
		fmt.Sprintf(`{"replicationConfiguration": {"rules": [{"destinations": [{"registryId": %q, "region": %q}],
		"deleteReplication": {"enabled": true}}]}}`, to.account.id, to.region))); a.status != http.StatusOK {
		d.t.Fatalf("a rule that replicates deletions is answered with %v", a)
	}
}
