-- +goose Up

-- What is due is found source by source and destination by destination, however
-- many one of them has waiting; pushed_at is there to tell how old it is.
CREATE INDEX replications_waiting ON replications (source_registry_id, destination_account, destination_region, next_try_at, pushed_at) WHERE state = 'IN_PROGRESS';
DROP INDEX replications_due;

-- +goose Down
CREATE INDEX replications_due ON replications (next_try_at) WHERE state = 'IN_PROGRESS';
DROP INDEX replications_waiting;
