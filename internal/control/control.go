// Package control lets commands of the same user reach a running server: by
// HTTP, on a socket in the server's data folder.
package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
)

// name is the socket's in the data folder.
const name = "control.sock"

// maxSocketPath is the longest path that every system takes for a socket
// (BSDs: 104 bytes with the final zero).
const maxSocketPath = 100

// ErrNoServer is in the chain of errors that mean that no server serves the
// folder.
var ErrNoServer = errors.New("no server answers")

// Listen makes the socket in the data folder, which belongs to the caller: a
// socket that is there was left by a process that was killed. Only the owner
// can connect: the socket gets its name when nobody else has the right to.
func Listen(data string) (net.Listener, error) {
	private, err := os.MkdirTemp(data, ".control-")
	if err != nil {
		return nil, fmt.Errorf("make the control socket: %w", err)
	}
	defer os.RemoveAll(private)
	bound := filepath.Join(private, "s")
	path := filepath.Join(data, name)
	var listener net.Listener
	err = shortened(bound, func(short string) (err error) {
		if listener, err = net.Listen("unix", short); err == nil {
			// It is renamed below.
			listener.(*net.UnixListener).SetUnlinkOnClose(false)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make the control socket: %w", err)
	}
	if err = os.Chmod(bound, 0o600); err == nil {
		err = os.Rename(bound, path)
	}
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("make the control socket: %w", err)
	}
	return &removing{listener, path}, nil
}

// removing removes the socket when it is closed.
type removing struct {
	net.Listener
	path string
}

func (r *removing) Close() error {
	_ = os.Remove(r.path) // a socket that nobody listens on does no harm
	return r.Listener.Close()
}

// Client returns a client that reaches the server of the data folder, whatever
// the host in a URL. Its errors have ErrNoServer in their chain if there is
// none.
func Client(data string) *http.Client {
	dial := func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
		err = shortened(filepath.Join(data, name), func(short string) (err error) {
			conn, err = new(net.Dialer).DialContext(ctx, "unix", short)
			return err
		})
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			err = fmt.Errorf("%w on %s: %w", ErrNoServer, filepath.Join(data, name), err)
		}
		return conn, err
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
}

// shortened calls fn with the path or, if it is too long for a socket, with a
// short one through a link, which exists while fn runs.
func shortened(path string, fn func(string) error) error {
	if len(path) <= maxSocketPath {
		return fn(path)
	}
	dir, err := os.MkdirTemp("", "twinport-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	target, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return err
	}
	link := filepath.Join(dir, "d")
	if err := os.Symlink(target, link); err != nil {
		return err
	}
	return fn(filepath.Join(link, filepath.Base(path)))
}
