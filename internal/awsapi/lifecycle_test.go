package awsapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

const (
	// As it may be sent, and as it comes back.
	sentPolicy = `{
  "rules": [
    {"action": {"type": "expire"}, "rulePriority": 2,
     "selection": {"countNumber": 1, "countType": "imageCountMoreThan", "tagStatus": "any"}},
    {"rulePriority": 1, "description": "old ones",
     "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14},
     "action": {"type": "expire"}}
  ]
}`
	storedPolicy = `{"rules":[{"rulePriority":1,"description":"old ones","selection":{"tagStatus":"untagged",` +
		`"countType":"sinceImagePushed","countUnit":"days","countNumber":14},"action":{"type":"expire"}},` +
		`{"rulePriority":2,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},` +
		`"action":{"type":"expire"}}]}`
)

func TestLifecyclePolicies(t *testing.T) {
	t.Parallel()
	a, ctx := newAPI(t), t.Context()
	c := a.ecr()
	app := aws.String("app")
	get := func() (*ecr.GetLifecyclePolicyOutput, error) {
		return c.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: app})
	}
	put := func(text string) (*ecr.PutLifecyclePolicyOutput, error) {
		return c.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{RepositoryName: app, LifecyclePolicyText: &text})
	}
	_, err := put(sentPolicy)
	want(t, err, "RepositoryNotFoundException", "")
	a.domain.create("app")
	_, err = get()
	want(t, err, "LifecyclePolicyNotFoundException", "Lifecycle policy does not exist for the repository with name 'app' "+
		"in the registry with id '"+account+"'")
	_, err = c.DeleteLifecyclePolicy(ctx, &ecr.DeleteLifecyclePolicyInput{RepositoryName: app})
	want(t, err, "LifecyclePolicyNotFoundException", "")
	for text, message := range map[string]string{
		`{"rules":[]}`: "Invalid parameter at 'lifecyclePolicyText' failed to satisfy constraint: 'Member must have length " +
			"greater than or equal to 100'",
		strings.Repeat(" ", 30721): "Invalid parameter at 'lifecyclePolicyText' failed to satisfy constraint: 'Member must " +
			"have length less than or equal to 30720'",
		strings.Repeat("{", 100): "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle " +
			"policy parsing failure: Could not map policyString into LifecyclePolicy.'",
		strings.ReplaceAll(sentPolicy, `"days"`, `"hours"`): "Invalid parameter at 'LifecyclePolicyText' failed to satisfy " +
			"constraint: 'Lifecycle policy validation failure: instance value (\"hours\") not found in enum (possible values: " +
			"[\"days\"])\n'",
		strings.ReplaceAll(sentPolicy, `Priority": 2`, `Priority": 1`): "constraint: 'Lifecycle policy validation failure: " +
			"Duplicate priority in multiple rules'",
	} {
		_, err := put(text)
		want(t, err, "InvalidParameterException", message)
		_, err = c.StartLifecyclePolicyPreview(ctx, &ecr.StartLifecyclePolicyPreviewInput{
			RepositoryName: app, LifecyclePolicyText: &text,
		})
		want(t, err, "InvalidParameterException", message)
	}
	set := must[*ecr.PutLifecyclePolicyOutput](t)(put(sentPolicy))
	if *set.LifecyclePolicyText != storedPolicy || *set.RegistryId != account || *set.RepositoryName != "app" {
		t.Errorf("put: %s", *set.LifecyclePolicyText)
	}
	got := must[*ecr.GetLifecyclePolicyOutput](t)(get())
	if *got.LifecyclePolicyText != storedPolicy || got.LastEvaluatedAt == nil || got.LastEvaluatedAt.Unix() != 0 {
		t.Errorf("get: %s, %v", *got.LifecyclePolicyText, got.LastEvaluatedAt)
	}
	a.domain.push("app", "one", "1")
	a.domain.time.Store(int64(time.Minute))
	a.domain.push("app", "two", "2")
	a.domain.time.Store(int64(2 * time.Hour))
	a.domain.runLifecycle()
	at := begin.Add(2 * time.Hour).Truncate(time.Millisecond)
	if got := must[*ecr.GetLifecyclePolicyOutput](t)(get()); !got.LastEvaluatedAt.Equal(at) {
		t.Errorf("evaluated at %v, want %v", got.LastEvaluatedAt, at)
	}
	images := must[*ecr.ListImagesOutput](t)(c.ListImages(ctx, &ecr.ListImagesInput{RepositoryName: app}))
	if len(images.ImageIds) != 1 || *images.ImageIds[0].ImageTag != "2" {
		t.Errorf("left: %+v", images.ImageIds)
	}
	deleted := must[*ecr.DeleteLifecyclePolicyOutput](t)(
		c.DeleteLifecyclePolicy(ctx, &ecr.DeleteLifecyclePolicyInput{RepositoryName: app}))
	if *deleted.LifecyclePolicyText != storedPolicy || !deleted.LastEvaluatedAt.Equal(at) {
		t.Errorf("deleted: %+v", deleted)
	}
	for action, do := range map[string]func() error{
		"PutLifecyclePolicy": func() error { _, err := put(sentPolicy); return err },
		"GetLifecyclePolicy": func() error { _, err := get(); return err },
		"DeleteLifecyclePolicy": func() error {
			_, err := c.DeleteLifecyclePolicy(ctx, &ecr.DeleteLifecyclePolicyInput{RepositoryName: app})
			return err
		},
		"StartLifecyclePolicyPreview": func() error {
			_, err := c.StartLifecyclePolicyPreview(ctx, &ecr.StartLifecyclePolicyPreviewInput{RepositoryName: app})
			return err
		},
		"GetLifecyclePolicyPreview": func() error {
			_, err := c.GetLifecyclePolicyPreview(ctx, &ecr.GetLifecyclePolicyPreviewInput{RepositoryName: app})
			return err
		},
	} {
		a.domain.deny(action)
		want(t, do(), "AccessDeniedException", "ecr:"+action)
	}
}

