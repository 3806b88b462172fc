package test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The tests of this file follow the considerations of ECR's page on private
// image replication, one by one.

// settle is how long a test watches for what must not happen.
const settle = 400 * time.Millisecond

// replicating starts a server whose prod registry in Tokyo replicates
// everything to dev in Tokyo, which grants it.
func replicating(t *testing.T) (s *server, source, target *ociClient) {
	t.Helper()
	s = newServer(t)
	s.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	s.replicate(prod, tokyo, rule{to: []destination{{dev, tokyo}}})
	return s, s.oci(prod, tokyo), s.oci(dev, tokyo)
}

var devTokyo = destination{dev, tokyo}

func TestReplicationCopiesWhatIsPushedAfterwards(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	source, target := s.oci(prod, tokyo), s.oci(dev, tokyo)
	s.createRepository(prod, tokyo, "app")
	before, after := makeImage("before", nil, ""), makeImage("after", nil, "")
	source.mustPush("app", "before", before)
	s.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	s.replicate(prod, tokyo, rule{to: []destination{devTokyo}})
	source.mustPush("app", "after", after)
	s.wantStatus(prod, tokyo, "app", "after", devTokyo, types.ReplicationStatusComplete)
	if err := target.wantPull("app", "after", after.digest); err != nil {
		t.Error(err)
	}
	throughout(t, settle, func() error { return target.wantAbsent("app", "before") })
	if got := s.statuses(prod, tokyo, "app", "before"); len(got) != 0 {
		t.Errorf("what was pushed before the rule has statuses: %+v", got)
	}

	// Pushing it again under a tag is a push like any other.
	if err := source.putManifest("app", "again", ocispec.MediaTypeImageManifest, before.manifest); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error { return target.wantPull("app", "again", before.digest) })
}

func TestReplicationByPrefix(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	s.replicate(prod, tokyo, rule{to: []destination{devTokyo}, prefixes: []string{"team/a", "apple"}})
	source, target := s.oci(prod, tokyo), s.oci(dev, tokyo)
	// A filter is a plain prefix: it takes in longer names of any kind.
	replicated := map[string]bool{"team/a": true, "team/a/x": true, "team/alpha": true, "apple": true, "applepie": true,
		"team/b": false, "team": false, "green/apple": false, "appl": false}
	pushed := makeImage("prefix", nil, "")
	for repo := range replicated {
		s.createRepository(prod, tokyo, repo)
		source.mustPush(repo, "1", pushed)
	}
	for repo, want := range replicated {
		if want {
			eventually(t, patience, func() error { return target.wantPull(repo, "1", pushed.digest) })
		}
	}
	throughout(t, settle, func() error {
		for repo, want := range replicated {
			if err := target.wantAbsent(repo, "1"); !want && err != nil {
				return err
			}
		}
		return nil
	})
}

func TestReplicationToSeveralDestinations(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	s.grant(dev, oregon, prod, "ReplicateImage", "CreateRepository")
	// The account's own other Regions need no grant. mallory grants nothing.
	destinations := []destination{{prod, virginia}, {prod, oregon}, devTokyo, {dev, oregon}, {mallory, virginia}}
	s.replicate(prod, tokyo,
		rule{to: destinations[:2]},
		rule{to: destinations[1:4], prefixes: []string{"team/"}}, // overlaps the first
		rule{to: destinations[4:]})
	s.createRepository(prod, tokyo, "team/app")
	pushed := makeImage("several", nil, "")
	source := s.oci(prod, tokyo)
	source.mustPush("team/app", "1", pushed)
	for _, to := range destinations[:4] {
		s.wantStatus(prod, tokyo, "team/app", "1", to, types.ReplicationStatusComplete)
		// By digest the status is the same.
		s.wantStatus(prod, tokyo, "team/app", pushed.digest.String(), to, types.ReplicationStatusComplete)
		if err := s.oci(to.account, to.region).wantPull("team/app", "1", pushed.digest); err != nil {
			t.Errorf("%s/%s: %v", to.account.name, to.region, err)
		}
	}
	refused := s.wantStatus(prod, tokyo, "team/app", "1", destinations[4], types.ReplicationStatusFailed)
	if aws.ToString(refused.FailureCode) == "" {
		t.Error("a refused replication has no failure code")
	}
	if got := s.statuses(prod, tokyo, "team/app", "1"); len(got) != len(destinations) {
		t.Errorf("%d destinations have %d statuses", len(destinations), len(got))
	}
}

