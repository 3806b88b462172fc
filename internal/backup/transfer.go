package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/filestore"
	"github.com/twinport/twinport/internal/durable"
	"github.com/twinport/twinport/internal/metadata"
)

const (
	// pageRows is how many blobs are asked for at a time.
	pageRows = 1000
	// workers is how many files are on their way at a time: most are small, and
	// wait for the disk.
	workers = 8
	// copyBytes is how much is copied before the context is looked at.
	copyBytes = 8 << 20
)

// transfer copies the objects that a database names from one folder to another.
type transfer struct {
	Options
	from, to *filestore.Store
	parts    string // an empty folder, on the file system of to
	result   *Result

	mu     sync.Mutex // guards result
	total  int64
	noLink atomic.Bool
	number atomic.Int64
	dirs   sync.Map // that were written to
}

// run returns when all that was transferred is durable.
func (t *transfer) run(ctx context.Context, from *metadata.SQLite) error {
	t.noLink.Store(t.Copy)
	totals, err := from.Read(ctx).Damage().Totals()
	if err != nil {
		return err
	}
	t.total = totals.Blobs
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for after := ""; ctx.Err() == nil; {
		page, err := from.Read(ctx).Damage().BlobsByObject(after, pageRows)
		if err != nil {
			group.Go(func() error { return err })
			break
		}
		if len(page) == 0 {
			break
		}
		for _, b := range page {
			after = b.Object
			group.Go(func() error { return t.object(ctx, b) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return t.sync()
}

// object transfers one object, unless it is there.
func (t *transfer) object(ctx context.Context, b metadata.Blob) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	problem, err := t.place(ctx, b)
	if err != nil {
		return fmt.Errorf("copy object %s: %w", b.Object, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if problem != "" {
		t.result.Damaged++
		t.Damaged(b.Object, problem)
	}
	t.result.Objects++
	t.result.Bytes += b.Size
	t.Progress(t.result.Objects, t.total, t.result.FreshBytes)
	return nil
}

// place makes sure that the destination has the object. problem is what is
// wrong with the source's; then the destination does not have it either.
func (t *transfer) place(ctx context.Context, b metadata.Blob) (problem string, err error) {
	source, err := t.from.File(b.Object)
	if err != nil {
		return "its name is none of a file", nil
	}
	path, err := t.to.File(b.Object)
	if err != nil {
		return "", err
	}
	is, err := os.Stat(source)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if have, err := os.Stat(path); err == nil && have.Size() == b.Size {
		problem, err := t.check(ctx, path, b)
		switch {
		case err != nil:
			return "", err
		case problem == "" && !(t.Copy && shared(have)):
			return "", nil
		case problem == "":
			source, is = path, have // copy the file, which has other names
		case is != nil && os.SameFile(is, have):
			return problem, nil
		}
	}
	switch {
	case is == nil:
		return "it is missing", nil
	case is.Size() != b.Size:
		return fmt.Sprintf("it has %d bytes instead of %d", is.Size(), b.Size), nil
	}
	dir := filepath.Dir(path)
	if _, made := t.dirs.Load(dir); !made {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
		t.dirs.Store(dir, true)
	}
	part := filepath.Join(t.parts, strconv.FormatInt(t.number.Add(1), 10))
	linked, err := t.link(source, part)
	if err == nil && !linked {
		err = copyFile(ctx, source, part, b.Size)
	}
	if err != nil {
		return "", err
	}
	if problem, err := t.check(ctx, part, b); err != nil || problem != "" {
		_ = os.Remove(part)
		return problem, err
	}
	if err := os.Rename(part, path); err != nil {
		return "", err
	}
	// Renaming does nothing where both are the same file.
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.FreshBytes += b.Size
	if linked {
		t.result.Linked++
	} else {
		t.result.Copied++
	}
	return "", nil
}

// link makes a hard link. Once the file systems have refused one it makes no
// more.
func (t *transfer) link(source, path string) (bool, error) {
	if t.noLink.Load() {
		return false, nil
	}
	err := os.Link(source, path)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EMLINK):
		return false, nil // it has as many links as the file system allows
	case errors.Is(err, unix.EXDEV), errors.Is(err, unix.EPERM), errors.Is(err, unix.EOPNOTSUPP),
		errors.Is(err, unix.ENOSYS):
		t.noLink.Store(true)
		return false, nil
	}
	return false, err
}

// check reads the file and returns what is wrong with its digest, if that was
// asked for.
func (t *transfer) check(ctx context.Context, path string, b metadata.Blob) (problem string, err error) {
	if !t.Digests {
		return "", nil
	}
	d := digest.Digest(b.Digest)
	if err := blob.ValidateDigest(d); err != nil {
		return "its digest cannot be verified", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := d.Algorithm().Hash()
	if err := copyAll(ctx, hash, f); err != nil {
		return "", err
	}
	if got := digest.NewDigest(d.Algorithm(), hash); got != d {
		return "its bytes have the digest " + got.String(), nil
	}
	return "", nil
}

// copyAll copies in pieces, so that it ends with ctx.
func copyAll(ctx context.Context, to io.Writer, from io.Reader) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.CopyN(to, from, copyBytes); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// shared reports whether a file has other names: to write to it would change
// those files too.
func shared(file os.FileInfo) bool {
	stat, ok := file.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1
}

// copyFile makes a durable copy of a file of size bytes under a new name. It
// does not overwrite a file, which may be a link to what others rely on.
func copyFile(ctx context.Context, source, path string, size int64) error {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer to.Close()
	if err := copyAll(ctx, to, from); err != nil {
		return err
	}
	if info, err := to.Stat(); err != nil {
		return err
	} else if info.Size() != size {
		return fmt.Errorf("the copy of %s has %d bytes instead of %d", source, info.Size(), size)
	}
	if err := to.Sync(); err != nil {
		return err
	}
	return to.Close()
}

// sync makes the names of the files durable. Their bytes are already.
func (t *transfer) sync() (err error) {
	above := map[string]bool{}
	t.dirs.Range(func(dir, _ any) bool {
		err = durable.SyncDir(dir.(string))
		algorithm := filepath.Dir(dir.(string))
		above[algorithm], above[filepath.Dir(algorithm)] = true, true
		return err == nil
	})
	for dir := range above {
		if err == nil {
			err = durable.SyncDir(dir)
		}
	}
	return err
}
