package peerapi_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/sweep"
)

// arrival is a layer that a client is pushing, without having said which.
type arrival struct {
	d        *deployment
	name, id string
	content  []byte
	sent     int
}

func (d *deployment) arrive(name string, content []byte) *arrival {
	d.t.Helper()
	id, err := d.StartUpload(context.Background(), root(d.id.Account), d.ref(name))
	if err != nil {
		d.t.Fatal(err)
	}
	return &arrival{d: d, name: name, id: id, content: content}
}

// send sends bytes up to an offset, in one request.
func (a *arrival) send(upTo int) {
	a.d.t.Helper()
	n, err := a.d.AppendUpload(context.Background(), root(a.d.id.Account), a.d.ref(a.name), a.id, int64(a.sent),
		bytes.NewReader(a.content[a.sent:upTo]))
	if err != nil || n != int64(upTo) {
		a.d.t.Fatalf("%d bytes are there after %d were sent: %v", n, upTo, err)
	}
	a.sent = upTo
}

// end sends the rest, and says which layer it is.
func (a *arrival) end(dg digest.Digest) error {
	_, err := a.d.CompleteUpload(context.Background(), root(a.d.id.Account), a.d.ref(a.name), a.id, dg, int64(a.sent),
		bytes.NewReader(a.content[a.sent:]))
	return err
}

func (a *arrival) mustEnd() ocispec.Descriptor {
	a.d.t.Helper()
	dg := digest.FromBytes(a.content)
	if err := a.end(dg); err != nil {
		a.d.t.Fatal(err)
	}
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: dg, Size: int64(len(a.content))}
}

// pushOf pushes an image of layers that are there.
func (d *deployment) pushOf(name, tag string, layers ...ocispec.Descriptor) digest.Digest {
	d.t.Helper()
	config := d.pushLayer(name, []byte("{}"))
	config.MediaType = ocispec.MediaTypeImageConfig
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: layers}
	m.SchemaVersion = 2
	return d.put(name, m, tag)
}

// awaitBytes waits until so many bytes were received.
func (d *deployment) awaitBytes(from int64, n int) {
	d.t.Helper()
	eventually(d.t, "most of the layer is there", func() bool { return d.received.Load()-from >= int64(n) })
}

// uploads is how many sessions there are.
func (d *deployment) uploads() int {
	d.t.Helper()
	later := time.Now().Add(time.Hour)
	all, err := d.meta.Read(context.Background()).Uploads().Idle(later, later, "", 100)
	if err != nil {
		d.t.Fatal(err)
	}
	return len(all)
}

// wantNoUploads waits until there is no session, and no bytes of any.
func (d *deployment) wantNoUploads() {
	d.t.Helper()
	eventually(d.t, "no upload is left in "+d.name, func() bool {
		for range d.blobs.Uploads(context.Background()) {
			return false
		}
		return d.uploads() == 0
	})
}

func (d *deployment) wantLayer(name string, content []byte) {
	d.t.Helper()
	if !bytes.Equal(d.layer(name, digest.FromBytes(content)), content) {
		d.t.Errorf("the layer in %s is another one", d.name)
	}
}

// A large layer is at the destination, but for its end, before the source has its last byte.
func TestLayerIsSentWhileItArrives(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	content := noise(t, 24<<20+5)
	before := oregon.received.Load()
	a := tokyo.arrive("app", content)
	for upTo := 3 << 20; upTo <= 21<<20; upTo += 6 << 20 {
		a.send(upTo)
		oregon.awaitBytes(before, upTo-1<<20)
	}
	layer := a.mustEnd()
	oregon.await("app", "1", tokyo.pushOf("app", "1", layer))
	if n := oregon.received.Load() - before; n > int64(len(content))+1<<20 {
		t.Errorf("%d bytes were sent for a layer of %d", n, len(content))
	}
	oregon.wantLayer("app", content)
	oregon.wantNoUploads()
}

