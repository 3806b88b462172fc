-- +goose NO TRANSACTION
-- +goose Up

-- See SQLite's migration of the same number.
ALTER TABLE uploads ADD COLUMN IF NOT EXISTS short_part BIGINT NOT NULL DEFAULT 0;
