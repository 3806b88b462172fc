package metadata

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pipeline is the conn of a transaction, or of reads outside one. It needs as
// few round trips as it can: statements whose result nobody waits for are
// queued, and sent with the next one whose result somebody waits for. BEGIN
// goes with the first of them, COMMIT with the last.
type pipeline struct {
	store       *Postgres
	transaction bool
	ctx         context.Context // of who reads; nil in a transaction
	conn        *pgxpool.Conn   // of the transaction, once it has sent something
	queue       []*statement    // to send
	answers     []*statement    // reads that were sent ahead and not asked for yet
	// failed is set once the transaction cannot go on.
	failed error
	begun  transactionID
}

// transactionID identifies a transaction whose commit was not answered, to ask
// the server about it later; empty until the server has sent it.
type transactionID struct {
	id     string
	server string // when it was started: another one gives the same ids again
}

// statement is one that is queued or was sent. A read ahead keeps its rows.
type statement struct {
	query string
	args  []any
	keep  bool
	again func() // if rows that were handed out may be handed out anew, prepares for that
	to    []any  // where the columns of the row that it returns go

	fields   []pgconn.FieldDescription
	rows     [][][]byte
	affected int64
}

func (p *pipeline) nextSequence(int64) (string, []any) {
	return `SELECT nextval('tag_changes')`, nil
}

// raiseSequence raises the sequence that all registries share. Two that do so at
// once must not set it back: the second would set what it found low.
func (p *pipeline) raiseSequence(_, above int64) error {
	if err := p.exec(`SELECT pg_advisory_xact_lock(hashtext('tag_changes'))`); err != nil {
		return err
	}
	return p.exec(`SELECT setval('tag_changes', ?1) FROM tag_changes WHERE last_value < ?1`, above)
}

func (p *pipeline) exec(query string, args ...any) error {
	return p.later(&statement{query: query, args: args})
}

func (p *pipeline) id(query string, args []any, id *int64) error {
	return p.later(&statement{query: query, args: args, to: []any{id}})
}

func (p *pipeline) later(s *statement) error {
	if !p.transaction {
		panic("metadata: a write outside a transaction: " + s.query)
	}
	p.queue = append(p.queue, s)
	return p.failed
}

func (p *pipeline) changed(query string, args ...any) (int64, error) {
	s := &statement{query: query, args: args}
	err := p.send(s, nil)
	return s.affected, err
}

