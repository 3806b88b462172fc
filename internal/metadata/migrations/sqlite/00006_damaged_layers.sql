-- +goose Up

-- The first builds with schema 3 made it without this table, which their
-- migration got later under the same number.
CREATE TABLE IF NOT EXISTS damaged_layers (
    digest        TEXT NOT NULL,
    repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    linked_at     INTEGER NOT NULL,
    PRIMARY KEY (digest, repository_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS damaged_layers_by_repository ON damaged_layers (repository_id);

-- +goose Down
-- The table belongs to 00003, which drops it.
