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
	`INSERT INTO repositories (registry_id, name, created_at, tag_mutability, encryption_type)
		SELECT 1 + i % 20, 'app' || i, 1, 'MUTABLE', 'AES256' FROM series(20000)`,
	`INSERT INTO blobs (digest, size, created_at, object) SELECT 'sha256:' || i, i, 1, 'object' || i FROM series(60000)`,
	`INSERT INTO layers (repository_id, digest, size, linked_at) SELECT 1 + i % 2000, 'sha256:' || i, i, 1
		FROM series(60000)`,
	`INSERT INTO manifests (repository_id, digest, media_type, subject, size, image_size, pushed_at, bytes)
		SELECT 1 + i % 2000, 'sha256:m' || i, 't', CASE i % 4 WHEN 0 THEN 'sha256:m1' ELSE '' END, 1, 1, 1, '{}'
		FROM series(30000)`,
	`INSERT INTO manifest_references (manifest_id, target, repository_id, child, media_type)
		SELECT m.id, 'sha256:' || (m.id * 8 + i), m.repository_id, 0, 't' FROM manifests m, series(8)`,
	`INSERT INTO tags (repository_id, name, manifest_id, sequence, updated_at) SELECT repository_id, 'tag' || id, id, id, 1
		FROM manifests`,
	`INSERT INTO replications (manifest_id, tag, sequence, destination_account, destination_region, state, next_try_at,
		pushed_at, changed_at, source_registry_id)
		SELECT m.id, '', m.id, '100000000002', 'r', CASE WHEN m.id % 100 = 0 THEN 'IN_PROGRESS' WHEN m.id % 100 = 1 THEN 'FAILED' ELSE 'COMPLETE' END, m.id, 1, m.id, p.registry_id
		FROM manifests m JOIN repositories p ON p.id = m.repository_id`,
	`INSERT INTO replication_statistics SELECT 1 + i % 20, i, '100000000002', 'r', 'p', 1, 1, 1, '', 1, 1, 1
		FROM series(20000)`,
	`INSERT INTO uploads (id, repository_id, started_at) SELECT 'upload' || i, 1 + i % 2000, i FROM series(20000)`,
	`INSERT INTO garbage (object, size) SELECT 'gone' || i, 1 FROM series(60000)`,
	`INSERT INTO tag_watermarks (repository_id, tag, source_registry_id, sequence) SELECT 1 + i % 2000, 'tag' || i, 1, i
		FROM series(20000)`,
	`INSERT INTO resource_tags (repository_id, key, value) SELECT i, 'k', 'v' FROM series(2000)`,
	`INSERT INTO sessions (id, account, access_key, created_at, expires_at, user_agent, remote_address)
		SELECT 'session' || i, CAST(100000000000 + i % 200 AS TEXT), 'k', i, 1000 + i, '', '' FROM series(20000)`,
	`INSERT INTO lifecycle_policies (repository_id, policy, version, due_at) SELECT i, '{}', 1, i * 1000
		FROM series(2000)`,
	`INSERT INTO lifecycle_evaluations (repository_id, kind, policy, status, began_at, ended_at)
		SELECT 1 + i % 2000, 'RUN', '{}', 'COMPLETE', i, i FROM series(20000)`,
	`INSERT INTO lifecycle_marks (evaluation_id, pushed_at, digest, tags, size, storage_class, action, priority)
		SELECT 1 + i % 200, i, 'sha256:m' || i, '[]', 1, 'standard', 'expire', 1 FROM series(20000)`,
	`INSERT INTO creation_templates (registry_id, scope, prefix, applied_for, created_at, updated_at, settings)
		SELECT 1 + i % 20, '/app' || i || '/', 'app' || i, '["REPLICATION"]', 1, 1, '{}' FROM series(20000)`,
	`INSERT INTO replication_backfills (name, registry_id, destination_account, destination_region, status, started_at,
		ended_at) SELECT 'backfill' || i, 1 + i % 20, '100000000002', 'r', 'COMPLETE', i, i % 1000 FROM series(20000)`,
	`INSERT INTO replication_backfill_images (backfill_id, number, repository, digest, tag, status)
		SELECT 1 + i % 20, i, 'app' || i % 2000, 'sha256:m' || i, '', CASE i % 4 WHEN 0 THEN '' ELSE 'COMPLETE' END
		FROM series(30000)`,
	`INSERT INTO iam_accounts (account, version) SELECT CAST(100000000000 + i AS TEXT), 1 FROM series(2000)`,
	`INSERT INTO iam_aliases (account, alias) SELECT CAST(100000000000 + i AS TEXT), 'alias' || i FROM series(2000)`,
	`INSERT INTO iam_principals (id, account, kind, folded, name, path, created_at, document)
		SELECT 'id' || i, CAST(100000000000 + i % 200 AS TEXT), CASE i % 3 WHEN 0 THEN 'User' WHEN 1 THEN 'Group' ELSE 'Role' END,
		'name' || i, 'name' || i, '/', 1, '{}' FROM series(60000)`,
	`INSERT INTO iam_members (group_id, user_id) SELECT 'id' || (1 + i % 600 * 3), 'id' || (i % 600 * 3 + 3)
		FROM series(600)`,
	`INSERT INTO iam_attachments (principal, usage, policy, account) SELECT id, 'policy', 'policy' || id, account
		FROM iam_principals`,
	`INSERT INTO iam_policies (id, account, folded, name, path, created_at, updated_at, default_version, document)
		SELECT 'policy' || i, CAST(100000000000 + i % 200 AS TEXT), 'name' || i, 'name' || i, '/', 1, 1, 1, '{}'
		FROM series(20000)`,
	`INSERT INTO iam_policy_versions (policy, number, created_at, text) SELECT id, 1, 1, '{}' FROM iam_policies`,
	`INSERT INTO iam_access_keys (id, user_id, secret, active, created_at) SELECT 'key' || id, id, '', 1, 1
		FROM iam_principals`,
	`INSERT INTO iam_access_key_uses (id, used_at, service, region) SELECT id, 1, 'ecr', 'r' FROM iam_access_keys`,
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
	// What an index names has an index of its own, which is far smaller.
	if strings.Contains(query, "child = 1") && strings.Contains(plan, "manifest_references_by_target") {
		e.t.Errorf("%s looks among all that manifests name:\n%s", query, plan)
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
func (e *explainer) raiseSequence(registry, above int64) error   { return e.exec(`SELECT 1`) }

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
		`Seq Scan on (layers|manifests|manifest_references|tags|blobs|replications|uploads|garbage|repositories|tag_watermarks|resource_tags|replication_statistics|sessions|lifecycle_policies|lifecycle_evaluations|lifecycle_marks|creation_templates|replication_backfills|replication_backfill_images)\b`)
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
		if slices.Contains([]string{"Upkeep.UnlinkUnused", "Upkeep.OrphanObjects"}, name) {
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
		db, err := openSQL(t, "sqlite", dataSource(filepath.Join(dir, "metadata.db"))).Conn(t.Context())
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
			if name == "Replications.Backlog" && strings.Contains(plan, "COVERING INDEX replications_waiting") {
				return false
			}
			// Each route is looked up by all that is known of it.
			if name == "Replications.WaitingRoutes" && strings.Count(plan, "replications_waiting "+
				"((source_registry_id,destination_account,destination_region,backfill)>(?,?,?,?))") != 2 {
				return true
			}
			// The last row of a table in the order of its key is found at once.
			if (name == "Upkeep.LayersAfter" || name == "Upkeep.BlobsAfter") && !strings.Contains(plan, "TEMP B-TREE") {
				return false
			}
			for _, m := range sqliteScan.FindAllStringSubmatch(plan, -1) {
				if !slices.Contains([]string{
					"d", "graph", "g", "missing", "json_each", "looked", "ranked", "w", "waiting", "s", "images", "opened", "page",
					"found",
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
					if mode == "force_generic_plan" && (name == "Upkeep.UnusedLayers" || name == "Upkeep.UnlinkedBlobs" ||
						name == "Upkeep.DoomedBlobs") {
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
var wholeTables = []string{"Upkeep.Contents", "Damage.ManifestCopies", "Damage.Totals", "Damage.Waiting"}

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
	planned := map[string]bool{}
	for name := range asks(nil) {
		name, _, _ = strings.Cut(name, ",")
		planned[name] = true
	}
	subjects := 0
	for _, of := range []reflect.Type{reflect.TypeFor[*Queries](), reflect.TypeFor[*Tx]()} {
		for subject := range of.Methods() {
			if subject.Type.NumIn() != 1 || subject.Type.NumOut() != 1 {
				continue // Ahead and OnCommit ask nothing themselves
			}
			subjects++
			for query := range subject.Type.Out(0).Methods() {
				if name := subject.Name + "." + query.Name; !planned[name] {
					t.Errorf("asks lacks the query %s", name)
				}
			}
		}
	}
	if subjects < 20 {
		t.Errorf("there are %d subjects", subjects)
	}
}

// asks has every query, by the name of its method and, where that asks in several
// ways, what is special about this one.
func asks(e *explainer) map[string]func() {
	q := &Queries{conn: e}
	tx := &Tx{Queries: q}
	r := &Repository{ID: 7, RegistryRow: 3}
	digests := []string{"sha256:5", "sha256:6"}
	now := time.UnixMicro(1000)
	return map[string]func(){
		"Identities.Version":  func() { _, _ = q.Identities().Version("100000000003") },
		"Identities.Alias":    func() { _, _ = q.Identities().Alias("100000000003") },
		"Identities.Get":      func() { _, _ = q.Identities().Get("100000000003", "User", "name3") },
		"Identities.ByID":     func() { _, _ = q.Identities().ByID("id3") },
		"Identities.List":     func() { _, _ = q.Identities().List("100000000003", "User", "/", "name3", 100) },
		"Identities.Count":    func() { _, _ = q.Identities().Count("100000000003", "User") },
		"Identities.GroupsOf": func() { _, _ = q.Identities().GroupsOf("id3", 10) },
		"Identities.Members":  func() { _, _ = q.Identities().Members("id4", "name3", 100) },
		"Identities.Attached": func() { _, _ = q.Identities().Attached([]string{"id3", "id4"}) },
		"Identities.With": func() {
			_, _ = q.Identities().With("100000000003", "policyid3", AsPolicy, "User", "/", "name3", 100)
		},
		"Identities.Uses": func() {
			_, _ = q.Identities().Uses("100000000003", AsPolicy, []string{"policyid3", "policyid4"})
		},
		"Identities.Change":      func() { _ = tx.Identities().Change("100000000003") },
		"Identities.SetAlias":    func() { _, _ = tx.Identities().SetAlias("100000000003", "x") },
		"Identities.DeleteAlias": func() { _, _ = tx.Identities().DeleteAlias("100000000003", "x") },
		"Identities.Create": func() {
			_, _ = tx.Identities().Create(Identity{ID: "new", Account: "100000000003", Kind: "User", Folded: "new"})
		},
		"Identities.Save":         func() { _ = tx.Identities().Save(Identity{ID: "id3", Folded: "new"}) },
		"Identities.Delete":       func() { _ = tx.Identities().Delete("id3") },
		"Identities.AddMember":    func() { _, _ = tx.Identities().AddMember("id4", "id3") },
		"Identities.RemoveMember": func() { _, _ = tx.Identities().RemoveMember("id4", "id3") },
		"Identities.Attach": func() {
			_, _ = tx.Identities().Attach("100000000003", PolicyAttachment{"id3", AsPolicy, "policy1"})
		},
		"Identities.Detach":        func() { _, _ = tx.Identities().Detach(PolicyAttachment{"id3", AsPolicy, "policy1"}) },
		"ManagedPolicies.Get":      func() { _, _ = q.ManagedPolicies().Get("100000000003", "name3") },
		"ManagedPolicies.ByIDs":    func() { _, _ = q.ManagedPolicies().ByIDs([]string{"policy3", "policy4"}) },
		"ManagedPolicies.List":     func() { _, _ = q.ManagedPolicies().List("100000000003", "/", "name3", 100) },
		"ManagedPolicies.Count":    func() { _, _ = q.ManagedPolicies().Count("100000000003") },
		"ManagedPolicies.Versions": func() { _, _ = q.ManagedPolicies().Versions("policy3") },
		"ManagedPolicies.Defaults": func() { _, _ = q.ManagedPolicies().Defaults([]string{"policy3", "policy4"}) },
		"ManagedPolicies.Create": func() {
			_, _ = tx.ManagedPolicies().Create(ManagedPolicy{ID: "new", Account: "100000000003", Folded: "new"})
		},
		"ManagedPolicies.Save":          func() { _ = tx.ManagedPolicies().Save(ManagedPolicy{ID: "policy3"}) },
		"ManagedPolicies.Delete":        func() { _ = tx.ManagedPolicies().Delete("policy3") },
		"ManagedPolicies.AddVersion":    func() { _ = tx.ManagedPolicies().AddVersion(ManagedPolicyVersion{Policy: "policy3", Number: 2}) },
		"ManagedPolicies.DeleteVersion": func() { _, _ = tx.ManagedPolicies().DeleteVersion("policy3", 1) },
		"AccessKeys.Get":                func() { _, _ = q.AccessKeys().Get("keyid3") },
		"AccessKeys.Of":                 func() { _, _ = q.AccessKeys().Of("id3") },
		"AccessKeys.LastUse":            func() { _, _ = q.AccessKeys().LastUse("keyid3") },
		"AccessKeys.Create":             func() { _ = tx.AccessKeys().Create(AccessKey{ID: "new", User: "id3", Secret: []byte{1}}) },
		"AccessKeys.SetActive":          func() { _, _ = tx.AccessKeys().SetActive("id3", "keyid3", true) },
		"AccessKeys.Delete":             func() { _, _ = tx.AccessKeys().Delete("id3", "keyid3") },
		"AccessKeys.NoteUses": func() {
			_ = tx.AccessKeys().NoteUses([]AccessKeyUse{{ID: "keyid3", Service: "ecr", Region: "r", At: now}})
		},
		"CreationTemplates.Get":     func() { _, _ = q.CreationTemplates().Get(3, "app5") },
		"CreationTemplates.For":     func() { _, _ = q.CreationTemplates().For(3, "app5/web/x", ForPush) },
		"CreationTemplates.List":    func() { _, _ = q.CreationTemplates().List(3, "/app", 100) },
		"CreationTemplates.Named":   func() { _, _ = q.CreationTemplates().Named(3, []string{"app5", "app6"}, "", 100) },
		"CreationTemplates.Count":   func() { _, _ = q.CreationTemplates().Count(3, 1000) },
		"CreationTemplates.Create":  func() { _, _ = tx.CreationTemplates().Create(CreationTemplate{RegistryRow: 3, Prefix: "new"}) },
		"CreationTemplates.Save":    func() { _ = tx.CreationTemplates().Save(CreationTemplate{RegistryRow: 3, Prefix: "app5"}) },
		"CreationTemplates.Delete":  func() { _ = tx.CreationTemplates().Delete(CreationTemplate{RegistryRow: 3, Prefix: "app5"}) },
		"Repositories.Get":          func() { _, _ = q.Repositories().Get("100000000003", "r", "app5") },
		"Repositories.Share":        func() { _, _ = q.Repositories().Share(7) },
		"Repositories.Hold":         func() { _, _ = q.Repositories().Hold(7) },
		"Repositories.Lock":         func() { _, _ = q.Repositories().Lock(7) },
		"Images.Content":            func() { _, _ = q.Images().Content(7, "sha256:m6") },
		"Images.ContentByTag":       func() { _, _ = q.Images().ContentByTag(7, "tag6") },
		"Images.Manifest":           func() { _, _ = q.Images().Manifest(7, "sha256:m6") },
		"Images.Sizes":              func() { _, _ = q.Images().Sizes(7, digests) },
		"Tags.Get":                  func() { _, _ = q.Tags().Get(7, "tag6") },
		"Tags.List":                 func() { _, _ = q.Tags().List(7, "", 100) },
		"Tags.Of":                   func() { _, _ = q.Tags().Of(7, "sha256:m6", "", 100) },
		"Tags.OfEach":               func() { _, _ = q.Tags().OfEach(7, digests, 10) },
		"Images.IDs":                func() { _, _ = q.Images().IDs(7, true, true, ImageKey{now, "sha256:m6"}, "", 100) },
		"Images.IDs, tagged":        func() { _, _ = q.Images().IDs(7, true, false, ImageKey{now, "sha256:m6"}, "", 100) },
		"Images.IDs, untagged":      func() { _, _ = q.Images().IDs(7, false, true, ImageKey{now, "sha256:m6"}, "", 100) },
		"Images.List":               func() { _, _ = q.Images().List(7, -1, ImageKey{now, "sha256:m6"}, 100, 1000) },
		"Images.List, tagged":       func() { _, _ = q.Images().List(7, 1, ImageKey{now, "sha256:m6"}, 100, 1000) },
		"Images.List, untagged":     func() { _, _ = q.Images().List(7, 0, ImageKey{now, "sha256:m6"}, 100, 1000) },
		"Images.Indexes":            func() { _, _ = q.Images().Indexes(7, "sha256:m6") },
		"Images.Referring":          func() { _, _, _ = q.Images().Referring(7, "sha256:14") },
		"Images.Referrers":          func() { _, _, _ = q.Images().Referrers(7, "sha256:m1", []string{"a", "b"}, "", 100) },
		"Repositories.ResourceTags": func() { _, _ = q.Repositories().ResourceTags(7) },
		"Layers.Get":                func() { _, _ = q.Layers().Get(7, "sha256:6") },
		"Layers.Sizes":              func() { _, _ = q.Layers().Sizes(7, digests) },
		"Layers.RepositoriesWith":   func() { _, _ = q.Layers().RepositoriesWith(3, "sha256:6", 100) },
		"Layers.Blob":               func() { _, _ = q.Layers().Blob("sha256:6") },
		"Layers.Link":               func() { _, _ = tx.Layers().Link(r, "sha256:6", false, now) },
		"Layers.Known":              func() { _, _ = q.Layers().Known([]string{"sha256:6"}) },
		"Layers.Add":                func() { _ = tx.Layers().Add(r, []Blob{{Digest: "sha256:6", Size: 1, Object: "o"}}, false, now) },
		"Layers.ReplaceBlob":        func() { _ = tx.Layers().ReplaceBlob(Blob{Digest: "sha256:6", Object: "o"}, 1, "p") },
		"Layers.Unlink":             func() { _, _ = tx.Layers().Unlink(r, "sha256:6") },
		"Images.Put": func() {
			_ = tx.Images().Put(r, Manifest{Digest: "d"}, []byte("{}"), []Reference{{Digest: "x"}})
		},
		"Images.SetPulledAt": func() { _ = tx.Images().SetPulledAt(7, "sha256:m6", now) },
		"Images.Delete":      func() { _, _ = tx.Images().Delete(r, "sha256:m6") },
		"Tags.Set": func() {
			_ = tx.Tags().Set(r, Tag{Name: "t", Digest: "sha256:m6", Sequence: 9}, now)
		},
		"Tags.Delete": func() { _, _ = tx.Tags().Delete(r, "tag6") },
		"Tags.Advance": func() {
			_ = tx.Tags().Advance(r, Tag{Name: "t", Digest: "sha256:m6", Sequence: 9}, 1, 2, now)
		},
		"Replications.Queue": func() {
			_ = tx.Replications().Queue(&Replication{RepositoryID: 7, Digest: "sha256:m6"})
		},
		"Replications.Claim":         func() { _, _ = tx.Replications().Claim(100) },
		"Replications.WaitingRoutes": func() { _, _ = q.Replications().WaitingRoutes(Route{}, 32) },
		"Replications.Due": func() {
			_, _ = q.Replications().Due(Route{3, "100000000003", "100000000002", "r", false}, now, 32)
		},
		"Replications.CountWaiting": func() { _, _ = q.Replications().CountWaiting([]int64{3, 4}, 1000) },
		"Replications.Backlog":      func() { _, _ = q.Replications().Backlog() },
		"Replications.Of":           func() { _, _ = q.Replications().Of(7, "sha256:m6", 100) },
		"Replications.Save":         func() { _ = tx.Replications().Save(Replication{ID: 100}) },
		"Replications.End":          func() { _, _ = tx.Replications().End(Replication{ID: 100}) },
		"Replications.NoteRetry": func() {
			_, _ = tx.Replications().NoteRetry(Retry{3, "100000000002", "r", "", 9})
		},
		"Replications.NoteRetry, repository": func() {
			_, _ = tx.Replications().NoteRetry(Retry{3, "100000000002", "r", "app5", 9})
		},
		"Replications.NoteServed": func() {
			_, _ = tx.Replications().NoteServed([]resource.Registry{{Account: "100000000002", Region: "r"}})
		},
		"Replications.Retries":  func() { _, _ = q.Replications().Retries(Retry{}, 100) },
		"Replications.EndRetry": func() { _ = tx.Replications().EndRetry(Retry{3, "100000000002", "r", "", 9}) },
		"Replications.RefusedRoutes": func() {
			_, _ = q.Replications().RefusedRoutes(Retry{3, "100000000002", "r", "", 9}, 100, 100)
		},
		"Replications.RefusedRoutes, into": func() {
			_, _ = q.Replications().RefusedRoutes(Retry{3, "100000000002", "r", "app5", 9}, 100, 100)
		},
		"Replications.RetryRefused": func() {
			_, _ = tx.Replications().RetryRefused(Retry{3, "100000000002", "r", "", 9}, RefusedRoute{}, now, now, 100)
		},
		"Replications.RetryRefused, into": func() {
			_, _ = tx.Replications().RetryRefused(Retry{3, "100000000002", "r", "app5", 9}, RefusedRoute{}, now, now, 100)
		},
		"Sessions.Get":           func() { _, _ = q.Sessions().Get("session6") },
		"Sessions.List":          func() { _, _ = q.Sessions().List("100000000005", 100) },
		"Sessions.Delete":        func() { _, _ = tx.Sessions().Delete("100000000005", []string{"session5", "x"}) },
		"Sessions.DeleteExpired": func() { _ = tx.Sessions().DeleteExpired(now, now.Add(time.Hour)) },
		"Replications.Bound":     func() { _ = tx.Replications().Bound(7, "sha256:m6", 2, 100) },
		"Replications.Brought": func() {
			_ = tx.Replications().Brought(Replication{ID: 100, RepositoryID: 7, Digest: "sha256:m6"})
		},
		"Replications.Adopt": func() { _, _ = tx.Replications().Adopt(100) },
		"Replications.From": func() {
			_, _ = q.Replications().From(3, ReplicationComplete, time.Time{}, ReplicationKey{}, 100)
		},
		"Replications.Into": func() {
			_, _ = q.Replications().Into("100000000002", "r", now, ReplicationKey{}, 100)
		},
		"Replications.ByID":         func() { _, _ = q.Replications().ByID([]int64{100, 101}) },
		"Replications.Worst":        func() { _, _ = q.Replications().Worst(7, "sha256:m6") },
		"Replications.Waiting":      func() { _, _ = q.Replications().Waiting(3, ReplicationFailed, 10000) },
		"Replications.Moving":       func() { _, _ = q.Replications().Moving(3, now, 100) },
		"Replications.RetryFailed":  func() { _, _ = tx.Replications().RetryFailed(3, []int64{100, 101}, now) },
		"Replications.Own":          func() { _, _ = q.Replications().Own(3, []int64{100, 101}) },
		"Replications.SaveCount":    func() { _ = tx.Replications().SaveCount(ReplicationCount{SourceRegistryRow: 3}) },
		"Replications.ForgetCounts": func() { _ = tx.Replications().ForgetCounts(time.UnixMicro(100)) },
		"Replications.Counts":       func() { _ = q.Replications().Counts(3, time.UnixMicro(19000), nil) },
		"Repositories.List":         func() { _, _ = q.Repositories().List(3, "app5", 100) },
		"Repositories.Retired":      func() { _, _ = q.Repositories().Retired(100) },
		"Repositories.Find":         func() { _, _ = q.Repositories().Find(3, "app", "5", "app5", 100) },
		"Repositories.Named":        func() { _, _ = q.Repositories().Named(3, []string{"app5", "x"}) },
		"Images.Whole":              func() { _, _ = q.Images().Whole(7, ImageKey{}, 100) },
		"Images.ByDigest":           func() { _, _ = q.Images().ByDigest(7, "sha256:m", "", 100) },
		"Images.ByTag":              func() { _, _ = q.Images().ByTag(7, "tag", "", 100) },
		"Images.Children":           func() { _, _ = q.Images().Children(7, "sha256:m6", 100) },
		"Images.ReferrersTo":        func() { _, _ = q.Images().ReferrersTo(7, []string{"sha256:m1", "sha256:m2"}, 100) },
		"Images.Bytes":              func() { _, _ = q.Images().Bytes(7, digests) },
		"Images.Lifecycle": func() {
			_, _, _ = q.Images().Lifecycle(7, LifecycleRange{Untagged: true, Prefixes: []string{"tag1", "x"}, Limit: 1000,
				TaggedAt: true, Signed: true})
		},
		"Images.Lifecycle, all": func() {
			_, _, _ = q.Images().Lifecycle(7, LifecycleRange{Untagged: true, Prefixes: []string{""}, Limit: 1000})
		},
		"Images.Lifecycle, newest": func() {
			_, _, _ = q.Images().Lifecycle(7, LifecycleRange{Newest: true, Prefixes: []string{""}, Limit: 1000})
		},
		"Images.LifecycleImage": func() { _, _ = q.Images().LifecycleImage(7, "sha256:m6") },
		"Images.Following":      func() { _, _ = q.Images().Following(7, "sha256:m1", 100) },
		"Backfills.Get":         func() { _, _ = q.Backfills().Get(3, "backfill9") },
		"Backfills.List":        func() { _, _ = q.Backfills().List(3, 100, 100) },
		"Backfills.Open":        func() { _, _ = q.Backfills().Open(3, 100) },
		"Backfills.NextOpen":    func() { _, _ = q.Backfills().NextOpen(3) },
		"Backfills.Ended":       func() { _, _ = q.Backfills().Ended(time.UnixMicro(100), 100) },
		"Backfills.Images":      func() { _, _ = q.Backfills().Images(7, "", 100, 1000, 100) },
		"Backfills.Images, failed": func() {
			_, _ = q.Backfills().Images(7, ReplicationFailed, 100, 1000, 100)
		},
		"Backfills.QueuedImages": func() {
			_, _ = q.Backfills().QueuedImages(Backfill{ID: 7, Queued: 1000, DestinationAccount: "100000000002"}, 100)
		},
		"Backfills.Lock":      func() { _, _ = tx.Backfills().Lock(7) },
		"Backfills.Begin":     func() { _ = tx.Backfills().Begin(&Backfill{RegistryRow: 3}) },
		"Backfills.Save":      func() { _ = tx.Backfills().Save(Backfill{ID: 7}) },
		"Backfills.Add":       func() { _ = tx.Backfills().Add(7, []BackfillImage{{Number: 9}}) },
		"Backfills.End":       func() { _ = tx.Backfills().End(7, []int64{6, 26}, BackfillImage{}) },
		"Backfills.Untag":     func() { _ = tx.Backfills().Untag(7, []int64{6, 26}) },
		"Backfills.Forget":    func() { _ = tx.Backfills().Forget(7, 100) },
		"Lifecycle.Policy":    func() { _, _ = q.Lifecycle().Policy(7) },
		"Lifecycle.Due":       func() { _, _ = q.Lifecycle().Due(now, time.UnixMicro(1000), 7, 100) },
		"Lifecycle.PutPolicy": func() { _ = tx.Lifecycle().PutPolicy(r, "{}", now) },
		"Lifecycle.DeletePolicy": func() {
			_, _ = tx.Lifecycle().DeletePolicy(r)
		},
		"Lifecycle.Policies":        func() { _, _ = q.Lifecycle().Policies(7, 100) },
		"Lifecycle.Schedule":        func() { _ = tx.Lifecycle().Schedule(LifecyclePolicy{RepositoryID: 7, Version: 1}, now) },
		"Lifecycle.Ran":             func() { _, _ = tx.Lifecycle().Ran(LifecyclePolicy{RepositoryID: 7, Version: 1}, now) },
		"Lifecycle.Open":            func() { _, _ = q.Lifecycle().Open(LifecycleRun, 7, 100) },
		"Lifecycle.ReplacePreviews": func() { _ = tx.Lifecycle().ReplacePreviews(r, now) },
		"Lifecycle.Evaluation":      func() { _, _ = q.Lifecycle().Evaluation(100) },
		"Lifecycle.Evaluations":     func() { _, _ = q.Lifecycle().Evaluations(7, LifecycleRun, 0, 100) },
		"Lifecycle.Runs":            func() { _, _ = q.Lifecycle().Runs("100000000002", "r", []int64{7, 8}) },
		"Lifecycle.Ended":           func() { _, _ = q.Lifecycle().Ended(LifecycleRun, time.UnixMicro(100), 100) },
		"Lifecycle.Begin":           func() { _ = tx.Lifecycle().Begin(&Evaluation{RepositoryID: 7}) },
		"Lifecycle.Mark":            func() { _ = tx.Lifecycle().Mark(100, []LifecycleMark{{Digest: "sha256:m6"}}) },
		"Lifecycle.Save":            func() { _, _ = tx.Lifecycle().Save(Evaluation{ID: 100}) },
		"Lifecycle.Marks": func() {
			_, _ = q.Lifecycle().Marks(100, 1, ImageKey{time.UnixMicro(100), "sha256:m6"}, 100)
		},
		"Lifecycle.MarksOf":  func() { _, _ = q.Lifecycle().MarksOf(100, digests) },
		"Lifecycle.Settle":   func() { _ = tx.Lifecycle().Settle(100, LifecycleMark{Digest: "sha256:m6"}) },
		"Lifecycle.Forget":   func() { _, _ = tx.Lifecycle().Forget(100, 100) },
		"Tags.CountOf":       func() { _, _ = q.Tags().CountOf(7, "sha256:m6", 100) },
		"Images.Parts":       func() { _, _ = q.Images().Parts(7, "sha256:m6", 8, 100) },
		"Images.Head":        func() { _, _ = q.Images().Head(7, "sha256:m6") },
		"Images.Head, index": func() { _ = q.conn.one(graph+whole, []any{7, "sha256:m6"}, new(bool)) },
		"Images.HeadByTag":   func() { _, _ = q.Images().HeadByTag(7, "tag6") },
		"Images.Blobs":       func() { _, _ = q.Images().Blobs(7, "sha256:m6", []string{"o"}) },
		"Images.Copy":        func() { _ = tx.Images().Copy(7, digests, r, 3, 4, now) },
		"Uploads.Get":        func() { _, _ = q.Uploads().Get(7, "upload6") },
		"Uploads.Save":       func() { _, _ = tx.Uploads().Save(Upload{ID: "upload6"}, []byte("s"), 0, now) },
		"Uploads.End":        func() { _, _ = tx.Uploads().End("upload6") },
		"Uploads.Idle":       func() { _, _ = q.Uploads().Idle(now, now.Add(time.Hour), "upload5", 500) },
		"Uploads.Unknown":    func() { _, _ = q.Uploads().Unknown([]string{"upload6", "x"}) },
		"Upkeep.LayersAfter": func() { _, _, _ = q.Upkeep().LayersAfter(LayerKey{7, "sha256:6"}, 2000) },
		"Upkeep.UnusedLayers": func() {
			_, _ = q.Upkeep().UnusedLayers(LayerKey{7, "sha256:6"}, LayerKey{20, "sha256:6"}, now)
		},
		"Upkeep.UnlinkUnused":  func() { _, _ = tx.Upkeep().UnlinkUnused(r, digests, now) },
		"Upkeep.BlobsAfter":    func() { _, _, _ = q.Upkeep().BlobsAfter("sha256:6", 2000) },
		"Upkeep.UnlinkedBlobs": func() { _, _ = q.Upkeep().UnlinkedBlobs("sha256:60", "sha256:61") },
		"Upkeep.DoomedBlobs":   func() { _, _ = q.Upkeep().DoomedBlobs("sha256:60", "sha256:61", now) },
		"Upkeep.DropBlobs":     func() { _, _ = tx.Upkeep().DropBlobs(digests) },
		"Upkeep.Garbage":       func() { _, _ = q.Upkeep().Garbage("gone6", 500) },
		"Upkeep.ForgetGarbage": func() { _ = tx.Upkeep().ForgetGarbage([]string{"gone6", "x"}) },
		"Upkeep.OrphanObjects": func() {
			_, _ = q.Upkeep().OrphanObjects([]ObjectKey{{"object6", "u"}, {"gone6", "u"}})
		},
		"Usage.Repositories":         func() { _, _ = q.Usage().Repositories(3) },
		"Usage.Images":               func() { _, _ = q.Usage().Images(7, 100000) },
		"Usage.Uploads":              func() { _, _ = q.Usage().Uploads(3, 10000) },
		"Usage.StoredBytes":          func() { _, _ = q.Usage().StoredBytes(3) },
		"Usage.ReplicatedBytes":      func() { _, _ = q.Usage().ReplicatedBytes(3) },
		"Usage.Stored":               func() { _, _ = q.Usage().Stored(3, "app", 20) },
		"Usage.Layers":               func() { _, _, _ = q.Usage().Layers(3, "sha256:1", "sha256:2") },
		"Usage.CopyCost":             func() { _, _ = q.Usage().CopyCost(7, digests, 8) },
		"Repositories.DeleteContent": func() { _, _ = tx.Repositories().DeleteContent(r, 1000) },

		"Repositories.Names": func() { _, _ = q.Repositories().Names(3, "app", "app5", 100) },
		"Images.Ordered":     func() { _, _ = q.Images().Ordered(RepositoryName{7, "app6"}, "sha256:m6", "tag6", 100) },
		"Images.Between": func() {
			_, _ = q.Images().Between(3, RegistryImage{"app5", "sha256:m6", "tag6"}, RegistryImage{"app6", "sha256:m7", ""}, 100)
		},
		"Images.BroughtBetween": func() {
			_, _ = q.Images().BroughtBetween(3, 4, RegistryImage{"app5", "sha256:m6", "tag6"},
				RegistryImage{"app6", "sha256:m7", ""}, 100)
		},
		"Images.Find": func() { _, _ = q.Images().Find(3, []RegistryImage{{"app5", "sha256:m6", "tag6"}}) },
		"Replications.InProgress": func() {
			_, _ = q.Replications().InProgress(7, resource.Registry{Account: "100000000002", Region: "r"},
				[]RegistryImage{{"app5", "sha256:m6", "tag6"}})
		},

		"Repositories.ByID":        func() { _, _ = q.Repositories().ByID(7) },
		"Images.Contents":          func() { _, _ = q.Images().Contents(7, digests) },
		"Images.ManifestSizes":     func() { _, _ = q.Images().ManifestSizes(7, digests) },
		"Images.LayersOf":          func() { _, _ = q.Images().LayersOf(7, digests) },
		"Images.BroughtBy":         func() { _ = tx.Images().BroughtBy(r, digests, 3, 4) },
		"Registries.RaiseSequence": func() { _ = tx.Registries().RaiseSequence(3, 4) },
		"Images.Receive": func() {
			_ = tx.Images().Receive(r, Manifest{Digest: "d"}, []byte("{}"), []Reference{{Digest: "x"}}, 3, 4)
		},
		"Deletions.Received": func() { _ = tx.Deletions().Received(ReplicationJob{}, now) },
		"Replications.Incoming": func() {
			_, _ = q.Replications().Incoming(Replication{DestinationAccount: "100000000002", DestinationRegion: "r"},
				resource.Registry{Account: "100000000003", Region: "r"}, "app5")
		},
		"Replications.Keep": func() { _ = tx.Replications().Keep(Replication{ID: 100, Tries: 1}) },
		"Replications.Refusing": func() {
			_, _ = q.Replications().Refusing([]resource.Registry{{Account: "100000000002", Region: "r"}})
		},
		"Replications.WaitingNumbers": func() { _, _, _ = q.Replications().WaitingNumbers(3, 100) },
		"Replications.Renumber":       func() { _ = tx.Replications().Renumber(3, 100, 7, now) },
		"Peers.Deployment":            func() { _, _ = q.Peers().Deployment() },
		"Peers.CreateDeployment":      func() { _ = tx.Peers().CreateDeployment("id", map[string]any{}) },
		"Peers.SaveDeployment":        func() { _, _ = tx.Peers().SaveDeployment(Deployment{"id", "{}"}, map[string]any{}) },
		"Peers.Get":                   func() { _, _ = q.Peers().Get("peer6") },
		"Peers.List":                  func() { _, _ = q.Peers().List("peer6", 100) },
		"Peers.Create":                func() { _ = tx.Peers().Create("peer", "name", map[string]any{}) },
		"Peers.Save":                  func() { _, _ = tx.Peers().Save(Peer{"peer6", "name", "{}"}, "other", map[string]any{}) },
		"Peers.Delete":                func() { _, _ = tx.Peers().Delete("peer6") },
		"Peers.Invitation":            func() { _, _ = q.Peers().Invitation("secret") },
		"Peers.CountInvitations":      func() { _, _ = q.Peers().CountInvitations(100) },
		"Peers.Invite":                func() { _ = tx.Peers().Invite("secret", now, map[string]any{}) },
		"Peers.UseInvitation":         func() { _, _ = tx.Peers().UseInvitation("secret", "peer6") },
		"Peers.SpendInvitations":      func() { _ = tx.Peers().SpendInvitations("peer6") },
		"Peers.ForgetInvitations":     func() { _ = tx.Peers().ForgetInvitations(now) },

		"PeerLayers.Of":             func() { _, _ = q.PeerLayers().Of("peer6", digests) },
		"PeerLayers.Begin":          func() { _, _ = tx.PeerLayers().Begin("peer6", PeerLayer{Digest: "sha256:6"}, "") },
		"PeerLayers.Name":           func() { _ = tx.PeerLayers().Name("peer6", ArrivingLayer("6"), "sha256:6") },
		"PeerLayers.Forget":         func() { _ = tx.PeerLayers().Forget("peer6", "sha256:6") },
		"PeerLayers.ForgetArriving": func() { _ = tx.PeerLayers().ForgetArriving() },
		"PeerLayers.End":            func() { _ = tx.PeerLayers().End("peer6", "sha256:6") },
		"PeerLayers.Take":           func() { _, _ = tx.PeerLayers().Take("peer6", PeerLayer{Digest: "sha256:6"}, "p") },
		"PeerLayers.Keep":           func() { _, _ = tx.PeerLayers().Keep("peer6", "sha256:6", "p", 1) },
		"PeerLayers.Release":        func() { _ = tx.PeerLayers().Release("peer6", "sha256:6", "p") },
		"PeerParts.For":             func() { _, _ = q.PeerParts().For("keeper6", 100) },
		"PeerParts.Add":             func() { _, _ = tx.PeerParts().Add(PeerPart{"p", "peer6", "sha256:6", 0, 1, "o"}) },
		"PeerParts.Remove":          func() { _ = tx.PeerParts().Remove(PeerPart{"p", "peer6", "sha256:6", 0, 1, "o"}) },
		"PeerParts.Forget":          func() { _ = tx.PeerParts().Forget("peer6", "sha256:6") },
		"PeerPositions.Of":          func() { _, _ = q.PeerPositions().Of("peer6", 3) },
		"PeerPositions.Acknowledge": func() { _ = tx.PeerPositions().Acknowledge("peer6", 3, 4) },
		"PeerPositions.Lost":        func() { _ = tx.PeerPositions().Lost("peer6", 3, 4, now) },
		"PeerPositions.Resends":     func() { _, _ = q.PeerPositions().Resends("peer6") },
		"PeerPositions.EndResend":   func() { _ = tx.PeerPositions().EndResend(PeerPosition{Peer: "peer6"}) },
		"PeerPositions.Resend": func() {
			_, _, _ = tx.PeerPositions().Resend(PeerPosition{RegistryRow: 3, ResendBefore: now},
				[]resource.Registry{{Account: "100000000002", Region: "r"}}, ReplicationKey{}, now, 100)
		},
		"PeerPositions.Received": func() {
			_, _, _ = q.PeerPositions().Received(resource.Registry{Account: "100000000003", Region: "r"})
		},
		"PeerPositions.SetReceived": func() { _ = tx.PeerPositions().SetReceived(3, 4) },
		"PeerPositions.Changed":     func() { _ = tx.PeerPositions().Changed(3, 4) },
		"PeerPositions.Changes": func() {
			_, _ = q.PeerPositions().Changes([]resource.Registry{{Account: "100000000003", Region: "r"}})
		},

		"Deletions.Queue": func() {
			_, _ = tx.Deletions().Queue(Replication{
				RepositoryID: 7, Digest: "sha256:m6",
			}, nil, []resource.Registry{{Account: "100000000002", Region: "r"}}, "100000000003")
		},
		"Deletions.Claim":          func() { _, _ = tx.Deletions().Claim(100) },
		"Deletions.DeleteTags":     func() { _ = tx.Deletions().DeleteTags(r, []string{"tag6"}, "sha256:m6", 3, 4) },
		"Deletions.DeleteManifest": func() { _, _ = tx.Deletions().DeleteManifest(r, "sha256:m6", 3, 4) },
		"Deletions.Children":       func() { _, _ = q.Deletions().Children(ReplicationJob{DestinationID: 7}, "sha256:m6") },
		"Deletions.Since":          func() { _, _, _ = q.Deletions().Since(ReplicationJob{}) },
		"Images.MarkPushed":        func() { _ = tx.Images().MarkPushed(r, "sha256:m6") },
		"Deletions.From": func() {
			_, _ = q.Deletions().From(3, ReplicationComplete, time.Time{}, ReplicationKey{}, 100)
		},
		"Deletions.Into":   func() { _, _ = q.Deletions().Into("100000000002", "r", now, ReplicationKey{}, 100) },
		"Deletions.ByID":   func() { _, _ = q.Deletions().ByID([]int64{100, 101}) },
		"Deletions.Forget": func() { _, _ = tx.Deletions().Forget(now, 1000) },

		"Upkeep.Blobs":         func() { _, _ = q.Upkeep().Blobs("sha256:6", 500) },
		"Damage.BlobsByObject": func() { _, _ = q.Damage().BlobsByObject("object6", 500) },
		"Damage.BrokenLinks": func() {
			_, _ = q.Damage().BrokenLinks(LayerKey{7, "sha256:6"}, LayerKey{8, "sha256:6"})
		},
		"Damage.BrokenTags": func() { _, _ = q.Damage().BrokenTags(TagKey{7, "tag6"}, TagKey{8, "tag6"}) },
		"Upkeep.Contents":   func() { _, _, _, _ = q.Upkeep().Contents() },
		"Damage.CountLayers": func() {
			_, _ = q.Damage().CountLayers(LayerKey{7, "sha256:6"}, LayerKey{8, "sha256:6"})
		},
		"Damage.CountManifests":    func() { _, _ = q.Damage().CountManifests(7) },
		"Damage.CountTags":         func() { _, _ = q.Damage().CountTags(TagKey{7, "tag6"}, TagKey{8, "tag6"}) },
		"Damage.DamagedBlobs":      func() { _, _ = q.Damage().DamagedBlobs("sha256:6", 100) },
		"Damage.DamagedLinks":      func() { _, _ = q.Damage().DamagedLinks("sha256:6", 100) },
		"Repositories.HasImages":   func() { _, _ = q.Repositories().HasImages(7) },
		"Leases.Get":               func() { _, _ = q.Leases().Get("sweep") },
		"Damage.Links":             func() { _, _ = q.Damage().Links("sha256:6", 100) },
		"Repositories.LockRetired": func() { _, _ = q.Repositories().LockRetired(7) },
		"Damage.ManifestCopies":    func() { _, _ = q.Damage().ManifestCopies("sha256:m6", 6, 8) },
		"Damage.MissingReferences": func() { _, _ = q.Damage().MissingReferences(6, 8) },
		"Registries.NextSequence":  func() { _, _ = q.Registries().NextSequence(3) },
		"Registries.Get":           func() { _, _ = q.Registries().Get("100000000003", "r") },
		"Registries.IDs": func() {
			_, _ = q.Registries().IDs([]resource.Registry{{Account: "100000000003", Region: "r"}})
		},
		"Replications.Get":               func() { _, _ = q.Replications().Get(100) },
		"Damage.StoredManifests":         func() { _, _ = q.Damage().StoredManifests(6, 100) },
		"Damage.StoredReferences":        func() { _, _ = q.Damage().StoredReferences(6, 8) },
		"Damage.TagsAfter":               func() { _, _, _ = q.Damage().TagsAfter(TagKey{7, "tag6"}, 2000) },
		"Damage.Totals":                  func() { _, _ = q.Damage().Totals() },
		"Damage.Waiting":                 func() { _, _ = q.Damage().Waiting() },
		"Damage.WrongIndexSizes":         func() { _, _ = q.Damage().WrongIndexSizes(6, 8) },
		"Damage.CorrectLinkSize":         func() { _ = tx.Damage().CorrectLinkSize(7, "sha256:6") },
		"Repositories.Create":            func() { _, _ = tx.Repositories().Create(r) },
		"Sessions.Create":                func() { _ = tx.Sessions().Create(Session{ID: "s", Account: "100000000005"}) },
		"Uploads.Create":                 func() { _ = tx.Uploads().Create(Upload{ID: "u", RegistryRow: 3, RepositoryID: 7}) },
		"Damage.DeleteBrokenTag":         func() { _ = tx.Damage().DeleteBrokenTag(7, "tag6") },
		"Repositories.Delete":            func() { _ = tx.Repositories().Delete(r) },
		"Repositories.DeleteResourceTag": func() { _ = tx.Repositories().DeleteResourceTag(r, "k") },
		"Uploads.Delete":                 func() { _ = tx.Uploads().Delete("upload6") },
		"Damage.DiscardDamaged": func() {
			_ = tx.Damage().DiscardDamaged(DamagedBlob{Digest: "sha256:6", Object: "o"}, 1)
		},
		"Registries.Ensure":     func() { _ = tx.Registries().Ensure("100000000003", "r") },
		"Uploads.Expire":        func() { _, _ = tx.Uploads().Expire(Upload{ID: "upload6", UpdatedAt: now}) },
		"Leases.Keep":           func() { _, _ = tx.Leases().Keep("sweep", "h", "") },
		"Registries.Lock":       func() { _ = tx.Registries().Lock(3) },
		"Damage.QuarantineBlob": func() { _, _ = tx.Damage().QuarantineBlob("sha256:6", "", "lost", now) },
		"Uploads.Redate":        func() { _ = tx.Uploads().Redate(Upload{ID: "upload6", UpdatedAt: now}, now) },
		"Leases.Release":        func() { _ = tx.Leases().Release("sweep", "h", "") },
		"Layers.Renew":          func() { _ = tx.Layers().Renew(7, "sha256:6", now) },
		"Damage.ReplaceManifest": func() {
			_ = tx.Damage().ReplaceManifest(r, Manifest{Digest: "d"}, []byte("{}"), []Reference{{Digest: "x"}})
		},
		"Repositories.Retire":         func() { _ = tx.Repositories().Retire(r) },
		"Registries.SaveSettings":     func() { _ = tx.Registries().SaveSettings(Registry{ID: 3}) },
		"Repositories.SaveSettings":   func() { _ = tx.Repositories().SaveSettings(r) },
		"Repositories.SetPolicy":      func() { _ = tx.Repositories().SetPolicy(r, "{}") },
		"Repositories.SetResourceTag": func() { _ = tx.Repositories().SetResourceTag(r, resource.Tag{Key: "k", Value: "v"}) },
		"Registries.Share":            func() { _ = tx.Registries().Share(3) },
		"Leases.Take":                 func() { _, _ = tx.Leases().Take(Lease{Name: "sweep"}, "h") },
	}
}
