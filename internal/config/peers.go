package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/twinport/twinport/internal/peer"
)

// Deployment says who this deployment is to its peers.
type Deployment struct {
	// Name is for people.
	Name string
	// URL is where peers reach it, scheme and host; empty if they cannot.
	URL string
	// AllowPlain lets peers speak to it, and it to peers, by HTTP without TLS.
	// On loopback they always may.
	AllowPlain bool
}

// Peer is another deployment, which serves other registries than this one.
type Peer struct {
	// Name is for people.
	Name string
	// URL is where it is reached, scheme and host; empty if it cannot be.
	URL string
	// Key is what twinport peer identity shows there (peer.ParseIdentity).
	Key string
	// Regions and Serves are what it serves: each of the accounts in each of the
	// Regions.
	Regions, Serves []string
	// Outbound has it reach this deployment through tunnels that this one dials.
	Outbound bool
	// Accounts are those that it may speak for as a source, or every one if
	// AllAccounts.
	Accounts    []string
	AllAccounts bool
}

const (
	maxPeers        = 256
	maxPeerRegions  = 256
	maxPeerAccounts = 20000
	maxPeerURL      = 255

	// all, in the place of accounts, means every one.
	all = "all"
)

const (
	allowedBoolean = "true or false, without quotes"
	allowedPeerURL = "https:// (or http://) and a host, with a port if need be, such as https://registry.example.com"
	allowedPeerKey = "the whole text of the key that twinport peer identity shows on the other side, which begins " +
		"with ed25519:"
	allowedAccounts = "all, or a list of accounts, each " + allowedID
)

// PublicScheme is the one that clients use. A server that shows port 443 and
// has no certificate of its own is behind a proxy that has one.
func (c Config) PublicScheme() string {
	if c.TLS.Cert != "" || len(c.TLS.ACME.Domains) > 0 || c.PublicPort == 443 {
		return "https"
	}
	return "http"
}

// publicURL is where others reach the domain: empty if it names this machine
// only, or if the port is not known.
func (c Config) publicURL() string {
	if c.Domain == "localhost" || strings.HasSuffix(c.Domain, ".localhost") || c.PublicPort == 0 {
		return ""
	}
	scheme := c.PublicScheme()
	if scheme == "https" && c.PublicPort == 443 || scheme == "http" && c.PublicPort == 80 {
		return scheme + "://" + c.Domain
	}
	return scheme + "://" + c.Domain + ":" + strconv.Itoa(c.PublicPort)
}

// deployment reads what this one is to its peers.
func (l *loader) deployment(settings map[string]setting) {
	c := &l.config
	c.Deployment = Deployment{Name: "twinport", URL: c.publicURL()}
	if len(c.Regions) > 0 && nameGrammar.MatchString(c.Regions[0]) { // a Region may begin with a hyphen
		c.Deployment.Name = c.Regions[0]
	}
	if s, ok := settings["deployment.name"]; ok {
		c.Deployment.Name, _ = l.matching(s, nameGrammar, allowedName)
	}
	if s, ok := settings["deployment.allow_plain"]; ok {
		c.Deployment.AllowPlain = l.boolean(s)
	}
	if s, ok := settings["deployment.url"]; ok {
		c.Deployment.URL = l.peerURL(s)
	}
}

func (l *loader) boolean(s setting) bool {
	value, err := strconv.ParseBool(s.node.Value)
	if s.node.Tag != "!!bool" || err != nil {
		l.problemf(s, "not a boolean; allowed: %s", allowedBoolean)
	}
	return value
}

