package ecrtest_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/empty"

	"github.com/twinport/twinport/ecrtest"
)

// client is what the code under test would make: an ECR client of the AWS SDK.
func client(s *ecrtest.Server, a ecrtest.Account, region string) *ecr.Client {
	return ecr.New(ecr.Options{
		BaseEndpoint: aws.String(s.Endpoint), Region: region,
		Credentials: credentials.NewStaticCredentialsProvider(a.AccessKeyID, a.SecretAccessKey, ""),
	})
}

// With the AWS SDK for Go. In a test, ecrtest.Start(t) takes the place of New and Close.
func Example() {
	registry, err := ecrtest.New()
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()
	ctx := context.Background()
	prod, region := registry.Accounts[0], registry.Regions[0]

	client := client(registry, prod, region)
	created, err := client.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String("app")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*created.Repository.RepositoryArn)
	token, err := client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*token.AuthorizationData[0].ProxyEndpoint == registry.Endpoint)
	// Output:
	// arn:aws:ecr:us-east-1:111122223333:repository/app
	// true
}

// With go-containerregistry: what prod pushes in one Region appears in another
// one. It would in another account, too, if that let it in.
func Example_replication() {
	registry, err := ecrtest.New()
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()
	ctx := context.Background()
	prod, here, there := registry.Accounts[0], registry.Regions[0], registry.Regions[1]

	client := client(registry, prod, here)
	if _, err := client.PutReplicationConfiguration(ctx, &ecr.PutReplicationConfigurationInput{
		ReplicationConfiguration: &types.ReplicationConfiguration{Rules: []types.ReplicationRule{
			{Destinations: []types.ReplicationDestination{{Region: &there, RegistryId: &prod.ID}}},
		}},
	}); err != nil {
		log.Fatal(err)
	}
	if _, err := client.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String("app")}); err != nil {
		log.Fatal(err)
	}
	login := func(region string) crane.Option {
		username, password := registry.Login(prod, region)
		return crane.WithAuth(&authn.Basic{Username: username, Password: password})
	}
	if err := crane.Push(empty.Image, registry.Registry(prod, here)+"/app:1", login(here)); err != nil {
		log.Fatal(err)
	}
	copied := registry.Registry(prod, there) + "/app:1"
	for range 1000 {
		if _, err = crane.Head(copied, login(there)); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Println(err)
	// Output:
	// <nil>
}

// A command, such as aws, docker or terraform, as one of the accounts.
func ExampleServer_Environ() {
	registry, err := ecrtest.New(ecrtest.WithAccounts(ecrtest.Account{ID: "123456789012"}),
		ecrtest.WithRegions("eu-west-1"))
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()
	command := exec.Command("sh", "-c", `echo "$AWS_REGION $AWS_ACCESS_KEY_ID"`)
	command.Env = append(os.Environ(), registry.Environ(registry.Accounts[0], "eu-west-1")...)
	out, err := command.Output()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", out)
	// Output:
	// eu-west-1 AKIATEST123456789012
}
