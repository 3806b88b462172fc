package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinport/twinport/internal/sweep"
)

// sweepMetrics shows what this process's sweeps have done.
func sweepMetrics(stats func() sweep.Stats, running func() bool) []prometheus.Collector {
	metrics := []prometheus.Collector{
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "twinport_swept_bytes_total",
			Help: "Bytes of objects that this process's sweeps have deleted.",
		}, func() float64 { return float64(stats().Bytes) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "twinport_sweep_running",
			Help: "1 while this process sweeps.",
		}, func() float64 {
			if running() {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "twinport_sweep_finished_timestamp_seconds",
			Help: "When this process last ended a sweep; 0 if it never did.",
		}, func() float64 { return unixSeconds(stats().Finished) }),
	}
	for _, step := range sweep.Steps {
		metrics = append(metrics, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "twinport_swept_total",
			Help: "What this process's sweeps have freed, by step: idle uploads, leftovers of uploads, unused links, " +
				"unlinked blobs, lost objects, garbage.",
			ConstLabels: prometheus.Labels{"step": string(step)},
		}, func() float64 { return float64(stats().Found[step]) }))
	}
	return metrics
}
