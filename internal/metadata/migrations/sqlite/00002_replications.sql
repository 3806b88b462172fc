-- +goose Up

-- The outbox and the record of replication: one row per image, tag and
-- destination, written in the transaction of the push.
CREATE TABLE replications (
    id                  INTEGER PRIMARY KEY,
    manifest_id         INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE, -- of the source
    tag                 TEXT NOT NULL DEFAULT '', -- '' for a push by digest
    sequence            INTEGER NOT NULL,         -- of the push, in the source registry
    destination_account TEXT NOT NULL,
    destination_region  TEXT NOT NULL,
    state               TEXT NOT NULL,            -- ECR's: IN_PROGRESS, COMPLETE, FAILED
    tries               INTEGER NOT NULL DEFAULT 0,
    next_try_at         INTEGER NOT NULL,
    pushed_at           INTEGER NOT NULL,
    finished_at         INTEGER NOT NULL DEFAULT 0,
    failure_code        TEXT NOT NULL DEFAULT '',
    failure_reason      TEXT NOT NULL DEFAULT '',
    UNIQUE (manifest_id, tag, destination_account, destination_region)
);
CREATE INDEX replications_due ON replications (next_try_at) WHERE state = 'IN_PROGRESS';
CREATE INDEX replications_refused ON replications (destination_account, destination_region) WHERE state = 'FAILED';

-- How far each tag of a destination has come: the highest sequence of each
-- source registry that was applied. It outlives the tag, so that a late
-- replication cannot bring an older image back.
CREATE TABLE tag_watermarks (
    repository_id      INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE, -- the destination
    tag                TEXT NOT NULL,
    source_registry_id INTEGER NOT NULL,
    sequence           INTEGER NOT NULL,
    PRIMARY KEY (repository_id, tag, source_registry_id)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE tag_watermarks;
DROP TABLE replications;
