package keyring_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twinport/twinport/internal/keyring"
)

const (
	key1 = "k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
	key2 = "k2 ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n"
	what = "access key AKIAIOSFODNN7EXAMPLE"
)

func parse(t *testing.T, text string) keyring.Keyring {
	t.Helper()
	k, err := keyring.Parse(text, "TWINPORT_MASTER_KEY")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seal(t *testing.T, k keyring.Keyring, secret string) []byte {
	t.Helper()
	sealed, err := k.Seal(what, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte(secret)) {
		t.Fatalf("%q holds the secret", sealed)
	}
	return sealed
}

func wantSecret(t *testing.T, k keyring.Keyring, sealed []byte, want string) {
	t.Helper()
	if secret, err := k.Open(what, sealed); err != nil || string(secret) != want {
		t.Errorf("%q, %v; want %q", secret, err, want)
	}
}

// What is sealed opens under its key, wherever in the text that stands, and for
// what it was sealed for only.
func TestSealAndOpen(t *testing.T) {
	old := parse(t, key1)
	sealed := seal(t, old, "a secret")
	if keyring.Uses(sealed) != "k1" || old.Newest() != "k1" {
		t.Errorf("sealed with %q, newest %q", keyring.Uses(sealed), old.Newest())
	}
	wantSecret(t, old, sealed, "a secret")
	both := parse(t, "# newest first\n\n"+key2+key1)
	wantSecret(t, both, sealed, "a secret")
	if !slices.Equal(both.IDs(), []string{"k2", "k1"}) || keyring.Uses(seal(t, both, "another")) != "k2" {
		t.Errorf("keys %v", both.IDs())
	}
	if again := seal(t, old, "a secret"); bytes.Equal(again, sealed) {
		t.Error("sealed the same twice")
	}
	if _, err := old.Open("access key AKIAI44QH8DHBEXAMPLE", sealed); err == nil {
		t.Error("opened for another key")
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if secret, err := both.Open(what, changed); err == nil {
			t.Errorf("byte %d changed: opened as %q", i, secret)
		}
	}
	for n := range sealed {
		if secret, err := both.Open(what, sealed[:n]); err == nil {
			t.Errorf("the first %d bytes opened as %q", n, secret)
		}
	}
}

func TestUnknownKey(t *testing.T) {
	_, err := parse(t, key2).Open(what, seal(t, parse(t, key1), "a secret"))
	unknown, ok := errors.AsType[*keyring.UnknownKeyError](err)
	if !ok || unknown.ID != "k1" || !strings.Contains(err.Error(), "k1") ||
		!strings.Contains(err.Error(), "TWINPORT_MASTER_KEY") || !strings.Contains(err.Error(), what) {
		t.Errorf("%v", err)
	}
	// Another key of the same id is not taken for it.
	other := parse(t, strings.Replace(key2, "k2", "k1", 1))
	if _, err := other.Open(what, seal(t, parse(t, key1), "a secret")); err == nil || !strings.Contains(err.Error(), "k1") {
		t.Errorf("%v", err)
	}
}

func TestNone(t *testing.T) {
	var k keyring.Keyring = keyring.None{}
	_, sealErr := k.Seal(what, nil)
	_, openErr := k.Open(what, nil)
	if !errors.Is(sealErr, keyring.ErrNone) || !errors.Is(openErr, keyring.ErrNone) || k.Newest() != "" || k.IDs() != nil {
		t.Errorf("%v, %v", sealErr, openErr)
	}
}

// No error repeats what may be a key.
func TestParseRefuses(t *testing.T) {
	secret := strings.TrimSpace(strings.TrimPrefix(key1, "k1 "))
	for text, want := range map[string]string{
		"":                                   "no master key",
		"# nothing\n":                        "no master key",
		secret:                               "line 1",
		secret + " k1":                       "line 1",
		key1 + "k2 " + secret + " more":      "line 2",
		"k1 " + secret[1:]:                   "base64 of 32 bytes",
		"k1 " + strings.Trim(secret, "="):    "base64 of 32 bytes",
		"k1 " + secret[:42] + "9=":           "base64 of 32 bytes",
		"k/1 " + secret:                      "an id has",
		strings.Repeat("k", 33) + " " + key2: "line 1",
		key1 + key1:                          "line 2",
		strings.Repeat("#", 64<<10) + "\n":   "65536 bytes",
	} {
		_, err := keyring.Parse(text, "the variable")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "the variable") {
			t.Errorf("%.50q: %v; want %q", text, err, want)
		} else if strings.Contains(err.Error(), secret[1:20]) {
			t.Errorf("%.50q: the error has the secret: %v", text, err)
		}
	}
	var many strings.Builder
	for range 257 {
		many.WriteString(keyring.Generate())
	}
	if _, err := keyring.Parse(many.String(), "the variable"); err == nil {
		t.Error("took 257 keys")
	}
}

func TestNothingPrintsKeys(t *testing.T) {
	file, err := keyring.OpenFile(filepath.Join(t.TempDir(), "master.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []any{file, parse(t, key1)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(verb, k); !strings.Contains(text, "master keys of ") || len(text) > 200 {
				t.Errorf("%s: %s", verb, text)
			}
		}
		if text, err := json.Marshal(k); err != nil || string(text) != "{}" {
			t.Errorf("%s, %v", text, err)
		}
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := keyring.OpenFile(path, false); err == nil || !strings.Contains(err.Error(), path) ||
		!strings.Contains(err.Error(), "openssl rand -base64 32") {
		t.Fatalf("%v", err)
	}
	made, err := keyring.OpenFile(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	first := seal(t, made, "first")
	// A process that has the file open opens what is sealed with a newer key.
	beside, err := keyring.OpenFile(path, true)
	if err != nil {
		t.Fatal(err)
	}
	wantSecret(t, beside, first, "first")
	if err := made.Rotate(); err != nil {
		t.Fatal(err)
	}
	second := seal(t, made, "second")
	if keyring.Uses(second) == keyring.Uses(first) || keyring.Uses(second) != made.Newest() {
		t.Errorf("after the rotation sealed with %s, before with %s", keyring.Uses(second), keyring.Uses(first))
	}
	wantSecret(t, beside, second, "second")
	wantSecret(t, beside, first, "first")
	if !slices.Equal(beside.IDs(), made.IDs()) || len(made.IDs()) != 2 {
		t.Errorf("%v and %v", beside.IDs(), made.IDs())
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "#") || strings.Count(string(text), "newest first") != 1 {
		t.Errorf("%v", err)
	}
	if _, err := beside.Open(what, seal(t, parse(t, key1), "foreign")); err == nil ||
		!strings.Contains(err.Error(), "k1") || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
}

// No key is lost when processes begin, and rotate, at the same time.
func TestFileAtTheSameTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	var group sync.WaitGroup
	sealed := make([][]byte, 8)
	for i := range sealed {
		group.Go(func() {
			k, err := keyring.OpenFile(path, true)
			if err == nil {
				err = k.Rotate()
			}
			if err == nil {
				sealed[i], err = k.Seal(what, []byte("a secret"))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	k, err := keyring.OpenFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(k.IDs()) != 1+len(sealed) {
		t.Errorf("%d keys", len(k.IDs()))
	}
	for _, s := range sealed {
		wantSecret(t, k, s, "a secret")
	}
}

func TestFileOthersMayRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o644} {
		if err := os.WriteFile(path, []byte(key1), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := keyring.OpenFile(path, true); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("%v: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.OpenFile(path, false); err != nil {
		t.Error(err)
	}
	if _, err := keyring.OpenFile(t.TempDir(), true); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
}
