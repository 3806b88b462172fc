-- +goose NO TRANSACTION
-- +goose Up

-- See SQLite's migration of the same number.
ALTER TABLE repositories ADD COLUMN IF NOT EXISTS settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE registries ADD COLUMN IF NOT EXISTS settings TEXT NOT NULL DEFAULT '{}';
