// Package keyring seals secrets that are stored, such as those of access keys,
// under master keys that are kept elsewhere: a copy of the database alone opens
// none of them.
//
// What is sealed names the key that it was sealed under, so keys can be
// replaced: new secrets are sealed under the newest key, and older ones open as
// long as theirs is kept.
package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
)

// Keyring seals and opens secrets. Implementations are safe for concurrent use.
type Keyring interface {
	// Seal encrypts a secret under the newest key. what says what it is, such as
	// "access key AKIA…": it is authenticated, not kept, and Open needs the same.
	Seal(what string, secret []byte) ([]byte, error)
	// Open decrypts what Seal wrote.
	Open(what string, sealed []byte) ([]byte, error)
	// Newest is the id of the key that Seal uses now, "" if there is none.
	Newest() string
	// IDs are those of all keys, the newest first.
	IDs() []string
}

// ErrNone says that there is no master key.
var ErrNone = errors.New("no master key is configured, so secrets cannot be stored: set secrets.key_file in the " +
	"configuration, or TWINPORT_MASTER_KEY")

// None is the Keyring of a deployment that has no master key: ErrNone.
type None struct{}

// Seal implements Keyring.
func (None) Seal(string, []byte) ([]byte, error) { return nil, ErrNone }

// Open implements Keyring.
func (None) Open(string, []byte) ([]byte, error) { return nil, ErrNone }

// Newest implements Keyring.
func (None) Newest() string { return "" }

// IDs implements Keyring.
func (None) IDs() []string { return nil }

const (
	// version begins what is sealed; the length of the key's id follows in a byte,
	// the id, a nonce of 12 bytes, and what AES-256-GCM gives.
	version = 1
	// label separates what is sealed here from every other use of a master key.
	label = "twinport secret 1\x00"
)

// keys are master keys, none of which changes.
type keys struct {
	where string // they are looked for, for errors
	ids   []string
	byID  map[string]cipher.AEAD
}

// String says where the keys are, and shows none.
func (k *keys) String() string { return "master keys of " + k.where }

// GoString is String for the verb %#v.
func (k *keys) GoString() string { return k.String() }

// Seal implements Keyring.
func (k *keys) Seal(what string, secret []byte) ([]byte, error) {
	id := k.ids[0]
	sealed := append([]byte{version, byte(len(id))}, id...)
	about := append([]byte(label), sealed...)
	return k.byID[id].Seal(sealed, nil, secret, append(about, what...)), nil
}

// Open implements Keyring.
func (k *keys) Open(what string, sealed []byte) ([]byte, error) {
	id := Uses(sealed)
	if id == "" {
		return nil, fmt.Errorf("open %s: it is not sealed in a form that this program knows: use the program that stored "+
			"it, or a newer one", what)
	}
	aead, ok := k.byID[id]
	if !ok {
		return nil, &UnknownKeyError{What: what, ID: id, Where: k.where}
	}
	head := sealed[:2+len(id)]
	about := append([]byte(label), head...)
	secret, err := aead.Open(nil, nil, sealed[len(head):], append(about, what...))
	if err != nil {
		return nil, fmt.Errorf("open %s with the master key %s of %s: it was sealed with another key of this id, for "+
			"something else, or has changed", what, id, k.where)
	}
	return secret, nil
}

// Newest implements Keyring.
func (k *keys) Newest() string { return k.ids[0] }

// IDs implements Keyring. The caller must not change them.
func (k *keys) IDs() []string { return k.ids }

// UnknownKeyError says that a secret was sealed with a key that there is not.
type UnknownKeyError struct{ What, ID, Where string }

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("open %s: it is sealed with the master key %s, which %s has not: add the line of that key there, "+
		"below the others", e.What, e.ID, e.Where)
}

// Uses is the id of the key that something is sealed with, "" if it is not
// sealed in a form that is known.
func Uses(sealed []byte) string {
	if len(sealed) < 2 || sealed[0] != version {
		return ""
	}
	length := int(sealed[1])
	if len(sealed) < 2+length || !idGrammar.Match(sealed[2:2+length]) {
		return ""
	}
	return string(sealed[2 : 2+length])
}

// newAEAD returns AES-256-GCM that writes a random nonce in front.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// newID returns the id of a new key.
func newID() string { return strings.ToLower(rand.Text()[:10]) }
