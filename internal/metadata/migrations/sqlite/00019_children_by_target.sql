-- +goose Up

-- Whether an index names a manifest is asked of every image that a lifecycle
-- policy looks at. Nearly all that manifests name is layers, so the others are
-- in an index of their own, which is small: a push writes to it only if it is of
-- an index. That of all stays, for what is asked about layers.
CREATE INDEX children_by_target ON manifest_references (repository_id, target) WHERE child = 1;

-- +goose Down
DROP INDEX children_by_target;
