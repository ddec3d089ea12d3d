-- When it happened, for those who ask why somebody did not get a message. Rows from before have NULL: not recorded.

-- [mailbox] From the time in the event's id, which is when it was stored. The three fill one word of eight bytes.
ALTER TABLE inbox
    ADD COLUMN routed_after_ms integer,
    ADD COLUMN sockets         smallint, -- open ones that it was sent towards
    ADD COLUMN pushes          smallint; -- that were planned at once

-- [mailbox] One row a step of a device's cursor. It acked what lies in (pos - acked, pos], and what lies in
-- (pos - read, pos] was read: acked by then, and its person was there. So a gap in the ledger is no wrong answer.
CREATE TABLE ledger (
    user_id        bigint NOT NULL,
    pos            bigint NOT NULL,
    at_ms          bigint NOT NULL, -- when the gateway heard it
    acked          integer NOT NULL,
    read           integer NOT NULL,
    sent_before_ms integer, -- the event of pos was written to the socket so long before; NULL: not by a socket
    active         boolean NOT NULL, -- its person was there
    device         text NOT NULL,
    PRIMARY KEY (user_id, device, active, pos)
);
CREATE INDEX ledger_by_time ON ledger (at_ms);

-- [pusher] next_at_ms: when one that is in state retry is looked at again.
ALTER TABLE delivery
    ADD COLUMN planned_at_ms  bigint,
    ADD COLUMN planned_reason text,
    ADD COLUMN next_at_ms     bigint;
