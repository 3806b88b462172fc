package test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinport/twinport/test/servers"
)

// smallDisk gives the test a disk of its own for temporary files: a mount that
// only this test's thread, and the programs that it starts, can see. Tests with
// one cannot be parallel.
func smallDisk(t *testing.T, megabytes int) (dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("left out: a small disk of its own needs root")
	}
	t.TempDir() // the test's other folders are beside this one, and not on the small disk
	// Not in that folder, into which other users cannot look.
	dir, err := os.MkdirTemp("/tmp", "twinport-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(dir) })
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		t.Skipf("left out: a small disk of its own: %v", err)
	}
	if err := errors.Join(unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=1777", megabytes))); err != nil {
		t.Skipf("left out: a small disk of its own: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	t.Setenv("TMPDIR", dir)
	return dir
}

// fillDisk takes all but so many bytes, and returns what gives them back.
func fillDisk(t *testing.T, dir string, leave int64) (free func()) {
	t.Helper()
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 64<<10)
	for err == nil {
		_, err = ballast.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if size, err := ballast.Seek(0, io.SeekEnd); err != nil {
		t.Fatal(err)
	} else if err := ballast.Truncate(max(0, size-leave)); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := errors.Join(ballast.Truncate(0), ballast.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// wantFull checks that a push without room was refused so that the client
// knows, or so that it tries again.
func wantFull(t *testing.T, err error) {
	t.Helper()
	var refused *statusError
	if err == nil || errors.As(err, &refused) && refused.answer.status != http.StatusInsufficientStorage &&
		refused.answer.status != http.StatusServiceUnavailable {
		t.Errorf("a push without room is answered with %v", err)
	}
}

// TestFaultFullBucket: the disk of the S3 server is full.
func TestFaultFullBucket(t *testing.T) {
	ownStores(t)
	database := servers.Postgres(t) // elsewhere
	disk := smallDisk(t, 64)
	c := newClusterOn(t, 2, sharedStores(database, servers.StartS3(t).Bucket(), ""), "")
	source, target := c.replicating()
	c.createRepository(prod, tokyo, "app")
	before := makeImage("before", nil, "")
	source.mustPush("app", "1", before)
	free := fillDisk(t, disk, 1<<20)
	layer := make([]byte, 8<<20)
	rand.Read(layer)
	for range 2 {
		_, err := source.putBlob("app", layer)
		wantFull(t, err)
		if err := source.wantPull("app", "1", before.digest); err != nil {
			t.Errorf("with a full bucket: %v", err)
		}
	}
	free()
	if err := insist(patience, func() error { _, err := source.putBlob("app", layer); return err }); err != nil {
		t.Errorf("with room again: %v", err)
	}
	after := makeImage("after", nil, "")
	source.mustPush("app", "2", after)
	eventually(t, patience, func() error { return target.wantPull("app", "2", after.digest) })
	if err := source.wantPull("app", "1", before.digest); err != nil {
		t.Error(err)
	}
}

// TestFaultFullDatabase: the disk of PostgreSQL is full. PostgreSQL itself may
// end then, and is started again, as its service would be.
func TestFaultFullDatabase(t *testing.T) {
	ownStores(t)
	bucket := servers.S3(t) // elsewhere
	disk := smallDisk(t, 192)
	db := servers.StartPostgres(t, "min_wal_size=32MB", "max_wal_size=32MB")
	c := newClusterOn(t, 2, sharedStores(db.Database(), bucket, ""), "")
	source, target := c.replicating()
	c.createRepository(prod, tokyo, "app")
	pushed := map[string]image{}
	push := func(i int) error {
		tag := fmt.Sprint("push-", i)
		// Large configurations make large manifests.
		image := makeImage(tag+string(bytes.Repeat([]byte("x"), 1000)), nil, "")
		err := source.push("app", tag, image)
		if err == nil {
			pushed[tag] = image
		}
		return err
	}
	for i := range 5 {
		if err := push(i); err != nil {
			t.Fatal(err)
		}
	}
	free := fillDisk(t, disk, 0)
	var err error
	for i := 5; err == nil && i < 500; i++ {
		err = push(i)
	}
	wantFull(t, err)
	t.Logf("after %d pushes the database is full: %v", len(pushed), err)
	wantFull(t, push(5000))
	free()
	if db.Ended() {
		t.Log("PostgreSQL has ended")
		db.Start()
	}
	begun := time.Now()
	if err := insist(stubborn, func() error { return push(9999) }); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	t.Logf("with room again pushes succeed after %v", time.Since(begun).Round(time.Millisecond))
	for tag, image := range pushed {
		if err := source.wantPull("app", tag, image.digest); err != nil {
			t.Errorf("acknowledged, but %v", err)
		}
		eventually(t, patience, func() error { return target.wantPull("app", tag, image.digest) })
	}
}
