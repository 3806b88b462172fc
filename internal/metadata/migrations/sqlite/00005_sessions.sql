-- +goose Up

-- Sessions of the console. The browser's cookie is signed with the access key
-- and names the row: without the row it is worth nothing.
CREATE TABLE sessions (
    id             TEXT PRIMARY KEY,
    account        TEXT NOT NULL,
    access_key     TEXT NOT NULL, -- its id
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    user_agent     TEXT NOT NULL, -- as the browser says
    remote_address TEXT NOT NULL  -- from where the account signed in
) WITHOUT ROWID;
CREATE INDEX sessions_by_account ON sessions (account, created_at, id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- +goose Down
DROP TABLE sessions;
