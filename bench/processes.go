package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// processCount is how many processes measureProcesses compares with one.
const processCount = 3

// measureProcesses compares one process with several of the same deployment,
// on the same stores: clients spread their connections over all. Each
// operation is measured on one and on all in turn, within seconds.
func measureProcesses(ctx context.Context, b *bench, first *process) (_ []figure, err error) {
	all := []*process{first}
	defer func() {
		for _, s := range all[1:] {
			if stopErr := s.stop(); err == nil {
				err = stopErr
			}
		}
	}()
	for range processCount - 1 {
		s, err := start(ctx, first.program, b.dir)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	if err := allowReplication(ctx, first.addr); err != nil {
		return nil, err
	}
	e, images, err := small(ctx, b, first)
	if err != nil {
		return nil, err
	}
	destination, err := dev.endpoint(ctx, first.addr, repository)
	if err != nil {
		return nil, err
	}
	var gets, blobs [][]byte
	for _, img := range images {
		gets = append(gets, getManifest("GET", e, img.tag))
		blobs = append(blobs, e.request("GET", e.path("blobs/"+img.blobs[1].digest), "", 0))
	}
	round := 0
	put := func(worker, n int) []byte {
		tag := fmt.Sprintf("r%d-w%d-%d", round, worker, n)
		return putManifest(e, tag, images[n%len(images)].manifestNote(tag))
	}
	var figures []figure
	for _, o := range []struct {
		name string
		want int
		next func(worker, n int) []byte
	}{
		{"manifest GET", 200, cycle(gets)},
		{"blob GET, redirected", 307, cycle(blobs)},
		{"manifest PUT, each replicated", 201, put},
	} {
		for _, used := range [][]*process{all[:1], all} {
			round++
			before, err := usageOf(used)
			if err != nil {
				return nil, err
			}
			began := time.Now()
			latencies, count, err := volley(ctx, b, used, e, o.want, o.next)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", o.name, err)
			}
			took := time.Since(began)
			if o.want == 201 {
				// The clock stops when all that was pushed is at the destination.
				c := newConn(ctx, destination)
				for worker := range requestConnections {
					for n := count[worker] - 1; n >= 0 && n >= count[worker]-10; n-- {
						if _, _, err := awaitPullable(ctx, c,
							getManifest("HEAD", destination, fmt.Sprintf("r%d-w%d-%d", round, worker, n)), time.Millisecond); err != nil {
							return nil, err
						}
					}
				}
				took = time.Since(began)
				c.close()
			}
			after, err := usageOf(used)
			if err != nil {
				return nil, err
			}
			slices.Sort(latencies)
			total := 0
			for _, n := range count {
				total += n
			}
			name := fmt.Sprintf("%s, %d of processes: ", o.name, len(used))
			figures = append(figures,
				figure{name + "rate", "req/s", float64(total) / took.Seconds()},
				figure{name + "p99", "ms", ms(percentile(latencies, 99))},
				figure{name + "CPU of Twinport", "ms/req", (after.cpu - before.cpu).Seconds() * 1000 / float64(total)},
				figure{name + "round trips", "per req", (after.trips - before.trips) / float64(total)})
		}
	}
	return figures, nil
}
