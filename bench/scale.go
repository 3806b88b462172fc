package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"github.com/twinport/twinport/bench/seed"
)

const (
	// smallImages are in the store that the full one is compared with, and as
	// many in each page asked for.
	smallImages = 400
	scalePage   = 50
	scaleTags   = 10 // of each image
	// scaleTurns are how often the two stores take turns at each operation.
	scaleTurns       = 6
	scaleConnections = 2
)

// seededServer is a server over a store that was seeded.
type seededServer struct {
	*process
	bytes   int64         // of the database
	seeding time.Duration // how long that took
	remove  func()        // removes its store, once it has stopped
}

// startSeeded seeds a store and starts a server over it. remove is to be called even
// if it fails.
func startSeeded(ctx context.Context, b *bench, engine string, twin program, size seed.Size,
	stderr io.Writer) (s seededServer, err error) {
	s.remove = func() {}
	progress := func(n int) { fmt.Fprintf(stderr, "\rseed %s: %d of %d images", engine, n, size.Images) }
	p := twin
	began := time.Now()
	if engine == onShared {
		url, err := b.shared.database()
		if err != nil {
			return s, err
		}
		if err := seed.Postgres(ctx, url, size, progress); err != nil {
			return s, err
		}
		if s.bytes, err = postgresBytes(ctx, url); err != nil {
			return s, err
		}
		if p, s.remove, err = b.shared.program(twin, url, true); err != nil {
			return s, err
		}
	} else {
		dir, err := os.MkdirTemp(b.dir, "seed-")
		if err != nil {
			return s, err
		}
		s.remove = func() { os.RemoveAll(dir) }
		if err := seed.SQLite(ctx, filepath.Join(dir, "metadata"), size, progress); err != nil {
			return s, err
		}
		info, err := os.Stat(filepath.Join(dir, "metadata", "metadata.db"))
		if err != nil {
			return s, err
		}
		s.bytes = info.Size()
		p.configure = func(home, addr string) (args, env []string, err error) {
			return configureTwinport(home, dir, addr, twin.settings)
		}
	}
	fmt.Fprintln(stderr)
	s.seeding = time.Since(began)
	s.process, err = start(ctx, p, b.dir)
	return s, err
}

// withSeeded starts a server over a small store and one over a full one, calls
// measure with both, and stops them.
func withSeeded(ctx context.Context, b *bench, engine string, twin program, sizes [2]seed.Size, stderr io.Writer,
	measure func(servers []*process, full seededServer) error) (err error) {
	var servers []*process
	defer func() {
		for _, s := range servers {
			if err != nil {
				err = fmt.Errorf("%w%s", err, s.lastWords())
			}
			err = errors.Join(err, s.stop())
		}
	}()
	var full seededServer
	for _, size := range sizes {
		if full, err = startSeeded(ctx, b, engine, twin, size, stderr); full.process != nil {
			servers = append(servers, full.process)
		}
		defer full.remove()
		if err != nil {
			return err
		}
	}
	settle()
	return measure(servers, full)
}

// measureScale compares a store that is full with one that is nearly empty, on
// both engines. The servers of both run all the time and take turns at each
// operation, so what disturbs one disturbs both. Latencies are a client's; few
// connections are used, so that they are not the queue's.
func measureScale(ctx context.Context, b *bench, r *report, engine string, twin program, stderr io.Writer) error {
	var sizes [2]seed.Size
	for i, images := range []int{smallImages, b.seeded} {
		sizes[i] = seed.Size{Region: region, Images: images, TagsPerImage: scaleTags, Accounts: scaleAccounts(images)}
	}
	return withSeeded(ctx, b, engine, twin, sizes, stderr, func(servers []*process, full seededServer) error {
		r.add(testScale, engine, []figure{
			{"seeding", "s", full.seeding.Seconds()},
			{"database, with indices", "bytes/image", float64(full.bytes) / float64(b.seeded)},
		})
		return compareScale(ctx, b, r, engine, servers)
	})
}

