package session

import (
	"fmt"
	"net/http"
)

var crossOrigin http.CrossOriginProtection

// CheckSite refuses a request that may write and that a page of another site
// has made, by what browsers say of it (Sec-Fetch-Site, Origin). The error's
// text is for the client.
func CheckSite(r *http.Request) error {
	if crossOrigin.Check(r) == nil {
		return nil
	}
	return fmt.Errorf("The request comes from a page of %.200q, and this server is %.200q: a session is good for pages of the same address only. "+
		"A proxy in between must hand the header Host on as it is", r.Header.Get("Origin"), r.Host)
}
