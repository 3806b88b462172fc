package iam

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/test/servers"
)

const owner, other = "111122223333", "444455556666"

var migrated = servers.Template{Fill: func(url string) error {
	s, err := metadata.OpenPostgres(context.Background(), url)
	if err != nil {
		return err
	}
	return s.Close()
}}

// marking is a Sealer that only notes what a secret is of.
type marking struct{}

func (marking) Seal(what string, secret []byte) ([]byte, error) {
	return []byte(what + "|" + string(secret)), nil
}
func (marking) Open(what string, sealed []byte) ([]byte, error) {
	secret, ok := strings.CutPrefix(string(sealed), what+"|")
	if !ok {
		return nil, errors.New("sealed for another")
	}
	return []byte(secret), nil
}

// each runs a test on both engines. Services that open returns share a database, and nothing else if it may be shared.
func each(t *testing.T, test func(t *testing.T, open func() *Service)) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		store, err := metadata.OpenSQLite(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		s := newService(t, store)
		test(t, func() *Service { return s })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		url := migrated.Postgres(t)
		test(t, func() *Service {
			store, err := metadata.OpenPostgres(context.Background(), url)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { store.Close() })
			return newService(t, store)
		})
	})
}

func newService(t testing.TB, store metadata.Store) *Service {
	t.Helper()
	accounts, err := auth.NewDirectory([]auth.Account{
		{ID: owner, Keys: []auth.AccessKey{{ID: "AKIAROOT", Secret: "s", Principal: policy.Root(owner)}}}, {ID: other},
	})
	if err != nil {
		t.Fatal(err)
	}
	decider := access.New(access.Config{
		Served: func(resource.Registry) bool { return true }, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	return New(Config{
		Store: store, Accounts: accounts, Access: decider, Sealer: marking{}, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
}

func root(account string) access.Caller {
	return access.Caller{Identity: auth.Identity{Principal: policy.Root(account)}}
}

func wantCode(t *testing.T, err error, code, text string) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != code || !strings.Contains(e.Message, text) {
		t.Errorf("%v, want %s: %s", err, code, text)
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func of[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T { t.Helper(); must(t, err); return v }
}

const push = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]}`

func trusting(principal string) string {
	return `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "` + principal +
		`"}, "Action": "sts:AssumeRole", "Condition": {"ArnEquals": {"aws:PrincipalArn": "` + principal + `"}}}}`
}

func TestUsers(t *testing.T) {
	each(t, func(t *testing.T, open func() *Service) {
		s, ctx, c := open(), t.Context(), root(owner)
		tags := []resource.Tag{{Key: "team", Value: "a"}}
		u := of(s.CreateUser(ctx, c, CreateUser{Name: "Ann", Path: "/x/", Tags: tags}))(t)
		if u.ARN != "arn:aws:iam::"+owner+":user/x/Ann" || len(u.ID) != 21 || !strings.HasPrefix(u.ID, "AIDA") {
			t.Errorf("%+v", u)
		}
		_, err := s.CreateUser(ctx, c, CreateUser{Name: "aNN"})
		wantCode(t, err, EntityAlreadyExists, "User with name aNN already exists.")
		_, err = s.GetUser(ctx, c, "ann")
		wantCode(t, err, NoSuchEntity, "The user with name ann cannot be found.")
		_, err = s.GetUser(ctx, c, "")
		wantCode(t, err, ValidationError, "Must specify userName")
		_, err = s.GetUser(ctx, root(other), "Ann")
		wantCode(t, err, NoSuchEntity, "")
		_, err = s.CreateUser(ctx, c, CreateUser{Name: "a b"})
		wantCode(t, err, ValidationError, "regular expression")
		must(t, s.UpdateUser(ctx, c, Rename{Name: "Ann", NewName: "ANN", NewPath: "/y/"}),
			s.Tag(ctx, c, OfUser, "ANN", []resource.Tag{{Key: "TEAM", Value: "b"}, {Key: "k", Value: ""}}))
		got := of(s.GetUser(ctx, c, "ANN"))(t)
		if got.ID != u.ID || got.Path != "/y/" || len(got.Tags) != 2 || got.Tags[0].Value != "b" || !got.CreatedAt.Equal(u.CreatedAt) {
			t.Errorf("%+v", got)
		}
		wantCode(t, s.Tag(ctx, c, OfUser, "ANN", []resource.Tag{{Key: "a"}, {Key: "A"}}), InvalidInput, "Duplicate tag keys")
		must(t, s.Untag(ctx, c, OfUser, "ANN", []string{"team"}))
		if l := of(s.ListTags(ctx, c, OfUser, "ANN", Page{}))(t); len(l.Items) != 1 {
			t.Errorf("%+v", l)
		}
		// Nothing that it still has may be lost by deleting it.
		of(s.CreateGroup(ctx, c, "g", ""))(t)
		key := of(s.CreateAccessKey(ctx, c, "ANN"))(t)
		must(t, s.AddUserToGroup(ctx, c, "g", "ANN"), s.AddUserToGroup(ctx, c, "g", "ANN"),
			s.PutInlinePolicy(ctx, c, InlinePolicy{OfUser, "ANN", "p", push}),
			s.AttachPolicy(ctx, c, Attachment{OfUser, "ANN", "arn:aws:iam::aws:policy/AdministratorAccess"}))
		wantCode(t, s.DeleteUser(ctx, c, "ANN"), DeleteConflict, "Cannot delete entity, must detach all policies first.")
		must(t, s.DetachPolicy(ctx, c, Attachment{OfUser, "ANN", "arn:aws:iam::aws:policy/AdministratorAccess"}))
		wantCode(t, s.DeleteUser(ctx, c, "ANN"), DeleteConflict, "must delete policies first.")
		must(t, s.DeleteInlinePolicy(ctx, c, InlinePolicy{Kind: OfUser, Name: "ANN", Policy: "p"}))
		wantCode(t, s.DeleteUser(ctx, c, "ANN"), DeleteConflict, "access keys")
		must(t, s.DeleteAccessKey(ctx, c, "ANN", key.ID))
		wantCode(t, s.DeleteUser(ctx, c, "ANN"), DeleteConflict, "group")
		wantCode(t, s.DeleteGroup(ctx, c, "g"), DeleteConflict, "group")
		must(t, s.RemoveUserFromGroup(ctx, c, "g", "ANN"), s.DeleteUser(ctx, c, "ANN"), s.DeleteGroup(ctx, c, "g"))
		wantCode(t, s.DeleteUser(ctx, c, "ANN"), NoSuchEntity, "The user with name ANN cannot be found.")
	})
}

// Pages of any size give the same users in the same order.
func TestListsInPages(t *testing.T) {
	each(t, func(t *testing.T, open func() *Service) {
		s, ctx, c := open(), t.Context(), root(owner)
		of(s.CreateGroup(ctx, c, "g", ""))(t)
		for i := range 7 {
			name := fmt.Sprintf("%c%d", "aB"[i%2], i)
			of(s.CreateUser(ctx, c, CreateUser{Name: name, Path: "/p/"}))(t)
			of(s.CreatePolicy(ctx, c, CreatePolicy{Name: name, Document: push}))(t)
			must(t, s.AddUserToGroup(ctx, c, "g", name),
				s.AttachPolicy(ctx, c, Attachment{OfUser, name, "arn:aws:iam::aws:policy/AdministratorAccess"}))
		}
		lists := map[string]func(p Page) ([]string, string, error){
			"users": func(p Page) (names []string, _ string, _ error) {
				l, err := s.ListUsers(ctx, c, "/p", p)
				for _, u := range l.Items {
					names = append(names, u.Name)
				}
				return names, l.Marker, err
			},
			"members": func(p Page) (names []string, _ string, _ error) {
				_, l, err := s.GetGroup(ctx, c, "g", p)
				for _, u := range l.Items {
					names = append(names, u.Name)
				}
				return names, l.Marker, err
			},
			"entities": func(p Page) (names []string, _ string, _ error) {
				l, err := s.ListEntitiesForPolicy(ctx, c, ListEntitiesForPolicy{
					PolicyARN: "arn:aws:iam::aws:policy/AdministratorAccess", Page: p,
				})
				for _, u := range l.Items {
					names = append(names, u.Name)
				}
				return names, l.Marker, err
			},
			"policies": func(p Page) (names []string, _ string, _ error) {
				l, err := s.ListPolicies(ctx, c, ListPolicies{Page: p})
				for _, u := range l.Items {
					names = append(names, u.Name)
				}
				return names, l.Marker, err
			},
		}
		for name, list := range lists {
			all, marker, err := list(Page{})
			if want := map[bool]int{true: 7 + len(awsPolicies), false: 7}[name == "policies"]; err != nil || marker != "" || len(all) != want {
				t.Fatalf("%s: %v, %q, %v", name, all, marker, err)
			}
			for size := 1; size < 9; size++ {
				var got []string
				for p := (Page{MaxItems: size}); ; {
					items, next, err := list(p)
					must(t, err)
					got = append(got, items...)
					if p.Marker = next; next == "" {
						break
					}
				}
				if fmt.Sprint(got) != fmt.Sprint(all) {
					t.Errorf("%s by %d: %v, want %v", name, size, got, all)
				}
			}
		}
	})
}

func TestPolicyVersions(t *testing.T) {
	each(t, func(t *testing.T, open func() *Service) {
		s, ctx, c := open(), t.Context(), root(owner)
		p := of(s.CreatePolicy(ctx, c, CreatePolicy{Name: "P", Path: "/x/", Document: push}))(t)
		for range 4 {
			of(s.CreatePolicyVersion(ctx, c, p.ARN, push+" ", true))(t)
		}
		_, err := s.CreatePolicyVersion(ctx, c, p.ARN, push, true)
		wantCode(t, err, LimitExceeded, "A managed policy can have up to 5 versions")
		wantCode(t, s.DeletePolicyVersion(ctx, c, p.ARN, "v5"), DeleteConflict, "default")
		wantCode(t, s.DeletePolicy(ctx, c, p.ARN), DeleteConflict, "more than one version")
		must(t, s.SetDefaultPolicyVersion(ctx, c, p.ARN, "v2"), s.DeletePolicyVersion(ctx, c, p.ARN, "v5"))
		if v := of(s.CreatePolicyVersion(ctx, c, p.ARN, push, false))(t); v.ID != "v6" || v.Default {
			t.Errorf("%+v", v)
		}
		if v := of(s.GetPolicyVersion(ctx, c, p.ARN, "v2"))(t); v.Document != push+" " || !v.Default {
			t.Errorf("%+v", v)
		}
		_, err = s.CreatePolicy(ctx, c, CreatePolicy{Name: "p", Document: push})
		wantCode(t, err, EntityAlreadyExists, "A policy called p already exists.")
		_, err = s.CreatePolicy(ctx, c, CreatePolicy{Name: "q", Document: "{"})
		wantCode(t, err, MalformedPolicyDocument, "invalid Json")
		_, err = s.CreatePolicyVersion(ctx, c, "arn:aws:iam::aws:policy/AdministratorAccess", push, true)
		wantCode(t, err, AccessDenied, "of AWS")
		// A boundary holds the policy, too.
		of(s.CreateUser(ctx, c, CreateUser{Name: "u", Boundary: p.ARN}))(t)
		for _, v := range []string{"v1", "v3", "v4", "v6"} {
			must(t, s.DeletePolicyVersion(ctx, c, p.ARN, v))
		}
		wantCode(t, s.DeletePolicy(ctx, c, p.ARN), DeleteConflict, "Cannot delete a policy attached to entities.")
		if got := of(s.GetPolicy(ctx, c, p.ARN))(t); got.Boundaries != 1 || got.Attachments != 0 || got.DefaultVersion != "v2" {
			t.Errorf("%+v", got)
		}
		must(t, s.DeletePermissionsBoundary(ctx, c, OfUser, "u"), s.DeletePolicy(ctx, c, p.ARN))
	})
}

// A trust policy is bound to whom it names: not to others who have the name later.
func TestTrustIsBound(t *testing.T) {
	each(t, func(t *testing.T, open func() *Service) {
		s, ctx, c := open(), t.Context(), root(owner)
		arn := "arn:aws:iam::" + owner + ":user/ann"
		_, err := s.CreateRole(ctx, c, CreateRole{Name: "r", TrustPolicy: trusting(arn)})
		wantCode(t, err, MalformedPolicyDocument, `Invalid principal in policy: "AWS":"`+arn+`"`)
		u := of(s.CreateUser(ctx, c, CreateUser{Name: "ann"}))(t)
		r := of(s.CreateRole(ctx, c, CreateRole{Name: "r", TrustPolicy: trusting(arn)}))(t)
		if r.TrustPolicy != trusting(arn) || r.MaxSession != 3600 {
			t.Errorf("%+v", r)
		}
		must(t, s.DeleteUser(ctx, c, "ann"))
		of(s.CreateUser(ctx, c, CreateUser{Name: "ann"}))(t)
		want := strings.Replace(trusting(arn), arn, u.ID, 1) // the condition stays
		if got := of(s.GetRole(ctx, c, "r"))(t); got.TrustPolicy != want {
			t.Errorf("%s\nwant %s", got.TrustPolicy, want)
		}
		if key := of(s.Role(ctx, r.ID))(t); len(key.Secret) != 32 || key.Principal.Role != r.ARN {
			t.Errorf("%+v", key.Principal)
		}
		must(t, s.DeleteRole(ctx, c, "r"))
		if _, err := s.Role(ctx, r.ID); err != auth.ErrNoKey {
			if s.Store.Shared() {
				time.Sleep(2 * maxStale)
				_, err = s.Role(ctx, r.ID)
			}
			if err != auth.ErrNoKey {
				t.Error(err)
			}
		}
	})
}

// Two processes cannot exceed a quota together.
func TestQuotaUnderRaces(t *testing.T) {
	each(t, func(t *testing.T, open func() *Service) {
		one, two, c := open(), open(), root(owner)
		of(one.CreateUser(t.Context(), c, CreateUser{Name: "u"}))(t)
		var wg sync.WaitGroup
		for i := range 12 {
			s := []*Service{one, two}[i%2]
			wg.Go(func() {
				if _, err := s.CreateAccessKey(t.Context(), c, "u"); err != nil {
					if e, ok := errors.AsType[*Error](err); !ok || e.Message != "Cannot exceed quota for AccessKeysPerUser: 2" {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if l := of(one.ListAccessKeys(t.Context(), c, "u", Page{}))(t); len(l.Items) != 2 {
			t.Errorf("there are %d keys", len(l.Items))
		}
	})
}

// What another process changes is seen within a second, and what this one does at once.
func TestDirectoryFollowsChanges(t *testing.T) {
	each(t, func(t *testing.T, open func() *Service) {
		here, there, ctx, c := open(), open(), t.Context(), root(owner)
		u := of(here.CreateUser(ctx, c, CreateUser{Name: "u"}))(t)
		key := of(here.CreateAccessKey(ctx, c, "u"))(t)
		who := func(s *Service) auth.Identity {
			k, err := s.AccessKey(ctx, key.ID)
			must(t, err)
			if k.Secret != key.Secret || k.Principal.ID != u.ID || k.Principal.ARN != u.ARN {
				t.Errorf("%+v", k.Principal)
			}
			return auth.Identity{Principal: k.Principal}
		}
		id := who(here)
		for s, wait := range map[*Service]time.Duration{here: 0, there: maxStale + 200*time.Millisecond} {
			g := of(s.Grants(ctx, id))(t)
			before := len(g.Policies)
			name := fmt.Sprint("p", before)
			must(t, here.PutInlinePolicy(ctx, c, InlinePolicy{OfUser, "u", name, push}))
			if !here.Store.Shared() {
				wait = 0
			}
			time.Sleep(wait)
			if g := of(s.Grants(ctx, id))(t); len(g.Policies) != before+1 {
				t.Errorf("%d policies, want %d", len(g.Policies), before+1)
			}
		}
		who(there)
		must(t, here.UpdateAccessKey(ctx, c, "u", key.ID, Inactive))
		if _, err := here.AccessKey(ctx, key.ID); err != auth.ErrNoKey {
			t.Errorf("an inactive key: %v", err)
		}
		if here.Store.Shared() {
			time.Sleep(maxStale + 200*time.Millisecond)
		}
		if _, err := there.AccessKey(ctx, key.ID); err != auth.ErrNoKey {
			t.Errorf("an inactive key: %v", err)
		}
		must(t, here.DeleteAccessKey(ctx, c, "u", key.ID), here.DeleteInlinePolicy(ctx, c, InlinePolicy{OfUser, "u", "p0", ""}))
		for range 2 {
			_ = here.DeleteInlinePolicy(ctx, c, InlinePolicy{OfUser, "u", "p1", ""})
		}
		must(t, here.DeleteUser(ctx, c, "u"))
		if _, err := here.Grants(ctx, id); err != auth.ErrNoKey {
			t.Errorf("of a user that is gone: %v", err)
		}
		if g, err := here.Grants(ctx, c.Identity); err != nil || g.Policies != nil {
			t.Errorf("the root: %+v, %v", g, err)
		}
	})
}

// A user has what its policies, its groups' and AWS's give, within its boundary, for IAM itself, too.
func TestCallersAreHeldToTheirPolicies(t *testing.T) {
	each(t, func(t *testing.T, open func() *Service) {
		s, ctx, c := open(), t.Context(), root(owner)
		u := of(s.CreateUser(ctx, c, CreateUser{Name: "u"}))(t)
		of(s.CreateGroup(ctx, c, "g", ""))(t)
		must(t, s.AddUserToGroup(ctx, c, "g", "u"))
		caller := func() access.Caller {
			c := access.Caller{Identity: auth.Identity{Principal: policy.Principal{Account: owner, ARN: u.ARN, ID: u.ID}}}
			c.Grants = of(s.Grants(ctx, c.Identity))(t)
			return c
		}
		_, err := s.GetUser(ctx, caller(), "absent")
		wantCode(t, err, AccessDenied, "is not authorized to perform: iam:GetUser")
		must(t, s.AttachPolicy(ctx, c, Attachment{OfGroup, "g", "arn:aws:iam::aws:policy/AdministratorAccess"}))
		if got := of(s.GetUser(ctx, caller(), ""))(t); got.ID != u.ID {
			t.Errorf("%+v", got)
		}
		must(t, s.PutPermissionsBoundary(ctx, c,
			Attachment{OfUser, "u", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"}))
		_, err = s.GetUser(ctx, caller(), "u")
		wantCode(t, err, AccessDenied, "permissions boundary")
	})
}

func TestSecretsNeedAMasterKey(t *testing.T) {
	store, err := metadata.OpenSQLite(t.Context(), t.TempDir())
	must(t, err)
	defer store.Close()
	s := newService(t, store)
	s.Sealer = nil
	of(s.CreateUser(t.Context(), root(owner), CreateUser{Name: "u"}))(t)
	_, err = s.CreateAccessKey(t.Context(), root(owner), "u")
	wantCode(t, err, ServiceFailure, "master key")
	_, err = s.CreateRole(t.Context(), root(owner), CreateRole{Name: "r", TrustPolicy: trusting("arn:aws:iam::" + owner + ":root")})
	wantCode(t, err, ServiceFailure, "master key")
}

func TestAWSPoliciesAreRead(t *testing.T) {
	for _, p := range awsPolicies {
		if _, err := policy.Parse(p.text, policy.IdentityPolicy); err != nil || p.createdAt.IsZero() {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}
