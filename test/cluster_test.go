package test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/jackc/pgx/v5"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/test/servers"
)

// cluster is some processes on the same stores behind a load balancer, which
// clients see as one server.
type cluster struct {
	*server  // the balancer; no process of its own
	nodes    []*server
	balancer *balancer
	bucket   *servers.Bucket // nil where blobs are files
}

// newCluster starts n processes on a database and a bucket of the test's own.
func newCluster(t *testing.T, n int) *cluster {
	t.Helper()
	return newClusterOn(t, n, sharedStores(servers.Postgres(t), servers.S3(t), ""), "")
}

// newClusterOn starts n processes on the stores; their configuration ends with
// more.
func newClusterOn(t *testing.T, n int, stores stores, more string) *cluster {
	t.Helper()
	b := newBalancer(t)
	_, port, _ := net.SplitHostPort(b.addr)
	c := &cluster{
		balancer: b, bucket: stores.bucket, server: &server{
			t: t, addr: b.addr, port: port, log: &logBuffer{}, http: newHTTPClient(b.addr),
		},
	}
	t.Cleanup(c.http.CloseIdleConnections)
	var started sync.WaitGroup
	for range n {
		dir := t.TempDir()
		node := prepareServer(t, dir, filepath.Join(dir, "data"), stores, "public_port: "+port+"\n"+more)
		c.nodes = append(c.nodes, node)
		if len(c.nodes) == 1 {
			node.start() // makes the schema
		} else {
			started.Go(node.start)
		}
	}
	started.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for _, node := range c.nodes {
		b.add(node)
	}
	return c
}

// replicating grants and sets what the server's test of that name does.
func (c *cluster) replicating() (source, target *ociClient) {
	c.t.Helper()
	c.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	c.server.replicate(prod, tokyo, rule{to: []destination{devTokyo}})
	return c.oci(prod, tokyo), c.oci(dev, tokyo)
}

// objects counts the blobs' objects in the store.
func (c *cluster) objects() (n int) {
	c.t.Helper()
	if c.bucket == nil {
		for _, algorithm := range []string{"sha256", "sha512"} {
			err := filepath.WalkDir(filepath.Join(c.nodes[0].data, "blobs", algorithm),
				func(_ string, entry fs.DirEntry, err error) error {
					if err == nil && entry.Type().IsRegular() {
						n++
					}
					if errors.Is(err, fs.ErrNotExist) {
						return nil
					}
					return err
				})
			if err != nil {
				c.t.Fatal(err)
			}
		}
		return n
	}
	objects := s3.NewListObjectsV2Paginator(c.bucket.Client(), &s3.ListObjectsV2Input{
		Bucket: &c.bucket.Name, Prefix: aws.String("twinport/blobs/"),
	})
	for objects.HasMorePages() {
		page, err := objects.NextPage(ctx)
		if err != nil {
			c.t.Fatal(err)
		}
		n += len(page.Contents)
	}
	return n
}

// through is the client as a balancer sees it: it speaks to one process.
func (c *ociClient) through(node *server) *ociClient {
	one := *c
	one.http = node.http
	return &one
}

// balancer hands each request to the next process, over a connection of its
// own. A process that takes no connection is passed over; whatever fails after
// that is the client's to repeat.
type balancer struct {
	addr string
	mu   sync.Mutex
	in   []string // addresses of the processes in rotation
	next int
	open map[string]int // connections by address, and those being made
}

func newBalancer(t *testing.T) *balancer {
	b := &balancer{open: map[string]int{}}
	faults := &logBuffer{}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true, DialContext: b.dial}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "processes"
			r.Out.Host = r.In.Host
		},
		FlushInterval: -1,
		ErrorLog:      log.New(faults, "", log.Lmicroseconds),
	}
	server := httptest.NewServer(servers.WholeAnswers(proxy))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		if t.Failed() {
			t.Logf("the balancer has logged:\n%s", faults)
		}
	})
	b.addr = server.Listener.Addr().String()
	return b
}

func (b *balancer) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	err := errors.New("no process is in rotation")
	for try := 0; ; try++ {
		addr, ok := b.take(try)
		if !ok {
			return nil, err
		}
		var connection net.Conn
		if connection, err = (&net.Dialer{}).DialContext(ctx, network, addr); err == nil {
			return &balanced{Conn: connection, end: sync.OnceFunc(func() { b.give(addr) })}, nil
		}
		b.give(addr)
	}
}

