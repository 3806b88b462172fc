-- +goose Up
-- See SQLite's migration of the same number.
CREATE TABLE IF NOT EXISTS damaged_layers (
    digest        TEXT COLLATE "C" NOT NULL,
    repository_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    linked_at     BIGINT NOT NULL,
    PRIMARY KEY (digest, repository_id)
);
CREATE INDEX IF NOT EXISTS damaged_layers_by_repository ON damaged_layers (repository_id);

-- +goose Down
-- The table belongs to 00003, which drops it.
