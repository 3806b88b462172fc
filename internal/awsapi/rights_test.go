package awsapi_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"testing"
)

// notAuthorized is ECR's sentence, in which an action may be another operation's.
var notAuthorized = regexp.MustCompile(`^User: arn:aws:iam::` + account + `:root is not authorized to perform: ` +
	`ecr:[A-Z][A-Za-z]+ on resource: (\*|arn:aws:ecr:` + region + `:` + other + `:(\*|repository/app)) because no ` +
	`resource-based policy allows the ecr:[A-Z][A-Za-z]+ action$`)

// TestEveryOperationNeedsARight sends every operation that can name a registry,
// by its id or by an ARN, to that of another account, which grants nothing.
func TestEveryOperationNeedsARight(t *testing.T) {
	a := newAPI(t)
	named := map[string]string{
		"registryId": other, "resourceArn": "arn:aws:ecr:" + region + ":" + other + ":repository/app",
	}
	tried := 0
	for _, operation := range slices.Sorted(maps.Keys(requests)) {
		s := shapes[requests[operation]]
		by := slices.IndexFunc(s.members, func(m member) bool { return named[m.name] != "" })
		if by < 0 {
			continue // it is about the caller's own registry
		}
		name := s.members[by].name
		request := s.with(t, sample(t, requests[operation], "nextToken", "maxResults"), name, quoted(named[name]))
		resp, text := a.post(t, ecrOf+operation, "application/x-amz-json-1.1", request)
		var answer struct{ Message string }
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatal(err)
		}
		code := resp.Header.Get("X-Amzn-Errortype")
		if code == "UnsupportedOperationException" || code == "ImageStorageClassUpdateNotSupportedException" {
			continue // it is tried once it is there
		}
		tried++
		if resp.StatusCode != http.StatusBadRequest || code != "AccessDeniedException" ||
			!notAuthorized.MatchString(answer.Message) {
			t.Errorf("%s of %s: %d %s", operation, request, resp.StatusCode, text)
		}
	}
	if tried < 25 {
		t.Errorf("only %d operations were tried", tried)
	}
}
