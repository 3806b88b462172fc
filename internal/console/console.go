// Package console serves the web console: the files that web/ builds, and the
// requests that begin, show and end a browser's sessions. All else that the
// console does, it does by the AWS APIs.
package console

import (
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/session"
)

// Path is where the console is served; everything below it is the console's.
const Path = "/console/"

// Config is what a Handler needs; every field must be set.
type Config struct {
	Sessions *session.Service
	Accounts *auth.Directory
	// Regions that the deployment serves.
	Regions []string
	Version string
	// Logger gets internal errors.
	Logger *slog.Logger
}

//go:embed all:dist
var dist embed.FS

// built are the files of the console, read once.
var built = sync.OnceValues(func() (*files, error) {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, err
	}
	return readFiles(sub)
})

// Handler answers what is at and below Path. It is safe for concurrent use.
type Handler struct {
	files    *files
	sessions sessions
}

// New returns the handler of a deployment.
func New(c Config) (*Handler, error) {
	files, err := built()
	if err != nil {
		return nil, err
	}
	return newHandler(c, files), nil
}

func newHandler(c Config, files *files) *Handler {
	return &Handler{files: files, sessions: sessions{
		service: c.Sessions, accounts: c.Accounts, regions: c.Regions, version: c.Version, log: c.Logger,
	}}
}

// Serves says whether a path is the console's.
func Serves(path string) bool {
	return strings.HasPrefix(path, Path) || path == strings.TrimSuffix(Path, "/")
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", contentSecurityPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	name, below := strings.CutPrefix(r.URL.Path, Path)
	switch account, one := strings.CutPrefix(name, "session/"); {
	case !below:
		http.Redirect(w, r, Path, http.StatusPermanentRedirect)
	case name == "session":
		h.sessions.serve(w, r)
	case one:
		h.sessions.serveOne(w, r, account)
	default:
		h.files.serve(w, r, name)
	}
}

// contentSecurityPolicy lets pages of the console load what is embedded here
// and speak to this server, and nothing else. Icons of the design system are
// images in its style sheets.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
