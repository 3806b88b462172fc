package registry_test

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// pullAs reads an image and its layer.
func (d *domain) pullAs(c access.Caller, ref resource.Repository, r registry.Reference, layer digest.Digest) error {
	if _, err := d.Manifest(ctx, c, ref, r); err != nil {
		return err
	}
	if _, err := d.Layer(ctx, c, ref, layer); err != nil {
		return err
	}
	_, f, err := d.OpenLayer(ctx, c, ref, layer)
	if err == nil {
		f.Close()
	}
	return err
}

// Rule 3: without a link there is no blob, even if the bytes are there.
func TestRule3NoLinkNoBlob(t *testing.T) {
	d := openStill(t)
	mine, other := resource.Repository{Registry: prod, Name: "mine"}, resource.Repository{Registry: prod, Name: "other"}
	theirs := resource.Repository{Registry: dev, Name: "theirs"}
	for _, ref := range []resource.Repository{mine, other, theirs} {
		d.create(ref)
	}
	raw := d.image(theirs, "secret")
	manifest := d.put(theirs, raw, "latest")
	layer := digest.FromString("secret")
	for _, ref := range []resource.Repository{mine, other} {
		_, err := d.Layer(ctx, root(prodAccount), ref, layer)
		wantCode(t, "HEAD", err, registry.LayersNotFound)
		_, _, err = d.OpenLayer(ctx, root(prodAccount), ref, layer)
		wantCode(t, "GET", err, registry.LayersNotFound)
		_, _, err = d.LayerForDownload(ctx, root(prodAccount), ref, layer)
		wantCode(t, "download URL", err, registry.LayersNotFound)
		have, err := d.LayersAvailable(ctx, root(prodAccount), ref, []digest.Digest{layer, digest.FromString("none"), "bad"})
		if err != nil || len(have) != 0 {
			t.Errorf("available: %v, %v", have, err)
		}
		_, err = d.Manifest(ctx, root(prodAccount), ref, registry.Reference{Digest: manifest})
		wantCode(t, "manifest", err, registry.ImageNotFound)
		_, err = d.PutManifest(ctx, root(prodAccount), ref, registry.NewManifest{Bytes: raw, Tags: []string{"x"}})
		wantCode(t, "a manifest that names a layer of another", err, registry.LayersNotFound)
	}
}

// Rule 3: a mount needs the right to read the source.
func TestRule3MountNeedsTheRightToRead(t *testing.T) {
	d := openStill(t)
	to, near := resource.Repository{Registry: prod, Name: "to"}, resource.Repository{Registry: prod, Name: "near"}
	far := resource.Repository{Registry: dev, Name: "far"}
	for _, ref := range []resource.Repository{to, near, far} {
		d.create(ref)
	}
	d.pushLayer(near, "near")
	d.pushLayer(far, "far")
	absent := resource.Repository{Registry: dev, Name: "absent"}
	bad := resource.Repository{Registry: dev, Name: "../far"}
	for name, c := range map[string]struct {
		content string
		from    *resource.Repository
		want    bool
	}{
		"another account's, named":     {"far", &far, false},
		"another account's, not named": {"far", nil, false},
		"absent repository":            {"far", &absent, false},
		"impossible name":              {"far", &bad, false},
		"wrong source":                 {"far", &near, false},
		"own, named":                   {"near", &near, true},
	} {
		mounted, err := d.MountLayer(ctx, root(prodAccount), to, digest.FromString(c.content), c.from)
		if err != nil || mounted != c.want {
			t.Errorf("%s: %v, %v", name, mounted, err)
		}
		_, err = d.Layer(ctx, root(prodAccount), to, digest.FromString(c.content))
		if (err == nil) != c.want {
			t.Errorf("%s: the layer afterwards: %v", name, err)
		}
		if c.want {
			if err := d.DeleteLayer(ctx, root(prodAccount), to, digest.FromString(c.content)); err != nil {
				t.Error(err)
			}
		}
	}
	if mounted, err := d.MountLayer(ctx, root(prodAccount), to, digest.FromString("near"), nil); err != nil || !mounted {
		t.Errorf("without a source: %v, %v", mounted, err)
	}
	if err := d.SetRepositoryPolicy(ctx, root(devAccount), far,
		statement("Allow", prodAccount, "ecr:GetDownloadUrlForLayer"), true); err != nil {
		t.Fatal(err)
	}
	if mounted, err := d.MountLayer(ctx, root(prodAccount), to, digest.FromString("far"), &far); err != nil || !mounted {
		t.Errorf("with the grant: %v, %v", mounted, err)
	}
	if _, err := d.MountLayer(ctx, root(prodAccount), far, digest.FromString("near"),
		&near); registry.CodeOf(err) != registry.AccessDenied {
		t.Errorf("into another account's: %v", err)
	}
	_, err := d.MountLayer(ctx, root(prodAccount), to, "sha256:zz", &near)
	wantCode(t, "a bad digest", err, registry.InvalidParameter)
}

