package metadata

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// largeRepository is one with 100,000 images, each replicated, of which a
// thousand are children of indexes and a thousand refer to others.
var largeRepository = []string{
	`INSERT INTO registries (id, account, region) VALUES (1, '100000000001', 'r'), (2, '100000000002', 'r')`,
	`INSERT INTO repositories (id, registry_id, name, created_at, tag_mutability, encryption_type) SELECT i, 1, 'app' || i,
		1, 'MUTABLE', 'AES256' FROM series(20000)`,
	`INSERT INTO manifests (id, repository_id, digest, media_type, subject, size, image_size, pushed_at, bytes)
		SELECT i, 7, 'sha256:' || i, 't', CASE WHEN i % 100 = 1 THEN 'sha256:' || (i + 1) ELSE '' END, 1, 1, i, '{}'
		FROM series(100000)`,
	`INSERT INTO manifest_references (manifest_id, target, repository_id, child, media_type)
		SELECT id, 'sha256:' || (id + 1), 7, 1, 't' FROM manifests WHERE id % 100 = 3`,
	`INSERT INTO tags (repository_id, name, manifest_id, sequence, updated_at) SELECT repository_id, 'tag' || id, id, id, 1
		FROM manifests`,
	`INSERT INTO replications (manifest_id, tag, sequence, destination_account, destination_region, state, next_try_at,
		pushed_at, changed_at, source_registry_id)
		SELECT id, '', id, '100000000002', 'r', CASE WHEN id % 100 = 0 THEN 'IN_PROGRESS' WHEN id % 100 = 1 THEN 'FAILED' ELSE 'COMPLETE' END, id, 1, id, 1 FROM manifests`,
	`ANALYZE`,
}

// What a person looks at comes in the order of an index: a page costs as much in
// a repository of 100,000 images as in a small one.
func TestPagesOfLargeRepositoriesAreNotSorted(t *testing.T) {
	eachClosed(t, func(t *testing.T, p place) {
		s, err := p.open()
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		db, err := p.sql(t).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		series := regexp.MustCompile(`series\((\d+)\)`)
		embedded := strings.HasSuffix(t.Name(), "SQLite")
		for _, statement := range largeRepository {
			if m := series.FindStringSubmatch(statement); m != nil && embedded {
				statement = strings.Replace(series.ReplaceAllString(statement, "series"), "SELECT",
					"WITH RECURSIVE series (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < "+m[1]+") SELECT", 1)
			}
			if _, err := db.ExecContext(t.Context(),
				series.ReplaceAllString(statement, "generate_series(1, $1) AS i")); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		e := &explainer{t: t, dialect: sqliteDialect(), explain: func(query string, args []any) (string, error) {
			return rowsOf(db, t, "EXPLAIN QUERY PLAN "+query, 3, args...)
		}}
		costly := func(plan string) bool { return strings.Contains(plan, "TEMP B-TREE") }
		if !embedded {
			// As servers ask: with the settings of their connections.
			s, err := p.open()
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			pool := s.(*Postgres).pool
			if _, err := pool.Exec(t.Context(), `VACUUM ANALYZE`); err != nil {
				t.Fatal(err)
			}
			e.dialect, e.explain = postgresDialect(), func(query string, args []any) (string, error) {
				rows, err := pool.Query(t.Context(), "EXPLAIN (ANALYZE, BUFFERS) "+query, args...)
				if err != nil {
					return "", err
				}
				lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
				return strings.Join(lines, "\n"), err
			}
			pages := regexp.MustCompile(`Buffers: shared hit=(\d+)(?: read=(\d+))?`)
			costly = func(plan string) bool {
				m := pages.FindStringSubmatch(plan) // the first is of all
				hit, _ := strconv.Atoi(m[1])
				read, _ := strconv.Atoi(m[2])
				return hit+read > 700 || strings.Contains(plan, "Sort Key") && !strings.Contains(plan, "Presorted Key")
			}
		}
		q := &Queries{conn: e}
		now := time.UnixMicro(99000)
		for name, ask := range map[string]func(){
			"Images.Whole":       func() { _, _ = q.Images().Whole(7, ImageKey{}, 100) },
			"Images.Whole, next": func() { _, _ = q.Images().Whole(7, ImageKey{time.UnixMicro(50000), "sha256:50000"}, 100) },
			"Images.List":        func() { _, _ = q.Images().List(7, -1, ImageKey{}, 100, 100) },
			"Images.List, tagged, next": func() {
				_, _ = q.Images().List(7, 1, ImageKey{time.UnixMicro(50000), "sha256:50000"}, 10, 100)
			},
			"Images.IDs": func() { _, _ = q.Images().IDs(7, true, true, ImageKey{}, "", 100) },
			"Images.IDs, next": func() {
				_, _ = q.Images().IDs(7, true, true, ImageKey{time.UnixMicro(50000), "sha256:50000"}, "tag5", 100)
			},
			"Images.Lifecycle": func() {
				_, _, _ = q.Images().Lifecycle(7, LifecycleRange{Above: ImageKey{time.UnixMicro(50000), "sha256:50000"},
					Untagged: true, Prefixes: []string{""}, Limit: 10})
			},
			"Images.Lifecycle, newest": func() {
				_, _, _ = q.Images().Lifecycle(7, LifecycleRange{Below: ImageKey{time.UnixMicro(50000), "sha256:50000"},
					Newest: true, Prefixes: []string{"tag"}, Limit: 10})
			},
			"Images.ByDigest":    func() { _, _ = q.Images().ByDigest(7, "sha256:5", "", 100) },
			"Images.ByTag":       func() { _, _ = q.Images().ByTag(7, "tag5", "", 100) },
			"Images.ByTag, next": func() { _, _ = q.Images().ByTag(7, "tag5", "tag55555", 100) },
			"Replications.From": func() {
				_, _ = q.Replications().From(1, ReplicationComplete, time.Time{}, ReplicationKey{}, 100)
			},
			"Replications.From, since": func() {
				_, _ = q.Replications().From(1, ReplicationFailed, now, ReplicationKey{}, 100)
			},
			"Replications.Into": func() {
				_, _ = q.Replications().Into("100000000002", "r", time.Time{}, ReplicationKey{now, 99000}, 100)
			},
			"Replications.WaitingRoutes": func() { _, _ = q.Replications().WaitingRoutes(Route{}, 100) },
			"Replications.Due": func() {
				_, _ = q.Replications().Due(Route{1, "100000000001", "100000000002", "r", false}, now, 100)
			},
			"Repositories.Find": func() { _, _ = q.Repositories().Find(1, "app", "", "app5", 100) },
		} {
			e.plans = nil
			ask()
			if len(e.plans) != 1 || costly(e.plans[0]) {
				t.Errorf("%s:\n%s", name, strings.Join(e.plans, "\n"))
			}
		}
	})
}
