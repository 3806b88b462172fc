package test

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestKillDuringABackfill ends the server with kill -9 several times while it
// replicates what there was before the rule: in the end each image is there, and
// counted once.
func TestKillDuringABackfill(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	source, target := s.oci(prod, tokyo), s.oci(dev, tokyo)
	const images, tags = 5, 100
	all := map[string]map[string]image{}
	for i := range images {
		name := fmt.Sprint("app", i)
		s.createRepository(prod, tokyo, name)
		one := makeImage(name, nil, "")
		source.mustPush(name, "tag0", one)
		all[name] = map[string]image{"tag0": one}
		for j := range tags - 1 {
			tag := fmt.Sprint("tag", j+1)
			if err := source.putManifest(name, tag, ocispec.MediaTypeImageManifest, one.manifest); err != nil {
				t.Fatal(err)
			}
			all[name][tag] = one
		}
	}
	s.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	s.replicate(prod, tokyo, rule{to: []destination{devTokyo}})
	started, err := s.ecr(prod, tokyo).StartReplicationBackfill(ctx, &ecr.StartReplicationBackfillInput{
		Destination: &types.ReplicationDestination{RegistryId: aws.String(dev.id), Region: aws.String(tokyo)},
	})
	if err != nil {
		t.Fatal(err)
	}
	describe := func() *ecr.DescribeReplicationBackfillResultsOutput {
		out, err := s.ecr(prod, tokyo).DescribeReplicationBackfillResults(ctx, &ecr.DescribeReplicationBackfillResultsInput{
			ReplicationBackfillId: started.ReplicationBackfillId, MaxResults: aws.Int32(1000),
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, least := range []int32{0, 1, images * tags / 2} {
		eventually(t, patience, func() error {
			out := describe()
			if p := out.Progress; out.EndedAt == nil && least > 0 && (p == nil || *p.CompletedReplicationCount < least) {
				return fmt.Errorf("it is %s", out.Status)
			}
			return nil
		})
		s.kill(syscall.SIGKILL)
		s.http.CloseIdleConnections()
		s.start()
		if p := describe().Progress; p != nil {
			t.Logf("after a kill %d of %d are complete", *p.CompletedReplicationCount, *p.TotalReplicationCount)
		}
	}
	eventually(t, patience, func() error {
		if out := describe(); out.EndedAt == nil {
			return fmt.Errorf("it is %s", out.Status)
		}
		return nil
	})
	out := describe()
	if p := out.Progress; out.Status != types.ReplicationBackfillStatusComplete || *p.TotalReplicationCount != images*tags ||
		*p.CompletedReplicationCount != images*tags || *p.FailedReplicationCount != 0 || len(out.Results) != images*tags {
		t.Errorf("it ended %s, with %d results, and %d complete and %d failed of %d", out.Status, len(out.Results),
			*p.CompletedReplicationCount, *p.FailedReplicationCount, *p.TotalReplicationCount)
	}
	for name, tags := range all {
		for tag, image := range tags {
			if err := target.wantPull(name, tag, image.digest); err != nil {
				t.Error(err)
			}
		}
	}
}
