-- +goose Up

-- Open uploads are counted when somebody asks, which is seldom: triggers cost
-- every layer more than that. (registry_usage.uploads is no longer kept.)
ALTER TABLE uploads ADD COLUMN registry_id INTEGER NOT NULL DEFAULT 0; -- 0: written by a program that does not know it
UPDATE uploads SET registry_id = (SELECT p.registry_id FROM repositories p WHERE p.id = uploads.repository_id);
CREATE INDEX uploads_by_registry ON uploads (registry_id);
DROP TRIGGER IF EXISTS usage_upload_added;
DROP TRIGGER IF EXISTS usage_upload_deleted;
UPDATE registry_usage SET uploads = 0;

-- +goose Down
DROP INDEX uploads_by_registry;
ALTER TABLE uploads DROP COLUMN registry_id;
UPDATE registry_usage SET uploads = (SELECT count(*) FROM uploads u JOIN repositories p ON p.id = u.repository_id WHERE p.registry_id = registry_usage.registry_id) WHERE slot = 0;
-- +goose StatementBegin
CREATE TRIGGER usage_upload_added AFTER INSERT ON uploads BEGIN
    UPDATE registry_usage SET uploads = uploads + 1 WHERE slot = 0 AND registry_id = (SELECT registry_id FROM repositories WHERE id = NEW.repository_id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER usage_upload_deleted AFTER DELETE ON uploads BEGIN
    UPDATE registry_usage SET uploads = uploads - 1 WHERE slot = 0 AND registry_id = (SELECT registry_id FROM repositories WHERE id = OLD.repository_id);
END;
-- +goose StatementEnd
