package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/control"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/server"
)

type peerCommand struct {
	Invite    peerInviteCommand    `cmd:"" help:"Print a code by which another deployment becomes a peer, once and within an hour."`
	Join      peerJoinCommand      `cmd:"" help:"Become a peer of the deployment that has made a code."`
	List      peerListCommand      `cmd:"" help:"List the peers: what they serve, what they may do here and whether they answer."`
	Check     peerCheckCommand     `cmd:"" help:"Call a peer, or all, and show whether all is well, or what to do."`
	Grant     peerGrantCommand     `cmd:"" help:"Change for which accounts a peer may replicate to this deployment."`
	Remove    peerRemoveCommand    `cmd:"" help:"End what a peer may do here, at once, and forget it."`
	RotateKey peerRotateKeyCommand `cmd:"" help:"Make a new key of this deployment and give it to the peers."`
	Identity  peerIdentityCommand  `cmd:"" help:"Show who this deployment is to others, and what their configurations need of it."`
}

// Help is shown by --help.
func (peerCommand) Help() string {
	return `Peers are other deployments, which serve other accounts or Regions, and replicate from and to this one. Where the data is in a folder, the commands go to the server, which must run; where it is in PostgreSQL they need no server.`
}

// peerConfig is what all of the commands take.
type peerConfig struct {
	Config string `placeholder:"FILE" help:"The server's configuration. Default: twinport.yaml, if it is there."`
}

// ask has the operation done in the deployment of the configuration.
func (c peerConfig) ask(ctx context.Context, operation string, r server.PeersRequest) (server.PeersAnswer, error) {
	cfg, err := loadConfig(c.Config)
	if err != nil {
		return server.PeersAnswer{}, err
	}
	answer, err := server.AskPeers(ctx, cfg, operation, r)
	switch {
	case errors.Is(err, control.ErrNoServer):
		return answer, c.noServer(cfg, err)
	case err == nil:
		return answer, nil
	}
	if refused, ok := errors.AsType[*peer.Error](err); ok {
		return answer, errors.New(clause(refused.Message))
	}
	return answer, fmt.Errorf("ask about the peers: %w", err)
}

func (c peerConfig) noServer(cfg config.Config, err error) error {
	return fmt.Errorf("no server runs on %s, and peer asks the server: start it (twinport serve%s), or name the "+
		"configuration of the one that runs by --config (%w)", cfg.Data, c.flag(), err)
}

// flag is the one by which another command finds the same deployment.
func (c peerConfig) flag() string {
	if c.Config == "" {
		return ""
	}
	return " --config " + shellQuoted(c.Config)
}

// clause makes a sentence what follows "twinport: ".
func clause(sentence string) string {
	first, size := utf8.DecodeRuneInString(sentence)
	return string(unicode.ToLower(first)) + strings.TrimSuffix(sentence[size:], ".")
}

// The words that stand for accounts.
const (
	allAccounts = "all"
	noAccounts  = "none"
)

// grantOf reads what --accounts says.
func grantOf(accounts []string) (peer.Grant, error) {
	switch {
	case len(accounts) == 0 || slices.Equal(accounts, []string{noAccounts}):
		return peer.Grant{}, nil
	case slices.Equal(accounts, []string{allAccounts}):
		return peer.Grant{All: true}, nil
	}
	for _, account := range accounts {
		if len(account) != 12 || strings.Trim(account, "0123456789") != "" {
			return peer.Grant{}, fmt.Errorf("--accounts: %.80q is not valid: name accounts, of twelve digits each, "+
				"with commas between; or only all; or only none", account)
		}
	}
	return peer.Grant{Accounts: accounts}, nil
}

// mayReplicate says what a grant lets a deployment do here.
func mayReplicate(name string, g peer.Grant) string {
	switch {
	case g.All:
		return name + " may replicate here for all accounts that it serves, as far as the registries' policies allow."
	case len(g.Accounts) > 0:
		return fmt.Sprintf("%s may replicate here for the accounts %s, as far as the registries' policies allow.", name,
			some(g.Accounts))
	}
	return name + " may not replicate anything here."
}

// adviseOnGrant says how to let a peer replicate here that may not, and what a grant has that the peer cannot use.
func (c peerConfig) adviseOnGrant(out output, p peer.Record) {
	if !p.Grant.All && len(p.Grant.Accounts) == 0 {
		fmt.Fprintf(out.stdout, "To let it, run\n  twinport peer grant %s --accounts ID,...%s\n", p.Name, c.flag())
	}
	foreign := slices.DeleteFunc(slices.Clone(p.Grant.Accounts), func(account string) bool {
		return slices.Contains(p.Accounts, account)
	})
	if len(foreign) > 0 {
		fmt.Fprintf(out.stderr, "twinport: %s does not serve %s, so it cannot replicate for that; it serves %s\n",
			p.Name, some(foreign), some(p.Accounts))
	}
}

// sendText says for which accounts each side may replicate to the other, as far as that is known.
func sendText(p peer.Status) string {
	text := "may send here: " + grantText(p.Grant)
	if p.State.Granted != nil {
		text += "; we may send there: " + grantText(*p.State.Granted)
	}
	return text
}

// grantText lists the accounts of a grant.
func grantText(g peer.Grant) string {
	switch {
	case g.All:
		return allAccounts
	case len(g.Accounts) == 0:
		return noAccounts
	}
	return some(g.Accounts)
}

// some names the first few of a list.
func some(list []string) string {
	const shown = 5
	if len(list) <= shown {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), len(list)-shown)
}
