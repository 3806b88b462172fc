package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 5 << 20: "5.0 MiB", 3 << 40: "3.0 TiB",
		1 << 62: "4.0 EiB",
	} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %s, want %s", n, got, want)
		}
	}
}

// TestMeter: a line now and then, unless the output is a terminal.
func TestMeter(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	m := newMeter(&out)
	m.begin("objects")
	m.update("objects", 1, 4, 1<<20)
	if out.Len() != 0 {
		t.Errorf("at once it shows %q", &out)
	}
	m.interval = 0
	m.begun = time.Now().Add(-time.Second)
	m.update("objects", 1, 4, 1<<20)
	m.update("links", 7, 0, 0)
	m.clear()
	if got := out.String(); !strings.HasPrefix(got, "objects: 25%, 1.0 MiB, ") ||
		!strings.HasSuffix(got, "/s\nlinks, 7\n") {
		t.Errorf("it shows %q", got)
	}
}
