package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The yardsticks say what the machine allows: the same client against the
// least that a Go program can do for the same bytes. Each runs in a process
// of its own, as the registries do, so that it shares the cores the same way.

// yardstickCommand is the hidden first argument with which this program starts
// itself as a yardstick.
const yardstickCommand = "yardstick"

const (
	handlerSize = 600      // bytes of the bare handler's answer: a small manifest
	fileSize    = 32 << 20 // bytes of the file served: an image of 4 layers of 8 MiB
)

// yardstickServer is a bare net/http server.
func yardstickServer() (program, error) {
	self, err := os.Executable()
	if err != nil {
		return program{}, err
	}
	return program{name: yardstick, binary: self,
		configure: func(dir, addr string) (args, env []string, err error) {
			data := make([]byte, fileSize)
			_, _ = rand.Read(data) // never fails
			return []string{yardstickCommand, "serve", addr, filepath.Join(dir, "file")}, nil,
				os.WriteFile(filepath.Join(dir, "file"), data, 0o600)
		},
		open: func(_ context.Context, addr, repository string) (endpoint, error) {
			return endpoint{addr: addr, host: addr, repository: repository}, nil
		}}, nil
}

// yardstickMain is the process that yardstickCommand starts.
func yardstickMain(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "serve":
		return serveYardstick(args[1], args[2])
	case len(args) == 4 && args[0] == "write":
		size, err := strconv.ParseInt(args[2], 10, 64)
		if err != nil {
			return err
		}
		return writeYardstick(args[1], size, args[3])
	}
	return fmt.Errorf("yardstick: unknown arguments %q", args)
}

func serveYardstick(addr, file string) error {
	answer := make([]byte, handlerSize)
	mux := http.NewServeMux()
	bare := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", manifestType)
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = w.Write(answer)
	}
	mux.HandleFunc("/v2/", bare)
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		bare(w, r)
	})
	mux.HandleFunc("/sink", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", "0")
	})
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(l)
}

// writeYardstick hashes and writes size bytes, in the way that name says, and
// prints the seconds it took. The bytes come from memory, in pieces of 1 MiB.
func writeYardstick(name string, size int64, path string) error {
	var h hash.Hash
	var f *os.File
	sinks := []io.Writer{}
	if name == "hash" || name == "both" {
		h = sha256.New()
		sinks = append(sinks, h)
	}
	if name == "file" || name == "both" {
		var err error
		if f, err = os.Create(path); err != nil {
			return err
		}
		defer os.Remove(path)
		defer f.Close()
		sinks = append(sinks, f)
	}
	piece := make([]byte, 1<<20)
	_, _ = rand.Read(piece) // never fails
	began := time.Now()
	for left := size; left > 0; left -= int64(len(piece)) {
		piece = piece[:min(int64(len(piece)), left)]
		for _, w := range sinks {
			if _, err := w.Write(piece); err != nil {
				return err
			}
		}
	}
	if h != nil {
		h.Sum(nil)
	}
	if f != nil {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	fmt.Println(time.Since(began).Seconds())
	return nil
}

// runWriteYardstick measures hashing alone, writing with fsync alone, and the
// two one after the other for each piece, as one goroutine does them.
func runWriteYardstick(ctx context.Context, b *bench) ([]figure, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var figures []figure
	for _, way := range []struct{ arg, name string }{{"hash", "sha256 alone"}, {"file", "write and fsync alone"},
		{"both", "up"}} {
		settle()
		cmd := exec.CommandContext(ctx, self, yardstickCommand, "write", way.arg, strconv.FormatInt(b.bigSize, 10),
			filepath.Join(b.dir, "yardstick-file"))
		out, err := cmd.Output()
		if err != nil {
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				err = fmt.Errorf("%w: %s", err, exit.Stderr)
			}
			return nil, fmt.Errorf("yardstick %s: %w", way.arg, err)
		}
		seconds, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		if err != nil {
			return nil, fmt.Errorf("yardstick %s: %w", way.arg, err)
		}
		figures = append(figures, figure{way.name, "MB/s", float64(b.bigSize) / 1e6 / seconds})
	}
	return figures, nil
}
