-- +goose Up

-- What quotas count. Triggers keep it, so it is right whatever program writes,
-- and whatever a deletion takes along.
ALTER TABLE layers ADD COLUMN replicated INTEGER NOT NULL DEFAULT 0; -- 1: a replication brought it here
ALTER TABLE manifests ADD COLUMN replicated INTEGER NOT NULL DEFAULT 0;

-- Sums over the rows of a registry or repository. (On PostgreSQL there are
-- several, so that pushes do not wait for each other.)
CREATE TABLE registry_usage (
    registry_id      INTEGER NOT NULL REFERENCES registries (id) ON DELETE CASCADE,
    slot             INTEGER NOT NULL,
    repositories     INTEGER NOT NULL DEFAULT 0,
    uploads          INTEGER NOT NULL DEFAULT 0, -- sessions that are open
    bytes            INTEGER NOT NULL DEFAULT 0, -- of layers, once in each repository, and of manifests
    replicated_bytes INTEGER NOT NULL DEFAULT 0, -- those of them that replications brought
    PRIMARY KEY (registry_id, slot)
) WITHOUT ROWID;
CREATE TABLE repository_usage (
    repository_id INTEGER NOT NULL,
    slot          INTEGER NOT NULL,
    images        INTEGER NOT NULL DEFAULT 0, -- manifests
    PRIMARY KEY (repository_id, slot)
) WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER usage_repository_added AFTER INSERT ON repositories BEGIN
    INSERT INTO registry_usage (registry_id, slot, repositories) VALUES (NEW.registry_id, 0, 1)
        ON CONFLICT (registry_id, slot) DO UPDATE SET repositories = repositories + 1;
    INSERT INTO repository_usage (repository_id, slot) VALUES (NEW.id, 0);
END;
-- +goose StatementEnd
-- What is in the repository goes first: its triggers must find the registry.
-- +goose StatementBegin
CREATE TRIGGER usage_repository_deleted BEFORE DELETE ON repositories BEGIN
    DELETE FROM uploads WHERE repository_id = OLD.id;
    DELETE FROM manifests WHERE repository_id = OLD.id;
    DELETE FROM layers WHERE repository_id = OLD.id;
    DELETE FROM repository_usage WHERE repository_id = OLD.id;
    UPDATE registry_usage SET repositories = repositories - 1 WHERE registry_id = OLD.registry_id AND slot = 0;
END;
-- +goose StatementEnd
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
-- +goose StatementBegin
CREATE TRIGGER usage_layer_added AFTER INSERT ON layers BEGIN
    UPDATE registry_usage SET bytes = bytes + NEW.size, replicated_bytes = replicated_bytes + NEW.size * NEW.replicated
        WHERE slot = 0 AND registry_id = (SELECT registry_id FROM repositories WHERE id = NEW.repository_id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER usage_layer_deleted AFTER DELETE ON layers BEGIN
    UPDATE registry_usage SET bytes = bytes - OLD.size, replicated_bytes = replicated_bytes - OLD.size * OLD.replicated
        WHERE slot = 0 AND registry_id = (SELECT registry_id FROM repositories WHERE id = OLD.repository_id);
END;
-- +goose StatementEnd
-- A repair gives a link the size that its blob has.
-- +goose StatementBegin
CREATE TRIGGER usage_layer_resized AFTER UPDATE OF size ON layers WHEN OLD.size <> NEW.size BEGIN
    UPDATE registry_usage SET bytes = bytes + NEW.size - OLD.size, replicated_bytes = replicated_bytes + (NEW.size - OLD.size) * NEW.replicated
        WHERE slot = 0 AND registry_id = (SELECT registry_id FROM repositories WHERE id = NEW.repository_id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER usage_manifest_added AFTER INSERT ON manifests BEGIN
    UPDATE repository_usage SET images = images + 1 WHERE repository_id = NEW.repository_id AND slot = 0;
    UPDATE registry_usage SET bytes = bytes + NEW.size, replicated_bytes = replicated_bytes + NEW.size * NEW.replicated
        WHERE slot = 0 AND registry_id = (SELECT registry_id FROM repositories WHERE id = NEW.repository_id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER usage_manifest_deleted AFTER DELETE ON manifests BEGIN
    UPDATE repository_usage SET images = images - 1 WHERE repository_id = OLD.repository_id AND slot = 0;
    UPDATE registry_usage SET bytes = bytes - OLD.size, replicated_bytes = replicated_bytes - OLD.size * OLD.replicated
        WHERE slot = 0 AND registry_id = (SELECT registry_id FROM repositories WHERE id = OLD.repository_id);
END;
-- +goose StatementEnd

INSERT INTO registry_usage (registry_id, slot, repositories, uploads, bytes)
    SELECT g.id, 0, (SELECT count(*) FROM repositories p WHERE p.registry_id = g.id),
        (SELECT count(*) FROM uploads u JOIN repositories p ON p.id = u.repository_id WHERE p.registry_id = g.id),
        (SELECT coalesce(sum(l.size), 0) FROM layers l JOIN repositories p ON p.id = l.repository_id WHERE p.registry_id = g.id)
        + (SELECT coalesce(sum(m.size), 0) FROM manifests m JOIN repositories p ON p.id = m.repository_id WHERE p.registry_id = g.id)
    FROM registries g;
INSERT INTO repository_usage (repository_id, slot, images)
    SELECT p.id, 0, (SELECT count(*) FROM manifests m WHERE m.repository_id = p.id) FROM repositories p;

-- +goose Down
DROP TRIGGER usage_repository_added;
DROP TRIGGER usage_repository_deleted;
DROP TRIGGER usage_upload_added;
DROP TRIGGER usage_upload_deleted;
DROP TRIGGER usage_layer_added;
DROP TRIGGER usage_layer_deleted;
DROP TRIGGER usage_layer_resized;
DROP TRIGGER usage_manifest_added;
DROP TRIGGER usage_manifest_deleted;
DROP TABLE repository_usage;
DROP TABLE registry_usage;
ALTER TABLE manifests DROP COLUMN replicated;
ALTER TABLE layers DROP COLUMN replicated;
