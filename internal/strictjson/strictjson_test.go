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

// read reads a text as encoding/json would. Its objects are maps, or have the given names.
func read(text string, known *strictjson.Names) (any, error) {
	r := strictjson.NewReader([]byte(text), limits)
	v, err := readValue(r, known)
	if err == nil {
		err = r.End()
	}
	return v, err
}

func readValue(r *strictjson.Reader, known *strictjson.Names) (any, error) {
	v, err := r.Value()
	if err != nil {
		return nil, err
	}
	switch v.Kind {
	case strictjson.Object:
		object := map[string]any{}
		for {
			if more, err := r.More(); !more {
				return object, err
			}
			name, _, err := r.Name(known)
			if err != nil {
				return nil, err
			}
			if object[name], err = readValue(r, known); err != nil {
				return nil, err
			}
		}
	case strictjson.Array:
		array := []any{}
		for {
			if more, err := r.More(); !more {
				return array, err
			}
			element, err := readValue(r, known)
			if err != nil {
				return nil, err
			}
			array = append(array, element)
		}
	case strictjson.String:
		return v.Text, nil
	case strictjson.Number:
		return json.Number(v.Text), nil
	case strictjson.Boolean:
		return v.Text == "true", nil
	}
	return nil, nil
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
		`["\x"]`:                                "in string escape code",
		`["\u12x4"]`:                            "in \\u hexadecimal character escape",
		`["\`:                                   "ends before",
		`["\"`:                                  "ends before",
		`[trüe]`:                                "invalid character 'ü' in literal true (expecting 'u')",
		`[nul`:                                  "ends before",
		`[truex]`:                               "invalid character 'x' after array element",
		`[-]`:                                   "in numeric literal",
		`[+1]`:                                  "looking for beginning of value",
		`[1.]`:                                  "after decimal point",
		`[1e+]`:                                 "in exponent",
		`{"a":1]`:                               "after object key:value pair",
		`[,1]`:                                  "looking for beginning of value",
		"[\v1]":                                 "looking for beginning of value",
		"[1\x00]":                               "after array element",
	} {
		_, err := read(text, known)
		if (err == nil) != (problem == "") || err != nil && !strings.Contains(err.Error(), problem) {
			t.Errorf("%.80s: %v, want %q", text, err, problem)
		}
	}
	// In a map any name stands for itself, but only once.
	for text, ok := range map[string]bool{
		`{"Layers":1,"layers":2,"LAYERS":3}`: true, `{"Layers":1,"layers":2,"Layers":3}`: false, members(50, `"M7":1`): true,
		members(50, `"m7":1`): false,
	} {
		if _, err := read(text, nil); (err == nil) != ok {
			t.Errorf("as a map, %.80s: %v", text, err)
		}
	}
}

// FuzzReader compares with encoding/json: what it accepts is JSON and reads as
// there, without regard to case, and what it refuses as no JSON is none.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		`{"layers":1}`, `{"layerſ":1,"k":"a"}`, "{\"\u212a\":1}", `{"a":[1,{"K":2}]}`, `[`, `{"a":1}x`, `{"ſ":1,"S":2}`,
		`[-0.5e+7,0,1E-2,01,1.,true,false,null,tru]`, `{"\ud83d\ude00\ud800\n\/":"\u00e9","` + "\xff\xc3" + `":"é"}`,
		" [1 , {} ,\t[]\r\n]\v",
	} {
		f.Add(seed)
	}
	type document struct{ Layers, K any }
	known := strictjson.NewNames("Layers", "K")
	f.Fuzz(func(t *testing.T, text string) {
		isJSON := json.Valid([]byte(text))
		for _, names := range []*strictjson.Names{known, nil} {
			got, err := read(text, names)
			if err != nil {
				for _, problem := range []string{"this is not JSON", "the text ends before", "after the end of the document"} {
					if isJSON && strings.Contains(err.Error(), problem) {
						t.Fatalf("%q is refused: %v", text, err)
					}
				}
				continue
			}
			var want any
			d := json.NewDecoder(strings.NewReader(text))
			d.UseNumber()
			if err := d.Decode(&want); err != nil || !isJSON || !reflect.DeepEqual(got, want) {
				t.Fatalf("%q reads as %v, and to encoding/json as %v (%v)", text, got, want, err)
			}
		}
		if _, err := read(text, known); err != nil {
			return
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
