package session

import (
	"fmt"
	"net/http"
)

var crossOrigin http.CrossOriginProtection

// CrossSite checks a request that may write. If browsers say that a page of
// another site made it (Sec-Fetch-Site, Origin), it returns why the request is
// refused, in words for the client; else "".
func CrossSite(r *http.Request) string {
	if crossOrigin.Check(r) == nil {
		return ""
	}
	return fmt.Sprintf("The request comes from a page of %.200q, and this server is %.200q: a session is good for "+
		"pages of the same address only. "+
		"A proxy in between must hand the header Host on as it is", r.Header.Get("Origin"), r.Host)
}
