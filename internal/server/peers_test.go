package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/control"
	"github.com/twinport/twinport/internal/peer"
)

// TestAskPeers asks a server by its control socket, in ways that commands do, and that they do not.
func TestAskPeers(t *testing.T) {
	cfg := testConfig(t)
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := AskPeers(t.Context(), cfg, "list", PeersRequest{}); !errors.Is(err, control.ErrNoServer) ||
		strings.Contains(err.Error(), "http://") {
		t.Errorf("without a server: %v", err)
	}
	r := start(t, cfg, nil)
	answer, err := AskPeers(t.Context(), cfg, "identity", PeersRequest{})
	if id, _, invalid := peer.ParseIdentity(answer.Identity); err != nil || invalid != nil || id != answer.Self.ID ||
		answer.Self.Name != cfg.Deployment.Name || len(answer.Self.Keys) != 1 {
		t.Errorf("identity: %+v, %v", answer, err)
	}
	for operation, want := range map[string]string{
		"invite": peer.InvalidRequest, // there is no URL that others reach it by
		"join":   peer.CodeInvalid, "grant": peer.NotAPeer, "remove": peer.NotAPeer, "check": peer.NotAPeer,
	} {
		_, err := AskPeers(t.Context(), cfg, operation, PeersRequest{Name: "nowhere", Code: "none"})
		var refused *peer.Error
		if !errors.As(err, &refused) || refused.Code != want || refused.Message == "" {
			t.Errorf("%s: %v, want the code %s", operation, err, want)
		}
	}
	if _, err := AskPeers(t.Context(), cfg, "destroy", PeersRequest{}); err == nil ||
		!strings.Contains(err.Error(), `"destroy" on peers is not known: the command and the server are of different`) {
		t.Errorf("an operation that there is not: %v", err)
	}
	for body, want := range map[string]string{
		"{": "the request cannot be read", strings.Repeat(" ", maxPeersRequest+1) + "{}": "too large",
	} {
		res, err := control.Client(cfg.Data).Post("http://server/peers/list", "", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusBadRequest || err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%.10s: %s, %s (%v), want %s", body, res.Status, text, err, want)
		}
	}
	if err := r.wait(t); err != nil {
		t.Error(err)
	}
	if _, err := AskPeers(t.Context(), cfg, "list", PeersRequest{}); !errors.Is(err, control.ErrNoServer) {
		t.Errorf("after the stop: %v", err)
	}
}

// TestAskEarlierServer asks one that knows no peers, and one that says what makes no sense.
func TestAskEarlierServer(t *testing.T) {
	cfg := testConfig(t)
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	answer := http.NotFound
	log, logger := newLog()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r) })
	c := newControlSocket(cfg.Data, handler, logger)
	c.start()
	defer c.close()
	if _, err := AskPeers(t.Context(), cfg, "list", PeersRequest{}); err == nil ||
		!strings.Contains(err.Error(), "earlier version") {
		t.Errorf("%v; log:\n%s", err, log)
	}
	answer = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "moving", http.StatusServiceUnavailable) }
	if _, err := AskPeers(t.Context(), cfg, "list", PeersRequest{}); err == nil || err.Error() != "moving" {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := AskPeers(ctx, cfg, "list", PeersRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
