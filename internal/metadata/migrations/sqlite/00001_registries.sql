-- +goose Up
-- Times are microseconds since 1970-01-01 UTC. Digests are text, "sha256:…".

CREATE TABLE registries (
    id          INTEGER PRIMARY KEY,
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    policy      TEXT NOT NULL DEFAULT '',   -- registry policy, '' if none
    replication TEXT NOT NULL DEFAULT '[]', -- replication rules, JSON
    sequence    INTEGER NOT NULL DEFAULT 0, -- number of the last tag change
    UNIQUE (account, region)
);

CREATE TABLE repositories (
    id              INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: an old upload must not land in a new repository
    registry_id     INTEGER NOT NULL REFERENCES registries (id),
    name            TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    tag_mutability  TEXT NOT NULL,
    exclusions      TEXT NOT NULL DEFAULT '[]', -- wildcard filters, JSON
    scan_on_push    INTEGER NOT NULL DEFAULT 0,
    encryption_type TEXT NOT NULL,
    kms_key         TEXT NOT NULL DEFAULT '',
    policy          TEXT NOT NULL DEFAULT '', -- repository policy, '' if none
    UNIQUE (registry_id, name)
);

CREATE TABLE resource_tags (
    repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    key           TEXT NOT NULL,
    value         TEXT NOT NULL,
    PRIMARY KEY (repository_id, key)
) WITHOUT ROWID;

-- One row per blob of the deployment.
CREATE TABLE blobs (
    digest     TEXT PRIMARY KEY,
    size       INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- A repository has a blob only by a row here.
CREATE TABLE layers (
    repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    digest        TEXT NOT NULL,
    size          INTEGER NOT NULL,
    linked_at     INTEGER NOT NULL,
    PRIMARY KEY (repository_id, digest)
) WITHOUT ROWID;
CREATE INDEX layers_by_digest ON layers (digest);

-- A repository has a manifest only by a row here, with its exact bytes: they
-- are small, and one row is read and written faster than two.
CREATE TABLE manifests (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    digest        TEXT NOT NULL,
    media_type    TEXT NOT NULL,
    artifact_type TEXT NOT NULL DEFAULT '',
    subject       TEXT NOT NULL DEFAULT '',
    annotations   TEXT NOT NULL DEFAULT '', -- JSON, kept for referrers only
    size          INTEGER NOT NULL,         -- of the manifest
    image_size    INTEGER NOT NULL,         -- of config and layers; of an index, its largest child's
    pushed_at     INTEGER NOT NULL,
    pulled_at     INTEGER NOT NULL DEFAULT 0,
    bytes         BLOB NOT NULL,
    UNIQUE (repository_id, digest)
);
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest) WHERE subject <> '';

-- What a manifest names: its layers and config, or its children.
CREATE TABLE manifest_references (
    manifest_id   INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    target        TEXT NOT NULL,
    repository_id INTEGER NOT NULL, -- the manifest's
    child         INTEGER NOT NULL, -- 1 if the target is a manifest, 0 if a layer
    media_type    TEXT NOT NULL,
    PRIMARY KEY (manifest_id, target)
) WITHOUT ROWID;
CREATE INDEX manifest_references_by_target ON manifest_references (repository_id, target);

CREATE TABLE tags (
    repository_id INTEGER NOT NULL,
    name          TEXT NOT NULL,
    manifest_id   INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    sequence      INTEGER NOT NULL, -- of the registry, when the tag last changed
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (repository_id, name)
) WITHOUT ROWID;
CREATE INDEX tags_by_manifest ON tags (manifest_id, name);

CREATE TABLE uploads (
    id            TEXT PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    started_at    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX uploads_by_start ON uploads (started_at);

-- +goose Down
DROP TABLE uploads;
DROP TABLE tags;
DROP TABLE manifest_references;
DROP TABLE manifests;
DROP TABLE layers;
DROP TABLE blobs;
DROP TABLE resource_tags;
DROP TABLE repositories;
DROP TABLE registries;