// It is sent so while one request brings it, too.
func TestLayerIsSentWithinARequest(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	content := noise(t, 16<<20)
	before := oregon.received.Load()
	r, w := io.Pipe()
	go func() {
		_, err := w.Write(content[:12<<20])
		if err == nil {
			for end := time.Now().Add(20 * time.Second); oregon.received.Load()-before < 10<<20 && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			if oregon.received.Load()-before < 10<<20 {
				t.Error("little has arrived before the end of the push")
			}
			_, err = w.Write(content[12<<20:])
		}
		w.CloseWithError(err)
	}()
	dg := digest.FromBytes(content)
	if _, err := tokyo.PutLayer(t.Context(), root(prodAccount), tokyo.ref("app"), dg, r); err != nil {
		t.Fatal(err)
	}
	oregon.await("app", "1", tokyo.pushOf("app", "1", ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageLayer, Digest: dg, Size: int64(len(content)),
	}))
	oregon.wantLayer("app", content)
}

// Of an upload that became no layer nothing stays at the destination.
func TestUploadThatBecomesNoLayer(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"another digest", "canceled"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			tokyo, oregon := pair(t)
			tokyo.create("app")
			before := oregon.received.Load()
			a := tokyo.arrive("app", noise(t, 10<<20))
			a.send(9 << 20)
			oregon.awaitBytes(before, 8<<20)
			if how == "canceled" {
				if err := tokyo.CancelUpload(t.Context(), root(prodAccount), tokyo.ref("app"), a.id); err != nil {
					t.Fatal(err)
				}
			} else if err := a.end(digest.FromBytes([]byte("another"))); registry.CodeOf(err) != registry.InvalidLayer {
				t.Fatalf("the upload ended with %v", err)
			}
			oregon.wantNoUploads()
			if row, err := oregon.peerLayer(tokyo, metadata.ArrivingLayer(a.id)); err != nil || row.Digest != "" {
				t.Errorf("%+v is left: %v", row, err)
			}
		})
	}
}

// An upload that ends without a layer loses its bytes before those who read them are
// told: the destination lets go of it all the same.
func TestUploadIsEmptiedWhileItIsRead(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	emptied := make(chan struct{})
	var held atomic.Int64
	oregon.wrap.Store(wrapper(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("upload") && r.URL.Query().Get("offset") != "0" {
				held.Add(1)
				<-emptied
			}
			next.ServeHTTP(w, r)
		})
	}))
	a := tokyo.arrive("app", noise(t, 64<<20))
	a.send(64 << 20)
	eventually(t, "parts are on their way", func() bool { return held.Load() > 0 })
	file, err := tokyo.OpenUpload(a.id)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := os.Truncate(file.Name(), 0); err != nil {
		t.Fatal(err)
	}
	close(emptied)
	oregon.wantNoUploads()
}

// peerLayer is what is known of a layer that a peer sends.
func (d *deployment) peerLayer(from *deployment, dg string) (metadata.PeerLayer, error) {
	of, err := d.meta.Read(context.Background()).PeerLayers().Of(from.peers.Self().ID, []string{dg})
	return of[dg], err
}

// Either side restarts while a layer arrives: it goes on where it broke, and nothing is left.
func TestRestartWhileALayerArrives(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"source", "destination"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			tokyo, oregon := pair(t)
			tokyo.create("app")
			content := noise(t, 20<<20)
			before := oregon.received.Load()
			a := tokyo.arrive("app", content)
			a.send(10 << 20)
			oregon.awaitBytes(before, 9<<20)
			if side == "source" {
				tokyo.restart()
			} else {
				oregon.restart()
			}
			a.send(15 << 20)
			time.Sleep(50 * time.Millisecond)
			oregon.await("app", "1", tokyo.pushOf("app", "1", a.mustEnd()))
			oregon.wantLayer("app", content)
		})
	}
}

