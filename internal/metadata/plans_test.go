package metadata

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/test/servers"
)

// Much of everything, so that the planners find indexes worth their while. The
// words differ between the engines: series(n) counts from 1 to n.
var manyRows = []string{
	`INSERT INTO registries (account, region) SELECT CAST(100000000000 + i AS TEXT), 'r' FROM series(20)`,
	`INSERT INTO repositories (registry_id, name, created_at, tag_mutability, encryption_type) SELECT 1 + i % 20, 'app' || i, 1, 'MUTABLE', 'AES256' FROM series(20000)`,
	`INSERT INTO blobs (digest, size, created_at, object) SELECT 'sha256:' || i, i, 1, 'object' || i FROM series(60000)`,
	`INSERT INTO layers (repository_id, digest, size, linked_at) SELECT 1 + i % 2000, 'sha256:' || i, i, 1 FROM series(60000)`,
	`INSERT INTO manifests (repository_id, digest, media_type, subject, size, image_size, pushed_at, bytes) SELECT 1 + i % 2000, 'sha256:m' || i, 't', CASE i % 4 WHEN 0 THEN 'sha256:m1' ELSE '' END, 1, 1, 1, '{}' FROM series(30000)`,
	`INSERT INTO manifest_references (manifest_id, target, repository_id, child, media_type) SELECT m.id, 'sha256:' || (m.id * 8 + i), m.repository_id, 0, 't' FROM manifests m, series(8)`,
	`INSERT INTO tags (repository_id, name, manifest_id, sequence, updated_at) SELECT repository_id, 'tag' || id, id, id, 1 FROM manifests`,
	`INSERT INTO replications (manifest_id, tag, sequence, destination_account, destination_region, state, next_try_at, pushed_at, changed_at, source_registry_id)
		SELECT m.id, '', m.id, '100000000002', 'r', CASE WHEN m.id % 100 = 0 THEN 'IN_PROGRESS' WHEN m.id % 100 = 1 THEN 'FAILED' ELSE 'COMPLETE' END, m.id, 1, m.id, p.registry_id
		FROM manifests m JOIN repositories p ON p.id = m.repository_id`,
	`INSERT INTO replication_statistics SELECT 1 + i % 20, i, '100000000002', 'r', 'p', 1, 1, 1, '', 1, 1, 1 FROM series(20000)`,
	`INSERT INTO uploads (id, repository_id, started_at) SELECT 'upload' || i, 1 + i % 2000, i FROM series(20000)`,
	`INSERT INTO garbage (object, size) SELECT 'gone' || i, 1 FROM series(60000)`,
	`INSERT INTO tag_watermarks (repository_id, tag, source_registry_id, sequence) SELECT 1 + i % 2000, 'tag' || i, 1, i FROM series(20000)`,
	`INSERT INTO resource_tags (repository_id, key, value) SELECT i, 'k', 'v' FROM series(2000)`,
	`INSERT INTO sessions (id, account, access_key, created_at, expires_at, user_agent, remote_address) SELECT 'session' || i, CAST(100000000000 + i % 200 AS TEXT), 'k', i, 1000 + i, '', '' FROM series(20000)`,
	`ANALYZE`,
}

// explainer is a conn that only asks how queries would be run.
type explainer struct {
	t       *testing.T
	dialect *dialect
	explain func(query string, args []any) (string, error)
	plans   []string
}

func (e *explainer) all(query string, args []any, _ func(row func(dest ...any) error) error) error {
	plan, err := e.explain(e.dialect.render(query), args)
	if err != nil {
		e.t.Errorf("%s: %v", query, err)
	}
	e.plans = append(e.plans, plan)
	return nil
}

func (e *explainer) one(query string, args []any, _ ...any) error { return e.all(query, args, nil) }
func (e *explainer) changed(query string, args ...any) (int64, error) {
	return 1, e.all(query, args, nil)
}
func (e *explainer) exec(query string, args ...any) error        { return e.all(query, args, nil) }
func (e *explainer) id(query string, args []any, _ *int64) error { return e.all(query, args, nil) }
func (e *explainer) ahead() conn                                 { return nil }
func (e *explainer) nextSequence(registry int64) (string, []any) { return `SELECT 1`, nil }

