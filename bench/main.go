// Command bench measures Twinport side by side with CNCF distribution and
// with yardsticks: the least that a Go program can do for the same bytes.
//
//	go run ./bench                      everything, three rounds
//	go run ./bench -short               a smoke run
//	go run ./bench -tests images,big    some tests
//	go run ./bench -seeded 1000000      the test "scale" with 1,000,000 images
//	go run ./bench -tests peers         two deployments with a line between them
//	go run ./bench -before FILE         an earlier build of Twinport, too
//	go run ./bench -markdown FILE       the tables for a document, too, or in it
//
// In every round each test runs on each program in turn, in a fresh process on
// an empty folder, so that both sides of a ratio are measured within seconds
// of each other. Client and server share the machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == yardstickCommand {
		// Without the signal handler below: SIGTERM ends a yardstick at once.
		if err := yardstickMain(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is what a run was asked for.
type bench struct {
	rounds     int
	duration   time.Duration
	images     int
	pullPasses int
	layerSize  int64
	bigSize    int64
	replicated int
	seeded     int
	shared     *sharedStores
	dir        string
	content    *content

	// Of the test "peers":
	lines       []line
	smallImages int
	lagged      int
	turns       int
	wantedTools []string
	tools       []tool
	shaped      bool // the lines go through network namespaces
}

// measure runs a test on a server that has just started.
type measure func(ctx context.Context, b *bench, s *process) ([]figure, error)

// test is one subject of the benchmark.
type test struct {
	name      string
	registry  measure
	yardstick measure // nil if there is none
	// twinportOnly tests what distribution has not, sharedOnly what only
	// PostgreSQL and S3 have.
	twinportOnly, sharedOnly bool
	// streamed has pulls of blobs in S3 go through the server.
	streamed bool
}

const (
	testStartup     = "startup"
	testImages      = "images"
	testBig         = "big"
	testManifestGet = "manifest-get"
	testBlobHead    = "blob-head"
	testManifestPut = "manifest-put"
	testReplication = "replication"
	testBlobGet     = "blob-get"
	testStreamed    = "images-streamed"
	testProcesses   = "processes"
	testToken       = "authorization-token"
	testLayers      = "layer-availability"
	testScale       = "scale"
	testLists       = "lists"
	testPeers       = "peers"
)

var tests = []test{
	{name: testStartup, registry: measureStartup},
	{name: testImages, registry: measureImages, yardstick: yardstickImages},
	{name: testBig, registry: measureBig, yardstick: yardstickBig},
	{name: testManifestGet, registry: measureManifestGet, yardstick: yardstickManifestGet},
	{name: testBlobHead, registry: measureBlobHead, yardstick: yardstickBlobHead},
	{name: testManifestPut, registry: measureManifestPut},
	{name: testBlobGet, registry: measureBlobGet},
	{name: testToken, registry: measureToken, yardstick: yardstickToken, twinportOnly: true},
	{name: testLayers, registry: measureAvailability, yardstick: yardstickAvailability, twinportOnly: true},
	{name: testReplication, registry: measureReplication, twinportOnly: true},
	{name: testStreamed, registry: measureImages, sharedOnly: true, streamed: true},
	{name: testProcesses, registry: measureProcesses, sharedOnly: true},
	{name: testPeers}, // by measurePeers
	{name: testScale}, // once, by measureScale
	{name: testLists}, // once, by measureLists
}

// short are the values of flags in a smoke run.
var short = map[string]string{
	"rounds": "1", "duration": "300ms", "images": "8", "passes": "1", "layer": "1", "big": "64", "replicated": "300",
	"seeded": "2000", "lines": "1000/20", "small": "20", "lagged": "5", "turns": "1",
}

var columnNames = []string{twinport, onShared, distribution, yardstick}

// earlier is the column of an earlier build on the same stores, measured when
// -before names one.
var earlier = map[string]string{twinport: before, onShared: beforeOnShared}

// testTimeout ends a test whose server hangs.
const testTimeout = 10 * time.Minute

// run is the program but for the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var names []string
	for _, t := range tests {
		names = append(names, t.name)
	}
	b := &bench{}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.IntVar(&b.rounds, "rounds", 3, "how many times to run everything")
	fs.DurationVar(&b.duration, "duration", 4*time.Second, "how long to measure requests per second")
	fs.IntVar(&b.images, "images", 40, "images to push")
	fs.IntVar(&b.pullPasses, "passes", 4, "how many times to pull them")
	layer := fs.Int64("layer", 8, "size of a layer in MiB")
	big := fs.Int64("big", 2048, "size of the large layer in MiB")
	fs.IntVar(&b.replicated, "replicated", 5000, "images to replicate at each number in flight above 1")
	fs.IntVar(&b.seeded, "seeded", 100_000, "images of the full store of the tests "+testScale+", with ten tags each, and "+
		testLists+", in one repository")
	between := fs.String("lines", "100/0,100/20,100/100,1000/0,1000/20,1000/100", "lines of the test "+testPeers+
		": Mbit/s and the round trip in ms; the sizes are meant for 1000 Mbit/s, and others get less")
	fs.IntVar(&b.smallImages, "small", 400, "small images to copy to a peer")
	fs.IntVar(&b.lagged, "lagged", 50, "images whose lag is measured, to a peer")
	fs.IntVar(&b.turns, "turns", 3, "how often pushes with a rule to a peer, and those without, have their turn")
	compare := fs.String("tools", strings.Join(toolColumns, ","), "tools to compare peers with; none if empty")
	wanted := fs.String("tests", strings.Join(names, ","), "tests to run")
	columns := fs.String("programs", strings.Join(columnNames, ","), "what to run them on")
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	cache = filepath.Join(cache, "twinport-bench")
	measured := fs.String("twinport", "", "twinport binary to measure; default: this tree, built anew")
	old := fs.String("before", "", "twinport binary of an earlier build to compare with, on the same stores in the "+
		"same rounds; not in the tests "+testScale+" and "+testLists)
	fs.StringVar(&b.dir, "dir", filepath.Join(cache, "data"), "folder for the servers' data, on a real disk")
	markdown := fs.String("markdown", "", "file to write the tables to; in one that has them already, between the lines "+
		resultsBegin+" and "+resultsEnd+", they are replaced")
	isShort := fs.Bool("short", false, "a smoke run: every test, small and once")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected arguments %q", fs.Args())
	}
	if *isShort {
		given := map[string]bool{}
		fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
		for name, value := range short {
			if given[name] {
				continue
			}
			if err := fs.Set(name, value); err != nil {
				return err
			}
		}
	}
	b.layerSize, b.bigSize = *layer<<20, *big<<20
	if b.rounds < 1 || b.images < 1 || b.pullPasses < 1 || b.replicated < 1 || b.seeded < 2*smallImages || *layer < 1 ||
		*big < 1 || b.duration <= 0 || b.smallImages < 1 || b.lagged < 1 || b.turns < 1 {
		return fmt.Errorf("every number must be positive, and -seeded at least %d", 2*smallImages)
	}
	if b.layerSize > contentSize/2 {
		return fmt.Errorf("-layer must be at most %d", contentSize/2>>20)
	}
	selected, err := choose(*wanted, names)
	if err != nil {
		return fmt.Errorf("-tests: %w", err)
	}
	order, err := choose(*columns, columnNames)
	if err != nil {
		return fmt.Errorf("-programs: %w", err)
	}
	if b.lines, err = parseLines(*between); err != nil {
		return fmt.Errorf("-lines: %w", err)
	}
	if *compare != "" {
		if b.wantedTools, err = choose(*compare, toolColumns); err != nil {
			return fmt.Errorf("-tools: %w", err)
		}
	}
	if *old != "" {
		for i := len(order) - 1; i >= 0; i-- {
			if column, is := earlier[order[i]]; is {
				order = slices.Insert(order, i+1, column)
			}
		}
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	facts := machineFacts(b.dir)
	if fileSystem(b.dir) == "tmpfs" {
		fmt.Fprintln(stderr, "bench: the servers' data are on tmpfs, where fsync costs nothing; name a folder on a "+
			"disk with -dir")
	}
	programs, err := build(ctx, cache, *measured, *old, order)
	if err != nil {
		return err
	}
	b.content = newContent()
	if slices.Contains(order, onShared) {
		if b.shared, err = startSharedStores(); err != nil {
			return fmt.Errorf("%w; without it, name the others with -programs", err)
		}
		defer b.shared.close()
	}
	var r report
	for round := range b.rounds {
		for _, t := range tests {
			if !slices.Contains(selected, t.name) || t.name == testScale || t.name == testLists {
				continue
			}
			if t.name == testPeers {
				if err := measurePeers(ctx, b, &r, round, order, programs, stderr); err != nil {
					return err
				}
				continue
			}
			for _, column := range order {
				fmt.Fprintf(stderr, "round %d of %d: %s on %s\n", round+1, b.rounds, t.name, column)
				figures, err := b.measure(ctx, t, column, programs[column])
				if err != nil {
					return fmt.Errorf("%s on %s: %w", t.name, column, err)
				}
				r.add(t.name, column, figures)
			}
		}
		// Neither side is always the one that comes second.
		slices.Reverse(order)
	}
	for _, engine := range []string{twinport, onShared} {
		if !slices.Contains(order, engine) {
			continue
		}
		for _, once := range []struct {
			test    string
			measure func(context.Context, *bench, *report, string, program, io.Writer) error
		}{{testScale, measureScale}, {testLists, measureLists}} {
			if !slices.Contains(selected, once.test) {
				continue
			}
			if err := once.measure(ctx, b, &r, engine, programs[engine], stderr); err != nil {
				return fmt.Errorf("%s on %s: %w", once.test, engine, err)
			}
		}
	}
	r.addBest()
	if *markdown != "" {
		if err := r.write(*markdown, facts); err != nil {
			return err
		}
	}
	return r.text(stdout, facts)
}

