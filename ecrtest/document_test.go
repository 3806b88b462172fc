package ecrtest_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/empty"

	"github.com/twinport/twinport/ecrtest"
)

// The test of docs/testing.md, as it is there.

func TestPush(t *testing.T) {
	registry := ecrtest.Start(t) // ends with the test
	prod, region := registry.Accounts[0], registry.Regions[0]
	client := ecr.New(ecr.Options{
		BaseEndpoint: &registry.Endpoint,
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider(prod.AccessKeyID, prod.SecretAccessKey, ""),
	})
	created, err := client.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{
		RepositoryName: aws.String("app"),
	})
	if err != nil {
		t.Fatal(err)
	}
	username, password := registry.Login(prod, region)
	login := crane.WithAuth(&authn.Basic{Username: username, Password: password})
	if err := crane.Push(empty.Image, *created.Repository.RepositoryUri+":1", login); err != nil {
		t.Fatal(err)
	}
}
