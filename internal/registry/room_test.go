package registry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/sweep"
)

// small is a store of blobs that takes 4 bytes of what an upload is sent at once
// while it is full.
type small struct {
	blob.Store
	full atomic.Bool
}

func (s *small) Short() bool { return s.full.Load() }

func (s *small) Upload(ctx context.Context, id string, state []byte) (blob.Upload, error) {
	u, err := s.Store.Upload(ctx, id, state)
	return &smallUpload{u, s}, err
}

type smallUpload struct {
	blob.Upload
	store *small
}

func (u *smallUpload) ReadFrom(r io.Reader) (int64, error) {
	if !u.store.full.Load() {
		return u.Upload.ReadFrom(r)
	}
	n, err := u.Upload.ReadFrom(io.LimitReader(r, 4))
	if more, _ := io.Copy(io.Discard, r); err == nil && more > 0 {
		err = fmt.Errorf("write: %w", blob.ErrFull)
	}
	return n, err
}

// fullOnce is a database that has no room for the first update whose context has
// a *atomic.Bool of this key. (A sweep may run meanwhile, which is to pass.)
type fullOnce struct{ metadata.Store }

func (m fullOnce) Update(ctx context.Context, fn func(*metadata.Tx) error) error {
	if full, ok := ctx.Value(fullOnce{}).(*atomic.Bool); ok && full.CompareAndSwap(true, false) {
		return metadata.ErrFull
	}
	return m.Store.Update(ctx, fn)
}

// What a push wrote that did not fit is gone when it is refused, on every path,
// and so are sessions that have been idle for a while.
func TestNothingIsLeftOfWhatDidNotFit(t *testing.T) {
	d := openStill(t)
	store, meta := &small{Store: d.blobs}, fullOnce{d.meta}
	s, _, err := replication.Open(ctx, registry.Config{Metadata: meta, Blobs: store, Accounts: []string{prodAccount},
		Regions: []string{prod.Region},
		Grace:   time.Hour, Logger: slog.New(slog.DiscardHandler), Now: d.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	d.Service = s
	swept := sweep.NewStores(meta, store, slog.New(slog.DiscardHandler), d.clock.now)
	d.OnFull(swept.MakeRoom)
	ref, c := in(prod), root(prodAccount)
	d.create(ref)
	objects := func() (n int) {
		for _, err := range d.blobs.Objects(ctx, "") {
			if n++; err != nil {
				t.Fatal(err)
			}
		}
		return n
	}
	const content = "too large"
	l := digest.FromString(content)
	session := func() string {
		id := d.startUpload(ref)
		if err := d.appendPart(id, 0, "too"); err != nil {
			t.Fatal(err)
		}
		return id
	}
	abandoned := session()
	d.clock.advance(30 * time.Minute)
	if shared() {
		d.clock.advance(time.Hour)
	}
	kept := session()
	for path, push := range map[string]func() (id string, err error){
		"PATCH": func() (string, error) {
			id := session()
			store.full.Store(true)
			return id, d.appendPart(id, 3, " large")
		},
		"PUT": func() (string, error) {
			id := session()
			store.full.Store(true)
			_, err := s.CompleteUpload(ctx, c, ref, id, l, 3, strings.NewReader(" large"))
			return id, err
		},
		"POST": func() (string, error) {
			store.full.Store(true)
			_, err := s.PutLayer(ctx, c, ref, l, strings.NewReader(content))
			return "", err
		},
		"the row": func() (string, error) {
			id := session()
			if err := d.appendPart(id, 3, " large"); err != nil {
				t.Fatal(err)
			}
			full := &atomic.Bool{}
			full.Store(true)
			_, err := s.CompleteUpload(context.WithValue(ctx, fullOnce{}, full), c, ref, id, l, -1, nil)
			return id, err
		},
	} {
		id, err := push()
		store.full.Store(false)
		wantCode(t, path, err, registry.StorageFull)
		if id != "" {
			_, err := s.UploadSize(ctx, c, ref, id)
			wantCode(t, path+": the session afterwards", err, registry.UploadNotFound)
		}
		if n := objects(); n != 0 {
			t.Errorf("%s: %d objects are left", path, n)
		}
	}
	// Soon after, nothing is left but the session that somebody has just written to.
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, err := s.UploadSize(ctx, c, ref, abandoned)
		if registry.CodeOf(err) == registry.UploadNotFound && d.held() == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d uploads are left; the abandoned one: %v", d.held(), err)
		}
	}
	if n, err := s.UploadSize(ctx, c, ref, kept); n != 3 || err != nil {
		t.Errorf("the session in use has %d bytes, %v", n, err)
	}
	// A client that went away, or sent too little, may go on.
	if _, err := s.AppendUpload(ctx, c, ref, kept, 3,
		io.MultiReader(strings.NewReader(" "), failingReader{})); err == nil {
		t.Error("no error")
	}
	if n, err := s.UploadSize(ctx, c, ref, kept); n != 4 || err != nil {
		t.Errorf("after a cut the session has %d bytes, %v", n, err)
	}
	// A sweep too drops them early while there is little room.
	d.clock.advance(2 * time.Hour)
	for _, full := range []bool{false, true} {
		store.full.Store(full)
		p, err := swept.Sweep(ctx, "uploads", "", time.Hour, true)
		if err != nil || (p.Found == 1) != full {
			t.Errorf("a sweep of a store that is full (%v) finds %d, %v", full, p.Found, err)
		}
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("the client went away") }
