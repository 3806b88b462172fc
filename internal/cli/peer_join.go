package cli

import (
	"context"
	"fmt"

	"github.com/twinport/twinport/internal/server"
)

// dateTime has the zone, since the other side may be in another.
const dateTime = "2006-01-02 15:04:05 MST"

type peerInviteCommand struct {
	peerConfig
	Accounts []string `placeholder:"ID" help:"The accounts of the other deployment for which it may replicate here, or all. Default: none."`
}

// Help is shown by --help.
func (peerInviteCommand) Help() string {
	return `The code alone goes to the standard output, and what to do with it to the standard error.`
}

func (c peerInviteCommand) Run(ctx context.Context, out output) error {
	grant, err := grantOf(c.Accounts)
	if err != nil {
		return err
	}
	answer, err := c.ask(ctx, "invite", server.PeersRequest{Grant: grant})
	if err != nil {
		return err
	}
	fmt.Fprintln(out.stdout, answer.Code)
	fmt.Fprintf(out.stderr, `
The code is good once, for an hour: until %s. At the other deployment run
  twinport peer join CODE --accounts ID,...
where --accounts names the accounts of %s for which it may replicate there; without it none.
%s
`, answer.Expires.Local().Format(dateTime), answer.Self.Name, mayReplicate("The deployment that joins", grant))
	if len(c.Accounts) == 0 {
		fmt.Fprintf(out.stderr, "To let it, run here once it has joined\n"+
			"  twinport peer grant NAME --accounts ID,...%s\n", c.flag())
	}
	return nil
}

type peerJoinCommand struct {
	peerConfig
	Code     string   `arg:"" help:"What twinport peer invite has printed at the other deployment."`
	Accounts []string `placeholder:"ID" help:"The accounts of the other deployment for which it may replicate here, or all. Default: none."`
	Outbound bool     `help:"Have the other deployment reach this one through tunnels that this one dials, also if it has a URL."`
}

func (c peerJoinCommand) Run(ctx context.Context, out output) error {
	grant, err := grantOf(c.Accounts)
	if err != nil {
		return err
	}
	answer, err := c.ask(ctx, "join", server.PeersRequest{Code: c.Code, Grant: grant, Outbound: c.Outbound})
	if err != nil {
		return err
	}
	joined := answer.Peers[0]
	fmt.Fprintf(out.stdout, "Joined %s, which serves the accounts %s in the Regions %s.\n"+
		"It %s. The policies of the registries must allow it, too.\n", joined.Name, some(joined.Accounts), some(joined.Regions), sendText(joined))
	if c.Outbound || answer.Self.URL == "" {
		fmt.Fprintf(out.stdout, "This deployment dials tunnels to it, through which %s reaches it.\n", joined.Name)
	}
	c.adviseOnGrant(out, joined.Record)
	fmt.Fprintf(out.stdout, "To change what %s may send there, run there\n"+
		"  twinport peer grant %[1]s --accounts ID,...\n", answer.Self.Name)
	return nil
}
