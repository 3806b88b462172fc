package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/server"
)

// defaultConfig is the file that serve reads when none is given.
const defaultConfig = "twinport.yaml"

type serveCommand struct {
	Config    string  `placeholder:"FILE" help:"The configuration. Default: twinport.yaml, if it is there. With neither that nor TWINPORT_ACCOUNTS, serve does first what init does."`
	Ephemeral bool    `help:"For tests: keep everything in memory and serve on a free port, unless one is configured. It needs no configuration, and reads none but --config and the environment. Prints variables for AWS clients as one line of a shell, and ends with the process that started it."`
	Debug     bool    `help:"Log every request."`
	Command   command `arg:"" optional:"" passthrough:"partial" placeholder:"COMMAND" help:"With --ephemeral: run this command with those variables, and end with it."`
}

// command is a program and its arguments. Kong leaves the "--" before them in.
type command []string

func (c *command) AfterApply() error {
	if len(*c) > 0 && (*c)[0] == "--" {
		*c = (*c)[1:]
	}
	return nil
}

func (c serveCommand) Run(ctx context.Context, out output) error {
	if c.Ephemeral {
		return c.runEphemeral(ctx, out)
	}
	if len(c.Command) > 0 {
		return fmt.Errorf("run the command %s: only serve --ephemeral runs a command; serve alone goes on until it is "+
			"stopped", c.Command[0])
	}
	path, err := c.configuration(out.stdout)
	if err != nil {
		return err
	}
	cfg, err := config.Load(path, os.Environ())
	if err != nil {
		return err
	}
	s, err := server.New(ctx, cfg, c.logger(out.stderr, slog.LevelInfo))
	if err != nil {
		return err
	}
	printBanner(out.stdout, s, cfg, path)
	if err := s.Run(ctx); err != nil {
		return err
	}
	fmt.Fprintln(out.stdout, "Stopped.")
	return nil
}

// logger writes what is of the level or above.
func (c serveCommand) logger(w io.Writer, level slog.Level) *slog.Logger {
	if c.Debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// configuration returns the path of the file to read, "" for none. It writes
// one where nothing else configures the server.
func (c serveCommand) configuration(stdout io.Writer) (string, error) {
	if c.Config != "" {
		return c.Config, nil
	}
	if _, err := os.Stat(defaultConfig); err == nil {
		return defaultConfig, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("look for the configuration: %w", err)
	}
	if os.Getenv("TWINPORT_ACCOUNTS") != "" {
		return "", nil
	}
	fmt.Fprintf(stdout, "There is no %s here and no TWINPORT_ACCOUNTS, so this does first what twinport init does.\n",
		defaultConfig)
	written, err := config.Init(".", os.Getenv("TWINPORT_LISTEN"))
	if err != nil {
		return "", err
	}
	printWritten(stdout, written)
	fmt.Fprintln(stdout)
	return written.Config, nil
}

// printBanner says what is served where, and how to log in.
func printBanner(w io.Writer, s *server.Server, cfg config.Config, path string) {
	_, host, _ := strings.Cut(s.URL(), "://")
	fmt.Fprintf(w, "Twinport %s serves on %s (Regions: %s; data: %s)\n\n", server.Version(), s.URL(),
		strings.Join(cfg.Regions, ", "), cfg.Data)
	for _, account := range cfg.Accounts {
		fmt.Fprintf(w, "  account %s (%s): %s/%s/<region>/<repository>\n", account.ID, account.Name, host, account.ID)
	}
	fmt.Fprintf(w, "\nThe web console is at %s/console/: sign in with an account's access key.\n", s.URL())
	account := cfg.Accounts[0]
	region := cfg.Regions[0]
	repository := fmt.Sprintf("%s/%s/%s/app", host, account.ID, region)
	profile := ""
	fmt.Fprintf(w, "\nCreate a repository in %s, log in and push:\n\n", account.Name)
	if files := awsFiles(path); files != "" {
		profile = " --profile " + account.Name
		fmt.Fprintf(w, "  export %s\n", files)
	} else {
		fmt.Fprintf(w, "  export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=…\n", account.AccessKeys[0].ID)
	}
	// Version 1 of the aws command reads AWS_DEFAULT_REGION, the SDKs the other.
	fmt.Fprintf(w, "  export AWS_ENDPOINT_URL=%s AWS_REGION=%s AWS_DEFAULT_REGION=%s\n", s.URL(), region, region)
	fmt.Fprintf(w, "  aws%s ecr create-repository --repository-name app\n", profile)
	fmt.Fprintf(w, "  aws%s ecr get-login-password | docker login --username AWS --password-stdin %s\n", profile, host)
	fmt.Fprintf(w, "  docker tag IMAGE %s:1 && docker push %s:1\n\nCtrl-C stops the server.\n", repository, repository)
}

// awsFiles gives the variables that lead AWS clients to the files that init
// wrote beside the configuration; "" if there are none.
func awsFiles(path string) string {
	if path == "" {
		return ""
	}
	folder := filepath.Join(filepath.Dir(absolute(path)), "aws")
	names := [2]string{filepath.Join(folder, "config"), filepath.Join(folder, "credentials")}
	for _, name := range names {
		if _, err := os.Stat(name); err != nil {
			return ""
		}
	}
	return fmt.Sprintf("AWS_CONFIG_FILE=%s AWS_SHARED_CREDENTIALS_FILE=%s", shellQuoted(names[0]), shellQuoted(names[1]))
}

// shellQuoted writes a path as a POSIX shell reads it.
func shellQuoted(path string) string {
	plain := func(r rune) bool {
		return r < 0x80 && strings.ContainsRune("/._-+:@%", r) || '0' <= r && r <= '9' ||
			'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	if path != "" && strings.TrimFunc(path, plain) == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
