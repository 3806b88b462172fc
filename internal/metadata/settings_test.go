package metadata

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSettingsOfOtherVersions: a process of an earlier version writes columns
// alone, and one of a later version has settings that this one does not know.
func TestSettingsOfOtherVersions(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		commit(t, s, func(tx *Tx) error {
			tx.stale.all = true
			return errors.Join(
				tx.conn.exec(`UPDATE repositories SET settings = ?, scan_on_push = ?`, later, true),
				tx.conn.exec(`UPDATE registries SET settings = ?`, later),
				tx.conn.exec(`INSERT INTO repositories (registry_id, name, created_at, tag_mutability, encryption_type)
					VALUES (?, 'earlier', 1, 'MUTABLE', 'AES256')`, r.RegistryRow))
		})
		for _, name := range []string{"app", "earlier"} {
			commit(t, s, func(tx *Tx) error {
				r, err := tx.Repositories().Get(account, region, name)
				if err != nil {
					return err
				}
				r.TagMutability, r.Exclusions = "MUTABLE_WITH_EXCLUSION", []string{"v*"}
				return tx.Repositories().SaveSettings(r)
			})
		}
		commit(t, s, func(tx *Tx) error {
			reg, err := tx.Registries().Get(account, region)
			reg.Policy = "{}"
			return errors.Join(err, tx.Registries().SaveSettings(reg))
		})
		for name, scan := range map[string]bool{"app": true, "earlier": false} {
			got, err := s.Repository(t.Context(), account, region, name, nil)
			if err != nil || got.TagMutability != "MUTABLE_WITH_EXCLUSION" || !slices.Equal(got.Exclusions, []string{"v*"}) ||
				got.ScanOnPush != scan || got.Encryption.Type != "AES256" || hasLater(t, got.document) != scan {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
		reg, err := s.Read(t.Context()).Registries().Get(account, region)
		if err != nil || reg.Policy != "{}" || !hasLater(t, reg.document) {
			t.Errorf("%+v, %v", reg, err)
		}
	})
}

// Rows of repositories have what is set of their registry, as it is now, beside what has columns.
func TestRegistrySettingsOfRepositories(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		for _, name := range []string{"app", "lib"} {
			newRepository(t, s, name)
		}
		set := RegistrySettings{
			AccountSettings: map[string]string{"BLOB_MOUNTING": "DISABLED"},
			Scanning:        ScanningConfiguration{Type: "ENHANCED", Rules: []ScanningRule{{"SCAN_ON_PUSH", []string{"a*"}}}},
			PullTimeExclusions: []PullTimeExclusion{
				{Principal: "arn:aws:iam::111122223333:role/r", CreatedAt: time.Unix(1, 5000).UTC()},
			},
		}
		for _, policy := range []string{"one", "two", ""} {
			set.Policy, set.Replication = policy, "["+policy+"]"
			commit(t, s, func(tx *Tx) error {
				reg, err := tx.Registries().Get(account, region)
				reg.RegistrySettings = set
				return errors.Join(err, tx.Registries().SaveSettings(reg))
			})
			for _, name := range []string{"app", "lib"} {
				got, err := s.Repository(t.Context(), account, region, name, nil)
				if err != nil || !reflect.DeepEqual(got.Registry, set) {
					t.Errorf("%s: %+v, %v, want %+v", name, got.Registry, err, set)
				}
			}
			if policy == "two" {
				set.AccountSettings, set.PullTimeExclusions = map[string]string{}, nil
			}
		}
	})
}

// later has settings that this version does not know.
const later = `{"later":{"a":[1,"b"]},"even later":true}`

// hasLater reports whether a document has all that later has.
func hasLater(t *testing.T, document string) bool {
	t.Helper()
	var got, want map[string]any
	if err := errors.Join(json.Unmarshal([]byte(document), &got), json.Unmarshal([]byte(later), &want)); err != nil {
		t.Fatal(err)
	}
	for name, value := range want {
		if !reflect.DeepEqual(got[name], value) {
			return false
		}
	}
	return true
}

func TestSettingsDocument(t *testing.T) {
	t.Parallel()
	type settings struct {
		Column  string   `json:"-"`
		Text    string   `json:"text"`
		Numbers []int    `json:"numbers"`
		Inner   struct{} `json:"inner"`
	}
	var got settings
	if err := readDocument(`{}`, &got); err != nil || !reflect.DeepEqual(got, settings{}) {
		t.Errorf("nothing: %+v, %v", got, err)
	}
	const before = `{"later":1,"numbers":[1,2],"text":"a"}`
	if err := readDocument(before, &got); err != nil || got.Text != "a" || len(got.Numbers) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	got.Column, got.Text, got.Numbers = "b", "", nil
	const want = `{"inner":{},"later":1,"numbers":null,"text":""}`
	if text, err := writeDocument(before, &got); err != nil || text != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
	if text, err := writeDocument("", &settings{Text: "\x00\xff"}); err != nil ||
		text != `{"inner":{},"numbers":null,"text":"\u0000\ufffd"}` {
		t.Errorf("%s, %v", text, err)
	}
	for _, bad := range []string{"", "[]", `{"text":1}`} {
		if err := readDocument(bad, &got); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	if _, err := writeDocument("[]", &got); err == nil {
		t.Error("written into a list")
	}
}

// TestSettingsAreAllWritten: a setting that is zero is written, too, and
// embedded fields and those without a name would hide what they are called.
func TestSettingsAreAllWritten(t *testing.T) {
	t.Parallel()
	for _, settings := range []any{RepositorySettings{}, RegistrySettings{}} {
		of := reflect.TypeOf(settings)
		for i := range of.NumField() {
			f := of.Field(i)
			if tag := f.Tag.Get("json"); tag == "" || strings.Contains(tag, ",") || f.Anonymous || !f.IsExported() {
				t.Errorf("%s.%s has the tag %q, not \"-\" or just a name", of.Name(), f.Name, tag)
			}
		}
	}
}
