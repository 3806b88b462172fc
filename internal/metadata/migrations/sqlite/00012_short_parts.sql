-- +goose Up

-- Where the first part of a layer ended that is too short, unless it is the
-- last; 0 if there is none, or a program that does not know it took it.
ALTER TABLE uploads ADD COLUMN short_part INTEGER NOT NULL DEFAULT 0;
