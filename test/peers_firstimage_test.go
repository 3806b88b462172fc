package test

import (
	"database/sql"
	"fmt"
	"net/http"
	"testing"
)

// TestDeletionMeetsFirstImage: an image makes its repository at the destination while
// its deletion is being received, which found no repository. The image is not there
// in the end.
func TestDeletionMeetsFirstImage(t *testing.T) {
	if !shared() {
		t.Skip("embedded stores do one transaction at a time")
	}
	t.Parallel()
	here, there := newPair(t)
	here.replicateWithDeletes(prod, devOregon)
	here.createRepository(prod, tokyo, "app")
	source, target := here.oci(prod, tokyo), there.oci(dev, oregon)

	db, err := sql.Open("pgx", string(there.configuration().Database))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	hold, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	do := func(statements ...string) {
		t.Helper()
		for _, statement := range statements {
			if _, err := hold.ExecContext(ctx, statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
	waiting := func(what string, n int) error {
		t.Helper()
		var got int
		if err := db.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
			AND wait_event_type = 'Lock' AND query LIKE $1`, what).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got < n {
			return fmt.Errorf("%d of %d transactions wait with %s", got, n, what)
		}
		return nil
	}
	// Repositories are added, and deletions recorded, when the test lets them.
	do(`CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN PERFORM pg_advisory_xact_lock_shared(TG_ARGV[0]::bigint); RETURN NEW; END'`,
		`CREATE TRIGGER wait_for_test BEFORE INSERT ON repositories FOR EACH ROW EXECUTE FUNCTION wait_for_test(1)`,
		`CREATE TRIGGER wait_for_test BEFORE INSERT ON replications FOR EACH ROW EXECUTE FUNCTION wait_for_test(2)`,
		`SELECT pg_advisory_lock(1), pg_advisory_lock(2)`)
	image := makeImageOf(noise(100))
	source.mustPush("app", "1", image)
	eventually(t, patience, func() error { return waiting("INSERT INTO repositories%", 1) })
	if a := source.do("DELETE", "app/manifests/"+image.digest.String(), nil); a.status != http.StatusAccepted {
		t.Fatalf("the deletion is answered with %v", a)
	}
	eventually(t, patience, func() error { return waiting("%", 2) }) // with the deletion
	do(`SELECT pg_advisory_unlock(1)`)
	eventually(t, patience, func() error {
		if target.tagged("app", "1", image.digest) == nil {
			return nil
		}
		return waiting("SELECT p.id%", 1) // the image waits for the deletion
	})
	do(`SELECT pg_advisory_unlock(2)`)
	here.idle(prod)
	eventually(t, patience, func() error {
		if a := target.do("GET", "app/manifests/"+image.digest.String(), nil); a.status != http.StatusNotFound {
			return fmt.Errorf("the image that was deleted is answered with %v", a)
		}
		return nil
	})
}