// peerURL returns the scheme and host of a deployment. It never shows the text,
// which may hold a password.
func (l *loader) peerURL(s setting) string {
	text, ok := l.text(s, allowedPeerURL)
	if !ok {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || len(text) > maxPeerURL || u.Scheme != "https" && u.Scheme != "http" || !validHost(u) {
		l.problemf(s, "not the URL of a deployment; allowed: %s", allowedPeerURL)
		return ""
	}
	if u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		l.problemf(s, "has a user, a path, a query or a fragment, which is not allowed; allowed: %s", allowedPeerURL)
		return ""
	}
	if u.Scheme == "http" && !l.config.Deployment.AllowPlain && !loopback(u.Hostname()) {
		l.problemf(s, "is not encrypted, and is not of this machine: use https://, or set deployment.allow_plain to "+
			"true")
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

func validHost(u *url.URL) bool {
	if _, err := netip.ParseAddr(u.Hostname()); err != nil && !hostGrammar.MatchString(u.Hostname()) {
		return false
	}
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// served is what a deployment serves: the accounts, each in each of the Regions.
type served struct {
	by                string
	accounts, regions map[string]bool
}

func servedBy(by string, accounts, regions []string) served {
	return served{by, setOf(accounts), setOf(regions)}
}

func setOf(list []string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, text := range list {
		set[text] = true
	}
	return set
}

func (l *loader) peers(s setting) []Peer {
	items := l.sequence(s, "peer with name, key, regions and serves")
	if len(items) > maxPeers {
		l.problemf(s, "has %d peers; at most %d are allowed", len(items), maxPeers)
		return nil
	}
	var peers []Peer
	own := l.config.Deployment
	taken := takenByPeers{
		names: map[string]string{own.Name: "deployment.name"}, urls: map[string]string{own.URL: "deployment.url"},
		ids: map[string]string{},
	}
	others := []served{servedBy("this deployment", l.config.AccountIDs(), l.config.Regions)}
	for _, item := range items {
		p := l.peer(item, taken)
		for _, other := range others {
			l.refuseServedTwice(item, p, other)
		}
		others = append(others, servedBy(item.path, p.Serves, p.Regions))
		peers = append(peers, p)
	}
	return peers
}

// takenByPeers is what was seen, with its places.
type takenByPeers struct{ names, urls, ids map[string]string }

func (l *loader) peer(s setting, taken takenByPeers) Peer {
	values := l.mapping(s, peerKeys)
	if s.node.Kind != yaml.MappingNode {
		return Peer{}
	}
	p := Peer{Name: l.unique(l.required(s, values, "name", allowedName), nameGrammar, allowedName, taken.names)}
	if key := l.required(s, values, "key", allowedPeerKey); key != nil {
		p.Key = l.peerKey(*key, taken.ids)
	}
	if url, ok := values["url"]; ok {
		p.URL = l.peerURL(url)
		if first, repeated := taken.urls[p.URL]; repeated && p.URL != "" {
			l.problemf(url, "is that of %s, too; each deployment has its own", first)
		}
		taken.urls[p.URL] = url.path
	}
	_, hasURL := values["url"]
	if outbound, ok := values["outbound"]; ok {
		if p.Outbound = l.boolean(outbound); p.Outbound && !hasURL {
			l.problemf(outbound, "needs url: where this deployment is to dial")
		}
	}
	if !hasURL && l.config.Deployment.URL == "" {
		l.problemf(s, "has no url, and deployment.url is not set: of two deployments one must reach the other")
	}
	if regions := l.required(s, values, "regions", "a list of the Regions that it serves"); regions != nil {
		p.Regions = l.regions(*regions)
	}
	if serves := l.required(s, values, "serves", "a list of the accounts that it serves"); serves != nil {
		p.Serves = l.accountIDs(*serves)
	}
	if accounts, ok := values["accounts"]; ok {
		switch {
		case accounts.node.Kind == yaml.SequenceNode:
			p.Accounts = l.accountIDs(accounts)
		case accounts.node.Kind == yaml.ScalarNode && accounts.node.Value == all:
			p.AllAccounts = true
		default:
			l.problemf(accounts, "not valid; allowed: %s", allowedAccounts)
		}
	}
	if len(p.Regions) > maxPeerRegions || max(len(p.Serves), len(p.Accounts)) > maxPeerAccounts {
		l.problemf(s, "has more than %d Regions, or a list of more than %d accounts; no more are allowed",
			maxPeerRegions, maxPeerAccounts)
		return Peer{}
	}
	return p
}

// peerKey returns the text by which a deployment is known; taken holds the
// deployments seen, with their places.
func (l *loader) peerKey(s setting, taken map[string]string) string {
	text, ok := l.text(s, allowedPeerKey)
	if !ok {
		return ""
	}
	id, _, err := peer.ParseIdentity(text)
	if err != nil {
		l.problemf(s, "not a key, or a part is missing or mistyped; allowed: %s", allowedPeerKey)
		return ""
	}
	if first, repeated := taken[id]; repeated {
		l.problemf(s, "is of the same deployment as %s; each must be of another", first)
	}
	taken[id] = s.path
	return text
}

// accountIDs returns a list of accounts, of any deployment.
func (l *loader) accountIDs(s setting) []string {
	var accounts []string
	seen := map[string]bool{}
	for _, item := range l.sequence(s, "account") {
		account, ok := l.matching(item, idGrammar, allowedID)
		if !ok {
			continue
		}
		if seen[account] {
			l.problemf(item, "account %s is listed twice; keep one", account)
			continue
		}
		seen[account] = true
		accounts = append(accounts, account)
	}
	return accounts
}

// refuseServedTwice records that a peer serves what another deployment serves.
func (l *loader) refuseServedTwice(s setting, p Peer, other served) {
	accounts, regions := common(p.Serves, other.accounts), common(p.Regions, other.regions)
	if len(accounts) == 0 || len(regions) == 0 {
		return
	}
	l.problemf(s, "serves the accounts %s in the Regions %s, which %s serves too: no two deployments may serve one "+
		"account in one Region", some(accounts), some(regions), other.by)
}

// common is what of the list is in the set.
func common(list []string, set map[string]bool) (both []string) {
	for _, text := range list {
		if set[text] {
			both = append(both, text)
		}
	}
	return both
}

// some names the first few of a list.
func some(list []string) string {
	const shown = 5
	if len(list) <= shown {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), len(list)-shown)
}
