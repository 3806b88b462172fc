package expiry

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twinport/twinport/bench/seed"
	"github.com/twinport/twinport/internal/lifecycle"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/test/servers"
)

// benchImages are in the one repository of a benchmark.
const benchImages = 100_000

// BenchmarkEvaluate evaluates policies on a repository of 100,000 images. What it
// calls decide finds the images that a policy acts on; a preview stores them, too.
func BenchmarkEvaluate(b *testing.B) {
	size := seed.Size{
		Accounts: []string{"111122223333"}, Region: "us-east-1", Images: benchImages, TagsPerImage: 1,
	}
	for engine, open := range map[string]func(b *testing.B) metadata.Store{
		"SQLite": func(b *testing.B) metadata.Store {
			dir := b.TempDir()
			if err := seed.SQLite(b.Context(), dir, size, func(int) {}); err != nil {
				b.Fatal(err)
			}
			s, err := metadata.OpenSQLite(b.Context(), dir)
			if err != nil {
				b.Fatal(err)
			}
			return s
		},
		"PostgreSQL": func(b *testing.B) metadata.Store {
			url := servers.Postgres(b)
			if err := seed.Postgres(b.Context(), url, size, func(int) {}); err != nil {
				b.Fatal(err)
			}
			s, err := metadata.OpenPostgres(b.Context(), url)
			if err != nil {
				b.Fatal(err)
			}
			return s
		},
	} {
		b.Run(engine, func(b *testing.B) {
			store := open(b)
			defer store.Close()
			benchmarkEvaluate(b, store)
		})
	}
}

func benchmarkEvaluate(b *testing.B, store metadata.Store) {
	ctx := context.Background()
	r, _, err := replication.Open(ctx, registry.Config{
		Metadata: store, Accounts: []string{"111122223333"}, Regions: []string{"us-east-1"}, Grace: time.Hour,
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		b.Fatal(err)
	}
	s := New(Config{
		Registry: r, Metadata: store, Interval: time.Hour, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	repo, err := store.Read(ctx).Repositories().Get("111122223333", "us-east-1", seed.Huge)
	if err != nil {
		b.Fatal(err)
	}
	const rule = `{"rulePriority":%d,"selection":{%s,"countType":"imageCountMoreThan","countNumber":%d},` +
		`"action":{"type":"expire"}}`
	for _, c := range []struct {
		name, policy string
		marked       int64
	}{
		{"few", fmt.Sprintf(rule, 1, `"tagStatus":"tagged","tagPatternList":["build-*-00"]`, benchImages-1000), 1000},
		{"all", fmt.Sprintf(rule, 1, `"tagStatus":"any"`, 1000), benchImages - 1000},
	} {
		text := `{"rules":[` + c.policy + `]}`
		policy, err := lifecycle.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name+"/decide", func(b *testing.B) {
			for b.Loop() {
				plan := lifecycle.NewPlan(policy, time.Now())
				images := images{store, repo.ID}
				for complete := false; !complete; {
					if complete, err = plan.Count(ctx, images); err != nil {
						b.Fatal(err)
					}
				}
				marked := 0
				for at := (lifecycle.Position{}); !at.Done; {
					var marks []lifecycle.Mark
					if marks, at, err = plan.Marks(ctx, images, at); err != nil {
						b.Fatal(err)
					}
					marked += len(marks)
				}
				if int64(marked) != c.marked {
					b.Fatalf("%d images, want %d", marked, c.marked)
				}
			}
		})
		b.Run(c.name+"/preview", func(b *testing.B) {
			for b.Loop() {
				e := metadata.Evaluation{
					RepositoryID: repo.ID, Kind: metadata.LifecyclePreview, Policy: text, Status: metadata.EvaluationInProgress,
					BeganAt: time.Now(),
				}
				if err := store.Update(ctx, func(tx *metadata.Tx) error { return tx.Lifecycle().Begin(&e) }); err != nil {
					b.Fatal(err)
				}
				at := cursor{Evaluation: e.ID}
				for ended := false; !ended; {
					if at, ended, err = s.goOn(ctx, at); err != nil {
						b.Fatal(err)
					}
				}
				if e, err = store.Read(ctx).Lifecycle().Evaluation(e.ID); err != nil || e.Expiring != c.marked {
					b.Fatalf("%+v, %v, want %d images", e, err, c.marked)
				}
			}
		})
	}
}
