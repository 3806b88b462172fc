package stores_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/keyring"
	"github.com/twinport/twinport/internal/stores"
)

// The first start of an embedded deployment makes a key and the next finds it; a
// file that is configured must be there, and a database of others has no default.
func TestOpenKeyring(t *testing.T) {
	text := keyring.Generate()
	id, _, _ := strings.Cut(text, " ")
	embedded := config.Config{Data: filepath.Join(t.TempDir(), "data")}
	first, err := stores.OpenKeyring(embedded)
	if err != nil {
		t.Fatal(err)
	}
	again, err := stores.OpenKeyring(embedded)
	if err != nil || again.Newest() != first.Newest() || first.Newest() == "" {
		t.Errorf("%v, then %v, %v", first.IDs(), again, err)
	}
	file := filepath.Join(t.TempDir(), "keys")
	configured := config.Config{
		Data: t.TempDir(), Database: "postgres://host/database", Secrets: config.Secrets{KeyFile: file},
	}
	if _, err := stores.OpenKeyring(configured); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("without its file: %v", err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	variable := config.Config{Data: t.TempDir(), Secrets: config.Secrets{MasterKey: config.MasterKey(text)}}
	for _, cfg := range []config.Config{configured, variable} {
		k, err := stores.OpenKeyring(cfg)
		if err != nil || k.Newest() != id {
			t.Errorf("%v, %v; want %s", k, err, id)
		}
		if _, err := os.Stat(filepath.Join(cfg.Data, "master.key")); err == nil {
			t.Error("a key was made that is not needed")
		}
	}
	ephemeral, err := stores.OpenKeyring(config.Config{Data: t.TempDir(), Ephemeral: true})
	if err != nil || ephemeral.Newest() == "" {
		t.Errorf("ephemeral: %v, %v", ephemeral, err)
	}
	none, err := stores.OpenKeyring(config.Config{Data: t.TempDir(), Database: "postgres://host/database"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := none.Seal("it", nil); !errors.Is(err, keyring.ErrNone) {
		t.Errorf("without a key: %v", err)
	}
}
