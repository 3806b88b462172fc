-- +goose Up

-- What repositories begin with that are created for somebody: see
-- metadata.CreationTemplate.
CREATE TABLE creation_templates (
    registry_id INTEGER NOT NULL REFERENCES registries (id) ON DELETE CASCADE,
    scope       TEXT NOT NULL,    -- where it holds: /team/ of the prefix team, / of ROOT
    prefix      TEXT NOT NULL,    -- as it was given
    applied_for TEXT NOT NULL,    -- JSON array of occasions
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    settings    TEXT NOT NULL,    -- JSON object: metadata.TemplateSettings
    PRIMARY KEY (registry_id, scope)
);

-- +goose Down
DROP TABLE creation_templates;
