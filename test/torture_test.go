package test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/twinport/twinport/test/servers"
)

// TestTorture mixes all of it: clients that push images and indexes, retag,
// delete and pull, replications, changes of policy, sweeps, and whatever may
// go wrong with processes, database and bucket, in an order that TORTURE_SEED
// repeats. In the end the rules of the design must hold. TORTURE_TIME says how
// long it lasts.
func TestTorture(t *testing.T) {
	ownStores(t)
	seed := rand.Uint64N(1_000_000)
	if text := os.Getenv("TORTURE_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("TORTURE_SEED is not a number: %q", text)
		}
	}
	length := 8 * time.Second
	if text := os.Getenv("TORTURE_TIME"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("TORTURE_TIME is not a time such as 5m: %q", text)
		}
	}
	const sweeps = "sweep: {interval: 1s, grace: 2s}\n"
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		c := newClusterOn(t, 1, stores{}, sweeps)
		newTorture(c, seed).run(length)
	})
	t.Run("shared", func(t *testing.T) {
		t.Parallel()
		postgres, store := servers.StartPostgres(t), servers.StartS3(t)
		database, err := url.Parse(postgres.Database())
		if err != nil {
			t.Fatal(err)
		}
		databaseLine := servers.StartProxy(t, database.Host)
		database.Host = databaseLine.Address()
		bucket := store.Bucket()
		direct := bucket.Endpoint
		answers := servers.S3Faults(t, bucket)
		bucketLine := servers.StartProxy(t, strings.TrimPrefix(answers.Endpoint, "http://"))
		bucket.Endpoint = "http://" + bucketLine.Address()
		options := noRedirect
		if seed%2 == 0 {
			options = "&redirect_endpoint=" + url.QueryEscape(strings.Replace(direct, "127.0.0.1", "localhost", 1))
		}
		c := newClusterOn(t, 3, sharedStores(database.String(), bucket, options), sweeps)
		c.bucket.Endpoint = direct
		tt := newTorture(c, seed)
		tt.add(func() { postgres.Restart(servers.Fast) })
		tt.add(func() { postgres.Restart(servers.Immediate) })
		tt.add(func() { postgres.Kill(); tt.rest(); postgres.Start() })
		tt.add(func() { store.Kill(); tt.rest(); store.Start() })
		tt.add(func() { tt.spoil(answers) })
		for _, line := range []*servers.Proxy{databaseLine, bucketLine} {
			tt.add(func() {
				fault := lineFaults[tt.random.IntN(len(lineFaults))]
				tt.t.Log("the line: ", fault.name)
				fault.do(line)
				tt.rest()
				if err := line.Heal(); err != nil {
					t.Fatal(err)
				}
			})
		}
		tt.run(length)
	})
}

// torture is a run of TestTorture on one kind of stores.
type torture struct {
	*cluster
	seed   uint64
	random *rand.Rand
	faults []func()
	asked  int // how often a policy was changed
}

func newTorture(c *cluster, seed uint64) *torture {
	tt := &torture{cluster: c, seed: seed, random: rand.New(rand.NewPCG(seed, 0))}
	tt.add(func() { tt.restart(syscall.SIGKILL) })
	tt.add(func() { tt.restart(syscall.SIGTERM) })
	tt.add(func() {
		for _, node := range c.nodes {
			node.kill(syscall.SIGKILL)
		}
		for _, node := range c.nodes {
			node.http.CloseIdleConnections()
			node.start()
		}
	})
	tt.add(func() { // a process hangs, and then goes on as if nothing had been
		node := tt.node()
		node.cmd.Process.Signal(syscall.SIGSTOP)
		tt.rest()
		if tt.random.IntN(5) == 0 {
			time.Sleep(9 * time.Second) // others take its lease over
		}
		node.cmd.Process.Signal(syscall.SIGCONT)
	})
	tt.add(tt.changePolicy)
	return tt
}

