package stores

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestWhose: who may not write the data folder learns which user must own it.
func TestWhose(t *testing.T) {
	denied := fmt.Errorf("make the folder: %w", &fs.PathError{Op: "mkdir", Path: "/data/blobs", Err: syscall.EACCES})
	err := explainPermission("/data", denied)
	if want := fmt.Sprintf("chown -R %d:%d /data", os.Getuid(), os.Getgid()); !errors.Is(err, fs.ErrPermission) ||
		!strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v; it should end with %q", err, want)
	}
	for _, other := range []error{nil, fs.ErrNotExist} {
		if err := explainPermission("/data", other); err != other {
			t.Errorf("%v became %v", other, err)
		}
	}
}
