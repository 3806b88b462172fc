package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// checkInterval is how often, at most, the files of a certificate are looked at.
const checkInterval = time.Second

// certificate is a pair of PEM files that is read again when they change. It
// looks at them when a client connects: without clients there is no hurry.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	read    [2]fileVersion // what pair, or the last try at another, was read from
	checked time.Time
}

// fileVersion tells a file from what it was before. Rotated files are often
// links, so it is of what they lead to.
type fileVersion struct {
	modified time.Time
	size     int64
}

// loadCertificate reads the pair for the first time: then it must be good.
func loadCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log, checked: time.Now()}
	var err error
	if c.read, err = c.versions(); err == nil {
		err = c.load()
	}
	if err != nil {
		return nil, fmt.Errorf("load the certificate %s with the key %s: %w", certFile, keyFile, err)
	}
	return c, nil
}

// get is tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.checked) >= checkInterval {
		c.checked = now
		c.refresh()
	}
	return c.pair, nil
}

// notAfter is when the certificate in use ends.
func (c *certificate) notAfter() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pair.Leaf.NotAfter
}

// refresh reads the files if they have changed. A pair that does not fit, as
// between the writing of its two files, leaves the old one in use until either
// file changes once more.
func (c *certificate) refresh() {
	found, err := c.versions()
	if found == c.read {
		return
	}
	c.read = found
	if err == nil {
		err = c.load()
	}
	if err != nil {
		c.log.Warn("the new certificate cannot be used; the old one stays in use", "certificate", c.certFile,
			"key", c.keyFile, "error", err)
		return
	}
	c.log.Info("new certificate in use", "certificate", c.certFile)
}

// versions looks at both files. What cannot be looked at has the zero version.
func (c *certificate) versions() (v [2]fileVersion, err error) {
	for i, name := range [2]string{c.certFile, c.keyFile} {
		info, statErr := os.Stat(name)
		if statErr != nil {
			err = statErr
			continue
		}
		v[i] = fileVersion{info.ModTime(), info.Size()}
	}
	return v, err
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.pair = &pair
	return nil
}