func (tt *torture) add(fault func()) { tt.faults = append(tt.faults, fault) }

func (tt *torture) node() *server { return tt.nodes[tt.random.IntN(len(tt.nodes))] }

// rest waits for up to two seconds.
func (tt *torture) rest() { time.Sleep(time.Duration(tt.random.IntN(2000)) * time.Millisecond) }

func (tt *torture) restart(signal syscall.Signal) {
	node := tt.node()
	node.kill(signal)
	node.http.CloseIdleConnections()
	tt.rest()
	node.start()
}

// spoil has a good part of the bucket's answers go wrong for a while.
func (tt *torture) spoil(p *servers.S3Proxy) {
	share := tt.random.Float64()
	p.Rule(func(r *http.Request) servers.Fault {
		if rand.Float64() < share {
			return s3Fault(rand.New(rand.NewPCG(rand.Uint64(), 0)), r)
		}
		return servers.Fault{}
	})
	tt.rest()
	tt.rest()
	p.Rule(nil)
}

// changePolicy takes dev's grant away. What is pushed then is refused, until
// the grant is back.
func (tt *torture) changePolicy() {
	t := tt.t
	must := func(do func() error) {
		t.Helper()
		if err := insist(stubborn, do); err != nil {
			t.Fatal(err)
		}
	}
	client := tt.ecr(dev, tokyo)
	policy, err := client.GetRegistryPolicy(ctx, &ecr.GetRegistryPolicyInput{})
	must(func() error {
		policy, err = client.GetRegistryPolicy(ctx, &ecr.GetRegistryPolicyInput{})
		return err
	})
	must(func() error {
		_, err := client.DeleteRegistryPolicy(ctx, &ecr.DeleteRegistryPolicyInput{})
		return err
	})
	tt.asked++
	tag := fmt.Sprint("refused-", tt.asked)
	pushed, source := makeImage(fmt.Sprint(tt.seed, tag), nil, ""), tt.oci(prod, tokyo)
	must(func() error { return source.push("app0", tag, pushed) })
	status := func(want types.ReplicationStatus) {
		t.Helper()
		must(func() error {
			out, err := tt.ecr(prod, tokyo).DescribeImageReplicationStatus(ctx, &ecr.DescribeImageReplicationStatusInput{
				RepositoryName: aws.String("app0"), ImageId: imageID(tag),
			})
			if err != nil {
				return err
			}
			if len(out.ReplicationStatuses) != 1 || out.ReplicationStatuses[0].Status != want {
				return fmt.Errorf("the replication of %s has the statuses %+v, want %s", tag, out.ReplicationStatuses, want)
			}
			return nil
		})
	}
	status(types.ReplicationStatusFailed)
	target := tt.oci(dev, tokyo)
	must(func() error { return target.wantAbsent("app0", tag) })
	must(func() error {
		_, err := client.PutRegistryPolicy(ctx, &ecr.PutRegistryPolicyInput{PolicyText: policy.PolicyText})
		return err
	})
	status(types.ReplicationStatusComplete)
	must(func() error { return target.wantPull("app0", tag, pushed.digest) })
}

func (tt *torture) run(length time.Duration) {
	t := tt.t
	t.Logf("the seed is %d", tt.seed)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("to repeat it: make torture TORTURE_SEED=%d TORTURE_TIME=%v", tt.seed, length)
		}
	})
	tr := startTraffic(tt.cluster, tt.seed, 8, func(tr *traffic) { tr.deletes, tr.large = true, true })
	t.Cleanup(tr.stop)
	for begun := time.Now(); time.Since(begun) < length; {
		tr.progress(int64(5 + tt.random.IntN(20)))
		n := tt.random.IntN(len(tt.faults))
		t.Logf("%v: fault %d, after %d pushes", time.Since(begun).Round(time.Millisecond), n, tr.pushes.Load())
		tt.faults[n]()
	}
	tr.progress(20)
	tr.end()
	tr.empty()
}
