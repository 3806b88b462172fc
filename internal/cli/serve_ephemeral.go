package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/server"
)

// runEphemeral serves from memory: as long as the command runs, if there is one,
// else until a signal comes or the parent is gone.
func (c serveCommand) runEphemeral(ctx context.Context, out output) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	go endWithParent(ctx, os.Getppid(), end)
	cfg, err := config.LoadEphemeral(c.Config, os.Environ())
	if err != nil {
		return err
	}
	s, err := server.New(ctx, cfg, c.logger(out.stderr, slog.LevelWarn))
	if err != nil {
		return err
	}
	variables := clientVariables(s.URL(), cfg)
	if len(c.Command) > 0 {
		return c.runCommand(ctx, out, s, variables)
	}
	printAccounts(out.stderr, s, cfg)
	// This line is all that is ever written to stdout: nobody may be reading it
	// when the server ends.
	if _, err := fmt.Fprintln(out.stdout, "export", strings.Join(variables, " ")); err != nil {
		_ = s.Close()
		return fmt.Errorf("say where the server is: %w", err)
	}
	return s.Run(ctx)
}

// runCommand serves while the command runs, and ends as it does. When ctx ends,
// the command is asked to end.
func (c serveCommand) runCommand(ctx context.Context, out output, s *server.Server, variables []string) error {
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	served := make(chan error, 1)
	go func() { served <- s.Run(serving) }()
	cmd := exec.CommandContext(ctx, c.Command[0], c.Command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env = append(os.Environ(), variables...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, out.stdout, out.stderr
	err := cmd.Run()
	end()
	if serveErr := <-served; serveErr != nil {
		return serveErr
	}
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case !exited && ctx.Err() != nil: // it ended well, as it was asked to
		return nil
	case !exited:
		return err
	case exit.Exited():
		return &exitStatus{code: exit.ExitCode()}
	}
	return &exitStatus{code: signalled + int(exit.Sys().(syscall.WaitStatus).Signal())}
}

// signalled is what shells add to the number of the signal that ended a command.
const signalled = 128

// parentInterval is how often a process looks whether its parent is there. A
// signal at the parent's death is Linux's only, and comes when the thread ends
// that started the process.
const parentInterval = 200 * time.Millisecond

// endWithParent calls end when the process has another parent than at its start.
func endWithParent(ctx context.Context, parent int, end func()) {
	ticker := time.NewTicker(parentInterval)
	defer ticker.Stop()
	for os.Getppid() == parent {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
	end()
}

// clientVariables lead AWS clients to the server, in the first Region and as the
// first account, unless its key is configured: whoever did that knows the secret,
// and nobody else may. No value needs quoting in a shell.
func clientVariables(url string, cfg config.Config) []string {
	variables := []string{
		"AWS_ENDPOINT_URL=" + url,
		// Version 1 of the aws command reads the second, the SDKs the first.
		"AWS_REGION=" + cfg.Regions[0], "AWS_DEFAULT_REGION=" + cfg.Regions[0],
	}
	if cfg.Examples {
		key := cfg.Accounts[0].AccessKeys[0]
		variables = append(variables, "AWS_ACCESS_KEY_ID="+key.ID, "AWS_SECRET_ACCESS_KEY="+key.Secret,
			"AWS_SESSION_TOKEN=") // that of a session with AWS would not fit to the key
	}
	return variables
}

// printAccounts says to people what is served, and the keys that are not configured.
func printAccounts(w io.Writer, s *server.Server, cfg config.Config) {
	_, host, _ := strings.Cut(s.URL(), "://")
	fmt.Fprintf(w, "Twinport %s serves on %s (Regions: %s) from memory, as long as the process that started it is "+
		"there.\n", server.Version(), s.URL(), strings.Join(cfg.Regions, ", "))
	for _, a := range cfg.Accounts {
		fmt.Fprintf(w, "  account %s (%s): %s/%[1]s/<region>/<repository>\n", a.ID, a.Name, host)
		if key := a.AccessKeys[0]; cfg.Examples {
			fmt.Fprintf(w, "    access key %s, secret %s\n", key.ID, key.Secret)
		}
	}
}
