-- +goose NO TRANSACTION
-- +goose Up

-- See SQLite's migration of the same number for what the columns mean.
CREATE TABLE IF NOT EXISTS creation_templates (
    registry_id BIGINT NOT NULL REFERENCES registries (id) ON DELETE CASCADE,
    scope       TEXT COLLATE "C" NOT NULL,
    prefix      TEXT NOT NULL,
    applied_for TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    settings    TEXT NOT NULL,
    PRIMARY KEY (registry_id, scope)
);
