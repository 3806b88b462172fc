package seed

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/twinport/twinport/internal/metadata"
)

// Postgres fills the empty database that the URL names. The URL's user must be
// a superuser: the checks of foreign keys are left out, as in a restore.
func Postgres(ctx context.Context, url string, z Size, progress func(images int)) error {
	store, err := metadata.OpenPostgres(ctx, url) // makes the schema
	if err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if _, err := db.Exec(ctx, `SET session_replication_role = replica; SET synchronous_commit = off`); err != nil {
		return err
	}
	if err := z.fill(ctx, postgres{db}, time.Now(), progress); err != nil {
		return err
	}
	for _, t := range []table{registries, repositories, manifests} {
		if _, err := db.Exec(ctx, fmt.Sprintf(`SELECT setval(pg_get_serial_sequence('%[1]s', 'id'), max(id)) FROM %[1]s`,
			t.name)); err != nil {
			return err
		}
	}
	if _, err := db.Exec(ctx, `SELECT setval('tag_changes', max(id)) FROM manifests`); err != nil {
		return err
	}
	// What autovacuum does soon after.
	_, err = db.Exec(ctx, `VACUUM ANALYZE`)
	return err
}

type postgres struct{ db *pgx.Conn }

func (p postgres) insert(ctx context.Context, t table, rows [][]any) error {
	_, err := p.db.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromRows(rows))
	return err
}
