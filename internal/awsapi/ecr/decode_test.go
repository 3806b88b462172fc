package ecr

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
)

func decode[T any, P awsjson.Decodable[T]](text string) (T, error) {
	var v T
	d := awsjson.NewDecoder([]byte(text))
	P(&v).Decode(d)
	return v, d.Finish()
}

func TestDecode(t *testing.T) {
	got, err := decode[PutImageRequest](` {"unknown":[{"a":[1,-2.5e+3,"x",true,false,null]},{}],
		"repositoryName" : "team\/app", "imageManifest":"{\"a\":\"\u00e9\ud83d\ude00\ufffd\\\n\"}", "imageTag":null, "RepositoryName":"other case"} `)
	if err != nil {
		t.Fatal(err)
	}
	if got.RepositoryName != "team/app" || got.ImageManifest != "{\"a\":\"é😀\ufffd\\\n\"}" {
		t.Errorf("got %q, %q", got.RepositoryName, got.ImageManifest)
	}
	if !got.present.Has(1) || got.present.Has(4) || got.present.Has(5) {
		t.Errorf("present = %b", got.present)
	}
}

func TestDecodeNested(t *testing.T) {
	got, err := decode[PutReplicationConfigurationRequest](`{"replicationConfiguration":{"rules":[
		{"destinations":[{"region":"us-west-2","registryId":"444455556666"}],"repositoryFilters":[]},{"destinations":[]}]}}`)
	if err != nil {
		t.Fatal(err)
	}
	rules := got.ReplicationConfiguration.Rules
	if len(rules) != 2 || rules[0].Destinations[0].RegistryID != "444455556666" || rules[0].RepositoryFilters == nil ||
		rules[1].RepositoryFilters != nil {
		t.Errorf("got %+v", rules)
	}
}

func TestDecodeBlob(t *testing.T) {
	for _, size := range []int{0, 1, 2, 3, 3071, 3072, 3073, 6144, 100_000} {
		want := bytes.Repeat([]byte{0xff, 0xef, 1, 0}, size/4+1)[:size]
		text := base64.StdEncoding.EncodeToString(want)
		for _, text := range []string{text, strings.ReplaceAll(text, "/", `\/`)} {
			got, err := decode[UploadLayerPartRequest](fmt.Sprintf(`{"layerPartBlob":"%s","partLastByte":7}`, text))
			if err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			if !bytes.Equal(got.LayerPartBlob, want) || got.PartLastByte != 7 {
				t.Errorf("%d bytes: got others", size)
			}
		}
	}
	padded := base64.StdEncoding.EncodeToString(make([]byte, 3070))
	for _, text := range []string{
		"A", "AAA", "A===", "AA=A", "AB==", "AAA_", `AA\u000aA=`, "AAAA\nAAAA", padded + "AAAA",
	} {
		if _, err := decode[UploadLayerPartRequest](fmt.Sprintf(`{"layerPartBlob":"%s"}`, text)); err == nil {
			t.Errorf("%.20q was accepted", text)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := strings.Repeat("[", 100_000)
	for _, text := range []string{
		"", " ", "null", "[]", `"x"`, "{", "{]", `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`, `{"a":1}}`,
		`{"a":1}x`, "{}\x00",
		`{a:1}`, `{'a':1}`, `{"a":tru}`, `{"a":nul}`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":+1}`,
		`{"a":NaN}`,
		`{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1 2]}`, `{"a":[1}`, `{"a":"`, `{"a":"\`, `{"a":"\"}`, `{"a":"\x"}`, `{"a":"\u12"}`,
		`{"a":"\u12g4"}`,
		`{"a":"\ud800"}`, `{"a":"\ud800x"}`, `{"a":"\ud800\u0041"}`, `{"a":"\udc00\ud800"}`, "{\"a\":\"\x01\"}",
		"{\"a\":\"\xff\"}", "{\"a\":\"\n\"}", "\ufeff{}",
		`{"repositoryName":1}`, `{"repositoryName":["x"]}`, `{"repositoryName":{}}`, `{"repositoryName":true}`,
		`{"repositoryName":"a","repositoryName":"b"}`, `{"repositoryName":"a","repositor\u0079Name":"b"}`,
		`{"imageIds":{}}`, `{"imageIds":[null]}`, `{"imageIds":["x"]}`, `{"imageIds":[{"imageTag":7}]}`,
		`{"maxResults":"5"}`, `{"maxResults":5.0}`, `{"maxResults":5e0}`, `{"maxResults":2147483648}`,
		`{"maxResults":99999999999999999999}`,
		`{"filter":[]}`, `{"filter":{"tagStatus":1}}`,
		`{"a":` + deep, `{"a":` + deep + strings.Repeat("]", 100_000) + `}`,
	} {
		if got, err := decode[DescribeImagesRequest](text); err == nil {
			t.Errorf("%.60q was accepted: %+v", text, got)
		}
	}
	if _, err := decode[DeleteRepositoryRequest](`{"force":"true"}`); err == nil {
		t.Error("a string was accepted as a boolean")
	}
	if _, err := decode[UploadLayerPartRequest](`{"partFirstByte":9223372036854775808}`); err == nil {
		t.Error("a number beyond 64 bits was accepted")
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"repositoryName":"a","imageIds":[{"imageTag":"b"}],"maxResults":5,"filter":{"tagStatus":"ANY"}}`,
		`{"x":[{"\u0041":"\ud83d\ude00\ufffd"},-0.5e-7,null,true]}`, "{}", `{"nextToken":"\/\b\f\n\r\t\"\\"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := decode[DescribeImagesRequest](string(text))
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("invalid JSON was accepted: %q", text)
		}
		// The reference: package encoding/json, by exact name.
		var reference map[string]json.RawMessage
		if err := json.Unmarshal(text, &reference); err != nil {
			t.Fatal(err)
		}
		var token *string
		if raw, ok := reference["nextToken"]; ok {
			if err := json.Unmarshal(raw, &token); err != nil {
				t.Fatal(err)
			}
		}
		if token != nil && *token != got.NextToken {
			t.Errorf("nextToken = %q, want %q", got.NextToken, *token)
		}
		if exception := got.Validate(""); exception == nil && len(got.ImageIDs) > 100 {
			t.Error("too many images passed")
		}
	})
}

func BenchmarkDecodeLayerPart(b *testing.B) {
	body := []byte(`{"layerPartBlob":"` + base64.StdEncoding.EncodeToString(make([]byte, 10<<20)) + `"}`)
	work := make([]byte, len(body))
	b.SetBytes(10 << 20)
	for b.Loop() {
		copy(work, body)
		var v UploadLayerPartRequest
		d := awsjson.NewDecoder(work)
		if v.Decode(d); d.Finish() != nil {
			b.Fatal(d.Finish())
		}
	}
}
