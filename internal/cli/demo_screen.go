package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// screen shows how the demo goes on. It uses colours on a terminal only.
type screen struct {
	w      io.Writer
	colour bool
	steps  int
}

func newScreen(w io.Writer) *screen {
	s := &screen{w: w}
	if file, ok := w.(*os.File); ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		info, err := file.Stat()
		s.colour = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return s
}

// Colours, as ANSI's "select graphic rendition" numbers them.
const (
	bold  = "1"
	red   = "31"
	green = "32"
	grey  = "90"
)

func (s *screen) line(colour, mark, format string, args ...any) {
	text := mark + fmt.Sprintf(format, args...)
	if s.colour {
		text = "\x1b[" + colour + "m" + text + "\x1b[0m"
	}
	fmt.Fprintln(s.w, text)
}

// step begins a part of the story.
func (s *screen) step(format string, args ...any) {
	s.steps++
	s.line(bold, fmt.Sprintf("\n%d. ", s.steps), format, args...)
}

func (s *screen) done(format string, args ...any)    { s.line(green, "   ✓ ", format, args...) }
func (s *screen) refused(format string, args ...any) { s.line(red, "   ✗ ", format, args...) }
func (s *screen) note(format string, args ...any)    { s.line(grey, "   ", format, args...) }

// text shows lines as they are.
func (s *screen) text(text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(s.w, "     %s\n", strings.TrimRight(line, "\n"))
	}
}

// timeline records when each event happened.
type timeline struct {
	start  time.Time
	events []event
}

type event struct {
	what  string
	at    time.Time
	cause time.Time // when its cause came about, which since names; both zero without one
	since string
}

func (t *timeline) begin()      { t.start = time.Now() }
func (t *timeline) add(e event) { t.events = append(t.events, e) }

func (t *timeline) print(s *screen) {
	s.step("The timeline, from the start of the first push")
	slices.SortStableFunc(t.events, func(a, b event) int { return a.at.Compare(b.at) })
	for _, e := range t.events {
		line := fmt.Sprintf("   %12s  %-36s", milliseconds(e.at.Sub(t.start)), e.what)
		switch {
		case e.since == "":
		case e.at.Before(e.cause):
			line += fmt.Sprintf("%10s before %s", milliseconds(e.cause.Sub(e.at)), e.since)
		default:
			line += fmt.Sprintf("%10s after %s", milliseconds(e.at.Sub(e.cause)), e.since)
		}
		fmt.Fprintln(s.w, strings.TrimRight(line, " "))
	}
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
