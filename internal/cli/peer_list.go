package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/server"
)

type peerListCommand struct{ peerConfig }

func (c peerListCommand) Run(ctx context.Context, out output) error {
	answer, err := c.ask(ctx, "list", server.PeersRequest{})
	if err != nil {
		return err
	}
	if len(answer.Peers) == 0 {
		fmt.Fprintln(out.stdout, "There are no peers. One joins by a code of twinport peer invite.")
		return nil
	}
	table := tabwriter.NewWriter(out.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tURL\tREGIONS\tMAY SEND HERE\tWE MAY SEND THERE\tSTATE\tROUND TRIP\tVERSION")
	for _, p := range answer.Peers {
		roundTrip := "-"
		if p.State.RoundTrip > 0 {
			roundTrip = milliseconds(p.State.RoundTrip)
		}
		granted := "-"
		if p.State.Granted != nil {
			granted = grantText(*p.State.Granted)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, placeText(p), some(p.Regions),
			grantText(p.Grant), granted, stateText(p), roundTrip, orDash(p.State.Version))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, p := range answer.Peers {
		if p.State.Problem != "" {
			fmt.Fprintf(out.stdout, "%s: %s\n", p.Name, p.State.Problem)
		}
		if p.State.TunnelProblem != "" && p.State.TunnelProblem != p.State.Problem {
			fmt.Fprintf(out.stdout, "%s: it cannot reach this deployment, which has no tunnel to it: %s\n", p.Name,
				p.State.TunnelProblem)
		}
		sayUnagreed(out.stdout, p)
	}
	return nil
}

// placeText says how a peer is reached.
func placeText(p peer.Status) string {
	if p.URL == "" {
		return "by tunnel"
	}
	return p.URL
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func stateText(p peer.Status) string {
	s := p.State
	switch {
	case p.URL == "" && s.Code == "" && s.LastSuccess.IsZero():
		return "known to its servers only"
	case s.Code == "" && s.LastSuccess.IsZero():
		return "not called yet"
	case !s.PausedUntil.IsZero():
		return "paused until " + s.PausedUntil.Local().Format(time.TimeOnly)
	case s.Reachable && s.Code == "":
		return "reachable" + since(s.Since)
	case s.Reachable: // as before its last failure
		return s.Code
	}
	return s.Code + since(s.Since)
}

func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " since " + t.Local().Format(time.DateTime)
}

// sayUnagreed says what a peer says of itself that was not agreed.
func sayUnagreed(w io.Writer, p peer.Status) {
	u := p.State.Unagreed
	var news []string
	if len(u.Regions) > 0 {
		news = append(news, "serves the Regions "+some(u.Regions))
	}
	if len(u.Accounts) > 0 {
		news = append(news, "serves the accounts "+some(u.Accounts))
	}
	if u.URL != "" {
		news = append(news, "is at "+u.URL)
	}
	if len(news) > 0 {
		fmt.Fprintf(w, "%s: it says that it now %s, which was not agreed: join again, or change peers of the "+
			"configuration.\n", p.Name, strings.Join(news, " and "))
	}
}

type peerCheckCommand struct {
	peerConfig
	Name string `arg:"" optional:"" help:"The peer. Default: all."`
}

// Help is shown by --help.
func (peerCheckCommand) Help() string {
	return `Exit status: 0 if every peer that was called has answered, 1 if not.`
}

func (c peerCheckCommand) Run(ctx context.Context, out output) error {
	answer, err := c.ask(ctx, "check", server.PeersRequest{Name: c.Name})
	if err != nil {
		return err
	}
	if len(answer.Peers) == 0 {
		fmt.Fprintln(out.stdout, "There are no peers.")
	}
	failed := false
	for _, p := range answer.Peers {
		if p.Failure != nil {
			failed = true
			fmt.Fprintf(out.stdout, "%s: %s. %s\n", p.Name, p.Failure.Code, p.Failure.Message)
			continue
		}
		fmt.Fprintf(out.stdout, "%s: reachable %s, round trip %s, clock %s, version %s (here %s), protocol %d; "+
			"%s.\n", p.Name, at(p), milliseconds(p.State.RoundTrip), clockText(p.State.ClockOffset), p.State.Version,
			answer.Self.Version, p.State.Protocol, sendText(p))
		sayUnagreed(out.stdout, p)
	}
	if failed {
		return &exitStatus{code: exitFailed}
	}
	return nil
}

// at says where a peer was reached.
func at(p peer.Status) string {
	if p.URL == "" {
		return placeText(p)
	}
	return "at " + p.URL
}

// clockText says how far a clock is ahead. Requests are signed with the time,
// which is put right by what is known of the clock.
func clockText(ahead time.Duration) string {
	const exact = 100 * time.Millisecond
	switch {
	case ahead >= exact:
		return fmt.Sprintf("%.1f s ahead of this one", ahead.Seconds())
	case ahead <= -exact:
		return fmt.Sprintf("%.1f s behind this one", -ahead.Seconds())
	}
	return "as this one"
}
