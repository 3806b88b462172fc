package auth

import (
	"strings"
	"time"
)

const (
	// DownloadLifetime is how long a token that opens one layer is valid.
	DownloadLifetime = time.Hour
	// DownloadParameter is the parameter of a layer's URL that carries the token.
	DownloadParameter = "X-Twinport-Token"

	// downloadScope begins the scope of such a token.
	downloadScope = "blob:"
)

// SignDownload writes a token that opens a layer of a repository, which is
// <account>/<region>/<name>, without a login, as the identity does whose key
// this is. One that temporary credentials ask for does not outlive them.
func SignDownload(key AccessKey, by Identity, region, repository, layer string, now time.Time) string {
	return SignToken(key, Token{
		Region: region, Scope: scopeOfLayer(repository, layer), Temporary: by.Temporary, Role: by.Role,
		Expires: by.Temporary.Until(now.Add(DownloadLifetime)),
	})
}

// Opens reports whether the token is the one that opens a layer of a repository
// without a login.
func (t Token) Opens(repository, layer string) bool {
	return t.Scope == scopeOfLayer(repository, layer)
}

func scopeOfLayer(repository, layer string) string { return downloadScope + repository + "@" + layer }

func (t Token) isDownload() bool { return strings.HasPrefix(t.Scope, downloadScope) }
