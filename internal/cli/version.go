package cli

import (
	"fmt"
	"runtime"

	"github.com/twinport/twinport/internal/server"
)

type versionCommand struct{}

func (versionCommand) Run(out output) error {
	_, err := fmt.Fprintf(out.stdout, "twinport %s %s %s/%s\n", server.Version(), runtime.Version(), runtime.GOOS,
		runtime.GOARCH)
	return err
}
