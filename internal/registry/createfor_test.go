package registry_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// template stores a template of a registry.
func (d *domain) template(id resource.Registry, prefix string, s registry.TemplateSettings, on ...registry.Occasion) {
	d.t.Helper()
	t := registry.CreationTemplate{Prefix: prefix, AppliedFor: on, TemplateSettings: s}
	if _, err := d.CreateCreationTemplate(ctx, root(id.Account), id, t); err != nil {
		d.t.Fatal(err)
	}
}

func (d *domain) updateTemplate(id resource.Registry, prefix string, change func(*registry.CreationTemplate)) {
	d.t.Helper()
	if _, err := d.UpdateCreationTemplate(ctx, root(id.Account), id, prefix, change); err != nil {
		d.t.Fatal(err)
	}
}

// repository describes one, as its owner sees it: "" if there is none.
func (d *domain) repository(ref resource.Repository) string {
	d.t.Helper()
	c := root(ref.Registry.Account)
	repos, err := d.DescribeRepositories(ctx, c, ref.Registry, []string{ref.Name})
	if registry.CodeOf(err) == registry.RepositoryNotFound {
		return ""
	}
	if err != nil {
		d.t.Fatal(err)
	}
	tags, err := d.ResourceTags(ctx, c, ref)
	if err != nil {
		d.t.Fatal(err)
	}
	policy, err := d.RepositoryPolicy(ctx, c, ref)
	if err != nil && registry.CodeOf(err) != registry.RepositoryPolicyNotFound {
		d.t.Fatal(err)
	}
	lifecycle, err := d.expiry.Policy(ctx, c, ref)
	if err != nil && registry.CodeOf(err) != registry.LifecyclePolicyNotFound {
		d.t.Fatal(err)
	}
	r := repos[0]
	return fmt.Sprint(r.TagMutability, r.Exclusions, r.Encryption.Type, tags, policy, lifecycle.Text)
}

const (
	asDefault = "MUTABLE[]AES256[]"

	sentLifecycle = `{ "rules": [ {"action": {"type": "expire"}, "rulePriority": 1,
		"selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 3}} ] }`
	storedLifecycle = `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged",` +
		`"countType":"imageCountMoreThan","countNumber":3},"action":{"type":"expire"}}]}`
)

// everything is a template with all that one can have, and what a repository is that it makes.
func everything() (registry.TemplateSettings, string) {
	allow := statement("Allow", devAccount, "ecr:BatchGetImage")
	return registry.TemplateSettings{
		TagMutability: registry.ImmutableWithExclusion, Exclusions: []string{"dev-*"}, Policy: allow,
		LifecyclePolicy: sentLifecycle, Tags: []resource.Tag{{Key: "team", Value: "x"}, {Key: "a", Value: "b"}},
	}, "IMMUTABLE_WITH_EXCLUSION[dev-*]AES256[{a b} {team x}]" + allow + storedLifecycle
}

