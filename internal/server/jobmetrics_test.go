package server

import (
	"maps"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinport/twinport/internal/jobs"
)

func TestJobMetrics(t *testing.T) {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(newJobMetrics(func() []jobs.Stats {
		return []jobs.Stats{{Job: "idle"}, {Job: "sweep", Step: 2, Pages: 30, Faults: 4, Finished: time.Unix(500, 0)}}
	}))
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got[f.GetName()+" "+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	want := map[string]float64{
		"twinport_job_step sweep": 2, "twinport_job_pages_total sweep": 30, "twinport_job_faults_total sweep": 4,
		"twinport_job_finished_timestamp_seconds sweep": 500,
		"twinport_job_step idle":                        0, "twinport_job_pages_total idle": 0,
		"twinport_job_faults_total idle":               0,
		"twinport_job_finished_timestamp_seconds idle": 0,
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