// TestCreateInAnothersRegistry: the registry's policy lets another account create
// repositories there, and only what it names.
func TestCreateInAnothersRegistry(t *testing.T) {
	d := openStill(t)
	ref := in(dev)
	_, err := d.CreateRepository(ctx, root(prodAccount), ref, registry.NewRepository{})
	wantCode(t, "without a grant", err, registry.AccessDenied)
	d.grant(dev)
	created, err := d.CreateRepository(ctx, root(prodAccount), ref, registry.NewRepository{})
	if err != nil || created.Ref != ref {
		t.Errorf("%+v, %v", created, err)
	}
	_, err = d.CreateRepository(ctx, root(prodAccount), resource.Repository{Registry: third, Name: ref.Name},
		registry.NewRepository{})
	if err != nil {
		t.Errorf("in its own registry: %v", err)
	}
	_, err = d.DeleteRepository(ctx, root(prodAccount), ref, false)
	wantCode(t, "delete what it may create only", err, registry.AccessDenied)
}

// Rule 10: who is not allowed learns nothing from whether something exists.
func TestRule10MissingAndForbiddenLookTheSame(t *testing.T) {
	d := openStill(t)
	there, absent := resource.Repository{Registry: dev, Name: "there"}, resource.Repository{Registry: dev, Name: "gone"}
	d.create(there)
	raw := d.image(there, "x")
	dg := d.put(there, raw, "latest")
	unserved := resource.Repository{
		Registry: resource.Registry{Account: "999988887777", Region: "us-east-1"}, Name: "gone",
	}
	page := registry.Page{Limit: 10}
	c := root(prodAccount)
	for name, op := range map[string]func(resource.Repository) error{
		"Manifest": func(r resource.Repository) error {
			_, err := d.Manifest(ctx, c, r, registry.Reference{Digest: dg})
			return err
		},
		"Layer":       func(r resource.Repository) error { _, err := d.Layer(ctx, c, r, dg); return err },
		"OpenLayer":   func(r resource.Repository) error { _, _, err := d.OpenLayer(ctx, c, r, dg); return err },
		"Tags":        func(r resource.Repository) error { _, _, err := d.Tags(ctx, c, r, page); return err },
		"Referrers":   func(r resource.Repository) error { _, _, err := d.Referrers(ctx, c, r, dg, nil, page); return err },
		"StartUpload": func(r resource.Repository) error { _, err := d.StartUpload(ctx, c, r); return err },
		"PutLayer": func(r resource.Repository) error {
			_, err := d.PutLayer(ctx, c, r, dg, strings.NewReader(""))
			return err
		},
		"DeleteTag":    func(r resource.Repository) error { return d.DeleteTag(ctx, c, r, "latest") },
		"Delete":       func(r resource.Repository) error { _, err := d.DeleteRepository(ctx, c, r, true); return err },
		"SetPolicy":    func(r resource.Repository) error { return d.SetRepositoryPolicy(ctx, c, r, "{}", true) },
		"Policy":       func(r resource.Repository) error { _, err := d.RepositoryPolicy(ctx, c, r); return err },
		"ResourceTags": func(r resource.Repository) error { _, err := d.ResourceTags(ctx, c, r); return err },
		"DescribeRepos": func(r resource.Repository) error {
			_, err := d.DescribeRepositories(ctx, c, r.Registry, []string{r.Name})
			return err
		},
		"Create": func(r resource.Repository) error {
			_, err := d.CreateRepository(ctx, c, r, registry.NewRepository{})
			return err
		},
		"PutManifest": func(r resource.Repository) error {
			_, err := d.PutManifest(ctx, c, r, registry.NewManifest{Bytes: raw, Tags: []string{"x"}})
			return err
		},
	} {
		one, two, three := op(there), op(absent), op(unserved)
		wantCode(t, name, one, registry.AccessDenied)
		wantCode(t, name+", absent", two, registry.AccessDenied)
		wantCode(t, name+", not served", three, registry.AccessDenied)
		if one == nil || two == nil || three == nil {
			continue
		}
		if a, b := strings.ReplaceAll(one.Error(), "there", "gone"), two.Error(); a != b {
			t.Errorf("%s tells them apart:\n%s\n%s", name, a, b)
		}
		a := strings.NewReplacer("999988887777", devAccount, "us-east-1", "us-west-2").Replace(three.Error())
		if a != two.Error() {
			t.Errorf("%s reveals an account that is not served:\n%s\n%s", name, a, two)
		}
	}
	_, _, err := d.ListRepositories(ctx, c, dev, page)
	wantCode(t, "ListRepositories", err, registry.AccessDenied)
	// The account's own callers see the reason.
	_, err = d.Manifest(ctx, root(devAccount), absent, registry.Reference{Digest: dg})
	wantCode(t, "its own", err, registry.RepositoryNotFound)
}

