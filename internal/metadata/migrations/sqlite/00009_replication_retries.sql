-- +goose Up

-- A refusal is numbered among the changes of its destination. What changes the
-- destination leaves a note here: refusals of before are to be tried again. They
-- are found afterwards, in batches, however many there are.
CREATE TABLE replication_retries (
    registry_id INTEGER NOT NULL REFERENCES registries (id) ON DELETE CASCADE, -- the destination
    repository  TEXT NOT NULL,    -- of the destination; '' for all
    before      INTEGER NOT NULL, -- the number of the change
    PRIMARY KEY (registry_id, repository)
) WITHOUT ROWID;

-- 0: of a program that does not know it; -1: by the configuration, which had no
-- such registry, or no room; the largest number: no change of the destination
-- mends it.
ALTER TABLE replications ADD COLUMN refusal INTEGER NOT NULL DEFAULT 0;
-- The repository of the destination; '' of a program that does not know it.
ALTER TABLE replications ADD COLUMN refused_into TEXT NOT NULL DEFAULT '';
UPDATE replications SET refusal = -1 WHERE state = 'FAILED' AND failure_code IN ('DestinationRegistryNotFound', 'DestinationLimitExceeded');
CREATE INDEX replications_refused_from ON replications (destination_account, destination_region, source_registry_id, refusal) WHERE state = 'FAILED';
CREATE INDEX replications_refused_into ON replications (destination_account, destination_region, refused_into, source_registry_id, refusal) WHERE state = 'FAILED';
CREATE INDEX replications_refused_by_configuration ON replications (destination_account, destination_region) WHERE state = 'FAILED' AND refusal = -1;
DROP INDEX replications_refused;

-- +goose Down
CREATE INDEX replications_refused ON replications (destination_account, destination_region) WHERE state = 'FAILED';
DROP INDEX replications_refused_by_configuration;
DROP INDEX replications_refused_into;
DROP INDEX replications_refused_from;
ALTER TABLE replications DROP COLUMN refused_into;
ALTER TABLE replications DROP COLUMN refusal;
DROP TABLE replication_retries;
