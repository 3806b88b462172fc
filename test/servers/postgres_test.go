package servers

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

var ctx = context.Background()

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close(ctx) })
	return db
}

func mustExec(t *testing.T, db *pgx.Conn, statement string) {
	t.Helper()
	if _, err := db.Exec(ctx, statement); err != nil {
		t.Fatal(err)
	}
}

func query[V any](t *testing.T, db *pgx.Conn, statement string) V {
	t.Helper()
	var v V
	if err := db.QueryRow(ctx, statement).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPostgres(t *testing.T) {
	var first, second string
	t.Run("databases", func(t *testing.T) {
		first, second = Postgres(t), Postgres(t)
		a, b := connect(t, first), connect(t, second)
		mustExec(t, a, "CREATE TABLE images (tag text)")
		const tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
		if got := query[int](t, a, tables); got != 1 {
			t.Errorf("the first database has %d tables, want 1", got)
		}
		if got := query[int](t, b, tables); got != 0 {
			t.Errorf("the second database has %d tables, want none", got)
		}
		if os.Getenv("TEST_POSTGRES") != "" {
			return
		}
		for setting, want := range map[string]string{
			"fsync": "off", "synchronous_commit": "on", "full_page_writes": "on",
			"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "server_encoding": "UTF8",
		} {
			if got := query[string](t, a, "SHOW "+setting); got != want {
				t.Errorf("%s is %q, want %q", setting, got, want)
			}
		}
	})
	if first == "" {
		return // the reason is with the skipped test
	}
	for _, url := range []string{first, second} {
		var failure interface{ SQLState() string }
		db, err := pgx.Connect(ctx, url)
		if err == nil {
			db.Close(ctx)
		}
		if !errors.As(err, &failure) || failure.SQLState() != "3D000" {
			t.Errorf("after its test the database is still there: %v", err)
		}
	}
}

func TestPostgresWantsThePassword(t *testing.T) {
	s := StartPostgres(t)
	if _, err := pgx.Connect(ctx, strings.Replace(s.URL("postgres"), s.password, "guess", 1)); err == nil {
		t.Error("PostgreSQL lets in who does not know the password")
	}
}

func TestPostgresElsewhere(t *testing.T) {
	s := StartPostgres(t)
	db := connect(t, s.URL("postgres"))
	const databases = "SELECT count(*) FROM pg_database WHERE datname LIKE 'twinport_test_%'"
	t.Run("use", func(t *testing.T) {
		t.Setenv("TEST_POSTGRES", s.URL("postgres"))
		connect(t, Postgres(t))
		if got := query[int](t, db, databases); got != 1 {
			t.Errorf("the server named has %d databases of tests, want 1", got)
		}
	})
	if got := query[int](t, db, databases); got != 0 {
		t.Errorf("%d databases of tests are left", got)
	}
}

func TestPostgresFaults(t *testing.T) {
	s := StartPostgres(t, "max_connections=7")
	url := s.Database()
	db := connect(t, url)
	if got := query[string](t, db, "SHOW max_connections"); got != "7" {
		t.Errorf("max_connections is %s, want the setting asked for, 7", got)
	}
	mustExec(t, db, "CREATE TABLE pushes (n int)")
	stops := map[string]func(){
		"fast":      func() { s.Restart(Fast) },
		"immediate": func() { s.Restart(Immediate) },
		"stop": func() {
			s.Stop(Fast)
			if _, err := pgx.Connect(ctx, url); err == nil {
				t.Error("a stopped server lets clients in")
			}
			s.Start()
		},
		"kill": func() { s.Kill(); s.Start() },
	}
	done := 0
	for name, stop := range stops {
		db := connect(t, url)
		mustExec(t, db, "INSERT INTO pushes VALUES (1)")
		done++
		mustExec(t, db, "BEGIN")
		mustExec(t, db, "INSERT INTO pushes VALUES (1)")
		// A process of the server that is at work, not waiting for its client.
		go func() {
			if db, err := pgx.Connect(ctx, url); err == nil {
				db.Exec(ctx, "SELECT count(*) FROM generate_series(1, 1000000000)")
				db.Close(ctx)
			}
		}()
		time.Sleep(50 * time.Millisecond)
		stop()
		if _, err := db.Exec(ctx, "COMMIT"); err == nil {
			t.Errorf("%s: a transaction outlives the server", name)
		}
		if got := query[int](t, connect(t, url), "SELECT count(*) FROM pushes"); got != done {
			t.Errorf("%s: the server has %d rows, want the %d committed", name, got, done)
		}
	}
	pid := s.process.cmd.Process.Pid
	if err := syscall.Kill(pid, 0); err != nil {
		t.Errorf("PostgreSQL does not run as process %d: %v", pid, err)
	}
}