// Nor does the time reveal it: whatever refuses, and whether anything is there, it
// takes the same look-ups and evaluations.
func TestRule10MissingAndForbiddenCostTheSame(t *testing.T) {
	d := openStill(t)
	var lookUps func() int64
	switch m := d.meta.(type) {
	case *metadata.SQLite:
		lookUps = m.LookUps
	case *metadata.Postgres:
		lookUps = m.RoundTrips
	}
	ref := func(name string) resource.Repository { return resource.Repository{Registry: dev, Name: name} }
	for _, name := range []string{"plain", "tagged", "open", "shut", "cold"} {
		d.create(ref(name))
	}
	// The missing ones would be created by pushes of others, and one by none.
	d.template(dev, "ROOT", registry.TemplateSettings{
		Policy: statement("Allow", "999988887777", "ecr:*"), Tags: []resource.Tag{{Key: "a", Value: "b"}},
	}, registry.ForPush)
	d.template(dev, "never", registry.TemplateSettings{})
	raw := d.image(ref("plain"), "x")
	dg := d.put(ref("plain"), raw, "latest")
	if err := d.TagResource(ctx, root(devAccount), ref("tagged"), []resource.Tag{{Key: "a", Value: "b"}}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"open": statement("Allow", "999988887777", "ecr:*"), "shut": statement("Deny", prodAccount, "ecr:*"),
	} {
		if err := d.SetRepositoryPolicy(ctx, root(devAccount), ref(name), text, true); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"plain", "tagged", "open", "shut"} { // its own account's pulls bring it to memory
		if _, _, err := d.Tags(ctx, root(devAccount), ref(name), registry.Page{Limit: 1}); err != nil {
			t.Fatal(err)
		}
	}
	type cost struct{ lookUps, evaluations int64 }
	c := root(prodAccount)
	for what, op := range map[string]func(resource.Repository) error{
		"a pull": func(r resource.Repository) error {
			_, err := d.Manifest(ctx, c, r, registry.Reference{Tag: "latest"})
			return err
		},
		"a HEAD": func(r resource.Repository) error { _, err := d.Layer(ctx, c, r, dg); return err },
		"a push": func(r resource.Repository) error {
			_, err := d.PutLayer(ctx, c, r, dg, strings.NewReader("x"))
			return err
		},
		"creating": func(r resource.Repository) error {
			_, err := d.CreateRepository(ctx, c, r, registry.NewRepository{})
			return err
		},
	} {
		var want cost
		for i, r := range []resource.Repository{
			ref("missing"), ref("plain"), ref("tagged"), ref("open"), ref("shut"), ref("cold"), ref("missing"), ref("cold"),
			ref("never/missing"),
			{Registry: resource.Registry{Account: "999988887777", Region: "us-west-2"}, Name: "unserved"},
		} {
			before := cost{lookUps(), d.Evaluations()}
			wantCode(t, what+" of "+r.Name, op(r), registry.AccessDenied)
			got := cost{lookUps() - before.lookUps, d.Evaluations() - before.evaluations}
			if i == 0 {
				want = got
			}
			if got != want || got.lookUps == 0 || got.evaluations == 0 {
				t.Errorf("%s of %s: %+v, of a missing one %+v", what, r.Name, got, want)
			}
		}
	}
	// Who is let in is let in by what is remembered.
	if err := d.SetRepositoryPolicy(ctx, root(devAccount), ref("plain"),
		statement("Allow", prodAccount, "ecr:BatchGetImage"), true); err != nil {
		t.Fatal(err)
	}
	pull := func() error {
		_, err := d.Manifest(ctx, c, ref("plain"), registry.Reference{Tag: "latest"})
		return err
	}
	if err := pull(); err != nil {
		t.Fatal(err)
	}
	before := lookUps()
	if err := pull(); err != nil {
		t.Fatal(err)
	}
	_, embedded := d.meta.(*metadata.SQLite)
	if n := lookUps() - before; embedded && n > 0 || n > 2 {
		t.Errorf("a pull that is granted again: %d look-ups", n)
	}
}

