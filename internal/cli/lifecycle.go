package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twinport/twinport/internal/expiry"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/server"
)

type lifecycleCommand struct {
	Run lifecycleRunCommand `cmd:"" help:"Run lifecycle policies, and show what they delete."`
}

type lifecycleRunCommand struct {
	Config     string `placeholder:"FILE" help:"The server's configuration. Default: twinport.yaml, if it is there."`
	Now        bool   `help:"Run policies that are not due, too."`
	Repository string `placeholder:"ACCOUNT/REGION/NAME" help:"The only repository whose policy is run. Default: all of the deployment."`
}

// Help is shown by --help.
func (lifecycleRunCommand) Help() string {
	return `Servers run each policy by themselves, every lifecycle.interval. This runs those that are due, or with --now all, beside the servers. A line for each says how many images were deleted.

What a policy would delete is shown by a preview: aws ecr start-lifecycle-policy-preview.

Exit status: 0 if all have run, 1 if not.`
}

func (c lifecycleRunCommand) Run(ctx context.Context, out output) error {
	cfg, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	r := expiry.RunRequest{Anyway: c.Now}
	if c.Repository != "" {
		if r.Repository, err = repositoryNamed(c.Repository); err != nil {
			return fmt.Errorf("--repository: %w", err)
		}
	}
	runner := server.NewLifecycleRunner(cfg)
	defer runner.Close()
	m := newMeter(out.stderr)
	defer m.clear()
	runs, failed := int64(0), 0
	for {
		m.update("lifecycle policies", runs, 0, 0)
		piece, err := runner.Run(ctx, r)
		if err != nil {
			return fmt.Errorf("run lifecycle policies: %w", lifecycleError(ctx, err))
		}
		if piece.Ended != nil {
			m.clear()
			runs++
			fmt.Fprintln(out.stdout, ranLine(piece.Repository, piece.Ended))
			if piece.Ended.Status == expiry.RunFailed {
				failed++
			}
		}
		if r.After = piece.Next; r.After == "" {
			break
		}
	}
	m.clear()
	fmt.Fprintf(out.stdout, "Policies that have run: %d.\n", runs)
	if failed > 0 {
		return fmt.Errorf("%d of the runs failed", failed)
	}
	return nil
}

// repositoryNamed reads ACCOUNT/REGION/NAME.
func repositoryNamed(text string) (ref resource.Repository, err error) {
	parts := strings.SplitN(text, "/", 3)
	if len(parts) < 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return ref, fmt.Errorf("%.80q is not a repository: write ACCOUNT/REGION/NAME, such as "+
			"111122223333/us-east-1/team/app", text)
	}
	return resource.Repository{Registry: resource.Registry{Account: parts[0], Region: parts[1]}, Name: parts[2]}, nil
}

// ranLine says what came of a run.
func ranLine(of resource.Repository, r *expiry.Run) string {
	line := fmt.Sprintf("%s  %s  %d of %d images deleted", of, r.Status, r.Expired, r.Found)
	if r.Note != "" {
		line += "; " + r.Note
	}
	return line
}

func lifecycleError(ctx context.Context, err error) error {
	if refused, ok := errors.AsType[*registry.Error](err); ok {
		return errors.New(clause(refused.Message))
	}
	if ctx.Err() != nil {
		return errors.New("it was stopped before the end; a server goes on with what was begun")
	}
	return err
}
