package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// foreign says what came instead of an answer of the peer.
func (x *exchange) foreign(answer *http.Response, body []byte) error {
	by := answer.Header.Get(HeaderPeer)
	switch {
	case by == x.d.party.ID:
		return x.d.sameIdentity("The answer at " + x.target.place())
	case isID(by) && by != x.target.id:
		return x.fail(WrongDeployment, nil, "At %s another deployment answers, %s, and not %s, %s: check the URL, or "+
			"remove the peer and join again.", x.target.place(), by, x.target.name, x.target.id)
	}
	excerpt := cleaned(string(body[:min(len(body), 4*maxExcerpt)]), maxExcerpt)
	if excerpt == "" {
		excerpt = "nothing"
	}
	text := fmt.Sprintf("%s %s", strconv.Itoa(answer.StatusCode), http.StatusText(answer.StatusCode))
	e := x.fail(Garbage, nil, "What answered at %s is not %s: %s, with %q and no valid signature. Check the URL, and "+
		"what stands between.", x.target.place(), x.target.name, strings.TrimSpace(text), excerpt)
	e.Status = answer.StatusCode
	// The limits of a server or balancer hold before anybody signs.
	switch answer.StatusCode {
	case http.StatusTooManyRequests:
		e.Code = Throttled
	case http.StatusServiceUnavailable:
		e.Code = Unavailable
	default:
		return e
	}
	n, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
	e.RetryAfter = max(seconds(n), time.Second)
	return e
}

// ended says why a request that was under way was ended.
func (x *exchange) ended(ctx context.Context, cause error) error {
	switch {
	case errors.Is(cause, errStalled):
		return x.fail(Timeout, cause, "%s did not go on with %s for %s: see whether it is overloaded, and whether "+
			"the network between is.", x.target, x.call.operation, x.d.silence)
	case errors.Is(cause, errSlow):
		return x.fail(Timeout, cause, "%s did not answer %s in time: see whether it is overloaded, and whether the "+
			"network between is.", x.target, x.call.operation)
	}
	return fmt.Errorf("call %s of %s: %w", x.call.operation, x.target, errors.Join(ctx.Err(), cause))
}

// unreachable says why there was no answer.
func (x *exchange) unreachable(u *url.URL, err error) error {
	var (
		invalid   x509.CertificateInvalidError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		record    tls.RecordHeaderError
		verify    *tls.CertificateVerificationError
		dns       *net.DNSError
		operation *net.OpError
	)
	switch {
	case errors.Is(err, errNoTunnel):
		return x.fail(Unreachable, err, "%s has no URL that it could be reached by, and no tunnel to this process: "+
			"see whether it runs and says why (twinport peer list there). Or set deployment.url there, and join again.",
			x.target.name)
	case x.target.tunnel:
		return x.fail(Unreachable, err, "The tunnel of %s was cut: %s. It is dialled again from there.", x.target.name,
			reason(err))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().Before(invalid.Cert.NotBefore):
		return x.fail(TLS, err, "The certificate of %s is valid from %s only: check the clocks of both sides.",
			x.target.url, invalid.Cert.NotBefore.Format(time.RFC3339))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return x.fail(TLS, err, "The certificate of %s expired at %s: renew it there.", x.target.url,
			invalid.Cert.NotAfter.Format(time.RFC3339))
	case errors.As(err, &authority):
		return x.fail(TLS, err, "The certificate of %s comes from an authority that this machine does not trust: use "+
			"a certificate of one that it trusts there, or add the authority to the certificates of this machine "+
			"(SSL_CERT_FILE).", x.target.url)
	case errors.As(err, &host):
		return x.fail(TLS, err, "The certificate of %s is for other names (%q): use one for %s there, or another URL.",
			x.target.url, cleaned(some(host.Certificate.DNSNames), maxExcerpt), u.Hostname())
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return x.fail(TLS, err, "What answers at %s does not speak TLS: give it a certificate, or check the port.",
			x.target.url)
	case errors.As(err, &verify), errors.As(err, &operation) && operation.Op == "remote error": // a TLS alert
		return x.fail(TLS, err, "There is no TLS connection to %s: %s. Check the certificate there.", x.target.url,
			reason(err))
	case errors.As(err, &operation) && operation.Op == "proxyconnect":
		return x.fail(Unreachable, err, "%s cannot be reached through the proxy that HTTPS_PROXY names: %s.", x.target,
			reason(err))
	case errors.As(err, &dns):
		return x.fail(Unreachable, err, "%s cannot be reached: the name %s cannot be looked up: %s. Check the URL "+
			"and the name server.", x.target, u.Hostname(), reason(dns))
	case errors.As(err, &operation) && operation.Op == "dial" && operation.Timeout():
		return x.fail(Unreachable, err, "%s cannot be reached: nobody answers within %s. Check that it runs, and "+
			"that no firewall is in between.", x.target, dialTimeout)
	}
	return x.fail(Unreachable, err, "%s cannot be reached: %s. Check that it runs, and the network between.", x.target,
		reason(err))
}

func (x *exchange) fail(code string, err error, format string, args ...any) *Error {
	e := refuse(code, format, args...)
	e.Err = err
	return e
}

// reason is what an error of the network says, as it can be shown.
func reason(err error) string {
	for _, closed := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed} {
		if errors.Is(err, closed) {
			return "it closed the connection"
		}
	}
	return cleaned(err.Error(), maxExcerpt)
}
