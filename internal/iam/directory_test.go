package iam

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
)

// asked counts the reads of a store.
type asked struct {
	metadata.Store
	reads int
}

func (a *asked) Read(ctx context.Context) *metadata.Queries { a.reads++; return a.Store.Read(ctx) }

// Keys of the configuration, roots, ids that no key has, and what is known to be absent are not looked up; and what is
// remembered is bounded.
func TestWhatIsNotLookedUp(t *testing.T) {
	store, err := metadata.OpenSQLite(t.Context(), t.TempDir())
	must(t, err)
	defer store.Close()
	counted := &asked{Store: store}
	s := newService(t, counted)
	absent, _ := auth.NewUserKey(owner)
	foreign, _ := auth.NewUserKey("999999999999")
	for id, want := range map[string]int{"AKIAROOT": 0, "AKIANOTOURS": 0, foreign: 0, absent: 1, "": 0} {
		counted.reads = 0
		for range 3 {
			if _, err := s.AccessKey(t.Context(), id); (err == nil) != (id == "AKIAROOT") {
				t.Errorf("%s: %v", id, err)
			}
		}
		if counted.reads != want {
			t.Errorf("%s: %d reads, want %d", id, counted.reads, want)
		}
	}
	counted.reads = 0
	if _, err := s.Grants(t.Context(), auth.Identity{Principal: policy.Root(owner)}); err != nil || counted.reads != 0 {
		t.Errorf("the root: %d reads, %v", counted.reads, err)
	}
	for i := range 3 * remembered {
		s.directory.put(fmt.Sprint(i), entry{})
	}
	if n := len(s.directory.young) + len(s.directory.old); n > 2*remembered {
		t.Errorf("%d are remembered", n)
	}
}

func TestTrustInEverybodyIsLogged(t *testing.T) {
	store, err := metadata.OpenSQLite(t.Context(), t.TempDir())
	must(t, err)
	defer store.Close()
	var log bytes.Buffer
	s := newService(t, store)
	s.Logger = slog.New(slog.NewTextHandler(&log, nil))
	trust := `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": %s, "Action": "sts:AssumeRole"}}`
	of(s.CreateRole(t.Context(), root(owner), CreateRole{Name: "r", TrustPolicy: fmt.Sprintf(trust, `{"AWS": "`+owner+`"}`)}))(t)
	if log.Len() != 0 {
		t.Error(log.String())
	}
	must(t, s.UpdateAssumeRolePolicy(t.Context(), root(owner), "r", fmt.Sprintf(trust, `"*"`)))
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), ":role/r") {
		t.Error(log.String())
	}
}

// The uses of keys are stored when they are collected.
func TestLastUse(t *testing.T) {
	each(t, func(t *testing.T, open func() *Service) {
		s, c := open(), root(owner)
		of(s.CreateUser(t.Context(), c, CreateUser{Name: "u"}))(t)
		key := of(s.CreateAccessKey(t.Context(), c, "u"))(t)
		if got := of(s.GetAccessKeyLastUsed(t.Context(), c, key.ID))(t); got.UserName != "u" || got.Service != "N/A" || !got.At.IsZero() {
			t.Errorf("%+v", got)
		}
		s.NoteUse(key.ID, "ecr", "eu-west-1")
		must(t, s.StoreUses(t.Context()), s.StoreUses(t.Context()))
		if got := of(s.GetAccessKeyLastUsed(t.Context(), c, key.ID))(t); got.Service != "ecr" || got.Region != "eu-west-1" || got.At.IsZero() {
			t.Errorf("%+v", got)
		}
		_, err := s.GetAccessKeyLastUsed(t.Context(), root(other), key.ID)
		wantCode(t, err, NoSuchEntity, "The Access Key with id")
		must(t, s.CreateAccountAlias(t.Context(), c, "mine"), s.CreateAccountAlias(t.Context(), c, "ours"))
		wantCode(t, s.CreateAccountAlias(t.Context(), root(other), "ours"), EntityAlreadyExists, "The account alias ours already exists.")
		if l := of(s.ListAccountAliases(t.Context(), c, Page{}))(t); len(l.Items) != 1 || l.Items[0] != "ours" {
			t.Errorf("%v", l)
		}
		if n := of(s.GetAccountSummary(t.Context(), c))(t); n["Users"] != 1 || n["UsersQuota"] != 5000 {
			t.Errorf("%v", n)
		}
	})
}
