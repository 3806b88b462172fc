package metadata

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/resource"
)

func TestCreationTemplatesAsStored(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		want := CreationTemplate{
			RegistryRow: r.RegistryRow, Prefix: "a/b/", AppliedFor: []Occasion{ForPush, ForReplication}, CreatedAt: epoch,
			UpdatedAt: epoch, TemplateSettings: TemplateSettings{
				Description: "d", TagMutability: "IMMUTABLE_WITH_EXCLUSION", Exclusions: []string{"x*"},
				Encryption: Encryption{Type: "AES256"}, Policy: `{"p":"é"}`, LifecyclePolicy: strings.Repeat("\r\n", 15000),
				Tags: []resource.Tag{{Key: "k", Value: "v"}}, Role: "arn",
			},
		}
		commit(t, s, func(tx *Tx) error {
			created, err := tx.CreationTemplates().Create(want)
			if !created {
				t.Error("it is there already")
			}
			return err
		})
		same := func(got CreationTemplate, err error) {
			t.Helper()
			got.document = ""
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, %v\nwant %+v", got, err, want)
			}
		}
		q := s.Read(t.Context()).CreationTemplates()
		same(q.Get(r.RegistryRow, "a/b"))
		same(q.For(r.RegistryRow, "a/b/c", ForPush))
		for name, on := range map[string]Occasion{"a/b/c": ForPullThrough, "a/b": ForPush, "a/bb/c": ForPush} {
			if got, err := q.For(r.RegistryRow, name, on); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s on %s: %+v, %v", name, on, got, err)
			}
		}
		if got, err := q.For(r.RegistryRow+1, "a/b/c", ForPush); !errors.Is(err, ErrNotFound) {
			t.Errorf("of another registry: %+v, %v", got, err)
		}

		// What a later version has set stays.
		commit(t, s, func(tx *Tx) error {
			return tx.conn.exec(`UPDATE creation_templates SET settings = ?`, later)
		})
		commit(t, s, func(tx *Tx) error {
			got, err := tx.CreationTemplates().Get(r.RegistryRow, "a/b/")
			got.TemplateSettings, got.AppliedFor, got.UpdatedAt = want.TemplateSettings, nil, epoch.Add(1000)
			return errors.Join(err, tx.CreationTemplates().Save(got))
		})
		got, err := q.Get(r.RegistryRow, "a/b")
		if err != nil || !hasLater(t, got.document) {
			t.Errorf("%s, %v", got.document, err)
		}
		want.AppliedFor, want.UpdatedAt = []Occasion{}, epoch.Add(1000).Truncate(1000)
		same(got, err)
		commit(t, s, func(tx *Tx) error { return tx.CreationTemplates().Delete(want) })
		if n, err := q.Count(r.RegistryRow, 10); n != 0 || err != nil {
			t.Errorf("%d are left, %v", n, err)
		}
	})
}