func TestReplicationDoesNotChain(t *testing.T) {
	t.Parallel()
	s, source, middle := replicating(t)
	s.replicate(dev, tokyo, rule{to: []destination{{dev, oregon}}})
	last := s.oci(dev, oregon)
	s.createRepository(prod, tokyo, "app")
	pushed := makeImage("chain", nil, "")
	source.mustPush("app", "1", pushed)
	eventually(t, patience, func() error { return middle.wantPull("app", "1", pushed.digest) })
	throughout(t, settle, func() error { return last.wantAbsent("app", "1") })

	// What is pushed to the middle itself does go on: the rule works.
	own := makeImage("middle's own", nil, "")
	middle.mustPush("app", "2", own)
	eventually(t, patience, func() error { return last.wantPull("app", "2", own.digest) })
	if err := last.wantAbsent("app", "1"); err != nil {
		t.Error(err)
	}
}

// TestReplicationInACircle: two registries that replicate to each other.
func TestReplicationInACircle(t *testing.T) {
	t.Parallel()
	s, source, target := replicating(t)
	s.grant(prod, tokyo, dev, "ReplicateImage", "CreateRepository")
	s.replicate(dev, tokyo, rule{to: []destination{{prod, tokyo}}})
	s.createRepository(prod, tokyo, "app")
	first, second := makeImage("first", nil, ""), makeImage("second", nil, "")
	source.mustPush("app", "1", first)
	eventually(t, patience, func() error { return target.wantPull("app", "1", first.digest) })
	target.mustPush("app", "1", second)
	eventually(t, patience, func() error { return source.wantPull("app", "1", second.digest) })
	throughout(t, settle, func() error {
		return errors.Join(source.wantPull("app", "1", second.digest), target.wantPull("app", "1", second.digest))
	})
}

func TestReplicationNeedsAGrant(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.replicate(prod, tokyo, rule{to: []destination{devTokyo}})
	source, target := s.oci(prod, tokyo), s.oci(dev, tokyo)
	s.createRepository(prod, tokyo, "app")
	first, second := makeImage("first", nil, ""), makeImage("second", nil, "")

	source.mustPush("app", "1", first)
	status := s.wantStatus(prod, tokyo, "app", "1", devTokyo, types.ReplicationStatusFailed)
	noGrant := aws.ToString(status.FailureCode)
	if noGrant == "" {
		t.Error("a replication without a grant has no failure code")
	}
	if err := target.wantAbsent("app", "1"); err != nil {
		t.Error(err)
	}

	// ReplicateImage alone does not create the repository.
	s.grant(dev, tokyo, prod, "ReplicateImage")
	throughout(t, settle, func() error { return target.wantAbsent("app", "1") })
	s.wantStatus(prod, tokyo, "app", "1", devTokyo, types.ReplicationStatusFailed)
	_, err := s.ecr(dev, tokyo).DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"app"}})
	wantCode(t, err, "RepositoryNotFoundException", "")

	// A repository made by hand is enough; a new push then succeeds.
	s.createRepository(dev, tokyo, "byhand")
	s.createRepository(prod, tokyo, "byhand")
	source.mustPush("byhand", "1", first)
	s.wantStatus(prod, tokyo, "byhand", "1", devTokyo, types.ReplicationStatusComplete)

	// The change of policy completes what was refused, without another push.
	source.mustPush("app", "2", second)
	s.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	s.wantStatus(prod, tokyo, "app", "1", devTokyo, types.ReplicationStatusComplete)
	s.wantStatus(prod, tokyo, "app", "2", devTokyo, types.ReplicationStatusComplete)
	for tag, want := range map[string]image{"1": first, "2": second} {
		if err := target.wantPull("app", tag, want.digest); err != nil {
			t.Error(err)
		}
	}

	// Taking the grant away stops what is pushed from then on, and nothing else.
	if _, err := s.ecr(dev, tokyo).DeleteRegistryPolicy(ctx, &ecr.DeleteRegistryPolicyInput{}); err != nil {
		t.Fatal(err)
	}
	third := makeImage("third", nil, "")
	source.mustPush("app", "3", third)
	s.wantStatus(prod, tokyo, "app", "3", devTokyo, types.ReplicationStatusFailed)
	if err := errors.Join(target.wantAbsent("app", "3"), target.wantPull("app", "1", first.digest)); err != nil {
		t.Error(err)
	}
}