func rowsOf(db *sql.Conn, t *testing.T, query string, column int, args ...any) (string, error) {
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var lines []string
	columns, _ := rows.Columns()
	for rows.Next() {
		into := make([]any, len(columns))
		var line string
		for i := range into {
			into[i] = new(any)
		}
		into[column] = &line
		if err := rows.Scan(into...); err != nil {
			return "", err
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n"), rows.Err()
}

var (
	// Reads of a whole table, in the words of either engine; or, SQLite's, of a
	// whole index.
	postgresScan = regexp.MustCompile(
		`Seq Scan on (layers|manifests|manifest_references|tags|blobs|replications|uploads|garbage|repositories|tag_watermarks|resource_tags|replication_statistics|sessions)\b`)
	sqliteScan = regexp.MustCompile(`(?m)^SCAN ([a-z]+)( USING.*)?$`)
)

// partOfKey finds a row that is looked up by less than is known of it.
var partOfKey = regexp.MustCompile(
	`Join Filter: .*|Index Scan using replications_waiting.*\n\s*Filter: \(\(?id = .*|Materialize`)

// A plan is kept until the statistics of its tables change, which takes minutes
// on a new database. So those that are made while it is empty must do, too.
func TestPlansOfEmptyTables(t *testing.T) {
	t.Parallel()
	database := servers.Postgres(t)
	store := openPostgres(t, database)
	checkPlans(t, postgresExplainer(t, store, "force_generic_plan"), func(name, plan string) bool {
		// These run once a sweep, and then with statistics; or their tables are small.
		if slices.Contains([]string{"UnlinkUnused", "OrphanObjects"}, name) {
			return false
		}
		return partOfKey.MatchString(plan)
	})
}

// Every query that pulls, pushes, replications and sweeps ask finds its rows by
// an index, however many there are.
func TestPlansUseIndexes(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		openStore(t, dir).Close()
		db, err := openSQL(t, "sqlite", dataSource(filepath.Join(dir, "metadata.db"), "")).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range manyRows {
			series := regexp.MustCompile(`series\((\d+)\)`)
			if m := series.FindStringSubmatch(statement); m != nil {
				// Its planner does not look at how many there are.
				n, err := strconv.Atoi(m[1])
				if err != nil {
					t.Fatal(err)
				}
				n = max(n/9, min(n, 2000))
				statement = series.ReplaceAllString(statement, "series")
				statement = strings.Replace(statement, "SELECT", "WITH RECURSIVE series (i) AS (SELECT 1 UNION ALL SELECT i + 1 "+
					"FROM series WHERE i < "+strconv.Itoa(n)+") SELECT", 1)
			}
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		e := &explainer{t: t, dialect: sqliteDialect(), explain: func(query string, args []any) (string, error) {
			return rowsOf(db, t, "EXPLAIN QUERY PLAN "+query, 3, args...)
		}}
		checkPlans(t, e, func(name, plan string) bool {
			// As many as it may count, of an index of those that wait.
			if name == "Backlog" && strings.Contains(plan, "COVERING INDEX replications_waiting") {
				return false
			}
			// Each route is looked up by all that is known of it.
			if name == "WaitingRoutes" && strings.Count(plan, "replications_waiting "+
				"((source_registry_id,destination_account,destination_region)>(?,?,?))") != 2 {
				return true
			}
			// The last row of a table in the order of its key is found at once.
			if (name == "LayersAfter" || name == "BlobsAfter") && !strings.Contains(plan, "TEMP B-TREE") {
				return false
			}
			for _, m := range sqliteScan.FindAllStringSubmatch(plan, -1) {
				if !slices.Contains([]string{
					"d", "graph", "g", "missing", "json_each", "looked", "ranked", "w", "waiting", "s", "images", "opened", "page",
				}, m[1]) {
					return true
				}
			}
			return false
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		database := migrated.Postgres(t)
		store := openPostgres(t, database)
		db, err := openSQL(t, "pgx", database).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		series := regexp.MustCompile(`series\((\d+)\)`)
		for _, statement := range manyRows {
			if _, err := db.ExecContext(t.Context(),
				series.ReplaceAllString(statement, "generate_series(1, $1) AS i")); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
			t.Run(mode, func(t *testing.T) {
				checkPlans(t, postgresExplainer(t, store, mode), func(name, plan string) bool {
					// A plan that does not know how small the range is reads all. PostgreSQL
					// uses none that costs more than those that know.
					if mode == "force_generic_plan" && (name == "UnusedLayers" || name == "UnlinkedBlobs" || name == "DoomedBlobs") {
						return false
					}
					return postgresScan.MatchString(plan)
				})
			})
		}
	})
}

// postgresExplainer asks for the plans of prepared statements, on a connection as
// the store makes them: those that are kept for any arguments, or those that are
// made for some.
func postgresExplainer(t *testing.T, store *Postgres, mode string) *explainer {
	c, err := store.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Release)
	ask := func(query string) (string, error) {
		var lines []string
		results, err := c.Conn().PgConn().Exec(context.Background(), query).ReadAll()
		for _, result := range results {
			for _, row := range result.Rows {
				lines = append(lines, string(row[0]))
			}
		}
		return strings.Join(lines, "\n"), err
	}
	if _, err := ask("SET plan_cache_mode = " + mode); err != nil {
		t.Fatal(err)
	}
	return &explainer{t: t, dialect: store.dialect, explain: func(query string, args []any) (string, error) {
		values := make([]string, len(args))
		for i, a := range args {
			switch a := a.(type) {
			case string:
				values[i] = "'" + strings.ReplaceAll(a, "'", "''") + "'"
			case []byte:
				values[i] = fmt.Sprintf(`'\x%x'`, a)
			default:
				values[i] = fmt.Sprint(a)
			}
		}
		if _, err := ask("PREPARE q AS " + query); err != nil {
			return "", err
		}
		execute := "EXPLAIN (COSTS OFF) EXECUTE q"
		if len(values) > 0 {
			execute += "(" + strings.Join(values, ", ") + ")"
		}
		plan, err := ask(execute)
		_, dropErr := ask("DEALLOCATE q")
		return plan, errors.Join(err, dropErr)
	}}
}

// wholeTables count all rows, or look into every repository: for a check or a
// move of a whole deployment.
var wholeTables = []string{"Contents", "ManifestCopies", "Totals", "Waiting"}

func checkPlans(t *testing.T, e *explainer, scans func(name, plan string) bool) {
	t.Helper()
	for name, ask := range asks(e) {
		e.plans = nil
		ask()
		for _, plan := range e.plans {
			if scans(name, plan) && !slices.Contains(wholeTables, name) {
				t.Errorf("%s reads a whole table:\n%s", name, plan)
			}
		}
		if len(e.plans) == 0 {
			t.Errorf("%s asked nothing", name)
		}
	}
}

// No query is left out of asks.
func TestEveryQueryIsPlanned(t *testing.T) {
	t.Parallel()
	planned := map[string]bool{"Ahead": true, "OnCommit": true} // these ask nothing themselves
	for name := range asks(nil) {
		name, _, _ = strings.Cut(name, ",")
		planned[name] = true
	}
	tx := reflect.TypeFor[*Tx]()
	for i := range tx.NumMethod() {
		if name := tx.Method(i).Name; !planned[name] {
			t.Errorf("asks lacks the query %s", name)
		}
	}
}

// asks has every query, by the name of its method and, where that asks in several
// ways, what is special about this one.
func asks(e *explainer) map[string]func() {
	q := &Queries{conn: e}
	tx := &Tx{Queries: q}
	r := &Repository{ID: 7, RegistryID: 3}
	digests := []string{"sha256:5", "sha256:6"}
	now := time.UnixMicro(1000)
	return map[string]func(){
		"Repository":            func() { _, _ = q.Repository("100000000003", "r", "app5") },
		"ShareRepository":       func() { _, _ = q.ShareRepository(7) },
		"HoldRepository":        func() { _, _ = q.HoldRepository(7) },
		"LockRepository":        func() { _, _ = q.LockRepository(7) },
		"ManifestContent":       func() { _, _ = q.ManifestContent(7, "sha256:m6") },
		"ManifestContentByTag":  func() { _, _ = q.ManifestContentByTag(7, "tag6") },
		"Manifest":              func() { _, _ = q.Manifest(7, "sha256:m6") },
		"ManifestSizes":         func() { _, _ = q.ManifestSizes(7, digests) },
		"Tag":                   func() { _, _ = q.Tag(7, "tag6") },
		"Tags":                  func() { _, _ = q.Tags(7, "", 100) },
		"TagsOf":                func() { _, _ = q.TagsOf(7, "sha256:m6", "", 100) },
		"TagsOfEach":            func() { _, _ = q.TagsOfEach(7, digests, 10) },
		"ImageIDs":              func() { _, _ = q.ImageIDs(7, true, true, "", "", 100) },
		"Manifests":             func() { _, _ = q.Manifests(7, -1, "", 100) },
		"Referring":             func() { _, _, _ = q.Referring(7, "sha256:14") },
		"Referrers":             func() { _, _, _ = q.Referrers(7, "sha256:m1", "", "", 100) },
		"ResourceTags":          func() { _, _ = q.ResourceTags(7) },
		"Layer":                 func() { _, _ = q.Layer(7, "sha256:6") },
		"LayerSizes":            func() { _, _ = q.LayerSizes(7, digests) },
		"RepositoriesWithLayer": func() { _, _ = q.RepositoriesWithLayer(3, "sha256:6", 100) },
		"Blob":                  func() { _, _ = q.Blob("sha256:6") },
		"LinkLayer":             func() { _, _ = tx.LinkLayer(r, "sha256:6", now) },
		"AddLayer":              func() { _ = tx.AddLayer(r, "sha256:6", 1, "o", now) },
		"ReplaceBlob":           func() { _ = tx.ReplaceBlob(Blob{Digest: "sha256:6", Object: "o"}, 1, "p") },
		"UnlinkLayer":           func() { _, _ = tx.UnlinkLayer(r, "sha256:6") },
		"PutManifest": func() {
			_ = tx.PutManifest(r, Manifest{Digest: "d"}, []byte("{}"), []Reference{{Digest: "x"}})
		},
		"SetPulledAt":           func() { _ = tx.SetPulledAt(7, "sha256:m6", now) },
		"DeleteManifest":        func() { _, _ = tx.DeleteManifest(r, "sha256:m6") },
		"SetTag":                func() { _ = tx.SetTag(r, Tag{Name: "t", Digest: "sha256:m6", Sequence: 9}, now) },
		"DeleteTag":             func() { _, _ = tx.DeleteTag(r, "tag6") },
		"AdvanceTag":            func() { _ = tx.AdvanceTag(r, Tag{Name: "t", Digest: "sha256:m6", Sequence: 9}, 1, 2, now) },
		"QueueReplication":      func() { _ = tx.QueueReplication(&Replication{RepositoryID: 7, Digest: "sha256:m6"}) },
		"ClaimReplication":      func() { _, _ = tx.ClaimReplication(100) },
		"WaitingRoutes":         func() { _, _ = q.WaitingRoutes(Route{}, 32) },
		"DueReplications":       func() { _, _ = q.DueReplications(Route{3, "100000000003", "100000000002", "r"}, now, 32) },
		"CountWaiting":          func() { _, _ = q.CountWaiting([]int64{3, 4}, 1000) },
		"Backlog":               func() { _, _, _ = q.Backlog() },
		"ReplicationsOf":        func() { _, _ = q.ReplicationsOf(7, "sha256:m6", 100) },
		"SaveReplication":       func() { _ = tx.SaveReplication(Replication{ID: 100}) },
		"NoteRetry":             func() { _, _ = tx.NoteRetry(Retry{3, "100000000002", "r", "", 9}) },
		"NoteRetry, repository": func() { _, _ = tx.NoteRetry(Retry{3, "100000000002", "r", "app5", 9}) },
		"NoteServed":            func() { _, _ = tx.NoteServed([]resource.Registry{{Account: "100000000002", Region: "r"}}) },
		"Retries":               func() { _, _ = q.Retries(Retry{}, 100) },
		"EndRetry":              func() { _ = tx.EndRetry(Retry{3, "100000000002", "r", "", 9}) },
		"RefusedRoutes":         func() { _, _ = q.RefusedRoutes(Retry{3, "100000000002", "r", "", 9}, 100, 100) },
		"RefusedRoutes, into":   func() { _, _ = q.RefusedRoutes(Retry{3, "100000000002", "r", "app5", 9}, 100, 100) },
		"RetryRefused": func() {
			_, _ = tx.RetryRefused(Retry{3, "100000000002", "r", "", 9}, RefusedRoute{}, now, now, 100)
		},
		"RetryRefused, into": func() {
			_, _ = tx.RetryRefused(Retry{3, "100000000002", "r", "app5", 9}, RefusedRoute{}, now, now, 100)
		},
		"Session":               func() { _, _ = q.Session("session6") },
		"Sessions":              func() { _, _ = q.Sessions("100000000005", 100) },
		"DeleteSessions":        func() { _, _ = tx.DeleteSessions("100000000005", []string{"session5", "x"}) },
		"DeleteExpiredSessions": func() { _ = tx.DeleteExpiredSessions(now, now.Add(time.Hour)) },
		"BoundReplications":     func() { _ = tx.BoundReplications(7, "sha256:m6", 2, 100) },
		"AdoptReplications":     func() { _, _ = tx.AdoptReplications(100) },
		"ReplicationsFrom": func() {
			_, _ = q.ReplicationsFrom(3, ReplicationComplete, time.Time{}, ReplicationKey{}, 100)
		},
		"ReplicationsInto":        func() { _, _ = q.ReplicationsInto("100000000002", "r", now, ReplicationKey{}, 100) },
		"ReplicationsByID":        func() { _, _ = q.ReplicationsByID([]int64{100, 101}) },
		"WorstReplications":       func() { _, _ = q.WorstReplications(7, "sha256:m6") },
		"WaitingReplications":     func() { _, _ = q.WaitingReplications(3, ReplicationFailed, 10000) },
		"RetryFailed":             func() { _, _ = tx.RetryFailed(3, []int64{100, 101}, now) },
		"OwnReplications":         func() { _, _ = q.OwnReplications(3, []int64{100, 101}) },
		"SaveReplicationCount":    func() { _ = tx.SaveReplicationCount(ReplicationCount{SourceRegistryID: 3}) },
		"ForgetReplicationCounts": func() { _ = tx.ForgetReplicationCounts(time.UnixMicro(100)) },
		"ReplicationCounts":       func() { _ = q.ReplicationCounts(3, time.UnixMicro(19000), nil) },
		"Repositories":            func() { _, _ = q.Repositories(3, "app5", 100) },
		"RetiredRepositories":     func() { _, _ = q.RetiredRepositories(100) },
		"FindRepositories":        func() { _, _ = q.FindRepositories(3, "app", "5", "app5", 100) },
		"RepositoriesNamed":       func() { _, _ = q.RepositoriesNamed(3, []string{"app5", "x"}) },
		"WholeImages":             func() { _, _ = q.WholeImages(7, ImageKey{}, 100) },
		"ManifestsByDigest":       func() { _, _ = q.ManifestsByDigest(7, "sha256:m", "", 100) },
		"ManifestsByTag":          func() { _, _ = q.ManifestsByTag(7, "tag", "", 100) },
		"Children":                func() { _, _ = q.Children(7, "sha256:m6", 100) },
		"ReferrersTo":             func() { _, _ = q.ReferrersTo(7, []string{"sha256:m1", "sha256:m2"}, 100) },
		"ManifestBytes":           func() { _, _ = q.ManifestBytes(7, digests) },
		"CountTagsOf":             func() { _, _ = q.CountTagsOf(7, "sha256:m6", 100) },
		"ImageParts":              func() { _, _ = q.ImageParts(7, "sha256:m6", 8, 100) },
		"ManifestHead":            func() { _, _ = q.ManifestHead(7, "sha256:m6") },
		"ManifestHead, index":     func() { _ = q.conn.one(graph+whole, []any{7, "sha256:m6"}, new(bool)) },
		"ManifestHeadByTag":       func() { _, _ = q.ManifestHeadByTag(7, "tag6") },
		"ImageBlobs":              func() { _, _ = q.ImageBlobs(7, "sha256:m6", []string{"o"}) },
		"CopyImage":               func() { _ = tx.CopyImage(7, digests, r, 3, 4, now) },
		"Upload":                  func() { _, _ = q.Upload(7, "upload6") },
		"SaveUpload":              func() { _, _ = tx.SaveUpload(Upload{ID: "upload6"}, []byte("s"), 0, now) },
		"EndUpload":               func() { _, _ = tx.EndUpload("upload6") },
		"IdleUploads":             func() { _, _ = q.IdleUploads(now, now.Add(time.Hour), "upload5", 500) },
		"UnknownUploads":          func() { _, _ = q.UnknownUploads([]string{"upload6", "x"}) },
		"LayersAfter":             func() { _, _, _ = q.LayersAfter(LayerKey{7, "sha256:6"}, 2000) },
		"UnusedLayers":            func() { _, _ = q.UnusedLayers(LayerKey{7, "sha256:6"}, LayerKey{20, "sha256:6"}, now) },
		"UnlinkUnused":            func() { _, _ = tx.UnlinkUnused(r, digests, now) },
		"BlobsAfter":              func() { _, _, _ = q.BlobsAfter("sha256:6", 2000) },
		"UnlinkedBlobs":           func() { _, _ = q.UnlinkedBlobs("sha256:60", "sha256:61") },
		"DoomedBlobs":             func() { _, _ = q.DoomedBlobs("sha256:60", "sha256:61", now) },
		"DropBlobs":               func() { _, _ = tx.DropBlobs(digests) },
		"Garbage":                 func() { _, _ = q.Garbage("gone6", 500) },
		"ForgetGarbage":           func() { _ = tx.ForgetGarbage([]string{"gone6", "x"}) },
		"OrphanObjects":           func() { _, _ = q.OrphanObjects([]ObjectKey{{"object6", "u"}, {"gone6", "u"}}) },
		"RepositoryCount":         func() { _, _ = q.RepositoryCount(3) },
		"ImageCount":              func() { _, _ = q.ImageCount(7, 100000) },
		"UploadCount":             func() { _, _ = q.UploadCount(3, 10000) },
		"StoredBytes":             func() { _, _ = q.StoredBytes(3) },
		"ReplicatedBytes":         func() { _, _ = q.ReplicatedBytes(3) },
		"CopyCost":                func() { _, _ = q.CopyCost(7, digests, 8) },
		"DeleteContent":           func() { _, _ = tx.DeleteContent(r, 1000) },

		"QueueDeletions": func() {
			_, _ = tx.QueueDeletions(Replication{
				RepositoryID: 7, Digest: "sha256:m6",
			}, nil, []resource.Registry{{Account: "100000000002", Region: "r"}}, "100000000003")
		},
		"ClaimDeletion":            func() { _, _ = tx.ClaimDeletion(100) },
		"DeleteReplicatedTags":     func() { _ = tx.DeleteReplicatedTags(r, []string{"tag6"}, "sha256:m6", 3, 4) },
		"DeleteReplicatedManifest": func() { _, _ = tx.DeleteReplicatedManifest(r, "sha256:m6", 3, 4) },
		"ChildDeletions":           func() { _, _ = q.ChildDeletions(ReplicationJob{DestinationID: 7}, "sha256:m6") },
		"MarkPushed":               func() { _ = tx.MarkPushed(r, "sha256:m6") },
		"DeletionsFrom": func() {
			_, _ = q.DeletionsFrom(3, ReplicationComplete, time.Time{}, ReplicationKey{}, 100)
		},
		"DeletionsInto":   func() { _, _ = q.DeletionsInto("100000000002", "r", now, ReplicationKey{}, 100) },
		"DeletionsByID":   func() { _, _ = q.DeletionsByID([]int64{100, 101}) },
		"ForgetDeletions": func() { _, _ = tx.ForgetDeletions(now, 1000) },

		"Blobs":             func() { _, _ = q.Blobs("sha256:6", 500) },
		"BlobsByObject":     func() { _, _ = q.BlobsByObject("object6", 500) },
		"BrokenLinks":       func() { _, _ = q.BrokenLinks(LayerKey{7, "sha256:6"}, LayerKey{8, "sha256:6"}) },
		"BrokenTags":        func() { _, _ = q.BrokenTags(TagKey{7, "tag6"}, TagKey{8, "tag6"}) },
		"Contents":          func() { _, _, _, _ = q.Contents() },
		"CountLayers":       func() { _, _ = q.CountLayers(LayerKey{7, "sha256:6"}, LayerKey{8, "sha256:6"}) },
		"CountManifests":    func() { _, _ = q.CountManifests(7) },
		"CountTags":         func() { _, _ = q.CountTags(TagKey{7, "tag6"}, TagKey{8, "tag6"}) },
		"DamagedBlobs":      func() { _, _ = q.DamagedBlobs("sha256:6", 100) },
		"DamagedLinks":      func() { _, _ = q.DamagedLinks("sha256:6", 100) },
		"HasImages":         func() { _, _ = q.HasImages(7) },
		"Lease":             func() { _, _ = q.Lease("sweep") },
		"Links":             func() { _, _ = q.Links("sha256:6", 100) },
		"LockRetired":       func() { _, _ = q.LockRetired(7) },
		"ManifestCopies":    func() { _, _ = q.ManifestCopies("sha256:m6", 6, 8) },
		"MissingReferences": func() { _, _ = q.MissingReferences(6, 8) },
		"NextSequence":      func() { _, _ = q.NextSequence(3) },
		"Registry":          func() { _, _ = q.Registry("100000000003", "r") },
		"RegistryIDs":       func() { _, _ = q.RegistryIDs([]resource.Registry{{Account: "100000000003", Region: "r"}}) },
		"Replication":       func() { _, _ = q.Replication(100) },
		"StoredManifests":   func() { _, _ = q.StoredManifests(6, 100) },
		"StoredReferences":  func() { _, _ = q.StoredReferences(6, 8) },
		"TagsAfter":         func() { _, _, _ = q.TagsAfter(TagKey{7, "tag6"}, 2000) },
		"Totals":            func() { _, _ = q.Totals() },
		"Waiting":           func() { _, _ = q.Waiting() },
		"WrongIndexSizes":   func() { _, _ = q.WrongIndexSizes(6, 8) },
		"CorrectLinkSize":   func() { _ = tx.CorrectLinkSize(7, "sha256:6") },
		"CreateRepository":  func() { _, _ = tx.CreateRepository(r) },
		"CreateSession":     func() { _ = tx.CreateSession(Session{ID: "s", Account: "100000000005"}) },
		"CreateUpload":      func() { _ = tx.CreateUpload(Upload{ID: "u", RegistryID: 3, RepositoryID: 7}) },
		"DeleteBrokenTag":   func() { _ = tx.DeleteBrokenTag(7, "tag6") },
		"DeleteRepository":  func() { _ = tx.DeleteRepository(r) },
		"DeleteResourceTag": func() { _ = tx.DeleteResourceTag(r, "k") },
		"DeleteUpload":      func() { _ = tx.DeleteUpload("upload6") },
		"DiscardDamaged":    func() { _ = tx.DiscardDamaged(DamagedBlob{Digest: "sha256:6", Object: "o"}, 1) },
		"EnsureRegistry":    func() { _ = tx.EnsureRegistry("100000000003", "r") },
		"ExpireUpload":      func() { _, _ = tx.ExpireUpload(Upload{ID: "upload6", UpdatedAt: now}) },
		"KeepLease":         func() { _, _ = tx.KeepLease("sweep", "h", "") },
		"LockRegistry":      func() { _ = tx.LockRegistry(3) },
		"QuarantineBlob":    func() { _, _ = tx.QuarantineBlob("sha256:6", "", "lost", now) },
		"RedateUpload":      func() { _ = tx.RedateUpload(Upload{ID: "upload6", UpdatedAt: now}, now) },
		"ReleaseLease":      func() { _ = tx.ReleaseLease("sweep", "h", "") },
		"RenewLink":         func() { _ = tx.RenewLink(7, "sha256:6", now) },
		"ReplaceManifest": func() {
			_ = tx.ReplaceManifest(r, Manifest{Digest: "d"}, []byte("{}"), []Reference{{Digest: "x"}})
		},
		"RetireRepository":    func() { _ = tx.RetireRepository(r) },
		"SetRegistryPolicy":   func() { _ = tx.SetRegistryPolicy(3, "{}") },
		"SetReplication":      func() { _ = tx.SetReplication(3, "{}") },
		"SetRepositoryPolicy": func() { _ = tx.SetRepositoryPolicy(r, "{}") },
		"SetResourceTag":      func() { _ = tx.SetResourceTag(r, resource.Tag{Key: "k", Value: "v"}) },
		"SetTagMutability":    func() { _ = tx.SetTagMutability(r, "MUTABLE", nil) },
		"ShareRegistry":       func() { _ = tx.ShareRegistry(3) },
		"TakeLease":           func() { _, _ = tx.TakeLease(Lease{Name: "sweep"}, "h") },
	}
}
