package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/twinport/twinport/internal/quota"
)

// The keys of the configuration, in the order in which messages list them.
var (
	topKeys = []string{
		"listen", "domain", "public_port", "uri", "data", "database", "blobs", "sweep", "lifecycle", "regions", "tls",
		"trusted_proxies", "metrics", "quotas", "accounts", "operators", "deployment", "peers",
	}
	sweepKeys     = []string{"interval", "grace"}
	lifecycleKeys = []string{"interval"}
	tlsKeys       = []string{"cert", "key", "acme"}
	acmeKeys      = []string{"domains", "email", "directory", "cache", "ca"}
	accountKeys   = []string{"id", "name", "organization", "access_keys", "quotas"}
	keyKeys       = []string{"id", "secret", "secret_env", "secret_file"}
	secretKeys    = keyKeys[1:]

	deploymentKeys = []string{"name", "url", "allow_plain"}
	peerKeys       = []string{"name", "url", "outbound", "key", "regions", "serves", "accounts"}
)

// What each value may be: the sentence for messages and, where there is one, the grammar.
const (
	allowedListen = "host:port, such as 127.0.0.1:8080, [::1]:8080 or, for every address, :8080"
	allowedDomain = "a DNS name in lower case without a port, such as localhost or registry.example.com, of at most " +
		"200 characters"
	allowedPort     = "a number from 1 to 65535"
	allowedURI      = "auto (as the caller came: by host below the domain, else by path), host, path or short"
	allowedPath     = "a path"
	allowedDatabase = "postgres://user:password@host:port/database?sslmode=…, or none for SQLite in the data folder"
	allowedDuration = "a number with its unit, h, m or s, from 1s to 8760h, such as 24h or 1h30m"
	allowedBlobs    = "s3://bucket/prefix?endpoint=…&region=…&path_style=true, or none for files in the data folder"
	allowedProxy    = "an address or a range of addresses, such as 10.1.2.3 or 10.0.0.0/8"
	allowedRegion   = "2 to 25 characters of a-z, 0-9 and -, such as us-west-2 or osaka-dc1"
	allowedID       = `twelve digits in quotes, such as "111122223333"`
	allowedName     = "1 to 63 letters, digits, '.', '_' and '-', beginning with a letter or digit"
	allowedOrg      = "o- and 10 to 32 characters of a-z and 0-9, such as o-a1b2c3d4e5"
	allowedKeyID    = "16 to 128 characters of A-Z, 0-9 and _"
	allowedSecret   = "32 to 256 visible ASCII characters without spaces"
	allowedEnv      = "the name of an environment variable: letters, digits and _, not beginning with a digit"
)

