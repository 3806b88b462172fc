package test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/jackc/pgx/v5"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/test/servers"
)

// The tests of this file put a fault under clients that push, pull and
// replicate. They find that no acknowledged push is lost or damaged, that no
// replication is left behind, that every error is one that clients repeat by
// themselves, and that nobody has to lend a hand.

// TestFaultKill ends processes with kill -9, one of three at a time, while 50
// clients are at work.
func TestFaultKill(t *testing.T) {
	ownStores(t)
	t.Parallel()
	c := newCluster(t, 3)
	tr := startTraffic(c, 1, 50, nil)
	for round := range 3 {
		tr.progress(30)
		node := c.nodes[round]
		node.kill(syscall.SIGKILL)
		tr.progress(20)
		node.http.CloseIdleConnections()
		node.start()
	}
	tr.end()
}

// TestFaultPostgresRestarts stops PostgreSQL in every way and starts it again.
func TestFaultPostgresRestarts(t *testing.T) {
	ownStores(t)
	t.Parallel()
	db := servers.StartPostgres(t)
	c := newClusterOn(t, 2, sharedStores(db.Database(), servers.S3(t), ""), "")
	tr := startTraffic(c, 2, 12, nil)
	tr.progress(20)
	db.Restart(servers.Fast)
	tr.progress(20)
	db.Restart(servers.Immediate)
	tr.progress(20)
	db.Kill()
	time.Sleep(2 * time.Second)
	db.Start()
	tr.progress(20)
	tr.end()
}

// lineFaults are what may happen to the connections to a server.
var lineFaults = []struct {
	name string
	do   func(*servers.Proxy)
}{
	{"cut", func(p *servers.Proxy) { p.Cut() }},
	{"refused", func(p *servers.Proxy) { p.Refuse(); p.Cut(); time.Sleep(2 * time.Second) }},
	{"late", func(p *servers.Proxy) { p.Latency(50 * time.Millisecond); time.Sleep(time.Second) }},
	{"slow", func(p *servers.Proxy) {
		p.Rate(servers.ToServer, 100_000)
		p.Rate(servers.ToClient, 100_000)
		time.Sleep(time.Second)
	}},
	{"stalled", func(p *servers.Proxy) { p.StallAfter(servers.ToClient, 5_000); time.Sleep(2 * time.Second) }},
	{"stalled, then cut", func(p *servers.Proxy) {
		p.StallAfter(servers.ToServer, 5_000)
		time.Sleep(time.Second)
		p.Cut()
	}},
	{"cut midway to the server", func(p *servers.Proxy) { p.CutAfter(servers.ToServer, 20_001) }},
	{"cut midway to us", func(p *servers.Proxy) { p.CutAfter(servers.ToClient, 20_003) }},
}

func throughLineFaults(t *testing.T, p *servers.Proxy, tr *traffic) {
	for _, fault := range lineFaults {
		tr.progress(10)
		t.Logf("%s, after %d pushes", fault.name, tr.pushes.Load())
		fault.do(p)
		if err := p.Heal(); err != nil {
			t.Fatal(err)
		}
	}
	tr.progress(10)
	tr.end()
}

