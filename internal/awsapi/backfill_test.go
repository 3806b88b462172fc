package awsapi_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/twinport/twinport/internal/registry"
)

// doBackfills does backfills, and what they queue, until all have ended.
func (d *domain) doBackfills() {
	d.t.Helper()
	key := ""
	for range 100 {
		var err error
		if key, err = d.BackfillJob().Steps[0].Page(d.t.Context(), key); err != nil {
			d.t.Fatal(err)
		}
		if key == "" {
			return
		}
		d.drain()
	}
	d.t.Fatal("backfills do not end")
}

// The SDK's client starts, lists, describes and stops backfills, page by page.
func TestSDKBackfills(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	c := a.ecr()
	to := &types.ReplicationDestination{Region: aws.String(there.Region), RegistryId: aws.String(other)}
	start := func() (*ecr.StartReplicationBackfillOutput, error) {
		return c.StartReplicationBackfill(ctx, &ecr.StartReplicationBackfillInput{
			Destination: to, RegistryId: aws.String(account),
		})
	}
	a.domain.create("app")
	raw := a.domain.image("app", "layer", "")
	for i := range 7 {
		_, err := a.domain.PutManifest(ctx, root(account), in(here, "app"), registry.NewManifest{
			Bytes: []byte(raw), Tags: []string{fmt.Sprint("tag", i)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := start()
	want(t, err, "InvalidParameterException", "configured in the replication configuration")
	a.domain.replicateTo(there)

	first, err := start()
	if err != nil {
		t.Fatal(err)
	}
	if first.Status != types.ReplicationBackfillStatusPreparing || *first.RegistryId != account ||
		*first.Destination.Region != there.Region || *first.Destination.RegistryId != other ||
		!first.StartedAt.Equal(begin.Truncate(time.Millisecond)) {
		t.Errorf("started: %+v", first)
	}
	_, err = start()
	want(t, err, "ReplicationBackfillInProgressException", *first.ReplicationBackfillId)
	describe := func(id *string) *ecr.DescribeReplicationBackfillResultsOutput {
		t.Helper()
		out, err := c.DescribeReplicationBackfillResults(ctx, &ecr.DescribeReplicationBackfillResultsInput{
			ReplicationBackfillId: id,
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if d := describe(first.ReplicationBackfillId); d.Progress != nil || d.EndedAt != nil || len(d.Results) != 0 ||
		d.Status != types.ReplicationBackfillStatusPreparing {
		t.Errorf("while it prepares: %+v", d)
	}
	a.domain.doBackfills() // which the destination refuses
	if d := describe(first.ReplicationBackfillId); d.Status != types.ReplicationBackfillStatusComplete || d.EndedAt == nil ||
		*d.Progress.TotalReplicationCount != 7 || *d.Progress.CompletedReplicationCount != 0 ||
		*d.Progress.FailedReplicationCount != 7 ||
		!slices.Equal(d.Progress.FailureCodes, []string{"DESTINATION_REGISTRY_ACCESS_DENIED"}) {
		t.Errorf("refused: %+v, %+v", d, d.Progress)
	}

	var tags []string
	for pages := ecr.NewDescribeReplicationBackfillResultsPaginator(c, &ecr.DescribeReplicationBackfillResultsInput{
		ReplicationBackfillId: first.ReplicationBackfillId, MaxResults: aws.Int32(3),
		ResultStatusFilter: types.ReplicationBackfillResultStatusFailed,
	}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Results) > 3 {
			t.Errorf("a page of %d", len(page.Results))
		}
		for _, r := range page.Results {
			tags = append(tags, *r.ImageId.ImageTag)
			if *r.RepositoryName != "app" || r.Status != types.ReplicationBackfillResultStatusFailed ||
				*r.FailureCode != "DESTINATION_REGISTRY_ACCESS_DENIED" || *r.ImageId.ImageDigest == "" {
				t.Errorf("result: %+v", r)
			}
		}
	}
	if !slices.Equal(tags, []string{"tag0", "tag1", "tag2", "tag3", "tag4", "tag5", "tag6"}) {
		t.Errorf("results: %v", tags)
	}
	complete, err := c.DescribeReplicationBackfillResults(ctx, &ecr.DescribeReplicationBackfillResultsInput{
		ReplicationBackfillId: first.ReplicationBackfillId, ResultStatusFilter: types.ReplicationBackfillResultStatusComplete,
	})
	if err != nil || len(complete.Results) != 0 {
		t.Errorf("complete ones: %+v, %v", complete, err)
	}

	stopped, err := start()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StopReplicationBackfill(ctx, &ecr.StopReplicationBackfillInput{
		ReplicationBackfillId: stopped.ReplicationBackfillId,
	})
	if err != nil || out.Status != types.ReplicationBackfillStatusStopped || !out.StartedAt.Equal(*stopped.StartedAt) {
		t.Errorf("stopped: %+v, %v", out, err)
	}
	_, err = c.StopReplicationBackfill(ctx, &ecr.StopReplicationBackfillInput{
		ReplicationBackfillId: stopped.ReplicationBackfillId,
	})
	want(t, err, "ReplicationBackfillInvalidStatusException", "STOPPED")
	const nobodys = "00000000-0000-4000-8000-000000000000"
	_, err = c.StopReplicationBackfill(ctx, &ecr.StopReplicationBackfillInput{ReplicationBackfillId: aws.String(nobodys)})
	want(t, err, "ReplicationBackfillNotFoundException", nobodys)
	_, err = c.DescribeReplicationBackfillResults(ctx, &ecr.DescribeReplicationBackfillResultsInput{
		ReplicationBackfillId: aws.String(nobodys),
	})
	want(t, err, "ReplicationBackfillNotFoundException", nobodys)

	for range 25 {
		b, err := start()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.StopReplicationBackfill(ctx, &ecr.StopReplicationBackfillInput{
			ReplicationBackfillId: b.ReplicationBackfillId,
		}); err != nil {
			t.Fatal(err)
		}
	}
	page, err := c.ListReplicationBackfills(ctx, &ecr.ListReplicationBackfillsInput{})
	if err != nil || len(page.Backfills) != 25 || page.NextToken == nil || *page.RegistryId != account {
		t.Fatalf("the first page: %d backfills, %v", len(page.Backfills), err)
	}
	var ids []string
	for pages := ecr.NewListReplicationBackfillsPaginator(c, &ecr.ListReplicationBackfillsInput{
		MaxResults: aws.Int32(10),
	}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range page.Backfills {
			ids = append(ids, *b.ReplicationBackfillId)
			if *b.Destination.Region != there.Region || b.StartedAt == nil || b.EndedAt == nil {
				t.Errorf("listed: %+v", b)
			}
		}
	}
	if len(ids) != 27 || ids[26] != *first.ReplicationBackfillId || ids[25] != *stopped.ReplicationBackfillId {
		t.Errorf("%d are listed: %v", len(ids), ids)
	}

	// Tokens are of their operation and its parameters.
	_, err = c.DescribeReplicationBackfillResults(ctx, &ecr.DescribeReplicationBackfillResultsInput{
		ReplicationBackfillId: first.ReplicationBackfillId, NextToken: page.NextToken,
	})
	want(t, err, "InvalidParameterException", "nextToken")
	for _, max := range []int32{-1, 51} {
		_, err = c.ListReplicationBackfills(ctx, &ecr.ListReplicationBackfillsInput{MaxResults: aws.Int32(max)})
		want(t, err, "InvalidParameterException", "maxResults")
	}
	_, err = c.ListReplicationBackfills(ctx, &ecr.ListReplicationBackfillsInput{RegistryId: aws.String(other)})
	want(t, err, "AccessDeniedException", "ecr:ListReplicationBackfills")
}
