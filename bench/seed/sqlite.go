package seed

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/twinport/twinport/internal/metadata"
)

// SQLite fills an empty store in folder dir. A crash meanwhile spoils it.
func SQLite(ctx context.Context, dir string, z Size, progress func(images int)) (err error) {
	store, err := metadata.OpenSQLite(ctx, dir) // makes the schema
	if err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	v := url.Values{
		"_pragma": {
			"journal_mode(OFF)", "synchronous(OFF)", "foreign_keys(0)", "locking_mode(EXCLUSIVE)", "cache_size(-1500000)",
		},
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: filepath.Join(dir, "metadata.db")}).EscapedPath()+"?"+v.Encode())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if err := z.fill(ctx, sqlite{db}, time.Now(), progress); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `UPDATE registries SET sequence = (SELECT max(id) FROM manifests)`)
	return err
}

type sqlite struct{ db *sql.DB }

// together is how many rows one statement inserts.
const together = 50

func (s sqlite) insert(ctx context.Context, t table, rows [][]any) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing after a commit
	for len(rows) > 0 {
		n := together
		if len(rows) < n {
			n = 1
		}
		row := "(?" + strings.Repeat(", ?", len(t.columns)-1) + ")"
		st, err := tx.PrepareContext(ctx, `INSERT INTO `+t.name+` (`+strings.Join(t.columns, ", ")+`) VALUES `+
			row+strings.Repeat(", "+row, n-1))
		if err != nil {
			return err
		}
		args := make([]any, 0, n*len(t.columns))
		for ; len(rows) >= n; rows = rows[n:] {
			args = args[:0]
			for _, r := range rows[:n] {
				args = append(args, r...)
			}
			if _, err := st.ExecContext(ctx, args...); err != nil {
				return errors.Join(err, st.Close())
			}
		}
		if err := st.Close(); err != nil {
			return err
		}
	}
	return tx.Commit()
}