// TestFaultPostgresLine cuts, refuses, slows and stalls the connections to
// PostgreSQL.
func TestFaultPostgresLine(t *testing.T) {
	ownStores(t)
	t.Parallel()
	database, err := url.Parse(servers.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	p := servers.StartProxy(t, database.Host)
	database.Host = p.Address()
	c := newClusterOn(t, 2, sharedStores(database.String(), servers.S3(t), ""), "")
	throughLineFaults(t, p, startTraffic(c, 3, 12, nil))
}

// TestFaultS3Line does the same to the connections to S3.
func TestFaultS3Line(t *testing.T) {
	ownStores(t)
	t.Parallel()
	bucket := servers.S3(t)
	p := servers.StartProxy(t, strings.TrimPrefix(bucket.Endpoint, "http://"))
	bucket.Endpoint = "http://" + p.Address()
	c := newClusterOn(t, 2, sharedStores(servers.Postgres(t), bucket, noRedirect), "")
	throughLineFaults(t, p, startTraffic(c, 4, 12, func(tr *traffic) { tr.large = true }))
}

// s3Fault is what may go wrong with a request to S3.
func s3Fault(random *rand.Rand, r *http.Request) servers.Fault {
	switch random.IntN(7) {
	case 0:
		return servers.Answer(500, "InternalError")
	case 1:
		return servers.Answer(503, "SlowDown")
	case 2:
		return servers.LoseAnswer()
	case 3:
		return servers.CutRequest(random.Int64N(5000))
	case 4:
		return servers.CutAnswer(random.Int64N(2000))
	case 5:
		if servers.Operation(r) == "GetObject" {
			return servers.TruncateAnswer(random.Int64N(2000))
		}
	case 6:
		if servers.Operation(r) == "CompleteMultipartUpload" {
			return servers.Answer(200, "InternalError")
		}
	}
	return servers.Fault{}
}

// TestFaultS3Answers has S3 answer with errors, late, half and not at all: now
// and then, and for a while every time.
func TestFaultS3Answers(t *testing.T) {
	ownStores(t)
	t.Parallel()
	p := servers.S3Faults(t, servers.S3(t))
	c := newClusterOn(t, 2, sharedStores(servers.Postgres(t), p.Bucket, noRedirect), "")
	tr := startTraffic(c, 5, 12, func(tr *traffic) { tr.large = true })
	for _, share := range []float64{0.1, 0.3} {
		p.Rule(func(r *http.Request) servers.Fault {
			if rand.Float64() < share {
				return s3Fault(rand.New(rand.NewPCG(rand.Uint64(), 0)), r)
			}
			return servers.Fault{}
		})
		tr.progress(30)
	}
	for _, fault := range []servers.Fault{
		servers.Answer(500, "InternalError"), servers.Answer(503, "SlowDown"), servers.LoseAnswer(),
	} {
		p.Rule(func(*http.Request) servers.Fault { return fault })
		time.Sleep(2 * time.Second)
		p.Rule(nil)
		tr.progress(10)
	}
	tr.end()
}

// TestFaultSweeps has several processes sweep at once and all the time, with
// hardly any grace, beside clients that push and delete what the others share.
// A client whose layers were swept before its manifest came sends them again.
func TestFaultSweeps(t *testing.T) {
	ownStores(t)
	t.Parallel()
	database := servers.Postgres(t)
	c := newClusterOn(t, 3, sharedStores(database, servers.S3(t), ""), "sweep: {interval: 1s, grace: 1s}\n")
	db, err := pgx.Connect(ctx, database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(ctx)
	tr := startTraffic(c, 6, 12, func(tr *traffic) { tr.deletes = true })
	defer tr.stop()
	for begun := time.Now(); time.Since(begun) < 10*time.Second; time.Sleep(20 * time.Millisecond) {
		// Nobody holds the lease, so everybody takes it.
		if _, err := db.Exec(ctx, "DELETE FROM leases"); err != nil {
			t.Fatal(err)
		}
	}
	tr.progress(10)
	tr.end()
	tr.empty()
}

// TestFaultClients: a real client's push comes through while a process is
// killed and PostgreSQL is restarted, by the client's own retries.
func TestFaultClients(t *testing.T) {
	ownStores(t)
	t.Parallel()
	crane := client(t, "crane")
	db := servers.StartPostgres(t)
	c := newClusterOn(t, 2, sharedStores(db.Database(), servers.S3(t), ""), "")
	c.createRepository(prod, tokyo, "app")
	d := c.desk()
	image := makeArchive(t, d)
	host := c.host(prod, tokyo)
	d.must(c.password(prod, tokyo), crane, "auth", "login", host, "--username", "AWS", "--password-stdin")
	stop, ended := make(chan struct{}), make(chan error, 2)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			for _, args := range [][]string{
				{"push", "--insecure", image, fmt.Sprintf("%s/app:%d", host, i)},
				{"validate", "--insecure", "--remote", fmt.Sprintf("%s/app:%d", host, i)},
			} {
				if _, err := d.run("", crane, args...); err != nil {
					ended <- err
					return
				}
			}
		}
	}()
	go func() {
		// The SDK as it is configured by default.
		sdk := ecr.New(ecr.Options{Region: tokyo, BaseEndpoint: aws.String("http://" + c.addr), HTTPClient: c.http,
			Credentials: credentials.NewStaticCredentialsProvider(prod.key, prod.secret, "")})
		repo := aws.String("app")
		for i := 0; ; i++ {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			_, err := sdk.PutImageTagMutability(ctx, &ecr.PutImageTagMutabilityInput{
				RepositoryName: repo, ImageTagMutability: types.ImageTagMutabilityMutable,
			})
			if err == nil {
				_, err = sdk.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: repo})
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	var longest time.Duration // that a fault has lasted
	for round, node := range c.nodes {
		time.Sleep(500 * time.Millisecond)
		begun := time.Now()
		db.Restart([]servers.Mode{servers.Fast, servers.Immediate}[round])
		longest = max(longest, time.Since(begun))
		time.Sleep(500 * time.Millisecond)
		begun = time.Now()
		node.kill(syscall.SIGKILL)
		node.start()
		longest = max(longest, time.Since(begun))
	}
	time.Sleep(500 * time.Millisecond)
	close(stop)
	for range 2 {
		err := <-ended
		if err != nil && longest > 2*time.Second {
			// crane tries for four seconds. A busy machine may take that long to start PostgreSQL.
			t.Logf("a client gave up during a fault of up to %v: %v", longest, err)
		} else if err != nil {
			t.Error(err)
		}
	}
}

// TestFaultBucketRefuses has a bucket refuse everything, or be gone: nobody gets
// half an answer, nothing counts as lost, and all goes on when it is back.
func TestFaultBucketRefuses(t *testing.T) {
	ownStores(t)
	t.Parallel()
	p := servers.S3Faults(t, servers.S3(t))
	c := newClusterOn(t, 1, sharedStores(servers.Postgres(t), p.Bucket, noRedirect), "")
	c.createRepository(prod, tokyo, "app")
	o := c.oci(prod, tokyo)
	before := makeImage("before", nil, "")
	o.mustPush("app", "1", before)
	layer := "app/blobs/" + digest.FromBytes(before.layer).String()
	for _, fault := range []struct {
		status       int
		code, reason string
	}{
		{500, "InternalError", "answers 500"}, {403, "AccessDenied", "refuses the credentials"},
		{404, "NoSuchBucket", "is gone"}, {400, "ExpiredToken", "answers 400"},
	} {
		p.Rule(func(*http.Request) servers.Fault { return servers.Answer(fault.status, fault.code) })
		var all sync.WaitGroup
		ask := func(what string, do func() (answer, error)) {
			all.Go(func() {
				a, err := do()
				if err != nil || a.status != http.StatusServiceUnavailable {
					t.Errorf("%s: %s: %v, %v", fault.code, what, a, err)
				}
				if strings.Contains(string(a.body), p.Bucket.Name) {
					t.Errorf("%s: %s: the client learns where the layers are: %s", fault.code, what, a.body)
				}
			})
		}
		ask("GET", func() (answer, error) { return o.send("GET", "/v2/"+layer, nil) })
		ask("HEAD", func() (answer, error) { return o.send("HEAD", "/v2/"+layer, nil) })
		ask("a range", func() (answer, error) { return o.send("GET", "/v2/"+layer, nil, "Range", "bytes=3-5") })
		ask("a push", func() (answer, error) {
			return o.send("POST", "/v2/app/blobs/uploads/?digest="+digest.FromString("new").String(), strings.NewReader("new"),
				"Content-Type", "application/octet-stream")
		})
		ask("a push of what is there", func() (answer, error) {
			return o.send("POST", "/v2/app/blobs/uploads/?digest="+digest.FromBytes(before.layer).String(),
				bytes.NewReader(before.layer), "Content-Type", "application/octet-stream")
		})
		ask("a chunk", func() (answer, error) {
			target, err := o.startUpload("app")
			if err != nil {
				return answer{}, err
			}
			return o.send("PATCH", target, strings.NewReader("new"), "Content-Type", "application/octet-stream")
		})
		ask("/readyz", func() (answer, error) {
			a, err := o.send("GET", "/readyz", nil)
			for begun := time.Now(); err == nil && !strings.Contains(string(a.body), fault.reason) &&
				time.Since(begun) < patience; a, err = o.send("GET", "/readyz", nil) {
				time.Sleep(100 * time.Millisecond) // what it last found holds for a second
			}
			if !strings.Contains(string(a.body), fault.reason) {
				t.Errorf("%s: /readyz says %s, want %q", fault.code, a.body, fault.reason)
			}
			return a, err
		})
		all.Go(func() {
			_, err := c.ecr(prod, tokyo).BatchCheckLayerAvailability(ctx,
				&ecr.BatchCheckLayerAvailabilityInput{RepositoryName: aws.String("app"),
					LayerDigests: []string{digest.FromBytes(before.layer).String()}})
			var refused *smithyhttp.ResponseError
			if !errors.As(err, &refused) || refused.HTTPStatusCode() != http.StatusServiceUnavailable {
				t.Errorf("%s: BatchCheckLayerAvailability: %v", fault.code, err)
			}
		})
		if a := o.do("GET", "app/manifests/1", nil, "Accept", acceptAll); a.status != http.StatusOK {
			t.Errorf("%s: the manifest is answered with %v", fault.code, a)
		}
		all.Wait()
	}
	p.Rule(nil)
	if err := o.wantPull("app", "1", before.digest); err != nil {
		t.Errorf("when it is back: %v", err)
	}
	after := makeImage("after", nil, "")
	o.mustPush("app", "2", after)
	if log := c.nodes[0].log.String(); strings.Contains(log, "level=ERROR") || !strings.Contains(log, "NoSuchBucket") {
		t.Error("the log has an error, or not the reason")
	}
}
