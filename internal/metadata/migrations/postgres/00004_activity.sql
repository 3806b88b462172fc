-- +goose NO TRANSACTION
-- +goose Up
-- See SQLite's migration of the same number for what columns mean. Processes of
-- the version before serve meanwhile: so no statement keeps them waiting for
-- long, and each may be run again after a migration that was cut off.

CREATE OR REPLACE FUNCTION numbers(list TEXT) RETURNS TABLE (value BIGINT) LANGUAGE sql IMMUTABLE AS 'SELECT CAST(json_array_elements_text(list::json) AS BIGINT)';

ALTER TABLE replications ADD COLUMN IF NOT EXISTS source_registry_id BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS changed_at BIGINT NOT NULL DEFAULT 0;
UPDATE replications r SET source_registry_id = p.registry_id, changed_at = greatest(r.pushed_at, r.finished_at)
    FROM manifests m JOIN repositories p ON p.id = m.repository_id WHERE m.id = r.manifest_id AND r.source_registry_id = 0;
DROP INDEX CONCURRENTLY IF EXISTS replications_by_source;
CREATE INDEX CONCURRENTLY replications_by_source ON replications (source_registry_id, state, changed_at, id);
DROP INDEX CONCURRENTLY IF EXISTS replications_arrived;
CREATE INDEX CONCURRENTLY replications_arrived ON replications (destination_account, destination_region, changed_at, id) WHERE state = 'COMPLETE';
DROP INDEX CONCURRENTLY IF EXISTS manifests_by_push;
CREATE INDEX CONCURRENTLY manifests_by_push ON manifests (repository_id, pushed_at, digest);

CREATE TABLE IF NOT EXISTS replication_statistics (
    source_registry_id  BIGINT NOT NULL REFERENCES registries (id) ON DELETE CASCADE,
    minute              BIGINT NOT NULL,
    destination_account TEXT COLLATE "C" NOT NULL,
    destination_region  TEXT COLLATE "C" NOT NULL,
    process             TEXT COLLATE "C" NOT NULL,
    completed           BIGINT NOT NULL,
    failed              BIGINT NOT NULL,
    bytes               BIGINT NOT NULL,
    lags                BYTEA NOT NULL,
    max_lag             BIGINT NOT NULL,
    last_completed_at   BIGINT NOT NULL,
    last_failed_at      BIGINT NOT NULL,
    PRIMARY KEY (source_registry_id, minute, destination_account, destination_region, process)
);
CREATE INDEX IF NOT EXISTS replication_statistics_by_minute ON replication_statistics (minute);

-- +goose Down
DROP TABLE replication_statistics;
DROP INDEX manifests_by_push;
DROP INDEX replications_arrived;
DROP INDEX replications_by_source;
ALTER TABLE replications DROP COLUMN changed_at, DROP COLUMN source_registry_id;
DROP FUNCTION numbers;
