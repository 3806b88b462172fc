-- +goose NO TRANSACTION
-- +goose Up
-- See SQLite's migration of the same number for what columns mean. Processes of
-- the version before serve meanwhile: they join replications with manifests, so
-- they leave deletions alone.

ALTER TABLE replications ALTER COLUMN manifest_id DROP NOT NULL,
    ADD COLUMN IF NOT EXISTS repository_name TEXT COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS digest TEXT COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS media_type TEXT NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS image_size BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS tags TEXT NOT NULL DEFAULT '[]';
DROP INDEX CONCURRENTLY IF EXISTS deletions_by_source;
CREATE INDEX CONCURRENTLY deletions_by_source ON replications (source_registry_id, state, changed_at, id) WHERE manifest_id IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS deletions_arrived;
CREATE INDEX CONCURRENTLY deletions_arrived ON replications (destination_account, destination_region, changed_at, id) WHERE manifest_id IS NULL AND state = 'COMPLETE';
DROP INDEX CONCURRENTLY IF EXISTS deletions_by_digest;
CREATE INDEX CONCURRENTLY deletions_by_digest ON replications (source_registry_id, digest) WHERE manifest_id IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS deletions_ended;
CREATE INDEX CONCURRENTLY deletions_ended ON replications (finished_at) WHERE manifest_id IS NULL AND state <> 'IN_PROGRESS';

ALTER TABLE tag_watermarks ADD COLUMN IF NOT EXISTS applied BIGINT NOT NULL DEFAULT 0;

CREATE TABLE IF NOT EXISTS image_sources (
    manifest_id        BIGINT NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    source_registry_id BIGINT NOT NULL,
    sequence           BIGINT NOT NULL,
    PRIMARY KEY (manifest_id, source_registry_id)
);

-- +goose Down
DROP TABLE image_sources;
ALTER TABLE tag_watermarks DROP COLUMN applied;
DELETE FROM replications WHERE manifest_id IS NULL;
DROP INDEX deletions_ended, deletions_by_digest, deletions_arrived, deletions_by_source;
ALTER TABLE replications DROP COLUMN tags, DROP COLUMN image_size, DROP COLUMN media_type, DROP COLUMN digest, DROP COLUMN repository_name,
    ALTER COLUMN manifest_id SET NOT NULL;
