-- Mails about what a person missed: one at a time to a device, and none about what an earlier one told.

-- [pusher] told_pos: up to there everything was in a mail that a relay took, the last one at told_at_ms. job: the one
-- that is writing the next, up to upto; NULL: none. fixed: that one may have gone out, and is not changed any more.
CREATE TABLE digest (
    user_id       bigint NOT NULL,
    device        text NOT NULL,
    told_pos      bigint NOT NULL DEFAULT 0,
    told_at_ms    bigint NOT NULL DEFAULT 0,
    job           uuid,
    upto          bigint NOT NULL DEFAULT 0,
    fixed         boolean NOT NULL DEFAULT false,
    claimed_at_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, device)
) WITH (fillfactor = 70);
