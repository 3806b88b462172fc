package server

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/replication"
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
func newMetrics(replications func() replication.Stats, more ...prometheus.Collector) (*requestMetrics, http.Handler) {
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
		if p != protocolStream { // how long one is is the client's choice
			m.duration[p] = duration.WithLabelValues(p.String())
		}
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
	metrics.MustRegister(more...)
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

// databaseMetrics show what operations cost a database that is asked over a line.
// It stays 0 as long as the database is embedded.
func databaseMetrics(store func() metadata.Store) []prometheus.Collector {
	return []prometheus.Collector{prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "twinport_database_round_trips_total",
		Help: "Exchanges with the database server, each of one or more statements.",
	}, func() float64 {
		if remote, ok := store().(interface{ RoundTrips() int64 }); ok {
			return float64(remote.RoundTrips())
		}
		return 0
	})}
}

// certificateExpiry shows when a certificate ends; 0 if it is not there yet, so
// that an alarm for one that ends soon covers that too.
func certificateExpiry(notAfter func() time.Time) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "twinport_tls_certificate_expiry_timestamp_seconds",
		Help: "When the TLS certificate in use ends (of several, the first), in Unix time; 0 while one is missing.",
	}, func() float64 { return unixSeconds(notAfter()) })
}

// unixSeconds is a time as metrics show it: 0 if it is zero.
func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}

func (m *requestMetrics) observe(p protocol, status int, duration time.Duration) {
	class := min(max(status/100, 1), statusClasses) - 1
	m.requests[p][class].Inc()
	if m.duration[p] != nil {
		m.duration[p].Observe(duration.Seconds())
	}
}
