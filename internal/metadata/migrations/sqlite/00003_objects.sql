-- +goose Up

-- A blob's bytes are an object of the blob store, under a name that is never
-- used again: so bytes can be deleted while others push the same blob anew.
ALTER TABLE blobs ADD COLUMN object TEXT NOT NULL DEFAULT '';
UPDATE blobs SET object = substr(digest, 1, 6) || '/' || substr(digest, 8, 2) || '/' || substr(digest, 8);
CREATE UNIQUE INDEX blobs_by_object ON blobs (object);

-- Objects that no blob names any more; their bytes are to be deleted.
CREATE TABLE garbage (
    object TEXT PRIMARY KEY,
    size   INTEGER NOT NULL
) WITHOUT ROWID;

-- What the blob store needs to go on with an upload in another process; empty
-- where it keeps that itself.
ALTER TABLE uploads ADD COLUMN state BLOB NOT NULL DEFAULT x'';
ALTER TABLE uploads ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX uploads_by_repository ON uploads (repository_id);

-- Blobs whose bytes are missing or wrong, as verify found them.
CREATE TABLE damaged (
    digest   TEXT PRIMARY KEY,
    object   TEXT NOT NULL,
    reason   TEXT NOT NULL,
    found_at INTEGER NOT NULL
) WITHOUT ROWID;

-- The links of repositories to damaged blobs, until these are stored anew.
CREATE TABLE damaged_layers (
    digest        TEXT NOT NULL,
    repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    linked_at     INTEGER NOT NULL,
    PRIMARY KEY (digest, repository_id)
) WITHOUT ROWID;
CREATE INDEX damaged_layers_by_repository ON damaged_layers (repository_id);

-- Which process does a background task. A holder raises beat while it works; who
-- has seen it unchanged for long enough may take over, and goes on at progress.
CREATE TABLE leases (
    name     TEXT PRIMARY KEY,
    holder   TEXT NOT NULL,
    beat     INTEGER NOT NULL,
    progress TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

-- The oldest schema whose programs may still run on this database: raised by
-- migrations that they could not live with.
CREATE TABLE schema_compatibility (oldest INTEGER NOT NULL);
INSERT INTO schema_compatibility (oldest) VALUES (3);

-- +goose Down
DROP TABLE schema_compatibility;
DROP TABLE leases;
DROP TABLE damaged_layers;
DROP TABLE damaged;
DROP INDEX uploads_by_repository;
ALTER TABLE uploads DROP COLUMN updated_at;
ALTER TABLE uploads DROP COLUMN state;
DROP TABLE garbage;
DROP INDEX blobs_by_object;
ALTER TABLE blobs DROP COLUMN object;
