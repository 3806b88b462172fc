package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/twinport/twinport/internal/config"
)

// tenant is an account as a user of the server sees it: through the AWS SDK.
type tenant struct {
	id, name, region string
	host             string // where docker finds the server, host:port
	ecr              *ecr.Client
}

func newTenant(url, host, region string, account config.Account) *tenant {
	key := account.AccessKeys[0]
	return &tenant{
		id: account.ID, name: account.Name, region: region, host: host,
		ecr: ecr.New(ecr.Options{
			Region:       region,
			BaseEndpoint: aws.String(url),
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, nil
			}),
		}),
	}
}

// repository names the demo's repository by path, which needs no DNS.
func (t *tenant) repository() string {
	return t.host + "/" + t.id + "/" + t.region + "/" + demoRepository
}

func (t *tenant) reference() string { return t.repository() + ":" + demoTag }

// login is what aws ecr get-login-password prints.
func (t *tenant) login(ctx context.Context) (password string, err error) {
	out, err := t.ecr.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return "", fmt.Errorf("log in to %s: %w", t.name, err)
	}
	if len(out.AuthorizationData) != 1 {
		return "", fmt.Errorf("log in to %s: got %d tokens, want 1", t.name, len(out.AuthorizationData))
	}
	token, err := base64.StdEncoding.DecodeString(aws.ToString(out.AuthorizationData[0].AuthorizationToken))
	if err != nil {
		return "", fmt.Errorf("log in to %s: read the token: %w", t.name, err)
	}
	_, password, ok := strings.Cut(string(token), ":")
	if !ok {
		return "", fmt.Errorf("log in to %s: the token is not of the form user:password", t.name)
	}
	return password, nil
}

func (t *tenant) createRepository(ctx context.Context) error {
	_, err := t.ecr.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String(demoRepository)})
	if err != nil {
		return fmt.Errorf("create the repository in %s: %w", t.name, err)
	}
	return nil
}

func (t *tenant) replicateTo(ctx context.Context, destination *tenant) error {
	_, err := t.ecr.PutReplicationConfiguration(ctx, &ecr.PutReplicationConfigurationInput{
		ReplicationConfiguration: &types.ReplicationConfiguration{Rules: []types.ReplicationRule{{
			Destinations: []types.ReplicationDestination{{Region: &destination.region, RegistryId: &destination.id}},
		}}},
	})
	if err != nil {
		return fmt.Errorf("set the replication rule of %s: %w", t.name, err)
	}
	return nil
}

func (t *tenant) putRegistryPolicy(ctx context.Context, statement json.RawMessage) error {
	text, err := json.Marshal(struct {
		Version   string
		Statement []json.RawMessage
	}{"2012-10-17", []json.RawMessage{statement}})
	if err != nil {
		return fmt.Errorf("write the registry policy: %w", err)
	}
	if _, err := t.ecr.PutRegistryPolicy(ctx, &ecr.PutRegistryPolicyInput{
		PolicyText: aws.String(string(text)),
	}); err != nil {
		return fmt.Errorf("set the registry policy of %s: %w", t.name, err)
	}
	return nil
}

// replicationStatus is ECR's ImageReplicationStatus with the member that
// Twinport adds.
type replicationStatus struct {
	Region        string `json:"region"`
	RegistryID    string `json:"registryId"`
	Status        string `json:"status"`
	FailureCode   string `json:"failureCode"`
	FailureReason string `json:"failureReason"`
}

// recorder keeps the body of an answer: the SDK drops members that it does not know.
type recorder struct {
	client ecr.HTTPClient
	body   []byte
}

func (r *recorder) Do(req *http.Request) (*http.Response, error) {
	res, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	r.body, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
	err = errors.Join(err, res.Body.Close())
	res.Body = io.NopCloser(bytes.NewReader(r.body))
	return res, err
}

// status of the tag's replication to the destination; the zero status if there is none.
func (t *tenant) status(ctx context.Context, destination *tenant) (replicationStatus, error) {
	var record recorder
	_, err := t.ecr.DescribeImageReplicationStatus(ctx, &ecr.DescribeImageReplicationStatusInput{
		RepositoryName: aws.String(demoRepository), ImageId: &types.ImageIdentifier{ImageTag: aws.String(demoTag)},
	}, func(o *ecr.Options) {
		record.client = o.HTTPClient
		o.HTTPClient = &record
	})
	if err != nil {
		return replicationStatus{}, fmt.Errorf("ask for the replication status: %w", err)
	}
	var answer struct {
		ReplicationStatuses []replicationStatus `json:"replicationStatuses"`
	}
	if err := json.Unmarshal(record.body, &answer); err != nil {
		return replicationStatus{}, fmt.Errorf("read the replication status: %w", err)
	}
	for _, s := range answer.ReplicationStatuses {
		if s.RegistryID == destination.id && s.Region == destination.region {
			return s, nil
		}
	}
	return replicationStatus{}, nil
}

