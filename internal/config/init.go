package config

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinport/twinport/internal/quota"
)

// The names of the files that Init writes, below its folder.
const (
	fileName        = "twinport.yaml"
	awsFolder       = "aws"
	awsConfigName   = "config"
	credentialsName = "credentials"
)

// Written is what Init wrote.
type Written struct {
	// Config is the path of the configuration. AWSConfig and AWSCredentials are
	// those of the files for AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE.
	Config, AWSConfig, AWSCredentials string
	// Endpoint is the URL that both profiles name, Region their Region.
	Endpoint, Region string
	// Accounts are prod and dev, with one access key each. The profiles have
	// their names.
	Accounts []Account
}

// Init writes a commented configuration for two accounts, prod and dev, with
// fresh access keys into the folder dir, which it makes if need be, and an AWS
// config and credentials file with a profile for each, into dir/aws. All are
// readable by their owner only. listen is the address to configure, with a
// port; the default if empty. Init refuses to overwrite any of the files
// (fs.ErrExist), and leaves none behind if it fails.
func Init(dir, listen string) (Written, error) {
	defaults := Default()
	if listen == "" {
		listen = defaults.Listen
	}
	endpoint, err := endpointURL(listen)
	if err != nil {
		return Written{}, err
	}
	w := Written{
		Config:         filepath.Join(dir, fileName),
		AWSConfig:      filepath.Join(dir, awsFolder, awsConfigName),
		AWSCredentials: filepath.Join(dir, awsFolder, credentialsName),
		Endpoint:       endpoint,
		Region:         defaults.Regions[0],
		Accounts: []Account{
			newAccount("111122223333", "prod", quota.Default()),
			newAccount("444455556666", "dev", quota.Default()),
		},
	}
	if err := os.MkdirAll(filepath.Join(dir, awsFolder), 0o700); err != nil {
		return Written{}, fmt.Errorf("make the folder for the configuration: %w", err)
	}
	files := []struct{ path, content string }{
		{w.Config, w.yaml(listen, defaults)},
		{w.AWSConfig, w.awsConfig()},
		{w.AWSCredentials, w.awsCredentials()},
	}
	for i, file := range files {
		if err := writeNew(file.path, file.content); err != nil {
			for _, done := range files[:i] {
				err = errors.Join(err, os.Remove(done.path))
			}
			return Written{}, err
		}
	}
	return w, nil
}

// endpointURL is where a client on this machine reaches a server that listens
// on listen.
func endpointURL(listen string) (string, error) {
	l := &loader{}
	l.listen(setting{origin: origin{source: "listen"}, node: textNode(listen)})
	if err := l.problems.err(); err != nil {
		return "", err
	}
	if listenPort(listen) == 0 {
		return "", fmt.Errorf("write a configuration for the address %q: clients need a fixed port, so it must not be 0",
			listen)
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if address, err := netip.ParseAddr(host); host == "" || err == nil && address.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// newAccount makes an account with a fresh access key.
func newAccount(id, name string, quotas quota.Limits) Account {
	return Account{ID: id, Name: name, AccessKeys: []AccessKey{newAccessKey()}, Quotas: quotas}
}

// newAccessKey makes a key in the form of AWS's: an id of AKIA and 16
// characters, and a secret of 40 that needs no quoting anywhere.
func newAccessKey() AccessKey {
	var id [10]byte
	var secret [30]byte
	// crypto/rand.Read never fails; it ends the process instead.
	rand.Read(id[:])
	rand.Read(secret[:])
	return AccessKey{
		ID:     "AKIA" + base32.StdEncoding.EncodeToString(id[:]),
		Secret: base64.RawURLEncoding.EncodeToString(secret[:]),
	}
}

// writeNew writes a file that does not exist yet, for its owner only.
func writeNew(path, content string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: move it away, or choose another folder; it is not overwritten", err)
	}
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	_, err = file.WriteString(content)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("write the configuration: %w", err), os.Remove(path))
	}
	return nil
}

