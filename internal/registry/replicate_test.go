package registry_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

var ctx = context.Background()

// third is a registry that neither prod nor dev is.
var third = resource.Registry{Account: prodAccount, Region: "us-west-2"}

func in(id resource.Registry) resource.Repository {
	return resource.Repository{Registry: id, Name: "team/app"}
}

// due are the replications to try, those included that were just queued.
func (d *domain) due() []int64 {
	d.t.Helper()
	d.resume()
	d.clock.advance(2 * time.Second) // past the time that is left to the process that took a push
	return d.dueNow()
}

func (d *domain) dueNow() []int64 {
	d.t.Helper()
	d.resume()
	due, _, err := d.Due(ctx, 10000)
	if err != nil {
		d.t.Fatal(err)
	}
	ids := make([]int64, len(due))
	for i := range due {
		ids[i] = due[i].ID
	}
	return ids
}

// resume makes due what may be fixed, as far as it is made due at once.
func (d *domain) resume() {
	d.t.Helper()
	for made, more := 1, true; made > 0 && more; {
		var err error
		if made, more, err = d.Resume(ctx); err != nil {
			d.t.Fatal(err)
		}
	}
}

// drain tries what is due, in a random order and several at a time, some of
// them twice, until nothing is.
func (d *domain) drain() {
	d.t.Helper()
	for range 20 {
		ids := d.due()
		if len(ids) == 0 {
			return
		}
		ids = append(ids, ids[:len(ids)/3]...)
		rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		var wg sync.WaitGroup
		for worker := range 4 {
			wg.Go(func() {
				for i := worker; i < len(ids); i += 4 {
					if _, err := d.Replicate(ctx, ids[i]); err != nil && !errors.Is(err, metadata.ErrNotFound) {
						d.t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
	d.t.Fatal("replications stay due")
}

func (d *domain) resolve(ref resource.Repository, r registry.Reference) (digest.Digest, error) {
	m, err := d.Manifest(ctx, root(ref.Registry.Account), ref, r)
	return m.Digest, err
}

func (d *domain) statuses(ref resource.Repository, r registry.Reference) []replication.Status {
	d.t.Helper()
	all, err := d.Status(ctx, root(ref.Registry.Account), ref, r)
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

func (d *domain) index(children ...[]byte) []byte {
	index := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{},
	}
	for _, c := range children {
		mediaType := ocispec.MediaTypeImageManifest
		if strings.Contains(string(c), `"manifests"`) {
			mediaType = ocispec.MediaTypeImageIndex
		}
		index.Manifests = append(index.Manifests, ocispec.Descriptor{
			MediaType: mediaType, Digest: digest.FromBytes(c), Size: int64(len(c)),
		})
	}
	return marshal(d.t, index)
}

// denied is ECR's code of a refusal.
const denied = "DESTINATION_REGISTRY_ACCESS_DENIED"

// pair is a domain with a source that replicates to dev, which allows it.
func pair(t *testing.T) *domain {
	t.Helper()
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(dev)
	d.grant(dev)
	return d
}

// Rule 2: the push and its replications are one transaction.
func TestRule2PushAndItsReplicationsAreOne(t *testing.T) {
	d := pair(t)
	raw := d.image(in(prod), "one")
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := d.PutManifest(ctx, root(prodAccount), in(prod), registry.NewManifest{
		Bytes: raw, Tags: []string{"latest"},
	}); err == nil {
		t.Error("a put by a caller who has gone succeeded")
	}
	if n := len(d.due()); n != 0 {
		t.Errorf("%d replications of an image that was not stored", n)
	}
	d.put(in(prod), raw, "a", "b")
	if n := len(d.due()); n != 2 {
		t.Errorf("%d replications are due when the push is answered, want 2", n)
	}
}

// Rule 4: tags move forward only, in whatever order workers run.
func TestRule4TagsMoveForwardInAnyOrder(t *testing.T) {
	d := pair(t)
	const pushes = 20
	tags := []string{"latest", "stable", "v1"}
	images := make([][]byte, 6)
	for i := range images {
		images[i] = d.image(in(prod), fmt.Sprint("content ", i))
	}
	last := map[string]digest.Digest{}
	for i := range pushes {
		var of []string
		for _, tag := range tags {
			if rand.IntN(3) > 0 {
				of = append(of, tag)
			}
		}
		dg := d.put(in(prod), images[rand.IntN(len(images))], of...)
		for _, tag := range of {
			last[tag] = dg
		}
		if i%11 == 10 { // some are tried between the pushes
			ids := d.due()
			for _, id := range ids[:len(ids)/2] {
				if _, err := d.Replicate(ctx, id); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	d.drain()
	for tag, want := range last {
		if got, err := d.resolve(in(dev), registry.Reference{Tag: tag}); err != nil || got != want {
			t.Errorf("%s is %s at the destination, want the last push %s: %v", tag, got, want, err)
		}
	}
	for _, raw := range images {
		for _, st := range d.statuses(in(prod), registry.Reference{Digest: d.put(in(prod), raw)}) {
			if st.State != replication.Complete && st.State != replication.InProgress {
				t.Errorf("status: %+v", st)
			}
		}
	}
}

// Rule 4: copying is idempotent.
func TestRule4CopyingTwiceChangesNothing(t *testing.T) {
	d := pair(t)
	dg := d.put(in(prod), d.image(in(prod), "one"), "latest")
	ids := d.due()
	r, err := d.Replicate(ctx, ids[0])
	if err != nil || r.State != metadata.ReplicationComplete || r.Tries != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := d.Replicate(ctx, ids[0]); !errors.Is(err, metadata.ErrNotFound) {
		t.Errorf("once more: %v", err)
	}
	images, _, err := d.ListImages(ctx, root(devAccount), in(dev), registry.AnyTagStatus, registry.Page{Limit: 10})
	if err != nil || len(images) != 1 || images[0].Digest != dg || !slices.Equal(images[0].Tags, []string{"latest"}) {
		t.Errorf("%+v, %v", images, err)
	}
}

// Rule 5: content before manifest, children before index, tag last; nothing of
// an image that cannot be copied whole.
func TestRule5WholeImagesOnly(t *testing.T) {
	d := pair(t)
	a, b := d.image(in(prod), "a"), d.image(in(prod), "b")
	d.put(in(prod), a)
	d.put(in(prod), b)
	inner := d.index(a, b)
	d.put(in(prod), inner)
	outer := d.index(inner, a)
	for _, id := range d.due() { // the index alone brings its children
		row, err := d.meta.Read(ctx).Replications().Get(id)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.meta.Update(ctx, func(tx *metadata.Tx) error {
			row.State = metadata.ReplicationComplete
			return tx.Replications().Save(row)
		}); err != nil {
			t.Fatal(err)
		}
	}
	dg := d.put(in(prod), outer, "nested")
	d.drain()
	for what, r := range map[string]registry.Reference{
		"tag": {Tag: "nested"}, "outer": {Digest: dg}, "inner": {Digest: digest.FromBytes(inner)},
		"a": {Digest: digest.FromBytes(a)}, "b": {Digest: digest.FromBytes(b)},
	} {
		if _, err := d.resolve(in(dev), r); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, content := range []string{"a", "b", "{}"} {
		if _, err := d.Layer(ctx, root(devAccount), in(dev), digest.FromString(content)); err != nil {
			t.Errorf("layer %s: %v", content, err)
		}
	}
}

func TestRule5IncompleteSourceIsRefusedAndLeavesNothing(t *testing.T) {
	for what, remove := range map[string]func(*domain, []byte) error{
		"layer": func(d *domain, _ []byte) error {
			return d.loseLink(in(prod), digest.FromString("a"))
		},
		"image": func(d *domain, child []byte) error {
			return d.DeleteManifest(ctx, root(prodAccount), in(prod), digest.FromBytes(child))
		},
	} {
		t.Run(what, func(t *testing.T) {
			d := openStill(t)
			d.create(in(prod))
			d.grant(dev)
			a, b := d.image(in(prod), "a"), d.image(in(prod), "b")
			d.put(in(prod), a)
			d.put(in(prod), b)
			d.replicateTo(dev)
			d.put(in(prod), d.index(b, a), "latest")
			if err := remove(d, a); err != nil {
				t.Fatal(err)
			}
			d.drain()
			st := d.statuses(in(prod), registry.Reference{Tag: "latest"})
			if len(st) != 1 || st[0].State != replication.Failed || st[0].Failure.Code != "SourceImageIncomplete" ||
				!strings.Contains(st[0].Failure.Reason, what) {
				t.Errorf("status: %+v", st)
			}
			// Not even the repository, which the copy began with.
			_, err := d.DescribeRepositories(ctx, root(devAccount), dev, []string{"team/app"})
			wantCode(t, "the destination", err, registry.RepositoryNotFound)
			// Pushing the whole image again repairs it.
			d.put(in(prod), d.image(in(prod), "a"))
			d.put(in(prod), d.index(b, a), "latest")
			d.drain()
			if _, err := d.resolve(in(dev), registry.Reference{Tag: "latest"}); err != nil {
				t.Error(err)
			}
		})
	}
}

// Rule 6: a replicated image does not replicate on.
func TestRule6NoChaining(t *testing.T) {
	d := pair(t)
	d.grant(third)
	rules := []replication.Rule{{Destinations: []resource.Registry{third, prod}}}
	if err := d.SetRules(ctx, root(devAccount), dev, rules); err != nil {
		t.Fatal(err)
	}
	text := statement("Allow", devAccount, "ecr:ReplicateImage", "ecr:CreateRepository")
	text = strings.Replace(text, `"Action"`, `"Resource":"*","Action"`, 1)
	if err := d.SetRegistryPolicy(ctx, root(prodAccount), third, text); err != nil {
		t.Fatal(err)
	}
	dg := d.put(in(prod), d.image(in(prod), "one"), "latest")
	d.drain()
	if _, err := d.resolve(in(dev), registry.Reference{Digest: dg}); err != nil {
		t.Error(err)
	}
	_, err := d.resolve(in(third), registry.Reference{Digest: dg})
	wantCode(t, "the third registry", err, registry.RepositoryNotFound)
	// A push to the second registry itself does replicate.
	d.put(in(dev), d.image(in(dev), "two"), "latest")
	d.drain()
	if _, err := d.resolve(in(third), registry.Reference{Tag: "latest"}); err != nil {
		t.Error(err)
	}
}

// Rule 7: the destination decides, at every replication.
func TestRule7DestinationDecides(t *testing.T) {
	all := func(statements string) string {
		return `{"Version":"2012-10-17","Statement":[` + statements + `]}`
	}
	one := func(sid, effect, action string) string {
		return fmt.Sprintf(`{"Sid":%q,"Effect":%q,"Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":%q,"Resource":"arn:aws:ecr:us-west-2:%s:repository/team/*"}`,
			sid, effect, prodAccount, action, devAccount)
	}
	replicate, create := one("Replicate", "Allow", "ecr:ReplicateImage"), one("Create", "Allow", "ecr:CreateRepository")
	grant := all(replicate + "," + create)
	var mu sync.Mutex
	said := map[replication.Failure][]string{}
	t.Run("each", func(t *testing.T) {
		for name, c := range map[string]struct {
			policy  string
			exists  bool
			own     string // the repository's policy
			refused bool
		}{
			"no policy":                 {"", false, "", true},
			"no policy, but repository": {"", true, "", true},
			"may not create":            {all(replicate), false, "", true},
			"need not create":           {all(replicate), true, "", false},
			"may both":                  {grant, false, "", false},
			"may create only":           {all(create), false, "", true},
			"explicit deny wins": {
				all(replicate + "," + create + "," + one("NotToday", "Deny", "ecr:ReplicateImage")), true, "", true,
			},
			"explicit deny of creation": {
				all(replicate + "," + create + "," + one("NoNew", "Deny", "ecr:CreateRepository")), false, "", true,
			},
			"deny of creation not asked": {
				all(replicate + "," + one("NoNew", "Deny", "ecr:CreateRepository")), true, "", false,
			},
			"the repository denies":        {grant, true, statement("Deny", prodAccount, "ecr:ReplicateImage"), true},
			"the repository denies others": {grant, true, statement("Deny", "999988887777", "ecr:ReplicateImage"), false},
			"the repository denies pushes": {grant, true, statement("Deny", prodAccount, "ecr:PutImage"), false},
			// The registry policy lets replications in, no other does.
			"the repository allows": {"", true, statement("Allow", prodAccount, "ecr:*"), true},
			"the tag is denied": {grant[:len(grant)-2] +
				`,{"Sid":"NoProd","Effect":"Deny","Principal":"*","Action":"ecr:ReplicateImage","Resource":"*",
			"Condition":{"StringEquals":{"aws:ResourceTag/stage":"prod"}}}]}`, true, "", true},
			"another tag is denied": {grant[:len(grant)-2] +
				`,{"Effect":"Deny","Principal":"*","Action":"ecr:ReplicateImage","Resource":"*",
			"Condition":{"StringEquals":{"ecr:ResourceTag/stage":"dev"}}}]}`, true, "", false},
			"all keys": {all(`{"Effect":"Allow","Principal":"*","Action":"ecr:ReplicateImage","Resource":"*","Condition":{
			"StringEquals":{"aws:PrincipalAccount":"` + prodAccount +
				`","aws:RequestedRegion":"us-west-2","aws:ResourceAccount":"` + devAccount + `","ecr:ResourceTag/stage":"prod"},
			"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::` + prodAccount +
				`:root"},"Bool":{"aws:ViaAWSService":"false","aws:SecureTransport":"true"},
			"Null":{"aws:SourceAccount":"true","aws:SourceIp":"true","aws:UserAgent":"true","aws:TagKeys":"true"}}}`), true, "",
				false},
		} {
			t.Run(name, func(t *testing.T) {
				d := openStill(t)
				d.create(in(prod))
				d.replicateTo(dev)
				if c.policy != "" {
					if err := d.SetRegistryPolicy(ctx, root(devAccount), dev, c.policy); err != nil {
						t.Fatal(err)
					}
				}
				if c.exists {
					d.create(in(dev))
					if err := d.TagResource(ctx, root(devAccount), in(dev),
						[]resource.Tag{{Key: "stage", Value: "prod"}}); err != nil {
						t.Fatal(err)
					}
				}
				if c.own != "" {
					if err := d.SetRepositoryPolicy(ctx, root(devAccount), in(dev), c.own, true); err != nil {
						t.Fatal(err)
					}
				}
				check, err := d.Check(ctx, root(prodAccount), prod, []resource.Registry{dev}, nil)
				if err != nil {
					t.Fatal(err)
				}
				d.put(in(prod), d.image(in(prod), "one"), "latest")
				d.drain()
				st := d.statuses(in(prod), registry.Reference{Tag: "latest"})
				want := replication.Complete
				if c.refused {
					want = replication.Failed
				}
				if len(st) != 1 || st[0].State != want || (st[0].Failure.Code == denied) != c.refused || st[0].Destination != dev ||
					st[0].FinishedAt.IsZero() {
					t.Fatalf("status: %+v, want %s", st, want)
				}
				if check[0].Failure != st[0].Failure || (check[0].Status == replication.Granted) == c.refused {
					t.Errorf("the check found %+v", check)
				}
				if c.refused {
					mu.Lock()
					defer mu.Unlock()
					said[st[0].Failure] = append(said[st[0].Failure], name)
				}
			})
		}
	})
	// Whoever is refused from outside learns one thing, whatever the reason.
	if len(said) != 1 {
		t.Errorf("refusals differ: %+v", said)
	}
	for f := range said {
		for _, s := range []string{
			prodAccount, devAccount, "us-west-2", "team/app", `"ecr:ReplicateImage"`, `"ecr:CreateRepository"`,
		} {
			if !strings.Contains(f.WithStatement(), s) {
				t.Errorf("the reason lacks %q:\n%s", s, f.WithStatement())
			}
		}
	}
}

// Within an account nothing is hidden from who replicates.
func TestRefusalWithinAnAccountSaysWhy(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(third)
	for action, detail := range map[string]string{
		"ecr:ReplicateImage": "ReplicateImageNotAllowed", "ecr:CreateRepository": "CreateRepositoryNotAllowed",
	} {
		policy := `{"Version":"2012-10-17","Statement":[{"Sid":"NotToday","Effect":"Deny","Principal":"*","Action":"` +
			action + `","Resource":"*"}]}`
		if err := d.SetRegistryPolicy(ctx, root(prodAccount), third, policy); err != nil {
			t.Fatal(err)
		}
		d.put(in(prod), d.image(in(prod), action), "latest")
		d.drain()
		st := d.statuses(in(prod), registry.Reference{Tag: "latest"})
		if f := st[0].Failure; f.Code != denied || f.Detail != detail || !strings.Contains(f.Reason, "NotToday") ||
			f.Statement != "" {
			t.Errorf("%s: %+v", action, f)
		}
		check, err := d.Check(ctx, root(prodAccount), prod, []resource.Registry{third}, nil)
		if err != nil || check[0].Status != replication.Denied || check[0].Failure != st[0].Failure {
			t.Errorf("%s: %+v, %v", action, check, err)
		}
	}
}

// What an earlier version stored of a foreign policy is not shown.
func TestStoredRefusalTellsNoForeignWords(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(dev)
	image := d.put(in(prod), d.image(in(prod), "one"), "latest")
	d.drain()
	want := d.statuses(in(prod), registry.Reference{Tag: "latest"})[0].Failure
	for _, code := range []string{"ReplicateImageNotAllowed", "CreateRepositoryNotAllowed"} {
		id := d.list(prod, replication.Outgoing, "", 1)[0].ID
		row, err := d.meta.Read(ctx).Replications().Get(id)
		if err != nil {
			t.Fatal(err)
		}
		row.FailureCode = code
		row.FailureReason = "statement \"SecretPlan\" denies it:\n{\n  \"Effect\": \"Allow\"\n}"
		if err := d.meta.Update(ctx, func(tx *metadata.Tx) error { return tx.Replications().Save(row) }); err != nil {
			t.Fatal(err)
		}
		for what, got := range map[string]replication.Failure{
			"status": d.statuses(in(prod), registry.Reference{Tag: "latest"})[0].Failure,
			"list":   d.list(prod, replication.Outgoing, "", 1)[0].Failure,
			"image":  d.ofImage(in(prod), image)[0].Failure,
		} {
			if got != want {
				t.Errorf("%s: %+v, want %+v", what, got, want)
			}
		}
	}
}

func TestOwnAccountNeedsNoGrant(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(third)
	d.put(in(prod), d.image(in(prod), "one"), "latest")
	d.drain()
	if _, err := d.resolve(in(third), registry.Reference{Tag: "latest"}); err != nil {
		t.Error(err)
	}
}

func TestRefusedIsTriedAgainWhenTheDestinationChanges(t *testing.T) {
	replicateOnly := strings.Replace(statement("Allow", prodAccount, "ecr:ReplicateImage"), `"Action"`,
		`"Resource":"*","Action"`, 1)
	for name, fix := range map[string]func(d *domain){
		"policy": func(d *domain) { d.grant(dev) },
		"repository policy": func(d *domain) {
			d.create(in(dev))
			if err := d.SetRepositoryPolicy(ctx, root(devAccount), in(dev), statement("Deny", prodAccount, "ecr:ReplicateImage"),
				true); err != nil {
				d.t.Fatal(err)
			}
			d.grant(dev)
			d.refused()
			if _, err := d.DeleteRepositoryPolicy(ctx, root(devAccount), in(dev)); err != nil {
				d.t.Fatal(err)
			}
		},
		"another repository policy": func(d *domain) {
			d.create(in(dev))
			if err := d.SetRepositoryPolicy(ctx, root(devAccount), in(dev), statement("Deny", prodAccount, "ecr:ReplicateImage"),
				true); err != nil {
				d.t.Fatal(err)
			}
			d.grant(dev)
			d.refused()
			if err := d.SetRepositoryPolicy(ctx, root(devAccount), in(dev), statement("Deny", prodAccount, "ecr:PutImage"),
				true); err != nil {
				d.t.Fatal(err)
			}
		},
		"tag": func(d *domain) {
			d.create(in(dev))
			tagged := strings.Replace(replicateOnly, `"Resource":"*"`,
				`"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/open":"yes"}}`, 1)
			if err := d.SetRegistryPolicy(ctx, root(devAccount), dev, tagged); err != nil {
				d.t.Fatal(err)
			}
			d.refused()
			if err := d.TagResource(ctx, root(devAccount), in(dev), []resource.Tag{{Key: "open", Value: "yes"}}); err != nil {
				d.t.Fatal(err)
			}
		},
		"tag gone": func(d *domain) {
			d.create(in(dev))
			if err := d.TagResource(ctx, root(devAccount), in(dev), []resource.Tag{{Key: "shut", Value: "yes"}}); err != nil {
				d.t.Fatal(err)
			}
			untagged := strings.Replace(replicateOnly, `"Resource":"*"`,
				`"Resource":"*","Condition":{"Null":{"aws:ResourceTag/shut":"true"}}`, 1)
			if err := d.SetRegistryPolicy(ctx, root(devAccount), dev, untagged); err != nil {
				d.t.Fatal(err)
			}
			d.refused()
			if err := d.UntagResource(ctx, root(devAccount), in(dev), []string{"shut"}); err != nil {
				d.t.Fatal(err)
			}
		},
		"repository that denies gone": func(d *domain) {
			d.create(in(dev))
			if err := d.SetRepositoryPolicy(ctx, root(devAccount), in(dev), statement("Deny", prodAccount, "ecr:ReplicateImage"),
				true); err != nil {
				d.t.Fatal(err)
			}
			d.grant(dev)
			d.refused()
			if _, err := d.DeleteRepository(ctx, root(devAccount), in(dev), true); err != nil {
				d.t.Fatal(err)
			}
		},
		"repository by hand": func(d *domain) {
			if err := d.SetRegistryPolicy(ctx, root(devAccount), dev, replicateOnly); err != nil {
				d.t.Fatal(err)
			}
			d.drain()
			if st := d.statuses(in(prod), registry.Reference{Tag: "latest"}); st[0].Failure.Code != denied {
				d.t.Errorf("after half of the grant: %+v", st)
			}
			d.create(in(dev))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := openStill(t)
			woken := make(chan struct{}, 100)
			d.OnQueued(func([]metadata.DueReplication) { woken <- struct{}{} })
			d.create(in(prod))
			d.replicateTo(dev)
			d.put(in(prod), d.image(in(prod), "one"), "latest")
			d.put(in(prod), d.image(in(prod), "two"), "latest")
			d.drain()
			for len(woken) > 0 {
				<-woken
			}
			fix(d)
			if len(woken) == 0 {
				t.Error("nobody was notified")
			}
			d.drain()
			want := digest.FromBytes(d.image(in(prod), "two"))
			if got, err := d.resolve(in(dev), registry.Reference{Tag: "latest"}); err != nil || got != want {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
}

// refused drains, and makes sure that the destination still refuses.
func (d *domain) refused() {
	d.t.Helper()
	d.drain()
	if st := d.statuses(in(prod), registry.Reference{Tag: "latest"}); st[0].Failure.Code != denied {
		d.t.Errorf("before the change: %+v", st)
	}
}

// A refusal and a change of the policy that cross each other must not leave
// the replication refused for good.
func TestPolicyChangeDuringARefusalIsNotLost(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(dev)
	for i := range 8 {
		d.put(in(prod), d.image(in(prod), fmt.Sprint(i)), fmt.Sprint("t", i))
		ids := d.due()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := d.Replicate(ctx, ids[0]); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() { d.grant(dev) })
		wg.Wait()
		d.drain()
		if st := d.statuses(in(prod), registry.Reference{Tag: fmt.Sprint("t", i)}); st[0].State != replication.Complete {
			t.Fatalf("round %d: %+v", i, st)
		}
		if _, err := d.DeleteRegistryPolicy(ctx, root(devAccount), dev); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRefusedIsNotTriedAgainForNothing(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(dev)
	d.put(in(prod), d.image(in(prod), "one"), "latest")
	d.drain()
	d.clock.advance(24 * time.Hour)
	d.create(resource.Repository{Registry: third, Name: "other"})
	d.create(resource.Repository{Registry: dev, Name: "other"})
	if n := len(d.due()); n != 0 {
		t.Errorf("%d are due", n)
	}
}

// A source that may replicate and not create is served as soon as another
// source's replication has created the repository.
func TestRefusedIsTriedAgainWhenAReplicationCreatesTheRepository(t *testing.T) {
	d := openStill(t)
	mayCreate := resource.Registry{Account: devAccount, Region: prod.Region} // an account may always replicate to itself
	policy := strings.Replace(statement("Allow", prodAccount, "ecr:ReplicateImage"), `"Action"`,
		`"Resource":"*","Action"`, 1)
	if err := d.SetRegistryPolicy(ctx, root(devAccount), dev, policy); err != nil {
		t.Fatal(err)
	}
	d.create(in(prod))
	d.replicateTo(dev)
	d.put(in(prod), d.image(in(prod), "one"), "one")
	d.drain()
	if st := d.statuses(in(prod), registry.Reference{Tag: "one"}); st[0].Failure.Code != denied {
		t.Fatalf("%+v", st)
	}
	d.create(in(mayCreate))
	if err := d.SetRules(ctx, root(devAccount), mayCreate, []replication.Rule{
		{Destinations: []resource.Registry{dev}},
	}); err != nil {
		t.Fatal(err)
	}
	d.put(in(mayCreate), d.image(in(mayCreate), "two"), "two")
	d.drain()
	for _, tag := range []string{"one", "two"} {
		if _, err := d.resolve(in(dev), registry.Reference{Tag: tag}); err != nil {
			t.Error(err)
		}
	}
}

func TestUnknownDestinationSaysSo(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(resource.Registry{Account: "999988887777", Region: "us-west-2"})
	d.put(in(prod), d.image(in(prod), "one"), "latest")
	d.drain()
	if st := d.statuses(
		in(prod), registry.Reference{Tag: "latest"}); st[0].Failure.Code != "DestinationRegistryNotFound" ||
		!strings.Contains(st[0].Failure.Reason, "999988887777") {
		t.Errorf("%+v", st)
	}
}

func TestOneRefusalDoesNotBlockTheOthers(t *testing.T) {
	d := open(t)
	d.create(in(prod))
	d.replicateTo(dev, third)
	d.put(in(prod), d.image(in(prod), "one"), "latest")
	deadline := time.Now().Add(time.Minute)
	for {
		st := d.statuses(in(prod), registry.Reference{Tag: "latest"})
		states := map[resource.Registry]replication.State{}
		for _, s := range st {
			states[s.Destination] = s.State
		}
		if states[dev] == replication.Failed && states[third] == replication.Complete {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", st)
		}
		time.Sleep(time.Millisecond)
	}
}

// Registries that replicate into each other's immutable repositories do not wait
// for each other in a circle, which PostgreSQL would end after a second.
func TestReplicationBothWaysMeetsNoDeadlock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := openStores(t, dir)
	here, there := in(prod), in(resource.Registry{Account: prodAccount, Region: "us-west-2"})
	each := [][2]resource.Repository{{here, there}, {there, here}}
	for _, way := range each {
		new := withMutability(registry.Immutable)
		if _, err := d.CreateRepository(ctx, root(prodAccount), way[0], new); err != nil {
			t.Fatal(err)
		}
		rules := []replication.Rule{{Destinations: []resource.Registry{way[1].Registry}}}
		if err := d.SetRules(ctx, root(prodAccount), way[0].Registry, rules); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 15 {
		for n, way := range each {
			d.put(way[0], d.image(way[0], fmt.Sprint(n, " ", i)), fmt.Sprint(n, "-", i))
		}
	}
	ids := d.due()
	if len(ids) != 30 {
		t.Fatalf("%d are due", len(ids))
	}
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := worker; i < len(ids); i += 8 {
				if r, err := d.Replicate(ctx, ids[i]); err != nil || r.State != metadata.ReplicationComplete {
					t.Errorf("%+v, %v", r, err)
				}
			}
		})
	}
	all.Wait()
	if !shared() {
		return
	}
	d.close() // connections report what they met when they end
	db, _ := openDatabase(t, dir)
	defer db.Close()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		var committed, deadlocks int
		err := db.QueryRow(`SELECT xact_commit, deadlocks FROM pg_stat_database
			WHERE datname = current_database()`).Scan(&committed, &deadlocks)
		if err != nil || deadlocks > 0 {
			t.Fatalf("%d deadlocks, %v", deadlocks, err)
		}
		if committed > 60 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("only %d transactions are reported", committed)
		}
	}
}

// A replication that was begun while the destination's tags could change does not
// move one that was pushed since they cannot.
func TestTagsBecomeImmutableBesideReplication(t *testing.T) {
	d := pair(t)
	d.create(in(dev))
	owner, from, to := root(devAccount), in(prod), in(dev)
	for i := range 60 {
		tag := fmt.Sprint("v", i)
		d.put(from, d.image(from, fmt.Sprint("theirs ", i)), tag)
		due := d.due()
		if len(due) != 1 {
			t.Fatalf("%d are due", len(due))
		}
		own := d.image(to, fmt.Sprint("own ", i))
		var all sync.WaitGroup
		all.Go(func() {
			time.Sleep(time.Duration(i%20) * 100 * time.Microsecond)
			if r, err := d.Replicate(ctx, due[0]); err != nil || r.State != metadata.ReplicationComplete {
				t.Errorf("%+v, %v", r, err)
			}
		})
		if _, err := d.SetTagMutability(ctx, owner, to, registry.Immutable, nil); err != nil {
			t.Fatal(err)
		}
		pushed := digest.FromBytes(own)
		_, err := d.PutManifest(ctx, owner, to, registry.NewManifest{Bytes: own, Digest: pushed, Tags: []string{tag}})
		all.Wait()
		if now, there := d.resolve(to, registry.Reference{Tag: tag}); err == nil && now != pushed {
			t.Errorf("%s, which was pushed, is %s now, %v", tag, now, there)
		}
		if _, err := d.SetTagMutability(ctx, owner, to, registry.Mutable, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestImmutableTagsAtTheDestination(t *testing.T) {
	for name, c := range map[string]struct {
		mutability registry.TagMutability
		exclusions []string
		moves      map[string]bool
	}{
		"immutable": {registry.Immutable, nil, map[string]bool{"latest": false, "v1": false}},
		"exclusion": {registry.ImmutableWithExclusion, []string{"lat*"}, map[string]bool{"latest": true, "v1": false}},
		"mutable":   {registry.MutableWithExclusion, []string{"v*"}, map[string]bool{"latest": true, "v1": false}},
	} {
		t.Run(name, func(t *testing.T) {
			d := openStill(t)
			d.create(in(prod))
			d.replicateTo(dev)
			d.grant(dev)
			if _, err := d.CreateRepository(ctx, root(devAccount), in(dev),
				withMutability(c.mutability, c.exclusions...)); err != nil {
				t.Fatal(err)
			}
			first := d.put(in(prod), d.image(in(prod), "one"), "latest", "v1")
			d.drain()
			second := d.put(in(prod), d.image(in(prod), "two"), "latest", "v1")
			d.drain()
			for tag, moves := range c.moves {
				want := first
				if moves {
					want = second
				}
				if got, err := d.resolve(in(dev), registry.Reference{Tag: tag}); err != nil || got != want {
					t.Errorf("%s: %s, %v", tag, got, err)
				}
			}
			// The image is there without the tag, and that is no failure.
			if _, err := d.resolve(in(dev), registry.Reference{Digest: second}); err != nil {
				t.Error(err)
			}
			for _, st := range d.statuses(in(prod), registry.Reference{Tag: "v1"}) {
				if st.State != replication.Complete {
					t.Errorf("%+v", st)
				}
			}
		})
	}
}

func TestRetagReplicates(t *testing.T) {
	d := pair(t)
	raw := d.image(in(prod), "one")
	dg := d.put(in(prod), raw, "first")
	d.drain()
	d.put(in(prod), raw, "second")
	if n := len(d.due()); n != 1 {
		t.Errorf("%d replications of the new tag", n)
	}
	d.drain()
	if got, err := d.resolve(in(dev), registry.Reference{Tag: "second"}); err != nil || got != dg {
		t.Errorf("%s, %v", got, err)
	}
}

func TestReferrersReplicateByTheirOwnPush(t *testing.T) {
	d := pair(t)
	subject := d.image(in(prod), "one")
	d.put(in(prod), subject, "latest")
	config := d.pushLayer(in(prod), "{}")
	signature := d.put(in(prod), marshal(t, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: "application/x-signature",
		Config:       config, Layers: []ocispec.Descriptor{d.pushLayer(in(prod), "signature")},
		Subject: &ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(subject), Size: int64(len(subject)),
		},
	}))
	d.drain()
	refs, _, err := d.Referrers(ctx, root(devAccount), in(dev), digest.FromBytes(subject), nil, registry.Page{Limit: 10})
	if err != nil || len(refs) != 1 || refs[0].Digest != signature || refs[0].ArtifactType != "application/x-signature" {
		t.Errorf("%+v, %v", refs, err)
	}
}

func TestOnlyLaterPushesToMatchingRepositoriesReplicate(t *testing.T) {
	d := openStill(t)
	d.grant(dev)
	for _, name := range []string{"team/app", "team/api", "apple", "other"} {
		d.create(resource.Repository{Registry: prod, Name: name})
	}
	d.put(in(prod), d.image(in(prod), "before"), "before")
	rules := []replication.Rule{
		{Destinations: []resource.Registry{dev}, Prefixes: []string{"team/a", "app"}},
		{Destinations: []resource.Registry{dev, third}, Prefixes: []string{"team/app"}},
	}
	if err := d.SetRules(ctx, root(prodAccount), prod, rules); err != nil {
		t.Fatal(err)
	}
	if n := len(d.due()); n != 0 {
		t.Errorf("%d replications of what was pushed before", n)
	}
	for name, want := range map[string]int{"team/app": 2, "team/api": 1, "apple": 1, "other": 0} {
		ref := resource.Repository{Registry: prod, Name: name}
		dg := d.put(ref, d.image(ref, "after"), "after")
		if st := d.statuses(ref, registry.Reference{Digest: dg}); len(st) != want {
			t.Errorf("%s: %d destinations, want %d", name, len(st), want)
		}
	}
	d.drain()
	// Without rules nothing follows, and nothing is deleted.
	if err := d.SetRules(ctx, root(prodAccount), prod, nil); err != nil {
		t.Fatal(err)
	}
	d.put(in(prod), d.image(in(prod), "last"), "last")
	if n := len(d.due()); n != 0 {
		t.Errorf("%d replications without a rule", n)
	}
	if _, err := d.resolve(in(dev), registry.Reference{Tag: "after"}); err != nil {
		t.Error(err)
	}
}

func TestDeletesDoNotReplicate(t *testing.T) {
	d := pair(t)
	dg := d.put(in(prod), d.image(in(prod), "one"), "latest")
	d.drain()
	if _, err := d.DeleteRepository(ctx, root(prodAccount), in(prod), true); err != nil {
		t.Fatal(err)
	}
	if n := len(d.due()); n != 0 {
		t.Errorf("%d replications of a deleted repository", n)
	}
	if got, err := d.resolve(in(dev), registry.Reference{Tag: "latest"}); err != nil || got != dg {
		t.Errorf("%s, %v", got, err)
	}
}

func TestSourceDeletedBeforeItWasReplicated(t *testing.T) {
	d := pair(t)
	dg := d.put(in(prod), d.image(in(prod), "one"), "latest")
	ids := d.due()
	if err := d.DeleteManifest(ctx, root(prodAccount), in(prod), dg); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Replicate(ctx, ids[0]); err != metadata.ErrNotFound {
		t.Errorf("its replication: %v", err)
	}
	if n := len(d.due()); n != 0 {
		t.Errorf("%d are due", n)
	}
	_, err := d.DescribeRepositories(ctx, root(devAccount), dev, []string{"team/app"})
	wantCode(t, "the destination", err, registry.RepositoryNotFound)
}

func TestReplicationsSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := openStores(t, dir)
	d.create(in(prod))
	d.replicateTo(dev, third)
	d.grant(dev)
	dg := d.put(in(prod), d.image(in(prod), "one"), "latest")
	d.close()
	d = openIn(t, dir)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		_, one := d.resolve(in(dev), registry.Reference{Digest: dg})
		_, two := d.resolve(in(third), registry.Reference{Tag: "latest"})
		if one == nil && two == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(one, two)
		}
	}
}

func TestStatusByTagAndByDigest(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(third)
	dg := d.put(in(prod), d.image(in(prod), "one"), "done")
	d.drain()
	d.put(in(prod), d.image(in(prod), "one"), "pending")
	for _, c := range []struct {
		r    registry.Reference
		want replication.State
	}{
		{registry.Reference{Tag: "done"}, replication.Complete},
		{registry.Reference{Tag: "pending"}, replication.InProgress},
		{registry.Reference{Digest: dg}, replication.InProgress}, // the least finished
	} {
		if st := d.statuses(in(prod), c.r); len(st) != 1 || st[0].State != c.want || st[0].Digest != dg {
			t.Errorf("%v: %+v, want %s", c.r, st, c.want)
		}
	}
	_, err := d.Status(ctx, root(prodAccount), in(prod), registry.Reference{Tag: "absent"})
	wantCode(t, "an absent image", err, registry.ImageNotFound)
}

func TestReplicationRulesAreValidated(t *testing.T) {
	d := openStill(t)
	ids := func(n int) (all []resource.Registry) {
		for i := range n {
			all = append(all, resource.Registry{Account: fmt.Sprintf("%012d", i), Region: "us-west-2"})
		}
		return all
	}
	rules := func(n int) (all []replication.Rule) {
		for range n {
			all = append(all, replication.Rule{Destinations: []resource.Registry{dev}, Prefixes: []string{"p"}})
		}
		return all
	}
	for name, c := range map[string]struct {
		rules []replication.Rule
		want  registry.Code
	}{
		"none":            {nil, ""},
		"25 rules":        {rules(25), ""},
		"26 rules":        {rules(26), registry.Validation},
		"25 destinations": {[]replication.Rule{{Destinations: ids(25)}}, ""},
		"26 destinations": {
			[]replication.Rule{{Destinations: ids(20)}, {Destinations: ids(26)[10:]}}, registry.Validation,
		},
		"25 destinations, shared": {[]replication.Rule{{Destinations: ids(20)}, {Destinations: ids(25)}}, ""},
		"100 filters": {
			[]replication.Rule{{Destinations: []resource.Registry{dev}, Prefixes: make([]string, 100)}}, "",
		},
		"101 filters": {
			[]replication.Rule{{Destinations: []resource.Registry{dev}, Prefixes: make([]string, 101)}}, registry.Validation,
		},
		"no destination": {[]replication.Rule{{}}, registry.Validation},
		"itself": {
			[]replication.Rule{{Destinations: []resource.Registry{dev, prod}}}, registry.InvalidParameter,
		},
		"twice":                    {[]replication.Rule{{Destinations: []resource.Registry{dev, dev}}}, registry.Validation},
		"twice in different rules": {append(rules(1), rules(1)...), ""},
		"unknown Region": {
			[]replication.Rule{{Destinations: []resource.Registry{{Account: devAccount, Region: "eu-mars-1"}}}},
			registry.InvalidParameter,
		},
		"same Region": {
			[]replication.Rule{{Destinations: []resource.Registry{{Account: devAccount, Region: prod.Region}}}}, "",
		},
	} {
		err := d.SetRules(ctx, root(prodAccount), prod, c.rules)
		wantCode(t, name, err, c.want)
		got, err := d.Rules(ctx, root(prodAccount), prod)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" && len(got) != len(c.rules) {
			t.Errorf("%s: %d rules are kept", name, len(got))
		}
	}
	wantCode(t, "another account's", d.SetRules(ctx, root(devAccount), prod, nil), registry.AccessDenied)
}
