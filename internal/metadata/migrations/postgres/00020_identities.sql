-- +goose NO TRANSACTION
-- +goose Up

-- See SQLite's migration of the same number for what tables and columns mean.
CREATE TABLE IF NOT EXISTS iam_accounts (
    account TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS iam_aliases (
    account TEXT COLLATE "C" PRIMARY KEY,
    alias   TEXT COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE IF NOT EXISTS iam_principals (
    id         TEXT COLLATE "C" PRIMARY KEY,
    account    TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    folded     TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    path       TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    secret     BYTEA NOT NULL DEFAULT '',
    document   TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS iam_principals_by_name ON iam_principals (account, kind, folded);

CREATE TABLE IF NOT EXISTS iam_members (
    group_id TEXT COLLATE "C" NOT NULL REFERENCES iam_principals (id) ON DELETE CASCADE,
    user_id  TEXT COLLATE "C" NOT NULL REFERENCES iam_principals (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX IF NOT EXISTS iam_members_by_user ON iam_members (user_id, group_id);

CREATE TABLE IF NOT EXISTS iam_attachments (
    principal TEXT COLLATE "C" NOT NULL REFERENCES iam_principals (id) ON DELETE CASCADE,
    usage     TEXT COLLATE "C" NOT NULL,
    policy    TEXT COLLATE "C" NOT NULL,
    account   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (principal, usage, policy)
);
CREATE INDEX IF NOT EXISTS iam_attachments_by_policy ON iam_attachments (account, policy, usage, principal);

CREATE TABLE IF NOT EXISTS iam_policies (
    id              TEXT COLLATE "C" PRIMARY KEY,
    account         TEXT COLLATE "C" NOT NULL,
    folded          TEXT COLLATE "C" NOT NULL,
    name            TEXT COLLATE "C" NOT NULL,
    path            TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    default_version BIGINT NOT NULL,
    document        TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS iam_policies_by_name ON iam_policies (account, folded);

CREATE TABLE IF NOT EXISTS iam_policy_versions (
    policy     TEXT COLLATE "C" NOT NULL REFERENCES iam_policies (id) ON DELETE CASCADE,
    number     BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    text       TEXT NOT NULL,
    PRIMARY KEY (policy, number)
);

CREATE TABLE IF NOT EXISTS iam_access_keys (
    id         TEXT COLLATE "C" PRIMARY KEY,
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES iam_principals (id) ON DELETE CASCADE,
    secret     BYTEA NOT NULL,
    active     BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS iam_access_keys_by_user ON iam_access_keys (user_id, id);

CREATE TABLE IF NOT EXISTS iam_access_key_uses (
    id      TEXT COLLATE "C" PRIMARY KEY REFERENCES iam_access_keys (id) ON DELETE CASCADE,
    used_at BIGINT NOT NULL,
    service TEXT COLLATE "C" NOT NULL,
    region  TEXT NOT NULL
);

-- +goose Down
DROP TABLE iam_access_key_uses;
DROP TABLE iam_access_keys;
DROP TABLE iam_policy_versions;
DROP TABLE iam_policies;
DROP TABLE iam_attachments;
DROP TABLE iam_members;
DROP TABLE iam_principals;
DROP TABLE iam_aliases;
DROP TABLE iam_accounts;
