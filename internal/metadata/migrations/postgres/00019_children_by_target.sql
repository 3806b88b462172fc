-- +goose NO TRANSACTION
-- +goose Up

-- See SQLite's migration of the same number.
DROP INDEX CONCURRENTLY IF EXISTS children_by_target;
CREATE INDEX CONCURRENTLY children_by_target ON manifest_references (repository_id, target) WHERE child = 1;

-- +goose Down
DROP INDEX children_by_target;
