package awsjson

import (
	"strings"
	"testing"
)

func TestPagingToken(t *testing.T) {
	token := NextToken("app", "ListImages", "a")
	if p, err := Page(token, 7, "ListImages", "a"); err != nil || p.After != "app" || p.Limit != 7 {
		t.Errorf("page = %+v, %v", p, err)
	}
	if p, err := Page("", 0, "ListImages", "a"); err != nil || p.After != "" || p.Limit != DefaultPage {
		t.Errorf("first page = %+v, %v", p, err)
	}
	for _, bad := range []string{
		"x", "====", token[1:], token[:len(token)-1] + "A", token + "AAAA", strings.Repeat("A", 100_000),
	} {
		if _, err := Page(bad, 0, "ListImages", "a"); err == nil || err.(*Exception).Code != InvalidParameterException {
			t.Errorf("token %.20q: %v", bad, err)
		}
	}
	if _, err := Page(token, 0, "ListImages", "b"); err == nil {
		t.Error("the token of another list was accepted")
	}
}
