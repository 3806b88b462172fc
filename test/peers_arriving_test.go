package test

import (
	"bytes"
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/test/servers"
)

// TestPeersArriving: a large layer gets to the destination while a client pushes it, slowly. Whoever is killed
// meanwhile, the image arrives. With shared stores the destination is two processes.
func TestPeersArriving(t *testing.T) {
	t.Parallel()
	for _, killed := range []string{"nobody", "source", "destination"} {
		t.Run(killed, func(t *testing.T) {
			t.Parallel()
			processes := 1
			if shared() {
				processes = 2
			}
			here := newDeployment(t, tokyo, 1, stores{}) // only such stores can be read while they are written
			there := newDeployment(t, oregon, processes, storesOf(t))
			here.faulty, there.faulty = true, true
			join(here, there)
			there.grant(dev, oregon, prod, "ReplicateImage", "CreateRepository")
			here.replicate(prod, tokyo, rule{to: []destination{devOregon}})
			here.createRepository(prod, tokyo, "app")
			const size, chunk = 48<<20 + 7, 4 << 20
			large := makeImageOf(noise(size))
			before := there.line.Passed(servers.ToServer)
			sent := func() int64 { return there.line.Passed(servers.ToServer) - before }
			source := here.oci(prod, tokyo)
			target, err := source.startUpload("app")
			if err != nil {
				t.Fatal(err)
			}
			for at := 0; at < 40<<20; at += chunk {
				if at == 24<<20 {
					eventually(t, patience, func() error {
						if sent() < 16<<20 {
							return fmt.Errorf("%d bytes were sent of %d that have arrived", sent(), at)
						}
						return nil
					})
					switch killed {
					case "source":
						here.restart(syscall.SIGKILL)
					case "destination":
						there.restart(syscall.SIGKILL)
					}
				}
				a, err := source.send("PATCH", target, bytes.NewReader(large.layer[at:at+chunk]), "Content-Type",
					"application/octet-stream", "Content-Range", fmt.Sprintf("%d-%d", at, at+chunk-1))
				if err != nil || a.status != http.StatusAccepted {
					t.Fatalf("at byte %d: %v %v", at, a, err)
				}
				if target, err = source.target(a.header.Get("Location")); err != nil {
					t.Fatal(err)
				}
				time.Sleep(30 * time.Millisecond)
			}
			if killed == "nobody" {
				eventually(t, patience, func() error {
					if sent() < 32<<20 {
						return fmt.Errorf("%d bytes were sent", sent())
					}
					return nil
				})
			}
			layer := descriptor(ocispec.MediaTypeImageLayerGzip, large.layer)
			a, err := source.send("PUT", withQuery(target, "digest", layer.Digest.String()),
				bytes.NewReader(large.layer[40<<20:]), "Content-Type", "application/octet-stream")
			if err != nil || a.status != http.StatusCreated {
				t.Fatalf("at the end: %v %v", a, err)
			}
			source.mustPush("app", "1", image{large.manifest, large.digest, large.config, large.config})
			begun := time.Now()
			there.oci(dev, oregon).wantArrival("app", "1", large.digest)
			t.Logf("%d bytes were sent for a layer of %d; the image was there %v after its push", sent(), size,
				time.Since(begun).Round(time.Millisecond))
			if err := there.oci(dev, oregon).wantPull("app", "1", large.digest); err != nil {
				t.Error(err)
			}
			again := int64(size / 10)
			if killed != "nobody" {
				again = 20 << 20 // what was on its way
			}
			if sent() > size+again {
				t.Error("parts were sent twice")
			}
		})
	}
}