// awaitStatus waits until the tag's replication to the destination is in the state.
func (t *tenant) awaitStatus(ctx context.Context, destination *tenant,
	state string) (last replicationStatus, err error) {
	err = await(ctx, func() (bool, error) {
		last, err = t.status(ctx, destination)
		return last.Status == state, err
	})
	if errors.Is(err, errPatience) {
		err = fmt.Errorf("the replication to %s is not %s after %v but %q: %s %s", destination.name, state, demoPatience,
			last.Status, last.FailureCode, last.FailureReason)
	}
	return last, err
}

// awaitImage waits until the tag is the image with the digest, and can be got.
func (t *tenant) awaitImage(ctx context.Context, digest string) error {
	last := "nothing"
	err := await(ctx, func() (bool, error) {
		out, err := t.ecr.BatchGetImage(ctx, &ecr.BatchGetImageInput{
			RepositoryName: aws.String(demoRepository), ImageIds: []types.ImageIdentifier{{ImageTag: aws.String(demoTag)}},
		})
		if _, missing := errors.AsType[*types.RepositoryNotFoundException](err); missing {
			return false, nil // the replication makes it
		}
		if err != nil {
			return false, fmt.Errorf("look for the image in %s: %w", t.name, err)
		}
		if len(out.Images) == 1 {
			last = aws.ToString(out.Images[0].ImageId.ImageDigest)
		}
		return last == digest, nil
	})
	if errors.Is(err, errPatience) {
		err = fmt.Errorf("%s of %s is not %s after %v but %s", demoTag, t.name, digest, demoPatience, last)
	}
	return err
}

// awaitLayer waits until the repository has the layer, and returns when that was
// seen.
func (t *tenant) awaitLayer(ctx context.Context, digest string) (time.Time, error) {
	err := await(ctx, func() (bool, error) {
		out, err := t.ecr.BatchCheckLayerAvailability(ctx, &ecr.BatchCheckLayerAvailabilityInput{
			RepositoryName: aws.String(demoRepository), LayerDigests: []string{digest},
		})
		if err != nil {
			return false, fmt.Errorf("look for a layer in %s: %w", t.name, err)
		}
		return len(out.Layers) == 1 && out.Layers[0].LayerAvailability == types.LayerAvailabilityAvailable, nil
	})
	if errors.Is(err, errPatience) {
		err = fmt.Errorf("%s has no layer %s after %v", t.name, digest, demoPatience)
	}
	return time.Now(), err
}

// digest of the tag's image.
func (t *tenant) digest(ctx context.Context) (string, error) {
	out, err := t.ecr.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RepositoryName: aws.String(demoRepository), ImageIds: []types.ImageIdentifier{{ImageTag: aws.String(demoTag)}},
	})
	if err != nil {
		return "", fmt.Errorf("look for the image in %s: %w", t.name, err)
	}
	if len(out.ImageDetails) != 1 {
		return "", fmt.Errorf("look for the image in %s: got %d images, want 1", t.name, len(out.ImageDetails))
	}
	return aws.ToString(out.ImageDetails[0].ImageDigest), nil
}

var errPatience = errors.New("it took too long")

// await repeats the check until it holds. The error is the check's, the
// context's, or errPatience.
func await(ctx context.Context, check func() (bool, error)) error {
	const interval = time.Millisecond
	for end := time.Now().Add(demoPatience); ; {
		ok, err := check()
		if ok || err != nil {
			return err
		}
		if time.Now().After(end) {
			return errPatience
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
	}
}

// missingStatement finds the policy statement that a failure reason shows.
func missingStatement(reason string) (json.RawMessage, error) {
	for rest := reason; ; {
		start := strings.IndexByte(rest, '{')
		if start < 0 {
			return nil, fmt.Errorf("the failure reason shows no statement to add: %s", reason)
		}
		rest = rest[start:]
		var statement json.RawMessage
		if json.NewDecoder(strings.NewReader(rest)).Decode(&statement) == nil {
			return statement, nil
		}
		rest = rest[1:]
	}
}
