package servers

import (
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
)

// TLSProxy ends TLS in front of a server, as a balancer does.
type TLSProxy struct {
	address     string
	certificate atomic.Pointer[tls.Certificate]
}

// EndTLS starts a proxy, with a certificate, in front of the server at host:port.
func EndTLS(t T, upstream string, c tls.Certificate) *TLSProxy {
	t.Helper()
	p := &TLSProxy{}
	p.Use(c)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.certificate.Load(), nil },
	})
	check(t, err)
	t.Cleanup(func() { listener.Close() })
	p.address = listener.Addr().String()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go pipe(client, upstream)
		}
	}()
	return p
}

// Address returns the proxy's host:port.
func (p *TLSProxy) Address() string { return p.address }

// Use has connections from now on see another certificate.
func (p *TLSProxy) Use(c tls.Certificate) { p.certificate.Store(&c) }

// pipe connects a client with a server until one of them has ended.
func pipe(client net.Conn, upstream string) {
	defer client.Close()
	server, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	defer server.Close()
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() {
			io.Copy(way[1], way[0])
			ended <- struct{}{}
		}()
	}
	<-ended
}
