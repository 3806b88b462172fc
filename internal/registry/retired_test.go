package registry_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/jobs"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/sweep"
)

// TestRetiredRepositoryIsDeletedAtOnce, by the job that its deletion wakes; a
// small repository wakes nobody.
func TestRetiredRepositoryIsDeletedAtOnce(t *testing.T) {
	d := openStill(t)
	r := jobs.New(slog.New(slog.DiscardHandler))
	woken := 0
	d.OnRetired(func() {
		woken++
		r.Wake(sweep.RepositoriesJob)
	})
	r.Start(d.meta, sweep.Repositories(d.swept))
	defer r.Stop()
	within := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	within("the job never ran", func() bool { return !r.Stats()[0].Finished.IsZero() })

	d.create(in(prod))
	if _, err := d.DeleteRepository(ctx, root(prodAccount), in(prod), true); err != nil || woken != 0 {
		t.Errorf("a small one: woken %d times, %v", woken, err)
	}
	d.create(in(prod))
	repository, err := d.meta.Repository(ctx, prodAccount, prod.Region, in(prod).Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = d.meta.Update(ctx, func(tx *metadata.Tx) error {
		for i := range 1000 {
			m := metadata.Manifest{Digest: digest.FromString(fmt.Sprint(i)).String(), MediaType: "t", PushedAt: d.clock.now()}
			if err := tx.Images().Put(repository, m, []byte("{}"), nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.DeleteRepository(ctx, root(prodAccount), in(prod), true); err != nil || woken != 1 {
		t.Errorf("a large one: woken %d times, %v", woken, err)
	}
	within("its rows are left", func() bool {
		ids, err := d.meta.Read(ctx).Repositories().Retired(10)
		if err != nil {
			t.Fatal(err)
		}
		return len(ids) == 0
	})
}
