-- +goose Up

-- A replication without a manifest is one of a deletion: that of its source is
-- gone, so the row says itself what was deleted. (SQLite drops no NOT NULL of a
-- column, so the table is made anew.)
CREATE TABLE replications_anew (
    id                  INTEGER PRIMARY KEY,
    manifest_id         INTEGER REFERENCES manifests (id) ON DELETE CASCADE, -- of the source; NULL: a deletion
    tag                 TEXT NOT NULL DEFAULT '', -- '' for a push by digest, or the deletion of an image
    sequence            INTEGER NOT NULL,         -- of the push or deletion, in the source registry
    destination_account TEXT NOT NULL,
    destination_region  TEXT NOT NULL,
    state               TEXT NOT NULL,            -- ECR's: IN_PROGRESS, COMPLETE, FAILED
    tries               INTEGER NOT NULL DEFAULT 0,
    next_try_at         INTEGER NOT NULL,
    pushed_at           INTEGER NOT NULL,         -- or deleted
    finished_at         INTEGER NOT NULL DEFAULT 0,
    failure_code        TEXT NOT NULL DEFAULT '',
    failure_reason      TEXT NOT NULL DEFAULT '',
    source_registry_id  INTEGER NOT NULL DEFAULT 0, -- 0: written by a program that does not know it
    changed_at          INTEGER NOT NULL DEFAULT 0, -- when it was queued, tried, or made due again
    refusal             INTEGER NOT NULL DEFAULT 0, -- its number: see replication_retries
    refused_into        TEXT NOT NULL DEFAULT '',   -- the repository of the destination
    repository_name     TEXT NOT NULL DEFAULT '',   -- of a deletion, as what follows
    digest              TEXT NOT NULL DEFAULT '',
    media_type          TEXT NOT NULL DEFAULT '',
    image_size          INTEGER NOT NULL DEFAULT 0,
    tags                TEXT NOT NULL DEFAULT '[]', -- that were deleted with it, JSON
    UNIQUE (manifest_id, tag, destination_account, destination_region)
);
INSERT INTO replications_anew (id, manifest_id, tag, sequence, destination_account, destination_region, state, tries, next_try_at, pushed_at,
        finished_at, failure_code, failure_reason, source_registry_id, changed_at, refusal, refused_into)
    SELECT id, manifest_id, tag, sequence, destination_account, destination_region, state, tries, next_try_at, pushed_at,
        finished_at, failure_code, failure_reason, source_registry_id, changed_at, refusal, refused_into FROM replications;
DROP TABLE replications;
ALTER TABLE replications_anew RENAME TO replications;
CREATE INDEX replications_waiting ON replications (source_registry_id, destination_account, destination_region, next_try_at, pushed_at) WHERE state = 'IN_PROGRESS';
CREATE INDEX replications_refused_from ON replications (destination_account, destination_region, source_registry_id, refusal) WHERE state = 'FAILED';
CREATE INDEX replications_refused_into ON replications (destination_account, destination_region, refused_into, source_registry_id, refusal) WHERE state = 'FAILED';
CREATE INDEX replications_refused_by_configuration ON replications (destination_account, destination_region) WHERE state = 'FAILED' AND refusal = -1;
CREATE INDEX replications_by_source ON replications (source_registry_id, state, changed_at, id);
CREATE INDEX replications_arrived ON replications (destination_account, destination_region, changed_at, id) WHERE state = 'COMPLETE';

CREATE INDEX deletions_by_source ON replications (source_registry_id, state, changed_at, id) WHERE manifest_id IS NULL;
CREATE INDEX deletions_arrived ON replications (destination_account, destination_region, changed_at, id) WHERE manifest_id IS NULL AND state = 'COMPLETE';
CREATE INDEX deletions_by_digest ON replications (source_registry_id, digest) WHERE manifest_id IS NULL;
CREATE INDEX deletions_ended ON replications (finished_at) WHERE manifest_id IS NULL AND state <> 'IN_PROGRESS';

-- The number that the tag got with it: while it has it, nothing else has set it.
ALTER TABLE tag_watermarks ADD COLUMN applied INTEGER NOT NULL DEFAULT 0;

-- Which registries have replicated an image here, and up to which number of
-- theirs. What a replication brought and another registry, or a push (0), has
-- brought too, is not deleted by one's deletion.
CREATE TABLE image_sources (
    manifest_id        INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    source_registry_id INTEGER NOT NULL,
    sequence           INTEGER NOT NULL,
    PRIMARY KEY (manifest_id, source_registry_id)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE image_sources;
ALTER TABLE tag_watermarks DROP COLUMN applied;
DELETE FROM replications WHERE manifest_id IS NULL;
DROP INDEX deletions_ended;
DROP INDEX deletions_by_digest;
DROP INDEX deletions_arrived;
DROP INDEX deletions_by_source;
ALTER TABLE replications DROP COLUMN tags;
ALTER TABLE replications DROP COLUMN image_size;
ALTER TABLE replications DROP COLUMN media_type;
ALTER TABLE replications DROP COLUMN digest;
ALTER TABLE replications DROP COLUMN repository_name;
