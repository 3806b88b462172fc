package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/registry"
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
		want     registry.Grant
		decided  string
		code     string
	}{
		"no policy":                {"", nil, nil, registry.NotGranted, "app/a", "ReplicateImageNotAllowed"},
		"both":                     {statements(replicate, create), nil, nil, registry.Granted, "app/a", ""},
		"no creation":              {statements(replicate), nil, nil, registry.NoCreation, "app/a", "CreateRepositoryNotAllowed"},
		"some are there":           {statements(replicate), []string{"app/a", "web"}, nil, registry.NoCreation, "app/b", "CreateRepositoryNotAllowed"},
		"all are there":            {statements(replicate), []string{"app/a", "app/b", "web"}, nil, registry.Granted, "app/a", ""},
		"one is not granted":       {statements(one("Allow", "ecr:*", "app/*")), nil, nil, registry.NotGranted, "web", "ReplicateImageNotAllowed"},
		"but the filter is":        {statements(one("Allow", "ecr:*", "app/*")), nil, []string{"app/"}, registry.Granted, "app/a", ""},
		"denied":                   {statements(replicate, create, one("Deny", "ecr:ReplicateImage", "app/b")), nil, nil, registry.Denied, "app/b", "ReplicateImageNotAllowed"},
		"creation denied":          {statements(replicate, create, one("Deny", "ecr:CreateRepository", "*")), nil, []string{"web"}, registry.Denied, "web", "CreateRepositoryNotAllowed"},
		"none matches":             {statements(one("Allow", "ecr:*", "app/*")), nil, []string{"other/", "zz"}, registry.NotGranted, "other/example", "ReplicateImageNotAllowed"},
		"none matches, granted":    {statements(replicate, create), nil, []string{"other-"}, registry.Granted, "other-example", ""},
		"filters that overlap":     {statements(one("Allow", "ecr:*", "app/*")), nil, []string{"app/a", "app/", "app/b", "app/"}, registry.Granted, "app/a", ""},
		"a filter that is a name":  {statements(one("Allow", "ecr:*", "app/*")), nil, []string{"web"}, registry.NotGranted, "web", "ReplicateImageNotAllowed"},
		"filter of a longest name": {"", nil, []string{strings.Repeat("a", 256)}, registry.NotGranted, strings.Repeat("a", 256), "ReplicateImageNotAllowed"},
	} {
		t.Run(name, func(t *testing.T) {
			d := openStill(t)
			for _, name := range []string{"web", "app/b", "app/a"} {
				d.create(registry.Ref{Registry: prod, Name: name})
			}
			for _, name := range c.there {
				d.create(registry.Ref{Registry: dev, Name: name})
			}
			if c.policy != "" {
				if err := d.SetRegistryPolicy(ctx, root(devAccount), dev, c.policy); err != nil {
					t.Fatal(err)
				}
			}
			checks, err := d.CheckDestinations(ctx, root(prodAccount), prod, []registry.ID{dev}, c.prefixes)
			if err != nil || len(checks) != 1 {
				t.Fatalf("%+v, %v", checks, err)
			}
			got := checks[0]
			if got.Destination != dev || got.Status != c.want || got.Repository != c.decided || got.FailureCode != c.code || (got.FailureReason == "") != (c.code == "") {
				t.Errorf("%+v, want %s for %s: %s", got, c.want, c.decided, c.code)
			}
			if mendable := c.want == registry.NotGranted || c.want == registry.NoCreation; (got.Statement != "") != mendable {
				t.Errorf("statement: %q", got.Statement)
			}
			// It is what a push finds.
			if len(c.prefixes) > 0 || c.want == registry.Granted {
				return
			}
			ref := registry.Ref{Registry: prod, Name: got.Repository}
			d.replicateTo(dev)
			d.put(ref, d.image(ref, "x"), "1")
			d.drain()
			if r := d.list(prod, registry.Outgoing, "", 10); len(r) != 1 || r[0].FailureCode != got.FailureCode || r[0].FailureReason != got.FailureReason || r[0].Statement != got.Statement {
				t.Errorf("the push: %+v\nthe check: %+v", r, got)
			}
		})
	}
}

func TestCheckManyDestinations(t *testing.T) {
	d := openStill(t)
	nowhere, noRegion := registry.ID{Account: "999988887777", Region: "us-east-1"}, registry.ID{Account: devAccount, Region: "mars-1"}
	checks, err := d.CheckDestinations(ctx, root(prodAccount), prod, []registry.ID{third, dev, nowhere, noRegion}, nil)
	if err != nil || len(checks) != 4 {
		t.Fatalf("%+v, %v", checks, err)
	}
	for i, want := range []registry.Grant{registry.Granted, registry.NotGranted, registry.NoRegistry, registry.NoRegistry} {
		if checks[i].Status != want || checks[i].Repository != "example" {
			t.Errorf("%+v, want %s", checks[i], want)
		}
	}
	many := slices.Repeat([]registry.ID{dev}, 26)
	for name, c := range map[string]struct {
		destinations []registry.ID
		prefixes     []string
		code         registry.Code
	}{
		"none":                 {nil, nil, registry.InvalidParameter},
		"too many":             {many, nil, registry.InvalidParameter},
		"itself":               {[]registry.ID{dev, prod}, nil, registry.Validation},
		"too many filters":     {many[:1], make([]string, 101), registry.Validation},
		"a long filter":        {many[:1], []string{strings.Repeat("a", 257)}, registry.Validation},
		"impossible filters":   {many[:1], []string{"NO", "..", "\x00", "\xff"}, registry.Validation},
		"as many as there may": {many[:25], slices.Repeat([]string{"a"}, 100), ""},
	} {
		_, err := d.CheckDestinations(ctx, root(prodAccount), prod, c.destinations, c.prefixes)
		wantCode(t, name, err, c.code)
	}
}
