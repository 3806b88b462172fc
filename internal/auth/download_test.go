package auth_test

import (
	"errors"
	"testing"

	"github.com/twinport/twinport/internal/auth"
)

func TestDownloadToken(t *testing.T) {
	const repository, layer = "111122223333/osaka-dc1/app", "sha256:00"
	c := &clock{now: signedAt}
	v := auth.NewVerifier(newKeyring(longLived), "deployment", c.Now)
	text := auth.SignDownload(longLived, auth.Identity{}, "osaka-dc1", repository, layer, c.now)
	token, _, err := v.VerifyToken(t.Context(), text)
	if err != nil || token.Region != "osaka-dc1" || !token.Opens(repository, layer) {
		t.Fatalf("the token %+v does not open its layer: %v", token, err)
	}
	login := auth.Token{Region: "osaka-dc1"}
	if token.Opens(repository+"2", layer) || token.Opens(repository, layer+"0") || login.Opens(repository, layer) {
		t.Error("a layer is opened by a token that is not its own")
	}
	c.now = signedAt.Add(auth.DownloadLifetime)
	if _, _, err := v.VerifyToken(t.Context(), text); !errors.Is(err, auth.ErrTokenExpired) {
		t.Errorf("at the end of its lifetime: %v", err)
	}
}
