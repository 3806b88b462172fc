package peerapi_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// noise is content that nobody else has.
func noise(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestImageArrivesAtAPeer(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("team/app")
	layers := [][]byte{noise(t, 100), noise(t, 10<<20+7)}
	image := tokyo.push("team/app", "latest", layers...)
	oregon.await("team/app", "latest", image)
	for _, l := range layers {
		if got := oregon.layer("team/app", digest.FromBytes(l)); !bytes.Equal(got, l) {
			t.Errorf("a layer of %d bytes arrived as %d others", len(l), len(got))
		}
	}
	eventually(t, "the source knows", func() bool { return tokyo.status("team/app", "latest").State == replication.Complete })
}

func TestPeerDecides(t *testing.T) {
	t.Parallel()
	tokyo, oregon := open(t, "tokyo", prod), open(t, "oregon", dev)
	join(t, tokyo, oregon)
	tokyo.replicateTo(false, dev)
	tokyo.create("app")
	image := tokyo.push("app", "1", noise(t, 50))
	eventually(t, "it is refused", func() bool { return tokyo.status("app", "1").State == replication.Failed })
	failure := tokyo.status("app", "1").Failure
	if failure.Code != "DESTINATION_REGISTRY_ACCESS_DENIED" || failure.Statement == "" {
		t.Errorf("the failure is %+v", failure)
	}
	if oregon.tag("app", "1") != "" {
		t.Fatal("it arrived all the same")
	}
	oregon.grant(prodAccount)
	oregon.await("app", "1", image)
}

// What a peer's image, or its first layer, creates is as the template here says.
func TestPeerCreatesByTemplate(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	template := func(prefix string, s registry.TemplateSettings) {
		t.Helper()
		if _, err := oregon.CreateCreationTemplate(t.Context(), root(devAccount), dev, registry.CreationTemplate{
			Prefix: prefix, AppliedFor: []registry.Occasion{registry.ForReplication}, TemplateSettings: s,
		}); err != nil {
			t.Fatal(err)
		}
	}
	template("team", registry.TemplateSettings{
		TagMutability: registry.Immutable, Tags: []resource.Tag{{Key: "team", Value: "x"}},
	})
	template("shut", registry.TemplateSettings{
		Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"ecr:ReplicateImage"}]}`,
	})
	for name, size := range map[string]int{
		"team/small": 50, "team/large": 9 << 20, "shut/small": 50, "shut/large": 9 << 20,
	} {
		tokyo.create(name)
		image := tokyo.push(name, "1", noise(t, size))
		if strings.HasPrefix(name, "shut") {
			eventually(t, name+" is refused", func() bool { return tokyo.status(name, "1").State == replication.Failed })
			if _, err := oregon.ResourceTags(t.Context(), root(devAccount), oregon.ref(name)); registry.CodeOf(err) !=
				registry.RepositoryNotFound {
				t.Errorf("%s was created all the same: %v", name, err)
			}
			continue
		}
		oregon.await(name, "1", image)
		repos, err := oregon.DescribeRepositories(t.Context(), root(devAccount), dev, []string{name})
		if err != nil || repos[0].TagMutability != registry.Immutable {
			t.Errorf("%s: %+v, %v", name, repos, err)
		}
		tags, err := oregon.ResourceTags(t.Context(), root(devAccount), oregon.ref(name))
		if err != nil || fmt.Sprint(tags) != "[{team x}]" {
			t.Errorf("%s: tags %v, %v", name, tags, err)
		}
	}
	_, err := oregon.DeleteCreationTemplate(t.Context(), root(devAccount), dev, "shut")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the refused ones arrive", func() bool {
		return oregon.tag("shut/small", "1") != "" && oregon.tag("shut/large", "1") != ""
	})
}

func TestTagsEndOnTheLastPush(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	var last digest.Digest
	for range 40 {
		last = tokyo.push("app", "latest", noise(t, 30))
	}
	oregon.await("app", "latest", last)
	time.Sleep(200 * time.Millisecond)
	oregon.await("app", "latest", last)
}

func TestIndexesOfManyManifests(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	for i := range 30 {
		config := tokyo.pushLayer("app", []byte("{}"))
		config.MediaType = ocispec.MediaTypeImageConfig
		m := ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config,
			Layers:      []ocispec.Descriptor{tokyo.pushLayer("app", noise(t, 20))},
			Annotations: map[string]string{"large": fmt.Sprintf("%0100000d", i)}, // all together do not fit in a message
		}
		index.Manifests = append(index.Manifests, ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageManifest, Digest: tokyo.put("app", m), Size: 1,
		})
	}
	tokyo.replicateTo(false, dev)
	oregon.await("app", "all", tokyo.put("app", index, "all"))
}

func TestDeletionsReachPeers(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	image := tokyo.push("app", "1", noise(t, 30))
	oregon.await("app", "1", image)
	if _, err := tokyo.DeleteImages(t.Context(), root(prodAccount), tokyo.ref("app"),
		[]registry.Reference{{Digest: image}}); err != nil {
		t.Fatal(err)
	}
	oregon.await("app", "1", "")
}

// A layer that a peer has sent for one repository is not sent again for another.
func TestLayersAreSentOnce(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	layer := noise(t, 3<<20)
	for _, name := range []string{"one", "two", "three"} {
		tokyo.create(name)
		oregon.await(name, "1", tokyo.push(name, "1", layer))
	}
	if n := oregon.received.Load(); n > int64(len(layer))*3/2 {
		t.Errorf("%d bytes were sent for a layer of %d", n, len(layer))
	}
}

// Who is away gets all that was pushed meanwhile, and the pushes do not wait.
func TestPeerThatIsAway(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	oregon.close()
	var images []digest.Digest
	for i := range 20 {
		images = append(images, tokyo.push("app", fmt.Sprint(i), noise(t, 30)))
	}
	eventually(t, "the source knows why", func() bool { return tokyo.status("app", "0").Failure.Reason != "" })
	oregon.start()
	for i, image := range images {
		oregon.await("app", fmt.Sprint(i), image)
	}
}

// A source that was restored from a backup gives numbers again that it had given; what is pushed then is newer all the
// same.
func TestRestoredSource(t *testing.T) {
	t.Parallel()
	for _, clockBack := range []bool{false, true} {
		t.Run(fmt.Sprintf("clock back %v", clockBack), func(t *testing.T) {
			t.Parallel()
			tokyo, oregon := pair(t)
			tokyo.create("app")
			oregon.await("app", "latest", tokyo.push("app", "latest", noise(t, 30)))
			backup := tokyo.backup()
			if clockBack {
				tokyo.clock.advance(time.Minute)
				tokyo.restart()
			}
			for range 5 {
				oregon.await("app", "latest", tokyo.push("app", "latest", noise(t, 30)))
			}
			tokyo.restore(backup)
			if clockBack {
				tokyo.clock.advance(-time.Minute)
			}
			tokyo.start()
			for range 3 {
				oregon.await("app", "latest", tokyo.push("app", "latest", noise(t, 30)))
			}
		})
	}
}

// A destination that was restored from a backup gets what it has lost, by itself.
func TestRestoredDestination(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	images := map[string]digest.Digest{"before": tokyo.push("app", "before", noise(t, 30))}
	oregon.await("app", "before", images["before"])
	backup := oregon.backup()
	for i := range 10 {
		tag := fmt.Sprint(i)
		images[tag] = tokyo.push("app", tag, noise(t, 30))
		oregon.await("app", tag, images[tag])
	}
	oregon.restore(backup)
	oregon.start()
	images["after"] = tokyo.push("app", "after", noise(t, 30))
	for tag, image := range images {
		oregon.await("app", tag, image)
	}
}

// A push whose answer was lost is sent again, and changes nothing then: so a deletion still knows the tag for the
// source's own.
func TestDeletionAfterALostAnswer(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	var lost atomic.Bool
	oregon.wrap.Store(wrapper(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/images") && oregon.tag("app", "1") == "" && tokyo.tag("app", "1") != "" {
				next.ServeHTTP(discarded{http.Header{}}, r)
				if oregon.tag("app", "1") != "" {
					lost.Store(true)
				}
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
	}))
	tokyo.push("app", "1", noise(t, 30))
	eventually(t, "the push is complete", func() bool { return tokyo.status("app", "1").State == replication.Complete })
	if !lost.Load() {
		t.Fatal("no answer was lost")
	}
	if err := tokyo.DeleteTag(t.Context(), root(prodAccount), tokyo.ref("app"), "1"); err != nil {
		t.Fatal(err)
	}
	oregon.await("app", "1", "")
}

// Who is removed gets nothing any more, and what was pushed meanwhile once it has joined anew.
func TestRemovedPeer(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"source", "destination", "both"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			tokyo, oregon := pair(t)
			tokyo.create("app")
			oregon.await("app", "1", tokyo.push("app", "1", noise(t, 30)))
			if by != "source" {
				if err := oregon.peers.Remove(t.Context(), "tokyo"); err != nil {
					t.Fatal(err)
				}
			}
			if by != "destination" {
				if err := tokyo.peers.Remove(t.Context(), "oregon"); err != nil {
					t.Fatal(err)
				}
			}
			image := tokyo.push("app", "2", noise(t, 30))
			eventually(t, "the source says why it does not arrive", func() bool {
				return tokyo.status("app", "2").Failure.Reason != ""
			})
			if oregon.tag("app", "2") != "" {
				t.Fatal("it arrived all the same")
			}
			for _, d := range []*deployment{tokyo, oregon} { // who knows another still removes it before it joins anew
				for _, p := range d.peers.Peers() {
					if err := d.peers.Remove(t.Context(), p.Name); err != nil {
						t.Fatal(err)
					}
				}
			}
			join(t, oregon, tokyo)
			oregon.await("app", "2", image)
			oregon.await("app", "3", tokyo.push("app", "3", noise(t, 30)))
		})
	}
}

// Who may not speak for an account is told so by the replication's status, and what was refused arrives after the grant.
func TestGrantAtAPeer(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	if _, err := oregon.peers.SetGrant(t.Context(), "tokyo", peer.Grant{}); err != nil {
		t.Fatal(err)
	}
	small, large := tokyo.push("app", "small", noise(t, 30)), tokyo.push("app", "large", noise(t, 1<<20))
	for _, tag := range []string{"small", "large"} {
		eventually(t, "it is refused", func() bool { return tokyo.status("app", tag).State == replication.Failed })
		if f := tokyo.status("app", tag).Failure; !strings.Contains(f.Reason, "twinport peer grant") {
			t.Errorf("the failure is %+v", f)
		}
	}
	if _, err := oregon.peers.SetGrant(t.Context(), "tokyo", peer.Grant{Accounts: []string{prodAccount}}); err != nil {
		t.Fatal(err)
	}
	oregon.await("app", "small", small)
	oregon.await("app", "large", large)
}

// What a message brings that arrives after the deletion of it does not come back.
func TestImageThatComesAfterItsDeletion(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"in a repository that is there": false, "in a new repository": true} {
		for _, what := range []string{"the image", "the tag"} {
			t.Run(what+" "+name, func(t *testing.T) {
				t.Parallel()
				tokyo, oregon := pair(t)
				tokyo.create("app")
				if !first {
					oregon.await("app", "1", tokyo.push("app", "1", noise(t, 30)))
				}
				var messages atomic.Int32
				held, deleted, came := make(chan struct{}), make(chan struct{}), make(chan struct{})
				oregon.wrap.Store(wrapper(func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if !strings.HasSuffix(r.URL.Path, "/images") {
							next.ServeHTTP(w, r)
							return
						}
						switch messages.Add(1) {
						case 1:
							close(held)
							<-deleted
							next.ServeHTTP(w, r)
							close(came)
						case 2:
							next.ServeHTTP(w, r)
							close(deleted)
						default:
							next.ServeHTTP(w, r)
						}
					})
				}))
				late := tokyo.push("app", "late", noise(t, 30))
				<-held
				if what == "the tag" {
					tokyo.deleteTag("app", "late")
				} else if err := tokyo.DeleteManifest(t.Context(), root(prodAccount), tokyo.ref("app"), late); err != nil {
					t.Fatal(err)
				}
				<-came
				if got := oregon.tag("app", "late"); got != "" {
					t.Errorf("the tag is %s", got)
				}
				if has, want := oregon.has("app", late), what == "the tag"; has != want {
					t.Errorf("the image is there: %v, want %v", has, want)
				}
			})
		}
	}
}
