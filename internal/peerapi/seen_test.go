package peerapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// hold has the deployment answer no request for parts of layers past the first so many, until release is called.
func (d *deployment) hold(parts int64) (release func()) {
	served := d.handler.Load().(handlerBox)
	held := make(chan struct{})
	d.handler.Store(handlerBox{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		offset, _ := strconv.ParseInt(r.URL.Query().Get("offset"), 10, 64)
		if strings.HasSuffix(r.URL.Path, "/"+replication.OperationParts) && offset >= parts*replication.PartSize {
			<-held
		}
		served.ServeHTTP(w, r)
	})})
	return func() { close(held) }
}

// outgoing is the latest replication from the registry.
func (d *deployment) outgoing() replication.Replication {
	d.t.Helper()
	all, _, err := d.replication.List(context.Background(), root(d.id.Account), d.id, replication.Outgoing, "",
		registry.Page{Limit: 1})
	if err != nil {
		d.t.Fatal(err)
	}
	if len(all) != 1 {
		d.t.Fatalf("%s lists %d replications", d.name, len(all))
	}
	return all[0]
}

// peerOf is the only peer, as a registry sees it.
func (d *deployment) peerOf(c access.Caller, id resource.Registry) replication.PeerView {
	d.t.Helper()
	all, err := d.replication.Peers(context.Background(), c, id)
	if err != nil {
		d.t.Fatal(err)
	}
	if len(all) != 1 {
		d.t.Fatalf("%s lists %d peers", d.name, len(all))
	}
	return all[0]
}

// While an image is being sent, its source sees how far it is.
func TestProgressIsSeen(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	const parts, sent = 5, 2
	layer := noise(t, parts*replication.PartSize)
	release := oregon.hold(sent)
	watched := make(chan replication.Replication, 100)
	go func() {
		_ = tokyo.replication.Watch(t.Context(), root(prodAccount), prod, func(e replication.WatchEvent) error {
			for _, r := range e.Replications {
				watched <- r
			}
			return nil
		})
	}()
	image := tokyo.push("app", "1", layer)
	var r replication.Replication
	eventually(t, "it is seen how far the image is", func() bool {
		r = tokyo.outgoing()
		return r.BytesSent >= sent*replication.PartSize
	})
	if r.Peer != "oregon" || r.BytesTotal < int64(len(layer)) || r.BytesTotal > int64(len(layer))+2 ||
		r.BytesSent < sent*replication.PartSize || r.BytesSent > r.BytesTotal || r.BegunAt.IsZero() || r.Rate() <= 0 ||
		r.State != replication.InProgress {
		t.Errorf("it is seen as %+v, %v bytes a second", r, r.Rate())
	}
	eventually(t, "who watches sees it, too", func() bool { return (<-watched).BytesSent > 0 })
	v := tokyo.peerOf(root(prodAccount), prod)
	if v.Waiting != 1 || v.OldestPush.IsZero() || v.Moving.Replications != 1 || v.Moving.BytesSent < r.BytesSent ||
		v.Moving.BytesTotal != r.BytesTotal || v.Moving.Rate <= 0 {
		t.Errorf("of the peer is seen %+v", v)
	}
	release()
	oregon.await("app", "1", image)
	eventually(t, "it is complete", func() bool { r = tokyo.outgoing(); return r.State == replication.Complete })
	if r.BytesSent != r.BytesTotal || r.BytesSent < int64(len(layer)) || r.TimeLeft() != 0 || r.Rate() <= 0 {
		t.Errorf("once it is complete it is seen as %+v", r)
	}

	var s replication.PeerStats
	eventually(t, "it is counted", func() bool {
		s = tokyo.replication.PeerStats(oregon.peers.Self().ID)
		return s.Replications.Complete == 1
	})
	if s.BytesSent < int64(len(layer)) || s.Answered == 0 || s.Lags.Count != 1 || s.Lags.Sum <= 0 {
		t.Errorf("the source counted %+v", s)
	}
	if s := oregon.replication.PeerStats(tokyo.peers.Self().ID); s.BytesReceived < int64(len(layer)) {
		t.Errorf("the destination counted %+v", s)
	}
}

// An account sees peers, and of no other account anything.
func TestPeersAreSeen(t *testing.T) {
	t.Parallel()
	tokyo, oregon := open(t, "tokyo", prod), open(t, "oregon", dev)
	if all, err := tokyo.replication.Peers(t.Context(), root(prodAccount), prod); err != nil || len(all) > 0 {
		t.Errorf("%v, %v without a peer", all, err)
	}
	join(t, tokyo, oregon)
	eventually(t, "it is reachable", func() bool { return tokyo.peerOf(root(prodAccount), prod).State.Reachable })
	v := tokyo.peerOf(root(prodAccount), prod)
	if v.ID != oregon.peers.Self().ID || v.Name != "oregon" || v.URL != oregon.url || len(v.Regions) != 1 ||
		v.State.Version != "test" || v.State.RoundTrip <= 0 || v.ServesAccount || v.SpeaksForAccount ||
		!*v.TakesAccount {
		t.Errorf("the peer is seen as %+v", v)
	}
	text, err := json.Marshal(v)
	if err != nil || strings.Contains(string(text), devAccount) {
		t.Errorf("prod sees dev: %s (%v)", text, err)
	}
	_, err = tokyo.replication.Peers(t.Context(), root(devAccount), prod)
	if registry.CodeOf(err) != registry.AccessDenied {
		t.Errorf("another account sees how prod's replications go: %v", err)
	}
}

// Checks of destinations say why a peer cannot be asked, and what to do about it.
func TestChecksOfPeers(t *testing.T) {
	t.Parallel()
	tokyo, oregon := open(t, "tokyo", prod), open(t, "oregon", dev)
	code, _, err := tokyo.peers.Invite(t.Context(), peer.Grant{All: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := oregon.peers.Join(t.Context(), code, peer.Grant{}); err != nil { // tokyo may speak for nobody
		t.Fatal(err)
	}
	oregon.grant(prodAccount)
	check := func() replication.DestinationCheck {
		t.Helper()
		all, err := tokyo.replication.Check(t.Context(), root(prodAccount), prod, []resource.Registry{dev}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	takes := func() bool {
		v := tokyo.peerOf(root(prodAccount), prod)
		return v.TakesAccount != nil && *v.TakesAccount
	}
	if c := check(); c.Status != replication.PeerRefuses || takes() || c.Failure.Code != "PeerNotGranted" ||
		!strings.Contains(c.Failure.Reason, "twinport peer grant") {
		t.Errorf("without a grant the check is %+v", c)
	}
	if _, err := oregon.peers.SetGrant(t.Context(), "tokyo", peer.Grant{Accounts: []string{prodAccount}}); err != nil {
		t.Fatal(err)
	}
	if c := check(); c.Status != replication.Granted || c.Peer != "oregon" {
		t.Errorf("with a grant the check is %+v", c)
	}
	eventually(t, "the grant is seen", takes)
	oregon.close()
	if c := check(); c.Status != replication.Unreachable || c.Failure.Code != "DestinationUnavailable" ||
		c.Failure.Detail != peer.Unreachable || !strings.Contains(c.Failure.Reason, "The deployment 'oregon'") {
		t.Errorf("while the peer is away the check is %+v", c)
	}
	oregon.start()
	eventually(t, "it is granted again", func() bool { return check().Status == replication.Granted })
}
