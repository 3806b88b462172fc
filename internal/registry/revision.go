package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// Revision names what a document says: a policy, the replication rules, the
// scanning configuration, a repository's tags or its tag mutability. Documents
// that say the same have the same revision, so nothing is stored for it.
//
// A write takes revisions as its base: it is refused unless the document that it
// replaces is at one of them (PreconditionFailed). Without a base it replaces
// whatever is there.
type Revision string

// NoRevision is that of a policy that is not there.
const NoRevision Revision = "none"

// RevisionOf a document: of a text, of rules, of tags, of a mutability and its exclusions, or of a type of scans and its
// rules.
func RevisionOf(document ...any) Revision {
	hash := sha256.New()
	for _, part := range document {
		if part == "" {
			return NoRevision
		}
		text, err := json.Marshal(part)
		if err != nil {
			panic(err) // strings, and structs and lists of them, always marshal
		}
		if string(text) == "null" {
			text = []byte("[]") // a list that is empty, whichever way
		}
		hash.Write(text)
	}
	return Revision(hex.EncodeToString(hash.Sum(nil)[:16]))
}

// Unchanged refuses a write if what it replaces is not what it is based on:
// PreconditionFailed. The transaction must have locked the row that holds the document.
func Unchanged(what string, base []Revision, document ...any) error {
	if len(base) == 0 || slices.Contains(base, RevisionOf(document...)) {
		return nil
	}
	if base[0] == NoRevision {
		return Errorf(PreconditionFailed, "Nothing was written: %s is there already: read it, "+
			"and base the change on its revision", what)
	}
	return Errorf(PreconditionFailed, "Nothing was written: %s is not at revision '%s' any more: read it again, "+
		"and base the change on its new revision", what, Shorten(string(base[0])))
}

// LockSettings returns a registry's settings as they are until the transaction changes them.
func LockSettings(tx *metadata.Tx, row int64, id resource.Registry) (metadata.Registry, error) {
	if err := tx.Registries().Lock(row); err != nil {
		return metadata.Registry{}, err
	}
	return tx.Registries().Get(id.Account, id.Region)
}

// SaveSettings stores what LockSettings has returned, changed, and says so to
// those who follow the registry.
func (s *Service) SaveSettings(tx *metadata.Tx, reg metadata.Registry) error {
	tx.OnCommit(func() { s.changes.Notify(changes.Change{Registry: reg.ID, Settings: true}) })
	return tx.Registries().SaveSettings(reg)
}

// documentOf names a document of a repository, for Unchanged.
func documentOf(what string, ref resource.Repository) string {
	return fmt.Sprintf("%s of the repository with name '%s'", what, ref.Name)
}
