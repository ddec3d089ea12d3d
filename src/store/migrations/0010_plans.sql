-- Plans of several steps: which one a person has chosen, and which step of which message is due when.

ALTER TABLE preference
    ADD COLUMN plan text CHECK (length(plan) BETWEEN 1 AND 32); -- NULL: as in the default; there: the server's own

-- [mailbox] A message of which pushes were planned and whose plan goes on. Without a row there is nothing more to do.
CREATE TABLE plan_step (
    user_id   bigint NOT NULL,
    pos       bigint NOT NULL,
    step      smallint NOT NULL, -- the next one, from 0: the first is never here
    due_at_ms bigint NOT NULL,
    PRIMARY KEY (user_id, pos)
) WITH (fillfactor = 70);
CREATE INDEX plan_step_by_time ON plan_step (user_id, due_at_ms);
