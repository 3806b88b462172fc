package test

import (
	"fmt"
	"net/url"
	"os"
	"testing"

	"github.com/twinport/twinport/test/servers"
)

// shared says that the servers of this run keep their facts in PostgreSQL and
// their blobs in a bucket. The tests are the same.
var shared = os.Getenv("TEST_STORES") == "shared"

// stores are what a server's configuration says about its stores.
type stores struct {
	config string
	env    []string
}

func storesOf(t *testing.T) stores {
	t.Helper()
	if !shared {
		return stores{}
	}
	return sharedStores(servers.Postgres(t), servers.S3(t))
}

func sharedStores(database string, b servers.Bucket) stores {
	blobs := fmt.Sprintf("s3://%s/twinport?endpoint=%s&region=%s&path_style=true", b.Name, url.QueryEscape(b.Endpoint), b.Region)
	return stores{
		config: fmt.Sprintf("database: %q\nblobs: %q\n", database, blobs),
		env:    []string{"AWS_ACCESS_KEY_ID=" + b.AccessKey, "AWS_SECRET_ACCESS_KEY=" + b.SecretKey},
	}
}
