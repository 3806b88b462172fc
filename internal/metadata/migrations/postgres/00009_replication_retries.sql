-- +goose NO TRANSACTION
-- +goose Up

-- See SQLite's migration of the same number. Processes of the version before go
-- on in their way: they make refusals due themselves, and number none.
CREATE TABLE IF NOT EXISTS replication_retries (
    registry_id BIGINT NOT NULL REFERENCES registries (id) ON DELETE CASCADE,
    repository  TEXT COLLATE "C" NOT NULL,
    before      BIGINT NOT NULL,
    PRIMARY KEY (registry_id, repository)
);
ALTER TABLE replications ADD COLUMN IF NOT EXISTS refusal BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS refused_into TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE replications SET refusal = -1 WHERE state = 'FAILED' AND failure_code IN ('DestinationRegistryNotFound', 'DestinationLimitExceeded') AND refusal = 0;
DROP INDEX CONCURRENTLY IF EXISTS replications_refused_from;
CREATE INDEX CONCURRENTLY replications_refused_from ON replications (destination_account, destination_region, source_registry_id, refusal) WHERE state = 'FAILED';
DROP INDEX CONCURRENTLY IF EXISTS replications_refused_into;
CREATE INDEX CONCURRENTLY replications_refused_into ON replications (destination_account, destination_region, refused_into, source_registry_id, refusal) WHERE state = 'FAILED';
DROP INDEX CONCURRENTLY IF EXISTS replications_refused_by_configuration;
CREATE INDEX CONCURRENTLY replications_refused_by_configuration ON replications (destination_account, destination_region) WHERE state = 'FAILED' AND refusal = -1;
DROP INDEX CONCURRENTLY IF EXISTS replications_refused;

-- +goose Down
CREATE INDEX replications_refused ON replications (destination_account, destination_region) WHERE state = 'FAILED';
DROP INDEX replications_refused_by_configuration;
DROP INDEX replications_refused_into;
DROP INDEX replications_refused_from;
ALTER TABLE replications DROP COLUMN refused_into, DROP COLUMN refusal;
DROP TABLE replication_retries;
