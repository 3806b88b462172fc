package metadata

import (
	"errors"
	"reflect"
	"testing"

	"github.com/twinport/twinport/internal/resource"
)

// Identities are as they were stored, with what a later version has set.
func TestIdentitiesAsStored(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		want := Identity{
			ID: "AROA1", Account: account, Kind: "Role", Folded: "name", Name: "Name", Path: "/x/", CreatedAt: epoch,
			Secret: []byte{0, 255}, IdentitySettings: IdentitySettings{
				Description: "é", MaxSession: 3600, TrustPolicy: "{\r\n}", Trusted: map[string]string{"arn": "AIDA1"},
				Boundary: "b", Tags: []resource.Tag{{Key: "k", Value: "v"}}, Inline: map[string]string{"p": "{}"},
			},
		}
		commit(t, s, func(tx *Tx) error {
			created, err := tx.Identities().Create(want)
			if !created {
				t.Error("it is there already")
			}
			return errors.Join(err, tx.conn.exec(`UPDATE iam_principals SET document = substr(document, 1, length(document) - 1) || ?`,
				`,"later":{"a":1}}`))
		})
		read := func() Identity {
			t.Helper()
			got, err := s.Read(t.Context()).Identities().Get(account, "Role", "name")
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		got := read()
		got.Name = "NAME"
		commit(t, s, func(tx *Tx) error { return tx.Identities().Save(got) })
		got = read()
		if got.document == "" || !reflect.DeepEqual(got.IdentitySettings, want.IdentitySettings) || got.Name != "NAME" ||
			string(got.Secret) != string(want.Secret) || !got.CreatedAt.Equal(epoch) {
			t.Errorf("%+v\nwant %+v", got, want)
		}
		later := struct{ Later struct{ A int } }{}
		if err := readDocument(got.document, &later); err != nil || later.Later.A != 1 {
			t.Errorf("%s: %v", got.document, err)
		}

		// What an identity has goes with it, and the version rises with each change.
		commit(t, s, func(tx *Tx) error {
			_, err := tx.Identities().Attach(account, PolicyAttachment{"AROA1", AsPolicy, "ANPA1"})
			return errors.Join(err, tx.Identities().Change(account), tx.Identities().Change(account),
				tx.AccessKeys().Create(AccessKey{ID: "AKIA1", User: "AROA1", Secret: []byte{1}}))
		})
		commit(t, s, func(tx *Tx) error {
			return errors.Join(tx.AccessKeys().NoteUses([]AccessKeyUse{{ID: "AKIA1", At: epoch}, {ID: "gone", At: epoch}}),
				tx.Identities().Delete("AROA1"))
		})
		q := s.Read(t.Context())
		version, err := q.Identities().Version(account)
		uses, err2 := q.Identities().Uses(account, AsPolicy, []string{"ANPA1"})
		_, err3 := q.AccessKeys().Get("AKIA1")
		_, err4 := q.AccessKeys().LastUse("AKIA1")
		if version != 2 || err != nil || len(uses) != 0 || err2 != nil || !errors.Is(err3, ErrNotFound) || !errors.Is(err4, ErrNotFound) {
			t.Errorf("version %d, %v; uses %v, %v; key %v, %v", version, err, uses, err2, err3, err4)
		}
	})
}
