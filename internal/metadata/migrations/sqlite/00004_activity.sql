-- +goose Up

-- What a registry sends and gets is listed by when it last changed.
ALTER TABLE replications ADD COLUMN source_registry_id INTEGER NOT NULL DEFAULT 0; -- 0: written by a program that does not know it
ALTER TABLE replications ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;         -- when it was queued, tried, or made due again
UPDATE replications SET changed_at = max(pushed_at, finished_at),
    source_registry_id = (SELECT p.registry_id FROM manifests m JOIN repositories p ON p.id = m.repository_id WHERE m.id = manifest_id);
CREATE INDEX replications_by_source ON replications (source_registry_id, state, changed_at, id);
CREATE INDEX replications_arrived ON replications (destination_account, destination_region, changed_at, id) WHERE state = 'COMPLETE';

CREATE INDEX manifests_by_push ON manifests (repository_id, pushed_at, digest);

-- How replications ended, minute by minute.
CREATE TABLE replication_statistics (
    source_registry_id  INTEGER NOT NULL REFERENCES registries (id) ON DELETE CASCADE,
    minute              INTEGER NOT NULL, -- when it began
    destination_account TEXT NOT NULL,
    destination_region  TEXT NOT NULL,
    process             TEXT NOT NULL,    -- each writes rows of its own
    completed           INTEGER NOT NULL,
    failed              INTEGER NOT NULL,
    bytes               INTEGER NOT NULL, -- of the images that were completed
    lags                BLOB NOT NULL,    -- of these: see metadata/laghistogram.go
    max_lag             INTEGER NOT NULL, -- in microseconds
    last_completed_at   INTEGER NOT NULL,
    last_failed_at      INTEGER NOT NULL,
    PRIMARY KEY (source_registry_id, minute, destination_account, destination_region, process)
) WITHOUT ROWID;
CREATE INDEX replication_statistics_by_minute ON replication_statistics (minute);

-- +goose Down
DROP TABLE replication_statistics;
DROP INDEX manifests_by_push;
DROP INDEX replications_arrived;
DROP INDEX replications_by_source;
ALTER TABLE replications DROP COLUMN changed_at;
ALTER TABLE replications DROP COLUMN source_registry_id;
