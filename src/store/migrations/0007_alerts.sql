-- Alerts: what has to reach a person, step by step until somebody acknowledges it.

-- The store's clock: processes of several machines share the times below.
CREATE FUNCTION sw_now_ms() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT (extract(epoch FROM now()) * 1000)::bigint
$$;

-- Ids like those of messages, of a node's slot that no node gets (node.slot ends at 1022).
CREATE SEQUENCE alert_number MINVALUE 0 MAXVALUE 4095 CYCLE;
CREATE FUNCTION sw_alert_id() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT ((sw_now_ms() - 1735689600000) << 22) | (1023::bigint << 12) | nextval('alert_number')
$$;

-- [admin] One alert. told: those it went to know how it ended, and of an exhausted one there is a dead letter.
CREATE TABLE alert (
    id            bigint PRIMARY KEY DEFAULT sw_alert_id(),
    created_at_ms bigint NOT NULL DEFAULT sw_now_ms(),
    operator      text NOT NULL, -- as the caller said
    idem_key      text UNIQUE,
    content       uuid NOT NULL, -- of the request: the same key with another one is refused
    severity      text NOT NULL,
    title         text NOT NULL,
    body          text NOT NULL,
    plan          jsonb NOT NULL,
    needs_ack     boolean NOT NULL,
    deadline_ms   bigint,
    sender        bigint NOT NULL,
    sender_name   text NOT NULL,
    state         text NOT NULL DEFAULT 'open'
                  CHECK (state IN ('open', 'acknowledged', 'seen', 'exhausted', 'expired', 'cancelled')),
    ended_at_ms   bigint,
    told          boolean NOT NULL DEFAULT false,
    runner        bigint,
    lease_until   timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE INDEX alert_open ON alert (id) WHERE state = 'open';
CREATE INDEX alert_untold ON alert (id) WHERE state <> 'open' AND NOT told;

-- [admin] Where the plan is with one person: the step that comes next, and when. Who works on it holds the lease.
CREATE TABLE alert_recipient (
    alert       bigint NOT NULL REFERENCES alert ON DELETE CASCADE,
    user_id     bigint NOT NULL,
    position    integer NOT NULL, -- in the on-call order, from 0
    state       text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'seen', 'exhausted')),
    step        integer NOT NULL DEFAULT 0,
    round       integer NOT NULL DEFAULT 0,
    last        boolean NOT NULL DEFAULT false, -- all steps are taken: at next_at_ms it is given up
    next_at_ms  bigint, -- NULL: nothing more comes
    cid         uuid, -- of the last message about it to this person
    inbox_from  bigint NOT NULL, -- that message lies behind this pos
    runner      bigint,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (alert, user_id)
);
CREATE INDEX alert_recipient_due ON alert_recipient (next_at_ms) WHERE next_at_ms IS NOT NULL;

-- [mailbox] Who acknowledged it. at_ms: when the gateway heard it first.
CREATE TABLE alert_ack (
    alert   bigint NOT NULL,
    user_id bigint NOT NULL,
    at_ms   bigint NOT NULL,
    PRIMARY KEY (alert, user_id)
);

-- [admin] What was done about it and when.
CREATE TABLE alert_event (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert   bigint NOT NULL REFERENCES alert ON DELETE CASCADE,
    at_ms   bigint NOT NULL DEFAULT sw_now_ms(),
    user_id bigint NOT NULL,
    round   integer NOT NULL,
    step    integer NOT NULL,
    what    text NOT NULL, -- socket, push, exhausted
    target  text NOT NULL, -- of push
    jobs    uuid[] NOT NULL
);
CREATE INDEX alert_event_by_alert ON alert_event (alert, user_id, round, step);