// TestReplicationGrantMeetsTry sets the policy while a try without it is under
// way: whichever comes first, the replication must not stay refused.
func TestReplicationGrantMeetsTry(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.replicate(prod, tokyo, rule{to: []destination{devTokyo}})
	source := s.oci(prod, tokyo)
	s.createRepository(prod, tokyo, "app")
	pushed := makeImage("race", nil, "")
	source.mustPush("app", "first", pushed)
	for i := range 40 {
		tag := fmt.Sprint(i)
		if err := source.putManifest("app", tag, ocispec.MediaTypeImageManifest, pushed.manifest); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i%8) * 100 * time.Microsecond)
		s.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
		s.wantStatus(prod, tokyo, "app", tag, devTokyo, types.ReplicationStatusComplete)
		if _, err := s.ecr(dev, tokyo).DeleteRegistryPolicy(ctx, &ecr.DeleteRegistryPolicyInput{}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReplicationPolicyDecides: the destination's policy is evaluated on the
// repository and the source account.
func TestReplicationPolicyDecides(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.replicate(prod, tokyo, rule{to: []destination{devTokyo}})
	source, target := s.oci(prod, tokyo), s.oci(dev, tokyo)
	pushed := makeImage("decides", nil, "")
	set := func(policy string) {
		t.Helper()
		if _, err := s.ecr(dev, tokyo).PutRegistryPolicy(ctx, &ecr.PutRegistryPolicyInput{PolicyText: &policy}); err != nil {
			t.Fatal(err)
		}
	}
	set(`{"Version":"2012-10-17","Statement":[
		{"Sid":"team","Effect":"Allow","Principal":{"AWS":"` + prod.id +
		`"},"Action":["ecr:CreateRepository","ecr:ReplicateImage"],"Resource":"arn:aws:ecr:` + tokyo + `:` + dev.id +
		`:repository/team/*"},
		{"Sid":"secret","Effect":"Deny","Principal":"*","Action":"ecr:ReplicateImage","Resource":"arn:aws:ecr:` + tokyo +
		`:` + dev.id + `:repository/team/secret*"}]}`)
	for repo, want := range map[string]types.ReplicationStatus{
		"team/app":     types.ReplicationStatusComplete,
		"team/secrets": types.ReplicationStatusFailed, // an explicit deny
		"other/app":    types.ReplicationStatusFailed, // no statement
	} {
		s.createRepository(prod, tokyo, repo)
		source.mustPush(repo, "1", pushed)
		s.wantStatus(prod, tokyo, repo, "1", devTokyo, want)
		pull := target.wantAbsent
		if want == types.ReplicationStatusComplete {
			pull = func(repo, ref string) error { return target.wantPull(repo, ref, pushed.digest) }
		}
		if err := pull(repo, "1"); err != nil {
			t.Error(err)
		}
	}
	// A grant to another account is none to prod.
	s.grant(dev, tokyo, mallory, "ReplicateImage", "CreateRepository")
	s.createRepository(prod, tokyo, "team/late")
	source.mustPush("team/late", "1", pushed)
	s.wantStatus(prod, tokyo, "team/late", "1", devTokyo, types.ReplicationStatusFailed)
}

func TestReplicationFollowsTags(t *testing.T) {
	t.Parallel()
	s, source, target := replicating(t)
	s.createRepository(prod, tokyo, "app")
	first, second := makeImage("first", nil, ""), makeImage("second", nil, "")
	source.mustPush("app", "latest", first)
	eventually(t, patience, func() error { return target.wantPull("app", "latest", first.digest) })
	source.mustPush("app", "latest", second)
	eventually(t, patience, func() error { return target.wantPull("app", "latest", second.digest) })
	// The image that lost its tag stays, untagged.
	if err := target.wantPull("app", first.digest.String(), first.digest); err != nil {
		t.Error(err)
	}
	// And back: the same content under the same tag again.
	source.mustPush("app", "latest", first)
	eventually(t, patience, func() error { return target.wantPull("app", "latest", first.digest) })

	// A retag by the AWS API replicates too.
	if _, err := s.ecr(prod, tokyo).PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: aws.String("app"), ImageTag: aws.String("stable"), ImageManifest: aws.String(string(second.manifest)),
	}); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error { return target.wantPull("app", "stable", second.digest) })

	// A push by digest replicates without a tag.
	third := makeImage("third", nil, "")
	source.mustPush("app", "", third)
	eventually(t, patience, func() error { return target.wantPull("app", third.digest.String(), third.digest) })
}

