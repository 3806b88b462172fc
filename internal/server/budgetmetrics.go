package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinport/twinport/internal/budget"
)

// budgetMetrics show how much of each budget is taken, and how often somebody was refused.
func budgetMetrics(limits *budget.Limits) (all []prometheus.Collector) {
	for _, b := range limits.All() {
		labels := prometheus.Labels{"budget": b.Name}
		all = append(all,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "twinport_budget_used", ConstLabels: labels,
				Help: "What is taken of a budget: bytes of memory and parts, units of all else.",
			}, func() float64 { return float64(b.Used()) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "twinport_budget_limit", ConstLabels: labels,
				Help: "What there is of a budget.",
			}, func() float64 { return float64(b.Limit) }),
			refusals(b.Name, "own", func() int64 { own, _ := b.Refused(); return own }),
			refusals(b.Name, "all", func() int64 { _, all := b.Refused(); return all }))
	}
	return all
}

func refusals(name, share string, count func() int64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "twinport_budget_refusals_total", ConstLabels: prometheus.Labels{"budget": name, "share": share},
		Help: "Requests and connections refused, since one account or network held its share (own), or all was taken (all).",
	}, func() float64 { return float64(count()) })
}
