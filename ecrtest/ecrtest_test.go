package ecrtest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/twinport/twinport/ecrtest"
)

// The package's surface, which is stable.
var (
	_ func(ecrtest.TB, ...ecrtest.Option) *ecrtest.Server                = ecrtest.Start
	_ func(...ecrtest.Option) (*ecrtest.Server, error)                   = ecrtest.New
	_ func(...ecrtest.Account) ecrtest.Option                            = ecrtest.WithAccounts
	_ func(...string) ecrtest.Option                                     = ecrtest.WithRegions
	_ func(*ecrtest.Server) error                                        = (*ecrtest.Server).Close
	_ func(*ecrtest.Server, ecrtest.Account, string) string              = (*ecrtest.Server).Registry
	_ func(*ecrtest.Server, ecrtest.Account, string) string              = (*ecrtest.Server).RegistryHost
	_ func(*ecrtest.Server, ecrtest.Account, string) (user, pass string) = (*ecrtest.Server).Login
	_ func(*ecrtest.Server, ecrtest.Account, string) []string            = (*ecrtest.Server).Environ
	_ ecrtest.TB                                                         = (*testing.T)(nil)

	_ = ecrtest.Server{Endpoint: "", Accounts: []ecrtest.Account{}, Regions: []string{}}
	_ = ecrtest.Account{ID: "", Name: "", AccessKeyID: "", SecretAccessKey: ""}
)

func login(s *ecrtest.Server, a ecrtest.Account, region string) crane.Option {
	username, password := s.Login(a, region)
	return crane.WithAuth(&authn.Basic{Username: username, Password: password})
}

func createRepository(t *testing.T, c *ecr.Client, name string) (uri string) {
	t.Helper()
	created, err := c.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return *created.Repository.RepositoryUri
}

func randomImage(t *testing.T) v1.Image {
	t.Helper()
	image, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// TestPoliciesAreEnforced: dev pulls from prod's repository when prod's policy
// says so, and not before; nor does it push.
func TestPoliciesAreEnforced(t *testing.T) {
	t.Parallel()
	s := ecrtest.Start(t)
	prod, dev, region := s.Accounts[0], s.Accounts[1], s.Regions[0]
	owner, guest := client(s, prod, region), client(s, dev, region)
	uri := createRepository(t, owner, "app")
	if want := s.Registry(prod, region) + "/app"; uri != want {
		t.Errorf("the repository's URI is %s, want %s", uri, want)
	}
	image := randomImage(t)
	if err := crane.Push(image, uri+":1", login(s, prod, region)); err != nil {
		t.Fatal(err)
	}
	describe := func() error {
		_, err := guest.DescribeImages(t.Context(), &ecr.DescribeImagesInput{
			RegistryId: &prod.ID, RepositoryName: aws.String("app"),
		})
		return err
	}
	pull := func() error {
		_, err := crane.Pull(uri+":1", login(s, dev, region))
		return err
	}
	refused := func(what string, err error) {
		t.Helper()
		api, isAPI := errors.AsType[smithy.APIError](err)
		oci, isOCI := errors.AsType[*transport.Error](err)
		if !(isAPI && api.ErrorCode() == "AccessDeniedException") && !(isOCI && oci.StatusCode == http.StatusForbidden) {
			t.Errorf("%s: %v; want that it is refused", what, err)
		}
	}
	refused("describe without a policy", describe())
	refused("pull without a policy", pull())
	if _, err := owner.SetRepositoryPolicy(t.Context(), &ecr.SetRepositoryPolicyInput{
		RepositoryName: aws.String("app"),
		PolicyText: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` +
			dev.ID + `:root"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]}]}`),
	}); err != nil {
		t.Fatal(err)
	}
	if err := pull(); err != nil {
		t.Errorf("pull with the policy: %v", err)
	}
	refused("describe, which the policy does not name", describe())
	refused("push, which the policy does not name", crane.Push(image, uri+":2", login(s, dev, region)))
}

// TestReplicationReplicates: what prod pushes in one Region appears in dev's
// registry of another one, once dev lets it in.
func TestReplicationReplicates(t *testing.T) {
	t.Parallel()
	s := ecrtest.Start(t)
	prod, dev, here, there := s.Accounts[0], s.Accounts[1], s.Regions[0], s.Regions[1]
	source, destination := client(s, prod, here), client(s, dev, there)
	if _, err := source.PutReplicationConfiguration(t.Context(), &ecr.PutReplicationConfigurationInput{
		ReplicationConfiguration: &types.ReplicationConfiguration{Rules: []types.ReplicationRule{
			{Destinations: []types.ReplicationDestination{{Region: &there, RegistryId: &dev.ID}}},
		}},
	}); err != nil {
		t.Fatal(err)
	}
	uri := createRepository(t, source, "app")
	image := randomImage(t)
	if err := crane.Push(image, uri+":1", login(s, prod, here)); err != nil {
		t.Fatal(err)
	}
	status := func() types.ReplicationStatus {
		out, err := source.DescribeImageReplicationStatus(t.Context(), &ecr.DescribeImageReplicationStatusInput{
			RepositoryName: aws.String("app"), ImageId: &types.ImageIdentifier{ImageTag: aws.String("1")},
		})
		if err != nil || len(out.ReplicationStatuses) != 1 {
			t.Fatalf("the status of the replication: %+v, %v", out, err)
		}
		return out.ReplicationStatuses[0].Status
	}
	eventually(t, func() error {
		if got := status(); got != types.ReplicationStatusFailed {
			return fmt.Errorf("the replication is %s without a grant", got)
		}
		return nil
	})
	if _, err := destination.PutRegistryPolicy(t.Context(), &ecr.PutRegistryPolicyInput{
		PolicyText: aws.String(`{"Version":"2012-10-17","Statement":[{"Sid":"prod","Effect":"Allow","Principal":{"AWS":` +
			`"arn:aws:iam::` + prod.ID + `:root"},"Action":["ecr:CreateRepository",` +
			`"ecr:ReplicateImage"],"Resource":"arn:aws:ecr:` + there + `:` + dev.ID + `:repository/*"}]}`),
	}); err != nil {
		t.Fatal(err)
	}
	want, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		got, err := crane.Digest(s.Registry(dev, there)+"/app:1", login(s, dev, there))
		if err == nil && got != want.String() {
			t.Errorf("dev has %s, want %s", got, want)
		}
		return err
	})
	copied, err := crane.Pull(s.Registry(dev, there)+"/app:1", login(s, dev, there))
	if err != nil {
		t.Fatal(err)
	}
	if layers, err := copied.Layers(); err != nil || len(layers) != 2 {
		t.Errorf("the copy has %d layers, %v", len(layers), err)
	}
}

