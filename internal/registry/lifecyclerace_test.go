package registry_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/expiry"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

const (
	// raceRound is how many images one run finds, and raceWindow how far ahead of what
	// it has acted on pushes are: a transaction of it is about twenty.
	raceRound, raceWindow = 120, 25
	raceWorkers           = 4
)

// lifecycleRaces are how many images TestLifecycleRaces has raced for.
func lifecycleRaces(t *testing.T) int64 {
	text := os.Getenv("TEST_LIFECYCLE_RACES")
	if text == "" {
		return 200
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A run, by two processes, and pushes at the same time, about the images that the
// run is at: what a push was answered that it has done is there at the end, with all
// that it names, and so is what another rule keeps. TEST_LIFECYCLE_RACES says how
// many images there are a race for.
func TestLifecycleRaces(t *testing.T) {
	wanted := lifecycleRaces(t)
	d := open(t)
	d.replicateTo(dev)
	d.grant(dev)
	r := &policyRaces{
		domain: d, processes: []raceProcess{{d.Service, d.newExpiry()}, {d.Service, d.newExpiry()}},
		clocks: []*clock{d.clock},
	}
	if d.meta.Shared() {
		other := openIn(t, d.dir)
		r.clocks = append(r.clocks, other.clock)
		r.processes[1] = raceProcess{other.Service, expiry.New(expiry.Config{
			Registry: other.Service, Metadata: other.meta, Interval: runInterval, Logger: slog.New(slog.DiscardHandler),
			Now: d.clock.now,
		})}
	}
	for i := range r.processes {
		r.processes[i].expiry.CountIn(&r.counters[i])
	}
	for round := 0; r.raced.Load() < wanted && !t.Failed(); round++ {
		r.round(fmt.Sprint("app-", round), min(wanted-r.raced.Load(), raceRound))
	}
	changed := r.counters[0].Stats().Kept + r.counters[1].Stats().Kept
	t.Logf("%d races: runs came to %d images that had changed, and before %d indexes; %d images are there",
		r.raced.Load(), changed, r.late, r.kept)
}

type raceProcess struct {
	*registry.Service
	expiry *expiry.Service
}

type policyRaces struct {
	*domain
	processes []raceProcess
	clocks    []*clock // of the processes
	counters  [2]expiry.Counter
	raced     atomic.Int64

	kept, late int // images that are there, and indexes that came after the run
}

// acted is how many images the runs have acted on so far.
func (r *policyRaces) acted() (n int) {
	for i := range r.counters {
		s := r.counters[i].Stats()
		n += int(s.Expired + s.Kept)
	}
	return n
}

// contest is a push about an image that expires, and what came of it.
type contest struct {
	raw  []byte
	push func(p raceProcess) error
	// holds says whether the image must be there after a push that has succeeded.
	holds func(err error) (must, may bool)
	also  []registry.Reference // that must be there, too, after a push that has succeeded

	claimed bool
	err     error
}

// round has a run and pushes race in a repository, for at most so many images.
func (r *policyRaces) round(name string, most int64) {
	source, ref := resource.Repository{Registry: prod, Name: name}, resource.Repository{Registry: dev, Name: name}
	r.create(source)
	r.create(ref)
	var base ocispec.Manifest
	if err := json.Unmarshal(r.image(ref, "layer"), &base); err != nil {
		r.t.Fatal(err)
	}
	r.image(source, "layer")
	variant := func(n string) []byte {
		m := base
		m.Annotations = map[string]string{"n": n}
		return marshal(r.t, m)
	}
	anchor := variant("anchor") // that a tag keeps, while it loses others
	r.put(ref, anchor, "v-anchor")
	all := make([]*contest, raceRound)
	for i := range all {
		all[i] = r.newRace(source, ref, variant(fmt.Sprint(i)), i)
		var tags []string
		if i%2 == 0 {
			tags = []string{fmt.Sprint("old-", i)}
		}
		r.put(ref, all[i].raw, tags...)
		if i%len(kinds) == movedTag {
			r.put(ref, anchor, fmt.Sprint("v-", i))
		}
	}
	for _, c := range r.clocks {
		c.advance(48 * time.Hour)
	}
	r.putLifecycle(ref, counting(1, `"tagStatus":"tagged","tagPatternList":["v-*"]`, 9999),
		`{"rulePriority":2,"selection":{"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days",`+
			`"countNumber":1},"action":{"type":"expire"},"twinport":{"unsigned":true}}`)
	r.run(ref, all, most)
	r.check(source, ref, all)
	for _, kept := range []registry.Reference{{Digest: digest.FromBytes(anchor)}, {Tag: "v-anchor"}} {
		if _, err := r.resolve(ref, kept); err != nil {
			r.t.Errorf("%s: what the first rule keeps: %v", name, err)
		}
	}
}

// kinds are the kinds of pushes.
var kinds = []string{"an index", "a tag", "a moved tag", "a replication", "a signature", "a referrer"}

const (
	newIndex = iota
	newTag
	movedTag
	replicated
	newSignature
	newReferrer
)

func (r *policyRaces) newRace(source, ref resource.Repository, raw []byte, i int) *contest {
	tag := fmt.Sprint("v-", i)
	push := func(to resource.Repository, bytes []byte, tags ...string) func(p raceProcess) error {
		return func(p raceProcess) error {
			_, err := p.PutManifest(ctx, root(to.Registry.Account), to, registry.NewManifest{Bytes: bytes, Tags: tags})
			return err
		}
	}
	always := func(error) (must, may bool) { return true, true }
	refer := func(artifactType string) []byte {
		var m ocispec.Manifest
		if err := json.Unmarshal(raw, &m); err != nil {
			r.t.Fatal(err)
		}
		return marshal(r.t, ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: m.Config,
			ArtifactType: artifactType, Layers: []ocispec.Descriptor{}, Subject: &ocispec.Descriptor{
				MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(raw), Size: int64(len(raw)),
			},
		})
	}
	switch i % len(kinds) {
	case newIndex:
		index := r.index(raw)
		return &contest{
			raw: raw, push: push(ref, index, tag), also: []registry.Reference{{Digest: digest.FromBytes(index)}, {Tag: tag}},
			// If the run was first, the push was told so.
			holds: func(err error) (must, may bool) { return err == nil, err == nil },
		}
	case newTag, movedTag:
		return &contest{raw: raw, push: push(ref, raw, tag), also: []registry.Reference{{Tag: tag}}, holds: always}
	case replicated:
		return &contest{raw: raw, push: push(source, raw, tag), also: []registry.Reference{{Tag: tag}}, holds: always}
	case newSignature:
		signature := refer("application/vnd.cncf.notary.signature")
		// It keeps the image, or has come too late and stays alone.
		return &contest{
			raw: raw, push: push(ref, signature), also: []registry.Reference{{Digest: digest.FromBytes(signature)}},
			holds: func(error) (must, may bool) { return false, true },
		}
	default:
		// It keeps nothing: it goes with the image.
		return &contest{
			raw: raw, push: push(ref, refer("application/x.sbom")),
			holds: func(error) (must, may bool) { return false, false },
		}
	}
}

// run runs the policy in all processes, and pushes meanwhile.
func (r *policyRaces) run(ref resource.Repository, all []*contest, most int64) {
	before := r.acted()
	var runs, pushes sync.WaitGroup
	var ended atomic.Bool
	for _, p := range r.processes {
		runs.Go(func() {
			for request := (expiry.RunRequest{Repository: ref, Anyway: true}); ; {
				piece, err := p.expiry.RunForOperator(ctx, request)
				if err != nil {
					r.t.Error(err)
				}
				if piece.Ended != nil && piece.Ended.Status != expiry.RunComplete {
					r.t.Errorf("run: %+v", piece.Ended)
				}
				if request.After = piece.Next; err != nil || piece.Next == "" {
					return
				}
			}
		})
	}
	var claims sync.Mutex
	claimed := int64(0)
	// claim takes an image that the run is at.
	claim := func() *contest {
		claims.Lock()
		defer claims.Unlock()
		from := r.acted() - before
		window := all[min(from, len(all)):min(from+raceWindow, len(all))]
		for _, i := range rand.Perm(len(window)) {
			if race := window[i]; claimed < most && !race.claimed {
				race.claimed = true
				claimed++
				return race
			}
		}
		return nil
	}
	for range raceWorkers {
		pushes.Go(func() {
			for !ended.Load() {
				race := claim()
				if race == nil {
					time.Sleep(200 * time.Microsecond)
					continue
				}
				race.err = race.push(r.processes[rand.IntN(len(r.processes))])
			}
		})
	}
	runs.Wait()
	ended.Store(true)
	pushes.Wait()
	r.raced.Add(claimed)
}

// check compares what is there with what pushes were answered.
func (r *policyRaces) check(source, ref resource.Repository, all []*contest) {
	for i, race := range all {
		kind, tag := kinds[i%len(kinds)], fmt.Sprint("v-", i)
		d := digest.FromBytes(race.raw)
		if race.claimed && i%len(kinds) == replicated && race.err == nil {
			r.await("the replication of "+tag, func() bool {
				all := r.statuses(source, registry.Reference{Tag: tag})
				if len(all) == 1 && all[0].State == replication.Failed {
					r.t.Fatalf("%s, image %d, %s: %+v", ref, i, kind, all[0])
				}
				return len(all) == 1 && all[0].State == replication.Complete
			})
		}
		_, err := r.resolve(ref, registry.Reference{Digest: d})
		there := err == nil
		if !race.claimed {
			if there {
				r.t.Errorf("%s, image %d: nobody pushed anything about it, and it is there", ref, i)
			}
			continue
		}
		if race.err != nil && i%len(kinds) != newIndex {
			r.t.Errorf("%s, image %d: push %s: %v", ref, i, kind, race.err)
			continue
		}
		if must, may := race.holds(race.err); there && !may || !there && must {
			r.t.Errorf("%s, image %d, %s pushed (%v): it is there: %v", ref, i, kind, race.err, there)
		}
		if there {
			r.kept++
		}
		if race.err != nil {
			r.late++
			continue
		}
		for _, also := range race.also {
			found, err := r.resolve(ref, also)
			if err != nil || also.Tag != "" && i%len(kinds) != newIndex && found != d {
				r.t.Errorf("%s, image %d, %s pushed: %v is %s, %v", ref, i, kind, also, found, err)
			}
		}
	}
}