// take picks the process for a connection; each gets one try.
func (b *balancer) take(try int) (addr string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if try >= len(b.in) {
		return "", false
	}
	b.next++
	addr = b.in[b.next%len(b.in)]
	b.open[addr]++
	return addr, true
}

func (b *balancer) give(addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open[addr]--
}

// balanced is a connection that the balancer counts.
type balanced struct {
	net.Conn
	end func()
}

func (c *balanced) Close() error {
	c.end()
	return c.Conn.Close()
}

func (b *balancer) add(node *server) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.in = append(b.in, node.addr)
}

// remove takes a process out of rotation and waits until it has nothing to do
// for the balancer, as balancers do before a process is stopped.
func (b *balancer) remove(node *server) {
	b.mu.Lock()
	b.in = slices.DeleteFunc(slices.Clone(b.in), func(addr string) bool { return addr == node.addr })
	b.mu.Unlock()
	eventually(node.t, patience, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if n := b.open[node.addr]; n > 0 {
			return fmt.Errorf("%d requests are under way on a process that leaves", n)
		}
		return nil
	})
}

// TestClusterUpload: an upload begun on one process goes on at another, and
// ends at a third, whatever the pieces.
func TestClusterUpload(t *testing.T) {
	ownStores(t)
	t.Parallel()
	c := newCluster(t, 3)
	c.createRepository(prod, tokyo, "app")
	client := c.oci(prod, tokyo)
	for i, pieces := range [][]int{{1, 1, 1}, {100, 5 << 20, 3}, {6 << 20, 6 << 20, 1 << 20}, {0, 70_000, 0}} {
		var data []byte
		target, err := client.through(c.nodes[i%3]).startUpload("app")
		if err != nil {
			t.Fatal(err)
		}
		for n, size := range pieces {
			piece := make([]byte, size)
			rand.Read(piece)
			node := c.nodes[(i+n+1)%3]
			from := len(data)
			data = append(data, piece...)
			if n == len(pieces)-1 {
				a, err := client.through(node).send("PUT", withQuery(target, "digest", digest.FromBytes(data).String()),
					bytes.NewReader(piece), "Content-Type", "application/octet-stream")
				if err != nil || a.status != http.StatusCreated {
					t.Fatalf("pieces %v, the last: %v, %v", pieces, a, err)
				}
				continue
			}
			if size == 0 {
				continue
			}
			a, err := client.through(node).send("PATCH", target, bytes.NewReader(piece), "Content-Type",
				"application/octet-stream", "Content-Range", fmt.Sprintf("%d-%d", from, len(data)-1))
			if err != nil || a.status != http.StatusAccepted || a.header.Get("Range") != fmt.Sprintf("0-%d", len(data)-1) {
				t.Fatalf("pieces %v, piece %d: %v, %v", pieces, n, a, err)
			}
			if target, err = client.target(a.header.Get("Location")); err != nil {
				t.Fatal(err)
			}
			// A third process knows how far it is.
			if a, err = client.through(c.nodes[(i+n+2)%3]).send("GET", target, nil); err != nil ||
				a.status != http.StatusNoContent || a.header.Get("Range") != fmt.Sprintf("0-%d", len(data)-1) {
				t.Errorf("pieces %v, the progress after piece %d: %v %v, %v", pieces, n, a, a.header, err)
			}
		}
		for _, node := range c.nodes {
			a, err := client.through(node).send("GET", "/v2/app/blobs/"+digest.FromBytes(data).String(), nil)
			if err != nil || !bytes.Equal(a.body, data) {
				t.Errorf("pieces %v: the blob has %d bytes of %d (%d, %v)", pieces, len(a.body), len(data), a.status, err)
			}
		}
	}
}

