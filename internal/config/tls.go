package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// acmeDirectory is the one of Let's Encrypt.
const acmeDirectory = "https://acme-v02.api.letsencrypt.org/directory"

const (
	allowedCertDomain = "a DNS name with a dot, in lower case, such as registry.example.com"
	allowedEmail      = "an address such as you@example.com"
	allowedDirectory  = "an https:// URL, such as " + acmeDirectory
	allowedCA         = "a PEM file of certificates, of at most 1 MiB"
)

const (
	// maxCertDomains bounds the certificates to obtain: authorities allow some
	// tens in a week for one domain.
	maxCertDomains = 100
	maxCA          = 1 << 20
	maxURL         = 2048
)

var emailGrammar = regexp.MustCompile(`^[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,189}$`)

// tls reads where the certificate comes from: files, which it tries, or ACME.
func (l *loader) tls(settings map[string]setting) {
	cert, hasCert := settings["tls.cert"]
	key, hasKey := settings["tls.key"]
	tlsSetting, hasTLS := settings["tls"]
	acme, hasACME := acmeSetting(settings)
	switch {
	case hasACME && (hasCert || hasKey):
		l.problemf(acme, "a certificate comes from files or by ACME: set tls.cert and tls.key, or tls.acme, not both")
	case hasACME:
		l.acme(acme, settings)
	case hasCert && hasKey:
		pair := TLS{Cert: l.path(cert), Key: l.path(key)}
		if pair.Cert == "" || pair.Key == "" {
			return
		}
		if _, err := tls.LoadX509KeyPair(pair.Cert, pair.Key); err != nil {
			l.problemf(cert, "cannot serve with this certificate and the key %s: %v; allowed: a PEM certificate chain and "+
				"its private key", pair.Key, err)
			return
		}
		l.config.TLS = pair
	case hasCert:
		l.problemf(cert, "needs the private key too: set tls.key")
	case hasKey:
		l.problemf(key, "needs the certificate too: set tls.cert")
	case hasTLS && tlsSetting.node.Kind == yaml.MappingNode && len(tlsSetting.node.Content) == 0:
		l.problemf(tlsSetting, "set both cert and key, or acme, or leave tls out")
	}
}

// acmeSetting returns the one to blame for what is wrong with ACME as a whole,
// and whether there is any.
func acmeSetting(settings map[string]setting) (setting, bool) {
	if s, ok := settings["tls.acme"]; ok {
		return s, true
	}
	for _, name := range acmeKeys {
		if s, ok := settings["tls.acme."+name]; ok {
			return s, true
		}
	}
	return setting{}, false
}

func (l *loader) acme(s setting, settings map[string]setting) {
	acme := ACME{Directory: acmeDirectory, Cache: filepath.Join(l.config.Data, "acme")}
	domains, ok := settings["tls.acme.domains"]
	switch {
	case ok:
		acme.Domains = l.certDomains(domains)
	case s.path != "tls.acme" || s.node.Kind == yaml.MappingNode:
		l.problemf(s, "needs the domains to obtain certificates for: set tls.acme.domains")
	}
	if s, ok := settings["tls.acme.email"]; ok {
		acme.Email, _ = l.matching(s, emailGrammar, allowedEmail)
	}
	if s, ok := settings["tls.acme.directory"]; ok {
		acme.Directory = l.httpsURL(s)
	}
	if s, ok := settings["tls.acme.cache"]; ok {
		acme.Cache = l.path(s)
	}
	if s, ok := settings["tls.acme.ca"]; ok {
		acme.CA = l.certificates(s)
	}
	l.config.TLS.ACME = acme
}

func (l *loader) certDomains(s setting) []string {
	items := l.sequence(s, "domain")
	if len(items) > maxCertDomains {
		l.problemf(
			s, "has %d domains; at most %d are allowed: for more use a wildcard certificate, with tls.cert and tls.key",
			len(items), maxCertDomains)
		return nil
	}
	var domains []string
	for _, item := range items {
		domain, ok := l.text(item, allowedCertDomain)
		if !ok {
			continue
		}
		topLevel := domain[strings.LastIndexByte(domain, '.')+1:]
		switch {
		case strings.HasPrefix(domain, "*."):
			l.problemf(item, "a wildcard cannot be had this way (TLS-ALPN-01); list the names, or have another program "+
				"obtain it by DNS and set tls.cert and tls.key")
		case len(domain) > maxDomain || !domainGrammar.MatchString(domain) || topLevel == domain ||
			strings.Trim(topLevel, "0123456789") == "":
			l.problemf(item, "%s is not valid; allowed: %s", abridged(domain), allowedCertDomain)
		case slices.Contains(domains, domain):
			l.problemf(item, "%s is listed twice; keep one", domain)
		default:
			domains = append(domains, domain)
		}
	}
	return domains
}

func (l *loader) httpsURL(s setting) string {
	text, ok := l.text(s, allowedDirectory)
	if !ok {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(text) > maxURL {
		// Not repeated whole: it may carry a secret.
		l.problemf(s, "%s is not valid; allowed: %s", abridged(text), allowedDirectory)
		return ""
	}
	return text
}

// certificates returns the content of a PEM file, which has at least one
// certificate.
func (l *loader) certificates(s setting) []byte {
	path := l.path(s)
	if path == "" {
		return nil
	}
	content, err := readRegular(path, maxCA)
	if err == nil && !x509.NewCertPool().AppendCertsFromPEM(content) {
		err = errors.New("it has no certificate")
	}
	if err != nil {
		if pathError, ok := errors.AsType[*fs.PathError](err); ok {
			err = pathError.Err
		}
		l.problemf(s, "cannot use %s: %v; allowed: %s", path, err, allowedCA)
		return nil
	}
	return content
}
