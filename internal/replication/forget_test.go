package replication

import (
	"context"
	"errors"
	"testing"
)

// TestForgetJob forgets batch by batch, until nothing is left.
func TestForgetJob(t *testing.T) {
	left := 3
	fault := errors.New("injected")
	page := forgetJob(func(context.Context) (more bool, err error) {
		left--
		if left == 0 {
			return false, fault
		}
		return left > 1, nil
	}).Steps[0].Page
	for _, want := range []string{"more", ""} {
		if next, err := page(t.Context(), ""); next != want || err != nil {
			t.Errorf("%q, %v; want %q", next, err, want)
		}
	}
	if _, err := page(t.Context(), ""); err != fault {
		t.Error(err)
	}
}