// TestClusterUploadLayerPart is TestClusterUpload with the AWS API.
func TestClusterUploadLayerPart(t *testing.T) {
	ownStores(t)
	t.Parallel()
	c := newCluster(t, 3)
	c.createRepository(prod, tokyo, "app")
	repo := aws.String("app")
	at := func(n int) *ecr.Client { return c.nodes[n%3].ecr(prod, tokyo) }
	started, err := at(0).InitiateLayerUpload(ctx, &ecr.InitiateLayerUploadInput{RepositoryName: repo})
	if err != nil {
		t.Fatal(err)
	}
	var layer []byte
	for n, size := range []int{5 << 20, 5<<20 + 1, 7 << 20, 1234} {
		part := make([]byte, size)
		rand.Read(part)
		first := int64(len(layer))
		layer = append(layer, part...)
		out, err := at(n+1).UploadLayerPart(ctx, &ecr.UploadLayerPartInput{RepositoryName: repo, UploadId: started.UploadId,
			PartFirstByte: &first, PartLastByte: aws.Int64(int64(len(layer)) - 1), LayerPartBlob: part})
		if err != nil || aws.ToInt64(out.LastByteReceived) != int64(len(layer))-1 {
			t.Fatalf("part %d: %+v, %v", n, out, err)
		}
	}
	d := digest.FromBytes(layer)
	if _, err := at(2).CompleteLayerUpload(ctx, &ecr.CompleteLayerUploadInput{
		RepositoryName: repo, UploadId: started.UploadId, LayerDigests: []string{d.String()},
	}); err != nil {
		t.Fatal(err)
	}
	if a := c.oci(prod, tokyo).do("GET", "app/blobs/"+d.String(), nil); digest.FromBytes(a.body) != d {
		t.Errorf("the layer has %d bytes of %d", len(a.body), len(layer))
	}
}

// TestClusterSeesAtOnce: what one process has acknowledged, every other one
// answers with from then on.
func TestClusterSeesAtOnce(t *testing.T) {
	ownStores(t)
	t.Parallel()
	c := newCluster(t, 3)
	c.createRepository(prod, tokyo, "app")
	client := c.oci(prod, tokyo)
	for round := range 30 {
		pushed := makeImage(fmt.Sprint("round ", round), nil, "")
		writer := c.nodes[round%3]
		client.through(writer).mustPush("app", "latest", pushed)
		for _, node := range c.nodes {
			if err := client.through(node).wantPull("app", "latest", pushed.digest); err != nil {
				t.Fatal(err)
			}
		}
		if round%5 != 4 {
			continue
		}
		if a := client.through(writer).do("DELETE", "app/manifests/"+pushed.digest.String(),
			nil); a.status != http.StatusAccepted {
			t.Fatal(a)
		}
		for _, node := range c.nodes {
			if err := client.through(node).wantAbsent("app", "latest"); err != nil {
				t.Fatal(err)
			}
		}
	}
	// So are policies: a right that was taken away is gone everywhere.
	client.mustPush("app", "1", makeImage("shared", nil, ""))
	other := c.ociAs(dev, prod, tokyo)
	for round := range 4 {
		c.nodes[round%3].allow(prod, tokyo, "app", dev, pullActions...)
		for _, node := range c.nodes {
			if _, err := other.through(node).pull("app", "1"); err != nil {
				t.Fatalf("allowed, but %v", err)
			}
		}
		if _, err := c.nodes[(round+1)%3].ecr(prod, tokyo).DeleteRepositoryPolicy(ctx, &ecr.DeleteRepositoryPolicyInput{
			RepositoryName: aws.String("app"),
		}); err != nil {
			t.Fatal(err)
		}
		for _, node := range c.nodes {
			if _, err := other.through(node).pull("app", "1"); err == nil {
				t.Fatal("a right that was taken away is still there on another process")
			}
		}
	}
}