func (w Written) yaml(listen string, defaults Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Twinport's configuration. Every key is also an environment variable, which
# wins: TWINPORT_LISTEN, TWINPORT_DOMAIN, TWINPORT_PUBLIC_PORT, TWINPORT_DATA,
# TWINPORT_REGIONS (with commas between), TWINPORT_TLS_CERT, TWINPORT_TLS_KEY,
# TWINPORT_TLS_ACME_DOMAINS (commas again) and so on, and TWINPORT_ACCOUNTS (the
# list as YAML or JSON). Paths are relative to this file.

# Where the server listens: host:port. Use :8080 for every address.
listen: %q

# Registries are called <account>.dkr.ecr.<region>.<domain>. Every name below
# localhost is this machine, without any DNS.
domain: %s

# The port in the URIs that are handed out, if it is not the listener's: behind
# a proxy, for example.
# public_port: 443

# The folder for everything that is stored.
data: %s

# The Regions served here. Names of your own are welcome.
regions: [%s]

# Serve HTTPS with this certificate chain and key (PEM). They are read again
# when they change.
# tls: {cert: server.crt, key: server.key}
# Or have them from Let's Encrypt, whose terms you accept by that: it must reach
# this server at port 443 of each domain.
# tls: {acme: {domains: [registry.example.com], email: you@example.com}}

# What each account may have and ask for in a Region: Amazon ECR's service quotas
# with their defaults, unless they are set here, or below for an account alone.
# none lifts one.
# quotas:
#   repositories: 100000
#   images_per_repository: 100000
#   tags_per_image: 1000
#   open_uploads: 10000
#   layer_bytes: 52000MiB # of one layer
#   stored_bytes: none # or 500GiB; layers and manifests, counted in each repository
#   replicated_bytes: none # those of them that replications bring
#   requests_per_second: {PutImage: 10, InitiateLayerUpload: 100}

# The master keys, which seal the secrets of users' access keys in the database:
# a file for its owner alone, made at the first start. Keep a copy apart from the
# backups. With database there is no default, and all processes need the same
# file, or its text in the variable TWINPORT_MASTER_KEY.
# secrets: {key_file: %s/master.key}

# Who this deployment is to others that it replicates with (its peers): a name
# for people, by default the first Region, and the URL where they reach it, by
# default that of the domain, if that is not localhost.
# deployment: {name: tokyo, url: "https://registry.example.com"}
# Deployments become peers by twinport peer invite and join; or are listed here,
# each with the key that twinport peer identity shows there. accounts are those
# that the peer may speak for as a source: a list, or all; without it none.
# peers:
#   - name: oregon
#     url: https://oregon.example.com
#     key: ed25519:…
#     regions: [us-west-2]
#     serves: ["111122223333"]
#     accounts: ["111122223333"]

# The accounts: twelve digits, a name, and the access keys of the account's root.
# Instead of secret, a key may have secret_env (the name of an environment
# variable) or secret_file (a path), to keep the secret out of this file.
accounts:
`, listen, defaults.Domain, defaults.Data, strings.Join(defaults.Regions, ", "), defaults.Data)
	for _, account := range w.Accounts {
		fmt.Fprintf(&b, "  - id: %q\n    name: %s\n    access_keys:\n", account.ID, account.Name)
		for _, key := range account.AccessKeys {
			fmt.Fprintf(&b, "      - id: %s\n        secret: %q\n", key.ID, key.Secret)
		}
	}
	fmt.Fprintf(&b, `
# The accounts whose root may operate this deployment by the API and in the
# console: invite, change and remove its peers, for all accounts.
# operators: [%q]
`, w.Accounts[0].ID)
	return b.String()
}

func (w Written) awsConfig() string {
	var b strings.Builder
	b.WriteString("# For the AWS CLI and SDKs: set AWS_CONFIG_FILE to this file, and\n" +
		"# AWS_SHARED_CREDENTIALS_FILE to the one beside it.\n")
	for _, account := range w.Accounts {
		fmt.Fprintf(&b, "\n[profile %s]\nregion = %s\nendpoint_url = %s\n", account.Name, w.Region, w.Endpoint)
	}
	return b.String()
}

func (w Written) awsCredentials() string {
	var b strings.Builder
	b.WriteString("# The access keys of twinport.yaml. Keep this file secret.\n")
	for _, account := range w.Accounts {
		key := account.AccessKeys[0]
		fmt.Fprintf(&b, "\n[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", account.Name, key.ID, key.Secret)
	}
	return b.String()
}
