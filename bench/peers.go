package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// The test "peers" copies images from one deployment to another, over lines of
// several rates and round trips: by replication to a peer, and by tools.

const (
	otherRegion = "us-west-2" // of the deployment at the other end of the line
	// replicated is the repository that the rule to the peer is for.
	replicated = "peers/app"
	// smallLayer is the only layer of a small image.
	smallLayer = 2 << 10
	// sinkConnections carry the bytes that say what the line can.
	sinkConnections = 8
	// costRoundTrip is that of the lines over which the cost of pushes is measured.
	costRoundTrip = 20 * time.Millisecond
	// lookPause is how often the other end is asked for an image whose lag is measured.
	lookPause = time.Millisecond
	// fullLine is the rate, in Mbit/s, of a line for which the sizes are meant: others get less.
	fullLine = 1000
	// largeLayers are pushed to measure their lag, each an eighth of the largest layer.
	largeLayers = 3
)

// pair is two deployments with a line between them.
type pair struct {
	network   *network
	near, far *process
	toFar     *relay // at the near end of the line
}

// openPair starts two deployments; joined says that they are to be peers.
func openPair(ctx context.Context, b *bench, twin program, l line, joined bool) (_ *pair, err error) {
	p := &pair{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if p.network, err = openNetwork(ctx, l, b.shaped); err != nil {
		return p, err
	}
	if p.toFar, err = p.network.relay("127.0.0.1"); err != nil {
		return p, err
	}
	toNear, err := p.network.relay(p.network.here)
	if err != nil {
		return p, err
	}
	near := twin
	near.configure = configureSide(region, toNear.addr(), twin.settings)
	if p.near, err = start(ctx, near, b.dir); err != nil {
		return p, err
	}
	toNear.target.Store(p.near.addr)
	far := twin
	far.configure = configureSide(otherRegion, p.toFar.addr(), twin.settings)
	if p.far, err = start(ctx, p.network.within(far), b.dir); err != nil {
		return p, err
	}
	p.toFar.target.Store(p.network.toward(p.far.addr))
	if !joined {
		return p, nil
	}
	return p, p.join(ctx)
}

// configureSide writes the configuration of a deployment that its peer reaches at
// an address.
func configureSide(region, reached, settings string) func(dir, addr string) (args, env []string, err error) {
	return func(dir, addr string) (args, env []string, err error) {
		return configureIn(region, dir, filepath.Join(dir, "data"), addr, settings+fmt.Sprintf(
			"deployment: {name: %s, url: %q, allow_plain: true}\n", region, "http://"+reached))
	}
}

func (p *pair) close() error {
	var all []error
	for _, s := range []*process{p.near, p.far} {
		if s != nil {
			all = append(all, s.stop())
		}
	}
	if p.network != nil {
		all = append(all, p.network.close())
	}
	return errors.Join(all...)
}

// lastWords are those of both sides.
func (p *pair) lastWords() string { return p.near.lastWords() + p.far.lastWords() }

// join makes the two peers, as operators do.
func (p *pair) join(ctx context.Context) error {
	peer := func(of *process, args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, of.program.binary, append([]string{
			"peer", args[0], "--config", configurationOf(of.dir), "--accounts", "all",
		}, args[1:]...)...)
		out, err := cmd.Output()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("twinport peer %s: %w: %s", args[0], err, exit.Stderr)
		}
		return strings.TrimSpace(string(out)), err
	}
	code, err := peer(p.far, "invite")
	if err != nil {
		return err
	}
	_, err = peer(p.near, "join", code)
	return err
}

// replicate sets the rule that sends the repository to the peer.
func (p *pair) replicate(ctx context.Context) error {
	_, err := prod.client(p.near.addr).PutReplicationConfiguration(ctx, &ecr.PutReplicationConfigurationInput{
		ReplicationConfiguration: &types.ReplicationConfiguration{Rules: []types.ReplicationRule{{
			Destinations: []types.ReplicationDestination{{
				Region: aws.String(otherRegion), RegistryId: aws.String(prod.id),
			}},
			RepositoryFilters: []types.RepositoryFilter{{
				Filter: aws.String(replicated), FilterType: types.RepositoryFilterTypePrefixMatch,
			}},
		}}},
	})
	if err != nil {
		return fmt.Errorf("set the replication rule: %w", err)
	}
	return nil
}

// backfill has the rule send what was there before it.
func (p *pair) backfill(ctx context.Context) error {
	_, err := prod.client(p.near.addr).StartReplicationBackfill(ctx, &ecr.StartReplicationBackfillInput{
		Destination: &types.ReplicationDestination{Region: aws.String(otherRegion), RegistryId: aws.String(prod.id)},
	})
	if err != nil {
		return fmt.Errorf("start a backfill: %w", err)
	}
	return nil
}

