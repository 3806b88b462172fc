package ecrtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/twinport/twinport/internal/config"
)

// Account is an account with the access key of its root, which may do all that
// ECR offers in the account's own registries.
type Account struct {
	// ID has twelve digits.
	ID string
	// Name is for people.
	Name string
	// AccessKeyID and SecretAccessKey are the access key.
	AccessKeyID, SecretAccessKey string
}

// Option is how a server differs from one without options.
type Option func(*options)

type options struct {
	accounts []Account
	regions  []string
}

// WithAccounts gives the server these accounts. What is empty, but for the ID,
// is made up, the same each time. Without this option there are 111122223333,
// named prod, and 444455556666, named dev.
func WithAccounts(accounts ...Account) Option {
	return func(o *options) { o.accounts = append([]Account{}, accounts...) }
}

// WithRegions lets the server serve these Regions, whose names need not be AWS's.
// Without this option they are us-east-1 and us-west-2.
func WithRegions(regions ...string) Option {
	return func(o *options) { o.regions = regions }
}

// configure returns the configuration of a server, checked as that of a
// configuration file is.
func configure(list []Option) (config.Config, error) {
	o := options{regions: []string{"us-east-1", "us-west-2"}}
	for _, option := range list {
		option(&o)
	}
	if len(o.regions) == 0 {
		return config.Config{}, errors.New("WithRegions names none; at least one is needed")
	}
	environ := []string{"TWINPORT_REGIONS=" + strings.Join(o.regions, ",")}
	if o.accounts != nil {
		accounts, err := json.Marshal(described(o.accounts))
		if err != nil {
			return config.Config{}, fmt.Errorf("describe the accounts: %w", err)
		}
		environ = append(environ, "TWINPORT_ACCOUNTS="+string(accounts))
	}
	return config.LoadEphemeral("", environ)
}

type describedAccount struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	AccessKeys []describedKey `json:"access_keys"`
}

type describedKey struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// described are accounts as a configuration has them, whole.
func described(accounts []Account) []describedAccount {
	list := make([]describedAccount, 0, len(accounts))
	for _, a := range accounts {
		if a.Name == "" {
			a.Name = a.ID
		}
		if a.AccessKeyID == "" {
			a.AccessKeyID = "AKIATEST" + a.ID
		}
		if a.SecretAccessKey == "" {
			a.SecretAccessKey = "secret/of/account/" + a.ID + "/in/tests"
		}
		list = append(list, describedAccount{a.ID, a.Name, []describedKey{{a.AccessKeyID, a.SecretAccessKey}}})
	}
	return list
}
