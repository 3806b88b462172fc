package awsapi

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/awsapi/twinport"
	"github.com/twinport/twinport/internal/quota"
)

const (
	// maxStreams is how many an account has at most, in this process.
	maxStreams = 100
	// streamBeat is how often something is sent, so that no proxy takes the
	// connection for dead, and a stream ends soon after its session was
	// revoked.
	streamBeat = 15 * time.Second
	// streamWrite is how long a client may take for an event.
	streamWrite = 20 * time.Second
	// sessionCheck is how long the result of a session's check holds.
	sessionCheck = time.Second
)

// Streams says whether the answer to a request goes on for as long as the client
// listens.
func Streams(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == "/" &&
		r.Header.Get("X-Amz-Target") == twinportTarget+twinport.Watch
}

// streams counts those of each account.
type streams struct {
	mu   sync.Mutex
	open map[string]int
}

// enter counts one more: false if the account has all that it may.
func (s *streams) enter(account string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[account] >= maxStreams {
		return false
	}
	s.open[account]++
	return true
}

func (s *streams) leave(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[account]--; s.open[account] == 0 {
		delete(s.open, account)
	}
}

// serveStream answers WatchRegistry: with server-sent events (HTML standard,
// section 9.2) until the client goes away, its session or temporary credentials
// end, or the server stops.
func (h *Handler) serveStream(w http.ResponseWriter, r *http.Request, requestID string) {
	in, err := h.read(r, twinport.BodyLimit(twinport.Watch))
	defer in.end()
	if err == nil {
		err = h.take(in.who, quota.Other)
	}
	if err == nil {
		err = h.stream(w, r, in)
	}
	if err != nil {
		writeException(w, h.explain(r.Context(), err, twinport.Watch, requestID))
	}
}

// stream returns an error only if nothing was sent.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, in *request) error {
	account := in.who.registry.Account
	if !h.streams.enter(account) {
		return &failure{
			"LimitExceededException", "The account has " + strconv.Itoa(maxStreams) +
				" streams open at this server already: close some first", http.StatusTooManyRequests,
		}
	}
	defer h.streams.leave(account)

	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	session := in.who.session.ID != ""
	ends := in.who.session.ExpiresAt
	if temporary := in.who.Identity.Temporary; !temporary.IsZero() {
		ends = temporary.Expires
	}
	if !ends.IsZero() {
		var end context.CancelFunc
		ctx, end = context.WithDeadline(ctx, ends)
		defer end()
	}

	events, ended := make(chan twinport.Event), make(chan error, 1)
	go func() {
		ended <- h.twinport.WatchRegistry(ctx, in.call(), in.body, func(e twinport.Event) error {
			select {
			case events <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	s := &eventStream{w: w, control: http.NewResponseController(w), timeout: h.streamWrite}
	beat := time.NewTicker(h.streamBeat)
	defer beat.Stop()
	checked := time.Now() // when the session was last found to go on
	closing := h.closing
	for {
		var event *twinport.Event
		select {
		case err := <-ended:
			switch {
			case s.begun: // the client knows what to do: to connect again
				if ctx.Err() == nil {
					h.log.InfoContext(r.Context(), "a stream of events ended", "registry", in.who.registry.String(), "error", err)
				}
				return nil
			case ctx.Err() != nil:
				return &failure{"ServerException", "The server is stopping: connect again", http.StatusServiceUnavailable}
			}
			return err
		case <-closing:
			closing = nil
			cancel()
			continue
		case e := <-events:
			event = &e
		case <-beat.C:
		}
		if session && time.Since(checked) >= sessionCheck {
			if _, _, err := h.sessions.OfRequest(r, account); err != nil {
				cancel()
				continue
			}
			checked = time.Now()
		}
		if err := s.send(event); err != nil {
			cancel()
		}
	}
}

// eventStream writes events.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration // of a write
	begun   bool
}

// send writes an event, or a comment if e is nil. It fails if the client does
// not read, which must not hold up what it watches for ever.
func (s *eventStream) send(e *twinport.Event) error {
	text := []byte(":\n\n")
	if e != nil {
		data, err := encode(e.Data)
		if err != nil {
			return err
		}
		text = append([]byte("event: "+e.Name+"\ndata: "), data...) // which ends its line
		text = append(text, '\n')
	}
	if !s.begun {
		s.begun = true
		// The deadline was the body's, which has come; it would end the stream.
		_ = s.control.SetReadDeadline(time.Time{}) // not every ResponseWriter has deadlines; those of tests need none
		header := s.w.Header()
		header.Set("Content-Type", "text/event-stream")
		header.Set("Cache-Control", "no-store")
		header.Set("X-Accel-Buffering", "no") // proxies that gather answers
		header.Set("X-Content-Type-Options", "nosniff")
		s.w.WriteHeader(http.StatusOK)
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(s.timeout))
	if _, err := s.w.Write(text); err != nil {
		return err
	}
	if err := s.control.Flush(); err != nil {
		return err
	}
	return s.control.SetWriteDeadline(time.Time{})
}
