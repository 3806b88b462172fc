-- +goose NO TRANSACTION
-- +goose Up

-- See SQLite's migration of the same number. Processes of the version before do
-- without the index that goes: they look through all that is in progress.
DROP INDEX CONCURRENTLY IF EXISTS replications_waiting;
CREATE INDEX CONCURRENTLY replications_waiting ON replications (source_registry_id, destination_account, destination_region, next_try_at, pushed_at, id) WHERE state = 'IN_PROGRESS';
DROP INDEX CONCURRENTLY IF EXISTS replications_due;

-- +goose Down
CREATE INDEX replications_due ON replications (next_try_at) WHERE state = 'IN_PROGRESS';
DROP INDEX replications_waiting;
