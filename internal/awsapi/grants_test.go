package awsapi_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi"
	"github.com/twinport/twinport/internal/policy"
)

type granter func(auth.Identity) (access.Grants, error)

func (g granter) Grants(_ context.Context, identity auth.Identity) (access.Grants, error) {
	return g(identity)
}

// keyring has access keys by id.
type keyring map[string]auth.AccessKey

func (k keyring) AccessKey(_ context.Context, id string) (auth.AccessKey, error) {
	if key, ok := k[id]; ok {
		return key, nil
	}
	return auth.AccessKey{}, auth.ErrNoKey
}

func (keyring) Role(context.Context, string) (auth.AccessKey, error) {
	return auth.AccessKey{}, auth.ErrNoKey
}

// What a caller was granted decides on its requests, and nothing is done for one of whom nobody knows.
func TestGrants(t *testing.T) {
	t.Parallel()
	document, err := policy.Parse(`{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "ecr:DescribeRepositories", "Resource": "*"}]}`, policy.IdentityPolicy)
	if err != nil {
		t.Fatal(err)
	}
	user := policy.Principal{Account: account, ARN: "arn:aws:iam::" + account + ":user/ci"}
	var fails error
	a := newAPI(t, func(c *awsapi.Config) {
		keys := keyring{keyID: {ID: keyID, Secret: secret, Principal: user}}
		c.Verifier = auth.NewVerifier(keys, "deployment", time.Now)
		c.Grants = granter(func(identity auth.Identity) (access.Grants, error) {
			if identity.Principal != user {
				t.Errorf("asked for %+v", identity)
			}
			return access.Grants{Policies: []policy.Policy{{Name: "reader", Document: document}}}, fails
		})
	})
	_, err = a.ecr().DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{})
	want(t, err, "", "")
	_, err = a.ecr().DescribeRegistry(t.Context(), &ecr.DescribeRegistryInput{})
	want(t, err, "AccessDeniedException", "no identity-based policy allows")
	fails = errors.New("the store is gone")
	_, err = a.ecr().DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{})
	want(t, err, "ServerException", "An internal error occurred")
}
