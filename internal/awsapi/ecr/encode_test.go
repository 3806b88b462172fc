package ecr

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
)

// TestResponsesAsJSON compares what responses append with what encoding/json writes,
// of values at random.
func TestResponsesAsJSON(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	responses := 0
	for method := range reflect.TypeFor[*Service]().Methods() {
		if method.Type.NumIn() != 4 || method.Type.NumOut() != 2 ||
			method.Type.In(1) != reflect.TypeFor[context.Context]() || method.Type.In(2) != reflect.TypeFor[Call]() {
			continue
		}
		response := method.Type.Out(0).Elem()
		responses++
		for range 200 {
			v := reflect.New(response)
			fill(random, v.Elem())
			var want bytes.Buffer
			encoder := json.NewEncoder(&want)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(v.Interface()); err != nil {
				t.Fatal(err)
			}
			if got := string(v.Interface().(awsjson.Appender).AppendJSON(nil)) + "\n"; got != want.String() {
				t.Fatalf("%s:\ngot  %s\nwant %s", response, got, want.String())
			}
		}
	}
	if responses != len(operations) {
		t.Errorf("%d responses, want %d", responses, len(operations))
	}
}

func TestTimestampAsJSON(t *testing.T) {
	for _, at := range []int64{0, 1, 10, 100, 999, 1000, 1001, 1010, 1100, 1764533936120, 1764533936000, 1764533936007, -1, -1500} {
		want := strconv.FormatFloat(float64(at)/1000, 'f', -1, 64)
		if got := string(Timestamp{time.UnixMilli(at)}.AppendJSON(nil)); got != want {
			t.Errorf("%d ms: %s, want %s", at, got, want)
		}
	}
}

// fill sets v, and what is in it, to something, or leaves it empty.
func fill(random *rand.Rand, v reflect.Value) {
	if v.Type() == reflect.TypeFor[awsjson.Members]() || !v.CanSet() {
		return
	}
	if random.IntN(4) == 0 && v.Kind() != reflect.Struct {
		return
	}
	switch v.Kind() {
	case reflect.String:
		words := []string{"a", "é", "<&>", "\"", "\\", "\n", "\x01", "\x7f", "\xff", "\u2028", "\u2029", "\U0001f680", "\t", "\b\f\r"}
		for range random.IntN(6) {
			v.SetString(v.String() + words[random.IntN(len(words))])
		}
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(int32(random.Uint32())))
	case reflect.Float64:
		v.SetFloat(random.NormFloat64())
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(random, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), random.IntN(3), 3))
		for i := range v.Len() {
			fill(random, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range random.IntN(3) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(random, key)
			fill(random, value)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Timestamp]() {
			if random.IntN(4) > 0 {
				digits := []int64{1, 10, 100, 1000}
				at := random.Int64N(1<<42) / digits[random.IntN(4)] * digits[random.IntN(4)]
				v.Set(reflect.ValueOf(Timestamp{time.UnixMilli(at - 1<<30)}))
			}
			return
		}
		for _, field := range v.Fields() {
			fill(random, field)
		}
	}
}