// A layer that arrives twice at the same time, for two repositories, gets to both.
func TestLayerThatArrivesTwice(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	content := noise(t, 12<<20)
	var pushing sync.WaitGroup
	for _, name := range []string{"one", "two"} {
		tokyo.create(name)
		pushing.Go(func() {
			a := tokyo.arrive(name, content)
			for upTo := 2 << 20; upTo < len(content); upTo += 2 << 20 {
				a.send(upTo)
				time.Sleep(5 * time.Millisecond)
			}
			layer := a.mustEnd()
			oregon.await(name, "1", tokyo.pushOf(name, "1", layer))
		})
	}
	pushing.Wait()
	for _, name := range []string{"one", "two"} {
		oregon.wantLayer(name, content)
	}
	oregon.wantNoUploads()
}

// What the destination has by the time that the digest is known is not sent further.
func TestArrivingLayerThatIsThere(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	oregon.create("app")
	content := noise(t, 20<<20)
	oregon.pushLayer("app", content)
	before := oregon.received.Load()
	a := tokyo.arrive("app", content)
	a.send(8 << 20)
	oregon.awaitBytes(before, 7<<20)
	oregon.wrap.Store(wrapper(func(next http.Handler) http.Handler { // slow, so that the end is not sent at once
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(20 * time.Millisecond)
			next.ServeHTTP(w, r)
		})
	}))
	oregon.await("app", "1", tokyo.pushOf("app", "1", a.mustEnd()))
	oregon.wantNoUploads()
}

// A peer that is away while a layer arrives gets it afterwards.
func TestLayerArrivesWhileThePeerIsAway(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	content := noise(t, 12<<20)
	a := tokyo.arrive("app", content)
	a.send(4 << 20)
	oregon.close()
	a.send(8 << 20)
	image := tokyo.pushOf("app", "1", a.mustEnd())
	oregon.start()
	oregon.await("app", "1", image)
	oregon.wantLayer("app", content)
}

// Parts that were overtaken by the one that says which layer it is are of that layer.
func TestPartsOfAnArrivingLayerOvertakeEachOther(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	var held atomic.Int32
	oregon.wrap.Store(wrapper(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/parts") && r.URL.Query().Get("digest") == "" && held.Add(1)%2 == 0 {
				time.Sleep(200 * time.Millisecond)
			}
			next.ServeHTTP(w, r)
		})
	}))
	for i, size := range []int{5 << 20, 9<<20 + 1, 16 << 20} {
		content := noise(t, size)
		tag := string(rune('a' + i))
		a := tokyo.arrive("app", content)
		for upTo := 1 << 20; upTo < size; upTo += 1 << 20 {
			a.send(upTo)
		}
		oregon.await("app", tag, tokyo.pushOf("app", tag, a.mustEnd()))
		oregon.wantLayer("app", content)
	}
	oregon.wantNoUploads()
}

// part has tokyo, which may be hostile, send a part by hand.
func (d *deployment) part(from *deployment, p replication.Part, content []byte) (replication.PartAnswer, error) {
	d.t.Helper()
	p.Source, p.Destination, p.Repository = from.id, d.id, "app"
	for _, peer := range d.peers.Peers() {
		if peer.Name == from.name {
			return d.replication.TakePart(context.Background(), peer, p, content)
		}
	}
	d.t.Fatal("there is no such peer")
	return replication.PartAnswer{}, nil
}