func eventually(t *testing.T, done func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := done()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestRegistryHost is ECR's own form, for clients that find the name.
func TestRegistryHost(t *testing.T) {
	t.Parallel()
	s := ecrtest.Start(t)
	prod, region := s.Accounts[0], s.Regions[1]
	createRepository(t, client(s, prod, region), "app")
	host := s.RegistryHost(prod, region)
	dialing := http.DefaultTransport.(*http.Transport).Clone()
	dialing.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(s.Endpoint, "http://"))
	}
	defer dialing.CloseIdleConnections()
	if err := crane.Push(randomImage(t), host+"/app:1", login(s, prod, region), crane.WithTransport(dialing)); err != nil {
		t.Error(err)
	}
	tags, err := crane.ListTags(s.Registry(prod, region)+"/app", login(s, prod, region))
	if err != nil || len(tags) != 1 {
		t.Errorf("the tags are %v, %v", tags, err)
	}
}

// TestOptions: accounts and Regions as given, made whole; what is wrong says so.
func TestOptions(t *testing.T) {
	t.Parallel()
	s := ecrtest.Start(t, ecrtest.WithAccounts(ecrtest.Account{ID: "123456789012"},
		ecrtest.Account{
			ID: "210987654321", Name: "other", AccessKeyID: "AKIAOTHER00000000000", SecretAccessKey: strings.Repeat("s", 40),
		}),
		ecrtest.WithRegions("osaka-dc1"))
	if len(s.Accounts) != 2 || len(s.Regions) != 1 || s.Accounts[0].Name != "123456789012" {
		t.Fatalf("it serves %v in %v", s.Accounts, s.Regions)
	}
	for _, a := range s.Accounts {
		createRepository(t, client(s, a, "osaka-dc1"), "app")
	}
	guessed := ecrtest.Account{ID: "123456789012", AccessKeyID: s.Accounts[0].AccessKeyID}
	if _, password := s.Login(guessed, "osaka-dc1"); password != "" {
		t.Error("there is a login without the secret")
	}
	for _, c := range []struct {
		option ecrtest.Option
		want   string
	}{
		{ecrtest.WithAccounts(), "at least one"},
		{ecrtest.WithAccounts(ecrtest.Account{ID: "12"}), "twelve digits"},
		{ecrtest.WithRegions(), "at least one"},
		{ecrtest.WithRegions("Tokyo"), "Tokyo"},
	} {
		wrong, err := ecrtest.New(c.option)
		if err == nil {
			wrong.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; want that it says %q", err, c.want)
		}
	}
}

// TestManyAtOnce: servers side by side know nothing of each other, and leave no
// goroutine behind.
func TestManyAtOnce(t *testing.T) {
	before := goroutines()
	t.Run("servers", func(t *testing.T) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				s := ecrtest.Start(t)
				c := client(s, s.Accounts[0], s.Regions[0])
				for _, name := range []string{"one", "two"} {
					if _, err := c.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: &name}); err != nil {
						t.Error(err)
					}
				}
				if err := crane.Push(randomImage(t), s.Registry(s.Accounts[0], s.Regions[0])+"/one:1",
					login(s, s.Accounts[0], s.Regions[0])); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
	eventually(t, func() error {
		for stack := range goroutines() {
			for _, ours := range []string{"twinport/internal/", "database/sql.", "net/http.(*Server)"} {
				if !before[stack] && strings.Contains(stack, ours) {
					return fmt.Errorf("a goroutine is left:\n%s", stack)
				}
			}
		}
		return nil
	})
}

// goroutines are the stacks of all.
func goroutines() map[string]bool {
	buffer := make([]byte, 8<<20)
	all := map[string]bool{}
	for stack := range strings.SplitSeq(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
		all[stack] = true
	}
	return all
}

// BenchmarkStart starts a server and stops it.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s, err := ecrtest.New()
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
