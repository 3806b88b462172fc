// Package cli is the command line of twinport: one file per command.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/twinport/twinport/internal/config"
)

// The process's exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

type commands struct {
	Serve              serveCommand              `cmd:"" help:"Serve the registries of the configured accounts."`
	Init               initCommand               `cmd:"" help:"Write a configuration with two accounts, prod and dev, and AWS profiles for them."`
	Demo               demoCommand               `cmd:"" help:"Push in one account and pull in the other, on this machine, in a temporary folder."`
	Migrate            migrateCommand            `cmd:"" help:"Move a deployment that keeps its data in files to PostgreSQL and a bucket, while it serves."`
	Verify             verifyCommand             `cmd:"" help:"Check that every link, manifest and blob is whole, and repair what is not."`
	Backup             backupCommand             `cmd:"" help:"Copy the embedded stores to a folder, while they are served."`
	Restore            restoreCommand            `cmd:"" help:"Fill an empty data folder from a backup."`
	Sweep              sweepCommand              `cmd:"" help:"Free what nothing needs any more, or show what that is."`
	Peer               peerCommand               `cmd:"" help:"Invite and join other deployments to replicate with, and look after them."`
	Replication        replicationCommand        `cmd:"" help:"Compare a registry with a destination of its replications, and repair what differs."`
	Lifecycle          lifecycleCommand          `cmd:"" help:"Run lifecycle policies now."`
	DockerCredential   dockerCredentialCommand   `cmd:"" help:"Answer Docker and its like, which ask for logins."`
	CredentialProvider credentialProviderCommand `cmd:"" help:"Answer the kubelet, which asks for logins."`
	Version            versionCommand            `cmd:"" help:"Show the version."`
}

// output is where a command writes: what it has to say, and logs and errors.
type output struct{ stdout, stderr io.Writer }

// exitStatus ends the process with a code of its own, and shows err if there is one.
type exitStatus struct {
	code int
	err  error
}

func (e *exitStatus) Error() string { return fmt.Sprintf("exit status %d: %v", e.code, e.err) }

// Run runs the command that args (without the program's name) ask for, until
// it ends or a signal (SIGINT, SIGTERM) stops it, and returns the process's
// exit code: 0, 1 if the command failed, 2 if the command line is wrong, or what
// the command's help says.
// Errors go to stderr, a line for each.
func Run(args []string, stdout, stderr io.Writer) int {
	var parsed commands
	helped := false
	parser, err := kong.New(&parsed,
		kong.Name("twinport"),
		kong.Description("A self-hosted container registry that speaks Amazon ECR and replicates between "+
			"accounts and Regions."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }), // kong calls it after --help
	)
	if err != nil {
		printError(stderr, err)
		return exitFailed
	}
	command, err := parser.Parse(args)
	if helped {
		return exitOK
	}
	if err != nil {
		printError(stderr, fmt.Errorf("%w; twinport --help lists the commands", err))
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// After the first signal the notification ends, so that a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(output{stdout, stderr}); err != nil {
		if status, ok := errors.AsType[*exitStatus](err); ok {
			if status.err != nil {
				printError(stderr, status.err)
			}
			return status.code
		}
		printError(stderr, err)
		return exitFailed
	}
	return exitOK
}

// printError prints a line for each problem.
func printError(w io.Writer, err error) {
	if invalid, ok := errors.AsType[*config.Error](err); ok {
		for _, problem := range invalid.Problems {
			fmt.Fprintf(w, "twinport: %s\n", problem)
		}
		return
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(w, "twinport: %s\n", strings.TrimRight(line, "\n"))
	}
}
