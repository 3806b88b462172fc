package metadata

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
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
	// AccountSettings are the values of those that were set, by their names.
	AccountSettings map[string]string     `json:"accountSettings"`
	Scanning        ScanningConfiguration `json:"scanning"`
	// PullTimeExclusions are in order of Principal.
	PullTimeExclusions []PullTimeExclusion `json:"pullTimeExclusions"`
}

// ScanningConfiguration is a registry's (ECR: RegistryScanningConfiguration).
type ScanningConfiguration struct {
	Type  string         `json:"type"` // BASIC, also if it is empty, or ENHANCED
	Rules []ScanningRule `json:"rules"`
}

// ScanningRule says how often what is in repositories is scanned.
type ScanningRule struct {
	Frequency string   `json:"frequency"` // SCAN_ON_PUSH, CONTINUOUS_SCAN or MANUAL
	Filters   []string `json:"filters"`   // of the repositories' names, with wildcards
}

// PullTimeExclusion is a principal whose pulls do not count.
type PullTimeExclusion struct {
	Principal string    `json:"principal"` // its ARN
	CreatedAt time.Time `json:"createdAt"`
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

// maxDocuments bounds how many documents of registries are kept read; past it all are read again.
const maxDocuments = 256

// registryDocuments are documents of registries, with what they say. Every row of a repository comes with its
// registry's, which may be long: rows share what it says, and must not change it.
var registryDocuments struct {
	sync.RWMutex
	read map[string]RegistrySettings
}

// readRegistryDocument is readDocument for rows of repositories.
func readRegistryDocument(document string, settings *RegistrySettings) error {
	if document == "{}" {
		return nil
	}
	kept := &registryDocuments
	kept.RLock()
	says, ok := kept.read[document]
	kept.RUnlock()
	if !ok {
		if err := readDocument(document, &says); err != nil {
			return err
		}
		kept.Lock()
		if kept.read == nil || len(kept.read) >= maxDocuments {
			kept.read = map[string]RegistrySettings{}
		}
		kept.read[document] = says
		kept.Unlock()
	}
	says.Policy, says.Replication = settings.Policy, settings.Replication // which have columns
	*settings = says
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
