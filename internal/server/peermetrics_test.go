package server

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// TestPeerMetrics shows a peer that is not there, with what waits for it; and finds each metric in docs/operations.md.
func TestPeerMetrics(t *testing.T) {
	there := start(t, testConfig(t), nil)
	if _, _, body := get(t, "GET", there.URL()+"/metrics"); strings.Contains(body, "twinport_peer_") {
		t.Errorf("there are metrics of peers without any:\n%s", body)
	}
	key := there.generations.present.Load().directory.Identity()

	cfg := testConfig(t)
	cfg.Regions = []string{"us-east-1"}
	cfg.Peers = []config.Peer{{
		Name: "oregon", URL: "http://127.0.0.1:1", Key: key, Regions: []string{"us-west-2"},
		Serves: []string{"111122223333"},
	}}
	s := start(t, cfg, nil)
	err := s.generations.store().Update(t.Context(), func(tx *metadata.Tx) error {
		id := resource.Registry{Account: "111122223333", Region: "us-east-1"}
		rows, err := tx.Registries().IDs([]resource.Registry{id})
		if err != nil {
			return err
		}
		r := &metadata.Repository{RegistryRow: rows[id], Account: id.Account, Region: id.Region, Name: "app"}
		if _, err := tx.Repositories().Create(r); err != nil {
			return err
		}
		if err := tx.Images().Put(r, metadata.Manifest{Digest: "sha256:1"}, []byte("{}"), nil); err != nil {
			return err
		}
		return tx.Replications().Queue(&metadata.Replication{RepositoryID: r.ID, Digest: "sha256:1", Sequence: 1,
			DestinationAccount: "111122223333", DestinationRegion: "us-west-2", PushedAt: time.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	var body string
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		_, _, body = get(t, "GET", s.URL()+"/metrics")
		if strings.Contains(body, `twinport_peer_breaker_open{peer="oregon"} 1`) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the breaker does not open:\n%s", body)
		}
	}
	for _, want := range []string{
		`twinport_peer_reachable{peer="oregon"} 0`,
		`twinport_peer_breaker_opens_total{peer="oregon"} 1`,
		`twinport_peer_backlog{peer="oregon"} 1`,
		`twinport_peer_bytes_sent_total{peer="oregon"} 0`,
		`twinport_peer_bytes_received_total{peer="oregon"} 0`,
		`twinport_peer_messages_total{peer="oregon",result="answered"} 0`,
		`twinport_peer_replications_total{peer="oregon",result="complete"} 0`,
		`twinport_peer_lag_seconds_count{peer="oregon"} 0`,
		`twinport_peer_lag_seconds_bucket{peer="oregon",le="0.01"} 0`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("/metrics lacks %s:\n%s", want, body)
		}
	}
	operations, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	metrics := regexp.MustCompile(`(?m)^# HELP (twinport_\w+) `).FindAllStringSubmatch(body, -1)
	if len(metrics) < 20 {
		t.Errorf("/metrics has %d metrics of Twinport's own", len(metrics))
	}
	for _, m := range metrics {
		if !regexp.MustCompile("`" + m[1] + "[`{]").Match(operations) {
			t.Errorf("docs/operations.md does not have %s", m[1])
		}
	}
}
