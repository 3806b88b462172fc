// Package config reads Twinport's configuration: one YAML file, every key of
// which is also an environment variable. It accepts nothing that it does not
// understand, and reports all that is wrong at once, each with file and line or
// variable, and what is allowed.
package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/quota"
)

// Config is a valid configuration. Paths are relative to the working folder
// or absolute, wherever they were written.
type Config struct {
	// Listen is the address to serve on, host:port. The host may be empty, for
	// every address, and the port 0, for any that is free.
	Listen string
	// Metrics is the address that /metrics is served at, and nothing else; empty
	// if it is served with all the rest.
	Metrics string
	// Domain ends the registries' host names: <account>.dkr.ecr.<region>.<domain>.
	Domain string
	// PublicPort is the one that URIs show. It is the listener's unless it is
	// configured, and so 0 only when Listen's is: then it is known once the
	// server listens.
	PublicPort int
	// URI is the form of the URIs that are handed out: auto, host, path or short
	// (see package uri).
	URI string
	// Data is the folder that holds everything stored, but for what Database
	// and Blobs put elsewhere.
	Data string
	// Ephemeral is set by LoadEphemeral only: everything is in the memory of the
	// process, and Data is not used.
	Ephemeral bool
	// Examples says that Accounts are not configured, but made by LoadEphemeral.
	Examples bool
	// Database is a postgres:// URL, or empty for SQLite in Data.
	Database URL
	// Blobs is an s3:// URL, or empty for files in Data.
	Blobs     URL
	Sweep     Sweep
	Lifecycle Lifecycle
	// Regions are those served, at least one, without duplicates.
	Regions []string
	TLS     TLS
	// TrustedProxies are those whose X-Forwarded headers are believed.
	TrustedProxies []netip.Prefix
	Accounts       []Account
	// Operators are the accounts whose root may operate the deployment, by their digits.
	Operators  []string
	Deployment Deployment
	// Peers are those that are configured; others join while the server runs.
	Peers []Peer
}

// TLS says where the certificate comes from: Cert and Key, or ACME, or nothing
// for plain HTTP.
type TLS struct {
	// Cert and Key name a certificate chain and its private key, PEM files that
	// fitted together when the configuration was read.
	Cert, Key string
	ACME      ACME
}

// ACME is how certificates are obtained from a certificate authority (RFC
// 8555). It is in use if it has domains.
type ACME struct {
	// Domains are the names to obtain a certificate for each, without wildcards
	// or duplicates.
	Domains []string
	// Email is where the authority writes to, or empty.
	Email string
	// Directory is the authority's URL, with https.
	Directory string
	// Cache is the folder of the certificates, their keys and the account's.
	Cache string
	// CA holds the PEM certificates that the directory's own must come from; the
	// system's if it is empty.
	CA []byte
}

// Account is an account with its root access keys, at least one.
type Account struct {
	ID, Name string
	// Organization is the id of the one that it belongs to, or empty.
	Organization string
	AccessKeys   []AccessKey
	// Quotas are the account's own, and those of all accounts where it has none.
	Quotas quota.Limits
}

// AccessKey is a key of an account's root. Formatted or logged it shows its id only.
type AccessKey struct{ ID, Secret string }

// String, GoString and MarshalText give the id: for every format verb, for JSON
// and for logs.
func (k AccessKey) String() string               { return k.ID }
func (k AccessKey) GoString() string             { return k.ID }
func (k AccessKey) MarshalText() ([]byte, error) { return []byte(k.ID), nil }

// Sweep says when to free what nothing needs any more.
type Sweep struct {
	// Interval is the time from the end of one sweep to the begin of the next.
	Interval time.Duration
	// Grace is how old a layer's link must be to go when no manifest needs it:
	// the longest time that a push may take from a layer to its manifest.
	Grace time.Duration
}

// Lifecycle says when lifecycle policies run.
type Lifecycle struct {
	// Interval is the time from the beginning of a policy's run to that of the next.
	Interval time.Duration
}

// URL may hold a password: formatted or logged it shows none.
type URL string

// String, GoString and MarshalText leave the password out, and the parameters,
// which may hold one too.
func (u URL) String() string {
	parsed, err := url.Parse(string(u))
	if err != nil {
		return "(a URL that cannot be read)"
	}
	parsed.RawQuery = ""
	return parsed.Redacted()
}
func (u URL) GoString() string             { return u.String() }
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// Default is the configuration of an empty file, but for the accounts, which
// have no default.
func Default() Config {
	return Config{
		Listen:     "127.0.0.1:8080",
		Domain:     "localhost",
		PublicPort: 8080,
		URI:        "auto",
		Data:       "./twinport-data",
		Sweep:      Sweep{Interval: time.Hour, Grace: 24 * time.Hour},
		Lifecycle:  Lifecycle{Interval: 12 * time.Hour},
		Regions:    []string{"ap-northeast-1", "us-east-1", "us-west-2"},
		Deployment: Deployment{Name: "ap-northeast-1"},
	}
}

// AccountIDs are the accounts' twelve digits, in their order.
func (c Config) AccountIDs() []string {
	ids := make([]string, len(c.Accounts))
	for i, a := range c.Accounts {
		ids[i] = a.ID
	}
	return ids
}

// Limits are the quotas of each account, by its digits.
func (c Config) Limits() map[string]quota.Limits {
	limits := make(map[string]quota.Limits, len(c.Accounts))
	for _, a := range c.Accounts {
		limits[a.ID] = a.Quotas
	}
	return limits
}

// Organizations has the id of the organization of each account that belongs to one.
func (c Config) Organizations() map[string]string {
	organizations := map[string]string{}
	for _, a := range c.Accounts {
		if a.Organization != "" {
			organizations[a.ID] = a.Organization
		}
	}
	return organizations
}

// AuthAccounts gives the accounts in the form that package auth takes: each
// access key speaks for its account's root.
func (c Config) AuthAccounts() []auth.Account {
	accounts := make([]auth.Account, 0, len(c.Accounts))
	for _, a := range c.Accounts {
		root := policy.Root(a.ID)
		keys := make([]auth.AccessKey, 0, len(a.AccessKeys))
		for _, k := range a.AccessKeys {
			keys = append(keys, auth.AccessKey{ID: k.ID, Secret: k.Secret, Principal: root})
		}
		accounts = append(accounts, auth.Account{ID: a.ID, Name: a.Name, Keys: keys})
	}
	return accounts
}

// Load reads the file at path, or none if path is empty, and then the variables
// of environ (in the form of os.Environ) that begin with TWINPORT_. A variable
// overrides the file; an empty one counts as not set. Relative paths in the
// file are relative to the file's folder. If the configuration is not valid,
// the error is an *Error with every problem found.
func Load(path string, environ []string) (Config, error) { return load(path, environ, Default()) }

func load(path string, environ []string, defaults Config) (Config, error) {
	l := &loader{environ: parseEnviron(environ), referenced: map[string]bool{}, config: defaults}
	settings, dir, err := l.readFile(path)
	if err != nil {
		return Config{}, err
	}
	l.readEnvironment(settings)
	l.apply(settings, dir)
	if defaults.Ephemeral {
		l.applyEphemeral(settings)
	}
	l.refuseUnknownVariables()
	if err := l.problems.err(); err != nil {
		return Config{}, err
	}
	return l.config, nil
}

// listenPort is the port of an address that was found valid.
func listenPort(listen string) int {
	_, text, _ := net.SplitHostPort(listen)
	port, _ := strconv.Atoi(text)
	return port
}
