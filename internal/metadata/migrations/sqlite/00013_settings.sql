-- +goose Up

-- Settings that have no columns, as members of a JSON object: see
-- metadata.RepositorySettings.
ALTER TABLE repositories ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE registries ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
