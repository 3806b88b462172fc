package metadata

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"
)

// peerDocument is one of package peer, as this test needs it.
type peerDocument struct {
	URL string `json:"url"`
}

func TestPeers(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		q := func() Peers { return s.Read(t.Context()).Peers() }
		if d, err := q().Deployment(); !errors.Is(err, ErrNotFound) {
			t.Errorf("a deployment that is not there: %+v, %v", d, err)
		}
		commit(t, s, func(tx *Tx) error {
			return errors.Join(tx.Peers().CreateDeployment("id", map[string]any{"url": "1", "later": true}),
				tx.Peers().Create("b", "bee", peerDocument{"https://b"}),
				tx.Peers().Create("a", "ay", peerDocument{"https://a"}))
		})
		read, err := q().Deployment()
		if err != nil || read.ID != "id" {
			t.Fatalf("the deployment is %+v, %v", read, err)
		}
		// Of two that change the same, one is first. What a newer version has stored stays.
		for i, want := range []bool{true, false} {
			commit(t, s, func(tx *Tx) error {
				saved, err := tx.Peers().SaveDeployment(read, peerDocument{fmt.Sprint("new", i)})
				if saved != want {
					t.Errorf("saved %t, want %t", saved, want)
				}
				return err
			})
		}
		if d, err := q().Deployment(); err != nil || d.Document != `{"later":true,"url":"new0"}` {
			t.Errorf("the deployment is %+v, %v", d, err)
		}

		all, err := q().List("", 10)
		if want := []Peer{{"a", "ay", `{"url":"https://a"}`}, {"b", "bee", `{"url":"https://b"}`}}; err != nil ||
			!reflect.DeepEqual(all, want) {
			t.Fatalf("the peers %+v, %v", all, err)
		}
		if page, err := q().List("a", 1); err != nil || len(page) != 1 || page[0].ID != "b" {
			t.Errorf("the next page %+v, %v", page, err)
		}
		for _, want := range []bool{true, false} {
			commit(t, s, func(tx *Tx) error {
				saved, err := tx.Peers().Save(all[0], "aye", peerDocument{"https://other"})
				if saved != want {
					t.Errorf("saved %t, want %t", saved, want)
				}
				return err
			})
		}
		if p, err := q().Get("a"); err != nil || p.Name != "aye" || p.Document != `{"url":"https://other"}` {
			t.Errorf("the peer %+v, %v", p, err)
		}
		for _, want := range []bool{true, false} {
			commit(t, s, func(tx *Tx) error {
				removed, err := tx.Peers().Delete("a")
				if removed != want {
					t.Errorf("removed %t, want %t", removed, want)
				}
				return err
			})
		}
		if p, err := q().Get("a"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a peer that was removed: %+v, %v", p, err)
		}
	})
}

func TestPeerInvitations(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		commit(t, s, func(tx *Tx) error {
			return errors.Join(tx.Peers().Invite("one", epoch.Add(time.Hour), peerDocument{"x"}),
				tx.Peers().Invite("two", epoch, peerDocument{}))
		})
		use := func(secret, id string, want bool) {
			t.Helper()
			commit(t, s, func(tx *Tx) error {
				used, err := tx.Peers().UseInvitation(secret, id)
				if used != want {
					t.Errorf("%s uses %s: %t", id, secret, used)
				}
				return err
			})
		}
		use("none", "b", false)
		use("one", "b", true)
		use("one", "b", true)
		use("one", "c", false)
		i, err := s.Read(t.Context()).Peers().Invitation("one")
		if want := (Invitation{"one", epoch.Add(time.Hour), "b", `{"url":"x"}`}); err != nil || i != want {
			t.Errorf("the invitation %+v, %v", i, err)
		}
		commit(t, s, func(tx *Tx) error { return tx.Peers().SpendInvitations("b") })
		use("one", "b", false)
		for limit, want := range map[int]int{1: 1, 5: 2} {
			if n, err := s.Read(t.Context()).Peers().CountInvitations(limit); err != nil || n != want {
				t.Errorf("%d invitations, %v", n, err)
			}
		}
		commit(t, s, func(tx *Tx) error { return tx.Peers().ForgetInvitations(epoch.Add(time.Second)) })
		if i, err := s.Read(t.Context()).Peers().Invitation("two"); !errors.Is(err, ErrNotFound) {
			t.Errorf("one that has expired: %+v, %v", i, err)
		}
		if _, err := s.Read(t.Context()).Peers().Invitation("one"); err != nil {
			t.Error(err)
		}
	})
}
