package peer

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unsent returns how many bytes that were written to a connection the other side has not acknowledged yet.
func unsent(c net.Conn) (n int, ok bool) {
	for { // through tunnels and TLS
		wrapped, is := c.(interface{ NetConn() net.Conn })
		if !is {
			break
		}
		c = wrapped.NetConn()
	}
	socket, is := c.(syscall.Conn)
	if !is {
		return 0, false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, false
	}
	controlErr := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	return n, controlErr == nil && err == nil
}
