package test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// TestUserGuideCommands runs commands as ECR's users write them: in a shell,
// with a profile that has the Region, the key and endpoint_url, and nothing else.
func TestUserGuideCommands(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	d := s.desk()
	if _, endpoint := d.awsCommandLine(); endpoint != nil {
		t.Skip("left out: this aws command takes no endpoint from a profile")
	}
	crane := client(t, "crane")
	settings, keys := filepath.Join(d.home, "profile-config"), filepath.Join(d.home, "profile-credentials")
	writeFile(t, settings, fmt.Sprintf("[profile ci]\nregion = %s\nendpoint_url = http://%s\n", tokyo, s.addr))
	writeFile(t, keys, fmt.Sprintf("[ci]\naws_access_key_id = %s\naws_secret_access_key = %s\n", prod.key, prod.secret))
	d.env = slices.DeleteFunc(d.env, func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	d.env = append(d.env, "AWS_PROFILE=ci", "AWS_CONFIG_FILE="+settings, "AWS_SHARED_CREDENTIALS_FILE="+keys,
		"AWS_PAGER=")
	for file, text := range map[string]string{
		"lifecycle.json": `{"rules":[{"rulePriority":1,"description":"Expire old images","selection":{"tagStatus":"untagged",
			"countType":"sinceImagePushed","countUnit":"days","countNumber":14},"action":{"type":"expire"}}]}`,
		"policy.json": `{"Version":"2008-10-17","Statement":[{"Sid":"allow pull","Effect":"Allow","Principal":{"AWS":
			"arn:aws:iam::` + dev.id + `:root"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]}]}`,
		"registry-policy.json": `{"Version":"2012-10-17","Statement":[{"Sid":"ReplicationAccessCrossAccount","Effect":"Allow",
			"Principal":{"AWS":"arn:aws:iam::` + dev.id + `:root"},"Action":["ecr:CreateRepository","ecr:ReplicateImage"],
			"Resource":["arn:aws:ecr:` + tokyo + `:` + prod.id + `:repository/*"]}]}`,
		"replication.json": `{"rules":[{"destinations":[{"region":"` + oregon + `","registryId":"` + prod.id + `"}]}]}`,
	} {
		writeFile(t, filepath.Join(d.home, file), text)
	}
	archive := filepath.Join(d.home, "image.tar")
	if err := tarball.WriteToFile(archive, name.MustParseReference("hello:1").(name.Tag),
		helloImage(t, "hi\n")); err != nil {
		t.Fatal(err)
	}

	const lastLayer = `$(aws ecr batch-get-image --repository-name hello-repository --image-ids imageTag=latest ` +
		`--query 'images[0].imageManifest' --output text | sed 's/.*"layers":.*\(sha256:[0-9a-f]*\).*/\1/')`
	// Each line is a command of a script; the pattern is what it prints.
	for _, line := range []struct{ script, want string }{
		{`aws ecr create-repository --repository-name hello-repository --image-scanning-configuration scanOnPush=true ` +
			`--tags Key=team,Value=web`, `"repositoryName": "hello-repository"`},
		{`aws ecr describe-repositories --query 'repositories[].repositoryUri' --output text`,
			`^127\.0\.0\.1:\d+/` + prod.id + `/` + tokyo + `/hello-repository\n$`},
		{`aws ecr get-login-password | ` + crane + ` auth login --username AWS --password-stdin ` + s.addr, ``},
		{crane + ` push --insecure ` + archive + ` $(aws ecr describe-repositories --repository-names hello-repository ` +
			`--query 'repositories[0].repositoryUri' --output text):latest`, `@sha256:`},
		{`aws ecr describe-images --repository-name hello-repository`, `"latest"`},
		{`aws ecr describe-images --repository-name hello-repository ` +
			`--query 'sort_by(imageDetails,& imagePushedAt)[-1].imageTags[0]' --output text`, `^latest\n$`},
		{`aws ecr list-images --repository-name hello-repository --filter tagStatus=TAGGED --output text`, `latest`},
		{`MANIFEST=$(aws ecr batch-get-image --repository-name hello-repository --image-ids imageTag=latest ` +
			`--output text --query 'images[].imageManifest')` + "\n" +
			`aws ecr put-image --repository-name hello-repository --image-tag 2026.11 --image-manifest "$MANIFEST"`, `2026\.11`},
		{`aws ecr batch-check-layer-availability --repository-name hello-repository --layer-digests ` + lastLayer,
			`"layerAvailability": "AVAILABLE"`},
		{`aws ecr get-download-url-for-layer --repository-name hello-repository --layer-digest ` + lastLayer +
			` --query downloadUrl --output text`, `^http://`},
		{`aws ecr set-repository-policy --repository-name hello-repository --policy-text file://policy.json`, `allow pull`},
		{`aws ecr get-repository-policy --repository-name hello-repository --query policyText --output text`, `allow pull`},
		{`aws ecr delete-repository-policy --repository-name hello-repository`, `policyText`},
		{`aws ecr put-lifecycle-policy --repository-name hello-repository --lifecycle-policy-text file://lifecycle.json`,
			`Expire old images`},
		{`aws ecr start-lifecycle-policy-preview --repository-name hello-repository`, `"status": "IN_PROGRESS"`},
		{`aws ecr wait lifecycle-policy-preview-complete --repository-name hello-repository`, `^$`},
		{`aws ecr get-lifecycle-policy-preview --repository-name hello-repository`, `"status": "COMPLETE"`},
		{`aws ecr get-lifecycle-policy --repository-name hello-repository`, `lastEvaluatedAt|lifecyclePolicyText`},
		{`aws ecr delete-lifecycle-policy --repository-name hello-repository`, `hello-repository`},
		{`aws ecr tag-resource --resource-arn arn:aws:ecr:` + tokyo + `:` + prod.id +
			`:repository/hello-repository --tags Key=stage,Value=test`, `^$`},
		{`aws ecr list-tags-for-resource --resource-arn arn:aws:ecr:` + tokyo + `:` + prod.id +
			`:repository/hello-repository`, `(?s)"stage".*"team"|"team".*"stage"`},
		{`aws ecr untag-resource --resource-arn arn:aws:ecr:` + tokyo + `:` + prod.id +
			`:repository/hello-repository --tag-keys stage`, `^$`},
		{`aws ecr put-image-tag-mutability --repository-name hello-repository --image-tag-mutability IMMUTABLE`,
			`"IMMUTABLE"`},
		{`aws ecr put-registry-policy --policy-text file://registry-policy.json`, `ReplicationAccessCrossAccount`},
		{`aws ecr get-registry-policy`, `ReplicationAccessCrossAccount`},
		{`aws ecr delete-registry-policy`, prod.id},
		{`aws ecr put-replication-configuration --replication-configuration file://replication.json`, oregon},
		{`aws ecr describe-registry`, oregon},
		{`aws ecr batch-delete-image --repository-name hello-repository --image-ids imageTag=2026.11`,
			`"imageTag": "2026.11"`},
		{`aws ecr batch-delete-image --repository-name hello-repository --image-ids imageDigest=$(aws ecr describe-images ` +
			`--repository-name hello-repository --image-ids imageTag=latest ` +
			`--query 'imageDetails[0].imageDigest' --output text)`,
			`"imageDigest": "sha256:`},
		{`aws ecr delete-repository --repository-name hello-repository --force`, `"repositoryName": "hello-repository"`},
		{`aws ecr describe-repositories --repository-names hello-repository 2>&1 || true`, `RepositoryNotFoundException`},
	} {
		out := d.must("", "sh", "-euc", line.script)
		if !regexp.MustCompile(line.want).MatchString(out) {
			t.Errorf("%s\nprints\n%s\nwant %s", line.script, out, line.want)
		}
	}
}

// TestSDKPagesWaitsAndRetries: the SDK's paginators, waiters and retries do with
// Twinport what they do with ECR.
func TestSDKPagesWaitsAndRetries(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// The SDK has to wait for this quota, or give up.
	s := prepareServer(t, dir, filepath.Join(dir, "data"), storesOf(t), "quotas: {requests_per_second: {PutImage: 1}}\n")
	s.start()
	s.createRepository(prod, tokyo, "app")
	api := s.ecr(prod, tokyo)
	pushed := makeImage("waits", nil, "")
	s.oci(prod, tokyo).mustPush("app", "first", pushed)
	patient := ecr.New(api.Options(), func(o *ecr.Options) {
		o.RetryMaxAttempts = 0 // the one of the tests is 1
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = 10; o.MaxBackoff = time.Second })
	})
	once := ecr.New(api.Options(), func(o *ecr.Options) { o.Retryer = aws.NopRetryer{} })
	put := func(c *ecr.Client, tag string) error {
		_, err := c.PutImage(ctx, &ecr.PutImageInput{
			RepositoryName: aws.String("app"), ImageTag: &tag, ImageManifest: aws.String(string(pushed.manifest)),
		})
		return err
	}
	// Ten seconds' worth may be asked at once.
	var refused error
	for i := 0; refused == nil && i < 60; i++ {
		refused = put(once, fmt.Sprintf("burst%02d", i))
	}
	wantCode(t, refused, "ThrottlingException", "")
	for i := range 3 {
		if err := put(patient, fmt.Sprintf("retried%d", i)); err != nil {
			t.Errorf("with retries: %v", err)
		}
	}

	var tags []string
	pages := ecr.NewListImagesPaginator(api, &ecr.ListImagesInput{
		RepositoryName: aws.String("app"), MaxResults: aws.Int32(2),
	})
	for n := 0; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.ImageIds) > 2 || n > 100 {
			t.Fatalf("page %d has %d images", n, len(page.ImageIds))
		}
		for _, id := range page.ImageIds {
			tags = append(tags, *id.ImageTag)
		}
	}
	if slices.Sort(tags); len(slices.Compact(slices.Clone(tags))) != len(tags) || !slices.Contains(tags, "retried2") {
		t.Errorf("the pages have the tags %v", tags)
	}

	if _, err := api.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{
		RepositoryName: aws.String("app"),
		LifecyclePolicyText: aws.String(`{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":
			"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}`),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.StartLifecyclePolicyPreview(ctx, &ecr.StartLifecyclePolicyPreviewInput{
		RepositoryName: aws.String("app"),
	}); err != nil {
		t.Fatal(err)
	}
	preview := &ecr.GetLifecyclePolicyPreviewInput{RepositoryName: aws.String("app")}
	if err := ecr.NewLifecyclePolicyPreviewCompleteWaiter(api, func(o *ecr.LifecyclePolicyPreviewCompleteWaiterOptions) {
		o.MinDelay = 50 * time.Millisecond
	}).Wait(ctx, preview, patience); err != nil {
		t.Errorf("wait for the preview: %v", err)
	}
	out, err := api.GetLifecyclePolicyPreview(ctx, preview)
	if err != nil || out.Status != types.LifecyclePolicyPreviewStatusComplete {
		t.Errorf("after the wait the preview is %+v, %v", out, err)
	}
}
