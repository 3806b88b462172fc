package auth

import (
	"net/http"
	"strings"
)

// Service returns the service in the credential scope of a signed request, "" if
// there is none. It proves nothing: Read does.
func Service(r *http.Request) string {
	credential := r.URL.Query().Get("X-Amz-Credential")
	if header := r.Header.Get("Authorization"); header != "" {
		if len(header) > maxAuthorization {
			return ""
		}
		_, rest, _ := strings.Cut(header, "Credential=")
		credential, _, _ = strings.Cut(rest, ",")
	}
	if parts := strings.Split(strings.Trim(credential, " "), "/"); len(parts) == 5 {
		return parts[3]
	}
	return ""
}
