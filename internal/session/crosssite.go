package session

import (
	"fmt"
	"net/http"
)

var crossOrigin http.CrossOriginProtection

// CrossSite says why a request that may write is refused if a page of another
// site has made it, by what browsers say of it (Sec-Fetch-Site, Origin): a text
// for the client, "" for requests of this site and of programs.
func CrossSite(r *http.Request) string {
	if crossOrigin.Check(r) == nil {
		return ""
	}
	return fmt.Sprintf("The request comes from a page of %.200q, and this server is %.200q: a session is good for "+
		"pages of the same address only. "+
		"A proxy in between must hand the header Host on as it is", r.Header.Get("Origin"), r.Host)
}