// TestReplicationEndsOnTheLastPush pushes one tag many times, fast and from
// several clients; in whatever order copies run, the last push wins.
func TestReplicationEndsOnTheLastPush(t *testing.T) {
	t.Parallel()
	s, source, target := replicating(t)
	s.createRepository(prod, tokyo, "app")
	var images []image
	for i := range 20 {
		images = append(images, makeImage(fmt.Sprint("push ", i), nil, ""))
		source.mustPush("app", fmt.Sprint("v", i), images[i])
	}
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for _, i := range images {
				if err := source.putManifest("app", "latest", ocispec.MediaTypeImageManifest, i.manifest); err != nil {
					t.Error(err)
				}
			}
		})
	}
	clients.Wait()
	last, err := source.pull("app", "latest")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error { return target.wantPull("app", "latest", last) })
	throughout(t, settle, func() error { return target.wantPull("app", "latest", last) })
	for i, image := range images {
		eventually(t, patience, func() error { return target.wantPull("app", fmt.Sprint("v", i), image.digest) })
	}
}

// TestReplicationIntoImmutableTags: the image arrives, without the tag that
// is taken.
func TestReplicationIntoImmutableTags(t *testing.T) {
	t.Parallel()
	s, source, target := replicating(t)
	if _, err := s.ecr(dev, tokyo).CreateRepository(ctx, &ecr.CreateRepositoryInput{
		RepositoryName: aws.String("app"), ImageTagMutability: types.ImageTagMutabilityImmutable,
	}); err != nil {
		t.Fatal(err)
	}
	s.createRepository(prod, tokyo, "app")
	first, second := makeImage("first", nil, ""), makeImage("second", nil, "")
	source.mustPush("app", "1", first)
	s.wantStatus(prod, tokyo, "app", "1", devTokyo, types.ReplicationStatusComplete)
	source.mustPush("app", "1", second)
	s.wantStatus(prod, tokyo, "app", second.digest.String(), devTokyo, types.ReplicationStatusComplete)
	if err := errors.Join(
		target.wantPull("app", second.digest.String(), second.digest),
		target.wantPull("app", "1", first.digest)); err != nil {
		t.Error(err)
	}
}

