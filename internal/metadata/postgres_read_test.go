package metadata

import (
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
	added := []string{"cached", "view", "memo"} // by a process
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Repository]()) {
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

// another returns a value of the type that is not its zero value.
func another(t *testing.T, kind reflect.Type) reflect.Value {
	t.Helper()
	for _, value := range []any{"x", int64(1), true, time.UnixMicro(1), []string{"x"}} {
		if reflect.TypeOf(value) == kind {
			return reflect.ValueOf(value)
		}
	}
	t.Fatalf("add a value of the type %s", kind)
	return reflect.Value{}
}
