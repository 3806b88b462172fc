-- +goose NO TRANSACTION
-- +goose Up
-- See SQLite's migration of the same number. Processes of the version before serve
-- meanwhile, so each table loses its triggers in one statement.

-- +goose StatementBegin
DO $$
BEGIN
    DROP TRIGGER IF EXISTS usage_repository_added ON repositories;
    DROP TRIGGER IF EXISTS usage_repository_deleted ON repositories;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
BEGIN
    DROP TRIGGER IF EXISTS usage_uploads_added ON uploads;
    DROP TRIGGER IF EXISTS usage_uploads_deleted ON uploads;
    ALTER TABLE uploads ADD COLUMN IF NOT EXISTS registry_id BIGINT NOT NULL DEFAULT 0;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
BEGIN
    DROP TRIGGER IF EXISTS usage_layers_added ON layers;
    DROP TRIGGER IF EXISTS usage_layers_deleted ON layers;
    DROP TRIGGER IF EXISTS usage_layer_resized ON layers;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
BEGIN
    DROP TRIGGER IF EXISTS usage_manifests_added ON manifests;
    DROP TRIGGER IF EXISTS usage_manifests_deleted ON manifests;
END $$;
-- +goose StatementEnd
DROP FUNCTION IF EXISTS usage_of_repository, usage_of_uploads, usage_of_layers, usage_of_resized_layer, usage_of_manifests, usage_slot;
DELETE FROM registry_usage;
DELETE FROM repository_usage;

UPDATE uploads SET registry_id = p.registry_id FROM repositories p WHERE p.id = repository_id AND uploads.registry_id = 0;
DROP INDEX CONCURRENTLY IF EXISTS uploads_by_registry;
CREATE INDEX CONCURRENTLY uploads_by_registry ON uploads (registry_id);
