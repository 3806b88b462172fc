package keyring

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

const (
	// maxText bounds the text of master keys, in bytes, and maxKeys how many it has.
	maxText, maxKeys = 64 << 10, 256
	// keySize is that of AES-256.
	keySize = 32

	form = "<id> <base64 of 32 bytes>, such as the line that printf '%s %s\\n' key1 \"$(openssl rand -base64 32)\" prints"
)

var idGrammar = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// Generate returns the text of a new key: a line that Parse reads.
func Generate() string {
	key := make([]byte, keySize)
	rand.Read(key) // never fails
	return newID() + " " + base64.StdEncoding.EncodeToString(key) + "\n"
}

// Parse reads master keys from a text: a line each, <id> <base64 of 32 bytes>,
// the newest first. Empty lines and those that begin with # say nothing. where
// says where the text is from, for errors, which never repeat any of it.
func Parse(text, where string) (Keyring, error) { return parse(text, where) }

func parse(text, where string) (*keys, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("%s has more than %d bytes, which is the most that is read", where, maxText)
	}
	k := &keys{where: where, byID: map[string]cipher.AEAD{}}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, aead, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d of %s: %w", number, where, err)
		}
		if k.byID[id] != nil {
			return nil, fmt.Errorf("line %d of %s has the id of a line before: give each key an id of its own", number, where)
		}
		if len(k.ids) == maxKeys {
			return nil, fmt.Errorf("%s has more than %d keys, which are the most that are read", where, maxKeys)
		}
		k.ids, k.byID[id] = append(k.ids, id), aead
	}
	if len(k.ids) == 0 {
		return nil, fmt.Errorf("%s has no master key; write a line %s", where, form)
	}
	return k, nil
}

func parseLine(line string) (id string, aead cipher.AEAD, err error) {
	fields := strings.Fields(line)
	if len(fields) != 2 || !idGrammar.MatchString(fields[0]) {
		return "", nil, errors.New("it must be " + form + "; an id has 1 to 32 letters, digits, '.', '_' and '-'")
	}
	key, err := base64.StdEncoding.Strict().DecodeString(fields[1])
	if err != nil || len(key) != keySize {
		return "", nil, errors.New("what follows the id must be the base64 of 32 bytes, with padding")
	}
	aead, err = newAEAD(key)
	return fields[0], aead, err
}
