package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/sweep"
)

// sweepMetrics shows what this process's sweeps have done.
func sweepMetrics(stats func() sweep.Stats) []prometheus.Collector {
	gauge := func(name, help string, value func(sweep.Stats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(stats()) })
	}
	metrics := []prometheus.Collector{
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "twinport_swept_bytes_total",
			Help: "Bytes of objects that this process's sweeps have deleted.",
		}, func() float64 { return float64(stats().Bytes) }),
		gauge("twinport_sweep_running", "1 while this process sweeps.", func(s sweep.Stats) float64 {
			if s.Running {
				return 1
			}
			return 0
		}),
		gauge("twinport_sweep_finished_timestamp_seconds", "When this process last ended a sweep; 0 if it never did.", func(s sweep.Stats) float64 {
			if s.Finished.IsZero() {
				return 0
			}
			return float64(s.Finished.Unix())
		}),
	}
	for _, step := range registry.SweepSteps {
		metrics = append(metrics, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name:        "twinport_swept_total",
			Help:        "What this process's sweeps have freed, by step: idle uploads, leftovers of uploads, unused links, unlinked blobs, lost objects, garbage.",
			ConstLabels: prometheus.Labels{"step": string(step)},
		}, func() float64 { return float64(stats().Found[step]) }))
	}
	return metrics
}
