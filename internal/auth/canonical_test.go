package auth

import (
	"net/textproto"
	"testing"
)

func TestHeaderKeyIsThatOfNetHTTP(t *testing.T) {
	for _, name := range []string{
		"a", "-", "--a-", "amz-sdk-invocation-id", "content-md5", "dnt", "etag", "host", "te", "www-authenticate", "x-amz-date",
		"x--amz", "x-1a", "a'b!c#d$e%f&g*h+i.j^k_l`m|n~o", "x-a.b-c",
	} {
		if !isLowerHeaderName(name) {
			t.Errorf("%q is no name", name)
		}
		if got, want := string(appendHeaderKey(nil, name)), textproto.CanonicalMIMEHeaderKey(name); got != want {
			t.Errorf("%q is kept as %q, want %q", name, got, want)
		}
	}
}
