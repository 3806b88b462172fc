package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// machineFacts says where a run took place, in lines "name: value".
func machineFacts(dir string) []string {
	return []string{
		"date: " + time.Now().UTC().Format(time.DateOnly),
		fmt.Sprintf("cores: %d, shared by client and server (%s)", runtime.NumCPU(), fieldOf("/proc/cpuinfo", "model name")),
		"memory: " + fieldOf("/proc/meminfo", "MemTotal"),
		"kernel: " + runtime.GOOS + " " + kernel() + " " + runtime.GOARCH,
		"Go: " + runtime.Version(),
		"file system of the registries' data: " + fileSystem(dir),
	}
}

// fieldOf is the value of the first line "name : value" of a file in /proc.
func fieldOf(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// fileSystem is the type of the file system that holds dir: that of the
// longest mount point above it (proc(5), mounts).
func fileSystem(dir string) string {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "unknown"
	}
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		return "unknown"
	}
	kind, longest := "unknown", -1
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 3 || len(f[1]) <= longest {
			continue
		}
		if rel, err := filepath.Rel(f[1], dir); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
			kind, longest = f[2], len(f[1])
		}
	}
	return kind
}

// settle lets the disk finish what earlier tests wrote, so that no test pays
// for another's.
func settle() { syscall.Sync() }