// TestClusterTakesOver: what a process has queued and begun when it is killed,
// the others finish within ten seconds.
func TestClusterTakesOver(t *testing.T) {
	ownStores(t)
	t.Parallel()
	database := servers.Postgres(t)
	c := newClusterOn(t, 3, sharedStores(database, servers.S3(t), ""), "")
	source, target := c.replicating()
	c.createRepository(prod, tokyo, "app")
	c.createRepository(dev, tokyo, "app")
	// While somebody has the destination's row no replication can end.
	db, err := pgx.Connect(ctx, database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(ctx)
	hold, err := db.Begin(ctx)
	if err == nil {
		_, err = hold.Exec(ctx, "SELECT 1 FROM repositories WHERE name = 'app' AND registry_id IN (SELECT id FROM "+
			"registries WHERE account = $1) FOR UPDATE", dev.id)
	}
	if err != nil {
		t.Fatal(err)
	}
	victim := c.nodes[0]
	pushed := map[string]digest.Digest{}
	for i := range 20 {
		tag := fmt.Sprint("v", i)
		image := makeImage(tag, nil, "")
		source.through(victim).mustPush("app", tag, image)
		pushed[tag] = image.digest
	}
	for tag := range pushed {
		if err := target.wantAbsent("app", tag); err != nil {
			t.Fatal(err)
		}
	}
	c.balancer.remove(victim)
	victim.kill(syscall.SIGKILL)
	if err := hold.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	free := time.Now()
	for tag, d := range pushed {
		eventually(t, patience, func() error { return target.wantPull("app", tag, d) })
		c.wantStatus(prod, tokyo, "app", tag, devTokyo, types.ReplicationStatusComplete)
	}
	t.Logf("taken over in %v", time.Since(free).Round(time.Millisecond))
}

// TestClusterRollingRestart stops and starts one process after another, as an
// upgrade does: the balancer takes it out, and it finishes what it has. No
// request fails, though no client repeats any.
func TestClusterRollingRestart(t *testing.T) {
	ownStores(t)
	t.Parallel()
	c := newCluster(t, 3)
	source, target := c.replicating()
	c.createRepository(prod, tokyo, "app")
	last := make([]image, 8)
	stop := make(chan struct{})
	var pushes atomic.Int64
	var clients sync.WaitGroup
	for n := range last {
		clients.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				image := makeImage(fmt.Sprintf("%d-%d", n, i), nil, "")
				if err := source.push("app", fmt.Sprint("c", n), image); err != nil {
					t.Error(err)
					return
				}
				if err := source.wantPull("app", fmt.Sprint("c", n), image.digest); err != nil {
					t.Error(err)
					return
				}
				last[n] = image
				pushes.Add(1)
			}
		})
	}
	for _, node := range c.nodes {
		before := pushes.Load()
		// A slow upload is under way on the process that goes.
		target, err := source.through(node).startUpload("app")
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, 1<<20)
		rand.Read(data)
		body, writer := io.Pipe()
		slow := make(chan error, 1)
		go func() {
			a, err := source.through(node).send("PUT", withQuery(target, "digest", digest.FromBytes(data).String()), body,
				"Content-Type", "application/octet-stream")
			if err == nil && a.status != http.StatusCreated {
				err = &statusError{a}
			}
			body.CloseWithError(errors.New("the request has ended"))
			slow <- err
		}()
		writer.Write(data[:len(data)/2])
		c.balancer.remove(node)
		node.cmd.Process.Signal(syscall.SIGTERM)
		time.Sleep(200 * time.Millisecond)
		writer.Write(data[len(data)/2:])
		writer.Close()
		if err := <-slow; err != nil {
			t.Errorf("a slow upload to a process that stops: %v", err)
		}
		node.http.CloseIdleConnections()
		select {
		case <-node.exited:
		case <-time.After(patience):
			t.Fatal("the process does not end")
		}
		if node.err != nil {
			t.Errorf("the process ended with %v", node.err)
		}
		node.start()
		c.balancer.add(node)
		eventually(t, patience, func() error {
			if n := pushes.Load() - before; n < 10 && !t.Failed() {
				return fmt.Errorf("%d pushes during a restart", n)
			}
			return nil
		})
	}
	close(stop)
	clients.Wait()
	for n, image := range last {
		tag := fmt.Sprint("c", n)
		if err := source.wantPull("app", tag, image.digest); err != nil {
			t.Error(err)
		}
		eventually(t, patience, func() error { return target.wantPull("app", tag, image.digest) })
	}
	t.Logf("%d pushes", pushes.Load())
}

