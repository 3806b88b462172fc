package auth

import (
	"context"
	"fmt"
	"slices"
)

// Account is an owner of registries, with the keys that act for it.
type Account struct {
	// ID has twelve digits.
	ID string
	// Name is for people: a label such as prod.
	Name string
	Keys []AccessKey
}

// Directory holds a fixed list of accounts in memory. It implements Keys.
type Directory struct {
	accounts []Account
	byID     map[string]int
	keys     map[string]AccessKey
}

// NewDirectory refuses accounts that share an id, keys that share an id, keys
// without an id or a secret, and keys whose principal belongs to another
// account: any of them would let one tenant be taken for another.
func NewDirectory(accounts []Account) (*Directory, error) {
	d := &Directory{
		accounts: make([]Account, 0, len(accounts)),
		byID:     make(map[string]int, len(accounts)),
		keys:     make(map[string]AccessKey),
	}
	for _, account := range accounts {
		if !isAccountID(account.ID) {
			return nil, fmt.Errorf("account id %q: an account id has exactly twelve digits", account.ID)
		}
		if _, taken := d.byID[account.ID]; taken {
			return nil, fmt.Errorf("account %s is listed twice: give each account an id of its own", account.ID)
		}
		for _, key := range account.Keys {
			if key.ID == "" || key.Secret == "" {
				return nil, fmt.Errorf("account %s: an access key needs an id and a secret", account.ID)
			}
			if key.Principal.Account != account.ID {
				return nil, fmt.Errorf("access key %s stands in account %s but speaks for account %q", key.ID, account.ID,
					key.Principal.Account)
			}
			if other, taken := d.keys[key.ID]; taken {
				return nil, fmt.Errorf("access key %s is listed in account %s and in account %s: give each key an id of its own",
					key.ID, other.Principal.Account, account.ID)
			}
			d.keys[key.ID] = key
		}
		account.Keys = slices.Clone(account.Keys)
		d.byID[account.ID] = len(d.accounts)
		d.accounts = append(d.accounts, account)
	}
	return d, nil
}

// AccessKey implements Keys.
func (d *Directory) AccessKey(_ context.Context, id string) (AccessKey, error) {
	key, ok := d.keys[id]
	if !ok {
		return AccessKey{}, ErrNoKey
	}
	return key, nil
}

// Role implements Keys: no roles are configured.
func (d *Directory) Role(context.Context, string) (AccessKey, error) { return AccessKey{}, ErrNoKey }

// Account finds an account by its id. The caller must not change its Keys.
func (d *Directory) Account(id string) (Account, bool) {
	i, ok := d.byID[id]
	if !ok {
		return Account{}, false
	}
	return d.accounts[i], true
}

// Accounts lists the accounts in the order in which they were given. The
// caller must not change their Keys.
func (d *Directory) Accounts() []Account { return slices.Clone(d.accounts) }

func isAccountID(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