func (p *pipeline) one(query string, args []any, dest ...any) error {
	found := false
	err := p.rows(&statement{
		query: query, args: args, again: func() { found = false },
	}, func(scan func(dest ...any) error) error {
		if found {
			return nil
		}
		found = true
		return scan(dest...)
	})
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

func (p *pipeline) all(query string, args []any, scan func(row func(dest ...any) error) error) error {
	return p.rows(&statement{query: query, args: args}, scan)
}

func (p *pipeline) rows(wanted *statement, scan func(row func(dest ...any) error) error) error {
	asked := func(s *statement) bool {
		return s.keep && s.query == wanted.query && slices.Equal(s.args, wanted.args)
	}
	if slices.ContainsFunc(p.queue, asked) {
		if err := p.send(nil, nil); err != nil {
			return err
		}
	}
	i := slices.IndexFunc(p.answers, asked)
	if i < 0 {
		return p.send(wanted, scan)
	}
	s := p.answers[i]
	p.answers = slices.Delete(p.answers, i, i+1)
	types := p.store.types.Get().(*pgtype.Map)
	defer p.store.types.Put(types)
	for _, row := range s.rows {
		if err := scan(func(dest ...any) error { return pgx.ScanRow(types, s.fields, row, dest...) }); err != nil {
			return err
		}
	}
	return nil
}

func (p *pipeline) ahead() conn { return reader{p} }

// errAhead is what reads ahead return.
var errAhead = errors.New("metadata: the answer comes later")

// reader takes note of reads for a pipeline.
type reader struct{ *pipeline }

func (r reader) one(query string, args []any, _ ...any) error { return r.note(query, args) }

func (r reader) all(query string, args []any, _ func(row func(dest ...any) error) error) error {
	return r.note(query, args)
}

func (r reader) note(query string, args []any) error {
	r.queue = append(r.queue, &statement{query: query, args: args, keep: true})
	return errAhead
}

// send sends what is queued and then wanted, if it is not nil, whose rows go to
// scan.
func (p *pipeline) send(wanted *statement, scan func(row func(dest ...any) error) error) error {
	if p.failed != nil {
		return p.failed
	}
	if !p.transaction {
		return p.read(wanted, scan)
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.store.timeout)
	defer cancel()
	if p.conn == nil {
		var err error
		if p.conn, err = p.store.pool.Acquire(ctx); err != nil {
			p.failed = fmt.Errorf("get a connection to the database: %w", postgresError(err))
			return p.failed
		}
		p.queue = slices.Insert(p.queue, 0, &statement{query: "BEGIN"})
		if wanted != nil || !ends(p.queue) { // otherwise there is no answer before the end
			p.queue = slices.Insert(p.queue, 1, &statement{query: `SELECT pg_current_xact_id()::text,
				pg_postmaster_start_time()::text`,
				to: []any{&p.begun.id, &p.begun.server}})
		}
	}
	scanErr, err := p.exchange(p.conn.SendBatch(ctx, p.batch(wanted)), wanted, scan)
	if err != nil {
		p.failed = postgresError(err)
		return p.failed
	}
	return scanErr
}

func ends(queue []*statement) bool { return queue[len(queue)-1].query == commitWord }

const commitWord = "COMMIT"

// read is send outside a transaction. A read changes nothing, so it is tried
// again while the server is away, unless who asked has left.
func (p *pipeline) read(wanted *statement, scan func(row func(dest ...any) error) error) error {
	if !p.store.begin() {
		return ErrClosed
	}
	defer p.store.running.Done()
	away := outage{begun: time.Now()}
	queue, answers := p.queue, p.answers
	for {
		p.queue, p.answers = queue, answers
		scanned := false
		once := scan
		if scan != nil {
			once = func(row func(dest ...any) error) error { scanned = true; return scan(row) }
		}
		scanErr, err := p.exchangeRead(wanted, once)
		if err == nil {
			return scanErr
		}
		if left := p.ctx.Err(); left != nil { // then err says nothing of the server
			if !errors.Is(err, left) {
				err = fmt.Errorf("%w: %w", left, err)
			}
			return err
		}
		err = postgresError(err)
		if scanned && wanted.again != nil {
			wanted.again()
			scanned = false
		}
		if scanned || !errors.Is(err, ErrUnavailable) || !away.retry(err) {
			return err
		}
		select {
		case <-time.After(50*time.Millisecond + rand.N(100*time.Millisecond)):
		case <-p.ctx.Done():
			return fmt.Errorf("%w: %w", p.ctx.Err(), err)
		}
	}
}

// exchangeRead is exchange on a connection of the reads' share. Who leaves waits
// for none. Once it has one, a query goes on for a while: the driver closes the
// connection of one that is given up, and while many leave, most queries would
// have ended sooner than others can be opened.
func (p *pipeline) exchangeRead(wanted *statement,
	scan func(row func(dest ...any) error) error) (scanErr, err error) {
	deadline := time.Now().Add(p.store.timeout) // for both; the caller may have another
	wait, cancel := context.WithDeadline(p.ctx, deadline)
	defer cancel()
	select {
	case p.store.reads <- struct{}{}:
		defer func() { <-p.store.reads }()
	case <-wait.Done():
		return nil, fmt.Errorf("wait for a connection to the database: %w", wait.Err())
	}
	conn, err := p.store.pool.Acquire(wait)
	if err != nil {
		return nil, fmt.Errorf("get a connection to the database: %w", err)
	}
	defer conn.Release()
	ctx, giveUp := context.WithDeadline(context.WithoutCancel(p.ctx), deadline)
	defer giveUp()
	defer context.AfterFunc(p.ctx, func() {
		select {
		case <-time.After(grace):
			giveUp()
		case <-ctx.Done():
		}
	})()
	return p.exchange(conn.SendBatch(ctx, p.batch(wanted)), wanted, scan)
}

func (p *pipeline) batch(wanted *statement) *pgx.Batch {
	b := &pgx.Batch{}
	for _, s := range p.queue {
		b.Queue(p.store.dialect.render(s.query), storableArgs(s.args)...)
	}
	if wanted != nil {
		b.Queue(p.store.dialect.render(wanted.query), storableArgs(wanted.args)...)
	}
	return b
}

func storableArgs(args []any) []any {
	clean := make([]any, len(args))
	for i, a := range args {
		if s, ok := a.(string); ok {
			a = storable(s)
		}
		clean[i] = a
	}
	return clean
}

// exchange reads the results of a batch. The first error is scan's, which ends
// nothing else; the second is the server's or the line's.
func (p *pipeline) exchange(results pgx.BatchResults, wanted *statement,
	scan func(row func(dest ...any) error) error) (scanErr, err error) {
	sent := p.queue
	p.queue = nil
	p.store.trips.Add(1)
	for _, s := range sent {
		rows, err := results.Query()
		if err == nil {
			err = s.take(rows)
		}
		if err != nil {
			results.Close()
			return nil, fmt.Errorf("%s: %w", verb(s.query), err)
		}
		if s.keep {
			p.answers = append(p.answers, s)
		}
	}
	if wanted != nil {
		rows, err := results.Query()
		if err != nil {
			results.Close()
			return nil, fmt.Errorf("%s: %w", verb(wanted.query), err)
		}
		for scanErr == nil && rows.Next() {
			if scan != nil {
				scanErr = scan(rows.Scan)
			}
		}
		rows.Close()
		if err := rows.Err(); err != nil && scanErr == nil {
			results.Close()
			return nil, fmt.Errorf("%s: %w", verb(wanted.query), err)
		}
		wanted.affected = rows.CommandTag().RowsAffected()
	}
	err = results.Close()
	if n := len(sent); n > 0 && sent[n-1].query == "COMMIT" {
		return scanErr, nil // it has happened, although the server may have gone since
	}
	return scanErr, err
}

// take reads the rows of a statement whose result nobody waits for.
func (s *statement) take(rows pgx.Rows) error {
	s.rows = nil // of a try before
	for rows.Next() {
		switch {
		case s.keep:
			if s.fields == nil {
				s.fields = slices.Clone(rows.FieldDescriptions())
			}
			row := make([][]byte, 0, len(s.fields))
			for _, v := range rows.RawValues() {
				row = append(row, slices.Clone(v))
			}
			s.rows = append(s.rows, row)
		case s.to != nil:
			if err := rows.Scan(s.to...); err != nil {
				rows.Close()
				return err
			}
		}
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return err
	}
	// A transaction that had failed would be rolled back here, without an error.
	if tag := rows.CommandTag().String(); s.query == commitWord && tag != commitWord {
		return fmt.Errorf("the server answered %s", tag)
	}
	return nil
}

func (p *pipeline) commit() error {
	if p.failed != nil {
		p.rollback()
		return p.failed
	}
	if p.conn == nil && !slices.ContainsFunc(p.queue, func(s *statement) bool { return !s.keep }) {
		return nil // nothing was written
	}
	p.queue = append(p.queue, &statement{query: commitWord})
	err := p.send(nil, nil)
	if err != nil {
		sent := p.conn != nil && !pgconn.SafeToRetry(err)
		p.rollback()
		var answer *pgconn.PgError
		// A server that ends (FATAL) may do so between the commit and its answer.
		if sent && errors.Is(err, ErrUnavailable) && (!errors.As(err, &answer) || answer.SeverityUnlocalized != "ERROR") {
			return p.store.outcome(p.begun, err)
		}
		return err
	}
	p.conn.Release()
	p.conn = nil
	return nil
}

// outcome finds out whether a transaction was committed whose connection was
// lost during the commit, with the error reason. It returns nil if it was,
// reason if it was not, so that it may be run again, and errOutcomeUnknown if
// nobody can tell.
func (s *Postgres) outcome(of transactionID, reason error) error {
	unknown := fmt.Errorf("%w: %w", errOutcomeUnknown, reason)
	if of.id == "" {
		return unknown
	}
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(50*time.Millisecond + rand.N(100*time.Millisecond)) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		var status *string
		err := s.pool.QueryRow(ctx, `SELECT pg_xact_status($1::text::xid8)
			WHERE pg_postmaster_start_time()::text = $2`, of.id, of.server).Scan(&status)
		cancel()
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return unknown // started again, or another server in its place
		case err != nil && !errors.Is(postgresError(err), ErrUnavailable), err == nil && status == nil:
			return unknown
		case err != nil:
			continue
		}
		switch *status {
		case "committed":
			return nil
		case "aborted":
			return reason
		}
		// It is in progress: the server has not noticed yet that the connection
		// is gone.
	}
	return unknown
}

// rollback ends the transaction. A connection on which that fails is not used again.
func (p *pipeline) rollback() {
	if p.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.store.timeout)
	defer cancel()
	if p.conn.Conn().IsClosed() {
		p.conn.Release()
	} else if _, err := p.conn.Exec(ctx, "ROLLBACK"); err != nil {
		p.conn.Hijack().Close(ctx) // its locks end with it
	} else {
		p.conn.Release()
	}
	p.conn = nil
}

// verb is the beginning of a query, for errors.
func verb(query string) string {
	if len(query) > 60 {
		return query[:60] + "…"
	}
	return query
}
