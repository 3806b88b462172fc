-- +goose NO TRANSACTION
-- +goose Up
-- See SQLite's migration of the same number. Processes of the version before
-- count none meanwhile, so they let all uploads in.

ALTER TABLE uploads ADD COLUMN IF NOT EXISTS registry_id BIGINT NOT NULL DEFAULT 0;
DROP TRIGGER IF EXISTS usage_uploads_added ON uploads;
DROP TRIGGER IF EXISTS usage_uploads_deleted ON uploads;
UPDATE uploads SET registry_id = p.registry_id FROM repositories p WHERE p.id = repository_id AND uploads.registry_id = 0;
DROP INDEX CONCURRENTLY IF EXISTS uploads_by_registry;
CREATE INDEX CONCURRENTLY uploads_by_registry ON uploads (registry_id);
UPDATE registry_usage SET uploads = 0 WHERE uploads <> 0;

-- Returns the lowest slot that no other transaction adds to, and keeps it until this
-- transaction ends: so none waits for another's commit, and there are only as many
-- rows as there have been transactions at a time.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION usage_slot() RETURNS INTEGER LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    FOR slot IN 0..63 LOOP
        IF pg_try_advisory_xact_lock(84087, slot) THEN
            RETURN slot;
        END IF;
    END LOOP;
    RETURN pg_backend_pid() % 64;
END $$;
-- +goose StatementEnd

-- Rows of manifests and layers that are added are counted one by one: a push adds a
-- few, and to find counters by their keys costs half of what a sum over the rows of a
-- statement does. Rows that are deleted may be very many at once: they are summed up.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION usage_of_new_content() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own CONSTANT INTEGER := usage_slot();
BEGIN
    IF TG_TABLE_NAME = 'manifests' THEN
        UPDATE repository_usage SET images = images + 1 WHERE repository_id = NEW.repository_id AND slot = own;
        IF NOT FOUND THEN
            INSERT INTO repository_usage AS u (repository_id, slot, images) SELECT id, own, 1 FROM repositories WHERE id = NEW.repository_id
                ON CONFLICT (repository_id, slot) DO UPDATE SET images = u.images + 1;
        END IF;
    END IF;
    UPDATE registry_usage SET bytes = bytes + NEW.size, replicated_bytes = replicated_bytes + CASE WHEN NEW.replicated THEN NEW.size ELSE 0 END
        WHERE registry_id = (SELECT registry_id FROM repositories WHERE id = NEW.repository_id) AND slot = own;
    IF NOT FOUND THEN
        INSERT INTO registry_usage AS u (registry_id, slot, bytes, replicated_bytes)
            SELECT registry_id, own, NEW.size, CASE WHEN NEW.replicated THEN NEW.size ELSE 0 END FROM repositories WHERE id = NEW.repository_id
            ON CONFLICT (registry_id, slot) DO UPDATE SET bytes = u.bytes + excluded.bytes, replicated_bytes = u.replicated_bytes + excluded.replicated_bytes;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- Nothing may be added between the triggers, so each goes and comes in one statement.
-- +goose StatementBegin
DO $$
BEGIN
    DROP TRIGGER IF EXISTS usage_manifests_added ON manifests;
    CREATE OR REPLACE TRIGGER usage_manifest_added AFTER INSERT ON manifests FOR EACH ROW EXECUTE FUNCTION usage_of_new_content();
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
BEGIN
    DROP TRIGGER IF EXISTS usage_layers_added ON layers;
    CREATE OR REPLACE TRIGGER usage_layer_added AFTER INSERT ON layers FOR EACH ROW EXECUTE FUNCTION usage_of_new_content();
END $$;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER usage_manifest_added ON manifests;
DROP TRIGGER usage_layer_added ON layers;
DROP FUNCTION usage_of_new_content;
CREATE OR REPLACE FUNCTION usage_slot() RETURNS INTEGER LANGUAGE sql STABLE AS 'SELECT pg_backend_pid() % 32';
CREATE TRIGGER usage_layers_added AFTER INSERT ON layers REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usage_of_layers();
CREATE TRIGGER usage_manifests_added AFTER INSERT ON manifests REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usage_of_manifests();
DROP INDEX uploads_by_registry;
ALTER TABLE uploads DROP COLUMN registry_id;
UPDATE registry_usage AS u SET uploads = (SELECT count(*) FROM uploads o JOIN repositories p ON p.id = o.repository_id WHERE p.registry_id = u.registry_id) WHERE slot = -1;
CREATE TRIGGER usage_uploads_added AFTER INSERT ON uploads REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usage_of_uploads();
CREATE TRIGGER usage_uploads_deleted AFTER DELETE ON uploads REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usage_of_uploads();
