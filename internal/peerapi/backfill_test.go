package peerapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// backfill starts a backfill and does it until it has ended.
func (d *deployment) backfill() replication.Backfill {
	d.t.Helper()
	ctx := d.t.Context()
	b, err := d.replication.StartBackfill(ctx, root(d.id.Account), d.id, dev)
	if err != nil {
		d.t.Fatal(err)
	}
	d.doBackfills()
	b, _, _, err = d.replication.BackfillResults(ctx, root(d.id.Account), d.id, b.ID, "", registry.Page{Limit: 100})
	if err != nil {
		d.t.Fatal(err)
	}
	return b
}

func (d *deployment) doBackfills() {
	d.t.Helper()
	key := ""
	eventually(d.t, "the backfill has ended", func() bool {
		var err error
		if key, err = d.replication.BackfillJob().Steps[0].Page(d.t.Context(), key); err != nil {
			d.t.Fatal(err)
		}
		return key == ""
	})
}

func TestBackfillToAPeer(t *testing.T) {
	t.Parallel()
	tokyo, oregon := open(t, "tokyo", prod), open(t, "oregon", dev)
	join(t, tokyo, oregon)
	oregon.grant(prodAccount)
	tokyo.create("app")
	images := map[string]digest.Digest{}
	for i := range 20 {
		tag := fmt.Sprint(i)
		images[tag] = tokyo.push("app", tag, noise(t, 2000), noise(t, 200<<10))
	}
	tokyo.replicateTo(true, dev)
	b := tokyo.backfill()
	if p := b.Progress; b.Status != metadata.BackfillComplete || p.Total != 20 || p.Completed != 20 {
		t.Errorf("%+v, %+v", b, p)
	}
	for tag, image := range images {
		oregon.await("app", tag, image)
	}

	// Images that the peer has are sent without their layers, by a process that does
	// not remember what it has sent, too.
	tokyo.restart()
	parts := 0
	oregon.wrap.Store(wrapper(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, replication.OperationParts) {
				parts++
			}
			next.ServeHTTP(w, r)
		})
	}))
	before := oregon.received.Load()
	b = tokyo.backfill()
	if p := b.Progress; b.Status != metadata.BackfillComplete || p.Total != 20 || p.Completed != 20 {
		t.Errorf("again: %+v, %+v", b, p)
	}
	if n := oregon.received.Load() - before; n > 100<<10 || parts > 0 {
		t.Errorf("%d bytes and %d parts were sent of images that are there", n, parts)
	}
}

// Images of a backfill come with their small layers, each once; but without, once
// the peer has said that it had one.
func TestBackfillOfSmallImages(t *testing.T) {
	t.Parallel()
	tokyo, oregon := open(t, "tokyo", prod), open(t, "oregon", dev)
	join(t, tokyo, oregon)
	oregon.grant(prodAccount)
	for _, name := range []string{"one", "app"} {
		tokyo.create(name)
	}
	tokyo.push("one", "1", noise(t, 2000))
	const images = 40
	for i := range images {
		tokyo.push("app", fmt.Sprint(i), noise(t, 2000))
	}
	var mu sync.Mutex
	var sent, layers int
	oregon.wrap.Store(wrapper(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, replication.OperationImages) {
				body, err := io.ReadAll(r.Body)
				var m replication.SentImages
				if err != nil || json.Unmarshal(body, &m) != nil {
					t.Errorf("a message with images cannot be read: %v", err)
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				mu.Lock()
				sent += len(m.Images)
				for _, image := range m.Images {
					layers += len(image.Layers)
				}
				mu.Unlock()
			}
			next.ServeHTTP(w, r)
		})
	}))
	backfill := func(prefixes ...string) {
		t.Helper()
		sent, layers = 0, 0
		if err := tokyo.replication.SetRules(t.Context(), root(prodAccount), prod,
			[]replication.Rule{{Destinations: []resource.Registry{dev}, Prefixes: prefixes}}); err != nil {
			t.Fatal(err)
		}
		if b := tokyo.backfill(); b.Status != metadata.BackfillComplete {
			t.Fatalf("%+v", b)
		}
	}
	backfill("one", "app")
	if sent != images+1 || layers < images+1 {
		t.Errorf("%d images with %d layers were sent of %d", sent, layers, images+1)
	}
	tokyo.restart() // it does not remember what the peer has
	backfill("one")
	if backfill("app"); sent != images || layers > 0 {
		t.Errorf("%d images with %d layers were sent of %d that were there", sent, layers, images)
	}
}

// A push does not wait behind a backfill to the same peer.
func TestPushDuringABackfill(t *testing.T) {
	t.Parallel()
	tokyo, oregon := open(t, "tokyo", prod), open(t, "oregon", dev)
	join(t, tokyo, oregon)
	oregon.grant(prodAccount)
	tokyo.create("app")
	const images = 150
	for i := range images {
		tokyo.push("app", fmt.Sprint("old", i), noise(t, 600<<10))
	}
	oregon.wrap.Store(line(20 << 20))
	tokyo.replicateTo(true, dev)
	if _, err := tokyo.replication.StartBackfill(t.Context(), root(prodAccount), prod, dev); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tokyo.doBackfills()
	}()
	arrived := func() (n int) {
		for i := range images {
			if oregon.tag("app", fmt.Sprint("old", i)) != "" {
				n++
			}
		}
		return n
	}
	eventually(t, "some of it has come", func() bool { return arrived() > 0 })
	before := arrived()
	oregon.await("app", "new", tokyo.push("app", "new", noise(t, 600<<10)))
	if after := arrived(); after > before+images/2 {
		t.Errorf("%d of %d images were there when the push began, and %d when it had come", before, images, after)
	}
	<-ended
	if n := arrived(); n != images {
		t.Errorf("%d of %d images have come", n, images)
	}
}

// line has requests come over a line of so many bytes a second.
func line(rate int64) wrapper {
	var busy sync.Mutex
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			busy.Lock()
			time.Sleep(time.Duration(r.ContentLength) * time.Second / time.Duration(rate))
			busy.Unlock()
			next.ServeHTTP(w, r)
		})
	}
}
