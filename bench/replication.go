package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// load is one level of the replication test: so many images are in flight all
// the time, from the start of their push until they are pullable at the
// destination.
type load struct {
	inFlight int
	// poll is the least pause between two looks at the destination. The more
	// images are in flight, the longer it is.
	poll time.Duration
}

var loads = []load{
	{1, 250 * time.Microsecond},
	{100, time.Millisecond},
	{1000, 2 * time.Millisecond},
}

// loneImages is how many images are pushed at the level of one in flight,
// which no rate is wanted of.
const loneImages = 300

// replicationTimeout is how long an image may take before the run is given up.
const replicationTimeout = time.Minute

// measureReplication measures, from the client's side, how long after the
// answer to its push an image is pullable at the destination: by tag, in the
// other account, with that account's own token.
//
// Every image has a config and a layer of its own, pushed before the clock
// starts, above two layers that all share; what is timed is the PUT of the
// manifest, the moment at which replication begins. Each image in flight has
// a connection, on which it is pushed and then asked for with HEAD at the
// destination: at once, then after pauses that grow with the time waited (a
// quarter of it, but at least load.poll). So the lag reported is never too
// small, and too large by at most a quarter or one pause, while the server
// answers a few HEADs per image and not thousands; how many it was stands in
// the report.
func measureReplication(ctx context.Context, b *bench, s *process) ([]figure, error) {
	if err := allowReplication(ctx, s.addr); err != nil {
		return nil, err
	}
	source, err := s.program.open(ctx, s.addr, repository)
	if err != nil {
		return nil, err
	}
	destination, err := dev.endpoint(ctx, s.addr, repository)
	if err != nil {
		return nil, err
	}
	shared := []blob{b.content.blob(requestLayer), b.content.blob(requestLayer)}
	first := b.content.image("first", 1, requestLayer, shared...)
	if _, err := each(ctx, source, 1, []image{first}, pushImage); err != nil {
		return nil, err
	}
	// The first image creates the repository at the destination; it is pulled
	// whole and checked, so that what is timed below is known to be real.
	c := newConn(ctx, source)
	defer c.close()
	if _, _, err := awaitPullable(ctx, c, getManifest("HEAD", destination, first.tag), time.Millisecond); err != nil {
		return nil, err
	}
	if _, err := each(ctx, destination, 1, []image{first}, func(c *conn, img image) error {
		return pullImage(c, img, true)
	}); err != nil {
		return nil, err
	}
	var figures []figure
	for _, l := range loads {
		of, err := measureLoad(ctx, b, s, l, source, destination, shared)
		if err != nil {
			return nil, fmt.Errorf("%d in flight: %w", l.inFlight, err)
		}
		figures = append(figures, of...)
	}
	return withPeak(figures, "peak memory", s)
}

