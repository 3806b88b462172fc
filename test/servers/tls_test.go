package servers

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEndTLS(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "plain")
	}))
	t.Cleanup(plain.Close)
	known := httptest.NewTLSServer(nil)
	t.Cleanup(known.Close)
	p := EndTLS(t, strings.TrimPrefix(plain.URL, "http://"), known.TLS.Certificates[0])
	client := known.Client()
	res, err := client.Get("https://" + p.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || string(got) != "plain" {
		t.Errorf("the answer is %q, %v", got, err)
	}
}
