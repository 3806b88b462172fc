package access

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

const owner, other = "111122223333", "444455556666"

func decider() *Decider {
	return New(Config{
		Served: func(resource.Registry) bool { return true }, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
}

func root(account string) Caller {
	return Caller{Identity: auth.Identity{Principal: policy.Root(account)}}
}

var app = resource.Repository{Registry: resource.Registry{Account: owner, Region: "us-east-1"}, Name: "app"}

// What no table of keys knows is denied to everybody, as its conditions could not be asked.
func TestUnknownActionIsNotDecided(t *testing.T) {
	d, err := decider().Decide(t.Context(), Request{Caller: root(owner), Action: "ecr:Invented", On: app})
	if err == nil || d.Allowed() {
		t.Errorf("allowed: %v, error: %v", d.Allowed(), err)
	}
}

func TestEndedRequestIsNotDecided(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d, err := decider().Decide(ctx, Request{Caller: root(other), Action: PutImage, On: app})
	if err != context.Canceled || d.Allowed() {
		t.Errorf("allowed: %v, error: %v", d.Allowed(), err)
	}
}

// The root of the owning account changes policies whatever they deny, and nothing else.
func TestRootIsNotLockedOut(t *testing.T) {
	d := decider()
	deny := d.RegistryPolicy(app.Registry, `{"Version": "2012-10-17", "Statement": [
		{"Sid": "All", "Effect": "Deny", "Principal": "*", "Action": "ecr:*", "Resource": "*"}]}`)
	for _, action := range Actions() {
		for _, account := range []string{owner, other} {
			got, err := d.Decide(t.Context(), Request{Caller: root(account), Action: action, On: app}, deny)
			if err != nil {
				t.Fatal(err)
			}
			want := account == owner &&
				(strings.HasSuffix(action, "RegistryPolicy") || strings.HasSuffix(action, "RepositoryPolicy"))
			if got.Allowed() != want {
				t.Errorf("%s by %s: allowed %v, want %v", action, account, got.Allowed(), want)
			}
		}
	}
	got, err := d.DecideBy(t.Context(), Request{Caller: root(owner), Action: PutRegistryPolicy, On: app}, deny)
	if err != nil || got.Allowed() {
		t.Errorf("by the policies alone: allowed %v, %v", got.Allowed(), err)
	}
}

// Policies that the caller carries decide together with the resource's.
func TestCallerCarriesPolicies(t *testing.T) {
	d := decider()
	c := Caller{
		Identity: auth.Identity{Principal: policy.Principal{Account: owner, ARN: "arn:aws:iam::" + owner + ":user/ci"}},
	}
	ask := func() bool {
		got, err := d.Decide(t.Context(), Request{Caller: c, Action: PutImage, On: app})
		if err != nil {
			t.Fatal(err)
		}
		return got.Allowed()
	}
	if ask() {
		t.Error("a user without policies may push")
	}
	document, err := policy.Parse(`{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "`+app.ARN()+`"}]}`, policy.IdentityPolicy)
	if err != nil {
		t.Fatal(err)
	}
	c.Policies = []policy.Policy{{Name: "push", Document: document}}
	if !ask() {
		t.Error("its policy lets a user push, and it may not")
	}
}

// A policy that cannot be read denies everything.
func TestUnreadablePolicyDenies(t *testing.T) {
	d := decider()
	for _, p := range []policy.Policy{d.RegistryPolicy(app.Registry, "{"), d.RepositoryPolicy(app, "{")} {
		got, err := d.Decide(t.Context(), Request{Caller: root(owner), Action: PutImage, On: app}, p)
		if err != nil || got.Allowed() {
			t.Errorf("%s: allowed %v, %v", p.Name, got.Allowed(), err)
		}
	}
}

// A replication comes from no client.
func TestReplicator(t *testing.T) {
	d := decider()
	allow := d.RegistryPolicy(app.Registry, `{"Version": "2012-10-17", "Statement": [{"Sid": "In", "Effect": "Allow",
		"Principal": {"AWS": "`+other+`"}, "Action": "ecr:ReplicateImage", "Resource": "*",
		"Condition": {"Null": {"aws:SourceIp": "true", "aws:UserAgent": "true"}, "Bool": {"aws:SecureTransport": "true"}}}]}`)
	got, err := d.Decide(t.Context(), Request{Caller: Replicator(other), Action: ReplicateImage, On: app}, allow)
	if err != nil || !got.Allowed() {
		t.Errorf("allowed %v, %v: %s", got.Allowed(), err, got.Message())
	}
}
