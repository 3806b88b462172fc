package server

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/sweep"
)

// statusClasses is how many there are: 1xx to 5xx.
const statusClasses = 5

// requestMetrics counts requests. Every series is looked up once, at the
// start, so that a request costs a few atomic operations.
type requestMetrics struct {
	requests [protocols][statusClasses]prometheus.Counter
	duration [protocols]prometheus.Observer
	inFlight atomic.Int64
}

// newMetrics returns the counters and the handler that shows them, in a
// registry of their own: several servers in one process do not collide.
func newMetrics(replications func() replication.Stats, sweeps func() sweep.Stats) (*requestMetrics, http.Handler) {
	m := &requestMetrics{}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "twinport_http_requests_total",
		Help: "Requests answered, by protocol and class of status.",
	}, []string{"protocol", "status"})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "twinport_http_request_duration_seconds",
		Help:    "Time from a request's header to the end of its answer, by protocol.",
		Buckets: prometheus.ExponentialBuckets(0.000_25, 4, 10), // 250 µs to 65 s
	}, []string{"protocol"})
	for p := range protocols {
		for class := range statusClasses {
			m.requests[p][class] = requests.WithLabelValues(p.String(), strconv.Itoa(class+1)+"xx")
		}
		m.duration[p] = duration.WithLabelValues(p.String())
	}
	inFlight := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "twinport_http_requests_in_flight",
		Help: "Requests that are being answered.",
	}, func() float64 { return float64(m.inFlight.Load()) })

	metrics := prometheus.NewRegistry()
	metrics.MustRegister(requests, duration, inFlight,
		replicationCounter("complete", func() int64 { return replications().Complete }),
		replicationCounter("failed", func() int64 { return replications().Failed }),
		replicationCounter("retried", func() int64 { return replications().Retried }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, step := range registry.SweepSteps {
		metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name:        "twinport_swept_total",
			Help:        "What this process's sweeps have freed, by step: abandoned uploads, what they left, unused links, unlinked blobs, lost objects, deleted objects.",
			ConstLabels: prometheus.Labels{"step": string(step)},
		}, func() float64 { return float64(sweeps().Found[step]) }))
	}
	metrics.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "twinport_swept_bytes_total",
			Help: "Bytes of objects that this process's sweeps have deleted.",
		}, func() float64 { return float64(sweeps().Bytes) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "twinport_sweep_running",
			Help: "1 while this process sweeps.",
		}, func() float64 {
			if sweeps().Running {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "twinport_sweep_finished_timestamp_seconds",
			Help: "When this process last ended a sweep; 0 if it never did.",
		}, func() float64 {
			if t := sweeps().Finished; !t.IsZero() {
				return float64(t.Unix())
			}
			return 0
		}))
	return m, promhttp.HandlerFor(metrics, promhttp.HandlerOpts{})
}

// replicationCounter shows a count that the engine keeps.
func replicationCounter(result string, count func() int64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name:        "twinport_replication_tries_total",
		Help:        "Tries to replicate an image to a destination, by how they ended.",
		ConstLabels: prometheus.Labels{"result": result},
	}, func() float64 { return float64(count()) })
}

func (m *requestMetrics) observe(p protocol, status int, duration time.Duration) {
	class := min(max(status/100, 1), statusClasses) - 1
	m.requests[p][class].Inc()
	m.duration[p].Observe(duration.Seconds())
}
