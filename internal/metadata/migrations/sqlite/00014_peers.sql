-- +goose Up

-- Who this deployment is to its peers: one row. The document has its keys.
CREATE TABLE deployment (
    id       TEXT PRIMARY KEY,
    document TEXT NOT NULL
) WITHOUT ROWID;

-- The deployments that this one knows: see peer.Record.
CREATE TABLE peers (
    id       TEXT PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL
) WITHOUT ROWID;

-- Codes by which another deployment becomes a peer, once.
CREATE TABLE peer_invitations (
    secret     TEXT PRIMARY KEY, -- its hash
    expires_at INTEGER NOT NULL,
    used_by    TEXT NOT NULL DEFAULT '', -- id of the deployment
    document   TEXT NOT NULL
) WITHOUT ROWID;

-- The layers that a peer has sent, or is sending. Who has sent all bytes of a
-- layer need not send them again for another repository.
CREATE TABLE peer_layers (
    peer_id       TEXT NOT NULL REFERENCES peers (id) ON DELETE CASCADE,
    digest        TEXT NOT NULL,    -- or, while the layer arrives at the peer, what stands for it
    repository_id INTEGER NOT NULL, -- that it was sent for
    upload        TEXT NOT NULL,    -- the session that takes it; '' once it has ended
    keeper        TEXT NOT NULL DEFAULT '',   -- which process has the session in memory; '': none
    beat          INTEGER NOT NULL DEFAULT 0, -- grows while that process is alive
    received      INTEGER NOT NULL DEFAULT 0, -- how many bytes it has
    PRIMARY KEY (peer_id, digest)
) WITHOUT ROWID;
CREATE INDEX peer_layers_by_digest ON peer_layers (digest);

-- Parts of layers that came to another process than the one that takes the layer,
-- until that has read them from the store of layers.
CREATE TABLE peer_parts (
    keeper  TEXT NOT NULL, -- of the layer
    peer_id TEXT NOT NULL REFERENCES peers (id) ON DELETE CASCADE,
    digest  TEXT NOT NULL,
    start   INTEGER NOT NULL,
    size    INTEGER NOT NULL,
    object  TEXT NOT NULL,
    PRIMARY KEY (keeper, peer_id, digest, start)
) WITHOUT ROWID;
CREATE INDEX peer_parts_by_layer ON peer_parts (peer_id, digest);

-- How far a peer has come with what a registry of this deployment sends to it.
CREATE TABLE peer_positions (
    peer_id       TEXT NOT NULL REFERENCES peers (id) ON DELETE CASCADE,
    registry_id   INTEGER NOT NULL,
    acknowledged  INTEGER NOT NULL DEFAULT 0, -- the highest number that it has acknowledged
    resend_before INTEGER NOT NULL DEFAULT 0, -- it has lost some: what was replicated before is to be sent again; 0: none
    PRIMARY KEY (peer_id, registry_id)
) WITHOUT ROWID;

-- Of a registry that a peer serves: the highest of its numbers that was applied here.
ALTER TABLE registries ADD COLUMN received INTEGER NOT NULL DEFAULT 0;

-- Of registries that are served here: the number of the last change that may let
-- in what was refused. Peers that were refused ask for it.
CREATE TABLE registry_changes (
    registry_id INTEGER PRIMARY KEY,
    number      INTEGER NOT NULL
);

-- Of a replication that a peer is getting: bytes of its layers, and when the
-- first of them was sent.
ALTER TABLE replications ADD COLUMN bytes_total INTEGER NOT NULL DEFAULT 0;
ALTER TABLE replications ADD COLUMN bytes_sent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE replications ADD COLUMN begun_at INTEGER NOT NULL DEFAULT 0;
