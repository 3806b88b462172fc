package auth_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/auth"
)

func TestDirectory(t *testing.T) {
	prod := auth.Account{ID: "111122223333", Name: "prod", Keys: []auth.AccessKey{longLived}}
	dev := auth.Account{ID: "444455556666", Name: "dev", Keys: []auth.AccessKey{devKey}}
	d, err := auth.NewDirectory([]auth.Account{prod, dev})
	if err != nil {
		t.Fatal(err)
	}
	if key, err := d.AccessKey(t.Context(), devKey.ID); err != nil || key != devKey {
		t.Errorf("access key %v, %v", key, err)
	}
	if _, err := d.AccessKey(t.Context(), "AKIANONE"); !errors.Is(err, auth.ErrNoKey) {
		t.Error("found a key that is not there")
	}
	if account, ok := d.Account(dev.ID); !ok || account.Name != "dev" {
		t.Errorf("account %v, %t", account, ok)
	}
	if _, ok := d.Account("000000000000"); ok {
		t.Error("found an account that is not there")
	}
	if accounts := d.Accounts(); len(accounts) != 2 || accounts[0].ID != prod.ID || accounts[1].ID != dev.ID {
		t.Errorf("accounts %v", accounts)
	}
	d.Accounts()[0].ID = "changed"
	prod.Keys[0].Principal.Account = "changed"
	if account, _ := d.Account(prod.ID); account.ID != prod.ID || account.Keys[0].Principal.Account != prod.ID {
		t.Errorf("the directory changed with the list it was made from: %v", account)
	}
}

func TestDirectoryRefuses(t *testing.T) {
	account := func(id string, keys ...auth.AccessKey) auth.Account {
		return auth.Account{ID: id, Name: "x", Keys: keys}
	}
	key := func(id, secret, owner string) auth.AccessKey {
		return auth.AccessKey{ID: id, Secret: secret, Principal: root(owner)}
	}
	const a, b = "111122223333", "444455556666"
	tests := map[string][]auth.Account{
		"exactly twelve digits": {account("12")},
		"twelve digits":         {account("11112222333x")},
		"listed twice":          {account(a), account(a)},
		"in account " + a:       {account(a, key("K", "top-secret", a)), account(b, key("K", "top-secret", b))},
		"an id of its own":      {account(a, key("K", "top-secret", a), key("K", "top-secret", a))},
		"an id and a secret":    {account(a, key("", "top-secret", a))},
		"needs an id and":       {account(a, key("K", "", a))},
		"speaks for account":    {account(a, key("K", "top-secret", b))},
	}
	for want, accounts := range tests {
		_, err := auth.NewDirectory(accounts)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "top-secret") {
			t.Errorf("error %v, want one with %q and no secret", err, want)
		}
	}
}

func TestAccessKeyShowsNoSecret(t *testing.T) {
	account := auth.Account{ID: "444455556666", Keys: []auth.AccessKey{devKey}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", devKey, "account", account, "credentials", temporary)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "account", account)
	out := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, v := range []any{devKey, temporary, account, &account} {
			out += fmt.Sprintf(verb, v)
		}
	}
	for _, secret := range []string{devKey.Secret, temporary.Secret, temporary.SessionToken} {
		if strings.Contains(out, secret) {
			t.Errorf("a secret shows in %s", out)
		}
	}
	if !strings.Contains(out, devKey.ID) || !strings.Contains(out, temporary.AccessKeyID) {
		t.Errorf("the id does not show in %s", out)
	}
}
