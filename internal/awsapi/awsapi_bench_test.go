package awsapi_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/awsapi"
	"github.com/twinport/twinport/internal/budget"
)

// BenchmarkAuthorizationToken logs in, again and again.
func BenchmarkAuthorizationToken(b *testing.B) {
	benchmarkOperation(b, newBenchmarkAPI(b), "GetAuthorizationToken", "{}")
}

// BenchmarkLayerAvailability asks for four layers of an image, as a push by ECR's API begins.
func BenchmarkLayerAvailability(b *testing.B) {
	a := newBenchmarkAPI(b)
	a.domain.create("bench")
	var digests []string
	for i := range 4 {
		layer := fmt.Sprint("layer ", i)
		a.domain.push("bench", layer, "v")
		digests = append(digests, `"`+digest.FromString(layer).String()+`"`)
	}
	benchmarkOperation(b, a, "BatchCheckLayerAvailability",
		`{"repositoryName":"bench","layerDigests":[`+strings.Join(digests, ",")+`]}`)
}

// BenchmarkDescribeImages asks for a page of 1,000 images.
func BenchmarkDescribeImages(b *testing.B) {
	a := newBenchmarkAPI(b)
	a.domain.create("bench")
	for i := range 1001 {
		a.domain.push("bench", fmt.Sprint("layer ", i), fmt.Sprint("v", i))
	}
	benchmarkOperation(b, a, "DescribeImages", `{"repositoryName":"bench","maxResults":1000}`)
}

// newBenchmarkAPI has the budgets of a process.
func newBenchmarkAPI(b *testing.B) *api {
	return newAPI(b, func(c *awsapi.Config) { c.Limits = budget.NewLimits(1<<30, 2, slog.New(slog.DiscardHandler)) })
}

// BenchmarkSessionToken asks for what BenchmarkLayerAvailability does, by temporary credentials and by an access key.
func BenchmarkSessionToken(b *testing.B) {
	a := newBenchmarkAPI(b)
	a.domain.create("bench")
	a.domain.push("bench", "layer", "v")
	body := `{"repositoryName":"bench","layerDigests":["` + digest.FromString("layer").String() + `"]}`
	for _, kind := range []struct {
		name string
		with aws.Credentials
	}{{"key", ofRoot}, {"session", a.temporary(time.Hour)}} {
		b.Run(kind.name, func(b *testing.B) {
			r := a.signedWith(b, kind.with, "AmazonEC2ContainerRegistry_V20150921.BatchCheckLayerAvailability",
				"application/x-amz-json-1.1", body)
			benchmarkRequest(b, a, r, body)
		})
	}
}

// benchmarkOperation has the handler answer one signed request of the operation.
func benchmarkOperation(b *testing.B, a *api, operation, body string) {
	r := a.signed(b, "AmazonEC2ContainerRegistry_V20150921."+operation, "application/x-amz-json-1.1", body)
	benchmarkRequest(b, a, r, body)
}

// benchmarkRequest has the handler answer one signed request, without net/http around it; and, for the share of that,
// verifies nothing but the signature.
func benchmarkRequest(b *testing.B, a *api, r *http.Request, body string) {
	r.Host, r.RemoteAddr = r.URL.Host, "192.0.2.1:1024"
	b.Run("whole", func(b *testing.B) {
		perOperation(b, func() {
			w := &unread{header: http.Header{}}
			again := *r
			again.Body = io.NopCloser(strings.NewReader(body))
			a.handler.ServeHTTP(w, &again)
			if w.status != http.StatusOK {
				b.Fatalf("answered %d", w.status)
			}
		})
	})
	b.Run("signature", func(b *testing.B) {
		perOperation(b, func() {
			if _, err := a.verifier.Verify(r, []byte(body), "ecr"); err != nil {
				b.Fatal(err)
			}
		})
	})
}

// perOperation reports, beside the time, what the processors were used: load beside the benchmark changes that less.
func perOperation(b *testing.B, do func()) {
	do()
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		do()
	}
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// unread is an answer that nobody reads.
type unread struct {
	header http.Header
	status int
}

func (w *unread) Header() http.Header { return w.header }

func (w *unread) WriteHeader(status int) { w.status = status }

func (w *unread) Write(p []byte) (int, error) { return len(p), nil }
