package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/twinport/twinport/internal/server"
)

type peerGrantCommand struct {
	peerConfig
	Name     string   `arg:"" help:"The peer."`
	Accounts []string `required:"" placeholder:"ID" help:"The accounts of the peer for which it may replicate here, instead of those until now; or all, or none."`
}

func (c peerGrantCommand) Run(ctx context.Context, out output) error {
	grant, err := grantOf(c.Accounts)
	if err != nil {
		return err
	}
	answer, err := c.ask(ctx, "grant", server.PeersRequest{Name: c.Name, Grant: grant})
	if err != nil {
		return err
	}
	record := answer.Peers[0].Record
	fmt.Fprintln(out.stdout, mayReplicate(record.Name, record.Grant))
	c.adviseOnGrant(out, record)
	return nil
}

type peerRemoveCommand struct {
	peerConfig
	Name string `arg:"" help:"The peer."`
}

func (c peerRemoveCommand) Run(ctx context.Context, out output) error {
	answer, err := c.ask(ctx, "remove", server.PeersRequest{Name: c.Name})
	if err != nil {
		return err
	}
	fmt.Fprintf(out.stdout, "Removed %s: what it asks from now on is refused. If that deployment is still there, run "+
		"there\n  twinport peer remove %s\n", c.Name, answer.Self.Name)
	return nil
}

type peerRotateKeyCommand struct{ peerConfig }

// Help is shown by --help.
func (peerRotateKeyCommand) Help() string {
	return `What is sent to a peer is signed with an older key until the peer has confirmed the new one. Peers whose configuration has the key of this deployment take the new one, too; put it there (twinport peer identity), in case they start anew.`
}

func (c peerRotateKeyCommand) Run(ctx context.Context, out output) error {
	answer, err := c.ask(ctx, "rotate-key", server.PeersRequest{})
	if err != nil {
		return err
	}
	newest := answer.Self.Keys[len(answer.Self.Keys)-1].Number
	fmt.Fprintf(out.stdout, "Made key %d of %s.\n", newest, answer.Self.Name)
	for _, p := range answer.Peers {
		if p.State.Key == newest {
			fmt.Fprintf(out.stdout, "%s has confirmed it.\n", p.Name)
			continue
		}
		fmt.Fprintf(out.stdout, "%s has not confirmed it yet, and gets what key %d has signed until it does. %s\n",
			p.Name, p.State.Key, p.State.Problem)
	}
	return nil
}

type peerIdentityCommand struct{ peerConfig }

func (c peerIdentityCommand) Run(ctx context.Context, out output) error {
	answer, err := c.ask(ctx, "identity", server.PeersRequest{})
	if err != nil {
		return err
	}
	self := answer.Self
	url := self.URL
	if url == "" {
		url = "none: this deployment dials tunnels to its peers, unless the configuration gives it a deployment.url"
	}
	fmt.Fprintf(out.stdout, "name: %s\nid:   %s\nURL:  %s\nkey:  %s\n", self.Name, self.ID, url, answer.Identity)
	fmt.Fprintf(out.stdout, "\nFor peers of the configuration of another deployment:\n\n  - name: %s\n", self.Name)
	if self.URL != "" {
		fmt.Fprintf(out.stdout, "    url: %s\n", self.URL)
	}
	fmt.Fprintf(out.stdout, "    key: %s\n    regions: [%s]\n    serves: [\"%s\"]\n", answer.Identity,
		strings.Join(self.Regions, ", "), strings.Join(self.Accounts, `", "`))
	return nil
}
