package registry_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/filestore"
	"github.com/twinport/twinport/internal/blob/s3store"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/test/servers"
)

// shared says that this run is on PostgreSQL and S3. The tests are the same. (A
// variable would be read before the cache of test results takes note of what a
// test reads.)
func shared() bool { return os.Getenv("TEST_STORES") == "shared" }

// sharedEngines are the database and bucket of each test's folder, so that a
// test that opens its folder again finds what it left.
var sharedEngines sync.Map

type engines struct{ database, blobs string }

func openEngines(t testing.TB, dir string) (metadata.Store, blob.Store) {
	t.Helper()
	ctx := context.Background()
	if !shared() {
		meta, err := metadata.OpenSQLite(ctx, filepath.Join(dir, "metadata"))
		if err != nil {
			t.Fatal(err)
		}
		blobs, err := filestore.Open(filepath.Join(dir, "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		return meta, blobs
	}
	known, ok := sharedEngines.Load(dir)
	if !ok {
		b := servers.S3(t)
		// All buckets are of one server.
		os.Setenv("AWS_ACCESS_KEY_ID", b.AccessKey)
		os.Setenv("AWS_SECRET_ACCESS_KEY", b.SecretKey)
		known = engines{servers.Postgres(t), fmt.Sprintf("s3://%s?endpoint=%s&region=%s&path_style=true&redirect=false", b.Name, url.QueryEscape(b.Endpoint), b.Region)}
		sharedEngines.Store(dir, known)
	}
	meta, err := metadata.OpenPostgres(ctx, known.(engines).database)
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := s3store.Open(ctx, known.(engines).blobs)
	if err != nil {
		t.Fatal(err)
	}
	return meta, blobs
}