// scaleAccounts are one for a small store, and one for every thousand images
// of others, at most a thousand.
func scaleAccounts(images int) []string {
	accounts := []string{prod.id}
	if images > smallImages {
		accounts = append(accounts, dev.id)
	}
	for i := len(accounts); i < min(1000, images/1000); i++ {
		accounts = append(accounts, fmt.Sprintf("%012d", 200000000000+i))
	}
	return accounts
}

func postgresBytes(ctx context.Context, url string) (n int64, err error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	return n, db.QueryRowContext(ctx, `SELECT pg_database_size(current_database())`).Scan(&n)
}

// scaleOperation is asked of both stores; n counts up.
type scaleOperation struct {
	name string
	do   func(ctx context.Context, c *conn, of *scaleStore, worker, n int) error
}

// scaleStore is one of the stores, and what a client needs to use it.
type scaleStore struct {
	source, destination endpoint
	describe            []byte // a signed request
	images              []image
	// middle is a tag in the middle of the repository's, as seeded.
	middle   string
	putCount [scaleConnections]int // of images put, that may be deleted
}

var scaleOperations = []scaleOperation{
	{"manifest GET by tag", func(_ context.Context, c *conn, of *scaleStore, _, n int) error {
		return of.ask(c, 200, getManifest("GET", of.source, of.images[n%len(of.images)].tag))
	}},
	{"manifest GET by digest", func(_ context.Context, c *conn, of *scaleStore, _, n int) error {
		return of.ask(c, 200, getManifest("GET", of.source, of.images[n%len(of.images)].digest()))
	}},
	{"manifest HEAD by tag", func(_ context.Context, c *conn, of *scaleStore, _, n int) error {
		return of.ask(c, 200, getManifest("HEAD", of.source, of.images[n%len(of.images)].tag))
	}},
	{"blob HEAD", func(_ context.Context, c *conn, of *scaleStore, _, n int) error {
		return of.ask(c, 200, of.source.request("HEAD", of.source.path("blobs/"+of.images[n%len(of.images)].blobs[1].digest),
			"", 0))
	}},
	// Pages before what fills the small store with images of one tag.
	{"tags, first page", func(_ context.Context, c *conn, of *scaleStore, _, _ int) error {
		return of.ask(c, 200, of.source.request("GET", of.source.path(fmt.Sprintf("tags/list?n=%d", scalePage)), "", 0))
	}},
	{"tags, a page in the middle", func(_ context.Context, c *conn, of *scaleStore, _, _ int) error {
		return of.ask(
			c, 200, of.source.request("GET", of.source.path(fmt.Sprintf("tags/list?n=%d&last=%s", scalePage, of.middle)), "", 0))
	}},
	{"DescribeImages, a page", func(_ context.Context, c *conn, of *scaleStore, _, _ int) error {
		return of.ask(c, 200, of.describe)
	}},
	{"manifest PUT", func(_ context.Context, c *conn, of *scaleStore, worker, n int) error {
		tag := fmt.Sprintf("put-%d-%d", worker, n)
		return of.ask(c, 201, putManifest(of.source, tag, of.images[n%len(of.images)].manifestNote(tag)))
	}},
	{"replication, push to pullable", func(ctx context.Context, c *conn, of *scaleStore, worker, n int) error {
		tag := fmt.Sprintf("copy-%d-%d", worker, n)
		if err := of.ask(c, 201, putManifest(of.source, tag, of.images[n%len(of.images)].manifestNote(tag))); err != nil {
			return err
		}
		_, _, err := awaitPullable(ctx, c, getManifest("HEAD", of.destination, tag), 250*time.Microsecond)
		return err
	}},
	{"manifest DELETE", func(_ context.Context, c *conn, of *scaleStore, worker, n int) error {
		return of.ask(c, 202, getManifest("DELETE", of.source,
			digestOfBytes(of.images[n%len(of.images)].manifestNote(fmt.Sprintf("put-%d-%d", worker, n)))))
	}},
}

func (of *scaleStore) ask(c *conn, want int, request []byte) error {
	_, err := c.expect(want, request, body{}, nil)
	return err
}