func TestReplicationOfIndexes(t *testing.T) {
	t.Parallel()
	s, source, target := replicating(t)
	s.createRepository(prod, tokyo, "app")
	a, b, c := makeImage("a", nil, ""), makeImage("b", nil, ""), makeImage("c", nil, "")
	for _, child := range []image{a, b, c} {
		source.mustPush("app", "", child)
	}
	inner := makeIndex(a.descriptor(), b.descriptor())
	outer := makeIndex(descriptor(ocispec.MediaTypeImageIndex, inner), c.descriptor())
	if err := source.putManifest("app", digest.FromBytes(inner).String(), ocispec.MediaTypeImageIndex, inner); err != nil {
		t.Fatal(err)
	}
	if err := source.putManifest("app", "all", ocispec.MediaTypeImageIndex, outer); err != nil {
		t.Fatal(err)
	}
	// The destination must never show the tag before all that it names.
	deadline := time.Now().Add(patience)
	for {
		d, err := target.pull("app", "all")
		if err == nil && d == digest.FromBytes(outer) {
			break
		}
		var missing *statusError
		if shown := target.wantAbsent("app", "all") != nil; errors.As(err, &missing) && shown &&
			missing.answer.status != http.StatusNotFound {
			t.Fatalf("the index is there, but: %v", err)
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	s.wantStatus(prod, tokyo, "app", "all", devTokyo, types.ReplicationStatusComplete)
}

// TestReplicationOfChildrenPushedBefore: children that were pushed before the
// rule existed come along with an index that is pushed after it.
func TestReplicationOfChildrenPushedBefore(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	source, target := s.oci(prod, tokyo), s.oci(dev, tokyo)
	s.createRepository(prod, tokyo, "app")
	child := makeImage("child", nil, "")
	source.mustPush("app", "", child)
	s.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	s.replicate(prod, tokyo, rule{to: []destination{devTokyo}})
	index := makeIndex(child.descriptor())
	if err := source.putManifest("app", "1", ocispec.MediaTypeImageIndex, index); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error { return target.wantPull("app", "1", digest.FromBytes(index)) })
}

func TestReplicationOfReferrers(t *testing.T) {
	t.Parallel()
	s, source, target := replicating(t)
	s.createRepository(prod, tokyo, "app")
	subject := makeImage("subject", nil, "")
	of := subject.descriptor()
	signature := makeImage("signature", &of, "application/vnd.example.signature")
	// The signature may even come first.
	source.mustPush("app", "", signature)
	source.mustPush("app", "1", subject)
	sbom := makeImage("sbom", &of, "application/vnd.example.sbom")
	source.mustPush("app", "", sbom)
	for _, d := range []digest.Digest{signature.digest, sbom.digest, subject.digest} {
		eventually(t, patience, func() error { return target.wantPull("app", d.String(), d) })
	}
	a := target.want(target.do("GET", "app/referrers/"+subject.digest.String(), nil), 200, "")
	for _, d := range []digest.Digest{signature.digest, sbom.digest} {
		if !bytes.Contains(a.body, []byte(d)) {
			t.Errorf("the referrers at the destination lack %s: %s", d, a.body)
		}
	}
}

func TestReplicationDeletesNothing(t *testing.T) {
	t.Parallel()
	s, source, target := replicating(t)
	s.createRepository(prod, tokyo, "app")
	pushed := makeImage("kept", nil, "")
	source.mustPush("app", "1", pushed)
	source.mustPush("app", "2", pushed)
	eventually(t, patience, func() error { return target.wantPull("app", "2", pushed.digest) })
	eventually(t, patience, func() error { return target.wantPull("app", "1", pushed.digest) })
	kept := func() error {
		return errors.Join(target.wantPull("app", "1", pushed.digest), target.wantPull("app", "2", pushed.digest))
	}
	source.want(source.do("DELETE", "app/manifests/1", nil), http.StatusAccepted, "")
	throughout(t, settle/2, kept)
	source.want(source.do("DELETE", "app/manifests/"+pushed.digest.String(), nil), http.StatusAccepted, "")
	throughout(t, settle/2, kept)
	if _, err := s.ecr(prod, tokyo).DeleteRepository(ctx, &ecr.DeleteRepositoryInput{
		RepositoryName: aws.String("app"), Force: true,
	}); err != nil {
		t.Fatal(err)
	}
	throughout(t, settle/2, kept)
	// Nor does the end of the rule.
	s.replicate(prod, tokyo)
	throughout(t, settle/2, kept)
}

// TestReplicationKeepsSettingsApart: a repository that replication creates
// has ECR's defaults, and policies stay where they are.
func TestReplicationKeepsSettingsApart(t *testing.T) {
	t.Parallel()
	s, source, target := replicating(t)
	if _, err := s.ecr(prod, tokyo).CreateRepository(ctx, &ecr.CreateRepositoryInput{
		RepositoryName: aws.String("app"), ImageTagMutability: types.ImageTagMutabilityImmutable,
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	}); err != nil {
		t.Fatal(err)
	}
	s.allow(prod, tokyo, "app", mallory, pullActions...)
	pushed := makeImage("settings", nil, "")
	source.mustPush("app", "1", pushed)
	eventually(t, patience, func() error { return target.wantPull("app", "1", pushed.digest) })
	out, err := s.ecr(dev, tokyo).DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{
		RepositoryNames: []string{"app"},
	})
	if err != nil {
		t.Fatal(err)
	}
	repo := out.Repositories[0]
	if repo.ImageTagMutability != types.ImageTagMutabilityMutable ||
		repo.EncryptionConfiguration.EncryptionType != types.EncryptionTypeAes256 {
		t.Errorf("replication created %+v", repo)
	}
	_, err = s.ecr(dev, tokyo).GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: aws.String("app")})
	wantCode(t, err, "RepositoryPolicyNotFoundException", "")
}

