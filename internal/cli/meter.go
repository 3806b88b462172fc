package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// meter shows how far a command is: on a terminal in a line that changes,
// elsewhere in a line now and then.
type meter struct {
	w        io.Writer
	interval time.Duration
	terminal bool

	mu    sync.Mutex
	stage string
	begun time.Time // of the stage
	shown time.Time
	drawn bool // the last line on the terminal is the meter's
}

func newMeter(w io.Writer) *meter {
	m := &meter{w: w, interval: 10 * time.Second}
	if file, ok := w.(*os.File); ok && os.Getenv("TERM") != "dumb" {
		info, err := file.Stat()
		if m.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0; m.terminal {
			m.interval = 200 * time.Millisecond
		}
	}
	return m
}

// begin names what follows.
func (m *meter) begin(stage string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.enter(stage)
}

func (m *meter) enter(stage string) {
	m.stage, m.begun, m.shown = stage, time.Now(), time.Now()
}

// update shows how much of the stage is done, if it is time to. total may be 0
// for unknown, bytes for none.
func (m *meter) update(stage string, done, total, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if stage != m.stage {
		m.enter(stage)
	}
	now := time.Now()
	if now.Sub(m.shown) < m.interval {
		return
	}
	m.shown = now
	line := m.stage
	if total > 0 {
		line += fmt.Sprintf(": %d%%", min(100, 100*done/total))
	}
	if bytes > 0 {
		line += fmt.Sprintf(", %s, %s/s", size(bytes), size(int64(float64(bytes)/now.Sub(m.begun).Seconds())))
	} else {
		line += fmt.Sprintf(", %d", done)
	}
	if !m.terminal {
		fmt.Fprintln(m.w, line)
		return
	}
	fmt.Fprintf(m.w, "\r\x1b[K%.78s", line)
	m.drawn = true
}

// clear makes room for other output on the terminal.
func (m *meter) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.drawn {
		fmt.Fprint(m.w, "\r\x1b[K")
		m.drawn = false
	}
}

// size writes bytes as people read them.
func size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1024, 0
	for units := "KMGTPE"; value >= 1024 && unit < len(units)-1; unit++ {
		value /= 1024
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[unit])
}
