package registry_test

import (
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// userWith is a user of prod's account with one policy.
func userWith(t *testing.T, statements string) access.Caller {
	t.Helper()
	document, err := policy.Parse(`{"Version": "2012-10-17", "Statement": [`+statements+`]}`, policy.IdentityPolicy)
	if err != nil {
		t.Fatal(err)
	}
	return access.Caller{
		Identity: auth.Identity{
			Principal: policy.Principal{Account: prodAccount, ARN: "arn:aws:iam::" + prodAccount + ":user/ci"},
		},
		Grants: access.Grants{Policies: []policy.Policy{{Name: "the user's policy", Document: document}}},
	}
}

// What a request does to a tag may be allowed or denied by the tag.
func TestConditionsOnImageTags(t *testing.T) {
	d := openStill(t)
	ref := in(prod)
	d.create(ref)
	image := d.image(ref, "x")
	whole := d.put(ref, image, "dev-1", "dev-2", "dev-3", "prod-1")
	byDigest := registry.Reference{Digest: whole}
	// Of dev-… everything is allowed, of images by digest what IfExists lets pass.
	only := userWith(t, `{"Effect": "Allow", "Action": "ecr:*", "Resource": "*",
		"Condition": {"StringLike": {"twinport:ImageTag": "dev-*"}}}`)
	all := userWith(t, `{"Effect": "Allow", "Action": "ecr:*", "Resource": "*",
		"Condition": {"ForAllValues:StringLike": {"twinport:ImageTag": "dev-*"}, "Null": {"twinport:ImageTag": "false"}}}`)
	ifExists := userWith(t, `{"Effect": "Allow", "Action": "ecr:*", "Resource": "*",
		"Condition": {"StringLikeIfExists": {"twinport:ImageTag": "dev-*"}}}`)
	denied := userWith(t, `{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}, {"Effect": "Deny", "Action": "*", "Resource": "*",
		"Condition": {"ForAnyValue:StringLike": {"TWINPORT:imagetag": "prod-*"}}}`)

	put := func(c access.Caller, tags ...string) error {
		_, err := d.PutManifest(ctx, c, ref, registry.NewManifest{Bytes: image, Tags: tags})
		return err
	}
	get := func(c access.Caller, r registry.Reference) error {
		_, err := d.Manifest(ctx, c, ref, r)
		_, head := d.ManifestHead(ctx, c, ref, r)
		if registry.CodeOf(err) != registry.CodeOf(head) {
			t.Errorf("GET of %s: %v; HEAD: %v", r, err, head)
		}
		return err
	}
	remove := func(c access.Caller, refs ...registry.Reference) error {
		_, err := d.DeleteImages(ctx, c, ref, refs)
		return err
	}
	tag := func(name string) registry.Reference { return registry.Reference{Tag: name} }
	const no = registry.AccessDenied
	for _, tt := range []struct {
		what                        string
		do                          func(c access.Caller) error
		only, all, ifExists, denied registry.Code
	}{
		{"put dev", func(c access.Caller) error { return put(c, "dev-1") }, "", "", "", ""},
		{"put prod", func(c access.Caller) error { return put(c, "prod-1") }, no, no, no, no},
		{"put both", func(c access.Caller) error { return put(c, "dev-1", "prod-1") }, no, no, no, no},
		{"put without a tag", func(c access.Caller) error { return put(c) }, no, no, "", ""},
		{"get dev", func(c access.Caller) error { return get(c, tag("dev-1")) }, "", "", "", ""},
		{"get prod", func(c access.Caller) error { return get(c, tag("prod-1")) }, no, no, no, no},
		{"get what is not there", func(c access.Caller) error { return get(c, tag("prod-2")) }, no, no, no, no},
		{"read prod", func(c access.Caller) error { _, err := d.ImageContent(ctx, c, ref, tag("prod-1")); return err },
			no, no, no, no},
		{"get by digest", func(c access.Caller) error { return get(c, byDigest) }, no, no, "", ""},
		{"get by both", func(c access.Caller) error { return get(c, registry.Reference{Tag: "prod-1", Digest: whole}) },
			no, no, no, no},
		{"delete prod", func(c access.Caller) error { return remove(c, tag("prod-1")) }, no, no, no, no},
		{"delete prod by OCI", func(c access.Caller) error { return d.DeleteTag(ctx, c, ref, "prod-1") }, no, no, no, no},
		{"delete dev and prod", func(c access.Caller) error { return remove(c, tag("dev-1"), tag("prod-1")) }, no, no, no, no},
		{"delete dev and by digest", func(c access.Caller) error {
			return remove(c, tag("dev-9"), registry.Reference{Digest: digest.FromString("absent")})
		}, no, no, "", ""},
		{"delete dev", func(c access.Caller) error { return remove(c, tag("dev-9")) }, "", "", "", ""},
		{"list", func(c access.Caller) error { _, _, err := d.Tags(ctx, c, ref, registry.Page{Limit: 1}); return err },
			no, no, "", ""},
	} {
		for _, c := range []struct {
			name   string
			caller access.Caller
			want   registry.Code
		}{{"only", only, tt.only}, {"all", all, tt.all}, {"ifExists", ifExists, tt.ifExists}, {"denied", denied, tt.denied}} {
			wantCode(t, tt.what+", "+c.name, tt.do(c.caller), c.want)
		}
	}
	if got := d.has(ref, whole); got != "0[dev-1 dev-2 dev-3 prod-1]" {
		t.Errorf("afterwards there is %s", got)
	}
}

// A push that creates its repository is decided on by its tags, too.
func TestConditionsOnImageTagsOfANewRepository(t *testing.T) {
	d := openStill(t)
	d.template(prod, "new", registry.TemplateSettings{}, registry.ForPush)
	c := userWith(t, `{"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*",
		"Condition": {"StringLike": {"twinport:ImageTag": "dev-*"}}}`)
	for tag, want := range map[string]registry.Code{"prod-1": registry.AccessDenied, "dev-1": registry.InvalidManifest} {
		_, err := d.PutManifest(ctx, c, resource.Repository{Registry: prod, Name: "new/" + tag},
			registry.NewManifest{Bytes: []byte("{"), Tags: []string{tag}})
		wantCode(t, tag, err, want)
	}
}

// A destination takes some tags and not others, and their deletions.
func TestConditionsOnReplicatedTags(t *testing.T) {
	d := deleting(t)
	if err := d.SetRegistryPolicy(ctx, root(devAccount), dev, `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": {"AWS": "`+prodAccount+`"}, "Resource": "*",
		 "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"]},
		{"Effect": "Deny", "Principal": "*", "Resource": "*", "Action": "ecr:ReplicateImage",
		 "Condition": {"StringLike": {"twinport:ImageTag": "private-*"}}},
		{"Effect": "Deny", "Principal": "*", "Resource": "*", "Action": "ecr:BatchDeleteImage",
		 "Condition": {"ForAnyValue:StringLike": {"twinport:ImageTag": "keep-*"}}}]}`); err != nil {
		t.Fatal(err)
	}
	image := d.put(in(prod), d.image(in(prod), "x"), "private-1", "public-1", "keep-1")
	other := d.put(in(prod), d.image(in(prod), "y"), "public-2")
	d.drain()
	if got := d.has(in(dev), image, other); got != "0[keep-1 public-1] 1[public-2]" {
		t.Errorf("the destination has %s", got)
	}
	d.batchDelete(in(prod), registry.Reference{Tag: "public-1"}, registry.Reference{Tag: "keep-1"},
		registry.Reference{Digest: other})
	d.drain()
	if got := d.has(in(dev), image, other); got != "0[keep-1]" {
		t.Errorf("after the deletions the destination has %s", got)
	}
}

// Of an image that lacks a layer, who may push it by its tag learns that it is not there.
func TestConditionsOnImageTagsOfHEAD(t *testing.T) {
	d := openStill(t)
	ref := in(prod)
	d.create(ref)
	image := d.put(ref, d.image(ref, "x"), "dev-1", "prod-1")
	c := userWith(t, `{"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*"},
		{"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*", "Condition": {"StringLike": {"twinport:ImageTag": "dev-*"}}}`)
	for _, lost := range []bool{false, true} {
		if lost {
			if err := d.loseLink(ref, digest.FromString("x")); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range []registry.Reference{{Tag: "dev-1"}, {Tag: "prod-1"}, {Digest: image}} {
			_, err := d.ManifestHead(ctx, c, ref, r)
			var want registry.Code
			if lost && r.Tag == "dev-1" {
				want = registry.ImageNotFound
			}
			wantCode(t, r.String(), err, want)
		}
	}
}