// choose splits a list of names and refuses those that are not allowed.
func choose(list string, allowed []string) ([]string, error) {
	names := strings.Split(list, ",")
	for _, name := range names {
		if !slices.Contains(allowed, name) {
			return nil, fmt.Errorf("%q is not one of %s", name, strings.Join(allowed, ", "))
		}
	}
	return names, nil
}

// build makes the programs of the columns ready to start; binary is Twinport's
// if it need not be built, old that of an earlier build.
func build(ctx context.Context, cache, binary, old string, columns []string) (map[string]program, error) {
	programs := map[string]program{}
	for _, column := range columns {
		var err error
		switch column {
		case twinport, onShared:
			programs[column], err = buildTwinport(ctx, cache, binary)
		case before, beforeOnShared:
			programs[column], err = buildTwinport(ctx, cache, old)
		case distribution:
			programs[column], err = buildDistribution(ctx, cache)
		case yardstick:
			programs[column], err = yardstickServer()
		}
		if err != nil {
			return nil, err
		}
	}
	return programs, nil
}

// measure runs one test on one program; no figures if the test is not for it.
func (b *bench) measure(ctx context.Context, t test, column string, p program) (_ []figure, err error) {
	do := t.registry
	shared := column == onShared || column == beforeOnShared
	switch {
	case column == yardstick:
		do = t.yardstick
	case column == distribution && t.twinportOnly, !shared && t.sharedOnly:
		return nil, nil
	}
	if do == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	if shared {
		var release func()
		if p, release, err = b.shared.program(p, "", !t.streamed); err != nil {
			return nil, err
		}
		defer release()
	}
	settle()
	s, err := start(ctx, p, b.dir)
	if err != nil {
		return nil, err
	}
	figures, err := do(ctx, b, s)
	if err != nil {
		err = fmt.Errorf("%w%s", err, s.lastWords())
	}
	return figures, errors.Join(err, s.stop())
}
