package metadata

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSessions(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		const other = "444455556666"
		session := func(id, account string, age time.Duration) Session {
			return Session{ID: id, Account: account, AccessKey: "key of " + account, CreatedAt: epoch.Add(-age),
				ExpiresAt: epoch.Add(12*time.Hour - age),
				UserAgent: "browser", RemoteAddress: "192.0.2.1"}
		}
		hostile := session("new", account, 0)
		hostile.UserAgent = "zero \x00, not UTF-8 \xff"
		commit(t, s, func(tx *Tx) error {
			return errors.Join(
				tx.Sessions().Create(session("old", account, 12*time.Hour)),
				tx.Sessions().Create(session("middle", account, time.Hour)),
				tx.Sessions().Create(hostile), tx.Sessions().Create(session("others", other, time.Minute)))
		})
		got, err := s.Read(t.Context()).Sessions().Get("middle")
		if want := session("middle", account, time.Hour); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("session %+v, %v, want %+v", got, err, want)
		}
		if _, err := s.Read(t.Context()).Sessions().Get("none"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a session that is not there: %v", err)
		}
		if got, err := s.Read(t.Context()).Sessions().Get("new"); err != nil || !strings.HasPrefix(got.UserAgent, "zero ") {
			t.Errorf("session %+v, %v", got, err)
		}
		wantSessions := func(account string, want ...string) {
			t.Helper()
			all, err := s.Read(t.Context()).Sessions().List(account, 10)
			var ids []string
			for _, x := range all {
				ids = append(ids, x.ID)
			}
			if err != nil || !slices.Equal(ids, want) {
				t.Errorf("sessions of %s: %v, %v, want %v", account, ids, err, want)
			}
		}
		wantSessions(account, "new", "middle", "old")
		if all, err := s.Read(t.Context()).Sessions().List(account, 2); err != nil || len(all) != 2 {
			t.Errorf("a page has %d sessions, %v", len(all), err)
		}
		var ended []string
		commit(t, s, func(tx *Tx) (err error) {
			if err := tx.Sessions().DeleteExpired(epoch, epoch.AddDate(1, 0, 0)); err != nil {
				return err
			}
			ended, err = tx.Sessions().Delete(account, []string{"middle", "others", "none"})
			return err
		})
		if fmt.Sprint(ended) != "[middle]" {
			t.Errorf("ended %v", ended)
		}
		wantSessions(account, "new")
		wantSessions(other, "others")
	})
}
