package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The client speaks HTTP/1.1 over its own keep-alive connections instead of
// through net/http: on a machine that client and server share, net/http's
// client costs as much as the servers do, and would hide their differences.
// Every registry and every yardstick is measured through this same code.

// endpoint is a registry as a client addresses it.
type endpoint struct {
	addr       string // host:port to connect to
	host       string // value of the Host header
	auth       string // value of the Authorization header; "" sends none
	repository string
}

// request renders the head of a request. length -1 announces a chunked body.
func (e endpoint) request(method, path, headers string, length int64) []byte {
	var b []byte
	b = fmt.Appendf(b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, e.host)
	if e.auth != "" {
		b = fmt.Appendf(b, "Authorization: %s\r\n", e.auth)
	}
	switch {
	case length < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case length > 0 || method == "POST" || method == "PUT" || method == "PATCH":
		b = fmt.Appendf(b, "Content-Length: %d\r\n", length)
	}
	b = append(b, headers...)
	return append(b, "\r\n"...)
}

// path of something under the endpoint's repository.
func (e endpoint) path(rest string) string { return "/v2/" + e.repository + "/" + rest }

// conn is one connection, used by one goroutine. It dials when it has to.
type conn struct {
	endpoint endpoint
	deadline time.Time
	tcp      *net.TCPConn
	r        *bufio.Reader
	scratch  []byte
	// store is the connection to where this one's answers redirect to.
	store *conn
}

// readSize is the size of one read of a body: the servers write in pieces of
// 32 KiB or, with sendfile, megabytes; a client must not be what slows them.
const readSize = 512 << 10

func newConn(ctx context.Context, e endpoint) *conn {
	c := &conn{endpoint: e, r: bufio.NewReaderSize(nil, 8<<10)}
	if d, ok := ctx.Deadline(); ok {
		c.deadline = d
	}
	return c
}

func (c *conn) close() {
	if c.store != nil {
		c.store.close()
	}
	if c.tcp != nil {
		c.tcp.Close()
		c.tcp = nil
	}
}

func (c *conn) dial() error {
	tcp, err := net.DialTimeout("tcp", c.endpoint.addr, 10*time.Second)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", c.endpoint.addr, err)
	}
	c.tcp = tcp.(*net.TCPConn)
	c.r.Reset(c.tcp)
	return c.tcp.SetDeadline(c.deadline)
}

// response is what the measurements need of an answer.
type response struct {
	status   int
	size     int64 // bytes of the body
	location string
	problem  string // the body's beginning, if the status is 400 or above
}

// body is what a request carries: data, repeated until total bytes are sent.
type body struct {
	data    []byte
	total   int64
	chunked bool
	pace    float64 // bytes a second at most; 0 for as fast as can be
}

// chunkSize of a streamed upload; as large as read-ahead in real clients.
const chunkSize = 1 << 20

func (b body) writeTo(w io.Writer) error {
	if b.pace > 0 {
		w = &pacedWriter{w: w, pace: b.pace, began: time.Now()}
	}
	for left := b.total; left > 0; {
		piece := b.data[:min(int64(len(b.data)), left)]
		left -= int64(len(piece))
		if !b.chunked {
			if _, err := w.Write(piece); err != nil {
				return err
			}
			continue
		}
		for len(piece) > 0 {
			n := min(chunkSize, len(piece))
			bufs := net.Buffers{fmt.Appendf(nil, "%x\r\n", n), piece[:n], []byte("\r\n")}
			if _, err := bufs.WriteTo(w); err != nil {
				return err
			}
			piece = piece[n:]
		}
	}
	if b.chunked {
		_, err := io.WriteString(w, "0\r\n\r\n")
		return err
	}
	return nil
}

// pacedWriter writes no faster than its pace.
type pacedWriter struct {
	w       io.Writer
	pace    float64
	began   time.Time
	written int
}

func (w *pacedWriter) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		piece := b[n:min(len(b), n+relayPiece)]
		time.Sleep(time.Until(w.began.Add(time.Duration(float64(w.written) / w.pace * float64(time.Second)))))
		_, err = w.w.Write(piece)
		n += len(piece)
		w.written += len(piece)
	}
	return n, err
}

// roundTrip sends a rendered request and reads the answer to its end. sink, if
// not nil, receives the answer's body; otherwise the body is read and dropped.
func (c *conn) roundTrip(head []byte, b body, sink io.Writer) (response, error) {
	if c.tcp == nil {
		if err := c.dial(); err != nil {
			return response{}, err
		}
	}
	_, err := c.tcp.Write(head)
	if err == nil && b.total > 0 {
		err = b.writeTo(c.tcp)
	}
	// A server that refuses a body answers and closes while we still write: its
	// answer says more than the broken pipe does.
	res, readErr := c.readResponse(bytes.HasPrefix(head, []byte("HEAD ")), sink)
	if readErr == nil && (err == nil || res.status >= 400) {
		return res, nil
	}
	c.close()
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	return response{}, fmt.Errorf("%s: %w", line, errors.Join(err, readErr))
}

