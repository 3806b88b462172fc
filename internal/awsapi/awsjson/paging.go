package awsjson

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/twinport/twinport/internal/registry"
)

// DefaultPage is how many items a list has when maxResults is absent, as in ECR.
const DefaultPage = 100

const (
	tokenSeal      = 12 // bytes
	maxTokenLength = 2048
)

// Page turns nextToken and maxResults into a page of the list that scope
// names. Scope holds everything that must not change from page to page.
func Page(nextToken string, maxResults int32, scope ...string) (registry.Page, error) {
	p := registry.Page{Limit: DefaultPage}
	if maxResults > 0 {
		p.Limit = int(maxResults)
	}
	if nextToken == "" {
		return p, nil
	}
	after, ok := OpenToken(nextToken, scope...)
	if !ok {
		return p, Violation("nextToken", "Invalid token: use the one of the page before, with the same other parameters")
	}
	p.After = after
	return p, nil
}

// OpenToken returns the key that NextToken made a token for the same scope of.
func OpenToken(token string, scope ...string) (after string, ok bool) {
	if len(token) > maxTokenLength {
		return "", false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) <= tokenSeal {
		return "", false
	}
	after = string(raw[tokenSeal:])
	return after, seal(after, scope) == string(raw[:tokenSeal])
}

// NextToken is the token for the page after the given key, "" if there is none.
func NextToken(after string, scope ...string) string {
	if after == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(seal(after, scope) + after))
}

// seal binds a token to its list. It keeps mistakes from passing unnoticed;
// it guards no secret, for a page is authorised like any other request.
func seal(after string, scope []string) string {
	sum := sha256.Sum256([]byte(strings.Join(scope, "\x00") + "\x00" + after))
	return string(sum[:tokenSeal])
}
