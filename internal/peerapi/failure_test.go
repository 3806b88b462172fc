package peerapi

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
)

// A store that does not answer is no fault of the program: it is a warning here as in
// the other protocols.
func TestFailureOfAStore(t *testing.T) {
	for _, c := range []struct {
		err   error
		level string
	}{
		{fmt.Errorf("send a part: %w", blob.ErrUnavailable), "level=WARN"},
		{fmt.Errorf("look up a layer: %w", metadata.ErrUnavailable), "level=WARN"},
		{errors.New("a fault"), "level=ERROR"},
	} {
		var log bytes.Buffer
		h := &handler{log: slog.New(slog.NewTextHandler(&log, nil))}
		status, _ := h.failure(httptest.NewRecorder(), httptest.NewRequest("PUT", "/peer/v1/parts", nil), c.err)
		if status < 500 || !strings.Contains(log.String(), c.level) {
			t.Errorf("%v: status %d, and the log has %s", c.err, status, log.String())
		}
	}
}