func (c *conn) readResponse(isHead bool, sink io.Writer) (response, error) {
	var res response
	length, chunked, closing := int64(-1), false, false
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return res, fmt.Errorf("read the status line: %w", err)
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return res, fmt.Errorf("not an HTTP/1.1 status line: %q", line)
	}
	if res.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return res, fmt.Errorf("not an HTTP/1.1 status line: %q", line)
	}
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return res, fmt.Errorf("read the headers: %w", err)
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return res, fmt.Errorf("Content-Length %q: %w", value, err)
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		case bytes.EqualFold(name, []byte("Connection")):
			closing = bytes.EqualFold(value, []byte("close"))
		case bytes.EqualFold(name, []byte("Location")):
			res.location = string(value)
		}
	}
	if !isHead && res.status != 204 && res.status != 304 {
		if res.size, err = c.readBody(&res, length, chunked, sink); err != nil {
			return res, fmt.Errorf("read the body: %w", err)
		}
	} else if length > 0 {
		res.size = length
	}
	if closing {
		c.close()
	}
	return res, nil
}

func (c *conn) readBody(res *response, length int64, chunked bool, sink io.Writer) (int64, error) {
	var src io.Reader = c.r
	switch {
	case chunked:
		src = httputil.NewChunkedReader(c.r)
	case length < 0:
		return 0, errors.New("neither Content-Length nor chunks")
	}
	var problem bytes.Buffer
	if res.status >= 400 {
		sink = &problem
	}
	var size int64
	for chunked || size < length {
		if c.scratch == nil {
			c.scratch = make([]byte, readSize)
		}
		piece := c.scratch
		if !chunked {
			piece = piece[:min(int64(len(piece)), length-size)]
		}
		n, err := src.Read(piece)
		size += int64(n)
		if sink != nil {
			if _, err := sink.Write(piece[:n]); err != nil {
				return size, err
			}
		}
		if err == io.EOF && chunked {
			// The chunked reader stops before the empty line that ends the trailer.
			if _, err := c.r.ReadSlice('\n'); err != nil {
				return size, err
			}
			break
		}
		if err != nil {
			return size, err
		}
	}
	res.problem = string(problem.Bytes()[:min(problem.Len(), 1000)])
	return size, nil
}

// expect sends a request and fails unless the answer has the wanted status.
func (c *conn) expect(want int, head []byte, b body, sink io.Writer) (response, error) {
	res, err := c.roundTrip(head, b, sink)
	if err == nil && res.status != want {
		line, _, _ := bytes.Cut(head, []byte("\r\n"))
		err = fmt.Errorf("%s: answered %d, want %d: %s", line, res.status, want, res.problem)
	}
	return res, err
}

// follow sends a GET, to where it is redirected if it is, and expects 200.
func (c *conn) follow(head []byte, sink io.Writer) (response, error) {
	res, err := c.roundTrip(head, body{}, sink)
	if err != nil || res.status == 200 {
		return res, err
	}
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	u, err := url.Parse(res.location)
	if err != nil || res.status != 307 || u.Host == "" {
		return res, fmt.Errorf("%s: answered %d, want 200 or a redirect: %s", line, res.status, res.problem)
	}
	if c.store == nil || c.store.endpoint.addr != u.Host {
		if c.store != nil {
			c.store.close()
		}
		c.store = &conn{
			endpoint: endpoint{addr: u.Host, host: u.Host}, r: bufio.NewReaderSize(nil, 8<<10), deadline: c.deadline,
		}
	}
	return c.store.expect(200, c.store.endpoint.request("GET", u.RequestURI(), "", 0), body{}, sink)
}

// uploadPath turns a Location, absolute or not, into the path that a digest
// can be added to.
func uploadPath(location string) (string, error) {
	u, err := url.Parse(location)
	if err != nil || u.Path == "" {
		return "", fmt.Errorf("upload Location %q is not a URL", location)
	}
	return u.RequestURI(), nil
}

func withDigest(path, digest string) string {
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return path + sep + "digest=" + url.QueryEscape(digest)
}

// parallel runs work on n connections of their own, opened beforehand, and
// returns the first error; ctx ends for the others then.
func parallel(ctx context.Context, e endpoint, n int, work func(ctx context.Context, worker int, c *conn) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conns := make([]*conn, n)
	for i := range conns {
		conns[i] = newConn(ctx, e)
		defer conns[i].close()
		if err := conns[i].dial(); err != nil {
			return err
		}
	}
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() {
			if err := work(ctx, i, c); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
