-- +goose NO TRANSACTION
-- +goose Up

-- See SQLite's migration of the same number for what tables and columns mean.
CREATE TABLE IF NOT EXISTS deployment (
    id       TEXT COLLATE "C" PRIMARY KEY,
    document TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS peers (
    id       TEXT COLLATE "C" PRIMARY KEY,
    name     TEXT COLLATE "C" NOT NULL UNIQUE,
    document TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS peer_invitations (
    secret     TEXT COLLATE "C" PRIMARY KEY,
    expires_at BIGINT NOT NULL,
    used_by    TEXT COLLATE "C" NOT NULL DEFAULT '',
    document   TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS peer_layers (
    peer_id       TEXT COLLATE "C" NOT NULL REFERENCES peers (id) ON DELETE CASCADE,
    digest        TEXT COLLATE "C" NOT NULL,
    repository_id BIGINT NOT NULL,
    upload        TEXT COLLATE "C" NOT NULL,
    keeper        TEXT COLLATE "C" NOT NULL DEFAULT '',
    beat          BIGINT NOT NULL DEFAULT 0,
    received      BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (peer_id, digest)
);
DROP INDEX CONCURRENTLY IF EXISTS peer_layers_by_digest;
CREATE INDEX CONCURRENTLY peer_layers_by_digest ON peer_layers (digest);
CREATE TABLE IF NOT EXISTS peer_parts (
    keeper  TEXT COLLATE "C" NOT NULL,
    peer_id TEXT COLLATE "C" NOT NULL REFERENCES peers (id) ON DELETE CASCADE,
    digest  TEXT COLLATE "C" NOT NULL,
    start   BIGINT NOT NULL,
    size    BIGINT NOT NULL,
    object  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (keeper, peer_id, digest, start)
);
DROP INDEX CONCURRENTLY IF EXISTS peer_parts_by_layer;
CREATE INDEX CONCURRENTLY peer_parts_by_layer ON peer_parts (peer_id, digest);
CREATE TABLE IF NOT EXISTS peer_positions (
    peer_id       TEXT COLLATE "C" NOT NULL REFERENCES peers (id) ON DELETE CASCADE,
    registry_id   BIGINT NOT NULL,
    acknowledged  BIGINT NOT NULL DEFAULT 0,
    resend_before BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (peer_id, registry_id)
);
ALTER TABLE registries ADD COLUMN IF NOT EXISTS received BIGINT NOT NULL DEFAULT 0;
CREATE TABLE IF NOT EXISTS registry_changes (
    registry_id BIGINT PRIMARY KEY,
    number      BIGINT NOT NULL
);
ALTER TABLE replications ADD COLUMN IF NOT EXISTS bytes_total BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS bytes_sent BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS begun_at BIGINT NOT NULL DEFAULT 0;
