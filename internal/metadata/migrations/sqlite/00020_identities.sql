-- +goose Up

-- What AWS's IAM keeps for accounts. Each change of an account's raises its version: who remembers what they read
-- of it see by that whether it is still so. The row is there once something was changed.
CREATE TABLE iam_accounts (
    account TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE iam_aliases (
    account TEXT PRIMARY KEY,
    alias   TEXT NOT NULL UNIQUE
) WITHOUT ROWID;

-- Users, groups and roles: see metadata.Identity.
CREATE TABLE iam_principals (
    id         TEXT PRIMARY KEY,           -- AIDA…, AGPA…, AROA…
    account    TEXT NOT NULL,
    kind       TEXT NOT NULL,              -- User, Group, Role
    folded     TEXT NOT NULL,              -- the name in lower case
    name       TEXT NOT NULL,
    path       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    secret     BLOB NOT NULL DEFAULT x'',  -- of a role, sealed
    document   TEXT NOT NULL               -- JSON object: metadata.IdentitySettings
);
CREATE UNIQUE INDEX iam_principals_by_name ON iam_principals (account, kind, folded);

CREATE TABLE iam_members (
    group_id TEXT NOT NULL REFERENCES iam_principals (id) ON DELETE CASCADE,
    user_id  TEXT NOT NULL REFERENCES iam_principals (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
) WITHOUT ROWID;
CREATE INDEX iam_members_by_user ON iam_members (user_id, group_id);

-- Managed policies, by their ids, that identities have: those of the account, and AWS's, which are in no table.
CREATE TABLE iam_attachments (
    principal TEXT NOT NULL REFERENCES iam_principals (id) ON DELETE CASCADE,
    usage     TEXT NOT NULL,               -- policy or boundary
    policy    TEXT NOT NULL,               -- ANPA…
    account   TEXT NOT NULL,
    PRIMARY KEY (principal, usage, policy)
) WITHOUT ROWID;
CREATE INDEX iam_attachments_by_policy ON iam_attachments (account, policy, usage, principal);

CREATE TABLE iam_policies (
    id              TEXT PRIMARY KEY,      -- ANPA…
    account         TEXT NOT NULL,
    folded          TEXT NOT NULL,
    name            TEXT NOT NULL,
    path            TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    default_version INTEGER NOT NULL,
    document        TEXT NOT NULL          -- JSON object: metadata.ManagedPolicySettings
);
CREATE UNIQUE INDEX iam_policies_by_name ON iam_policies (account, folded);

CREATE TABLE iam_policy_versions (
    policy     TEXT NOT NULL REFERENCES iam_policies (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    text       TEXT NOT NULL,
    PRIMARY KEY (policy, number)
) WITHOUT ROWID;

CREATE TABLE iam_access_keys (
    id         TEXT PRIMARY KEY,           -- AKIA…
    user_id    TEXT NOT NULL REFERENCES iam_principals (id) ON DELETE CASCADE,
    secret     BLOB NOT NULL,              -- sealed
    active     INTEGER NOT NULL,           -- 0 or 1
    created_at INTEGER NOT NULL
);
CREATE INDEX iam_access_keys_by_user ON iam_access_keys (user_id, id);

-- Apart, as it is written often and nothing depends on it.
CREATE TABLE iam_access_key_uses (
    id      TEXT PRIMARY KEY REFERENCES iam_access_keys (id) ON DELETE CASCADE,
    used_at INTEGER NOT NULL,
    service TEXT NOT NULL,
    region  TEXT NOT NULL
) WITHOUT ROWID;

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
