package awsapi_test

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// shape is one of the model's; see zz_generated_requests_test.go.
type shape struct {
	kind        string // as the model names it
	members     []member
	element     string // the shape of a list's elements
	low, high   *int   // of characters, elements, bytes or a number; nil: none
	pattern     string
	values      []string // of an enum
	own         bool     // ECR checks it itself
	elementName string   // what an element of a list is called, if it is reported as such
}

type member struct {
	name, shape string
	required    bool
}

// good are texts that patterns of the model want, two of each kind.
var good = []string{
	"app", "lib", "111122223333", "444455556666", "a1b2c3d4-0000-4000-8000-0123456789ab",
	"a1b2c3d4-0000-4000-8000-0123456789ac",
	"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b856",
	"arn:aws:iam::111122223333:role/ci", "arn:aws:iam::111122223333:role/cd",
	"arn:aws:secretsmanager:us-east-1:111122223333:secret:ecr-pullthroughcache/a",
	"arn:aws:secretsmanager:us-east-1:111122223333:secret:ecr-pullthroughcache/b",
	"arn:aws:kms:us-east-1:111122223333:key/a", "arn:aws:kms:us-east-1:111122223333:key/b",
	"arn:aws:signer:us-east-1:111122223333:/signing-profiles/aa",
	"arn:aws:signer:us-east-1:111122223333:/signing-profiles/bb",
}

// wanted are texts that ECR wants where the model does not say so.
var wanted = map[string][]string{
	"ImageDigest": good[6:8],
	"Arn": {
		"arn:aws:ecr:" + region + ":" + account + ":repository/app", "arn:aws:ecr:" + region + ":" + account + ":repository/lib",
	},
}

// texts returns two strings that the shape allows.
func texts(t *testing.T, name string) []string {
	t.Helper()
	s := shapes[name]
	if texts := wanted[name]; texts != nil {
		return texts
	}
	if len(s.values) > 1 {
		return s.values[:2]
	}
	if len(s.values) == 1 {
		return []string{s.values[0], s.values[0]}
	}
	if s.pattern == "" {
		n := 1
		if s.low != nil {
			n = max(n, *s.low)
		}
		return []string{strings.Repeat("x", n), strings.Repeat("y", n)}
	}
	pattern := regexp.MustCompile(`^(?:` + s.pattern + `)$`)
	var texts []string
	for _, text := range good {
		n := utf8.RuneCountInString(text)
		if pattern.MatchString(text) && (s.low == nil || n >= *s.low) && (s.high == nil || n <= *s.high) {
			texts = append(texts, text)
		}
	}
	if len(texts) < 2 {
		t.Fatalf("good needs two texts that match the pattern of %s: %s", name, s.pattern)
	}
	return texts
}

// sample is a value of the shape, as JSON, with all its members but those that
// are left out.
func sample(t *testing.T, name string, without ...string) string {
	t.Helper()
	s := shapes[name]
	switch s.kind {
	case "structure":
		values := map[string]string{}
		for _, m := range s.members {
			if !slices.Contains(without, m.name) {
				values[m.name] = sample(t, m.shape)
			}
		}
		return s.object(values)
	case "list":
		n := 1
		if s.low != nil {
			n = max(n, *s.low)
		}
		return "[" + strings.Repeat(sample(t, s.element)+",", n-1) + sample(t, s.element) + "]"
	case "string":
		return quoted(texts(t, name)[0])
	case "integer", "long":
		return "1"
	case "boolean":
		return "true"
	case "blob":
		return quoted(base64.StdEncoding.EncodeToString([]byte("x")))
	}
	t.Fatalf("a %s in a request: teach sample to make one", s.kind)
	return ""
}

// object writes a structure, from the JSON of its members.
func (s *shape) object(values map[string]string) string {
	var out []string
	for _, m := range s.members {
		if value, ok := values[m.name]; ok {
			out = append(out, quoted(m.name)+":"+value)
		}
	}
	return "{" + strings.Join(out, ",") + "}"
}

// with is a structure with a member changed, or left out if value is "".
func (s *shape) with(t *testing.T, base, name, value string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(base), &members); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for name, value := range members {
		values[name] = string(value)
	}
	if values[name] = value; value == "" {
		delete(values, name)
	}
	return s.object(values)
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(b)
}
