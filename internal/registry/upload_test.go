package registry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/sweep"
)

func (d *domain) startUpload(ref resource.Repository) string {
	d.t.Helper()
	id, err := d.StartUpload(ctx, root(ref.Registry.Account), ref)
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

func (d *domain) appendPart(id string, offset int64, part string) error {
	_, err := d.AppendUpload(ctx, root(prodAccount), in(prod), id, offset, strings.NewReader(part))
	return err
}

func (d *domain) complete(id, content string) error {
	_, err := d.CompleteUpload(ctx, root(prodAccount), in(prod), id, digest.FromString(content), -1, nil)
	return err
}

// held counts the sessions of which the store holds bytes.
func (d *domain) held() int {
	d.t.Helper()
	ids := map[string]bool{}
	for id, err := range d.blobs.Uploads(ctx) {
		if err != nil {
			d.t.Fatal(err)
		}
		ids[id] = true
	}
	return len(ids)
}

// leaveBehind writes bytes of a session that has no record.
func (d *domain) leaveBehind(id, content string) {
	d.t.Helper()
	u, err := d.blobs.Upload(ctx, id, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	defer u.Close()
	_, err = u.ReadFrom(strings.NewReader(content))
	_, stateErr := u.State(ctx)
	if err := errors.Join(err, stateErr); err != nil {
		d.t.Fatal(err)
	}
}

func TestUploadInParts(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	id := d.startUpload(in(prod))
	if err := d.appendPart(id, 0, "one"); err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{0, 2, 4, 1 << 60} {
		err := d.appendPart(id, offset, "two")
		wantCode(t, "out of order", err, registry.InvalidLayerPart)
		var e *registry.Error
		if !errors.As(err, &e) || e.Received != 3 {
			t.Errorf("received: %+v", e)
		}
	}
	if err := d.appendPart(id, -1, "two"); err != nil {
		t.Fatal(err)
	}
	if n, err := d.UploadSize(ctx, root(prodAccount), in(prod), id); n != 6 || err != nil {
		t.Errorf("size %d, %v", n, err)
	}
	_, err := d.CompleteUpload(ctx, root(prodAccount), in(prod), id, digest.FromString("onetwothree"), 3,
		strings.NewReader("three"))
	wantCode(t, "a last part out of order", err, registry.InvalidLayerPart)
	l, err := d.CompleteUpload(ctx, root(prodAccount), in(prod), id, digest.FromString("onetwothree"), 6,
		strings.NewReader("three"))
	if err != nil || l.Size != 11 {
		t.Errorf("%+v, %v", l, err)
	}
	wantCode(t, "after its end", d.appendPart(id, -1, "x"), registry.UploadNotFound)
	_, f, err := d.OpenLayer(ctx, root(prodAccount), in(prod), l.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || string(b) != "onetwothree" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestUploadsOfOthersAreNotFound(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.create(in(dev))
	other := resource.Repository{Registry: prod, Name: "other"}
	d.create(other)
	id := d.startUpload(in(prod))
	for _, c := range []struct {
		what   string
		caller access.Caller
		ref    resource.Repository
		id     string
		want   registry.Code
	}{
		{"another repository", root(prodAccount), other, id, registry.UploadNotFound},
		{"another account", root(devAccount), in(dev), id, registry.UploadNotFound},
		{"another account's repository", root(devAccount), in(prod), id, registry.AccessDenied},
		{"no UUID", root(prodAccount), in(prod), "../../metadata/metadata.db", registry.UploadNotFound},
		{"unknown", root(prodAccount), in(prod), "00000000-0000-0000-0000-000000000000", registry.UploadNotFound},
		{"the UUID in another form", root(prodAccount), in(prod), "urn:uuid:" + id, registry.UploadNotFound},
	} {
		_, err := d.UploadSize(ctx, c.caller, c.ref, c.id)
		wantCode(t, c.what+": size", err, c.want)
		_, err = d.AppendUpload(ctx, c.caller, c.ref, c.id, -1, strings.NewReader("x"))
		wantCode(t, c.what+": append", err, c.want)
		_, err = d.CompleteUpload(ctx, c.caller, c.ref, c.id, digest.FromString("x"), -1, nil)
		wantCode(t, c.what+": complete", err, c.want)
		wantCode(t, c.what+": cancel", d.CancelUpload(ctx, c.caller, c.ref, c.id), c.want)
	}
	if n := d.held(); n != 0 {
		t.Errorf("bytes of %d sessions are there", n)
	}
	if err := d.CancelUpload(ctx, root(prodAccount), in(prod), id); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "after the cancel", d.appendPart(id, -1, "x"), registry.UploadNotFound)
	wantCode(t, "cancel again", d.CancelUpload(ctx, root(prodAccount), in(prod), id), registry.UploadNotFound)
	if n := d.held(); n != 0 {
		t.Errorf("bytes of %d sessions are left", n)
	}
}

func TestWrongDigestEndsTheUpload(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	id := d.startUpload(in(prod))
	if err := d.appendPart(id, -1, "content"); err != nil {
		t.Fatal(err)
	}
	_, err := d.CompleteUpload(ctx, root(prodAccount), in(prod), id, "sha256:short", -1, nil)
	wantCode(t, "no digest", err, registry.InvalidParameter) // and the upload stays
	wantCode(t, "wrong digest", d.complete(id, "other"), registry.InvalidLayer)
	wantCode(t, "afterwards", d.complete(id, "content"), registry.UploadNotFound)
	_, err = d.PutLayer(ctx, root(prodAccount), in(prod), digest.FromString("other"), strings.NewReader("content"))
	wantCode(t, "at once", err, registry.InvalidLayer)
	_, err = d.PutLayer(ctx, root(prodAccount), in(prod), digest.FromString("content"),
		iotest.ErrReader(io.ErrUnexpectedEOF))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a body that breaks off: %v", err)
	}
	for _, content := range []string{"content", "other"} {
		_, err = d.Layer(ctx, root(prodAccount), in(prod), digest.FromString(content))
		wantCode(t, "the layer", err, registry.LayersNotFound)
	}
	if n := d.held(); n != 0 {
		t.Errorf("bytes of %d sessions are left", n)
	}
	if ids, err := d.meta.Read(ctx).Uploads().Idle(time.Now().Add(time.Hour), time.Now().Add(2*time.Hour), "",
		10); err != nil || len(ids) != 0 {
		t.Errorf("sessions are left: %v, %v", ids, err)
	}
}

func TestBrokenBodyCanBeResumed(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	id := d.startUpload(in(prod))
	content := strings.Repeat("0123456789", 100_000)
	body := io.MultiReader(strings.NewReader(content[:700_001]), iotest.ErrReader(io.ErrUnexpectedEOF))
	n, err := d.AppendUpload(ctx, root(prodAccount), in(prod), id, 0, body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || n != 700_001 {
		t.Fatalf("%d, %v", n, err)
	}
	// A last part that breaks off leaves the upload as well.
	body = io.MultiReader(strings.NewReader(content[n:n+1000]), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := d.CompleteUpload(ctx, root(prodAccount), in(prod), id, digest.FromString(content), n,
		body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	if _, err := d.CompleteUpload(ctx, root(prodAccount), in(prod), id, digest.FromString(content), n+1000,
		strings.NewReader(content[n+1000:])); err != nil {
		t.Error(err)
	}
}

func TestUploadSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := openStores(t, dir)
	d.create(in(prod))
	id := d.startUpload(in(prod))
	if err := d.appendPart(id, 0, "one"); err != nil {
		t.Fatal(err)
	}
	d.close()
	d = openStores(t, dir)
	if err := d.appendPart(id, 3, "two"); err != nil {
		t.Fatal(err)
	}
	if err := d.complete(id, "onetwo"); err != nil {
		t.Error(err)
	}
}

// blockingReader gives one byte and then blocks.
type blockingReader struct {
	begun, leave chan struct{}
	once         sync.Once
}

func (r *blockingReader) Read(p []byte) (int, error) {
	r.once.Do(func() { close(r.begun) })
	<-r.leave
	return 0, io.EOF
}

func TestConcurrentWritersOfOneUpload(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	id := d.startUpload(in(prod))
	r := &blockingReader{begun: make(chan struct{}), leave: make(chan struct{})}
	ended := make(chan error)
	go func() {
		_, err := d.AppendUpload(ctx, root(prodAccount), in(prod), id, -1, r)
		ended <- err
	}()
	<-r.begun
	if err := d.appendPart(id, -1, "x"); err == nil || registry.CodeOf(err) != registry.InvalidParameter {
		t.Errorf("a second writer: %v", err)
	}
	if err := d.CancelUpload(ctx, root(prodAccount), in(prod), id); err == nil {
		t.Error("cancelled while another writes")
	}
	d.clock.advance(48 * time.Hour)
	if n, err := d.expire(); err != nil || n != 0 {
		t.Errorf("%d uploads expired while one writes: %v", n, err)
	}
	close(r.leave)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := d.appendPart(id, 0, "x"); err != nil {
		t.Error(err)
	}
	// Many at once: each part is whole or refused.
	var wg sync.WaitGroup
	var accepted atomic.Int64
	part := strings.Repeat("y", 10_000)
	for range 16 {
		wg.Go(func() {
			switch err := d.appendPart(id, -1, part); {
			case err == nil:
				accepted.Add(1)
			case registry.CodeOf(err) != registry.InvalidParameter:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	want := "x" + strings.Repeat(part, int(accepted.Load()))
	if n, err := d.UploadSize(ctx, root(prodAccount), in(prod), id); err != nil || n != int64(len(want)) {
		t.Errorf("size %d, want %d: %v", n, len(want), err)
	}
	if err := d.complete(id, want); err != nil {
		t.Error(err)
	}
}

func TestSameLayerFromManyAtOnce(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	content := bytes.Repeat([]byte("z"), 300_000)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := d.PutLayer(ctx, root(prodAccount), in(prod), digest.FromBytes(content),
				bytes.NewReader(content)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if l, err := d.Layer(ctx, root(prodAccount), in(prod), digest.FromBytes(content)); err != nil ||
		l.Size != int64(len(content)) {
		t.Errorf("%+v, %v", l, err)
	}
	if n := d.held(); n != 0 {
		t.Errorf("bytes of %d sessions are left", n)
	}
}

// expire sweeps uploads and returns how many there were to drop.
func (d *domain) expire() (n int64, err error) {
	for _, step := range []sweep.Step{"uploads", "leftovers"} {
		p, err := d.swept.Sweep(ctx, step, "", 0, false)
		if err != nil {
			return n, err
		}
		n += p.Found
	}
	return n, nil
}

func TestAbandonedUploadsExpire(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	written, empty := d.startUpload(in(prod)), d.startUpload(in(prod))
	if err := d.appendPart(written, 0, "x"); err != nil {
		t.Fatal(err)
	}
	d.leaveBehind("11111111-2222-3333-4444-555555555555", "x")
	expire := func(want int64) {
		t.Helper()
		if n, err := d.expire(); err != nil || n != want {
			t.Errorf("%d uploads expired, want %d: %v", n, want, err)
		}
	}
	expire(1) // what was left behind: a session has its record before its first byte
	d.clock.advance(23 * time.Hour)
	expire(0)
	if err := d.appendPart(written, 1, "y"); err != nil {
		t.Error(err)
	}
	if !shared() { // Of the files the times are the disk's, which the test's clock leaves behind.
		soon := d.clock.now()
		if err := os.Chtimes(filepath.Join(d.dir, "blobs", "uploads", written), soon, soon); err != nil {
			t.Fatal(err)
		}
	}
	d.clock.advance(2 * time.Hour)
	expire(1) // the empty session; the written one is not idle
	wantCode(t, "an expired session", d.appendPart(empty, -1, "x"), registry.UploadNotFound)
	if err := d.appendPart(written, 2, "z"); err != nil {
		t.Error(err)
	}
	d.clock.advance(48 * time.Hour)
	expire(1)
	wantCode(t, "an expired session", d.appendPart(written, -1, "x"), registry.UploadNotFound)
	if n := d.held(); n != 0 {
		t.Errorf("bytes of %d sessions are left", n)
	}
}

// A client may give up while its last bytes are made durable.
func TestLayerIsLinkedThoughTheClientLeft(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	id := d.startUpload(in(prod))
	gone, leave := context.WithCancel(ctx)
	tail := io.MultiReader(strings.NewReader("layer"), readerFunc(func([]byte) (int, error) {
		leave()
		return 0, io.EOF
	}))
	if _, err := d.CompleteUpload(gone, root(prodAccount), in(prod), id, digest.FromString("layer"), 0, tail); err != nil {
		t.Error(err)
	}
	if _, err := d.Layer(ctx, root(prodAccount), in(prod), digest.FromString("layer")); err != nil {
		t.Error(err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A push that was told that a layer is here need not send it: a sweep leaves
// it for as long as such a push may take.
func TestLayersThatAClientAskedForStay(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	asked, forgotten := d.pushLayer(in(prod), "asked"), d.pushLayer(in(prod), "forgotten")
	d.clock.advance(20 * time.Hour)
	if _, err := d.Layer(ctx, root(prodAccount), in(prod), asked.Digest); err != nil {
		t.Fatal(err)
	}
	// The link is renewed in the background.
	repo, err := d.meta.Repository(ctx, prodAccount, prod.Region, in(prod).Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		l, err := d.meta.Read(ctx).Layers().Get(repo.ID, string(asked.Digest))
		if err == nil && d.clock.now().Sub(l.LinkedAt) < time.Hour {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the link is of %s: %v", l.LinkedAt, err)
		}
	}
	d.clock.advance(5 * time.Hour)
	page, err := d.swept.Sweep(ctx, "links", "", 24*time.Hour, false)
	if err != nil || page.Found != 1 {
		t.Errorf("%+v, %v", page, err)
	}
	for digest, want := range map[digest.Digest]registry.Code{
		asked.Digest: "", forgotten.Digest: registry.LayersNotFound,
	} {
		_, err := d.Layer(ctx, root(prodAccount), in(prod), digest)
		wantCode(t, string(digest), err, want)
	}
}