func measureLoad(ctx context.Context, b *bench, s *process, l load, source, destination endpoint,
	shared []blob) ([]figure, error) {
	images := make([]image, b.replicated)
	if l.inFlight == 1 {
		images = images[:min(loneImages, len(images))]
	}
	for i := range images {
		images[i] = b.content.image(fmt.Sprintf("n%d-%d", l.inFlight, i), 1, requestLayer, shared...)
	}
	if _, err := each(ctx, source, requestConnections, images, func(c *conn, img image) error {
		own := []blob{img.blobs[0], img.blobs[len(img.blobs)-1]}
		for _, b := range own {
			e := c.endpoint
			head := e.request("POST", withDigest(e.path("blobs/uploads/"), b.digest), octets, b.body.total)
			if _, err := c.expect(201, head, b.body, nil); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	settle()
	before, err := s.usage()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var pushes, lags []time.Duration
	var looks atomic.Int64
	took, err := each(ctx, source, min(l.inFlight, len(images)), images, func(c *conn, img image) error {
		put := putManifest(source, img.tag, img.manifest)
		head := getManifest("HEAD", destination, img.tag)
		sent := time.Now()
		if _, err := c.expect(201, put, body{}, nil); err != nil {
			return err
		}
		pushed := time.Since(sent)
		lag, n, err := awaitPullable(ctx, c, head, l.poll)
		if err != nil {
			return err
		}
		looks.Add(int64(n))
		mu.Lock()
		defer mu.Unlock()
		pushes, lags = append(pushes, pushed), append(lags, lag)
		return nil
	})
	if err != nil {
		return nil, err
	}
	after, err := s.usage()
	if err != nil {
		return nil, err
	}
	slices.Sort(pushes)
	slices.Sort(lags)
	name := fmt.Sprintf("%d in flight: ", l.inFlight)
	figures := []figure{
		{name + "lag p50", "ms", ms(percentile(lags, 50))},
		{name + "lag p99", "ms", ms(percentile(lags, 99))},
		{name + "push p50", "ms", ms(percentile(pushes, 50))},
		{name + "replicated", "images/s", float64(len(images)) / took.Seconds()},
		{name + "looks per image", "HEADs", float64(looks.Load()) / float64(len(images))},
		{name + "CPU of the server", "ms each", (after.cpu - before.cpu).Seconds() * 1000 / float64(len(images))},
	}
	if after.trips > 0 {
		// A look costs one round trip.
		trips := after.trips - before.trips - float64(looks.Load())
		figures = append(figures, figure{
			name + "database round trips of push and replication", "each", trips / float64(len(images)),
		})
	}
	return figures, nil
}

// awaitPullable asks with head until the answer is 200, and returns how long
// that took and how many times it asked. The pauses grow with the time.
func awaitPullable(ctx context.Context, c *conn, head []byte, pause time.Duration) (time.Duration, int, error) {
	return await(ctx, c, head, func(waited time.Duration) time.Duration { return max(pause, waited/4) })
}

func await(ctx context.Context, c *conn, head []byte,
	pause func(waited time.Duration) time.Duration) (time.Duration, int, error) {
	began := time.Now()
	for n := 1; ; n++ {
		res, err := c.roundTrip(head, body{}, nil)
		waited := time.Since(began)
		switch {
		case err != nil:
			return waited, n, err
		case res.status == 200:
			return waited, n, nil
		case res.status != 404:
			return waited, n, fmt.Errorf("HEAD at the destination answered %d", res.status)
		case waited > replicationTimeout:
			return waited, n, errors.New("not pullable at the destination after " + waited.String())
		}
		select {
		case <-time.After(pause(waited)):
		case <-ctx.Done():
			return waited, n, ctx.Err()
		}
	}
}

// allowReplication sets up what operators set up: prod's rule that sends
// everything to dev, and dev's registry policy that lets prod in.
func allowReplication(ctx context.Context, addr string) error {
	policy, err := json.Marshal(map[string]any{
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Sid":       "ReplicationFromProd",
			"Effect":    "Allow",
			"Principal": map[string]string{"AWS": "arn:aws:iam::" + prod.id + ":root"},
			"Action":    []string{"ecr:CreateRepository", "ecr:ReplicateImage"},
			"Resource":  []string{"arn:aws:ecr:" + region + ":" + dev.id + ":repository/*"},
		}},
	})
	if err != nil {
		return err
	}
	if _, err := dev.client(addr).PutRegistryPolicy(ctx, &ecr.PutRegistryPolicyInput{
		PolicyText: aws.String(string(policy)),
	}); err != nil {
		return fmt.Errorf("set the registry policy of %s: %w", dev.name, err)
	}
	_, err = prod.client(addr).PutReplicationConfiguration(ctx, &ecr.PutReplicationConfigurationInput{
		ReplicationConfiguration: &types.ReplicationConfiguration{Rules: []types.ReplicationRule{{
			Destinations: []types.ReplicationDestination{{Region: aws.String(region), RegistryId: aws.String(dev.id)}},
		}}},
	})
	if err != nil {
		return fmt.Errorf("set the replication rule of %s: %w", prod.name, err)
	}
	return nil
}
