//go:build !linux

package peer

import "net"

// unsent cannot be known here.
func unsent(net.Conn) (n int, ok bool) { return 0, false }
