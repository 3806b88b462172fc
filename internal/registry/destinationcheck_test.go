package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

func TestCheckDestinations(t *testing.T) {
	statements := func(list ...string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(list, ",") + `]}`
	}
	one := func(effect, action, repositories string) string {
		return fmt.Sprintf(`{"Effect":%q,"Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":%q,"Resource":"arn:aws:ecr:us-west-2:%s:repository/%s"}`,
			effect, prodAccount, action, devAccount, repositories)
	}
	replicate, create := one("Allow", "ecr:ReplicateImage", "*"), one("Allow", "ecr:CreateRepository", "*")
	for name, c := range map[string]struct {
		policy   string
		there    []string // repositories of the destination
		prefixes []string
		want     replication.Grant
		decided  string
		code     string
	}{
		"no policy":   {"", nil, nil, replication.NotGranted, "app/a", denied},
		"both":        {statements(replicate, create), nil, nil, replication.Granted, "app/a", ""},
		"no creation": {statements(replicate), nil, nil, replication.NotGranted, "app/a", denied},
		"some are there": {
			statements(replicate), []string{"app/a", "web"}, nil, replication.NotGranted, "app/b", denied,
		},
		"all are there": {
			statements(replicate), []string{"app/a", "app/b", "web"}, nil, replication.Granted, "app/a", "",
		},
		"one is not granted": {
			statements(one("Allow", "ecr:*", "app/*")), nil, nil, replication.NotGranted, "web", denied,
		},
		"but the filter is": {
			statements(one("Allow", "ecr:*", "app/*")), nil, []string{"app/"}, replication.Granted, "app/a", "",
		},
		"denied": {
			statements(replicate, create, one("Deny", "ecr:ReplicateImage", "app/b")), nil, nil, replication.NotGranted, "app/b",
			denied,
		},
		"creation denied": {
			statements(replicate, create, one("Deny", "ecr:CreateRepository", "*")), nil, []string{"web"},
			replication.NotGranted, "web", denied,
		},
		"none matches": {
			statements(one("Allow", "ecr:*", "app/*")), nil, []string{"other/", "zz"}, replication.NotGranted, "other/example",
			denied,
		},
		"none matches, granted": {
			statements(replicate, create), nil, []string{"other-"}, replication.Granted, "other-example", "",
		},
		"filters that overlap": {
			statements(one("Allow", "ecr:*", "app/*")), nil, []string{"app/a", "app/", "app/b", "app/"}, replication.Granted,
			"app/a", "",
		},
		"a filter that is a name": {
			statements(one("Allow", "ecr:*", "app/*")), nil, []string{"web"}, replication.NotGranted, "web", denied,
		},
		"filter of a longest name": {
			"", nil, []string{strings.Repeat("a", 256)}, replication.NotGranted, strings.Repeat("a", 256), denied,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := openStill(t)
			for _, name := range []string{"web", "app/b", "app/a"} {
				d.create(resource.Repository{Registry: prod, Name: name})
			}
			for _, name := range c.there {
				d.create(resource.Repository{Registry: dev, Name: name})
			}
			if c.policy != "" {
				if err := d.SetRegistryPolicy(ctx, root(devAccount), dev, c.policy); err != nil {
					t.Fatal(err)
				}
			}
			checks, err := d.Check(ctx, root(prodAccount), prod, []resource.Registry{dev}, c.prefixes)
			if err != nil || len(checks) != 1 {
				t.Fatalf("%+v, %v", checks, err)
			}
			got := checks[0]
			if got.Destination != dev || got.Status != c.want || got.Repository != c.decided || got.Failure.Code != c.code ||
				(got.Failure.Reason == "") != (c.code == "") {
				t.Errorf("%+v, want %s for %s: %s", got, c.want, c.decided, c.code)
			}
			if fixable := c.want == replication.NotGranted; (got.Failure.Statement != "") != fixable {
				t.Errorf("statement: %q", got.Failure.Statement)
			}
			// It is what a push finds.
			if len(c.prefixes) > 0 || c.want == replication.Granted {
				return
			}
			ref := resource.Repository{Registry: prod, Name: got.Repository}
			d.replicateTo(dev)
			d.put(ref, d.image(ref, "x"), "1")
			d.drain()
			if r := d.list(prod, replication.Outgoing, "", 10); len(r) != 1 || r[0].Failure != got.Failure {
				t.Errorf("the push: %+v\nthe check: %+v", r, got)
			}
		})
	}
}

func TestCheckManyDestinations(t *testing.T) {
	d := openStill(t)
	nowhere, noRegion := resource.Registry{
		Account: "999988887777", Region: "us-east-1",
	}, resource.Registry{Account: devAccount, Region: "mars-1"}
	checks, err := d.Check(ctx, root(prodAccount), prod, []resource.Registry{third, dev, nowhere, noRegion}, nil)
	if err != nil || len(checks) != 4 {
		t.Fatalf("%+v, %v", checks, err)
	}
	for i, want := range []replication.Grant{
		replication.Granted, replication.NotGranted, replication.NoRegistry, replication.NoRegistry,
	} {
		if checks[i].Status != want || checks[i].Repository != "example" {
			t.Errorf("%+v, want %s", checks[i], want)
		}
	}
	many := slices.Repeat([]resource.Registry{dev}, 26)
	for name, c := range map[string]struct {
		destinations []resource.Registry
		prefixes     []string
		code         registry.Code
	}{
		"none":                 {nil, nil, registry.InvalidParameter},
		"too many":             {many, nil, registry.InvalidParameter},
		"itself":               {[]resource.Registry{dev, prod}, nil, registry.InvalidParameter},
		"too many filters":     {many[:1], make([]string, 101), registry.Validation},
		"a long filter":        {many[:1], []string{strings.Repeat("a", 257)}, registry.Validation},
		"impossible filters":   {many[:1], []string{"NO", "..", "\x00", "\xff"}, registry.Validation},
		"as many as there may": {many[:25], slices.Repeat([]string{"a"}, 100), ""},
	} {
		_, err := d.Check(ctx, root(prodAccount), prod, c.destinations, c.prefixes)
		wantCode(t, name, err, c.code)
	}
}
