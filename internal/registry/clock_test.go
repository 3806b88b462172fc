package registry_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/sweep"
)

// TestClockJumps moves the clock far ahead and far back, under pushes,
// replications, uploads and sweeps. Nothing that was acknowledged depends on it.
func TestClockJumps(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(dev)
	d.grant(dev)
	const year = 365 * 24 * time.Hour
	pushed := map[string]digest.Digest{}
	for i, jump := range []time.Duration{0, time.Hour, -3 * time.Hour, 20 * year, -30 * year, year, 9 * year} {
		before := fmt.Sprint("before-", i)
		pushed[before] = d.put(in(prod), d.image(in(prod), before), before, "latest")
		pushed["latest"] = pushed[before]
		upload, err := d.StartUpload(ctx, root(prodAccount), in(prod))
		if err != nil {
			t.Fatal(err)
		}
		unused := d.pushLayer(in(prod), fmt.Sprint("a push begins before jump ", i))

		d.clock.advance(jump) // what was just queued is due at another time now

		after := fmt.Sprint("after-", i)
		pushed[after] = d.put(in(prod), d.image(in(prod), after), after, "latest")
		pushed["latest"] = pushed[after]
		// Whoever sweeps may be the one whose clock is wrong.
		if err := sweep.Once(ctx, d.swept, 24*time.Hour, false, nil); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			d.drain()
			d.clock.advance(6 * time.Minute) // the longest that a replication waits
		}
		for tag, want := range pushed {
			for _, ref := range []resource.Repository{in(prod), in(dev)} {
				if got, err := d.resolve(ref, registry.Reference{Tag: tag}); err != nil || got != want {
					t.Fatalf("jump %d by %v: %s of %v is %s, %v; want %s", i, jump, tag, ref, got, err, want)
				}
			}
			for _, st := range d.statuses(in(prod), registry.Reference{Tag: tag}) {
				if st.State != replication.Complete {
					t.Errorf("jump %d by %v: the replication of %s is %+v", i, jump, tag, st)
				}
			}
			if tag == "latest" {
				continue
			}
			_, content, err := d.OpenLayer(ctx, root(devAccount), in(dev), digest.FromString(tag))
			if err != nil {
				t.Fatalf("jump %d by %v: the layer of %s: %v", i, jump, tag, err)
			}
			content.Close()
		}
		// What was under way goes on, or is told to begin anew if it seemed a day old.
		var uploads, layers registry.Code
		if jump >= 24*time.Hour {
			uploads, layers = registry.UploadNotFound, registry.LayersNotFound
		}
		content := fmt.Sprint("upload ", i)
		_, err = d.CompleteUpload(ctx, root(prodAccount), in(prod), upload, digest.FromString(content), -1,
			bytes.NewReader([]byte(content)))
		wantCode(t, fmt.Sprintf("the upload at jump %d by %v", i, jump), err, uploads)
		_, err = d.Layer(ctx, root(prodAccount), in(prod), unused.Digest)
		wantCode(t, fmt.Sprintf("the layer of a push under way at jump %d by %v", i, jump), err, layers)
		d.pushLayer(in(prod), fmt.Sprint("a push begins before jump ", i))
	}
}
