package config

import (
	"net"
	"net/netip"

	"github.com/twinport/twinport/internal/quota"
)

// LoadEphemeral reads a configuration as Load does, for a server that keeps
// everything in memory. It needs none: without listen it is any free port of
// the loopback interface, and without accounts there are two, prod and dev. It
// refuses what has a meaning only for a server that lasts.
func LoadEphemeral(path string, environ []string) (Config, error) {
	defaults := Default()
	defaults.Ephemeral = true
	defaults.Listen = "127.0.0.1:0"
	return load(path, environ, defaults)
}

// applyEphemeral refuses settings that an ephemeral server cannot follow. A data
// folder is left alone, whichever it is.
func (l *loader) applyEphemeral(settings map[string]setting) {
	for _, refused := range []struct{ name, why string }{
		{"database", "an ephemeral server keeps everything in memory"},
		{"blobs", "an ephemeral server keeps everything in memory"},
		{"secrets.key_file", "an ephemeral server keeps no secrets"},
		{masterKey, "an ephemeral server keeps no secrets"},
		{"peers", "an ephemeral server has a new identity at each start, which no peer knows"},
		{"tls.acme.domains", "an ephemeral server keeps no certificates"},
	} {
		if s, ok := settings[refused.name]; ok {
			l.problemf(s, "%s; leave this out, or serve without --ephemeral", refused.why)
		}
	}
}

// exampleAccounts are prod and dev. Their access keys are the examples of AWS's
// documentation, which everybody knows: so scripts may have them written down.
// Where others than this machine can connect, the keys are new ones.
func exampleAccounts(listen string, quotas quota.Limits) []Account {
	accounts := []Account{newAccount("111122223333", "prod", quotas), newAccount("444455556666", "dev", quotas)}
	if isLoopback(listen) {
		accounts[0].AccessKeys[0] = AccessKey{
			ID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		}
		accounts[1].AccessKeys[0] = AccessKey{
			ID: "AKIAI44QH8DHBEXAMPLE", Secret: "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
		}
	}
	return accounts
}

// isLoopback reports whether only this machine reaches the address.
func isLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
