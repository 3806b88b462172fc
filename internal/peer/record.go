package peer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// Where peers come from.
const (
	Joined            = "joined"        // by an invitation
	FromConfiguration = "configuration" // the configuration lists them
)

// Grant says which accounts a peer may speak for, as the source of replications.
type Grant struct {
	All      bool     `json:"all"` // all that the peer serves
	Accounts []string `json:"accounts"`
}

func (g Grant) isNone() bool { return !g.All && len(g.Accounts) == 0 }

func (g Grant) check() error {
	if g.All && len(g.Accounts) > 0 {
		return errors.New("a grant is for all accounts or for those that it names, not for both")
	}
	if len(g.Accounts) > maxAccounts {
		return fmt.Errorf("a grant names at most %d accounts, and this one %d", maxAccounts, len(g.Accounts))
	}
	return checkAccounts(g.Accounts)
}

// clean returns the grant with its accounts in order, each once.
func (g Grant) clean() Grant { return Grant{All: g.All, Accounts: sorted(g.Accounts)} }

// Record is a peer as this deployment knows it. Its slices are shared: nobody changes them.
type Record struct {
	ID, Name string
	URL      string   // "" if it cannot be reached
	Keys     []Key    // that it may sign with now, by number
	Regions  []string // that it serves, as agreed when it joined; sorted
	Accounts []string // that it serves in each of them, as agreed; sorted
	Grant    Grant    // its accounts are sorted
	// Outbound says that this deployment calls the peer at its URL, and is called through tunnels that it dials.
	Outbound bool
	Source   string // Joined or FromConfiguration
	JoinedAt time.Time
}

// Serves reports whether the peer serves the registry, as was agreed.
func (r Record) Serves(registry resource.Registry) bool {
	_, served := slices.BinarySearch(r.Accounts, registry.Account)
	return served && slices.Contains(r.Regions, registry.Region)
}

// MaySend reports whether the peer may speak for a registry as the source of replications: it serves the registry, and
// its grant covers the account.
func (r Record) MaySend(source resource.Registry) bool {
	if !r.Serves(source) {
		return false
	}
	_, named := slices.BinarySearch(r.Grant.Accounts, source.Account)
	return named || r.Grant.All
}

// String names the peer in messages.
func (r Record) String() string { return "the peer " + r.Name }

// key returns the public key of a number that the peer may sign with.
func (r Record) key(number int64) (Key, bool) { return keyOf(r.Keys, number) }

func keyOf(keys []Key, number int64) (Key, bool) {
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Number == number })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// has reports whether the peer may sign with this key.
func (r Record) has(k Key) bool {
	known, ok := r.key(k.Number)
	return ok && known.Public.Equal(k.Public)
}

// conflicts names registries that both serve; "" if there is none. All lists are in order.
func conflicts(regions, accounts, otherRegions, otherAccounts []string) string {
	regions, accounts = common(regions, otherRegions), common(accounts, otherAccounts)
	var first []string
	for _, region := range regions {
		for _, account := range accounts {
			if len(first) == maxShown {
				return someOf(first, len(regions)*len(accounts))
			}
			first = append(first, resource.Registry{Account: account, Region: region}.String())
		}
	}
	return someOf(first, len(first))
}

// common returns the items that two lists, which are in order, both have.
func common(items, others []string) (both []string) {
	for _, item := range items {
		if _, found := slices.BinarySearch(others, item); found {
			both = append(both, item)
		}
	}
	return both
}

// entry is a peer with what only this package needs of it.
type entry struct {
	Record
	// confirmed is the number of the key of ours that it has confirmed: what is sent to it is signed with that. settled
	// is the number of the oldest key of ours that it takes, as far as is known: what is older it has forgotten.
	confirmed, settled int64
	row                metadata.Peer // that it was read from
}

// document is an entry as it is stored.
type document struct {
	URL       string    `json:"url"`
	Keys      []Key     `json:"keys"`
	Regions   []string  `json:"regions"`
	Accounts  []string  `json:"accounts"`
	Grant     Grant     `json:"grant"`
	Outbound  bool      `json:"outbound,omitempty"`
	Source    string    `json:"source"`
	JoinedAt  time.Time `json:"joinedAt"`
	Confirmed int64     `json:"confirmed"`
	Settled   int64     `json:"settled"`
}

func (e *entry) document() document {
	return document{
		URL: e.URL, Keys: e.Keys, Regions: sorted(e.Regions), Accounts: sorted(e.Accounts),
		Grant: e.Grant.clean(), Outbound: e.Outbound, Source: e.Source, JoinedAt: e.JoinedAt.UTC(),
		Confirmed: e.confirmed, Settled: e.settled,
	}
}

func readEntry(row metadata.Peer) (*entry, error) {
	var d document
	err := json.Unmarshal([]byte(row.Document), &d)
	if err == nil {
		err = checkKeys(d.Keys)
	}
	if err != nil {
		return nil, fmt.Errorf("read the peer %s of the database: %w", row.Name, err)
	}
	return &entry{
		Record: Record{
			ID: row.ID, Name: row.Name, URL: d.URL, Keys: d.Keys, Regions: sorted(d.Regions),
			Accounts: sorted(d.Accounts), Grant: d.Grant.clean(), Outbound: d.Outbound, Source: d.Source,
			JoinedAt: d.JoinedAt,
		},
		confirmed: d.Confirmed, settled: d.Settled, row: row,
	}, nil
}