func TestCrossAccountPullByRepositoryPolicy(t *testing.T) {
	d := openStill(t)
	ref := resource.Repository{Registry: dev, Name: "shared"}
	d.create(ref)
	d.put(ref, d.image(ref, "x"), "latest")
	pull := func() error {
		return d.pullAs(root(prodAccount), ref, registry.Reference{Tag: "latest"}, digest.FromString("x"))
	}
	wantCode(t, "without a policy", pull(), registry.AccessDenied)
	allow := statement("Allow", prodAccount, "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer",
		"ecr:BatchCheckLayerAvailability")
	if err := d.SetRepositoryPolicy(ctx, root(devAccount), ref, allow, false); err != nil {
		t.Fatal(err)
	}
	if err := pull(); err != nil {
		t.Errorf("with the policy: %v", err)
	}
	// It allows no more than it says, and there only.
	wantCode(t, "a push", d.DeleteTag(ctx, root(prodAccount), ref, "latest"), registry.AccessDenied)
	_, err := d.Manifest(ctx, root(prodAccount), resource.Repository{Registry: dev, Name: "absent"},
		registry.Reference{Tag: "latest"})
	wantCode(t, "another repository", err, registry.AccessDenied)
	if _, err := d.DeleteRepositoryPolicy(ctx, root(devAccount), ref); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "after the policy went", pull(), registry.AccessDenied)
	_, err = d.DeleteRepositoryPolicy(ctx, root(devAccount), ref)
	wantCode(t, "deleting it again", err, registry.RepositoryPolicyNotFound)
	_, err = d.RepositoryPolicy(ctx, root(devAccount), ref)
	wantCode(t, "reading it", err, registry.RepositoryPolicyNotFound)
}

func TestDenyBindsTheOwnerToo(t *testing.T) {
	d := openStill(t)
	ref := resource.Repository{Registry: dev, Name: "locked"}
	d.create(ref)
	d.put(ref, d.image(ref, "x"), "latest")
	deny := statement("Deny", devAccount, "ecr:*")
	wantCode(t, "a policy that locks the caller out", d.SetRepositoryPolicy(ctx, root(devAccount), ref, deny, false),
		registry.InvalidParameter)
	if err := d.SetRepositoryPolicy(ctx, root(devAccount), ref, deny, true); err != nil {
		t.Fatalf("by force: %v", err)
	}
	_, err := d.Manifest(ctx, root(devAccount), ref, registry.Reference{Tag: "latest"})
	wantCode(t, "a pull", err, registry.AccessDenied)
	if err == nil || !strings.Contains(err.Error(), "explicit deny") {
		t.Errorf("the message: %v", err)
	}
	// The root may always fix it; nobody else may.
	wantCode(t, "another user's fixing", d.SetRepositoryPolicy(ctx, user(devAccount), ref,
		statement("Allow", devAccount, "ecr:*"), false), registry.AccessDenied)
	if got, err := d.RepositoryPolicy(ctx, root(devAccount), ref); err != nil || got != deny {
		t.Errorf("reading it: %q, %v", got, err)
	}
	if _, err := d.DeleteRepositoryPolicy(ctx, root(devAccount), ref); err != nil {
		t.Error(err)
	}
	if _, err := d.Manifest(ctx, root(devAccount), ref, registry.Reference{Tag: "latest"}); err != nil {
		t.Error(err)
	}
	// The same of the registry's policy.
	deny = strings.Replace(statement("Deny", devAccount, "ecr:*"), `"Action"`, `"Resource":"*","Action"`, 1)
	if err := d.SetRegistryPolicy(ctx, root(devAccount), dev, deny); err != nil {
		t.Fatal(err)
	}
	if _, err := d.DeleteRegistryPolicy(ctx, root(devAccount), dev); err != nil {
		t.Errorf("the root could not fix its registry policy: %v", err)
	}
}

