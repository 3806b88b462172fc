package server

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxForwarded is how many addresses of X-Forwarded-For are looked at.
const maxForwarded = 20

// forwarded takes the client's address, and whether it used TLS, from the
// headers of proxies that are trusted: policies decide on both
// (aws:SourceIp, aws:SecureTransport). Of others these headers mean nothing.
type forwarded struct {
	next    http.Handler
	trusted []netip.Prefix
}

func (f *forwarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && f.trusts(peer.Addr()) {
		r.RemoteAddr = netip.AddrPortFrom(f.client(peer.Addr(), r.Header.Values("X-Forwarded-For")), peer.Port()).String()
		switch r.Header.Get("X-Forwarded-Proto") {
		case "https":
			if r.TLS == nil {
				r.TLS = &tls.ConnectionState{}
			}
		case "http":
			r.TLS = nil
		}
	}
	f.next.ServeHTTP(w, r)
}

func (f *forwarded) trusts(a netip.Addr) bool {
	a = a.Unmap()
	return slices.ContainsFunc(f.trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

// client is the last address that no trusted proxy added: what stands before
// it a client may have written itself.
func (f *forwarded) client(peer netip.Addr, headers []string) netip.Addr {
	addresses := strings.Split(strings.Join(headers, ","), ",")
	for i := len(addresses) - 1; i >= max(0, len(addresses)-maxForwarded); i-- {
		text := strings.TrimSpace(addresses[i])
		a, err := netip.ParseAddr(text)
		if err != nil {
			withPort, err := netip.ParseAddrPort(text)
			if err != nil {
				break
			}
			a = withPort.Addr()
		}
		if peer = a; !f.trusts(a) {
			break
		}
	}
	return peer
}