// compareScale measures the operations in turn on the small store, which comes
// first, and the full one.
func compareScale(ctx context.Context, b *bench, r *report, engine string, servers []*process) error {
	stores := make([]*scaleStore, len(servers))
	for i, s := range servers {
		of := &scaleStore{}
		stores[i] = of
		if err := allowReplication(ctx, s.addr); err != nil {
			return err
		}
		var err error
		if of.source, err = prod.endpoint(ctx, s.addr, seed.Huge); err != nil {
			return err
		}
		if of.destination, err = dev.endpoint(ctx, s.addr, seed.Huge); err != nil {
			return err
		}
		seeded := smallImages
		if i > 0 {
			seeded = b.seeded / 10
		}
		of.middle = seed.Tag(seeded/2, 0)
		for n := range requestImages {
			of.images = append(of.images, b.content.image(fmt.Sprintf("v%d", n), imageLayers, requestLayer))
		}
		if _, err := each(ctx, of.source, imageConnections, of.images, pushImage); err != nil {
			return err
		}
		c := newConn(ctx, of.source)
		for _, img := range of.images {
			if _, _, err := awaitPullable(ctx, c, getManifest("HEAD", of.destination, img.tag), time.Millisecond); err != nil {
				return err
			}
		}
		c.close()
	}
	for _, o := range scaleOperations {
		for i, of := range stores {
			var err error
			if of.describe, err = signedDescribe(ctx, servers[i].addr); err != nil {
				return err
			}
		}
		took := make([][]time.Duration, len(stores))
		counts := make([][scaleConnections]int, len(stores))
		for turn := range scaleTurns {
			for k := range stores {
				i := (k + turn) % len(stores)
				each := make([][]time.Duration, scaleConnections)
				end := time.Now().Add(b.duration / scaleTurns)
				// The context of one turn must not end what the AWS client keeps for the next.
				err := parallel(ctx, stores[i].source, scaleConnections, func(turn context.Context, worker int, c *conn) error {
					for time.Now().Before(end) && turn.Err() == nil &&
						(o.name != "manifest DELETE" || counts[i][worker] < stores[i].putCount[worker]) {
						began := time.Now()
						if err := o.do(ctx, c, stores[i], worker, counts[i][worker]); err != nil {
							return err
						}
						each[worker] = append(each[worker], time.Since(began))
						counts[i][worker]++
					}
					return nil
				})
				if err != nil {
					return fmt.Errorf("%s: %w", o.name, err)
				}
				took[i] = append(took[i], slices.Concat(each...)...)
			}
		}
		if o.name == "manifest PUT" {
			for i, of := range stores {
				of.putCount = counts[i]
			}
		}
		var figures []figure
		for _, p := range []int{50, 99} {
			var at [2]float64
			for i := range stores {
				slices.Sort(took[i])
				if len(took[i]) == 0 {
					return fmt.Errorf("%s: nothing ended within %v", o.name, b.duration)
				}
				at[i] = ms(percentile(took[i], p))
			}
			figures = append(figures,
				figure{fmt.Sprintf("%s: p%d, small store", o.name, p), "ms", at[0]},
				figure{fmt.Sprintf("%s: p%d, full store", o.name, p), "ms", at[1]},
				figure{fmt.Sprintf("%s: p%d, full to small", o.name, p), "ratio", at[1] / at[0]})
		}
		r.add(testScale, engine, figures)
	}
	return nil
}

// signedDescribe renders a request for a page of images.
func signedDescribe(ctx context.Context, addr string) ([]byte, error) {
	return signed(func(capture func(*ecr.Options)) error {
		_, err := prod.client(addr).DescribeImages(ctx, &ecr.DescribeImagesInput{
			RepositoryName: aws.String(seed.Huge), MaxResults: aws.Int32(scalePage),
		}, capture)
		return err
	})
}

// signed renders the request that a call of the SDK sends, which the server takes
// for as long as its signature holds: some minutes.
func signed(call func(capture func(*ecr.Options)) error) ([]byte, error) {
	var request bytes.Buffer
	err := call(func(o *ecr.Options) {
		o.RetryMaxAttempts = 1
		o.HTTPClient = smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
			return nil, errors.Join(errSigned, r.Write(&request))
		})
	})
	if !errors.Is(err, errSigned) || request.Len() == 0 {
		return nil, fmt.Errorf("sign a request: %w", err)
	}
	return request.Bytes(), nil
}

var errSigned = errors.New("signed, not sent")