func TestLifecyclePolicyPreviews(t *testing.T) {
	t.Parallel()
	a, ctx := newAPI(t), t.Context()
	c := a.ecr()
	app := aws.String("app")
	a.domain.create("app")
	for i, tags := range [][]string{{"a", "b"}, nil, {"c"}, {"d"}} {
		a.domain.time.Store(int64(time.Duration(i) * time.Minute))
		a.domain.push("app", fmt.Sprint(i), tags...)
	}
	start := func(text *string) (*ecr.StartLifecyclePolicyPreviewOutput, error) {
		return c.StartLifecyclePolicyPreview(ctx, &ecr.StartLifecyclePolicyPreviewInput{
			RepositoryName: app, LifecyclePolicyText: text,
		})
	}
	get := func(in ecr.GetLifecyclePolicyPreviewInput) (*ecr.GetLifecyclePolicyPreviewOutput, error) {
		in.RepositoryName = app
		return c.GetLifecyclePolicyPreview(ctx, &in)
	}
	_, err := get(ecr.GetLifecyclePolicyPreviewInput{})
	want(t, err, "LifecyclePolicyPreviewNotFoundException", "")
	_, err = start(nil)
	want(t, err, "LifecyclePolicyNotFoundException", "")
	text := `{"rules":[{"rulePriority":7,"selection":{"tagStatus":"tagged","tagPrefixList":["c"],` +
		`"countType":"sinceImagePulled","countUnit":"days","countNumber":1},"action":{"type":"transition",` +
		`"targetStorageClass":"archive"}},{"rulePriority":9,"selection":{"tagStatus":"any",` +
		`"countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}] }`
	begun := must[*ecr.StartLifecyclePolicyPreviewOutput](t)(start(&text))
	if *begun.LifecyclePolicyText != text || begun.Status != types.LifecyclePolicyPreviewStatusInProgress {
		t.Errorf("begun: %+v", begun)
	}
	_, err = start(&text)
	want(t, err, "LifecyclePolicyPreviewInProgressException", "Wait and try again.")
	under := must[*ecr.GetLifecyclePolicyPreviewOutput](t)(get(ecr.GetLifecyclePolicyPreviewInput{}))
	if under.Status != types.LifecyclePolicyPreviewStatusInProgress || *under.Summary.ExpiringImageTotalCount != 0 {
		t.Errorf("under way: %+v", under)
	}
	a.domain.time.Store(int64(48 * time.Hour))
	a.domain.runLifecycle()
	err = ecr.NewLifecyclePolicyPreviewCompleteWaiter(c).Wait(ctx,
		&ecr.GetLifecyclePolicyPreviewInput{RepositoryName: app}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var all []types.LifecyclePolicyPreviewResult
	pages := ecr.NewGetLifecyclePolicyPreviewPaginator(c, &ecr.GetLifecyclePolicyPreviewInput{
		RepositoryName: app, MaxResults: aws.Int32(2),
	})
	for pages.HasMorePages() {
		page := must[*ecr.GetLifecyclePolicyPreviewOutput](t)(pages.NextPage(ctx))
		if *page.LifecyclePolicyText != text || *page.Summary.ExpiringImageTotalCount != 2 ||
			len(page.Summary.TransitioningImageTotalCounts) != 1 ||
			*page.Summary.TransitioningImageTotalCounts[0].ImageTotalCount != 1 {
			t.Errorf("page: %+v", page)
		}
		all = append(all, page.PreviewResults...)
	}
	var lines []string
	for _, r := range all {
		lines = append(lines, fmt.Sprintln(r.ImageTags, r.Action.Type, r.Action.TargetStorageClass, *r.AppliedRulePriority,
			r.StorageClass, r.ImagePushedAt.Sub(begin.Truncate(time.Millisecond))))
	}
	wantLines := []string{
		"[a b] EXPIRE  9 STANDARD 0s\n", "[] EXPIRE  9 STANDARD 1m0s\n", "[c] TRANSITION ARCHIVE 7 STANDARD 2m0s\n",
	}
	if strings.Join(lines, "") != strings.Join(wantLines, "") {
		t.Errorf("results:\n%swant\n%s", strings.Join(lines, ""), strings.Join(wantLines, ""))
	}
	for status, n := range map[types.TagStatus]int{"TAGGED": 2, "UNTAGGED": 1, "ANY": 3} {
		filter := &types.LifecyclePolicyPreviewFilter{TagStatus: status}
		got := must[*ecr.GetLifecyclePolicyPreviewOutput](t)(get(ecr.GetLifecyclePolicyPreviewInput{Filter: filter}))
		if len(got.PreviewResults) != n || *got.Summary.ExpiringImageTotalCount != 2 {
			t.Errorf("%s: %+v", status, got)
		}
	}
	ids := []types.ImageIdentifier{
		{ImageTag: aws.String("b")}, {ImageTag: aws.String("d")}, {ImageDigest: all[1].ImageDigest},
	}
	some := must[*ecr.GetLifecyclePolicyPreviewOutput](t)(get(ecr.GetLifecyclePolicyPreviewInput{ImageIds: ids}))
	if len(some.PreviewResults) != 2 || *some.PreviewResults[0].ImageDigest != *all[0].ImageDigest {
		t.Errorf("some: %+v", some.PreviewResults)
	}
	some = must[*ecr.GetLifecyclePolicyPreviewOutput](t)(get(ecr.GetLifecyclePolicyPreviewInput{
		ImageIds: ids, Filter: &types.LifecyclePolicyPreviewFilter{TagStatus: "TAGGED"},
	}))
	if len(some.PreviewResults) != 1 {
		t.Errorf("some with a filter: %+v", some.PreviewResults)
	}
	_, err = get(ecr.GetLifecyclePolicyPreviewInput{ImageIds: ids, MaxResults: aws.Int32(1)})
	want(t, err, "InvalidParameterException", "maxResults")
	_, err = get(ecr.GetLifecyclePolicyPreviewInput{ImageIds: ids, NextToken: aws.String("x")})
	want(t, err, "InvalidParameterException", "nextToken")
	_, err = get(ecr.GetLifecyclePolicyPreviewInput{MaxResults: aws.Int32(101)})
	want(t, err, "InvalidParameterException", "maxResults")
	_, err = get(ecr.GetLifecyclePolicyPreviewInput{ImageIds: []types.ImageIdentifier{{ImageDigest: aws.String("x")}}})
	want(t, err, "InvalidParameterException", "")
	a.domain.time.Store(int64(72 * time.Hour))
	old := must[*ecr.GetLifecyclePolicyPreviewOutput](t)(get(ecr.GetLifecyclePolicyPreviewInput{}))
	if old.Status != types.LifecyclePolicyPreviewStatusExpired || len(old.PreviewResults) != 0 {
		t.Errorf("after a day: %+v", old)
	}
}

func TestDescribeLifecyclePreview(t *testing.T) {
	t.Parallel()
	a, ctx := newAPI(t), t.Context()
	a.domain.create("app")
	const body = `{"repositoryName":"app"}`
	if res, got := a.own(t, "DescribeLifecyclePreview", body, nil); res.StatusCode != 400 ||
		!strings.Contains(got, "LifecyclePolicyPreviewNotFoundException") {
		t.Errorf("without one: %s %s", res.Status, got)
	}
	one := a.domain.push("app", "one", "1", "first")
	a.domain.time.Store(int64(time.Minute))
	two := a.domain.push("app", "two")
	a.domain.time.Store(int64(2 * time.Minute))
	a.domain.push("app", "three", "3")
	const text = `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed",` +
		`"countUnit":"days","countNumber":1},"action":{"type":"transition","targetStorageClass":"archive"}},` +
		`{"rulePriority":2,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},` +
		`"action":{"type":"expire"}}]}`
	_, err := a.ecr().StartLifecyclePolicyPreview(ctx, &ecr.StartLifecyclePolicyPreviewInput{
		RepositoryName: aws.String("app"), LifecyclePolicyText: aws.String(text),
	})
	want(t, err, "", "")
	begun := number(t, begin.Add(2*time.Minute))
	a.wantOwn(t, "DescribeLifecyclePreview", body, fmt.Sprintf(`{"status":"IN_PROGRESS","lifecyclePolicyText":%q,`+
		`"startedAt":%s,"expiringImageCount":0,"expiringSizeInBytes":0,"transitioningImageCount":0,"images":[]}`, text, begun))
	a.domain.time.Store(int64(48 * time.Hour))
	a.domain.runLifecycle()
	whole := fmt.Sprintf(`"status":"COMPLETE","lifecyclePolicyText":%q,"startedAt":%s,"endedAt":%s,`+
		`"expiringImageCount":1,"expiringSizeInBytes":5,"transitioningImageCount":1`, text, begun,
		number(t, begin.Add(48*time.Hour)))
	images := []string{
		fmt.Sprintf(`{"imageDigest":%q,"imageTags":["1","first"],"imagePushedAt":%s,"imageSizeInBytes":5,`+
			`"appliedRulePriority":2,"action":"EXPIRE"}`, one, number(t, begin)),
		fmt.Sprintf(`{"imageDigest":%q,"imageTags":[],"imagePushedAt":%s,"imageSizeInBytes":5,`+
			`"appliedRulePriority":1,"action":"TRANSITION"}`, two, number(t, begin.Add(time.Minute))),
	}
	a.wantOwn(t, "DescribeLifecyclePreview", body, `{`+whole+`,"images":[`+strings.Join(images, ",")+`]}`)
	var page struct {
		Images    []struct{ ImageDigest string }
		NextToken string
	}
	a.own(t, "DescribeLifecyclePreview", `{"repositoryName":"app","maxResults":1}`, &page)
	if len(page.Images) != 1 || page.Images[0].ImageDigest != one.String() {
		t.Errorf("the first page: %+v", page)
	}
	a.wantOwn(t, "DescribeLifecyclePreview",
		fmt.Sprintf(`{"repositoryName":"app","maxResults":1,"nextToken":%q}`, page.NextToken),
		`{`+whole+`,"images":[`+images[1]+`]}`)
	a.domain.time.Store(int64(72 * time.Hour))
	a.wantOwn(t, "DescribeLifecyclePreview", body, fmt.Sprintf(`{"status":"EXPIRED","lifecyclePolicyText":%q,`+
		`"startedAt":%s,"endedAt":%s,"expiringImageCount":0,"expiringSizeInBytes":0,"transitioningImageCount":0,`+
		`"images":[]}`, text, begun, number(t, begin.Add(48*time.Hour))))
}

func TestListLifecycleRuns(t *testing.T) {
	t.Parallel()
	a, ctx := newAPI(t), t.Context()
	a.domain.create("app")
	a.wantOwn(t, "ListLifecycleRuns", `{"repositoryName":"app"}`, `{"runs":[]}`)
	_, err := a.ecr().PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{
		RepositoryName: aws.String("app"), LifecyclePolicyText: aws.String(sentPolicy),
	})
	want(t, err, "", "")
	one := a.domain.push("app", "one", "1", "first")
	a.domain.time.Store(int64(time.Minute))
	a.domain.push("app", "two", "2")
	for i := range 2 {
		a.domain.time.Store(int64(time.Duration(i+1) * 24 * time.Hour))
		a.domain.runLifecycle()
	}
	type page struct {
		NextRunAt float64
		Runs      []struct {
			RunID, Status, LifecyclePolicyText string
			StartedAt, EndedAt                 float64
			MarkedImageCount, MarkedSizeInBytes,
			ExpiredImageCount int64
		}
		NextToken string
	}
	var first, second page
	a.own(t, "ListLifecycleRuns", `{"repositoryName":"app","maxResults":1}`, &first)
	a.own(t, "ListLifecycleRuns", fmt.Sprintf(`{"repositoryName":"app","maxResults":1,"nextToken":%q}`, first.NextToken),
		&second)
	if due := float64(begin.Add(60*time.Hour).UnixMicro()) / 1e6; first.NextRunAt != due || second.NextRunAt != due {
		t.Errorf("the next run at %v and %v, want %v", first.NextRunAt, second.NextRunAt, due)
	}
	if len(first.Runs) != 1 || first.Runs[0].MarkedImageCount != 0 || len(second.Runs) != 1 || second.NextToken != "" {
		t.Fatalf("pages: %+v %+v", first, second)
	}
	if r := second.Runs[0]; r.Status != "COMPLETE" || r.LifecyclePolicyText != storedPolicy || r.MarkedImageCount != 1 ||
		r.MarkedSizeInBytes != 5 || r.ExpiredImageCount != 1 || r.EndedAt < r.StartedAt {
		t.Errorf("run: %+v", r)
	}
	a.wantOwn(t, "ListLifecycleRunImages", fmt.Sprintf(`{"repositoryName":"app","runId":%q}`, second.Runs[0].RunID),
		fmt.Sprintf(`{"images":[{"imageDigest":%q,"imageTags":["1","first"],"imagePushedAt":%s,"imageSizeInBytes":5,`+
			`"appliedRulePriority":2,"outcome":"EXPIRED"}]}`, one, number(t, begin)))
	a.wantOwn(t, "ListLifecycleRunImages", `{"repositoryName":"app","runId":"12345"}`, `{"images":[]}`)
	a.wantOwn(t, "ListLifecycleRunImages", `{"repositoryName":"app","runId":"none"}`, `{"images":[]}`)
	for operation, body := range map[string]string{
		"ListLifecycleRuns": `{}`, "ListLifecycleRunImages": `{"repositoryName":"app"}`,
	} {
		if res, got := a.own(t, operation, body, nil); res.StatusCode != 400 ||
			!strings.Contains(got, "InvalidParameterException") {
			t.Errorf("%s of %s: %s %s", operation, body, res.Status, got)
		}
	}
}

// number is a time as answers have it.
func number(t *testing.T, at time.Time) string {
	t.Helper()
	text, err := json.Marshal(float64(at.UnixMicro()) / 1e6)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
