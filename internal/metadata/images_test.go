package metadata

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What an image costs must not depend on how much else its repository has: no
// query about one may walk through the repository, or make an index of it.
func TestImageQueriesFollowTheImage(t *testing.T) {
	t.Parallel()
	s, err := OpenSQLite(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	conn := newStatements(s.checkpoints)
	q := &Tx{Queries: &Queries{conn: conn}}
	if _, err := q.Images().Parts(1, "d", 2, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Images().Head(1, "d"); err != ErrNotFound {
		t.Fatal(err)
	}
	if _, err := q.Images().HeadByTag(1, "t"); err != ErrNotFound {
		t.Fatal(err)
	}
	if err := q.conn.one(graph+whole, []any{1, "d"}, new(bool)); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Images().Blobs(1, "d", []string{"o"}); err != nil {
		t.Fatal(err)
	}
	if err := q.Images().Copy(1, []string{"d"}, &Repository{ID: 2}, 1, 1, time.Now()); err != nil {
		t.Fatal(err)
	}
	plans := 0
	conn.dialect.rendered.Range(func(_, query any) bool {
		arguments := make([]any, 0, 4) // a plan does not depend on them
		for n := 1; strings.Contains(query.(string), "?"+strconv.Itoa(n)); n++ {
			arguments = append(arguments, "")
		}
		rows, err := s.checkpoints.Query("EXPLAIN QUERY PLAN "+query.(string), arguments...)
		if err != nil {
			t.Error(err)
			return true
		}
		defer rows.Close()
		for plans++; rows.Next(); {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Error(err)
			}
			whole := strings.HasPrefix(step, "SEARCH m ") && !strings.Contains(step, "digest=?") &&
				!strings.Contains(step, "rowid=?")
			if whole || strings.Contains(step, "AUTOMATIC") || strings.HasPrefix(step, "SCAN m") ||
				strings.HasPrefix(step, "SCAN f") || strings.HasPrefix(step, "SCAN l") {
				t.Errorf("%s\nin the plan of\n%s", step, query)
			}
		}
		return true
	})
	if plans != 9 {
		t.Errorf("%d plans, want 9", plans)
	}
}
