package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/filestore"
	"github.com/twinport/twinport/internal/blob/s3store"
	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/migrate"
	"github.com/twinport/twinport/internal/stores"
)

// drainTimeout is how long requests that write may take to end before the rest
// of a migration is copied. Those that take longer, such as an upload of a large
// layer, are refused when they want to commit, and must be sent again.
const drainTimeout = 2 * time.Second

// endTimeout is how long a migration waits for the end of another one: that of a
// command that was killed takes a moment to notice it.
const endTimeout = 5 * time.Second

// migrations takes the requests of twinport migrate to a server with embedded
// stores.
type migrations struct {
	server   *Server
	config   config.Config
	handlers newHandlers

	running chan struct{}  // holds a token while a migration runs
	retired sync.WaitGroup // generations that are being closed
}

func (m *migrations) register(mux *http.ServeMux) {
	mux.HandleFunc("POST /migrate", m.serveMigrate)
	mux.HandleFunc("DELETE /migrate", m.serveCancel)
}

// wait returns at the end of a migration that is under way.
func (m *migrations) wait() {
	m.running <- struct{}{}
	defer func() { <-m.running }()
	m.retired.Wait()
}

func (m *migrations) serveMigrate(w http.ResponseWriter, r *http.Request) {
	var request migrate.Request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, migrate.MaxRequest)).Decode(&request); err != nil {
		http.Error(w, "the request cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	var mu sync.Mutex
	lines := json.NewEncoder(w)
	var last migrate.Progress
	report := func(p migrate.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if p.Slowed > last.Slowed {
			m.server.log.Info("writes are slowed down, so that the migration catches up with them", "percent", p.Slowed)
		}
		last = p
		_ = lines.Encode(p) // who went away ends the request's context
		_ = http.NewResponseController(w).Flush()
	}
	if err := m.migrate(r.Context(), request, report); err != nil {
		m.server.log.Warn("the migration ended with an error", "phase", last.Phase, "error", err)
		last.Error = err.Error()
		report(last)
	}
}

func (m *migrations) serveCancel(w http.ResponseWriter, r *http.Request) {
	err := m.alone(r.Context(), func(from *metadata.SQLite, _ *filestore.Store) error {
		_, err := from.CancelTransfer(r.Context())
		return err
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
	}
}

// alone runs fn with the embedded stores while no other migration runs. ctx is
// that of a request, which ends when the server stops.
func (m *migrations) alone(ctx context.Context, fn func(*metadata.SQLite, *filestore.Store) error) error {
	select {
	case m.running <- struct{}{}:
	case <-time.After(endTimeout):
		return errors.New("a migration of this server is under way")
	}
	defer func() { <-m.running }()
	if ctx.Err() != nil {
		return errors.New("the server is stopping")
	}
	g := m.server.generations.present.Load()
	from, isSQLite := g.metadata.(*metadata.SQLite)
	files, isFiles := g.blobs.(*filestore.Store)
	if !isSQLite || !isFiles {
		return errors.New("the server has moved already")
	}
	return fn(from, files)
}

func (m *migrations) migrate(ctx context.Context, r migrate.Request, report func(migrate.Progress)) error {
	if err := r.Check(m.config.Domain, m.config.Regions, m.config.AccountIDs()); err != nil {
		return err
	}
	return m.alone(ctx, func(from *metadata.SQLite, files *filestore.Store) (err error) {
		// The environment becomes what it will be after a restart.
		restore := setEnvironment(r.Environment)
		switched := false
		defer func() {
			if !switched {
				restore()
			}
		}()
		to, bucket, err := openShared(ctx, r.Database, r.Blobs)
		if err != nil {
			return err
		}
		defer func() {
			if !switched {
				_ = errors.Join(to.Close(), bucket.Close()) // what failed first is the error to report
			}
		}()
		var next *generation
		m.server.log.Info("migrating", "database", config.URL(r.Database), "blobs", config.URL(r.Blobs))
		return migrate.Run(ctx, migrate.Migration{
			From: from, Files: files, To: to, Bucket: bucket, Data: m.config.Data, Full: r.Full, Report: report,
			Moved: migrate.Moved{
				Database: config.URL(r.Database).String(), Blobs: config.URL(r.Blobs).String(), Config: r.Config,
			},
			Hold: func(ctx context.Context) (func(bool), error) {
				release, err := m.hold(ctx, from)
				if err != nil {
					return nil, err
				}
				return func(moved bool) {
					switched = moved
					release(next, moved)
				}, nil
			},
			Prepare: func(ctx context.Context) (err error) {
				next, err = newGeneration(ctx, m.config, to, bucket, m.handlers, m.server.log)
				return err
			},
		})
	})
}

// hold lets what is under way end, and keeps the rest waiting.
func (m *migrations) hold(ctx context.Context,
	from *metadata.SQLite) (release func(next *generation, moved bool), err error) {
	s := m.server
	old := s.generations.present.Load()
	s.background.stop()
	open := s.door.close(ctx, drainTimeout)
	releaseWriter, err := from.Hold(ctx)
	if err != nil {
		s.background.start(old)
		open()
		return nil, err
	}
	return func(next *generation, moved bool) {
		now := old
		if moved {
			now = next
			s.generations.present.Store(next)
			if s.stopping.Load() { // what Run has done for the old one
				next.endStreams()
			}
		}
		releaseWriter(moved)
		s.background.start(now)
		open()
		if moved {
			s.log.Info("moved to the new stores; start the server with the new configuration next time")
			m.retired.Go(func() { m.retire(old) })
		}
	}, nil
}

// retire closes a generation when the requests that use it have ended.
func (m *migrations) retire(g *generation) {
	g.endStreams()
	for g.users.Load() > 0 {
		time.Sleep(50 * time.Millisecond)
	}
	if err := g.close(); err != nil {
		m.server.log.Warn("could not close the old stores", "error", err)
	}
}

// Migrate moves the embedded deployment that cfg configures, and that nobody
// serves.
func Migrate(ctx context.Context, cfg config.Config, r migrate.Request, report func(migrate.Progress)) error {
	from, files, err := openEmbedded(ctx, cfg)
	if err != nil {
		return err
	}
	defer from.Close()
	defer files.Close()
	to, bucket, err := openShared(ctx, r.Database, r.Blobs)
	if err != nil {
		return err
	}
	defer to.Close()
	defer bucket.Close()
	return migrate.Run(ctx, migrate.Migration{
		From: from, Files: files, To: to, Bucket: bucket, Data: cfg.Data, Full: r.Full, Report: report,
		Moved: migrate.Moved{
			Database: config.URL(r.Database).String(), Blobs: config.URL(r.Blobs).String(), Config: r.Config,
		},
	})
}

// CancelMigration forgets a migration that was begun and not ended, of a
// deployment that nobody serves. False if there was none.
func CancelMigration(ctx context.Context, cfg config.Config) (bool, error) {
	from, files, err := openEmbedded(ctx, cfg)
	if err != nil {
		return false, err
	}
	defer from.Close()
	defer files.Close()
	return from.CancelTransfer(ctx)
}

// EndMigration removes the mark of a migration that has moved all data, and was
// kept from doing so itself, from the new database.
func EndMigration(ctx context.Context, moved *migrate.Moved, database string) error {
	to, err := metadata.OpenPostgres(ctx, database)
	if err != nil {
		return err
	}
	defer to.Close()
	return to.EndMigration(ctx, moved.Migration)
}

// openEmbedded opens the stores of a data folder that is there already; cfg
// names no others.
func openEmbedded(ctx context.Context, cfg config.Config) (*metadata.SQLite, *filestore.Store, error) {
	from, files, err := stores.Open(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	return from.(*metadata.SQLite), files.(*filestore.Store), nil
}

func openShared(ctx context.Context, database, blobs string) (*metadata.Postgres, blob.Store, error) {
	bucket, err := s3store.Open(ctx, blobs)
	if err != nil {
		return nil, nil, fmt.Errorf("open the new blob store: %w", err)
	}
	to, err := metadata.OpenPostgres(ctx, database)
	if err != nil {
		_ = bucket.Close() // what failed first is the error to report
		return nil, nil, fmt.Errorf("open the new metadata store: %w", err)
	}
	return to, bucket, nil
}