// source is the repository at the near side, which it creates.
func (p *pair) source(ctx context.Context, repository string) (endpoint, error) {
	return p.near.program.open(ctx, p.near.addr, repository)
}

// destination is the repository at the far side, past the line.
func (p *pair) destination(ctx context.Context, repository string) (endpoint, error) {
	return prod.endpointIn(ctx, otherRegion, p.far.addr, repository)
}

// work is images that are to be copied.
type work struct {
	name   string
	images int
	layers int
	size   int64 // of a layer
	many   bool  // it is images a second that count, else bytes
	// tools are those that are compared, all if nil.
	tools []string
}

// aims are what the project wants over the line.
func (l line) aims() []aim {
	name := func(figure string) string { return l.String() + ": " + figure }
	all := []aim{
		{testPeers, name("images"), yardstick, false, 0.97},
		{testPeers, name("one layer"), yardstick, false, 0.97},
		{testPeers, name("lag of small images, p99"), "", true, ms(2*l.roundTrip) + 50},
		{testPeers, name("lag of images, p99"), "", true, ms(2*l.roundTrip) + 50},
		{testPeers, name("lag of a large layer, p99"), "", true, ms(2*l.roundTrip) + 50},
		{testPeers, name("pushes of images with a rule, to those without: rate"), "", false, 0.95},
	}
	switch l.roundTrip {
	case 0:
		all = append(all, aim{testPeers, name("small images"), bestTool, false, 3})
	case 100 * time.Millisecond:
		all = append(all, aim{testPeers, name("small images"), bestTool, false, 10})
	}
	return all
}

// works are what is copied over a line.
func (b *bench) works(l line) []work {
	share := func(n int64) int64 { return max(1, min(n, n*l.mbits/fullLine)) }
	return []work{
		{name: "images", images: int(max(2, share(int64(b.images)))), layers: imageLayers, size: b.layerSize},
		{name: "one layer", images: 1, layers: 1, size: share(b.bigSize), tools: []string{craneMany}},
		{name: "small images", images: b.smallImages, layers: 1, size: smallLayer, many: true},
	}
}

// path is the work's name as a part of a repository's.
func (w work) path() string { return strings.ReplaceAll(w.name, " ", "-") }

// content makes the images. They share nothing.
func (w work) content(c *content) []image {
	images := make([]image, w.images)
	for i := range images {
		images[i] = c.image(fmt.Sprintf("v%d", i), w.layers, w.size)
	}
	return images
}

// figure is what it is to copy some of the images in a time.
func (w work) figure(l line, images []image, took time.Duration) figure {
	if w.many {
		return figure{l.String() + ": " + w.name, "images/s", float64(len(images)) / took.Seconds()}
	}
	var bytes int64
	for _, img := range images {
		bytes += img.size()
	}
	return figure{l.String() + ": " + w.name, "MB/s", float64(bytes) / 1e6 / took.Seconds()}
}

// measurePeers compares, line by line, what peers and tools make of it. All that
// are compared start with a pair of deployments of their own.
func measurePeers(ctx context.Context, b *bench, r *report, round int, order []string, programs map[string]program,
	stderr io.Writer) error {
	if round == 0 {
		if why := canShape(ctx); why != "" {
			fmt.Fprintf(stderr, "bench: both deployments are on loopback, and relays bound the line: %s\n", why)
		} else {
			b.shaped = true
		}
		b.tools = findTools(b.wantedTools, stderr)
		for _, l := range b.lines {
			r.aims = append(r.aims, l.aims()...)
		}
	}
	columns := slices.DeleteFunc(slices.Clone(order), func(column string) bool {
		return column != twinport && column != yardstick
	})
	for _, t := range b.tools {
		columns = append(columns, t.column)
	}
	if round%2 == 1 {
		slices.Reverse(columns)
	}
	twin := programs[twinport]
	if twin.binary == "" {
		return nil
	}
	for _, l := range b.lines {
		for _, column := range columns {
			if l.mbits < fullLine && slices.Contains(slowTools, column) {
				continue
			}
			fmt.Fprintf(stderr, "round %d of %d: %s of %s over %s\n", round+1, b.rounds, testPeers, column, l)
			figures, err := b.measureOver(ctx, l, column, twin, programs[yardstick], stderr)
			if err != nil {
				return fmt.Errorf("%s of %s over %s: %w", testPeers, column, l, err)
			}
			r.add(testPeers, column, figures)
		}
	}
	return nil
}

