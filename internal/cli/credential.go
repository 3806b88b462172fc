package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinport/twinport/internal/credential"
	"github.com/twinport/twinport/internal/server"
)

// commandsOfNames are the commands that the program is by another name.
var commandsOfNames = map[string]string{
	"docker-credential-twinport":   "docker-credential",
	"twinport-credential-provider": "credential-provider",
}

// Arguments returns the arguments for Run of a command line that begins with
// the name by which the program was called, such as that of a link to it.
func Arguments(line []string) []string {
	if len(line) == 0 {
		return nil
	}
	name := strings.TrimSuffix(filepath.Base(line[0]), ".exe")
	if command, ok := commandsOfNames[name]; ok {
		return append([]string{command}, line[1:]...)
	}
	return line[1:]
}

const credentialHelp = `The access key, the Region and the endpoint are found where the AWS SDKs look: the environment, and the profile that AWS_PROFILE names. Only registries of that endpoint (AWS_ENDPOINT_URL_ECR, AWS_ENDPOINT_URL, or endpoint_url of the profile) get a login. It is kept in the user's cache folder until half of its life is over.`

type dockerCredentialCommand struct {
	Action string `arg:"" enum:"get,store,erase,list,version" help:"What the client asks for: get, store, erase, list or version."`
}

// Help is shown by --help.
func (dockerCredentialCommand) Help() string {
	return `Link the program as docker-credential-twinport in a folder of PATH, and name it in ~/.docker/config.json: {"credHelpers": {"registry's host": "twinport"}}. Then nobody need log in.

` + credentialHelp + `

Exit status: 0 if it was done, 1 if not: the standard output, which is what clients read, says why.`
}

func (c dockerCredentialCommand) Run(ctx context.Context, out output) error {
	err := credential.Docker(ctx, c.Action, server.Version(), os.Stdin, out.stdout)
	if err != nil {
		fmt.Fprintln(out.stdout, credential.Line(err))
		return &exitStatus{code: exitFailed}
	}
	return nil
}

type credentialProviderCommand struct{}

// Help is shown by --help.
func (credentialProviderCommand) Help() string {
	return `The kubelet runs it, with a CredentialProviderRequest of credentialprovider.kubelet.k8s.io/v1 on the standard input. Link the program as twinport-credential-provider in the kubelet's --image-credential-provider-bin-dir; docs/clients.md has a CredentialProviderConfig.

` + credentialHelp + `

Exit status: 0 if there is a login, 1 if not.`
}

func (credentialProviderCommand) Run(ctx context.Context, out output) error {
	if err := credential.Kubelet(ctx, os.Stdin, out.stdout); err != nil {
		return errors.New(credential.Line(err))
	}
	return nil
}
