package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/twinport/twinport/internal/config"
)

const (
	// acmeRetry is the wait after the first failure to obtain a certificate; it
	// doubles up to acmeRetryMost. autocert repeats an error for its first
	// minute, and authorities count failures.
	acmeRetry     = 90 * time.Second
	acmeRetryMost = time.Hour
	// acmePoll is how long a renewed certificate may wait until it is served.
	acmePoll = 10 * time.Second
	// acmePatience is how long a client waits for a certificate that is being obtained.
	acmePatience = 10 * time.Second
	// acmeTimeout bounds one request to the authority.
	acmeTimeout = time.Minute
)

// acmeCertificates obtains a certificate for each domain and renews it. Clients
// only ever get what is there: none can cause an order by connecting.
type acmeCertificates struct {
	manager *autocert.Manager
	domains []*acmeDomain
	log     *slog.Logger
}

type acmeDomain struct {
	name string
	// current is set before ready is closed.
	current atomic.Pointer[tls.Certificate]
	ready   chan struct{}
	warned  time.Time
}

func newACME(cfg config.ACME, log *slog.Logger) (*acmeCertificates, error) {
	cache, err := newCertificateCache(cfg.Cache)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: acmeTimeout}).DialContext,
		TLSHandshakeTimeout: acmeTimeout,
		ForceAttemptHTTP2:   true,
		IdleConnTimeout:     time.Minute,
	}
	if len(cfg.CA) > 0 {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(cfg.CA)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	a := &acmeCertificates{
		manager: &autocert.Manager{
			Prompt:     autocert.AcceptTOS,
			Cache:      cache,
			HostPolicy: autocert.HostWhitelist(cfg.Domains...),
			Email:      cfg.Email,
			Client: &acme.Client{
				DirectoryURL: cfg.Directory,
				HTTPClient:   &http.Client{Transport: transport, Timeout: acmeTimeout},
				UserAgent:    "twinport",
			},
		},
		log: log,
	}
	for _, name := range cfg.Domains {
		a.domains = append(a.domains, &acmeDomain{name: name, ready: make(chan struct{})})
	}
	return a, nil
}

func (a *acmeCertificates) tlsConfig() *tls.Config {
	return &tls.Config{GetCertificate: a.get, NextProtos: []string{"h2", "http/1.1", acme.ALPNProto}}
}

// get is tls.Config.GetCertificate. A client that names no domain, such as a
// health check by IP address, gets the certificate of the first.
func (a *acmeCertificates) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	domain := a.domains[0]
	if hello.ServerName != "" {
		i := slices.IndexFunc(a.domains, func(d *acmeDomain) bool { return strings.EqualFold(d.name, hello.ServerName) })
		if i < 0 {
			return nil, fmt.Errorf("the client asks for %q, which is not among tls.acme.domains", hello.ServerName)
		}
		domain = a.domains[i]
	}
	if slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) {
		return a.manager.GetCertificate(hello) // the authority's challenge
	}
	timeout := time.NewTimer(acmePatience)
	defer timeout.Stop()
	select {
	case <-domain.ready:
		return domain.current.Load(), nil
	case <-hello.Context().Done():
		return nil, hello.Context().Err()
	case <-timeout.C:
		return nil, fmt.Errorf("the certificate of %s has not been obtained yet", domain.name)
	}
}

// keep obtains the certificates and takes over those renewed, until ctx is
// done. The server must be serving, so that the authority reaches it.
func (a *acmeCertificates) keep(ctx context.Context) {
	for _, domain := range a.domains {
		go a.keepOne(ctx, domain)
	}
}

// keepOne is not waited for at the stop, since autocert cannot be interrupted.
// It leaves nothing behind that a crash would not.
func (a *acmeCertificates) keepOne(ctx context.Context, domain *acmeDomain) {
	retry := acmeRetry
	for {
		next := acmePoll
		// The suite asks for an ECDSA certificate.
		cert, err := a.manager.GetCertificate(&tls.ClientHelloInfo{
			ServerName: domain.name, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			next = retry
			retry = min(2*retry, acmeRetryMost)
			a.log.Error("the certificate was not obtained; the authority must reach this server at port 443 of the domain",
				"domain", domain.name, "directory", a.manager.Client.DirectoryURL, "next", next.String(), "error", err)
		default:
			a.use(domain, cert)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(next):
		}
	}
}

// use serves the certificate from now on. Once a day it warns of one that
// should have been renewed: that is due when a third of its time is left.
func (a *acmeCertificates) use(domain *acmeDomain, cert *tls.Certificate) {
	old := domain.current.Swap(cert)
	if old == nil {
		close(domain.ready)
	}
	if old == nil || !old.Leaf.Equal(cert.Leaf) {
		a.log.Info("certificate in use", "domain", domain.name, "until", cert.Leaf.NotAfter)
	}
	lifetime, left := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore), time.Until(cert.Leaf.NotAfter)
	if left < lifetime/4 && time.Since(domain.warned) > 24*time.Hour {
		domain.warned = time.Now()
		a.log.Error("the certificate has not been renewed; the authority must be reachable, and reach this server at port "+
			"443 of the domain",
			"domain", domain.name, "directory", a.manager.Client.DirectoryURL, "until", cert.Leaf.NotAfter)
	}
}

// notAfter is when the first of the certificates ends: the zero time if one
// has not been obtained.
func (a *acmeCertificates) notAfter() time.Time {
	var first time.Time
	for i, domain := range a.domains {
		cert := domain.current.Load()
		if cert == nil {
			return time.Time{}
		}
		if end := cert.Leaf.NotAfter; i == 0 || end.Before(first) {
			first = end
		}
	}
	return first
}
