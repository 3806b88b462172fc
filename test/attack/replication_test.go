package attack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// replicate has what the client pushes replicated to a registry of the account in each of the Regions.
func (c *client) replicate(account tenant, regions ...string) {
	c.p.t.Helper()
	var to []types.ReplicationDestination
	for _, r := range regions {
		to = append(to, types.ReplicationDestination{Region: &r, RegistryId: &account.id})
	}
	if _, err := c.ecr.PutReplicationConfiguration(context.Background(), &ecr.PutReplicationConfigurationInput{
		ReplicationConfiguration: &types.ReplicationConfiguration{Rules: []types.ReplicationRule{{Destinations: to}}},
	}); err != nil {
		c.p.t.Fatal(err)
	}
}

// pushTagged pushes the nth image of one layer under so many tags at once.
func (c *client) pushTagged(repo string, layer ocispec.Descriptor, n,
	tags int) (d digest.Digest, status int, header http.Header, answer []byte, err error) {
	image := manifestOf([]ocispec.Descriptor{layer}, func(m *ocispec.Manifest) {
		m.Annotations = map[string]string{"n": fmt.Sprint(n)}
	})
	d = digest.FromBytes(image)
	query := make([]string, tags)
	for i := range query {
		query[i] = fmt.Sprintf("tag=%d-%d", n, i)
	}
	status, header, answer, err = c.ask("PUT", fmt.Sprintf("%s/manifests/%s?%s", repo, d, strings.Join(query, "&")), image,
		"Content-Type", ocispec.MediaTypeImageManifest)
	return d, status, header, answer, err
}

// tries is how many replications the program has tried.
func (p *program) tries() (n float64) {
	for _, result := range []string{"complete", "failed", "retried"} {
		n += p.metric(fmt.Sprintf(`twinport_replication_tries_total{result=%q}`, result))
	}
	return n
}

// replicated pushes an image and returns how long its replication took after that.
func (c *client) replicated(repo, tag string) (time.Duration, error) {
	if err := c.push(repo, tag); err != nil {
		return 0, err
	}
	begun := time.Now()
	for {
		out, err := c.ecr.DescribeImageReplicationStatus(context.Background(), &ecr.DescribeImageReplicationStatusInput{
			RepositoryName: &repo, ImageId: &types.ImageIdentifier{ImageTag: &tag},
		})
		if err != nil {
			return 0, err
		}
		if len(out.ReplicationStatuses) != 1 {
			return 0, fmt.Errorf("%s has %d replications", tag, len(out.ReplicationStatuses))
		}
		switch d := time.Since(begun); out.ReplicationStatuses[0].Status {
		case types.ReplicationStatusComplete:
			return d, nil
		case types.ReplicationStatusInProgress:
			if d > time.Minute {
				return 0, fmt.Errorf("the replication of %s is in progress after %v", tag, d)
			}
			time.Sleep(5 * time.Millisecond)
		default:
			return 0, fmt.Errorf("the replication of %s failed: %s", tag, aws.ToString(out.ReplicationStatuses[0].FailureCode))
		}
	}
}

