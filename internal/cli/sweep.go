package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/jobs"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/stores"
	"github.com/twinport/twinport/internal/sweep"
)

type sweepCommand struct {
	Config string         `placeholder:"FILE" help:"The server's configuration. Default: twinport.yaml, if it is there."`
	DryRun bool           `help:"Change nothing, and show what is there to free."`
	Grace  *time.Duration `placeholder:"TIME" help:"How old a layer that no image needs must be. Default: sweep.grace of the configuration."`
}

// Help is shown by --help.
func (sweepCommand) Help() string {
	return `Servers sweep by themselves, every sweep.interval. This does it now: on PostgreSQL and S3 beside the servers, on the embedded stores while no server runs. With --dry-run it runs beside servers of both kinds.

Exit status: 0 if all was swept, 1 if not.`
}

var sweepNames = map[sweep.Step]string{
	"uploads":      "uploads that were idle for a day",
	"leftovers":    "leftovers of uploads that have ended",
	"links":        "links to layers that no image needs",
	"blobs":        "blobs that no repository has",
	"objects":      "objects that nothing names",
	"garbage":      "objects of deleted blobs",
	"repositories": "deleted repositories",
}

func (c sweepCommand) Run(ctx context.Context, out output) error {
	cfg, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	grace := cfg.Sweep.Grace
	if c.Grace != nil {
		if grace = *c.Grace; grace < 0 {
			return errors.New("--grace: it must not be negative")
		}
	}
	open := stores.Open
	if c.DryRun {
		open = stores.OpenReadOnly
	}
	meta, blobs, err := open(ctx, cfg)
	if errors.Is(err, metadata.ErrInUse) {
		return c.served(ctx, cfg)
	}
	if err != nil {
		return err
	}
	defer meta.Close()
	defer blobs.Close()
	m := newMeter(out.stderr)
	found, bytes := map[sweep.Step]int64{}, map[sweep.Step]int64{}
	log := slog.New(slog.NewTextHandler(out.stderr, nil))
	err = sweep.Once(ctx, sweep.NewStores(meta, blobs, log, time.Now), grace, c.DryRun,
		func(step sweep.Step, p sweep.Page) {
			found[step] += p.Found
			bytes[step] += p.Bytes
			m.update(string(step), found[step], 0, 0)
		})
	m.clear()
	verb := "Freed"
	if c.DryRun {
		verb = "To free"
	}
	fmt.Fprintf(out.stdout, "%s:\n", verb)
	for _, step := range sweep.Steps {
		line := fmt.Sprintf("  %8d  %s", found[step], sweepNames[step])
		if bytes[step] > 0 {
			line += " (" + size(bytes[step]) + ")"
		}
		fmt.Fprintln(out.stdout, line)
	}
	if err != nil {
		return fmt.Errorf("sweep: %w; what was freed is freed, and the next sweep goes on", err)
	}
	return nil
}

// served says why the command leaves a folder alone that a server uses.
func (c sweepCommand) served(ctx context.Context, cfg config.Config) error {
	last := ""
	if meta, blobs, err := stores.OpenReadOnly(ctx, cfg); err == nil {
		defer meta.Close()
		defer blobs.Close()
		switch runs, err := jobs.Runs(meta.Read(ctx), jobs.Job{Name: sweep.JobName}); {
		case err != nil:
		case runs[0].Running:
			last = " One is under way now."
		case runs[0].Finished.IsZero():
			last = " It has not ended one yet."
		default:
			last = fmt.Sprintf(" The last one ended on %s.", runs[0].Finished.Local().Format(time.DateTime))
		}
	}
	return fmt.Errorf("a server runs on %s and sweeps by itself every %s.%s To see what it would free use --dry-run; "+
		"to sweep now stop it first", cfg.Data, cfg.Sweep.Interval, last)
}
