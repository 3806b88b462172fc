package session

import (
	"errors"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// TestExpiryJob: what expired goes without a sign-in, and nothing else does.
func TestExpiryJob(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	expired, _ := d.mustSignIn(t, "PRODKEY1")
	d.clock.advance(time.Hour)
	live, token := d.mustSignIn(t, "DEVKEY")
	d.clock.advance(Lifetime - time.Hour)
	for _, step := range ExpiryJob(d.store, d.clock.now).Steps {
		if next, err := step.Page(t.Context(), ""); err != nil || next != "" {
			t.Fatalf("%s: %q, %v", step.Name, next, err)
		}
	}
	if _, err := d.store.Read(t.Context()).Sessions().Get(expired.ID); !errors.Is(err, metadata.ErrNotFound) {
		t.Errorf("an expired session stays: %v", err)
	}
	if row, _, err := d.Verify(t.Context(), token); err != nil || row.ID != live.ID {
		t.Errorf("one that goes on: %+v, %v", row, err)
	}
}
