package peer

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Limits of what is known of a peer.
const (
	maxPeers      = 256
	maxRegions    = 256
	maxAccounts   = 20000
	maxRegistries = 100000 // each account in each Region
	maxURL        = 255
	maxVersion    = 64
	maxMessage    = 1000 // bytes of a message of a peer that are kept
	maxShown      = 5    // names of a list in a message
)

var (
	nameGrammar    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	regionGrammar  = regexp.MustCompile(`^[0-9a-z-]{2,25}$`)
	accountGrammar = regexp.MustCompile(`^[0-9]{12}$`)
	codeGrammar    = regexp.MustCompile(`^[A-Za-z]{1,64}$`)
)

// isID reports whether the text may be a deployment's id.
func isID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}

// checkName reports why the name is none of a deployment.
func checkName(name string) error {
	if !nameGrammar.MatchString(name) {
		return fmt.Errorf("the name %.80q is not valid: it must have 1 to 63 letters, digits, dots, hyphens and "+
			"underscores, and begin with a letter or digit", name)
	}
	return nil
}

// checkURL reports why the URL is none that peers reach a deployment by. It may be empty.
func checkURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" ||
		u.User != nil || u.String() != u.Scheme+"://"+u.Host {
		return fmt.Errorf("the URL %.80q is not valid: it must look like https://host or https://host:port, without "+
			"a path", shown(text))
	}
	return nil
}

// shown is a URL without a password that it may have by mistake.
func shown(text string) string {
	if before, after, found := strings.Cut(text, "@"); found {
		scheme, _, _ := strings.Cut(before, "://")
		return scheme + "://…@" + after
	}
	return text
}

// checkServed reports why these cannot be what a peer serves.
func checkServed(regions, accounts []string) error {
	switch {
	case len(regions) > maxRegions:
		return fmt.Errorf("it serves %d Regions, and a peer may serve %d", len(regions), maxRegions)
	case len(accounts) > maxAccounts:
		return fmt.Errorf("it serves %d accounts, and a peer may serve %d", len(accounts), maxAccounts)
	case len(regions)*len(accounts) > maxRegistries:
		return fmt.Errorf("it serves %d accounts in each of %d Regions, and a peer may serve %d registries",
			len(accounts), len(regions), maxRegistries)
	}
	return checkRegistries(regions, accounts)
}

// checkRegistries reports why these cannot be what a deployment serves, however many they are.
func checkRegistries(regions, accounts []string) error {
	if len(regions) == 0 || len(accounts) == 0 {
		return fmt.Errorf("it serves %d accounts in %d Regions: there must be one of each", len(accounts), len(regions))
	}
	for _, r := range regions {
		if !regionGrammar.MatchString(r) {
			return fmt.Errorf("the Region %.80q is not valid: it must have 2 to 25 lower-case letters, digits and "+
				"hyphens", r)
		}
	}
	return checkAccounts(accounts)
}

func checkAccounts(accounts []string) error {
	for _, a := range accounts {
		if !accountGrammar.MatchString(a) {
			return fmt.Errorf("the account %.80q is not valid: it must have twelve digits", a)
		}
	}
	return nil
}

// check reports what of a party's words about itself is not valid.
func (p Party) check() error {
	switch {
	case !isID(p.ID):
		return fmt.Errorf("the id %.80q is not valid", p.ID)
	case p.OldestProtocol < 1 || p.NewestProtocol < p.OldestProtocol:
		return fmt.Errorf("the protocols %d to %d are not valid", p.OldestProtocol, p.NewestProtocol)
	}
	return errors.Join(checkName(p.Name), checkURL(p.URL), checkServed(p.Regions, p.Accounts))
}

// clean returns the party with its lists in order and texts that can be shown.
func (p Party) clean() Party {
	p.Version = cleaned(p.Version, maxVersion)
	p.Regions, p.Accounts = sorted(p.Regions), sorted(p.Accounts)
	return p
}

// reported returns the party with no more Regions and accounts than a peer takes: a deployment that is a peer may come
// to serve more.
func (p Party) reported() Party {
	p.Regions = p.Regions[:min(len(p.Regions), maxRegions)]
	p.Accounts = p.Accounts[:min(len(p.Accounts), maxAccounts, maxRegistries/len(p.Regions))]
	return p
}

// sorted returns the items in order, each once. It is never nil: lists are stored as such.
func sorted(items []string) []string {
	items = append([]string{}, items...)
	slices.Sort(items)
	return slices.Compact(items)
}

// cleaned returns text of another party as it can be shown and logged: on one line, at most so many bytes.
func cleaned(text string, limit int) string {
	if len(text) > 4*limit {
		text = text[:4*limit]
	}
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= limit {
		return text
	}
	end := limit - len("…")
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// some lists names for a message.
func some(names []string) string { return someOf(names[:min(len(names), maxShown)], len(names)) }

// someOf lists the first of so many names.
func someOf(first []string, all int) string {
	text := strings.Join(first, ", ")
	if all > len(first) {
		text += fmt.Sprintf(" and %d more", all-len(first))
	}
	return text
}

// isLoopback reports whether a host of a URL is this machine.
func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}
