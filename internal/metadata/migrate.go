package metadata

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// migrate brings the schema to the newest that this program knows. Programs of
// two versions may use a database side by side during an upgrade: a schema that
// is newer than the program is fine as long as it says that the program's own
// may still be used (schema_compatibility).
//
// Migrations are independent of each other, so one with a lower number than
// the newest is applied when it is missing: builds from branches have left data
// that has a later one and not an earlier one.
func migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB, options ...goose.ProviderOption) error {
	p, err := newProvider(dialect, db, options...)
	if err != nil {
		return err
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	if have > want {
		if err := checkCompatible(ctx, db, have, want); err != nil {
			return err
		}
	}
	if pending, err := p.HasPending(ctx); err != nil {
		return fmt.Errorf("look for migrations that the schema lacks: %w", err)
	} else if !pending {
		return nil
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate the schema from %d to %d: %w", have, want, err)
	}
	return nil
}

func newProvider(dialect goose.Dialect, db *sql.DB, options ...goose.ProviderOption) (*goose.Provider, error) {
	files, err := migrationsOf(dialect)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, db, files, append(options, goose.WithDisableGlobalRegistry(true),
		goose.WithAllowOutofOrder(true))...)
}

// checkCompatible refuses a schema that is newer than the program and does not
// let it work.
func checkCompatible(ctx context.Context, db *sql.DB, have, want int64) error {
	var oldest int64
	if err := db.QueryRowContext(ctx, `SELECT oldest FROM schema_compatibility`).Scan(&oldest); err != nil {
		return fmt.Errorf("the database has schema %d, newer than this program's %d, and does not say which programs may "+
			"use it (%w): use the newer program", have, want, err)
	}
	if oldest > want {
		return fmt.Errorf("the database has schema %d, which needs a program that knows schema %d or later; this one "+
			"knows up to %d: use the newer program", have, oldest, want)
	}
	return nil
}

func migrationsOf(dialect goose.Dialect) (fs.FS, error) {
	if dialect == goose.DialectPostgres {
		return fs.Sub(migrations, "migrations/postgres")
	}
	return fs.Sub(migrations, "migrations/sqlite")
}
