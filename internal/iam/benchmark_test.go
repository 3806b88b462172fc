package iam

import (
	"fmt"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/metadata"
)

// BenchmarkManyUsers finds access keys and grants among 100,000 users, some of which are remembered.
func BenchmarkManyUsers(b *testing.B) {
	const n = 100000
	store, err := metadata.OpenSQLite(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	ids := make([]string, n)
	for from := 0; from < n; from += 1000 {
		err := store.Update(b.Context(), func(tx *metadata.Tx) error {
			for i := from; i < from+1000; i++ {
				name := fmt.Sprint("user", i)
				u := metadata.Identity{ID: newID("AIDA"), Account: owner, Kind: string(OfUser), Folded: name, Name: name, Path: "/"}
				u.Inline = map[string]string{"p": push}
				if _, err := tx.Identities().Create(u); err != nil {
					return err
				}
				id, secret := auth.NewUserKey(owner)
				sealed, _ := marking{}.Seal(keySecretName(id), []byte(secret))
				ids[i] = id
				if err := tx.AccessKeys().Create(metadata.AccessKey{
					ID: id, User: u.ID, Secret: sealed, Active: true, CreatedAt: time.Now(),
				}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for name, among := range map[string]int{"remembered": 1000, "not remembered": n} {
		b.Run(name, func(b *testing.B) {
			s := newService(b, store)
			for i := 0; b.Loop(); i++ {
				key, err := s.AccessKey(b.Context(), ids[i*7919%among])
				if err == nil {
					_, err = s.Grants(b.Context(), auth.Identity{Principal: key.Principal})
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
