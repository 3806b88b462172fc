package cli

import (
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// lineDelay is how long a byte takes from one end of a line to the other.
	lineDelay = 25 * time.Millisecond
	// A connection has 4 MiB under way in each direction, as a kernel would let it.
	lineChunk  = 64 << 10
	lineChunks = 64
)

// line passes connections on to a server as if it were far away.
type line struct {
	listener net.Listener
	server   string // host:port

	mu     sync.Mutex
	ends   map[net.Conn]bool // nil when the line is closed
	passes sync.WaitGroup
}

// newLine makes a line that has an address, and waits for its start.
func newLine() (*line, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("make a line to a server: %w", err)
	}
	return &line{listener: listener, ends: map[net.Conn]bool{}}, nil
}

func (l *line) address() string { return l.listener.Addr().String() }

// start passes connections on to the server at host:port, until close.
func (l *line) start(server string) {
	l.server = server
	l.passes.Go(func() {
		for {
			client, err := l.listener.Accept()
			if err != nil {
				return // closed
			}
			l.passes.Go(func() { l.pass(client) })
		}
	})
}

// close breaks off what is on the line.
func (l *line) close() {
	l.listener.Close()
	l.mu.Lock()
	for end := range l.ends {
		end.Close()
	}
	l.ends = nil
	l.mu.Unlock()
	l.passes.Wait()
}

// keep notes the end of a connection, to be closed with the line.
func (l *line) keep(end net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ends == nil {
		return false
	}
	l.ends[end] = true
	return true
}

func (l *line) drop(end net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.ends, end)
	end.Close()
}

// pass connects a client with the server until either has ended the connection.
func (l *line) pass(client net.Conn) {
	defer l.drop(client)
	if !l.keep(client) {
		return
	}
	time.Sleep(2 * lineDelay) // a connection takes a round trip
	server, err := net.Dial("tcp", l.server)
	if err != nil {
		return
	}
	defer l.drop(server)
	if !l.keep(server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { carry(client, server) })
	both.Go(func() { carry(server, client) })
	both.Wait()
}

// carry takes what one end sends to the other, late.
func carry(from, to net.Conn) {
	type chunk struct {
		data []byte
		due  time.Time
	}
	under := make(chan chunk, lineChunks)
	go func() {
		defer close(under)
		for {
			data := make([]byte, lineChunk)
			n, err := from.Read(data)
			under <- chunk{data[:n], time.Now().Add(lineDelay)}
			if err != nil {
				return
			}
		}
	}()
	for c := range under {
		time.Sleep(time.Until(c.due))
		if _, err := to.Write(c.data); err != nil {
			from.Close() // nobody takes the rest
		}
	}
	_ = to.(*net.TCPConn).CloseWrite() // an end that is gone has nothing to end
}
