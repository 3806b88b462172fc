package main

import (
	"bytes"
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

func TestParseLines(t *testing.T) {
	lines, err := parseLines("100/0,1000/20")
	want := []line{{100, 0}, {1000, 20 * time.Millisecond}}
	if err != nil || !slices.Equal(lines, want) {
		t.Errorf("lines are %v, %v, want %v", lines, err, want)
	}
	if got := lines[1].String(); got != "1 Gbit/s, 20 ms" {
		t.Errorf("the line is called %q", got)
	}
}

// TestRelay sends bytes to a server that sends them back, over a line without a namespace.
func TestRelay(t *testing.T) {
	l := line{mbits: 400, roundTrip: 40 * time.Millisecond}
	n, err := openNetwork(t.Context(), l, false)
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(c, c)
			c.Close()
		}
	}()
	r, err := n.relay("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	r.target.Store(server.Addr().String())
	began := time.Now()
	c, err := net.Dial("tcp", r.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sent := bytes.Repeat([]byte("0123456789abcdef"), 256<<10) // 4 MiB, 84 ms of the line
	go func() {
		_, _ = c.Write(sent)
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	first := make([]byte, 1)
	if _, err := io.ReadFull(c, first); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d < 2*l.roundTrip {
		t.Errorf("the first byte is back after %v; the connection takes a round trip to open, and the byte another", d)
	}
	rest, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(append(first, rest...), sent) {
		t.Errorf("%d bytes are back, not those that were sent: %v", len(rest)+1, err)
	}
	least := 2*l.roundTrip + time.Duration(float64(len(sent))/l.bytes()*float64(time.Second)) - rateCredit
	if d := time.Since(began); d < least {
		t.Errorf("all bytes are back after %v, faster than the line", d)
	}
	if r.connections.Load() != 1 {
		t.Errorf("%d connections were counted", r.connections.Load())
	}
}
