package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/twinport/twinport/internal/config"
)

type initCommand struct {
	Dir string `default:"." help:"The folder to write to; it is made if need be. Default: the working folder."`
}

func (c initCommand) Run(out output) error {
	written, err := config.Init(c.Dir, os.Getenv("TWINPORT_LISTEN"))
	if err != nil {
		return err
	}
	printWritten(out.stdout, written)
	fmt.Fprintf(out.stdout, "\nStart the server:\n  twinport serve --config %s\n", shellQuoted(written.Config))
	return nil
}

func printWritten(w io.Writer, written config.Written) {
	fmt.Fprintf(w, "Wrote, with fresh access keys for the accounts prod and dev:\n")
	fmt.Fprintf(w, "  %-28s the configuration\n", written.Config)
	fmt.Fprintf(w, "  %-28s Region and endpoint URL of the AWS profiles prod and dev\n", written.AWSConfig)
	fmt.Fprintf(w, "  %-28s their access keys: keep it secret\n", written.AWSCredentials)
}

// absolute makes a path good for any working folder, if that can be found out.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
