package server

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/twinport/twinport/internal/budget"
)

// limitedListener closes connections at once that are too many, in all or from one network. Those of trusted proxies
// count in all only.
type limitedListener struct {
	net.Listener
	limits  *budget.Limits
	trusted []netip.Prefix
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := c.(*net.TCPConn)
		if !ok {
			return c, nil
		}
		limited := &limitedConn{TCPConn: tcp}
		l.limits.Connections.Begin(&limited.claim, l.party(c.RemoteAddr()))
		if limited.claim.Take(context.Background(), 1) == nil {
			limited.give = sync.OnceFunc(limited.claim.Close)
			return limited, nil
		}
		_ = c.Close() // nobody waits for an answer
	}
}

func (l *limitedListener) party(addr net.Addr) budget.Party {
	network := budget.NetworkOf(addr.String())
	if slices.ContainsFunc(l.trusted, func(p netip.Prefix) bool { return p.Contains(network.Addr()) }) {
		return budget.Party{}
	}
	return budget.Party{Network: network}
}

// limitedConn gives its place back when it is closed. All else is the kernel's connection, so that files are sent
// without a copy (sendfile).
type limitedConn struct {
	*net.TCPConn
	claim budget.Claim
	give  func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	defer c.give()
	return c.TCPConn.Close()
}
