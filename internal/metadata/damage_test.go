package metadata

import "testing"

// TestQuarantine takes a blob out of use and brings it back, with all its links.
func TestQuarantine(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		one, two := newRepository(t, s, "one"), newRepository(t, s, "two")
		d := manifestDigest(1)
		for _, r := range []*Repository{one, two} {
			commit(t, s, func(tx *Tx) error { return addLayer(tx, r, d, 7) })
		}
		b, err := s.Read(t.Context()).Layers().Blob(d)
		if err != nil {
			t.Fatal(err)
		}
		quarantine := func(object string) (done bool) {
			commit(t, s, func(tx *Tx) (err error) {
				done, err = tx.Damage().QuarantineBlob(d, object, "wrong", epoch)
				return err
			})
			return done
		}
		if quarantine("another object") {
			t.Error("a blob with another object was taken out of use")
		}
		if !quarantine(b.Object) {
			t.Error("the blob was not taken out of use")
		}
		if has, err := hasBlob(s, d); has || err != nil {
			t.Errorf("the deployment has the blob: %v, %v", has, err)
		}
		commit(t, s, func(tx *Tx) error {
			linked, err := tx.Layers().Link(one, d, false, epoch)
			if linked {
				t.Error("a blob that is out of use could be linked")
			}
			return err
		})
		repositories, err := s.Read(t.Context()).Damage().DamagedLinks(d, 10)
		if err != nil || len(repositories) != 2 || repositories[0].String() != account+"/"+region+"/one" {
			t.Errorf("%v, %v wait for it", repositories, err)
		}
		damaged, err := s.Read(t.Context()).Damage().DamagedBlobs("", 10)
		if err != nil || len(damaged) != 1 || damaged[0].Object != b.Object || damaged[0].Reason != "wrong" ||
			damaged[0].Restored {
			t.Errorf("%+v, %v", damaged, err)
		}
		// The sweep leaves what is kept for inspection.
		if orphans, err := s.Read(t.Context()).Upkeep().OrphanObjects([]ObjectKey{{Object: b.Object}}); err != nil ||
			len(orphans) != 0 {
			t.Errorf("orphans %q, %v", orphans, err)
		}
		commit(t, s, func(tx *Tx) error { return tx.Repositories().Delete(two) })
		three := newRepository(t, s, "three")
		commit(t, s, func(tx *Tx) error {
			return tx.Layers().Add(three, []Blob{{Digest: d, Size: 7, Object: "sha256/new"}}, false, epoch)
		})
		for _, r := range []*Repository{one, three} {
			if l, err := s.Read(t.Context()).Layers().Get(r.ID, d); err != nil || l.Object != "sha256/new" || l.Size != 7 {
				t.Errorf("%s has %+v, %v", r.Name, l, err)
			}
		}
		if repositories, err := s.Read(t.Context()).Damage().DamagedLinks(d, 10); err != nil || len(repositories) != 0 {
			t.Errorf("%v, %v still wait", repositories, err)
		}
		if damaged, err = s.Read(t.Context()).Damage().DamagedBlobs("", 10); err != nil || len(damaged) != 1 ||
			!damaged[0].Restored {
			t.Fatalf("%+v, %v", damaged, err)
		}
		commit(t, s, func(tx *Tx) error { return tx.Damage().DiscardDamaged(damaged[0], 7) })
		if garbage, err := s.Read(t.Context()).Upkeep().Garbage("", 10); err != nil || len(garbage) != 1 ||
			garbage[0].Object != b.Object {
			t.Errorf("garbage %+v, %v", garbage, err)
		}
	})
}