// TestClusterClients drives the real clients through the balancer, which
// hands each of their requests to another process.
func TestClusterClients(t *testing.T) {
	ownStores(t)
	t.Parallel()
	for name, options := range map[string]string{"from the bucket": "", "through the registry": noRedirect} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClusterOn(t, 3, sharedStores(servers.Postgres(t), servers.S3(t), options), "")
			c.replicating()
			c.createRepository(prod, tokyo, "app")
			d := c.desk()
			prodHost, devHost := c.host(prod, tokyo), c.host(dev, tokyo)
			image := makeArchive(t, d)
			t.Run("crane", func(t *testing.T) {
				crane := client(t, "crane")
				d.must(c.password(prod, tokyo), crane, "auth", "login", prodHost, "--username", "AWS", "--password-stdin")
				d.must(c.password(dev, tokyo), crane, "auth", "login", devHost, "--username", "AWS", "--password-stdin")
				d.must("", crane, "push", "--insecure", image, prodHost+"/app:crane")
				c.wantStatus(prod, tokyo, "app", "crane", devTokyo, types.ReplicationStatusComplete)
				d.must("", crane, "validate", "--insecure", "--remote", devHost+"/app:crane")
			})
			t.Run("skopeo", func(t *testing.T) {
				skopeo := client(t, "skopeo")
				d.must(c.password(prod, tokyo), skopeo, "login", "--tls-verify=false", "--username", "AWS", "--password-stdin",
					prodHost)
				d.must(c.password(dev, tokyo), skopeo, "login", "--tls-verify=false", "--username", "AWS", "--password-stdin",
					devHost)
				d.must("", skopeo, "--insecure-policy", "copy", "--dest-tls-verify=false", "docker-archive:"+image,
					"docker://"+prodHost+"/app:skopeo")
				c.wantStatus(prod, tokyo, "app", "skopeo", devTokyo, types.ReplicationStatusComplete)
				d.must("", skopeo, "--insecure-policy", "copy", "--src-tls-verify=false", "docker://"+devHost+"/app:skopeo",
					"dir:"+filepath.Join(d.home, "out"))
			})
			t.Run("oras", func(t *testing.T) {
				oras := client(t, "oras")
				writeFile(t, filepath.Join(d.home, "file"), "the artifact")
				d.must(c.password(prod, tokyo), oras, "login", "--plain-http", "--username", "AWS", "--password-stdin", prodHost)
				d.must(c.password(dev, tokyo), oras, "login", "--plain-http", "--username", "AWS", "--password-stdin", devHost)
				d.must("", oras, "push", "--plain-http", prodHost+"/app:oras", "file")
				c.wantStatus(prod, tokyo, "app", "oras", devTokyo, types.ReplicationStatusComplete)
				d.must("", oras, "pull", "--plain-http", "--output", "pulled", devHost+"/app:oras")
			})
		})
	}
}

// makeArchive writes an image as docker save does and returns the file.
func makeArchive(t *testing.T, d *desk) string {
	t.Helper()
	path := filepath.Join(d.home, "image.tar")
	if err := tarball.WriteToFile(path, name.MustParseReference("hello:1").(name.Tag),
		helloImage(t, strings.Repeat("hello\n", 1000))); err != nil {
		t.Fatal(err)
	}
	return path
}

// insist repeats what fails in a way that clients repeat by themselves, until
// it succeeds or the time is over. Any other failure is returned at once.
func insist(limit time.Duration, do func() error) error {
	deadline := time.Now().Add(limit)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := do()
		if err == nil || !isTransient(err) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("still not after %v: %w", limit, err)
		}
		time.Sleep(pause)
	}
}

// isTransient reports whether a client would repeat what failed so: a
// connection that broke, or an answer that asks for it.
func isTransient(err error) bool {
	var refused *statusError
	if !errors.As(err, &refused) {
		return true
	}
	switch refused.answer.status {
	case http.StatusBadGateway, http.StatusGatewayTimeout: // the balancer's and the bucket's
		return true
	case http.StatusServiceUnavailable:
		return true
	case http.StatusInternalServerError:
		return strings.Contains(string(refused.answer.body), "<Code>") // the bucket's
	case http.StatusNotFound:
		// The answer to the request before was lost; the client begins the layer anew.
		// One whose layers were swept before its manifest came does as well.
		return refused.answer.code() == "BLOB_UPLOAD_UNKNOWN" || refused.answer.code() == "MANIFEST_BLOB_UNKNOWN"
	}
	return false
}
