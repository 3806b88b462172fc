package registry_test

import (
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// A user learns of the account's own repositories only what its policies allow:
// whoever may do nothing on them does not learn which there are.
func TestUsersOfTheAccount(t *testing.T) {
	d := openStill(t)
	ref, absent := in(prod), resource.Repository{Registry: prod, Name: "team/none"}
	d.create(ref)
	dg := d.put(ref, d.image(ref, "x"), "latest")
	nobody := user(prodAccount)
	team := userWith(t, `{"Effect": "Allow", "Action": "ecr:*", "Resource": "arn:aws:ecr:*:*:repository/team/*"}`)
	elsewhere := userWith(t, `{"Effect": "Allow", "Action": "ecr:*", "Resource": "arn:aws:ecr:*:*:repository/else/*"}`)
	for name, op := range map[string]func(access.Caller, resource.Repository) error{
		"get": func(c access.Caller, r resource.Repository) error {
			_, err := d.Manifest(ctx, c, r, registry.Reference{Tag: "latest"})
			return err
		},
		"put": func(c access.Caller, r resource.Repository) error {
			_, err := d.PutManifest(ctx, c, r, registry.NewManifest{Bytes: []byte("{"), Tags: []string{"x"}})
			return err
		},
		"delete": func(c access.Caller, r resource.Repository) error { return d.DeleteTag(ctx, c, r, "none") },
		"list":   func(c access.Caller, r resource.Repository) error { _, err := d.ResourceTags(ctx, c, r); return err },
	} {
		for who, c := range map[string]access.Caller{"nobody": nobody, "elsewhere": elsewhere} {
			one, two := op(c, ref), op(c, absent)
			wantCode(t, name+" by "+who, one, registry.AccessDenied)
			wantCode(t, name+" of none by "+who, two, registry.AccessDenied)
		}
		if err := op(team, ref); registry.CodeOf(err) == registry.AccessDenied {
			t.Errorf("%s by the team: %v", name, err)
		}
		wantCode(t, name+" of none by the team", op(team, absent), registry.RepositoryNotFound)
		wantCode(t, name+" of none by the root", op(root(prodAccount), absent), registry.RepositoryNotFound)
	}
	wantCode(t, "a pull", d.pullAs(team, ref, registry.Reference{Digest: dg}, digest.FromString("x")), "")
}

// A boundary and session policies count in the registry, too.
func TestBoundsOfUsers(t *testing.T) {
	d := openStill(t)
	ref := in(prod)
	d.create(ref)
	d.put(ref, d.image(ref, "x"), "latest")
	get := func(c access.Caller) error {
		_, err := d.Manifest(ctx, c, ref, registry.Reference{Tag: "latest"})
		return err
	}
	all := `{"Effect": "Allow", "Action": "*", "Resource": "*"}`
	none := userWith(t, `{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}`).Policies
	c := userWith(t, all)
	wantCode(t, "by its policy", get(c), "")
	c.Boundary = &none[0]
	wantCode(t, "beyond its boundary", get(c), registry.AccessDenied)
	c.Boundary, c.Session = nil, none
	wantCode(t, "beyond its session policies", get(c), registry.AccessDenied)
	c.Session = append(none, c.Policies...)
	wantCode(t, "within one of its session policies", get(c), "")
}
