package peer

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// maxUnwritten is how many bytes wait in a carrier until they are written: they are copied, and go together.
const maxUnwritten = 256 << 10

// carrier is the connection that carries a tunnel: a WebSocket. What is written goes out in messages of as much as
// there is by then, since what is multiplexed comes in small pieces.
//
// It is a WebSocket, and not an upgrade of a name of our own, because most balancers in front of deployments hand on no
// other upgrade, or have to be told to.
type carrier struct {
	net.Conn // of the WebSocket
	socket   *websocket.Conn
	under    net.Conn // that the WebSocket uses
	cancel   context.CancelFunc
	heard    atomic.Int64 // when something was read last, by the clock of the process

	mu        sync.Mutex
	more      sync.Cond // unwritten, writing or err changed
	unwritten []byte
	spare     []byte
	err       error // why it ended
	done      chan struct{}
}

// started is when the process was: times since then do not jump.
var started = time.Now()

func newCarrier(socket *websocket.Conn, under net.Conn) *carrier {
	ctx, cancel := context.WithCancel(context.Background())
	c := &carrier{
		Conn: websocket.NetConn(ctx, socket, websocket.MessageBinary), socket: socket, under: under, cancel: cancel,
		done: make(chan struct{}),
	}
	c.more.L = &c.mu
	c.heard.Store(int64(time.Since(started)))
	go c.write()
	return c
}

// NetConn returns the connection under it, so that it can be known what was not sent yet.
func (c *carrier) NetConn() net.Conn { return c.under }

// RemoteAddr implements net.Conn. The WebSocket of who has dialled does not know it.
func (c *carrier) RemoteAddr() net.Addr { return c.under.RemoteAddr() }

// LocalAddr implements net.Conn.
func (c *carrier) LocalAddr() net.Addr { return c.under.LocalAddr() }

// Read implements net.Conn.
func (c *carrier) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard.Store(int64(time.Since(started)))
	}
	return n, err
}

// silent is for how long nothing has come.
func (c *carrier) silent() time.Duration { return time.Since(started) - time.Duration(c.heard.Load()) }

// Write implements net.Conn. It waits only while much is unwritten; a failure is returned by the next Write.
func (c *carrier) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.err == nil && len(c.unwritten) > 0 && len(c.unwritten)+len(b) > maxUnwritten {
		c.more.Wait()
	}
	if c.err != nil {
		return 0, c.err
	}
	c.unwritten = append(c.unwritten, b...)
	c.more.Broadcast()
	return len(b), nil
}

// write writes what there is until the carrier ends.
func (c *carrier) write() {
	defer close(c.done)
	for {
		c.mu.Lock()
		for c.err == nil && len(c.unwritten) == 0 {
			c.more.Wait()
		}
		if c.err != nil {
			c.mu.Unlock()
			return
		}
		message := c.unwritten
		c.unwritten, c.spare = c.spare[:0], nil
		c.more.Broadcast()
		c.mu.Unlock()
		_, err := c.Conn.Write(message)
		if cap(message) > 2*maxUnwritten {
			message = nil
		}
		c.mu.Lock()
		c.spare = message
		c.mu.Unlock()
		if err != nil {
			c.fail(err)
		}
	}
}

func (c *carrier) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	c.more.Broadcast()
}

// Close implements net.Conn. It waits for nobody.
func (c *carrier) Close() error {
	c.fail(net.ErrClosed)
	c.cancel()
	_ = c.under.Close() // who waits for it goes on
	err := c.socket.CloseNow()
	<-c.done
	return err
}