// What a hostile peer says of an upload makes no layer of bytes that do not fit, and gives it none of others.
func TestHostileUploads(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	oregon.create("app")
	oregon.create("secret")
	secret := noise(t, 2<<20)
	oregon.pushLayer("secret", secret)
	bytesOf := noise(t, 2<<20)
	d := digest.FromBytes(secret).String()

	for what, p := range map[string]replication.Part{
		"an upload that is no UUID":             {Upload: "../../etc/passwd", Size: replication.UnknownSize},
		"an upload that is another kind of one": {Upload: "{" + uuid.NewString()[:34] + "}", Size: replication.UnknownSize},
		"a digest without a size":               {Upload: uuid.NewString(), Digest: d, Size: replication.UnknownSize},
		"a size without a digest":               {Upload: uuid.NewString(), Size: 5 << 20},
		"neither an upload nor a digest":        {Size: replication.UnknownSize},
		"an offset without end":                 {Upload: uuid.NewString(), Size: replication.UnknownSize, Offset: 1<<63 - 5},
		"an end of what has a digest":           {Upload: uuid.NewString(), Digest: d, Size: 5 << 20, Ended: true},
		"a part past the end":                   {Upload: uuid.NewString(), Digest: d, Size: 5},
	} {
		if _, err := oregon.part(tokyo, p, bytesOf[:1<<20]); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	if n := oregon.uploads(); n != 0 {
		t.Errorf("that has made %d sessions", n)
	}

	upload := uuid.NewString()
	arriving := func(upload string, content []byte) {
		t.Helper()
		p := replication.Part{Upload: upload, Size: replication.UnknownSize}
		if answer, err := oregon.part(tokyo, p, content); err != nil || answer.Received != int64(len(content)) {
			t.Fatalf("%+v, %v", answer, err)
		}
	}
	arriving(upload, bytesOf[:1<<20])
	answer, err := oregon.part(tokyo, replication.Part{Upload: upload, Digest: d, Size: 2 << 20, Offset: 1 << 20},
		bytesOf[1<<20:])
	if err != nil || answer.Refused == nil || answer.Complete {
		t.Errorf("bytes that do not fit the digest: %+v, %v", answer, err)
	}
	if _, err := oregon.Layer(t.Context(), root(devAccount), oregon.ref("app"), digest.FromBytes(secret)); err == nil {
		t.Error("the repository has got a layer whose bytes the peer did not have")
	}
	// Nor does it help to say that the layer is shorter than it is, or that it has another name meanwhile.
	upload = uuid.NewString()
	arriving(upload, secret[:1<<20])
	answer, err = oregon.part(tokyo, replication.Part{Upload: upload, Digest: d, Size: 1 << 20, Offset: 1<<20 - 1},
		secret[:1])
	if err != nil || answer.Refused == nil {
		t.Errorf("a size that is too small: %+v, %v", answer, err)
	}
	other := digest.FromBytes(bytesOf).String()
	if answer, err = oregon.part(tokyo, replication.Part{Upload: upload, Digest: other, Size: 2 << 20, Offset: 1 << 20},
		bytesOf[1<<20:]); err == nil {
		t.Errorf("an upload that becomes a second layer: %+v", answer)
	}
	oregon.wantNoUploads()
}

// Sessions of layers that never arrive are swept as idle uploads, with what is known of them.
func TestArrivingLayerIsSwept(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	oregon.create("app")
	upload := uuid.NewString()
	content := noise(t, 1<<20)
	p := replication.Part{Upload: upload, Size: replication.UnknownSize}
	if _, err := oregon.part(tokyo, p, content); err != nil {
		t.Fatal(err)
	}
	known := func() bool {
		row, err := oregon.peerLayer(tokyo, metadata.ArrivingLayer(upload))
		if err != nil {
			t.Fatal(err)
		}
		return row.Digest != ""
	}
	if !known() {
		t.Fatal("it is not known that a layer arrives")
	}
	oregon.restart() // nobody has it in memory
	sweepUploads := func(now time.Time) {
		stores := sweep.NewStores(oregon.meta, oregon.blobs, slog.New(slog.DiscardHandler), func() time.Time { return now })
		if _, err := stores.Sweep(t.Context(), "uploads", "", time.Hour, false); err != nil {
			t.Fatal(err)
		}
	}
	sweepUploads(time.Now())
	if !known() || oregon.uploads() != 1 {
		t.Fatal("the sweep has ended an upload that is not idle")
	}
	sweepUploads(time.Now().Add(25 * time.Hour))
	if known() || oregon.uploads() != 0 {
		t.Error("an idle upload is still there")
	}
}