// TestReplicationFlood: a tenant has as much replicated as it may, all the time. What the victim pushes is replicated
// before what waits of the other, about as soon as in quiet.
func TestReplicationFlood(t *testing.T) {
	p := start(t)
	d, long := attackTime()
	v, m := p.as(victim), p.as(mallory)
	v.createRepository("app")
	v.replicate(victim, others[0])
	m.createRepository("flood")
	layer, err := m.putBlob("flood", []byte("layer"))
	if err != nil {
		t.Fatal(err)
	}
	m.replicate(mallory, others...)

	// More than one push may make is refused for good, and nothing of it is stored.
	large, status, _, answer, err := m.pushTagged("flood", layer, 0, 21)
	if err != nil || status != http.StatusForbidden || !strings.Contains(string(answer), `"DENIED"`) ||
		!strings.Contains(string(answer), "525 replications") {
		t.Errorf("525 replications of one push: %d %s %v", status, answer, err)
	}
	if _, err := m.want(http.StatusNotFound, "GET", "flood/manifests/"+large.String(), nil); err != nil {
		t.Error(err)
	}

	n := 0
	measure := func(d time.Duration) (all []time.Duration, behind int) {
		for end := time.Now().Add(d); len(all) < 3 || time.Now().Before(end); n++ {
			waiting, before := p.metric("twinport_replications_waiting"), p.tries()
			took, err := v.replicated("app", fmt.Sprint("v", n))
			if err != nil {
				t.Error(err)
				break
			}
			if tried := p.tries() - before; waiting > 1000 && tried > waiting {
				behind++
			}
			all = append(all, took)
			time.Sleep(20 * time.Millisecond) // now and then
		}
		return all, behind
	}
	inQuiet, _ := measure(min(d, 10*time.Second))
	quiet := p99(inQuiet)

	over, ended := make(chan struct{}), make(chan struct{})
	flooded := make(chan struct{})
	pushes, refused := 0, 0
	go func() {
		defer close(ended)
		for i := 1; ; i++ {
			if i == 5 {
				close(flooded)
			}
			image, status, header, answer, err := m.pushTagged("flood", layer, i, 20)
			switch {
			case err != nil:
				t.Error(err)
			case status == http.StatusCreated:
				pushes++
			case status == http.StatusTooManyRequests && header.Get("Retry-After") != "" &&
				strings.Contains(string(answer), `"TOOMANYREQUESTS"`):
				if refused++; refused == 1 {
					if _, err := m.want(http.StatusNotFound, "GET", "flood/manifests/"+image.String(), nil); err != nil {
						t.Errorf("a push that was refused: %v", err)
					}
				}
				time.Sleep(100 * time.Millisecond)
			default:
				t.Errorf("a push of the attacker: %d %v %s", status, header, answer)
				err = errors.New("ended")
			}
			select {
			case <-over:
				return
			default:
				if err != nil {
					if i < 5 {
						close(flooded)
					}
					return
				}
			}
		}
	}()
	<-flooded
	taken, behind := measure(d)
	waiting := p.metric("twinport_replications_waiting")
	close(over)
	<-ended
	flood := p99(taken)
	t.Logf("p99 of %d replications %v, of %d in quiet %v; %d pushes of 500 replications, %d refused; at the end %v "+
		"wait; %d waited behind the flood",
		len(taken), flood, len(inQuiet), quiet, pushes, refused, waiting, behind)
	if behind > 0 {
		t.Errorf("%d of %d replications of the victim came after all that waited", behind, len(taken))
	}
	floor := shortNoise
	if long {
		floor = time.Second
	}
	if flood > max(times*quiet, floor) {
		t.Errorf("the victim's replications were slower than %d times in quiet", times)
	}
}

// TestRefusedReplications: a tenant has very much replicated to the victim, who refuses it. That weighs neither on
// what the victim changes in its registry nor on a start.
func TestRefusedReplications(t *testing.T) {
	p := start(t)
	p.stop()
	begun := time.Now()
	p.serve()
	quiet := time.Since(begun)
	want, limit, allowed := 300_000, 10*time.Minute, 2*time.Second
	if _, long := attackTime(); !long {
		want, limit, allowed = 20_000, 8*time.Second, 10*time.Second // beside other tests
	}
	v, m := p.as(victim), p.as(mallory)
	m.createRepository("refused")
	layer, err := m.putBlob("refused", []byte("layer"))
	if err != nil {
		t.Fatal(err)
	}
	m.replicate(victim, region)
	failed := func() int { return int(p.metric(`twinport_replication_tries_total{result="failed"}`)) }
	end := time.Now().Add(limit)
	for i, pushed := 1, 0; failed() < want && time.Now().Before(end); i++ {
		if pushed >= want {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		_, status, _, answer, err := m.pushTagged("refused", layer, i, 100)
		switch {
		case err == nil && status == http.StatusCreated:
			pushed += 100
		case err == nil && status == http.StatusTooManyRequests:
			time.Sleep(time.Second)
		default:
			t.Fatalf("push %d: %d %s %v", i, status, answer, err)
		}
	}
	refusals := failed()
	if refusals < 100 {
		t.Errorf("only %d replications were refused", refusals)
	}

	ctx := context.Background()
	change := func(what string, f func() error) time.Duration {
		begun := time.Now()
		if err := f(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		took := time.Since(begun)
		if took > allowed {
			t.Errorf("%s took %v", what, took)
		}
		return took
	}
	grant := func(to tenant) func() error {
		policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Sid": "Replication", "Effect": "Allow", "Principal": map[string]string{"AWS": "arn:aws:iam::" + to.id + ":root"},
			"Action": []string{
				"ecr:ReplicateImage", "ecr:CreateRepository",
			}, "Resource": []string{"arn:aws:ecr:" + region + ":" + victim.id + ":repository/*"},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		return func() error {
			_, err := v.ecr.PutRegistryPolicy(ctx, &ecr.PutRegistryPolicyInput{PolicyText: aws.String(string(policy))})
			return err
		}
	}
	other := change("a policy for another", grant(partner))
	put := change("a policy that lets all in", grant(mallory))
	remove := change("no policy", func() error {
		_, err := v.ecr.DeleteRegistryPolicy(ctx, &ecr.DeleteRegistryPolicyInput{})
		return err
	})
	p.stop()
	begun = time.Now()
	p.serve()
	again := time.Since(begun)
	t.Logf("%d refusals; PutRegistryPolicy %v and %v, DeleteRegistryPolicy %v; start %v, in quiet %v", refusals, other,
		put, remove, again, quiet)
	if again > max(times*quiet, allowed) {
		t.Errorf("a start took %v; with nothing refused it took %v", again, quiet)
	}
}
