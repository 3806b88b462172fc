package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinport/twinport/internal/jobs"
)

// jobMetrics show what the jobs of the background do, and have done.
type jobMetrics struct {
	stats                         func() []jobs.Stats
	step, finished, pages, faults *prometheus.Desc
}

func newJobMetrics(stats func() []jobs.Stats) *jobMetrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("twinport_job_"+name, help, []string{"job"}, nil)
	}
	return &jobMetrics{
		stats: stats,
		step:  desc("step", "The step of the job that this process is at, from 1; 0 while it does not run the job."),
		finished: desc("finished_timestamp_seconds",
			"When a run of the job last ended in the deployment, as far as this process has seen; 0 if none did."),
		pages:  desc("pages_total", "Pages of the job that this process has done."),
		faults: desc("faults_total", "Errors that interrupted a run of the job in this process; the log names them."),
	}
}

func (m *jobMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.step, m.finished, m.pages, m.faults} {
		to <- d
	}
}

func (m *jobMetrics) Collect(to chan<- prometheus.Metric) {
	for _, s := range m.stats() {
		send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64) {
			to <- prometheus.MustNewConstMetric(d, kind, value, s.Job)
		}
		send(m.step, prometheus.GaugeValue, float64(s.Step))
		send(m.finished, prometheus.GaugeValue, unixSeconds(s.Finished))
		send(m.pages, prometheus.CounterValue, float64(s.Pages))
		send(m.faults, prometheus.CounterValue, float64(s.Faults))
	}
}
