package peerapi_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/registry"
)

// flaky loses requests and answers of a deployment, and delays some so much that others overtake them.
func (d *deployment) flaky() {
	d.wrap.Store(wrapper(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch n := rand.IntN(20); {
			case n == 0: // the request is lost
				panic(http.ErrAbortHandler)
			case n == 1: // its answer is
				next.ServeHTTP(discarded{http.Header{}}, r)
				panic(http.ErrAbortHandler)
			case n < 6:
				time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
			}
			next.ServeHTTP(w, r)
		})
	}))
}

// discarded is an answer that nobody gets.
type discarded struct{ header http.Header }

func (d discarded) Header() http.Header         { return d.header }
func (d discarded) Write(p []byte) (int, error) { return len(p), nil }
func (d discarded) WriteHeader(int)             {}

// runs is how many runs of random operations a test makes.
func runs(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("TEST_RUNS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 2
}

// Whatever is lost, delayed and sent again, and whoever restarts meanwhile, the destination ends on what the source has.
func TestRandomOperations(t *testing.T) {
	t.Parallel()
	for seed := range runs(t) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(seed), 1))
			tokyo, oregon := pair(t)
			tokyo.create("app")
			oregon.flaky()
			images := make([]digest.Digest, 6)
			for i := range images {
				images[i] = tokyo.push("app", fmt.Sprint("keep", i), noise(t, 100))
			}
			tags := []string{"a", "b", "c", "d"}
			for range 120 {
				tag := tags[random.IntN(len(tags))]
				switch n := random.IntN(40); {
				case n == 0:
					tokyo.restart()
				case n == 1:
					oregon.restart()
				case n < 8:
					err := tokyo.DeleteTag(t.Context(), root(prodAccount), tokyo.ref("app"), tag)
					if err != nil && registry.CodeOf(err) != registry.ImageNotFound {
						t.Fatal(err)
					}
				case n < 20:
					tokyo.push("app", tag, noise(t, 50))
				default: // an image that is there gets another tag
					tokyo.retag("app", images[random.IntN(len(images))], tag)
				}
			}
			for _, tag := range tags {
				oregon.await("app", tag, tokyo.tag("app", tag))
			}
			time.Sleep(300 * time.Millisecond) // what is late comes now
			for _, tag := range tags {
				oregon.await("app", tag, tokyo.tag("app", tag))
			}
		})
	}
}

// After either side was restored from a backup, the destination ends on the last pushes all the same.
func TestRandomRestores(t *testing.T) {
	t.Parallel()
	for seed := range runs(t) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(seed), 2))
			tokyo, oregon := pair(t)
			tokyo.create("app")
			oregon.flaky()
			tags := []string{"a", "b", "c"}
			backups := map[*deployment]string{tokyo: tokyo.backup(), oregon: oregon.backup()}
			for range 60 {
				d := []*deployment{tokyo, oregon}[random.IntN(2)]
				switch n := random.IntN(30); {
				case n == 0:
					backups[d] = d.backup()
				case n == 1:
					d.restore(d.copied(backups[d]))
					d.start()
				default:
					tokyo.push("app", tags[random.IntN(len(tags))], noise(t, 50))
				}
			}
			for _, tag := range tags {
				tokyo.push("app", tag, noise(t, 50))
			}
			for _, tag := range tags {
				oregon.await("app", tag, tokyo.tag("app", tag))
			}
		})
	}
}
