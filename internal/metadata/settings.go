package metadata

import (
	"encoding/json"
	"fmt"
)

// RepositorySettings are what has been set of a repository, but for its policy
// and resource tags: who may read those is decided apart.
//
// The fields with the JSON name "-" have columns, since programs of earlier
// versions, which may run beside this one, and queries know them by these. Every
// other field is a member of the JSON in the column settings: so a new setting is
// a field here, and no migration. Its zero value is what is so in rows that were
// written before there was the field. It has no omitempty, which would keep what
// was stored when it is set to zero.
type RepositorySettings struct {
	TagMutability TagMutability `json:"-"`
	// Exclusions are the wildcard filters of the two mutability settings that
	// have exclusions.
	Exclusions []string   `json:"-"`
	ScanOnPush bool       `json:"-"`
	Encryption Encryption `json:"-"`
}

// TagMutability says which tags of a repository may be moved (ECR's
// imageTagMutability).
type TagMutability string

// Encryption is a repository's encryption configuration.
type Encryption struct {
	Type   string // AES256, KMS or KMS_DSSE
	KMSKey string
}

// RegistrySettings are what has been set of a registry, with fields as
// RepositorySettings has them.
type RegistrySettings struct {
	Policy      string `json:"-"` // '' if none
	Replication string `json:"-"` // rules, JSON
}

// readDocument reads a column settings into the fields that it has members for.
func readDocument(document string, settings any) error {
	if document == "{}" {
		return nil
	}
	if err := json.Unmarshal([]byte(document), settings); err != nil {
		return fmt.Errorf("metadata: read settings: %w", err)
	}
	return nil
}

// writeDocument returns the document with the settings in it. Members that this
// program does not know stay: they are settings of a newer version's.
func writeDocument(document string, settings any) (string, error) {
	members := map[string]json.RawMessage{}
	if document != "" {
		if err := json.Unmarshal([]byte(document), &members); err != nil {
			return "", fmt.Errorf("metadata: read settings: %w", err)
		}
	}
	known, err := json.Marshal(settings)
	if err == nil {
		err = json.Unmarshal(known, &members) // leaves those that it does not have
	}
	if err != nil {
		return "", fmt.Errorf("metadata: write settings: %w", err)
	}
	text, err := json.Marshal(members)
	return string(text), err
}
