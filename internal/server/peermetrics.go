package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/resource"
)

// peerMetrics show how this process finds the deployment's peers, and what it has
// exchanged with each. Only what waits for them is the same in all processes.
type peerMetrics struct {
	present func() *generation

	reachable, roundTrip, open, opens   *prometheus.Desc
	sent, received, requests            *prometheus.Desc
	replications, lag, waiting, tunnels *prometheus.Desc
}

func newPeerMetrics(present func() *generation) *peerMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("twinport_peer_"+name, help, append([]string{"peer"}, labels...), nil)
	}
	return &peerMetrics{
		present:   present,
		reachable: desc("reachable", "1 if the peer answers this process, 0 if it does not, or has not yet."),
		roundTrip: desc("round_trip_seconds", "Time from a request to the peer's answer: the shortest of the last few."),
		open:      desc("breaker_open", "1 while this process leaves the peer alone, but for a look now and then."),
		opens:     desc("breaker_opens_total", "How often this process has begun to leave the peer alone."),
		tunnels:   desc("tunnels", "Tunnels between the peer and this process, dialled by either."),
		sent:      desc("bytes_sent_total", "Bytes of layers that were sent to the peer."),
		received:  desc("bytes_received_total", "Bytes of layers that came from the peer."),
		requests: desc("messages_total",
			"Requests about replication to the peer, by how they ended: answered, refused, or failed without an answer.", "result"),
		replications: desc("replications_total", "Tries to replicate an image to the peer, by how they ended.", "result"),
		lag:          desc("lag_seconds", "Time from a push until its image was at the peer."),
		waiting: desc("backlog",
			"Replications of the deployment to the peer that are in progress; those to all are counted up to 100,000."),
	}
}

func (m *peerMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.reachable, m.roundTrip, m.open, m.opens, m.sent, m.received, m.requests, m.replications, m.lag, m.waiting,
		m.tunnels,
	} {
		to <- d
	}
}

// Collect leaves the backlog out while the store does not answer.
func (m *peerMetrics) Collect(to chan<- prometheus.Metric) {
	g := m.present()
	peers := g.directory.Peers()
	if len(peers) == 0 {
		return
	}
	waiting, err := backlogs(g)
	for _, p := range peers {
		if c := g.directory.Client(p.ID); c != nil {
			m.collectState(to, p.Name, c.State())
		}
		m.collectStats(to, p, g)
		if err == nil {
			to <- prometheus.MustNewConstMetric(m.waiting, prometheus.GaugeValue, float64(waiting[p.ID]), p.Name)
		}
	}
}

func (m *peerMetrics) collectState(to chan<- prometheus.Metric, name string, s peer.State) {
	gauge := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, name)
	}
	gauge(m.reachable, oneIf(s.Reachable))
	gauge(m.open, oneIf(s.Open))
	gauge(m.tunnels, float64(s.Tunnels))
	if s.RoundTrip > 0 {
		gauge(m.roundTrip, s.RoundTrip.Seconds())
	}
	to <- prometheus.MustNewConstMetric(m.opens, prometheus.CounterValue, float64(s.Opens), name)
}

func (m *peerMetrics) collectStats(to chan<- prometheus.Metric, p peer.Record, g *generation) {
	s := g.replication.PeerStats(p.ID)
	counter := func(d *prometheus.Desc, value int64, result ...string) {
		labels := append([]string{p.Name}, result...)
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	counter(m.sent, s.BytesSent)
	counter(m.received, s.BytesReceived)
	counter(m.requests, s.Answered, "answered")
	counter(m.requests, s.Refused, "refused")
	counter(m.requests, s.Failed, "failed")
	counter(m.replications, s.Replications.Complete, "complete")
	counter(m.replications, s.Replications.Failed, "failed")
	counter(m.replications, s.Replications.Retried, "retried")
	buckets := make(map[float64]uint64, len(s.Lags.UpTo))
	for bound, n := range s.Lags.UpTo {
		buckets[bound.Seconds()] = n
	}
	to <- prometheus.MustNewConstHistogram(m.lag, s.Lags.Count, s.Lags.Sum.Seconds(), buckets, p.Name)
}

// backlogs are how many replications wait for each peer, by its id.
func backlogs(g *generation) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), backlogTimeout)
	defer cancel()
	all, err := g.metadata.Read(ctx).Replications().Backlog()
	if err != nil {
		return nil, err
	}
	waiting := map[string]int64{}
	for _, w := range all {
		to := resource.Registry{Account: w.DestinationAccount, Region: w.DestinationRegion}
		if p, ok := g.directory.Of(to); ok {
			waiting[p.ID] += w.Number
		}
	}
	return waiting, nil
}

// backlogTimeout is how long those who ask for metrics wait for the store.
const backlogTimeout = 5 * time.Second

func oneIf(what bool) float64 {
	if what {
		return 1
	}
	return 0
}