// measureOver measures one column over a line.
func (b *bench) measureOver(ctx context.Context, l line, column string, twin, sink program,
	stderr io.Writer) (figures []figure, err error) {
	if column == yardstick {
		return measureLine(ctx, b, sink, l)
	}
	i := slices.IndexFunc(b.tools, func(t tool) bool { return t.column == column })
	for _, w := range b.works(l) {
		if i >= 0 && w.tools != nil && !slices.Contains(w.tools, column) {
			continue
		}
		var of []figure
		if i >= 0 {
			of, err = measureTool(ctx, b, b.tools[i], twin, l, w, stderr)
		} else {
			of, err = measureCopy(ctx, b, twin, l, w)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		figures = append(figures, of...)
	}
	if i >= 0 {
		return figures, nil
	}
	for _, measure := range []func(context.Context, *bench, program, line) ([]figure, error){
		measureLag, measurePushCost,
	} {
		of, err := measure(ctx, b, twin, l)
		if err != nil {
			return nil, err
		}
		figures = append(figures, of...)
	}
	return figures, nil
}

// withPair runs f on a pair that ends with it.
func withPair(ctx context.Context, b *bench, twin program, l line, joined bool,
	f func(context.Context, *pair) error) error {
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	settle()
	p, err := openPair(ctx, b, twin, l, joined)
	if err != nil {
		return err
	}
	if err = f(ctx, p); err != nil {
		err = fmt.Errorf("%w%s", err, p.lastWords())
	}
	return errors.Join(err, p.close())
}

// measureLine is what requests with nothing but bytes get through the line.
func measureLine(ctx context.Context, b *bench, sink program, l line) (figures []figure, err error) {
	n, err := openNetwork(ctx, l, b.shaped)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	p := n.within(sink)
	s, err := start(ctx, p, b.dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	r, err := n.relay("127.0.0.1")
	if err != nil {
		return nil, err
	}
	r.target.Store(n.toward(s.addr))
	w := b.works(l)[0]
	total := int64(w.images) * int64(w.layers) * w.size / sinkConnections
	content := b.content.blob(total).body
	e := endpoint{addr: r.addr(), host: r.addr()}
	began := time.Now()
	err = parallel(ctx, e, sinkConnections, func(_ context.Context, _ int, c *conn) error {
		_, err := c.expect(200, e.request("PUT", "/sink", octets, total), content, nil)
		return err
	})
	rate := float64(total*sinkConnections) / 1e6 / time.Since(began).Seconds()
	return []figure{{l.String() + ": images", "MB/s", rate}, {l.String() + ": one layer", "MB/s", rate}}, err
}

// measureCopy has the peer get what is here already: what tools begin with, too. Of
// small images that is all, and the clock runs from the start of a backfill; of others
// it is the layers, and the clock runs from the first manifest's PUT. It stops when the
// last image is pullable at the other end.
func measureCopy(ctx context.Context, b *bench, twin program, l line, w work) (figures []figure, err error) {
	images := w.content(b.content)
	err = withPair(ctx, b, twin, l, true, func(ctx context.Context, p *pair) error {
		source, err := p.source(ctx, replicated)
		if err != nil {
			return err
		}
		if _, err := each(ctx, source, imageConnections, images, pushBlobs); err != nil {
			return err
		}
		begin := func() error { return putManifests(ctx, source, images) }
		if w.many {
			if err := begin(); err != nil {
				return err
			}
			begin = func() error { return p.backfill(ctx) }
		}
		if err := p.replicate(ctx); err != nil {
			return err
		}
		destination, err := p.destination(ctx, replicated)
		if err != nil {
			return err
		}
		settle()
		began := time.Now()
		if err := begin(); err != nil {
			return err
		}
		if err := awaitImages(ctx, destination, images); err != nil {
			return err
		}
		figures = append(figures, w.figure(l, images, time.Since(began)))
		name := l.String() + ": " + w.name + ", peak memory of the "
		if figures, err = withPeak(figures, name+"source", p.near); err != nil {
			return err
		}
		if figures, err = withPeak(figures, name+"destination", p.far); err != nil {
			return err
		}
		_, err = each(ctx, destination, 1, images[len(images)-1:], func(c *conn, img image) error {
			return pullImage(c, img, true)
		})
		return err
	})
	return figures, err
}

func putManifests(ctx context.Context, to endpoint, images []image) error {
	_, err := each(ctx, to, requestConnections, images, func(c *conn, img image) error {
		_, err := c.expect(201, putManifest(c.endpoint, img.tag, img.manifest), body{}, nil)
		return err
	})
	return err
}

func pushBlobs(c *conn, img image) error {
	for _, b := range img.blobs {
		if err := pushBlob(c, b); err != nil {
			return err
		}
	}
	return nil
}

// awaitImages waits until all are pullable by tag.
func awaitImages(ctx context.Context, destination endpoint, images []image) error {
	_, err := each(ctx, destination, imageConnections, images, func(c *conn, img image) error {
		_, _, err := await(ctx, c, getManifest("HEAD", destination, img.tag), func(time.Duration) time.Duration {
			return 5 * lookPause
		})
		return err
	})
	return err
}

// measureLag is the time from the push's answer until the tag is pullable at the
// other end: of small images, of images of several layers, and of images of one large
// layer. Those of layers are pushed at half of what the line carries.
func measureLag(ctx context.Context, b *bench, twin program, l line) (figures []figure, err error) {
	works := b.works(l)
	images, one, small := works[0], works[1], works[2]
	images.images, small.images = max(1, images.images/4), b.lagged
	one.name, one.images, one.size = "a large layer", largeLayers, max(1, one.size/8)
	err = withPair(ctx, b, twin, l, true, func(ctx context.Context, p *pair) error {
		if err := p.replicate(ctx); err != nil {
			return err
		}
		for _, w := range []work{small, images, one} {
			of, err := p.lags(ctx, replicated+"/"+w.path(), w.content(b.content), func(c *conn, img image) error {
				if w.many {
					return pushBlobs(c, img)
				}
				slow := img
				slow.blobs = slices.Clone(img.blobs)
				for i := range slow.blobs {
					slow.blobs[i].body.pace = l.bytes() / 2
				}
				return pushBlobs(c, slow)
			})
			if err != nil {
				return fmt.Errorf("lag of %s: %w", w.name, err)
			}
			name := l.String() + ": lag of " + w.name + ", "
			figures = append(figures, figure{name + "p50", "ms", ms(percentile(of, 50))},
				figure{name + "p99", "ms", ms(percentile(of, 99))})
		}
		return nil
	})
	return figures, err
}

// lags pushes images one after the other, and returns their lags in order of size.
func (p *pair) lags(ctx context.Context, repository string, images []image,
	push func(*conn, image) error) (lags []time.Duration, err error) {
	source, err := p.source(ctx, repository)
	if err != nil {
		return nil, err
	}
	destination, err := p.destination(ctx, repository)
	if err != nil {
		return nil, err
	}
	look := newConn(ctx, destination)
	defer look.close()
	_, err = each(ctx, source, 1, images, func(c *conn, img image) error {
		if err := push(c, img); err != nil {
			return err
		}
		if _, err := c.expect(201, putManifest(source, img.tag, img.manifest), body{}, nil); err != nil {
			return err
		}
		lag, _, err := await(ctx, look, getManifest("HEAD", destination, img.tag), func(time.Duration) time.Duration {
			return lookPause
		})
		lags = append(lags, lag)
		return err
	})
	slices.Sort(lags)
	return lags, err
}

// measurePushCost compares pushes to a repository with a rule to the peer with
// those to one without, in turns. Each turn has a pair of its own, so that nothing
// of the one before is still being sent; the line carries less than what is pushed.
func measurePushCost(ctx context.Context, b *bench, twin program, l line) (figures []figure, err error) {
	if l.roundTrip != costRoundTrip {
		return nil, nil
	}
	works := b.works(line{mbits: fullLine})
	large, small := works[0], works[2]
	for _, w := range []work{large, small} {
		var took, cpu [2]time.Duration
		for turn := range 2 * b.turns {
			of := (turn + 1) / 2 % 2 // neither is always the first
			err := withPair(ctx, b, twin, l, true, func(ctx context.Context, p *pair) error {
				if err := p.replicate(ctx); err != nil {
					return err
				}
				source, err := p.source(ctx, []string{"alone/app", replicated}[of])
				if err != nil {
					return err
				}
				images := w.content(b.content)
				settle()
				before, err := p.near.usage()
				if err != nil {
					return err
				}
				d, err := each(ctx, source, imageConnections, images, pushImage)
				if err != nil {
					return err
				}
				after, err := p.near.usage()
				took[of] += d
				cpu[of] += after.cpu - before.cpu
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		name := l.String() + ": pushes of " + w.name + " with a rule, to those without: "
		figures = append(figures, figure{name + "rate", "ratio", took[0].Seconds() / took[1].Seconds()},
			figure{name + "CPU of the source", "ratio", cpu[1].Seconds() / cpu[0].Seconds()})
	}
	return figures, nil
}
