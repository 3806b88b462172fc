package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinport/twinport/internal/expiry"
)

// lifecycleMetrics show what this process's runs of lifecycle policies have done.
func lifecycleMetrics(stats func() expiry.Stats) (metrics []prometheus.Collector) {
	for _, c := range []struct {
		name, help, label, value string
		count                    func(expiry.Stats) int64
	}{
		{"runs", "Runs of lifecycle policies that this process has ended, by how.", "result", "complete",
			func(s expiry.Stats) int64 { return s.Complete }},
		{"runs", "Runs of lifecycle policies that this process has ended, by how.", "result", "failed",
			func(s expiry.Stats) int64 { return s.Failed }},
		{"images", "Images that this process's runs of lifecycle policies have deleted, or kept because they had changed.",
			"outcome", "expired", func(s expiry.Stats) int64 { return s.Expired }},
		{"images", "Images that this process's runs of lifecycle policies have deleted, or kept because they had changed.",
			"outcome", "kept", func(s expiry.Stats) int64 { return s.Kept }},
		{"bytes", "Bytes of the images that this process's runs of lifecycle policies have deleted, layers counted once in " +
			"each image: a sweep frees what no other image needs.", "outcome", "expired",
			func(s expiry.Stats) int64 { return s.Bytes }},
	} {
		metrics = append(metrics, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "twinport_lifecycle_" + c.name + "_total", Help: c.help, ConstLabels: prometheus.Labels{c.label: c.value},
		}, func() float64 { return float64(c.count(stats())) }))
	}
	return metrics
}
