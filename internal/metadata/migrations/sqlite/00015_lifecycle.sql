-- +goose Up

-- The lifecycle policies of repositories.
CREATE TABLE lifecycle_policies (
    repository_id INTEGER PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    policy        TEXT NOT NULL,              -- as ECR returns it
    version       INTEGER NOT NULL,           -- how often it was set
    evaluated_at  INTEGER NOT NULL DEFAULT 0, -- when a run of it ended last; 0: none has since it was set
    due_at        INTEGER NOT NULL            -- when it is to run next
);
CREATE INDEX lifecycle_policies_due ON lifecycle_policies (due_at, repository_id);

-- The previews and runs of policies: see metadata.Evaluation.
CREATE TABLE lifecycle_evaluations (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: who still works on one finds it gone
    repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    kind          TEXT NOT NULL,               -- PREVIEW, RUN, or REPLACED: a preview that is to go
    policy        TEXT NOT NULL,               -- a preview's as it was sent
    status        TEXT NOT NULL,               -- IN_PROGRESS, then, of a run, ACTING; COMPLETE or FAILED
    failure       TEXT NOT NULL DEFAULT '',
    began_at      INTEGER NOT NULL,
    ended_at      INTEGER NOT NULL DEFAULT 0,  -- 0: it has not
    expiring      INTEGER NOT NULL DEFAULT 0,  -- images that it marks
    transitioning INTEGER NOT NULL DEFAULT 0,
    bytes         INTEGER NOT NULL DEFAULT 0,  -- of all these
    acted         INTEGER NOT NULL DEFAULT 0,  -- images of them that a run has acted on
    failed        INTEGER NOT NULL DEFAULT 0   -- and that it could not act on
);
CREATE INDEX lifecycle_evaluations_by_repository ON lifecycle_evaluations (repository_id, kind, id);
CREATE INDEX lifecycle_evaluations_ended ON lifecycle_evaluations (kind, ended_at, id) WHERE ended_at > 0;
CREATE INDEX lifecycle_evaluations_open ON lifecycle_evaluations (kind, id) WHERE ended_at = 0;

-- The images that an evaluation marks, as they were. They outlive the image.
CREATE TABLE lifecycle_marks (
    evaluation_id INTEGER NOT NULL REFERENCES lifecycle_evaluations (id) ON DELETE CASCADE,
    pushed_at     INTEGER NOT NULL,
    digest        TEXT NOT NULL,
    tags          TEXT NOT NULL,            -- JSON array
    size          INTEGER NOT NULL,
    storage_class TEXT NOT NULL,
    action        TEXT NOT NULL,
    priority      INTEGER NOT NULL,         -- of the rule
    outcome       TEXT NOT NULL DEFAULT '', -- of a run: '' if it has yet to act, DONE, KEPT, or a code of why not
    reason        TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (evaluation_id, pushed_at, digest)
) WITHOUT ROWID;
CREATE UNIQUE INDEX lifecycle_marks_by_digest ON lifecycle_marks (evaluation_id, digest);

-- +goose Down
DROP TABLE lifecycle_marks;
DROP TABLE lifecycle_evaluations;
DROP TABLE lifecycle_policies;
