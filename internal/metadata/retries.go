package metadata

import (
	"math"
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// Numbers of refusals that are not drawn from a sequence.
const (
	// ByConfiguration is the number of a refusal because the configuration had no
	// such registry, or no room in it.
	ByConfiguration = -1
	// Permanent is the number of a failure that no change of the destination fixes.
	Permanent = math.MaxInt64
)

// Retry says that a change of a destination may fix what it refused before, so
// those replications are to be tried again.
type Retry struct {
	RegistryRow int64 // the destination
	Account     string
	Region      string
	Repository  string // of the destination; '' for all
	Before      int64  // refusals with lower numbers
}

// NoteRetry notes that refusals with lower numbers are to be tried again: false
// if there are none. The number of the change, from NextSequence, must have
// been drawn while the locks were held that keep refusals from being decided.
func (tx ReplicationsTx) NoteRetry(r Retry) (bool, error) {
	const insert, update = `INSERT INTO replication_retries (registry_id, repository, before) SELECT CAST(?1 AS BIGINT),
		CAST(?2 AS TEXT), CAST(?3 AS BIGINT) WHERE EXISTS (
		SELECT 1 FROM replications WHERE state = 'FAILED' AND destination_account = ?4 AND destination_region = ?5`,
		`) ON CONFLICT (registry_id, repository) DO UPDATE SET before = excluded.before`
	args := []any{r.RegistryRow, r.Repository, r.Before, r.Account, r.Region}
	if r.Repository == "" {
		return some(tx.conn.changed(insert+update, args...))
	}
	return some(tx.conn.changed(insert+` AND refused_into IN ('', CAST(?2 AS TEXT))`+update, args...))
}

// NoteServed notes that replications that the configuration refused to the
// registries are to be tried again: false if there are none.
func (tx ReplicationsTx) NoteServed(registries []resource.Registry) (bool, error) {
	return some(tx.conn.changed(`INSERT INTO replication_retries (registry_id, repository, before)
		SELECT g.id, '', 0 FROM objects(?) AS d IN ORDER JOIN registries g ON g.account = d.value ->> 'Account'
		AND g.region = d.value ->> 'Region'
		WHERE (SELECT r.refusal FROM replications r WHERE r.state = 'FAILED' AND r.refusal = -1
		AND r.destination_account = g.account AND r.destination_region = g.region LIMIT 1) = -1
		ON CONFLICT (registry_id, repository) DO NOTHING`, keyList(registries)))
}

// Retries that come after the given one, in order of registry and repository.
func (q Replications) Retries(after Retry, limit int) (all []Retry, err error) {
	err = q.conn.all(`SELECT t.registry_id, g.account, g.region, t.repository, t.before FROM replication_retries t
		IN ORDER JOIN registries g ON g.id = t.registry_id
		WHERE (t.registry_id, t.repository) > (?, ?) ORDER BY t.registry_id, t.repository LIMIT ?`,
		[]any{after.RegistryRow, after.Repository, limit}, func(scan func(dest ...any) error) error {
			var r Retry
			err := scan(&r.RegistryRow, &r.Account, &r.Region, &r.Repository, &r.Before)
			all = append(all, r)
			return err
		})
	return all, err
}

// EndRetry forgets a retry, unless a later change has renewed it.
func (tx ReplicationsTx) EndRetry(r Retry) error {
	return tx.conn.exec(`DELETE FROM replication_retries WHERE registry_id = ? AND repository = ?
		AND before = ?`, r.RegistryRow, r.Repository, r.Before)
}

// RefusedRoute is a route on which refusals are to be tried again.
type RefusedRoute struct {
	Route
	Into    string // the repository of the destination, where a retry is of one
	Waiting int    // replications in progress, as far as they were counted
}

// refusedInto restricts refusals of a destination and source to those of one
// repository, which another index finds.
const refusedInto = ` AND r.refused_into = `

// RefusedRoutes returns routes on which a retry has something left to do, at
// most limit. It looks at one refusal of each route, however many there are.
// Replications in progress are counted up to count.
func (q Replications) RefusedRoutes(of Retry, count, limit int) (all []RefusedRoute, err error) {
	if of.Repository == "" {
		return q.refusedRoutes(refusedRoutes(""), of, "", count, limit)
	}
	query := refusedRoutes(refusedInto + `?6`)
	// Refusals of older programs do not say into which repository they were.
	for _, into := range []string{of.Repository, ""} {
		some, err := q.refusedRoutes(query, of, into, count, limit, into)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func refusedRoutes(into string) string {
	refused := `FROM replications r WHERE r.state = 'FAILED' AND r.destination_account = ?1
		AND r.destination_region = ?2` + into
	return `WITH RECURSIVE sources (id) AS (
			SELECT min(r.source_registry_id) ` + refused + `
			UNION ALL SELECT (SELECT min(r.source_registry_id) ` + refused + ` AND r.source_registry_id > s.id) FROM sources s
				WHERE s.id IS NOT NULL)
		SELECT s.id, coalesce(g.account, ''), (SELECT count(*) FROM (SELECT 1 FROM replications n
			WHERE n.state = 'IN_PROGRESS' AND n.source_registry_id = s.id AND n.destination_account = ?1
			AND n.destination_region = ?2 LIMIT ?4) AS waiting)
		FROM sources s LEFT IN ORDER JOIN registries g ON g.id = s.id
		WHERE s.id IS NOT NULL AND (SELECT min(r.refusal) ` + refused + ` AND r.source_registry_id = s.id) < ?3 LIMIT ?5`
}

func (q Replications) refusedRoutes(query string, of Retry, into string, count, limit int,
	more ...any) (all []RefusedRoute, err error) {
	args := append([]any{of.Account, of.Region, of.Before, count, limit}, more...)
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		r := RefusedRoute{Route: Route{DestinationAccount: of.Account, DestinationRegion: of.Region}, Into: into}
		err := scan(&r.SourceRegistryRow, &r.SourceAccount, &r.Waiting)
		all = append(all, r)
		return err
	})
	return all, err
}

// RetryRefused makes up to limit refusals of a route due at t, those of the
// lowest numbers first.
func (tx ReplicationsTx) RetryRefused(of Retry, route RefusedRoute, t, due time.Time,
	limit int) (all []DueReplication, err error) {
	// Another process may do the same, so the state of the rows found is
	// checked again, in a form that makes no planner begin with it.
	const update, last = `UPDATE replications SET state = 'IN_PROGRESS', tries = 0, changed_at = ?1, next_try_at = ?2,
		finished_at = 0 WHERE state || '' = 'FAILED' AND id IN (
		SELECT r.id FROM replications r WHERE r.state = 'FAILED' AND r.destination_account = ?3 AND r.destination_region = ?4
		AND r.source_registry_id = ?5 AND r.refusal < ?6`,
		` ORDER BY r.refusal LIMIT ?7) RETURNING id`
	query, args := update+last, []any{
		fromTime(t), fromTime(due), route.DestinationAccount, route.DestinationRegion, route.SourceRegistryRow, of.Before,
		limit,
	}
	if of.Repository != "" {
		query, args = update+refusedInto+`?8`+last, append(args, route.Into)
	}
	err = tx.conn.all(query, args, func(scan func(dest ...any) error) error {
		d := DueReplication{Route: route.Route}
		err := scan(&d.ID)
		all = append(all, d)
		return err
	})
	return all, err
}

// Refusing are those of the registries that have refused something.
func (q Replications) Refusing(destinations []resource.Registry) (all []resource.Registry, err error) {
	err = q.conn.all(`SELECT d.value ->> 'Account', d.value ->> 'Region' FROM objects(?) AS d
		WHERE (SELECT r.id FROM replications r WHERE r.state = 'FAILED' AND r.destination_account = d.value ->> 'Account'
			AND r.destination_region = d.value ->> 'Region' LIMIT 1) IS NOT NULL`,
		[]any{keyList(destinations)}, func(scan func(dest ...any) error) error {
			var r resource.Registry
			err := scan(&r.Account, &r.Region)
			all = append(all, r)
			return err
		})
	return all, err
}
