-- +goose NO TRANSACTION
-- +goose Up
-- See SQLite's migration of the same number for what is counted. Processes of
-- the version before serve meanwhile, and each statement may be run again after
-- a migration that was cut off.

ALTER TABLE layers ADD COLUMN IF NOT EXISTS replicated BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE manifests ADD COLUMN IF NOT EXISTS replicated BOOLEAN NOT NULL DEFAULT false;

-- One row would make every push wait for the one before. So connections add to
-- rows of their own, the slots; what is used is the sum over them. Slot -1 is
-- what there was when the triggers came.
CREATE TABLE IF NOT EXISTS registry_usage (
    registry_id      BIGINT NOT NULL REFERENCES registries (id) ON DELETE CASCADE,
    slot             INTEGER NOT NULL,
    repositories     BIGINT NOT NULL DEFAULT 0,
    uploads          BIGINT NOT NULL DEFAULT 0,
    bytes            BIGINT NOT NULL DEFAULT 0,
    replicated_bytes BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (registry_id, slot)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS repository_usage (
    repository_id BIGINT NOT NULL,
    slot          INTEGER NOT NULL,
    images        BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (repository_id, slot)
) WITH (fillfactor = 50);

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION usage_slot() RETURNS INTEGER LANGUAGE sql STABLE AS 'SELECT pg_backend_pid() % 32';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION usage_of_repository() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO registry_usage AS u (registry_id, slot, repositories) VALUES (NEW.registry_id, usage_slot(), 1)
            ON CONFLICT (registry_id, slot) DO UPDATE SET repositories = u.repositories + 1;
        RETURN NEW;
    END IF;
    -- What is in the repository goes first: its triggers must find the registry.
    DELETE FROM uploads WHERE repository_id = OLD.id;
    DELETE FROM manifests WHERE repository_id = OLD.id;
    DELETE FROM layers WHERE repository_id = OLD.id;
    DELETE FROM repository_usage WHERE repository_id = OLD.id;
    INSERT INTO registry_usage AS u (registry_id, slot, repositories) VALUES (OLD.registry_id, usage_slot(), -1)
        ON CONFLICT (registry_id, slot) DO UPDATE SET repositories = u.repositories - 1;
    RETURN OLD;
END $$;
-- +goose StatementEnd

-- The others count all rows of a statement at once, which are in changed. Each
-- registry is looked up by its key, however many rows the planner expects.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION usage_of_uploads() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign CONSTANT BIGINT := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO registry_usage AS u (registry_id, slot, uploads)
        SELECT p.registry_id, usage_slot(), sign * sum(c.uploads)
        FROM (SELECT repository_id, count(*) AS uploads FROM changed GROUP BY repository_id) AS c
        JOIN LATERAL (SELECT registry_id FROM repositories WHERE id = c.repository_id OFFSET 0) AS p ON true
        GROUP BY p.registry_id ORDER BY p.registry_id
        ON CONFLICT (registry_id, slot) DO UPDATE SET uploads = u.uploads + excluded.uploads;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION usage_of_layers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign CONSTANT BIGINT := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO registry_usage AS u (registry_id, slot, bytes, replicated_bytes)
        SELECT p.registry_id, usage_slot(), sign * sum(c.bytes), sign * sum(c.replicated)
        FROM (SELECT repository_id, sum(size) AS bytes, sum(CASE WHEN replicated THEN size ELSE 0 END) AS replicated FROM changed GROUP BY repository_id) AS c
        JOIN LATERAL (SELECT registry_id FROM repositories WHERE id = c.repository_id OFFSET 0) AS p ON true
        GROUP BY p.registry_id ORDER BY p.registry_id
        ON CONFLICT (registry_id, slot) DO UPDATE SET bytes = u.bytes + excluded.bytes, replicated_bytes = u.replicated_bytes + excluded.replicated_bytes;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION usage_of_resized_layer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO registry_usage AS u (registry_id, slot, bytes, replicated_bytes)
        SELECT p.registry_id, usage_slot(), NEW.size - OLD.size, CASE WHEN NEW.replicated THEN NEW.size - OLD.size ELSE 0 END
        FROM repositories p WHERE p.id = NEW.repository_id
        ON CONFLICT (registry_id, slot) DO UPDATE SET bytes = u.bytes + excluded.bytes, replicated_bytes = u.replicated_bytes + excluded.replicated_bytes;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION usage_of_manifests() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign CONSTANT BIGINT := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO repository_usage AS u (repository_id, slot, images)
        SELECT c.repository_id, usage_slot(), sign * c.images
        FROM (SELECT repository_id, count(*) AS images FROM changed GROUP BY repository_id) AS c
        JOIN LATERAL (SELECT FROM repositories WHERE id = c.repository_id OFFSET 0) AS p ON true
        ORDER BY c.repository_id
        ON CONFLICT (repository_id, slot) DO UPDATE SET images = u.images + excluded.images;
    INSERT INTO registry_usage AS u (registry_id, slot, bytes, replicated_bytes)
        SELECT p.registry_id, usage_slot(), sign * sum(c.bytes), sign * sum(c.replicated)
        FROM (SELECT repository_id, sum(size) AS bytes, sum(CASE WHEN replicated THEN size ELSE 0 END) AS replicated FROM changed GROUP BY repository_id) AS c
        JOIN LATERAL (SELECT registry_id FROM repositories WHERE id = c.repository_id OFFSET 0) AS p ON true
        GROUP BY p.registry_id ORDER BY p.registry_id
        ON CONFLICT (registry_id, slot) DO UPDATE SET bytes = u.bytes + excluded.bytes, replicated_bytes = u.replicated_bytes + excluded.replicated_bytes;
    RETURN NULL;
END $$;
-- +goose StatementEnd

DROP TRIGGER IF EXISTS usage_repository_added ON repositories;
CREATE TRIGGER usage_repository_added AFTER INSERT ON repositories FOR EACH ROW EXECUTE FUNCTION usage_of_repository();
DROP TRIGGER IF EXISTS usage_repository_deleted ON repositories;
CREATE TRIGGER usage_repository_deleted BEFORE DELETE ON repositories FOR EACH ROW EXECUTE FUNCTION usage_of_repository();
DROP TRIGGER IF EXISTS usage_uploads_added ON uploads;
CREATE TRIGGER usage_uploads_added AFTER INSERT ON uploads REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usage_of_uploads();
DROP TRIGGER IF EXISTS usage_uploads_deleted ON uploads;
CREATE TRIGGER usage_uploads_deleted AFTER DELETE ON uploads REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usage_of_uploads();
DROP TRIGGER IF EXISTS usage_layers_added ON layers;
CREATE TRIGGER usage_layers_added AFTER INSERT ON layers REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usage_of_layers();
DROP TRIGGER IF EXISTS usage_layers_deleted ON layers;
CREATE TRIGGER usage_layers_deleted AFTER DELETE ON layers REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usage_of_layers();
DROP TRIGGER IF EXISTS usage_layer_resized ON layers;
CREATE TRIGGER usage_layer_resized AFTER UPDATE OF size ON layers FOR EACH ROW WHEN (OLD.size <> NEW.size) EXECUTE FUNCTION usage_of_resized_layer();
DROP TRIGGER IF EXISTS usage_manifests_added ON manifests;
CREATE TRIGGER usage_manifests_added AFTER INSERT ON manifests REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usage_of_manifests();
DROP TRIGGER IF EXISTS usage_manifests_deleted ON manifests;
CREATE TRIGGER usage_manifests_deleted AFTER DELETE ON manifests REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usage_of_manifests();

-- What the triggers have counted so far is in the same snapshot as what is there,
-- so the difference stays right, whoever writes at this moment.
INSERT INTO registry_usage AS u (registry_id, slot, repositories, uploads, bytes, replicated_bytes)
    WITH stored AS (
        SELECT p.registry_id, l.size, l.replicated FROM layers l JOIN repositories p ON p.id = l.repository_id
        UNION ALL SELECT p.registry_id, m.size, m.replicated FROM manifests m JOIN repositories p ON p.id = m.repository_id),
    there AS (
        SELECT registry_id, 1 AS repositories, 0 AS uploads, 0 AS bytes, 0 AS replicated_bytes FROM repositories
        UNION ALL SELECT p.registry_id, 0, 1, 0, 0 FROM uploads o JOIN repositories p ON p.id = o.repository_id
        UNION ALL SELECT registry_id, 0, 0, size, CASE WHEN replicated THEN size ELSE 0 END FROM stored
        UNION ALL SELECT registry_id, -repositories, -uploads, -bytes, -replicated_bytes FROM registry_usage WHERE slot >= 0)
    SELECT registry_id, -1, sum(repositories), sum(uploads), sum(bytes), sum(replicated_bytes) FROM there GROUP BY registry_id
    ON CONFLICT (registry_id, slot) DO UPDATE SET repositories = excluded.repositories, uploads = excluded.uploads, bytes = excluded.bytes, replicated_bytes = excluded.replicated_bytes;
INSERT INTO repository_usage AS u (repository_id, slot, images)
    SELECT repository_id, -1, sum(images) FROM (
        SELECT repository_id, 1 AS images FROM manifests
        UNION ALL SELECT repository_id, -images FROM repository_usage WHERE slot >= 0) AS there
    GROUP BY repository_id
    ON CONFLICT (repository_id, slot) DO UPDATE SET images = excluded.images;

-- +goose Down
DROP TRIGGER usage_repository_added ON repositories;
DROP TRIGGER usage_repository_deleted ON repositories;
DROP TRIGGER usage_uploads_added ON uploads;
DROP TRIGGER usage_uploads_deleted ON uploads;
DROP TRIGGER usage_layers_added ON layers;
DROP TRIGGER usage_layers_deleted ON layers;
DROP TRIGGER usage_layer_resized ON layers;
DROP TRIGGER usage_manifests_added ON manifests;
DROP TRIGGER usage_manifests_deleted ON manifests;
DROP FUNCTION usage_of_repository, usage_of_uploads, usage_of_layers, usage_of_resized_layer, usage_of_manifests, usage_slot;
DROP TABLE registry_usage, repository_usage;
ALTER TABLE layers DROP COLUMN replicated;
ALTER TABLE manifests DROP COLUMN replicated;