func TestRegistryPolicy(t *testing.T) {
	d := openStill(t)
	_, err := d.RegistryPolicy(ctx, root(devAccount), dev)
	wantCode(t, "none", err, registry.RegistryPolicyNotFound)
	_, err = d.DeleteRegistryPolicy(ctx, root(devAccount), dev)
	wantCode(t, "deleting none", err, registry.RegistryPolicyNotFound)
	for _, text := range []string{"", "{", `{"Version":"2012-10-17"}`, "null"} {
		wantCode(t, "policy "+text, d.SetRegistryPolicy(ctx, root(devAccount), dev, text), registry.InvalidParameter)
	}
	wantCode(t, "by another account", d.SetRegistryPolicy(ctx, root(prodAccount), dev, "{}"), registry.AccessDenied)
	d.grant(dev)
	text, err := d.RegistryPolicy(ctx, root(devAccount), dev)
	if err != nil || !strings.Contains(text, "ecr:ReplicateImage") {
		t.Errorf("%q, %v", text, err)
	}
	if was, err := d.DeleteRegistryPolicy(ctx, root(devAccount), dev); err != nil || was != text {
		t.Errorf("%q, %v", was, err)
	}
}

// Policies that an earlier program took, and this one would not, are evaluated
// as they were; one that cannot be read at all denies everything.
func TestPoliciesStoredBefore(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.put(in(prod), d.image(in(prod), "x"), "latest")
	store := func(text string) {
		t.Helper()
		r, err := d.meta.Repository(ctx, prodAccount, prod.Region, in(prod).Name, nil)
		if err == nil {
			err = d.meta.Update(ctx, func(tx *metadata.Tx) error { return tx.Repositories().SetPolicy(r, text) })
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	pull := func(c access.Caller) error {
		_, err := d.Manifest(ctx, c, in(prod), registry.Reference{Tag: "latest"})
		return err
	}
	const elsewhere = `"Resource":["arn:aws:us-east-1:111122223333:repository/*","*"]`
	for _, text := range []string{
		`{"Statement":[{"Effect":"Allow","NotPrincipal":{"AWS":"` + prodAccount +
			`"},"Action":"ecr:*"},{"Effect":"Deny","Principal":{"AWS":"` + prodAccount + `"},"Action":"ecr:BatchGetImage"}]}`,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*",` + elsewhere +
			`},{"Effect":"Deny","Principal":{"AWS":"` + prodAccount + `"},"Action":"ecr:*",` + elsewhere + `}]}`,
	} {
		wantCode(t, "setting it", d.SetRepositoryPolicy(ctx, root(prodAccount), in(prod), text, true),
			registry.InvalidParameter)
		store(text)
		wantCode(t, "its Allow", pull(root(devAccount)), "")
		wantCode(t, "its Deny", pull(root(prodAccount)), registry.AccessDenied)
	}
	store(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*"}],"Deny":[]}`)
	for _, account := range []string{prodAccount, devAccount} {
		wantCode(t, "with a policy that cannot be read", pull(root(account)), registry.AccessDenied)
	}
	if _, err := d.DeleteRepositoryPolicy(ctx, root(prodAccount), in(prod)); err != nil {
		t.Error(err)
	}
	wantCode(t, "once it is fixed", pull(root(prodAccount)), "")
}

// The caller's connection reaches policies as condition keys.
func TestConditionsOnTheConnection(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + devAccount +
		`"},"Action":"ecr:ListImages","Condition":{
		"IpAddress":{"aws:SourceIp":["192.0.2.0/24","2001:db8::/32"]},"Bool":{"aws:SecureTransport":"true"},
		"StringLike":{"aws:UserAgent":"client/*"},"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}]}`
	if err := d.SetRepositoryPolicy(ctx, root(prodAccount), in(prod), text, false); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		remote, agent string
		secure        bool
		want          registry.Code
	}{
		"as asked":       {"192.0.2.7:1234", "client/1", true, ""},
		"IPv6":           {"[2001:db8::1]:1234", "client/1", true, ""},
		"mapped IPv4":    {"[::ffff:192.0.2.7]:1234", "client/1", true, ""},
		"other address":  {"198.51.100.7:1234", "client/1", true, registry.AccessDenied},
		"no address":     {"", "client/1", true, registry.AccessDenied},
		"other client":   {"192.0.2.7:1234", "curl/8", true, registry.AccessDenied},
		"no client name": {"192.0.2.7:1234", "", true, registry.AccessDenied},
		"no TLS":         {"192.0.2.7:1234", "client/1", false, registry.AccessDenied},
	} {
		c := root(devAccount)
		c.RemoteAddr, c.UserAgent, c.Secure = tt.remote, tt.agent, tt.secure
		_, _, err := d.Tags(ctx, c, in(prod), registry.Page{Limit: 1})
		wantCode(t, name, err, tt.want)
	}
}
