// Command twinport is a self-hosted container registry that speaks Amazon ECR.
package main

import (
	"os"

	"github.com/twinport/twinport/internal/cli"
)

func main() { os.Exit(cli.Run(cli.Arguments(os.Args), os.Stdout, os.Stderr)) }
