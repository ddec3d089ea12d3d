-- Dead letters that a person sent on their way again.

ALTER TABLE dead_letter
    ADD COLUMN replays        integer NOT NULL DEFAULT 0,
    ADD COLUMN replayed_at_ms bigint,
    ADD COLUMN replay_job     uuid; -- the job of the latest replay: its deliveries and attempts are found by it
