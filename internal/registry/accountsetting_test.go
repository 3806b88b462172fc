package registry_test

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

func (d *domain) setting(id resource.Registry, name, value string) {
	d.t.Helper()
	if err := d.SetAccountSetting(ctx, root(id.Account), id, name, value); err != nil {
		d.t.Fatal(err)
	}
}

func TestAccountSettings(t *testing.T) {
	d := openStill(t)
	c := root(prodAccount)
	get := func(id resource.Registry, name, want string) {
		t.Helper()
		if got, err := d.AccountSetting(ctx, root(id.Account), id, name); err != nil || got != want {
			t.Errorf("%s of %s: %q, %v, want %q", name, id, got, err, want)
		}
	}
	for name, values := range map[string][]string{ // the first is the default
		"BASIC_SCAN_TYPE_VERSION": {"AWS_NATIVE", "CLAIR"},
		"BLOB_MOUNTING":           {"ENABLED", "DISABLED"},
		"REGISTRY_POLICY_SCOPE":   {"V2", "V1"},
	} {
		get(prod, name, values[0])
		for _, value := range []string{values[1], values[0], values[1]} {
			d.setting(prod, name, value)
			get(prod, name, value)
		}
		get(resource.Registry{Account: prodAccount, Region: "us-west-2"}, name, values[0])
		get(dev, name, values[0])
		for _, value := range []string{"", "v1", "enabled", "V3", values[1] + " "} {
			wantCode(t, name+" "+value, d.SetAccountSetting(ctx, c, prod, name, value), registry.InvalidParameter)
		}
		get(prod, name, values[1])
		wantCode(t, "of another account", d.SetAccountSetting(ctx, c, dev, name, values[1]), registry.AccessDenied)
	}
	for _, name := range []string{"", "blob_mounting", "NONE"} {
		_, err := d.AccountSetting(ctx, c, prod, name)
		wantCode(t, "get "+name, err, registry.InvalidParameter)
		wantCode(t, "put "+name, d.SetAccountSetting(ctx, c, prod, name, "V1"), registry.InvalidParameter)
	}
}

// In the scope V1 a registry policy decides on three actions, and on what replications ask.
func TestRegistryPolicyScope(t *testing.T) {
	d := openStill(t)
	owner, other := root(devAccount), root(prodAccount)
	ref := resource.Repository{Registry: dev, Name: "app"}
	d.create(ref)
	d.put(ref, d.image(ref, "x"), "latest")
	set := func(statements string) error {
		return d.SetRegistryPolicy(ctx, owner, dev, `{"Version":"2012-10-17","Statement":[`+statements+`]}`)
	}
	const (
		open  = `{"Effect":"Allow","Principal":{"AWS":"` + prodAccount + `"},"Action":"ecr:*","Resource":"*"}`
		close = `{"Sid":"Mine","Effect":"Deny","Principal":{"AWS":"` + devAccount + `"},"Action":"ecr:Batch*","Resource":"*"}`
	)
	if err := set(open + "," + close); err != nil {
		t.Fatal(err)
	}
	type codes struct{ theirs, absent, own registry.Code }
	for _, step := range []struct {
		scope access.Scope
		want  codes
		image string // that others create, by the policy in either scope
	}{
		{access.ScopeV2, codes{"", registry.RepositoryNotFound, registry.AccessDenied}, "new1"},
		{access.ScopeV1, codes{registry.AccessDenied, registry.AccessDenied, ""}, "new2"},
		{access.ScopeV2, codes{"", registry.RepositoryNotFound, registry.AccessDenied}, "new3"},
	} {
		d.setting(dev, registry.RegistryPolicyScope, string(step.scope))
		pull := func(c access.Caller, name string) registry.Code {
			_, err := d.Manifest(ctx, c, resource.Repository{Registry: dev, Name: name}, registry.Reference{Tag: "latest"})
			return registry.CodeOf(err)
		}
		if got := (codes{pull(other, "app"), pull(other, "none"), pull(owner, "app")}); got != step.want {
			t.Errorf("%s: %+v, want %+v", step.scope, got, step.want)
		}
		_, err := d.CreateRepository(ctx, other, resource.Repository{Registry: dev, Name: step.image}, registry.NewRepository{})
		wantCode(t, string(step.scope)+": a new repository", err, "")
		checks, err := d.Check(ctx, other, prod, []resource.Registry{dev}, []string{"app", "none"})
		if err != nil || checks[0].Status != replication.Granted {
			t.Errorf("%s: a replication: %+v, %v", step.scope, checks, err)
		}
	}

	// No statement is without effect: neither if it comes, nor if the scope does.
	const pulls = `{"Effect":"Allow","Principal":{"AWS":"` + prodAccount + `"},"Action":["ecr:ReplicateImage","ecr:BatchGetImage"],"Resource":"*"}`
	if err := set(pulls); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "narrowing the scope of such a policy",
		d.SetAccountSetting(ctx, owner, dev, registry.RegistryPolicyScope, "V1"), registry.InvalidParameter)
	if _, err := d.DeleteRegistryPolicy(ctx, owner, dev); err != nil {
		t.Fatal(err)
	}
	d.setting(dev, registry.RegistryPolicyScope, "V1")
	wantCode(t, "such a policy in the narrow scope", set(pulls), registry.InvalidParameter)
	wantCode(t, "one about replications", set(`{"Effect":"Deny","Principal":"*","Action":["ecr:ReplicateImage",
		"ecr:CreateRepository","ecr:BatchImportUpstreamImage","ecr:BatchDeleteImage"],"Resource":"*"}`), "")
	d.setting(dev, registry.RegistryPolicyScope, "V2")
	wantCode(t, "in the wide one", set(pulls), "")
}

