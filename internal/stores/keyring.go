package stores

import (
	"path/filepath"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/keyring"
)

// masterKeyFile is the file of the master keys, and whether it is made where
// there is none: only the one that is not configured is. It is "" if there is no file.
func masterKeyFile(cfg config.Config) (path string, create bool) {
	switch {
	case cfg.Secrets.KeyFile != "":
		return cfg.Secrets.KeyFile, false
	case cfg.Secrets.MasterKey != "" || cfg.Ephemeral || cfg.Database != "":
		return "", false
	}
	return filepath.Join(cfg.Data, "master.key"), true
}

// OpenKeyring reads the master keys, and makes the first one of an embedded
// deployment. It is keyring.None for a deployment that has none.
func OpenKeyring(cfg config.Config) (keyring.Keyring, error) {
	path, create := masterKeyFile(cfg)
	switch {
	case create:
		if err := makeData(cfg); err != nil {
			return nil, err
		}
		file, err := keyring.OpenFile(path, true)
		if err != nil {
			return nil, explainPermission(cfg.Data, err)
		}
		return file, nil
	case path != "":
		file, err := keyring.OpenFile(path, false)
		if err != nil {
			return nil, err
		}
		return file, nil
	case cfg.Secrets.MasterKey != "":
		return cfg.Secrets.MasterKey.Keyring()
	case cfg.Ephemeral:
		return keyring.Parse(keyring.Generate(), "the memory of this server")
	}
	return keyring.None{}, nil
}

// MasterKeys says where the master keys are of a deployment that has some.
func MasterKeys(cfg config.Config) string {
	if path, _ := masterKeyFile(cfg); path != "" {
		return path
	}
	return "the variable TWINPORT_MASTER_KEY"
}
