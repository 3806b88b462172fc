package server

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinport/twinport/internal/metadata"
)

func TestBacklogMetrics(t *testing.T) {
	ctx := context.Background()
	store, err := metadata.OpenSQLite(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(newBacklogMetrics(func() metadata.Store { return store }))
	want := func(waiting, oldest float64) {
		t.Helper()
		families, err := metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			got[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
		}
		if got["twinport_replications_waiting"] != waiting || got["twinport_replications_oldest_seconds"] < oldest ||
			oldest == 0 && got["twinport_replications_oldest_seconds"] != 0 {
			t.Errorf("%v, want %v and at least %v s", got, waiting, oldest)
		}
	}
	want(0, 0)
	err = store.Update(ctx, func(tx *metadata.Tx) error {
		if err := tx.Registries().Ensure("111122223333", "us-east-1"); err != nil {
			return err
		}
		r := &metadata.Repository{RegistryRow: 1, Account: "111122223333", Region: "us-east-1", Name: "app"}
		if _, err := tx.Repositories().Create(r); err != nil {
			return err
		}
		if err := tx.Images().Put(r, metadata.Manifest{Digest: "sha256:1"}, []byte("{}"), nil); err != nil {
			return err
		}
		return tx.Replications().Queue(&metadata.Replication{RepositoryID: r.ID, Digest: "sha256:1", Sequence: 1,
			DestinationAccount: "444455556666", DestinationRegion: "us-east-1", PushedAt: time.Now().Add(-time.Minute)})
	})
	if err != nil {
		t.Fatal(err)
	}
	want(1, 60)
}