// A mount that is disabled, at either end, is none, and no error: the client sends the bytes.
func TestBlobMounting(t *testing.T) {
	d := openStill(t)
	c := root(prodAccount)
	near, to := resource.Repository{Registry: prod, Name: "near"}, resource.Repository{Registry: prod, Name: "to"}
	far := resource.Repository{Registry: resource.Registry{Account: prodAccount, Region: "us-west-2"}, Name: "far"}
	for _, ref := range []resource.Repository{near, to, far} {
		d.create(ref)
	}
	d.pushLayer(near, "near")
	d.pushLayer(far, "far")
	mount := func(content string, from *resource.Repository, want bool) {
		t.Helper()
		if got, err := d.MountLayer(ctx, c, to, digest.FromString(content), from); err != nil || got != want {
			t.Errorf("mounting %s: %v, %v, want %v", content, got, err, want)
		}
	}
	d.setting(prod, registry.BlobMounting, "DISABLED")
	mount("near", &near, false)
	mount("near", nil, false)
	mount("far", &far, false)
	d.setting(prod, registry.BlobMounting, "ENABLED")
	d.setting(far.Registry, registry.BlobMounting, "DISABLED")
	mount("near", nil, true)
	mount("far", &far, false)
	d.setting(far.Registry, registry.BlobMounting, "ENABLED")
	mount("far", &far, true)
	d.setting(prod, registry.BlobMounting, "DISABLED")
	if _, err := d.Layer(ctx, c, to, digest.FromString("far")); err != nil {
		t.Errorf("what was mounted before: %v", err)
	}
}

// A repository that some other program has stored with KMS takes nothing, as nothing would be encrypted.
func TestNothingIsPushedIntoKMS(t *testing.T) {
	d := openStill(t)
	c, ref, from := root(prodAccount), in(prod), resource.Repository{Registry: prod, Name: "from"}
	d.create(ref)
	d.create(from)
	raw := d.image(ref, "x")
	d.put(ref, raw, "latest")
	d.pushLayer(from, "y")
	r, err := d.meta.Repository(ctx, prodAccount, prod.Region, ref.Name, nil)
	if err == nil {
		err = d.meta.Update(ctx, func(tx *metadata.Tx) error {
			r, err := tx.Repositories().Lock(r.ID)
			if err != nil {
				return err
			}
			r.Encryption = registry.Encryption{Type: "KMS", KMSKey: "alias/images"}
			return tx.Repositories().SaveSettings(r)
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.StartUpload(ctx, c, ref)
	wantCode(t, "an upload", err, registry.KMS)
	_, err = d.PutLayer(ctx, c, ref, digest.FromString("y"), strings.NewReader("y"))
	wantCode(t, "a layer", err, registry.KMS)
	_, err = d.MountLayer(ctx, c, ref, digest.FromString("y"), &from)
	wantCode(t, "a mount", err, registry.KMS)
	_, err = d.PutManifest(ctx, c, ref, registry.NewManifest{Bytes: raw, Tags: []string{"other"}})
	wantCode(t, "a tag", err, registry.KMS)
	wantCode(t, "a pull", d.pullAs(c, ref, registry.Reference{Tag: "latest"}, digest.FromString("x")), "")
	repos, err := d.DescribeRepositories(ctx, c, prod, []string{ref.Name})
	if err != nil || repos[0].Encryption.Type != "KMS" {
		t.Errorf("%+v, %v", repos, err)
	}
	_, err = d.DeleteRepository(ctx, c, ref, true)
	wantCode(t, "deleting it", err, "")
}
