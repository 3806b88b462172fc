package strictjson_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/strictjson"
)

var limits = strictjson.Limits{Depth: 4, Members: 100}

// read reads a text to its end. Its objects are maps, or have the given names.
func read(text string, known *strictjson.Names) error {
	r := strictjson.NewReader([]byte(text), limits)
	var value func() error
	value = func() error {
		v, err := r.Value()
		if err != nil || v.Kind != strictjson.Object && v.Kind != strictjson.Array {
			return err
		}
		for {
			more, err := r.More()
			if !more {
				return err
			}
			if v.Kind == strictjson.Object {
				if _, _, err := r.Name(known); err != nil {
					return err
				}
			}
			if err := value(); err != nil {
				return err
			}
		}
	}
	if err := value(); err != nil {
		return err
	}
	return r.End()
}

// members is an object of n members.
func members(n int, more string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"m%d":%d,`, i, i)
	}
	return "{" + b.String() + more + "}"
}

func TestReader(t *testing.T) {
	known := strictjson.NewNames("layers", "mediaType", "k")
	for text, problem := range map[string]string{
		`{"layers":[],"mediaType":"a","k":1,"x":{"layers":null},"y":[true,-1.5e3]}`: "",
		` [ {} , [] ] `: "", `null`: "", `"a\"b"`: "",
		`{"Other":1,"other2":2}`:                "",
		`{"layers":1,"layers":2}`:               "a second time",
		`{"layers":1,"\u006cayers":2}`:          "a second time",
		`{"x":1,"x":2}`:                         "a second time",
		`{"x":1,"X":2}`:                         "in this case or another",
		`[{"x":{"layers":1,"a":1,"layers":2}}]`: "a second time",
		`{"Layers":1}`:                          `but for its case`,
		`{"layerſ":1}`:                          `is "layers" but`,
		`{"layer\u017f":1}`:                     `is "layers" but`,
		"{\"\u212a\":1}":                        `is "k" but`, // the Kelvin sign
		`{"MEDIATYPE":1}`:                       `is "mediaType" but`,
		`{"é":1,"É":2}`:                         "in this case or another",
		`{"\ud800":1,"\udfff":2}`:               "a second time", // neither is a character
		members(99, `"layers":1`):               "",
		members(100, `"layers":1`):              "more than 100 members",
		members(50, `"m7":1`):                   "a second time",
		members(50, `"M7":1`):                   "in this case or another",
		`[[[[]]]]`:                              "",
		`[[[[[]]]]]`:                            "more deeply",
		`{"a":1}{}`:                             "after the end",
		`{"a":1}]`:                              "after the end",
		`{"a":1`:                                "ends before",
		``:                                      "ends before",
		`{"a" 1}`:                               "not JSON",
		`{1:2}`:                                 "not JSON",
		`[1 2]`:                                 "not JSON",
		`[1,]`:                                  "not JSON",
		`{"a":1,}`:                              "not JSON",
		`{'a':1}`:                               "not JSON",
		`[01]`:                                  "not JSON",
		"[\"\n\"]":                              "not JSON",
	} {
		err := read(text, known)
		if (err == nil) != (problem == "") || err != nil && !strings.Contains(err.Error(), problem) {
			t.Errorf("%.80s: %v, want %q", text, err, problem)
		}
	}
	// In a map any name stands for itself, but only once.
	for text, ok := range map[string]bool{`{"Layers":1,"layers":2,"LAYERS":3}`: true, `{"Layers":1,"layers":2,"Layers":3}`: false, members(50, `"M7":1`): true, members(50, `"m7":1`): false} {
		if err := read(text, nil); (err == nil) != ok {
			t.Errorf("as a map, %.80s: %v", text, err)
		}
	}
}

// FuzzReader compares with encoding/json: what is accepted it accepts too, and
// reads what it reads without regard to case.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{`{"layers":1}`, `{"layerſ":1,"k":"a"}`, "{\"\u212a\":1}", `{"a":[1,{"K":2}]}`, `[`, `{"a":1}x`, `{"ſ":1,"S":2}`} {
		f.Add(seed)
	}
	type document struct{ Layers, K any }
	known := strictjson.NewNames("Layers", "K")
	f.Fuzz(func(t *testing.T, text string) {
		if read(text, known) != nil {
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("%q is accepted", text)
		}
		var byName map[string]any
		var d document
		if json.Unmarshal([]byte(text), &byName) != nil || json.Unmarshal([]byte(text), &d) != nil {
			return
		}
		if want := (document{byName["Layers"], byName["K"]}); !reflect.DeepEqual(d, want) {
			t.Errorf("%q reads as %v, and by exact name as %v", text, d, want)
		}
	})
}
