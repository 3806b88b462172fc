package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/server"
)

type replicationCommand struct {
	Compare replicationCompareCommand `cmd:"" help:"Show what a destination lacks, or has otherwise, and repair that."`
}

type replicationCompareCommand struct {
	Config     string `placeholder:"FILE" help:"The server's configuration. Default: twinport.yaml, if it is there."`
	From       string `placeholder:"ACCOUNT/REGION" help:"The registry to compare. Default: the only one that the deployment serves."`
	To         string `required:"" placeholder:"ACCOUNT/REGION" help:"The destination, which replication rules of the registry name. It may be a peer's."`
	Repository string `arg:"" optional:"" help:"The only repository to compare. Default: all that the rules send there."`
	Repair     bool   `help:"Have what is lacking or different replicated again."`
}

// Help is shown by --help.
func (replicationCompareCommand) Help() string {
	return `It compares the tags, and the images without one, of the repositories that replication rules send to the destination. It works beside the servers, and changes nothing but with --repair. A line for each difference says

  LACKING    the image, or its tag, is not there
  DIFFERENT  the tag names another image there
  REFUSED    the destination does not let the registry replicate into the repository

What the destination has beyond is not looked at. What is on its way is lacking until it has arrived.

Exit status: 0 if nothing differs, 3 if something does (with --repair: did), 1 if it could not be compared.`
}

// exitDifferent says that registries differ.
const exitDifferent = 3

const (
	// roomInterval is how often repair looks for room where too much waits to be
	// replicated, and roomPatience how long it does so.
	roomInterval = 2 * time.Second
	roomPatience = 10 * time.Minute
)

func (c replicationCompareCommand) Run(ctx context.Context, out output) error {
	cfg, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	r := server.ComparisonRequest{}
	r.Repository, r.Repair = c.Repository, c.Repair
	if r.Source, err = c.source(cfg); err != nil {
		return err
	}
	if r.Destination, err = registryNamed(c.To); err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	comparer := server.NewComparer(cfg)
	defer comparer.Close()
	found, err := c.run(ctx, out, comparer, r)
	if err != nil {
		return fmt.Errorf("compare %s with %s: %w", r.Source, r.Destination, err)
	}
	found.print(out, r)
	if found.differ() {
		return &exitStatus{code: exitDifferent}
	}
	return nil
}

// source is the registry of --from.
func (c replicationCompareCommand) source(cfg config.Config) (resource.Registry, error) {
	accounts := cfg.AccountIDs()
	if c.From == "" {
		if len(accounts) != 1 || len(cfg.Regions) != 1 {
			return resource.Registry{}, fmt.Errorf("--from is missing: the deployment serves the accounts %s in the "+
				"Regions %s, so name one as ACCOUNT/REGION", some(accounts), some(cfg.Regions))
		}
		return resource.Registry{Account: accounts[0], Region: cfg.Regions[0]}, nil
	}
	id, err := registryNamed(c.From)
	if err != nil {
		return id, fmt.Errorf("--from: %w", err)
	}
	return id, nil
}

// registryNamed reads ACCOUNT/REGION.
func registryNamed(text string) (id resource.Registry, err error) {
	var ok bool
	if id.Account, id.Region, ok = strings.Cut(text, "/"); !ok || id.Account == "" || id.Region == "" {
		return id, fmt.Errorf("%.80q is not a registry: write ACCOUNT/REGION, such as 111122223333/us-east-1", text)
	}
	return id, nil
}

// comparisonFound is what a comparison has found so far.
type comparisonFound struct {
	compared, queued int
	kinds            map[replication.DifferenceKind]int
	refused          *replication.Difference // the first
}

func (f *comparisonFound) differ() bool { return len(f.kinds) > 0 }

func (c replicationCompareCommand) run(ctx context.Context, out output, comparer *server.Comparer,
	r server.ComparisonRequest) (*comparisonFound, error) {
	m := newMeter(out.stderr)
	defer m.clear()
	found := &comparisonFound{kinds: map[replication.DifferenceKind]int{}}
	var full time.Time // since when there is no room
	for {
		page, err := comparer.Compare(ctx, r)
		if errors.Is(err, replication.ErrWaitingRoomFull) && (full.IsZero() || time.Since(full) < roomPatience) {
			if full.IsZero() {
				full = time.Now()
			}
			m.update("waiting until fewer replications are in progress; queued", int64(found.queued), 0, 0)
			select {
			case <-time.After(roomInterval):
				continue
			case <-ctx.Done():
			}
		}
		if err != nil {
			return nil, comparisonError(ctx, err)
		}
		full = time.Time{}
		m.clear()
		found.add(out, page)
		m.update("compared", int64(found.compared), 0, 0)
		if r.After = page.Next; r.After == "" {
			return found, nil
		}
	}
}

func comparisonError(ctx context.Context, err error) error {
	if refused, ok := errors.AsType[*registry.Error](err); ok {
		return errors.New(clause(refused.Message))
	}
	if ctx.Err() != nil {
		return errors.New("it was stopped before the end; what was queued is replicated all the same")
	}
	return err
}

// add takes in a page, and prints its differences.
func (f *comparisonFound) add(out output, page replication.Comparison) {
	f.compared += page.Compared
	f.queued += page.Queued
	for _, d := range page.Differences {
		f.kinds[d.Kind]++
		if d.Kind == replication.RepositoryRefused && f.refused == nil {
			f.refused = &d
		}
		fmt.Fprintf(out.stdout, "%-9s  %s\n", d.Kind, differing(d))
	}
}

// differing names what a difference is about.
func differing(d replication.Difference) string {
	switch {
	case d.Digest == "":
		return d.Repository
	case d.Tag == "":
		return d.Repository + "@" + d.Digest.String()
	}
	return d.Repository + ":" + d.Tag + "  " + d.Digest.String()
}

// print prints the summary.
func (f *comparisonFound) print(out output, r server.ComparisonRequest) {
	if f.refused != nil {
		fmt.Fprintln(out.stdout, f.refused.Failure.WithStatement())
	}
	fmt.Fprintf(out.stdout, "Compared %d images of %s with %s: ", f.compared, r.Source, r.Destination)
	if !f.differ() {
		fmt.Fprintln(out.stdout, "nothing differs.")
		return
	}
	fmt.Fprintf(out.stdout, "%d are lacking, %d different; %d repositories are refused.\n",
		f.kinds[replication.ImageLacking], f.kinds[replication.ImageDifferent], f.kinds[replication.RepositoryRefused])
	if r.Repair {
		others := ""
		if f.queued < f.kinds[replication.ImageLacking]+f.kinds[replication.ImageDifferent] {
			others = "; the others were in progress already"
		}
		fmt.Fprintf(out.stdout, "Queued %d replications%s.\n", f.queued, others)
	}
}
