package server

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestMigrationWaits: a command that comes right after another one was killed
// waits for the end of what that one began.
func TestMigrationWaits(t *testing.T) {
	m := &migrations{running: make(chan struct{}, 1)}
	stopping, stop := context.WithCancel(t.Context())
	stop()
	m.running <- struct{}{}
	time.AfterFunc(100*time.Millisecond, func() { <-m.running })
	if err := m.alone(stopping, nil); err == nil || !strings.Contains(err.Error(), "stopping") {
		t.Errorf("after another migration has ended: %v", err)
	}
}
