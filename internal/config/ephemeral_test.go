package config_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/config"
)

// TestLoadEphemeral: a server in memory needs no configuration. The keys that
// everybody knows are for the loopback interface only.
func TestLoadEphemeral(t *testing.T) {
	const known = "AKIAIOSFODNN7EXAMPLE"
	own := `TWINPORT_ACCOUNTS=[{id: "222233334444", name: own, access_keys: [{id: AKIAOWN0000000000000, secret: "` +
		strings.Repeat("s", 40) + `"}]}]`
	for _, c := range []struct {
		environ  []string
		listen   string
		port     int
		first    string // account
		known    bool   // whether its key is
		examples bool
	}{
		{nil, "127.0.0.1:0", 0, "111122223333", true, true},
		{[]string{"TWINPORT_LISTEN=[::1]:7777"}, "[::1]:7777", 7777, "111122223333", true, true},
		{[]string{"TWINPORT_LISTEN=localhost:0"}, "localhost:0", 0, "111122223333", true, true},
		{[]string{"TWINPORT_LISTEN=:8080"}, ":8080", 8080, "111122223333", false, true},
		{[]string{"TWINPORT_LISTEN=0.0.0.0:0"}, "0.0.0.0:0", 0, "111122223333", false, true},
		{[]string{"TWINPORT_LISTEN=host.example:0"}, "host.example:0", 0, "111122223333", false, true},
		{[]string{own, "TWINPORT_DATA=/somewhere"}, "127.0.0.1:0", 0, "222233334444", false, false},
	} {
		cfg, err := config.LoadEphemeral("", append(c.environ, "TWINPORT_QUOTAS={repositories: 7}"))
		if err != nil {
			t.Errorf("%v: %v", c.environ, err)
			continue
		}
		key := cfg.Accounts[0].AccessKeys[0]
		if !cfg.Ephemeral || cfg.Listen != c.listen || cfg.PublicPort != c.port || cfg.Accounts[0].ID != c.first ||
			key.ID == known != c.known || cfg.Examples != c.examples {
			t.Errorf("%v: %+v", c.environ, cfg)
		}
		for _, a := range cfg.Accounts {
			if a.Quotas.Repositories != 7 {
				t.Errorf("%v: account %s may have %d repositories", c.environ, a.Name, a.Quotas.Repositories)
			}
		}
		again, err := config.LoadEphemeral("", c.environ)
		if err != nil {
			t.Fatal(err)
		}
		if same := again.Accounts[0].AccessKeys[0] == key; c.examples && same != c.known {
			t.Errorf("%v: the next start has the same key: %t", c.environ, same)
		}
	}
}

// TestLoadEphemeralRefuses what has a meaning only for a server that lasts, with
// the place where it is written, and leaves a data folder alone.
func TestLoadEphemeralRefuses(t *testing.T) {
	dir := t.TempDir()
	written, err := config.Init(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.LoadEphemeral(written.Config, nil)
	if err != nil || cfg.Listen != config.Default().Listen || cfg.Examples ||
		!slices.Equal(cfg.Accounts[0].AccessKeys, written.Accounts[0].AccessKeys) {
		t.Errorf("what init writes: %v, %+v", err, cfg)
	}
	file := filepath.Join(write(t, map[string]string{
		"twinport.yaml": `database: "postgres://user:password@host/database"
blobs: "s3://bucket"
peers:
  - {name: oregon, url: "https://oregon.example", key: "` + keyOf("oregon", 1) + `", regions: [us-west-9], serves: []}
tls: {acme: {domains: [registry.example.com]}}
`}), "twinport.yaml")
	_, err = config.LoadEphemeral(file, []string{"TWINPORT_BLOBS=s3://other"})
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, want := range []string{
		"twinport.yaml:1: database: an ephemeral server keeps everything in memory; leave this out, or serve without " +
			"--ephemeral",
		"TWINPORT_BLOBS", "an ephemeral server has a new identity at each start", "an ephemeral server keeps no certificates",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}
