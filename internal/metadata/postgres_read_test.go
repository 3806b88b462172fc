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
