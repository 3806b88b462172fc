package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	requestConnections = 32
	requestImages      = 50 // images that the requests are spread over
	requestLayer       = 1 << 10
)

// measureStartup is the time from starting the process on an empty folder to
// its first answer, and its memory a second later.
func measureStartup(ctx context.Context, _ *bench, s *process) ([]figure, error) {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	rss, _, err := s.memory()
	return []figure{{"first answer", "ms", ms(s.startup)}, {"idle memory", "MiB", rss}}, err
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// small pushes the images that requests are about.
func small(ctx context.Context, b *bench, s *process) (endpoint, []image, error) {
	images := make([]image, requestImages)
	for i := range images {
		images[i] = b.content.image(fmt.Sprintf("v%d", i), imageLayers, requestLayer)
	}
	e, err := s.program.open(ctx, s.addr, repository)
	if err == nil {
		_, err = each(ctx, e, imageConnections, images, pushImage)
	}
	return e, images, err
}

func measureManifestGet(ctx context.Context, b *bench, s *process) ([]figure, error) {
	e, images, err := small(ctx, b, s)
	if err != nil {
		return nil, err
	}
	var heads [][]byte
	for _, img := range images {
		heads = append(heads, getManifest("GET", e, img.tag))
	}
	return hammer(ctx, b, s, e, 200, cycle(heads))
}

// measureBlobGet asks for small blobs; where they are in a bucket, the answer
// is where to get them.
func measureBlobGet(ctx context.Context, b *bench, s *process) ([]figure, error) {
	e, images, err := small(ctx, b, s)
	if err != nil {
		return nil, err
	}
	want := 200
	if s.program.name == onShared {
		want = 307
	}
	var heads [][]byte
	for _, img := range images {
		for _, l := range img.blobs[1:] {
			heads = append(heads, e.request("GET", e.path("blobs/"+l.digest), "", 0))
		}
	}
	return hammer(ctx, b, s, e, want, cycle(heads))
}

func measureBlobHead(ctx context.Context, b *bench, s *process) ([]figure, error) {
	e, images, err := small(ctx, b, s)
	if err != nil {
		return nil, err
	}
	var heads [][]byte
	for _, img := range images {
		for _, l := range img.blobs[1:] {
			heads = append(heads, e.request("HEAD", e.path("blobs/"+l.digest), "", 0))
		}
	}
	return hammer(ctx, b, s, e, 200, cycle(heads))
}

// measureManifestPut ends pushes: every PUT brings a manifest that the
// registry has not seen, under a tag that it has not seen, for blobs that it has.
func measureManifestPut(ctx context.Context, b *bench, s *process) ([]figure, error) {
	e, images, err := small(ctx, b, s)
	if err != nil {
		return nil, err
	}
	settle()
	return hammer(ctx, b, s, e, 201, func(worker, n int) []byte {
		tag := fmt.Sprintf("w%d-%d", worker, n)
		return putManifest(e, tag, images[n%len(images)].manifestNote(tag))
	})
}

func yardstickManifestGet(ctx context.Context, b *bench, s *process) ([]figure, error) {
	return yardstickHandler(ctx, b, s, "GET")
}

func yardstickBlobHead(ctx context.Context, b *bench, s *process) ([]figure, error) {
	return yardstickHandler(ctx, b, s, "HEAD")
}

func yardstickHandler(ctx context.Context, b *bench, s *process, method string) ([]figure, error) {
	e, err := s.program.open(ctx, s.addr, repository)
	if err != nil {
		return nil, err
	}
	return hammer(ctx, b, s, e, 200, cycle([][]byte{getManifest(method, e, "x")}))
}

// cycle starts every worker at another place, so that they do not ask for the
// same thing at the same time.
func cycle(requests [][]byte) func(worker, n int) []byte {
	return func(worker, n int) []byte { return requests[(worker*7+n)%len(requests)] }
}

// hammer sends the requests that next renders, one after the other on each
// connection, and reports their rate and latencies. The first eighth of the
// time warms up and does not count.
func hammer(ctx context.Context, b *bench, s *process, e endpoint, want int,
	next func(worker, n int) []byte) ([]figure, error) {
	before, err := s.usage()
	if err != nil {
		return nil, err
	}
	all, counts, err := volley(ctx, b, []*process{s}, e, want, next)
	if err != nil {
		return nil, err
	}
	sent := 0
	for _, n := range counts {
		sent += n
	}
	cost, err := s.spent(before, "", sent)
	if err != nil {
		return nil, err
	}
	slices.Sort(all)
	figures := []figure{
		{"rate", "req/s", float64(len(all)) / b.duration.Seconds()},
		{"p50", "ms", ms(percentile(all, 50))},
		{"p99", "ms", ms(percentile(all, 99))},
	}
	return withPeak(append(figures, cost...), "peak memory", s)
}

// volley is hammer on several processes: connections are spread over them. It
// returns the latencies, of each connection one at least however long that
// takes, and how many requests each has sent.
func volley(ctx context.Context, b *bench, servers []*process, e endpoint, want int,
	next func(worker, n int) []byte) ([]time.Duration, []int, error) {
	counts := make([]int, requestConnections)
	latencies := make([][]time.Duration, requestConnections)
	begin := time.Now().Add(b.duration / 8)
	end := begin.Add(b.duration)
	err := parallel(ctx, e, requestConnections, func(ctx context.Context, worker int, c *conn) error {
		if s := servers[worker%len(servers)]; s.addr != c.endpoint.addr {
			c.close()
			c.endpoint.addr = s.addr
		}
		for n := 0; ctx.Err() == nil; n++ {
			request := next(worker, n)
			sent := time.Now()
			if _, err := c.expect(want, request, body{}, nil); err != nil {
				return err
			}
			done := time.Now()
			counts[worker]++
			late := done.After(end)
			if sent.After(begin) && (!late || len(latencies[worker]) == 0) {
				latencies[worker] = append(latencies[worker], done.Sub(sent))
			}
			if late && len(latencies[worker]) > 0 {
				return nil
			}
		}
		return nil
	})
	return slices.Concat(latencies...), counts, err
}

// percentile of sorted durations: the smallest that at least p percent do not exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[(len(sorted)*p+99)/100-1]
}
