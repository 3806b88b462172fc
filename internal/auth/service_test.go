package auth

import (
	"net/http"
	"strings"
	"testing"
)

func TestService(t *testing.T) {
	const scope = "AKIAPRODPRODPRODPROD/20261128/us-east-1/iam/aws4_request"
	for _, c := range []struct{ authorization, query, want string }{
		{"AWS4-HMAC-SHA256 Credential=" + scope + ", SignedHeaders=host, Signature=0", "", "iam"},
		{"AWS4-HMAC-SHA256 SignedHeaders=host,Credential= " + scope + " ,Signature=0", "", "iam"},
		{"", "X-Amz-Credential=" + strings.ReplaceAll(scope, "/", "%2F"), "iam"},
		{"AWS4-HMAC-SHA256 Credential=AKIA/20261128/us-east-1/sts/aws4_request", "X-Amz-Credential=" + scope, "sts"},
		{"", "", ""},
		{"AWS4-HMAC-SHA256 Credential=AKIA/iam", "", ""},
		{"Basic QVdTOng=", "", ""},
		{"AWS4-HMAC-SHA256 Credential=" + scope + strings.Repeat(" ", maxAuthorization), "", ""},
	} {
		r, err := http.NewRequest(http.MethodPost, "http://localhost/?"+c.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		if got := Service(r); got != c.want {
			t.Errorf("%.100q, %q: %q, want %q", c.authorization, c.query, got, c.want)
		}
	}
}
