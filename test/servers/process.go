// Package servers runs the real servers that tests need: PostgreSQL, an S3
// server, and proxies that put faults in front of them. Servers listen on the
// loopback interface only, and end with the test process, even if that is
// killed.
package servers

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// T is what the servers need of a test; every testing.TB is one, and a program
// that measures can be.
type T interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Skip(args ...any)
}

// errMissing is the reason to skip a test: a program is not installed.
var errMissing = errors.New("run make tools")

// check ends the test if its server cannot be had.
func check(t T, err error) {
	t.Helper()
	if errors.Is(err, errMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// patience bounds each wait for a server to start or to stop.
const patience = time.Minute

//go:embed watchdog.sh
var watchdog string

// home is the folder of a server, which a watchdog process removes, after
// ending the server, when close is called or this process ends.
type home struct {
	dir      string
	user     *syscall.Credential // runs the programs; nil for this process's own
	watchdog *exec.Cmd
	pipe     io.WriteCloser
}

func newHome(name string, user *syscall.Credential) (*home, error) {
	dir, err := os.MkdirTemp(tempDir(user), "twinport-"+name+"-")
	if err != nil {
		return nil, err
	}
	h := &home{dir: dir, user: user, watchdog: exec.Command("sh", "-c", watchdog, "watchdog", dir)}
	// Out of reach of the terminal's signals, and of whoever waits for the end
	// of this process's output.
	h.watchdog.Dir = "/"
	h.watchdog.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	h.pipe, err = h.watchdog.StdinPipe()
	if err == nil {
		err = h.watchdog.Start()
	}
	if err != nil {
		os.Remove(dir)
		return nil, fmt.Errorf("start the watchdog of %s: %w", dir, err)
	}
	if user != nil {
		if err := os.Chown(dir, int(user.Uid), int(user.Gid)); err != nil {
			h.close()
			return nil, err
		}
	}
	return h, nil
}

// tempDir is the folder for temporary files, unless another user cannot reach
// what is in it.
func tempDir(user *syscall.Credential) string {
	dir := os.TempDir()
	if user == nil {
		return dir
	}
	for d := dir; ; d = filepath.Dir(d) {
		if info, err := os.Stat(d); err != nil || info.Mode()&0o001 == 0 {
			return "/tmp"
		}
		if d == filepath.Dir(d) {
			return dir
		}
	}
}

// close ends what runs in the home, and removes it.
func (h *home) close() {
	h.pipe.Close()
	h.watchdog.Wait()
}

// process is a program that runs, or has run, in a home.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// start runs a program with its output in the home's log. A home runs one
// program at a time.
func (h *home) start(env []string, path string, args ...string) (*process, error) {
	log, err := os.Create(h.log())
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &process{cmd: exec.Command(path, args...), done: make(chan struct{})}
	p.cmd.Dir = h.dir
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: h.user}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	fmt.Fprintln(h.pipe, p.cmd.Process.Pid)
	go func() {
		p.cmd.Wait()
		fmt.Fprintln(h.pipe)
		close(p.done)
	}()
	return p, nil
}

func (h *home) log() string { return filepath.Join(h.dir, "log") }

// failed is the error of a program of the home, with the end of its log.
func (h *home) failed(p *process, what string) error {
	log, _ := os.ReadFile(h.log())
	return fmt.Errorf("%s %s: %s", p.cmd.Path, what, bytes.TrimSpace(log[max(0, len(log)-2000):]))
}

// ready waits until the server answers, as the function finds out.
func (h *home) ready(p *process, answers func() bool) error {
	for deadline := time.Now().Add(patience); !answers(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.done:
			return h.failed(p, "ended")
		default:
		}
		if time.Now().After(deadline) {
			return h.failed(p, fmt.Sprintf("does not answer after %v", patience))
		}
	}
	return nil
}

// stop sends the signal and waits for the end.
func (h *home) stop(p *process, signal syscall.Signal) error {
	p.cmd.Process.Signal(signal) // it may have ended already
	select {
	case <-p.done:
		return nil
	case <-time.After(patience):
		return h.failed(p, fmt.Sprintf("runs %v after signal %v", patience, signal))
	}
}

// onFreePort calls start with free ports until one of them serves: another
// process may take a port between its choice and its use.
func onFreePort(start func(port string) error) error {
	for try := 1; ; try++ {
		port, err := freePort()
		if err == nil {
			err = start(port)
		}
		if err == nil || try == 3 {
			return err
		}
	}
}

// freePort returns a port that is free now. It is below those that the system
// gives to clients (from 32768 on Linux): so nobody takes it by chance while
// its server is stopped, and no client's connection to the stopped server gets
// the same port at its own end, and so meets itself.
func freePort() (string, error) {
	var err error
	for range 100 {
		port := strconv.Itoa(15000 + rand.IntN(17000))
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			return port, l.Close()
		}
	}
	return "", fmt.Errorf("find a free port: %w", err)
}
