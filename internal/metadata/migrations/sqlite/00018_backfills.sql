-- +goose Up

-- Replications of the images that a registry has already: see metadata.Backfill.
CREATE TABLE replication_backfills (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: who still works on one finds it gone
    name                TEXT NOT NULL UNIQUE,       -- ECR's replicationBackfillId
    registry_id         INTEGER NOT NULL REFERENCES registries (id) ON DELETE CASCADE, -- the source
    destination_account TEXT NOT NULL,
    destination_region  TEXT NOT NULL,
    status              TEXT NOT NULL,              -- ECR's
    failure_code        TEXT NOT NULL DEFAULT '',   -- once it is to fail
    started_at          INTEGER NOT NULL,
    ended_at            INTEGER NOT NULL DEFAULT 0, -- 0: it has not
    prepared            INTEGER NOT NULL DEFAULT 0, -- 1: all of its images are known
    place               TEXT NOT NULL DEFAULT '',   -- how far preparing has come, for whoever goes on
    total               INTEGER NOT NULL DEFAULT 0, -- images that are known
    queued              INTEGER NOT NULL DEFAULT 0, -- the first of them that were queued
    completed           INTEGER NOT NULL DEFAULT 0, -- of these
    failed              INTEGER NOT NULL DEFAULT 0,
    failure_codes       TEXT NOT NULL DEFAULT '[]'  -- of those, each once, JSON
);
CREATE INDEX replication_backfills_by_registry ON replication_backfills (registry_id, id);
CREATE INDEX replication_backfills_open ON replication_backfills (registry_id, id) WHERE ended_at = 0;
CREATE INDEX replication_backfills_ended ON replication_backfills (ended_at, id) WHERE ended_at > 0;

-- The images of a backfill, one for each tag, and what came of each. They outlive the image.
CREATE TABLE replication_backfill_images (
    backfill_id   INTEGER NOT NULL REFERENCES replication_backfills (id) ON DELETE CASCADE,
    number        INTEGER NOT NULL,           -- from 1 on
    repository    TEXT NOT NULL,              -- of the source
    digest        TEXT NOT NULL,
    tag           TEXT NOT NULL,              -- '' for one by digest
    status        TEXT NOT NULL DEFAULT '',   -- '': it has not ended; COMPLETE or FAILED
    failure_code  TEXT NOT NULL DEFAULT '',
    indexed       INTEGER NOT NULL DEFAULT 0, -- 1: it is an index, whose images failed with it
    PRIMARY KEY (backfill_id, number)
) WITHOUT ROWID;
CREATE INDEX replication_backfill_images_by_status ON replication_backfill_images (backfill_id, status, number);

-- What backfills queue is a route of its own, so that pushes do not wait behind it.
ALTER TABLE replications ADD COLUMN backfill INTEGER NOT NULL DEFAULT 0;
DROP INDEX replications_waiting;
CREATE INDEX replications_waiting ON replications (source_registry_id, destination_account, destination_region, backfill, next_try_at, pushed_at) WHERE state = 'IN_PROGRESS';

-- +goose Down
DROP INDEX replications_waiting;
ALTER TABLE replications DROP COLUMN backfill;
CREATE INDEX replications_waiting ON replications (source_registry_id, destination_account, destination_region, next_try_at, pushed_at) WHERE state = 'IN_PROGRESS';
DROP TABLE replication_backfill_images;
DROP TABLE replication_backfills;
