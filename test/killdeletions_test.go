package test

import (
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// TestKillKeepsDeletions ends the server with kill -9 when deletions are
// acknowledged that their destination refuses: once it grants them, all are done.
func TestKillKeepsDeletions(t *testing.T) {
	t.Parallel()
	s, source, target := replicating(t)
	if a := s.answer(s.signed(prod, tokyo, "ecr", time.Now(), "PutReplicationConfiguration",
		fmt.Sprintf(`{"replicationConfiguration": {"rules": [
		{"destinations": [{"registryId": %q, "region": %q}], "deleteReplication": {"enabled": true}}]}}`, dev.id,
			tokyo))); a.status != http.StatusOK {
		t.Fatalf("a rule that replicates deletions is answered with %v", a)
	}
	s.createRepository(prod, tokyo, "app")
	images := make([]image, 20)
	tag := func(i int) string { return fmt.Sprint("tag", i) }
	for i := range images {
		images[i] = makeImage(tag(i), nil, "")
		source.mustPush("app", tag(i), images[i])
	}
	for i := range images {
		s.wantStatus(prod, tokyo, "app", tag(i), devTokyo, types.ReplicationStatusComplete)
	}
	if _, err := s.ecr(dev, tokyo).DeleteRegistryPolicy(ctx, &ecr.DeleteRegistryPolicyInput{}); err != nil {
		t.Fatal(err)
	}
	var ids []types.ImageIdentifier // every other by its tag
	for i := range images {
		if id := *imageID(images[i].digest.String()); i%2 == 0 {
			ids = append(ids, id)
		} else {
			ids = append(ids, *imageID(tag(i)))
		}
	}
	out, err := s.ecr(prod, tokyo).BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{
		RepositoryName: aws.String("app"), ImageIds: ids,
	})
	if err != nil || len(out.Failures) > 0 {
		t.Fatalf("deleting is answered with %+v, %v", out, err)
	}
	s.restart(syscall.SIGKILL)
	for i := range images {
		if err := target.wantPull("app", tag(i), images[i].digest); err != nil {
			t.Errorf("before the grant: %v", err)
		}
	}
	s.grant(dev, tokyo, prod, "ReplicateImage", "CreateRepository")
	for i := range images {
		eventually(t, patience, func() error {
			return errors.Join(target.wantAbsent("app", tag(i)), target.wantAbsent("app", images[i].digest.String()))
		})
	}
}
