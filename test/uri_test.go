package test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// TestFormsOfURIs pushes to what answers give as repositoryUri, logged in to
// what they give as proxyEndpoint, in each form that uri may set.
func TestFormsOfURIs(t *testing.T) {
	t.Parallel()
	crane := client(t, "crane")
	for _, c := range []struct{ form, uri string }{
		{"auto", "ADDRESS/" + prod.id + "/" + tokyo + "/team/app"},
		{"path", "ADDRESS/" + prod.id + "/" + tokyo + "/team/app"},
		{"host", prod.id + ".dkr.ecr." + tokyo + ".localhost:PORT/team/app"},
		{"short", "ADDRESS/team/app"},
	} {
		t.Run(c.form, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := prepareServer(t, dir, filepath.Join(dir, "data"), storesOf(t), "uri: "+c.form+"\n")
			s.start()
			d := s.desk()
			api := s.ecr(prod, tokyo)
			created, err := api.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String("team/app")})
			if err != nil {
				t.Fatal(err)
			}
			uri := *created.Repository.RepositoryUri
			if want := strings.NewReplacer("ADDRESS", s.addr, "PORT", s.port).Replace(c.uri); uri != want {
				t.Errorf("the repository's URI is %s, want %s", uri, want)
			}
			token, err := api.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
			if err != nil {
				t.Fatal(err)
			}
			endpoint := *token.AuthorizationData[0].ProxyEndpoint
			host, _, _ := strings.Cut(uri, "/")
			if endpoint != "http://"+host {
				t.Errorf("the endpoint to log in to is %s, which is not the host of %s", endpoint, uri)
			}
			d.must(s.password(prod, tokyo), crane, "auth", "login", strings.TrimPrefix(endpoint, "http://"), "--username", "AWS",
				"--password-stdin")
			archive := filepath.Join(d.home, "image.tar")
			if err := tarball.WriteToFile(archive, name.MustParseReference("hello:1").(name.Tag),
				helloImage(t, c.form+"\n")); err != nil {
				t.Fatal(err)
			}
			d.must("", crane, "push", "--insecure", archive, uri+":1")
			d.must("", crane, "validate", "--insecure", "--remote", uri+":1")
			images, err := api.ListImages(ctx, &ecr.ListImagesInput{RepositoryName: aws.String("team/app")})
			if err != nil || len(images.ImageIds) != 1 {
				t.Errorf("the repository has %+v, %v", images, err)
			}
		})
	}
}
