package servers

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// echo is a proxy in front of a server that sends back what it gets.
func echo(t *testing.T) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				io.Copy(conn, conn)
				conn.Close()
			}()
		}
	}()
	return StartProxy(t, l.Addr().String())
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { conn.Close() })
	return conn
}

// wantEcho sends n bytes and gets them back, and returns the time it took.
func wantEcho(t *testing.T, conn net.Conn, n int) time.Duration {
	t.Helper()
	sent := bytes.Repeat([]byte("x"), n)
	started := time.Now()
	go conn.Write(sent)
	got := make([]byte, n)
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes do not come back: %v", n, err)
	}
	return time.Since(started)
}

func TestProxyPasses(t *testing.T) {
	t.Parallel()
	conn := dial(t, echo(t))
	wantEcho(t, conn, 10<<20)
	// The end of one direction is passed on, and leaves the other open.
	conn.Write([]byte("last"))
	conn.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(conn); err != nil || string(got) != "last" {
		t.Errorf("after the end of the request came %q, %v", got, err)
	}
}

func TestProxyCut(t *testing.T) {
	t.Parallel()
	p := echo(t)
	conn := dial(t, p)
	wantEcho(t, conn, 1)
	p.Cut()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a cut connection says %v, want a reset", err)
	}
	wantEcho(t, dial(t, p), 1)
}

func TestProxyRefuse(t *testing.T) {
	t.Parallel()
	p := echo(t)
	conn := dial(t, p)
	wantEcho(t, conn, 1)
	p.Refuse()
	if _, err := net.Dial("tcp", p.Address()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection says %v, want that it is refused", err)
	}
	wantEcho(t, conn, 1)
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	wantEcho(t, dial(t, p), 1)
}

func TestProxyWithoutServer(t *testing.T) {
	t.Parallel()
	p := StartProxy(t, "127.0.0.1:1")
	conn, err := net.Dial("tcp", p.Address())
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
		conn.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection to no server says %v, want a reset", err)
	}
}

func TestProxyLatency(t *testing.T) {
	t.Parallel()
	p := echo(t)
	conn := dial(t, p)
	p.Latency(200 * time.Millisecond)
	if took := wantEcho(t, conn, 1); took < 400*time.Millisecond {
		t.Errorf("a round took %v, want 400ms or more", took)
	}
	// Many chunks are under way at a time.
	if took := wantEcho(t, conn, 100*chunkSize); took < 400*time.Millisecond || took > 10*time.Second {
		t.Errorf("a round of 100 chunks took %v, want hardly more than 400ms", took)
	}
	p.Heal()
	wantEcho(t, conn, 1)
}

func TestProxyRate(t *testing.T) {
	t.Parallel()
	p := echo(t)
	conn := dial(t, p)
	p.Rate(ToClient, 100<<10)
	if took := wantEcho(t, conn, 100<<10); took < 900*time.Millisecond {
		t.Errorf("100 KiB at 100 KiB/s took %v, want a second", took)
	}
}

func TestProxyCutAfter(t *testing.T) {
	t.Parallel()
	for _, d := range []Direction{ToServer, ToClient} {
		p := echo(t)
		conn := dial(t, p)
		wantEcho(t, conn, 10)
		p.CutAfter(d, 25)
		wantEcho(t, conn, 10)
		wantEcho(t, conn, 15)
		conn.Write([]byte("one more"))
		if n, err := conn.Read(make([]byte, 100)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after the last byte came %d bytes and %v, want a reset", n, err)
		}
		wantEcho(t, dial(t, p), 100)
	}
}

func TestProxyStallAfter(t *testing.T) {
	t.Parallel()
	for _, d := range []Direction{ToServer, ToClient} {
		p := echo(t)
		conn := dial(t, p)
		p.StallAfter(d, 3)
		conn.Write([]byte("12345"))
		got := make([]byte, 5)
		conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := io.ReadFull(conn, got)
		if timeout := net.Error(nil); n != 3 || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%d bytes came, then %v; want 3, then nothing", n, err)
		}
		p.Heal()
		conn.SetReadDeadline(time.Now().Add(patience))
		if n, err := io.ReadFull(conn, got[3:]); string(got) != "12345" {
			t.Errorf("healed, %d more bytes came (%v), want the 2 held back", n, err)
		}
	}
}

func TestProxyCutsAgainAndAgain(t *testing.T) {
	t.Parallel()
	p := echo(t)
	p.CutEvery(ToServer, 1000)
	for range 3 {
		conn := dial(t, p)
		wantEcho(t, conn, 900)
		conn.Write(make([]byte, 200))
		if _, err := io.ReadAll(conn); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the connection ends with %v, want a reset", err)
		}
	}
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	wantEcho(t, dial(t, p), 10_000)
	if n := p.Passed(ToServer); n != 13_000 {
		t.Errorf("%d bytes have passed, want 13000", n)
	}
}

func TestProxyOfSeveral(t *testing.T) {
	t.Parallel()
	var p Proxy
	for _, name := range []string{"a", "b"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				io.WriteString(conn, name)
				conn.Close()
			}
		}()
		p.Add(l.Addr().String())
	}
	p.Add("127.0.0.1:1") // where nobody listens
	served := map[string]int{}
	for range 30 {
		conn := p.dial()
		name, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		served[string(name)]++
	}
	if served["a"] < 10 || served["b"] < 10 {
		t.Errorf("the servers have served %v of 30 connections", served)
	}
}
