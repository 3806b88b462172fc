package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinport/twinport/internal/metadata"
)

// backlogMetrics shows what of the deployment waits to be replicated. Every
// process shows the same: it asks the store.
type backlogMetrics struct {
	store           func() metadata.Store
	waiting, oldest *prometheus.Desc
}

func newBacklogMetrics(store func() metadata.Store) prometheus.Collector {
	return &backlogMetrics{
		store: store,
		waiting: prometheus.NewDesc("twinport_replications_waiting", "Replications of the deployment that are in "+
			"progress, up to 100,000. Refused ones do not count.", nil, nil),
		oldest: prometheus.NewDesc("twinport_replications_oldest_seconds", "Time since the push of the oldest replication "+
			"in progress; 0 if there is none.", nil, nil),
	}
}

func (m *backlogMetrics) Describe(descs chan<- *prometheus.Desc) {
	descs <- m.waiting
	descs <- m.oldest
}

// Collect leaves both out while the store does not answer.
func (m *backlogMetrics) Collect(metrics chan<- prometheus.Metric) {
	waiting, err := m.store().Read(context.Background()).Replications().Backlog()
	if err != nil {
		return
	}
	n, age := int64(0), 0.0
	for _, w := range waiting {
		n += w.Number
		age = max(age, time.Since(w.OldestPush).Seconds())
	}
	metrics <- prometheus.MustNewConstMetric(m.waiting, prometheus.GaugeValue, float64(n))
	metrics <- prometheus.MustNewConstMetric(m.oldest, prometheus.GaugeValue, age)
}
