package metadata

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"
)

// A row keeps what was made of the last one only if no column has changed,
// whatever columns there are.
func TestMemoEndsWithEveryColumn(t *testing.T) {
	t.Parallel()
	key := repositoryKey{"100000000001", "r", "app"}
	// Added by a process, or nothing that it knows.
	added := []string{"cached", "view", "memo", "document"}
	for _, field := range leaves(reflect.TypeFor[Repository](), nil) {
		known := knownRepositories{rows: map[repositoryKey]*Repository{}}
		first := &Repository{memo: new(memo)}
		known.see(key, first)
		second := &Repository{memo: new(memo)}
		known.see(key, second)
		if second.memo != first.memo {
			t.Fatal("a row that says the same has lost its memo")
		}
		if slices.Contains(added, field.Name) {
			continue
		}
		third := &Repository{memo: new(memo)}
		value := reflect.ValueOf(third).Elem().FieldByIndex(field.Index)
		if !value.CanSet() {
			t.Errorf("%s is neither a column nor added by a process", field.Name)
			continue
		}
		value.Set(another(t, value.Type()))
		known.see(key, third)
		if third.memo == first.memo {
			t.Errorf("a row with another %s has the memo of the old one", field.Name)
		}
	}
}

// leaves are the fields of a struct and, in place of those that are structs, their fields.
func leaves(of reflect.Type, index []int) (fields []reflect.StructField) {
	for i := range of.NumField() {
		field := of.Field(i)
		field.Index = append(slices.Clone(index), i)
		if field.Type.Kind() == reflect.Struct && field.Type != reflect.TypeFor[time.Time]() {
			fields = append(fields, leaves(field.Type, field.Index)...)
		} else {
			fields = append(fields, field)
		}
	}
	return fields
}

// another returns a value of the type that is not its zero value.
func another(t *testing.T, kind reflect.Type) reflect.Value {
	t.Helper()
	value := reflect.New(kind).Elem()
	switch {
	case kind == reflect.TypeFor[time.Time]():
		value.Set(reflect.ValueOf(time.UnixMicro(1)))
	case value.CanInt():
		value.SetInt(1)
	case kind.Kind() == reflect.String:
		value.SetString("x")
	case kind.Kind() == reflect.Bool:
		value.SetBool(true)
	case kind.Kind() == reflect.Slice:
		value.Set(reflect.MakeSlice(kind, 1, 1))
	case kind.Kind() == reflect.Map:
		value.Set(reflect.MakeMap(kind))
	case kind.Kind() == reflect.Pointer:
		value.Set(reflect.New(kind.Elem()))
	default:
		t.Fatalf("add a value of the type %s", kind)
	}
	return value
}

// sleep is a read that takes so many seconds.
func sleep(ctx context.Context, s *Postgres, seconds float64) error {
	var slept int
	return s.Read(ctx).conn.one(`SELECT 1 FROM pg_sleep(?)`, []any{seconds}, &slept)
}

// openFew opens a database with two connections for reads, of four.
func openFew(t *testing.T) *Postgres {
	t.Helper()
	database, err := url.Parse(migrated.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	query := database.Query()
	query.Set("pool_max_conns", "4")
	database.RawQuery = query.Encode()
	s := openPostgres(t, database.String())
	if cap(s.reads) != 2 {
		t.Fatalf("%d connections are for reads", cap(s.reads))
	}
	return s
}

// wantFree fails the test if reads still hold connections.
func wantFree(t *testing.T, s *Postgres) {
	t.Helper()
	for range 100 {
		if len(s.reads) == 0 && s.pool.Stat().AcquiredConns() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("reads hold %d connections, %d of the pool", len(s.reads), s.pool.Stat().AcquiredConns())
}

// Who leaves while others have all connections waits no longer; and who has
// one keeps it for the grace only.
func TestReadersWhoLeaveGiveUp(t *testing.T) {
	t.Parallel()
	s := openFew(t)
	long, leaveLong := context.WithCancel(t.Context())
	ended := make(chan error, cap(s.reads))
	for range cap(s.reads) {
		go func() { ended <- sleep(long, s, 60) }()
	}
	for len(s.reads) < cap(s.reads) {
		time.Sleep(time.Millisecond)
	}
	waiting, leave := context.WithCancel(t.Context())
	const callers = 200
	left := make(chan error, callers)
	for range callers {
		go func() {
			_, err := s.Repository(waiting, account, region, "app", nil)
			left <- err
		}()
	}
	select {
	case err := <-left:
		t.Fatalf("a read did not wait for a connection: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	begun := time.Now()
	leave()
	for range callers {
		if err := <-left; !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
			t.Errorf("a caller who left got %v", err)
		}
	}
	if took := time.Since(begun); took > grace {
		t.Errorf("callers who left waited for %v", took)
	}
	begun = time.Now()
	leaveLong()
	for range cap(s.reads) {
		if err := <-ended; !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
			t.Errorf("a caller who left during a long query got %v", err)
		}
	}
	if took := time.Since(begun); took > 10*grace {
		t.Errorf("a query whose caller has left went on for %v", took)
	}
	wantFree(t, s)
	if _, err := s.Repository(t.Context(), account, region, "app", nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("afterwards a read ends with %v", err)
	}
}

// Callers who leave while their queries run cost no connections, as long as the
// queries are short.
func TestReadersWhoLeaveKeepConnections(t *testing.T) {
	t.Parallel()
	s := openFew(t)
	atOnce(t, cap(s.reads), func(int) error { return sleep(t.Context(), s, 0.05) })
	opened := s.pool.Stat().NewConnsCount()
	atOnce(t, 1000, func(int) error {
		ctx, leave := context.WithTimeout(t.Context(), rand.N(300*time.Millisecond))
		defer leave()
		if err := sleep(ctx, s, 0.005); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return nil
	})
	wantFree(t, s)
	if more := s.pool.Stat().NewConnsCount() - opened; more > 0 {
		t.Errorf("callers who left cost %d connections", more)
	}
}

// What a repository's row was read with does not bound what is read of it later.
func TestReadOfHasItsOwnContext(t *testing.T) {
	t.Parallel()
	s := openFew(t)
	newRepository(t, s, "app")
	ctx, leave := context.WithCancel(t.Context())
	r, err := s.Repository(ctx, account, region, "app", nil)
	if err != nil {
		t.Fatal(err)
	}
	leave()
	if _, err := s.Layer(ctx, r, manifestDigest(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("a read for nobody: %v", err)
	}
	if _, err := s.Layer(t.Context(), r, manifestDigest(1)); !errors.Is(err, ErrNotFound) {
		t.Errorf("a read with another context: %v", err)
	}
	if _, err := s.ReadOf(t.Context(), r).Layers().Get(r.ID, manifestDigest(1)); !errors.Is(err, ErrNotFound) {
		t.Errorf("a read with another context: %v", err)
	}
}
