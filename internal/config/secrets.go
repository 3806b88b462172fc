package config

import "github.com/twinport/twinport/internal/keyring"

const (
	// masterKeyVariable holds master keys themselves. It has no key in the file:
	// there the file of the keys is named.
	masterKeyVariable, masterKey = "TWINPORT_MASTER_KEY", "master_key"

	allowedMasterKey = "the text of a file of master keys: a line <id> <base64 of 32 bytes> for each, the newest first"
)

// Secrets says where the master keys are that seal secrets in the database. At
// most one of both is set.
type Secrets struct {
	// KeyFile is the path of the file that package keyring reads.
	KeyFile string
	// MasterKey is the text of such a file.
	MasterKey MasterKey
}

// MasterKey is the text of master keys. Formatted or logged it shows nothing.
type MasterKey string

// String, GoString and MarshalText say that there is one, and no more.
func (k MasterKey) String() string {
	if k == "" {
		return ""
	}
	return "(secret)"
}
func (k MasterKey) GoString() string             { return k.String() }
func (k MasterKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Keyring reads the keys. Load has found them valid.
func (k MasterKey) Keyring() (keyring.Keyring, error) {
	return keyring.Parse(string(k), masterKeyVariable)
}

// secrets reads where the master keys are. The file is not read: the command
// that needs it says what is wrong with it.
func (l *loader) secrets(settings map[string]setting) {
	file, hasFile := settings["secrets.key_file"]
	value, hasValue := settings[masterKey]
	if hasFile {
		l.config.Secrets.KeyFile = l.path(file)
	}
	if !hasValue {
		return
	}
	// The path would be shown twice: it is the variable's name.
	value.path = ""
	if hasFile {
		l.problemf(value, "the master keys are in a file or in this variable: set secrets.key_file or this, not both")
		return
	}
	text, ok := l.text(value, allowedMasterKey)
	if !ok {
		return
	}
	l.config.Secrets.MasterKey = MasterKey(text)
	if _, err := l.config.Secrets.MasterKey.Keyring(); err != nil {
		l.problemf(value, "%v", err)
	}
}
