package awsapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/ecr"
	"github.com/twinport/twinport/internal/resource"
)

// TestTokensOfPages sends every operation that has pages the token of a page of
// its list, which it takes, and tokens of other lists, which it refuses: of
// another operation or registry, and of a request that differs in one member.
func TestTokensOfPages(t *testing.T) {
	a := newAPI(t)
	ask := func(operation, request string) (refusesToken, offered bool) {
		t.Helper()
		resp, text := a.post(t, ecrOf+operation, "application/x-amz-json-1.1", request)
		if resp.StatusCode >= http.StatusInternalServerError {
			t.Fatalf("%s of %s: %d %s", operation, request, resp.StatusCode, text)
		}
		var answer struct{ Message string }
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatal(err)
		}
		code := resp.Header.Get("X-Amzn-Errortype")
		return code == "InvalidParameterException" && strings.HasPrefix(answer.Message,
			"Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token"), code != "UnsupportedOperationException"
	}
	paged := 0
	for _, operation := range slices.Sorted(maps.Keys(requests)) {
		s := shapes[requests[operation]]
		if !slices.ContainsFunc(s.members, func(m member) bool { return m.name == "nextToken" }) {
			continue
		}
		var items []string // an operation on some items has no pages
		for _, m := range s.members {
			if !m.required && shapes[m.shape].kind == "list" {
				items = append(items, m.name)
			}
		}
		base := sample(t, requests[operation], append(items, "nextToken", "maxResults")...)
		rest := restOf(t, operation, base)
		tokenFor := func(operation string, id resource.Registry) string {
			return awsjson.NextToken("x", operation, id.String(), rest)
		}
		with := func(request, token string) string { return s.with(t, request, "nextToken", quoted(token)) }
		token := tokenFor(operation, here)
		if _, offered := ask(operation, with(base, token)); !offered {
			continue // it is tried once it is there
		}
		paged++
		t.Run(operation, func(t *testing.T) {
			for _, request := range []string{base, s.with(t, base, "maxResults", "7")} {
				if refused, _ := ask(operation, with(request, token)); refused {
					t.Fatalf("it refuses its own token: it should take its page from Call.page")
				}
			}
			for what, other := range map[string]string{
				"of another operation": tokenFor("ListTags", here), "of another registry": tokenFor(operation, there),
				"garbage": "x", "longer": token + "AAAA", "shorter": token[:len(token)-4],
				"too long": strings.Repeat("A", 10_000), "in another case": strings.ToUpper(token),
			} {
				if refused, _ := ask(operation, with(base, other)); !refused {
					t.Fatalf("it takes a token that is %s: it should take its page from Call.page", what)
				}
			}
			for _, changed := range variations(t, requests[operation], base) {
				if refused, _ := ask(operation, with(changed, token)); !refused {
					t.Errorf("it takes for the request %s\nthe token of %s", changed, base)
				}
			}
		})
	}
	if paged < 5 {
		t.Errorf("only %d operations with pages were tried", paged)
	}
}

// restOf is what a token is bound to of a request that says nothing of pages.
func restOf(t *testing.T, operation, request string) string {
	t.Helper()
	method, ok := reflect.TypeFor[*ecr.Service]().MethodByName(operation)
	if !ok {
		t.Fatalf("there is no operation %s", operation)
	}
	in := reflect.New(method.Type.In(3).Elem()).Interface()
	if err := json.Unmarshal([]byte(request), in); err != nil {
		t.Fatal(err)
	}
	rest, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(rest)
}

// variations are requests that differ from base in one member, which is left out
// or says something else.
func variations(t *testing.T, name, base string) (all []string) {
	t.Helper()
	s := shapes[name]
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(base), &members); err != nil {
		t.Fatal(err)
	}
	for _, m := range s.members {
		value, ok := members[m.name]
		if !ok {
			continue
		}
		if !m.required {
			all = append(all, s.with(t, base, m.name, ""))
		}
		var others []string
		switch of := shapes[m.shape]; of.kind {
		case "structure":
			others = variations(t, m.shape, string(value))
		case "list":
			others = []string{fmt.Sprintf("[%s,%[1]s]", sample(t, of.element))}
		case "string":
			others = []string{quoted(texts(t, m.shape)[1])}
		}
		for _, other := range others {
			if other != string(value) { // an enum may have one value
				all = append(all, s.with(t, base, m.name, other))
			}
		}
	}
	return all
}