var (
	// A registry's host name has at most 253 characters (RFC 1035), of which
	// <account>.dkr.ecr.<region>. needs 48 at most.
	domainGrammar = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)
	hostGrammar   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
	// ECR's Region shape.
	regionGrammar = regexp.MustCompile(`^[0-9a-z-]{2,25}$`)
	uriGrammar    = regexp.MustCompile(`^(auto|host|path|short)$`)
	idGrammar     = regexp.MustCompile(`^[0-9]{12}$`)
	nameGrammar   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	orgGrammar    = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`) // AWS Organizations: OrganizationId
	keyIDGrammar  = regexp.MustCompile(`^[A-Z0-9_]{16,128}$`)
	// Whoever holds a signed request or a token can test guesses of the secret
	// against it: 32 hexadecimal digits are 128 bits.
	secretGrammar = regexp.MustCompile(`^[!-~]{32,256}$`)
	envGrammar    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

const (
	maxDomain     = 200
	maxPath       = 4096
	maxSecretFile = 4 << 10
)

// apply checks the settings and puts them into l.config. dir is the folder that
// the default of data is relative to.
func (l *loader) apply(settings map[string]setting, dir string) {
	c := &l.config
	if s, ok := settings["listen"]; ok {
		if address, ok := l.listen(s); ok {
			c.Listen = address
		}
	}
	if s, ok := settings["metrics"]; ok {
		c.Metrics, _ = l.listen(s)
	}
	if s, ok := settings["domain"]; ok {
		if text, ok := l.matching(s, domainGrammar, allowedDomain); ok {
			topLevel := text[strings.LastIndexByte(text, '.')+1:]
			if len(text) > maxDomain || strings.Trim(topLevel, "0123456789") == "" {
				l.problemf(s, "%s is too long or ends like an IP address; allowed: %s", abridged(text), allowedDomain)
			}
			c.Domain = text
		}
	}
	c.PublicPort = listenPort(c.Listen)
	if s, ok := settings["public_port"]; ok {
		c.PublicPort = l.port(s)
	}
	if s, ok := settings["uri"]; ok {
		c.URI, _ = l.matching(s, uriGrammar, allowedURI)
	}
	c.Data = resolve(dir, c.Data)
	if s, ok := settings["data"]; ok {
		c.Data = l.path(s)
	}
	if s, ok := settings["database"]; ok {
		c.Database = l.storeURL(s, allowedDatabase, "postgres", "postgresql")
	}
	if s, ok := settings["blobs"]; ok {
		c.Blobs = l.storeURL(s, allowedBlobs, "s3")
	}
	if s, ok := settings["regions"]; ok {
		c.Regions = l.regions(s)
	}
	if s, ok := settings["sweep.interval"]; ok {
		c.Sweep.Interval = l.duration(s)
	}
	if s, ok := settings["sweep.grace"]; ok {
		c.Sweep.Grace = l.duration(s)
	}
	if s, ok := settings["lifecycle.interval"]; ok {
		c.Lifecycle.Interval = l.duration(s)
	}
	l.tls(settings)
	if s, ok := settings["trusted_proxies"]; ok {
		c.TrustedProxies = l.prefixes(s)
	}
	quotas := quota.Default()
	if c.Ephemeral { // tests ask more in a second than people
		quotas.Rates = [quota.Kinds]int64{}
	}
	if s, ok := settings["quotas"]; ok {
		quotas = l.quotas(s, quotas)
	}
	if s, ok := settings["accounts"]; ok {
		c.Accounts = l.accounts(s, quotas)
	} else if c.Ephemeral {
		c.Accounts, c.Examples = exampleAccounts(c.Listen, quotas), true
	} else if !l.unread {
		l.problemf(setting{}, "accounts: none is given; list at least one in the configuration file (twinport init writes "+
			"one) or in TWINPORT_ACCOUNTS")
	}
	if s, ok := settings["operators"]; ok {
		c.Operators = l.operators(s)
	}
	l.deployment(settings)
	if s, ok := settings["peers"]; ok {
		c.Peers = l.peers(s)
	}
}

// storeURL checks the form of a store's URL; what its parameters mean is the
// store's to know. It never shows the text, which may hold a password.
func (l *loader) storeURL(s setting, allowed string, schemes ...string) URL {
	text, ok := l.text(s, allowed)
	if !ok {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		l.problemf(s, "not a URL that can be used here; allowed: %s", allowed)
		return ""
	}
	return URL(text)
}

// listen returns an address to listen on.
func (l *loader) listen(s setting) (string, bool) {
	text, ok := l.text(s, allowedListen)
	if !ok {
		return "", false
	}
	host, port, err := net.SplitHostPort(text)
	if err == nil && host != "" && !hostGrammar.MatchString(host) {
		_, err = netip.ParseAddr(host)
	}
	if err != nil {
		l.problemf(s, "%.80q is not an address to listen on; allowed: %s", text, allowedListen)
		return "", false
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		l.problemf(s, "the port of %.80q is not valid; allowed: a number from 0 (any free port) to 65535", text)
		return "", false
	}
	return text, true
}

// duration is one from a second to a year.
func (l *loader) duration(s setting) time.Duration {
	text, ok := l.text(s, allowedDuration)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > 8760*time.Hour {
		l.problemf(s, "%.80q is not a time that can be used here; allowed: %s", text, allowedDuration)
	}
	return d
}

func (l *loader) port(s setting) int {
	port, err := strconv.ParseUint(s.node.Value, 10, 16)
	if s.node.Tag != "!!int" || err != nil || port == 0 {
		l.problemf(s, "not a port; allowed: %s, without quotes", allowedPort)
	}
	return int(port)
}

// path returns a path as seen from the working folder, or "" if there is none.
func (l *loader) path(s setting) string {
	text, ok := l.text(s, allowedPath)
	if !ok {
		return ""
	}
	if len(text) > maxPath || strings.ContainsRune(text, 0) {
		l.problemf(s, "not a path; allowed: at most %d bytes, none of them zero", maxPath)
		return ""
	}
	return resolve(s.dir, text)
}

func resolve(dir, path string) string {
	if dir == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func (l *loader) prefixes(s setting) []netip.Prefix {
	var prefixes []netip.Prefix
	for _, item := range l.sequence(s, "address") {
		text, ok := l.text(item, allowedProxy)
		if !ok {
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			var address netip.Addr
			if address, err = netip.ParseAddr(text); err == nil {
				prefix = netip.PrefixFrom(address, address.BitLen())
			}
		}
		if err != nil {
			l.problemf(item, "%.80q is not valid; allowed: %s", text, allowedProxy)
			continue
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes
}

func (l *loader) regions(s setting) []string {
	var regions []string
	for _, item := range l.sequence(s, "Region") {
		region, ok := l.matching(item, regionGrammar, allowedRegion)
		if !ok {
			continue
		}
		if slices.Contains(regions, region) {
			l.problemf(item, "Region %s is listed twice; keep one", region)
			continue
		}
		regions = append(regions, region)
	}
	return regions
}

func (l *loader) accounts(s setting, quotas quota.Limits) []Account {
	var accounts []Account
	ids, names, keyIDs := map[string]string{}, map[string]string{}, map[string]string{}
	for _, item := range l.sequence(s, "account with id, name and access_keys") {
		values := l.mapping(item, accountKeys)
		if item.node.Kind != yaml.MappingNode {
			continue
		}
		account := Account{
			ID:     l.unique(l.required(item, values, "id", allowedID), idGrammar, allowedID, ids),
			Name:   l.unique(l.required(item, values, "name", allowedName), nameGrammar, allowedName, names),
			Quotas: quotas,
		}
		if s, ok := values["quotas"]; ok {
			account.Quotas = l.quotas(s, quotas)
		}
		if organization, ok := values["organization"]; ok {
			account.Organization, _ = l.matching(organization, orgGrammar, allowedOrg)
		}
		if list := l.required(item, values, "access_keys", "a list of access keys"); list != nil {
			for _, key := range l.sequence(*list, "access key with id and secret, secret_env or secret_file") {
				account.AccessKeys = append(account.AccessKeys, l.accessKey(key, keyIDs))
			}
		}
		accounts = append(accounts, account)
	}
	return accounts
}

// operators returns accounts that are configured.
func (l *loader) operators(s setting) []string {
	operators := l.accountIDs(s)
	for _, account := range operators {
		if !slices.Contains(l.config.AccountIDs(), account) {
			l.problemf(s, "%s is no account of this configuration; allowed: the id of one that accounts lists, whose root "+
				"then may operate the deployment", account)
		}
	}
	return operators
}

func (l *loader) accessKey(s setting, ids map[string]string) AccessKey {
	values := l.mapping(s, keyKeys)
	if s.node.Kind != yaml.MappingNode {
		return AccessKey{}
	}
	key := AccessKey{ID: l.unique(l.required(s, values, "id", allowedKeyID), keyIDGrammar, allowedKeyID, ids)}
	var given []string
	for _, name := range secretKeys {
		if _, ok := values[name]; ok {
			given = append(given, name)
		}
	}
	if len(given) != 1 {
		l.problemf(s, "give exactly one of %s (now: %d)", strings.Join(secretKeys, ", "), len(given))
		return key
	}
	secret := values[given[0]]
	var text string
	var ok bool
	switch given[0] {
	case "secret":
		text, ok = l.text(secret, allowedSecret)
	case "secret_env":
		text, ok = l.secretFromVariable(secret)
	case "secret_file":
		text, ok = l.secretFromFile(secret)
	}
	if ok && !secretGrammar.MatchString(text) {
		l.problemf(secret, "the secret has %d bytes or a character that is not allowed; allowed: %s", len(text),
			allowedSecret)
	}
	key.Secret = text
	return key
}

func (l *loader) secretFromVariable(s setting) (string, bool) {
	name, ok := l.text(s, allowedEnv)
	if !ok {
		return "", false
	}
	// The name is not repeated: it may be a secret in the wrong place.
	if !envGrammar.MatchString(name) {
		l.problemf(s, "not the name of a variable; allowed: %s", allowedEnv)
		return "", false
	}
	l.referenced[name] = true
	text := l.environ[name]
	if text == "" {
		l.problemf(s, "the environment variable that it names is not set, or empty; set it to a secret of %s", allowedSecret)
		return "", false
	}
	return text, true
}

func (l *loader) secretFromFile(s setting) (string, bool) {
	path := l.path(s)
	if path == "" {
		return "", false
	}
	text, err := readSecret(path)
	if err != nil {
		// The path is not repeated: it may be a secret in the wrong place.
		if pathError, ok := errors.AsType[*fs.PathError](err); ok {
			err = pathError.Err
		}
		from := s.dir
		if from == "" {
			from = "."
		}
		l.problemf(s, "cannot read the file that it names (relative to %s): %v", from, err)
		return "", false
	}
	return text, true
}

// readSecret reads a small file without the white space around its content.
func readSecret(path string) (string, error) {
	content, err := readRegular(path, maxSecretFile)
	return strings.TrimSpace(string(content)), err
}

// readRegular reads a file of at most limit bytes.
func readRegular(path string, limit int) ([]byte, error) {
	// Opening a pipe would wait for its writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(content) > limit {
		return nil, fmt.Errorf("longer than %d bytes", limit)
	}
	return content, nil
}

// required returns the value of a key of s, or records that it is missing.
func (l *loader) required(s setting, values map[string]setting, name, allowed string) *setting {
	if value, ok := values[name]; ok {
		return &value
	}
	l.problemf(s, "%s is missing; allowed: %s", name, allowed)
	return nil
}

// unique returns text that follows grammar and that no other value has; taken
// holds those seen, with their places.
func (l *loader) unique(s *setting, grammar *regexp.Regexp, allowed string, taken map[string]string) string {
	if s == nil {
		return ""
	}
	text, ok := l.text(*s, allowed)
	if !ok {
		return ""
	}
	// The text is not repeated: id and secret of an access key are easily swapped.
	if !grammar.MatchString(text) {
		l.problemf(*s, "not valid; allowed: %s", allowed)
		return ""
	}
	if first, repeated := taken[text]; repeated {
		l.problemf(*s, "%s is already taken by %s; each must be different", text, first)
		return ""
	}
	taken[text] = s.path
	return text
}

// matching returns text that follows grammar.
func (l *loader) matching(s setting, grammar *regexp.Regexp, allowed string) (string, bool) {
	text, ok := l.text(s, allowed)
	if !ok {
		return "", false
	}
	if !grammar.MatchString(text) {
		l.problemf(s, "%s is not valid; allowed: %s", abridged(text), allowed)
		return "", false
	}
	return text, true
}

func abridged(text string) string {
	const shown = 20
	if len(text) <= shown {
		return strconv.Quote(text)
	}
	return fmt.Sprintf("%.12q… (%d bytes)", text, len(text))
}