// TestReplicationBlocksNoOther: refused replications to one destination leave
// those to another as fast as ever.
func TestReplicationBlocksNoOther(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	s.replicate(prod, tokyo, rule{to: []destination{{mallory, tokyo}, devTokyo}})
	source, target := s.oci(prod, tokyo), s.oci(dev, tokyo)
	s.createRepository(prod, tokyo, "app")
	var images []image
	for i := range 50 {
		images = append(images, makeImage(fmt.Sprint("image ", i), nil, ""))
		source.mustPush("app", fmt.Sprint(i), images[i])
	}
	eventually(t, patience, func() error {
		for i, image := range images {
			if err := target.wantPull("app", fmt.Sprint(i), image.digest); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestReplicationSurvivesRestarts: what was refused completes after a
// restart and a change of policy, in either order.
func TestReplicationSurvivesRestarts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.replicate(prod, tokyo, rule{to: []destination{devTokyo, {prod, oregon}}})
	source, target := s.oci(prod, tokyo), s.oci(dev, tokyo)
	s.createRepository(prod, tokyo, "app")
	first, second := makeImage("first", nil, ""), makeImage("second", nil, "")
	source.mustPush("app", "1", first)
	s.wantStatus(prod, tokyo, "app", "1", devTokyo, types.ReplicationStatusFailed)
	s.restart(syscall.SIGKILL)
	s.wantStatus(prod, tokyo, "app", "1", devTokyo, types.ReplicationStatusFailed)
	s.wantStatus(prod, tokyo, "app", "1", destination{prod, oregon}, types.ReplicationStatusComplete)
	source.mustPush("app", "2", second)
	s.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	s.restart(syscall.SIGTERM)
	for tag, want := range map[string]image{"1": first, "2": second} {
		eventually(t, patience, func() error { return target.wantPull("app", tag, want.digest) })
	}
}

// TestReplicationConfigurationIsChecked: ECR's limits, and rules that make no
// sense.
func TestReplicationConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := s.ecr(prod, tokyo)
	put := func(rules ...rule) error {
		config := &types.ReplicationConfiguration{Rules: []types.ReplicationRule{}}
		for _, r := range rules {
			config.Rules = append(config.Rules, r.sdk())
		}
		_, err := client.PutReplicationConfiguration(ctx, &ecr.PutReplicationConfigurationInput{
			ReplicationConfiguration: config,
		})
		return err
	}
	many := func(n int, r func(i int) rule) (rules []rule) {
		for i := range n {
			rules = append(rules, r(i))
		}
		return rules
	}
	oneOf := func(i int) rule {
		return rule{to: []destination{devTokyo}, prefixes: []string{fmt.Sprintf("team%d/", i)}}
	}
	numbered := func(n int) (list []destination) {
		for i := range n {
			list = append(list, destination{account{id: fmt.Sprintf("2000000000%02d", i)}, tokyo})
		}
		return list
	}
	prefixes := func(n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("p%d/", i))
		}
		return list
	}
	good := map[string][]rule{
		"25 rules":         many(25, oneOf),
		"25 destinations":  {{to: numbered(25)}},
		"the same twice":   {{to: numbered(25)}, {to: numbered(25), prefixes: []string{"x1"}}},
		"100 filters":      {{to: []destination{devTokyo}, prefixes: prefixes(100)}},
		"an own Region":    {{to: []destination{{prod, oregon}}}},
		"none: it is over": {},
	}
	for name, rules := range good {
		if err := put(rules...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := put(oneOf(7)); err != nil {
		t.Fatal(err)
	}
	bad := map[string][]rule{
		"26 rules":               many(26, oneOf),
		"26 destinations":        {{to: numbered(13)}, {to: numbered(26)[13:]}},
		"101 filters":            {{to: []destination{devTokyo}, prefixes: prefixes(101)}},
		"itself":                 {{to: []destination{{prod, tokyo}}}},
		"an unknown Region":      {{to: []destination{{dev, "eu-nowhere-1"}}}},
		"no account number":      {{to: []destination{{account{id: "dev"}, tokyo}}}},
		"a filter in capitals":   {{to: []destination{devTokyo}, prefixes: []string{"Team"}}},
		"a filter of one letter": {{to: []destination{devTokyo}, prefixes: []string{"t"}}},
	}
	for name, rules := range bad {
		err := put(rules...)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if !strings.Contains(err.Error(), "InvalidParameterException") &&
			!strings.Contains(err.Error(), "ValidationException") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A refused configuration changes nothing.
	out, err := client.DescribeRegistry(ctx, &ecr.DescribeRegistryInput{})
	if err != nil {
		t.Fatal(err)
	}
	rules := out.ReplicationConfiguration.Rules
	if len(rules) != 1 || len(rules[0].RepositoryFilters) != 1 ||
		aws.ToString(rules[0].RepositoryFilters[0].Filter) != "team7/" ||
		!slices.ContainsFunc(rules[0].Destinations, func(d types.ReplicationDestination) bool {
			return aws.ToString(d.RegistryId) == dev.id
		}) {
		t.Errorf("the configuration is now %+v", rules)
	}
	if aws.ToString(out.RegistryId) != prod.id {
		t.Errorf("the registry is %s", aws.ToString(out.RegistryId))
	}
}
