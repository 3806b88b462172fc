package test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// suspended does something while a process stands still and none of its threads is
// in the kernel.
func suspended(t *testing.T, pid int, do func()) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			t.Error(err)
		}
	}()
	eventually(t, patience, func() error {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(threads) == 0 {
			return fmt.Errorf("the threads of process %d are not known: %v", pid, err)
		}
		for _, thread := range threads {
			stat, err := os.ReadFile(thread)
			if err != nil {
				return err
			}
			// proc_pid_stat(5): the state follows the name, which stands in parentheses.
			if _, state, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(state, "T") {
				return fmt.Errorf("%s says %s", thread, stat)
			}
		}
		return nil
	})
	do()
}

// shutDown makes an ext4 file system fail everything from now on, without what it
// has only in memory: as a disk does that dies. Nothing may wait for an fsync
// meanwhile: Linux may tell it that what is lost is on the disk.
func shutDown(t *testing.T, path string) {
	t.Helper()
	const ext4Shutdown, noLogFlush = 0x8004587d, 2 // EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH
	dir, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := unix.IoctlSetPointerInt(int(dir.Fd()), ext4Shutdown, noLogFlush); err != nil {
		t.Fatal(err)
	}
}

// TestDeadDisk: a server whose disk dies amid pushes says that it is not ready and
// acknowledges nothing more. All that it has acknowledged is there when the disk
// comes back.
func TestDeadDisk(t *testing.T) {
	embeddedOnly(t, "the disk of the data folder")
	t.Parallel()
	needsRoot(t)
	enter, err := enterNamespace()
	if err != nil {
		t.Skipf("left out: a disk of its own: %v", err)
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	disk := data + ".img"
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, disk, "")
	if err := os.Truncate(disk, 256<<20); err != nil {
		t.Fatal(err)
	}
	for _, try := range [][]string{
		{"mkfs.ext4", "-q", disk},
		append(append([]string{}, enter...), "mount", "-o", "loop", disk, data),
	} {
		if out, err := exec.Command(try[0], try[1:]...).CombinedOutput(); err != nil {
			t.Skipf("left out: a disk of its own: %v: %v: %s", try, err, out)
		}
	}
	unused := func() error {
		out, err := exec.Command("losetup", "-j", disk).Output()
		if err == nil && len(out) > 0 {
			err = fmt.Errorf("still used: %s", out)
		}
		return err
	}
	eventually(t, patience, unused)
	s := newServerAt(t, dir, data, append(enter, "sh", "-c", `mount -o loop "$0.img" "$0" && exec "$@"`, data)...)
	s.createRepository(prod, tokyo, "app")
	c := s.oci(prod, tokyo)

	var acknowledged sync.Map // tag: digest
	var pushes atomic.Int64
	var clients sync.WaitGroup
	for client := range 4 {
		c := s.oci(prod, tokyo)
		clients.Go(func() {
			for i := 0; ; i++ {
				tag := fmt.Sprintf("c%d-%d", client, i)
				image := makeImage(tag, nil, "")
				if err := c.push("app", tag, image); err != nil {
					return
				}
				acknowledged.Store(tag, image.digest)
				pushes.Add(1)
			}
		})
	}
	eventually(t, 3*patience, func() error {
		if n := pushes.Load(); n < 40 {
			return fmt.Errorf("%d pushes are acknowledged", n)
		}
		return nil
	})
	pid := s.cmd.Process.Pid
	suspended(t, pid, func() { shutDown(t, filepath.Join("/proc", fmt.Sprint(pid), "root", data)) })
	clients.Wait()
	eventually(t, patience, func() error {
		a, err := c.send("GET", "/readyz", nil)
		if err == nil && (a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), "disk")) {
			err = fmt.Errorf("/readyz says %v", a)
		}
		return err
	})
	if err := c.push("app", "after", makeImage("after", nil, "")); err == nil {
		t.Error("a push onto a dead disk is acknowledged")
	}

	s.kill(syscall.SIGKILL)
	eventually(t, patience, unused)
	s.start()
	c = s.oci(prod, tokyo)
	acknowledged.Range(func(tag, d any) bool {
		if err := c.wantPull("app", tag.(string), d.(digest.Digest)); err != nil {
			t.Errorf("acknowledged before the disk died: %v", err)
		}
		return true
	})
	c.mustPush("app", "again", makeImage("again", nil, ""))
}