// pushes are the requests that begin a push to a repository.
func (d *domain) pushes() map[string]func(access.Caller, resource.Repository) error {
	empty := []byte(`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageIndex + `","manifests":[]}`)
	return map[string]func(access.Caller, resource.Repository) error{
		"upload": func(c access.Caller, ref resource.Repository) error { _, err := d.StartUpload(ctx, c, ref); return err },
		"mount": func(c access.Caller, ref resource.Repository) error {
			_, err := d.MountLayer(ctx, c, ref, digest.FromString("x"), nil)
			return err
		},
		"layer": func(c access.Caller, ref resource.Repository) error {
			_, err := d.PutLayer(ctx, c, ref, digest.FromString("x"), strings.NewReader("x"))
			return err
		},
		"manifest": func(c access.Caller, ref resource.Repository) error {
			_, err := d.PutManifest(ctx, c, ref, registry.NewManifest{Bytes: empty, Tags: []string{"1"}})
			return err
		},
	}
}

func TestCreateOnPush(t *testing.T) {
	d := openStill(t)
	c := root(prodAccount)
	settings, want := everything()
	ref := func(name string) resource.Repository { return resource.Repository{Registry: prod, Name: name} }
	for what, push := range d.pushes() {
		wantCode(t, what+" without a template", push(c, ref("none/"+what)), registry.RepositoryNotFound)
		wantCode(t, what+" with a bad name", push(c, ref("None/"+what)), registry.InvalidParameter)
	}
	d.template(prod, "team", settings, registry.ForPush, registry.ForPullThrough)
	d.template(prod, "others", settings, registry.ForReplication, registry.ForPullThrough)
	d.template(dev, "ROOT", settings, registry.ForPush)
	for what, push := range d.pushes() {
		for _, name := range []string{"none/" + what, "others/" + what, "teams/" + what} {
			wantCode(t, what+" to "+name, push(c, ref(name)), registry.RepositoryNotFound)
			if got := d.repository(ref(name)); got != "" {
				t.Errorf("%s has created %s: %s", what, name, got)
			}
		}
		if err := push(c, ref("team/"+what)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if got := d.repository(ref("team/" + what)); got != want {
			t.Errorf("%s has made %s\nwant %s", what, got, want)
		}
	}
	wantCode(t, "a repository of the prefix's name", d.pushes()["upload"](c, ref("team")), registry.RepositoryNotFound)
	d.create(ref("team/made"))
	if got := d.repository(ref("team/made")); got != asDefault {
		t.Errorf("created by its operation: %s", got)
	}
	// What is there stays as it is, and reads create nothing.
	d.updateTemplate(prod, "team", func(t *registry.CreationTemplate) { t.Tags = nil })
	if err := d.pushes()["layer"](c, ref("team/made")); err != nil {
		t.Fatal(err)
	}
	if got := d.repository(ref("team/made")); got != asDefault {
		t.Errorf("pushed to: %s", got)
	}
	_, err := d.Layer(ctx, c, ref("team/read"), digest.FromString("x"))
	wantCode(t, "a read", err, registry.RepositoryNotFound)
	_, err = d.UploadSize(ctx, c, ref("team/read"), "none")
	wantCode(t, "an upload's status", err, registry.RepositoryNotFound)
	unserved := resource.Registry{Account: prodAccount, Region: "eu-north-1"}
	_, err = d.StartUpload(ctx, c, resource.Repository{Registry: unserved, Name: "team/app"})
	wantCode(t, "a registry that is not served", err, registry.RepositoryNotFound)
	if got := d.repository(ref("team/read")); got != "" {
		t.Errorf("a read has created %s", got)
	}
}

// The most exact of the templates for the occasion holds.
func TestMostExactTemplate(t *testing.T) {
	d := openStill(t)
	as := func(name string) registry.TemplateSettings {
		return registry.TemplateSettings{Tags: []resource.Tag{{Key: "by", Value: name}}}
	}
	d.template(prod, "ROOT", as("ROOT"), registry.ForPush)
	d.template(prod, "0", as("0"), registry.ForPush)
	d.template(prod, "prod/", as("prod"), registry.ForPush)
	d.template(prod, "prod/team", as("prod/team"), registry.ForPush, registry.ForReplication)
	d.template(prod, "prod/team/x", as("prod/team/x"), registry.ForReplication)
	d.template(prod, "prod/team/y", as("prod/team/y"))
	for name, want := range map[string]string{
		"prod": "ROOT", "production/a": "ROOT", "prod-1/a": "ROOT", "0/a": "0", "00": "ROOT", "a": "",
		"prod/a": "prod", "prod/a/b/c": "prod", "prod/team": "prod", "prod/team/a": "prod/team", "prod/team-a/b": "prod",
		"prod/team/x/a": "prod/team", "prod/team/y/a": "prod/team", strings.Repeat("a/", 127) + "a": "ROOT",
	} {
		ref := resource.Repository{Registry: prod, Name: name}
		_, err := d.StartUpload(ctx, root(prodAccount), ref)
		if want == "" {
			wantCode(t, name, err, registry.InvalidParameter)
			continue
		}
		if got := d.repository(ref); err != nil || !strings.Contains(got, "{by "+want+"}") {
			t.Errorf("%s: %s, %v, want %s", name, got, err, want)
		}
	}
}

// A push is decided on before anything is created, by the policies that the repository will have.
func TestCreateOnPushDecidesFirst(t *testing.T) {
	d := openStill(t)
	c := root(prodAccount)
	pushing := []string{"ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"}
	ref := func(name string) resource.Repository { return resource.Repository{Registry: dev, Name: name} }
	d.create(ref("closed/app"))
	d.template(dev, "closed", registry.TemplateSettings{}, registry.ForPush)
	d.template(dev, "open", registry.TemplateSettings{Policy: statement("Allow", prodAccount, pushing...)},
		registry.ForPush)
	d.template(dev, "tagged", registry.TemplateSettings{
		Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*",
			"Condition":{"StringEquals":{"ecr:ResourceTag/team":"x"}}}]}`,
		Tags: []resource.Tag{{Key: "team", Value: "x"}},
	}, registry.ForPush)
	d.template(dev, "mine", registry.TemplateSettings{Policy: statement("Deny", devAccount, "ecr:PutImage")},
		registry.ForPush)
	denied := func(what string, err error) string {
		t.Helper()
		wantCode(t, what, err, registry.AccessDenied)
		return strings.NewReplacer("closed/app", "", "closed/new", "", "none/new", "").Replace(fmt.Sprint(err))
	}
	for what, push := range d.pushes() {
		there := denied(what, push(c, ref("closed/app")))
		for _, name := range []string{"closed/new", "none/new"} {
			if got := denied(what, push(c, ref(name))); got != there {
				t.Errorf("%s of %s: %s, of one that is there %s", what, name, got, there)
			}
			if got := d.repository(ref(name)); got != "" {
				t.Errorf("a refused %s has created %s", what, got)
			}
		}
		for _, prefix := range []string{"open/", "tagged/"} {
			if err := push(c, ref(prefix+what)); err != nil {
				t.Errorf("%s of %s: %v", what, prefix, err)
			}
			if d.repository(ref(prefix+what)) == "" {
				t.Errorf("an allowed %s of %s has created nothing", what, prefix)
			}
		}
	}
	wantCode(t, "the owner, denied", d.pushes()["manifest"](root(devAccount), ref("mine/app")), registry.AccessDenied)
	if got := d.repository(ref("mine/app")); got != "" {
		t.Errorf("created all the same: %s", got)
	}
	if err := d.pushes()["upload"](root(devAccount), ref("mine/app")); err != nil {
		t.Error(err)
	}
	// Who may push may learn that it is not there yet: clients look before they push.
	_, err := d.Layer(ctx, c, ref("tagged/new"), digest.FromString("x"))
	wantCode(t, "a look by whom the template lets in", err, registry.RepositoryNotFound)
	_, err = d.Layer(ctx, c, ref("open/new"), digest.FromString("x"))
	wantCode(t, "a look by whom it lets push only", err, registry.AccessDenied)
	// The registry's policy decides, too.
	deny := statement("Deny", prodAccount, "ecr:InitiateLayerUpload", "ecr:PutImage")
	deny = strings.Replace(deny, `"Action"`, `"Resource":"*","Action"`, 1)
	if err := d.SetRegistryPolicy(ctx, root(devAccount), dev, deny); err != nil {
		t.Fatal(err)
	}
	for what, push := range d.pushes() {
		denied(what, push(c, ref("open/new")))
	}
	if got := d.repository(ref("open/new")); got != "" {
		t.Errorf("created all the same: %s", got)
	}
}

func TestCreateOnPushWithinTheQuota(t *testing.T) {
	t.Parallel()
	d := openLimited(t, t.TempDir(), func(_ string, l *quota.Limits) { l.Repositories = 2 })
	d.template(prod, "ROOT", registry.TemplateSettings{}, registry.ForPush)
	push := func(name string) error {
		_, err := d.StartUpload(ctx, root(prodAccount), resource.Repository{Registry: prod, Name: name})
		return err
	}
	for _, name := range []string{"one", "two", "one"} {
		if err := push(name); err != nil {
			t.Error(err)
		}
	}
	wantCode(t, "a third", push("three"), registry.LimitExceeded)
	if got := d.used(prod, quota.Repositories); got != 2 {
		t.Errorf("%d are counted", got)
	}
}

// Many push to a repository that is not there: one creates it, and all go on.
func TestManyPushesCreateOneRepository(t *testing.T) {
	t.Parallel()
	d := openLimited(t, t.TempDir(), func(_ string, l *quota.Limits) { l.Repositories = 10 })
	settings, want := everything()
	d.template(prod, "ROOT", settings, registry.ForPush)
	for round := range 10 {
		ref := resource.Repository{Registry: prod, Name: fmt.Sprint("app-", round)}
		var pushing sync.WaitGroup
		for i := range 12 {
			pushing.Go(func() {
				content := fmt.Sprint("layer ", i%4)
				if _, err := d.PutLayer(ctx, root(prodAccount), ref, digest.FromString(content),
					strings.NewReader(content)); err != nil {
					t.Error(err)
				}
			})
		}
		pushing.Wait()
		if got := d.repository(ref); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := d.used(prod, quota.Repositories); got != 10 {
		t.Errorf("%d are counted", got)
	}
}

// A template changes while pushes create by it: each repository is as one of its states says, and no other.
func TestTemplateChangesWhilePushesCreate(t *testing.T) {
	d := openStill(t)
	states := []registry.TemplateSettings{
		{TagMutability: registry.Mutable, Tags: []resource.Tag{{Key: "state", Value: "0"}},
			Policy: statement("Allow", devAccount, "ecr:InitiateLayerUpload", "ecr:BatchGetImage")},
		{TagMutability: registry.Immutable, Tags: []resource.Tag{{Key: "state", Value: "1"}},
			LifecyclePolicy: sentLifecycle, Policy: statement("Allow", devAccount, "ecr:InitiateLayerUpload")},
		{TagMutability: registry.Immutable, Tags: []resource.Tag{{Key: "state", Value: "2"}}}, // refuses
	}
	want := []string{
		"MUTABLE[]AES256[{state 0}]" + states[0].Policy,
		"IMMUTABLE[]AES256[{state 1}]" + states[1].Policy + storedLifecycle,
	}
	d.template(prod, "ROOT", states[0], registry.ForPush)
	stop, changing := context.WithCancel(ctx)
	var changer sync.WaitGroup
	changer.Go(func() {
		for n := 0; stop.Err() == nil; n++ {
			if _, err := d.UpdateCreationTemplate(ctx, root(prodAccount), prod, "ROOT", func(t *registry.CreationTemplate) {
				t.TemplateSettings = states[n%3]
			}); err != nil {
				t.Error(err)
			}
		}
	})
	const n = 120
	var pushing sync.WaitGroup
	refused := make([]bool, n)
	for worker := range 4 {
		pushing.Go(func() {
			for i := worker; i < n; i += 4 {
				ref := resource.Repository{Registry: prod, Name: fmt.Sprint("app-", i)}
				_, err := d.StartUpload(ctx, root(devAccount), ref)
				refused[i] = err != nil
				if code := registry.CodeOf(err); err != nil && code != registry.AccessDenied && code != registry.Throttled {
					t.Error(err)
				}
			}
		})
	}
	pushing.Wait()
	changing()
	changer.Wait()
	for i := range n {
		got := d.repository(resource.Repository{Registry: prod, Name: fmt.Sprint("app-", i)})
		if refused[i] != (got == "") || got != "" && !slices.Contains(want, got) {
			t.Errorf("push %d: refused %v, and there is %s", i, refused[i], got)
		}
	}
}

// The destination's template says what a replication creates, and refuses what its policy would.
func TestReplicationCreatesByTemplate(t *testing.T) {
	d := openStill(t)
	settings, want := everything()
	ref := func(id resource.Registry, name string) resource.Repository {
		return resource.Repository{Registry: id, Name: name}
	}
	for _, name := range []string{"team/app", "other/app", "there/app", "shut/app"} {
		d.create(ref(prod, name))
		d.put(ref(prod, name), d.image(ref(prod, name), name), "1") // before there are rules
	}
	d.create(ref(dev, "there/app"))
	d.replicateTo(dev)
	d.grant(dev)
	d.template(prod, "ROOT", registry.TemplateSettings{TagMutability: registry.Immutable}, registry.ForReplication)
	d.template(dev, "ROOT", registry.TemplateSettings{TagMutability: registry.Immutable}, registry.ForPush)
	d.template(dev, "team", settings, registry.ForReplication)
	d.template(dev, "there", settings, registry.ForReplication)
	d.template(dev, "shut", registry.TemplateSettings{Policy: statement("Deny", prodAccount, "ecr:ReplicateImage")},
		registry.ForReplication)
	push := func(name, content string) digest.Digest {
		t.Helper()
		dg := d.put(ref(prod, name), d.image(ref(prod, name), content), "latest")
		d.drain()
		return dg
	}
	for name, want := range map[string]string{
		"team/app": want, "other/app": asDefault, "there/app": asDefault, "shut/app": "",
	} {
		checks, err := d.Check(ctx, root(prodAccount), prod, []resource.Registry{dev}, []string{name})
		if err != nil || (checks[0].Status == replication.Granted) != (want != "") {
			t.Errorf("a check of %s: %+v, %v", name, checks, err)
		}
		image := push(name, "new "+name)
		if got := d.repository(ref(dev, name)); got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
		if want == "" {
			continue
		}
		if got, err := d.resolve(ref(dev, name), registry.Reference{Tag: "latest"}); err != nil || got != image {
			t.Errorf("%s has %s, %v", name, got, err)
		}
	}
	// The tags are immutable from the first on.
	first, err := d.resolve(ref(dev, "team/app"), registry.Reference{Tag: "latest"})
	if err != nil {
		t.Fatal(err)
	}
	second := push("team/app", "second")
	if got, err := d.resolve(ref(dev, "team/app"), registry.Reference{Tag: "latest"}); err != nil || got != first {
		t.Errorf("the immutable tag has moved to %s, %v", got, err)
	}
	if got := d.has(ref(dev, "team/app"), first, second); strings.Contains(got, "none") {
		t.Errorf("there: %s", got)
	}
	// What the template has refused is tried again when it changes.
	if s := d.statuses(ref(prod, "shut/app"), registry.Reference{Tag: "latest"}); len(s) != 1 ||
		s[0].State != replication.Failed || s[0].Failure.Code != denied {
		t.Errorf("refused: %+v", s)
	}
	d.updateTemplate(dev, "shut", func(t *registry.CreationTemplate) { t.Policy = "" })
	d.resume()
	d.drain()
	if got := d.repository(ref(dev, "shut/app")); got != asDefault {
		t.Errorf("made possible: %s", got)
	}
}

// Replications that begin at once create one repository.
func TestManyReplicationsCreateOneRepository(t *testing.T) {
	d := open(t)
	settings, want := everything()
	d.template(dev, "ROOT", settings, registry.ForReplication)
	d.grant(dev)
	d.replicateTo(dev)
	for round := range 5 {
		ref := resource.Repository{Registry: prod, Name: fmt.Sprint("app-", round)}
		d.create(ref)
		images := make([][]byte, 8)
		for i := range images {
			images[i] = d.image(ref, fmt.Sprint("image ", i))
		}
		var pushing sync.WaitGroup
		for i, raw := range images {
			pushing.Go(func() {
				if _, err := d.PutManifest(ctx, root(prodAccount), ref, registry.NewManifest{
					Bytes: raw, Tags: []string{fmt.Sprint("v", i)},
				}); err != nil {
					t.Error(err)
				}
			})
		}
		pushing.Wait()
		for i := range images {
			d.status(ref, registry.Reference{Tag: fmt.Sprint("v", i)}, replication.Complete)
		}
		if got := d.repository(resource.Repository{Registry: dev, Name: ref.Name}); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// The lifecycle policy of a template runs, after the delay.
func TestLifecyclePolicyOfATemplateRuns(t *testing.T) {
	d := openStill(t)
	settings, _ := everything()
	settings.TagMutability, settings.Exclusions = registry.Mutable, nil
	d.template(prod, "ROOT", settings, registry.ForPush)
	ref := in(prod)
	if _, err := d.StartUpload(ctx, root(prodAccount), ref); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		d.put(ref, d.image(ref, fmt.Sprint(i)))
		d.clock.advance(time.Second)
	}
	left := func() int {
		t.Helper()
		images, _, err := d.ListImages(ctx, root(prodAccount), ref, registry.AnyTagStatus, registry.Page{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		return len(images)
	}
	d.runLifecycle()
	if n := left(); n != 5 {
		t.Errorf("%d images are left at once", n)
	}
	d.clock.advance(2 * time.Hour)
	d.runLifecycle()
	if n := left(); n != 3 {
		t.Errorf("%d images are left, want 3", n)
	}
}

// Templates are bounded, and one too many leaves nothing.
func TestManyTemplates(t *testing.T) {
	d := openStill(t)
	reg, err := d.meta.Read(ctx).Registries().Get(prodAccount, prod.Region)
	if err != nil {
		t.Fatal(err)
	}
	row := metadata.CreationTemplate{RegistryRow: reg.ID}
	if err := d.meta.Update(ctx, func(tx *metadata.Tx) error {
		for i := range 999 {
			row.Prefix = fmt.Sprint("p", i)
			if _, err := tx.CreationTemplates().Create(row); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	d.template(prod, "last", registry.TemplateSettings{})
	_, err = d.CreateCreationTemplate(ctx, root(prodAccount), prod, registry.CreationTemplate{Prefix: "more"})
	wantCode(t, "one more", err, registry.LimitExceeded)
	_, err = d.CreateCreationTemplate(ctx, root(prodAccount), prod, registry.CreationTemplate{Prefix: "last/"})
	wantCode(t, "one that is there", err, registry.TemplateAlreadyExists)
	if _, err := d.DeleteCreationTemplate(ctx, root(prodAccount), prod, "p7"); err != nil {
		t.Fatal(err)
	}
	d.template(prod, "more", registry.TemplateSettings{})
	all, next, err := d.CreationTemplates(ctx, root(prodAccount), prod, nil, registry.Page{Limit: 1000})
	if err != nil || len(all) != 100 || next == "" {
		t.Errorf("a page has %d: %v", len(all), err)
	}
}
