-- The spine: accounts, conversations and their events, inboxes, devices, sessions, ownership, deliveries.
-- The role in brackets is the only writer of a table.

-- [admin, command line] People. user_id is internal; name is what clients and tokens say.
CREATE TABLE account (
    user_id       bigint PRIMARY KEY,
    name          text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),
    password_hash text,
    email         text,
    disabled      boolean NOT NULL DEFAULT false,
    created_at_ms bigint NOT NULL
);

-- [migrate] Facts fixed at installation.
CREATE TABLE installation (
    key   text PRIMARY KEY,
    value text NOT NULL
);
INSERT INTO installation VALUES ('logical_partitions', '64');

-- [sequencer] A direct conversation is keyed by its two people, so that there is one of it.
CREATE TABLE conversation (
    conv          bigint PRIMARY KEY,
    kind          smallint NOT NULL CHECK (kind IN (1, 2)), -- 1 direct, 2 group
    peer_lo       bigint,
    peer_hi       bigint,
    title         text NOT NULL DEFAULT '',
    creator       bigint NOT NULL,
    created_at_ms bigint NOT NULL,
    CHECK ((kind = 1) = (peer_lo IS NOT NULL AND peer_hi IS NOT NULL AND peer_lo < peer_hi)),
    UNIQUE (peer_lo, peer_hi)
);

-- [sequencer] Who was a member from which seq to which: redelivery asks for the members as of an event.
CREATE TABLE member (
    conv       bigint NOT NULL,
    user_id    bigint NOT NULL,
    role       smallint NOT NULL DEFAULT 0, -- 0 member, 1 owner
    joined_seq bigint NOT NULL,
    left_seq   bigint,
    PRIMARY KEY (conv, user_id, joined_seq)
);
CREATE INDEX member_by_user ON member (user_id);

-- [sequencer] Messages. Partitioned by id, which is by time, so that retention is dropping a partition.
-- The key (conv, seq) is global only together with the fence: see docs/decisions.md.
CREATE TABLE event (
    conv        bigint NOT NULL,
    seq         bigint NOT NULL,
    id          bigint NOT NULL,
    sender      bigint NOT NULL,
    sender_name text NOT NULL,
    kind        text NOT NULL,
    at_ms       bigint NOT NULL,
    title       text NOT NULL,
    preview     text NOT NULL,
    body        text NOT NULL,
    PRIMARY KEY (conv, seq, id)
) PARTITION BY RANGE (id);
CREATE TABLE event_default PARTITION OF event DEFAULT;
CREATE INDEX event_by_id ON event (id);

-- [sequencer] The dedup window of clients' retries.
CREATE TABLE sent (
    sender  bigint NOT NULL,
    cid     uuid NOT NULL,
    content uuid NOT NULL,
    id      bigint NOT NULL,
    conv    bigint NOT NULL,
    seq     bigint NOT NULL,
    at_ms   bigint NOT NULL,
    PRIMARY KEY (sender, cid)
);
CREATE INDEX sent_by_time ON sent (at_ms);

-- [writers] Sections committed, so that a redelivery of the broker has no second effect.
CREATE TABLE applied (
    section uuid PRIMARY KEY,
    result  bytea NOT NULL, -- what became of each item: a repeat says the same again
    at_ms   bigint NOT NULL
);
CREATE INDEX applied_by_time ON applied (at_ms);

-- [mailbox] One row a user and message. notify: whether a person must be told (not the sender's own copy).
CREATE TABLE inbox (
    user_id bigint NOT NULL,
    pos     bigint NOT NULL,
    conv    bigint NOT NULL,
    seq     bigint NOT NULL,
    notify  boolean NOT NULL,
    PRIMARY KEY (user_id, pos)
);

-- [mailbox] How far pushes were planned for a user.
CREATE TABLE push_plan (
    user_id    bigint PRIMARY KEY,
    pushed_pos bigint NOT NULL
) WITH (fillfactor = 70);

-- [mailbox] cursor: acked by this device; active_cursor: acked while its person was there.
CREATE TABLE device (
    user_id          bigint NOT NULL,
    device           text NOT NULL,
    platform         text NOT NULL DEFAULT '',
    provider         text NOT NULL DEFAULT '', -- instance name, '' = no push
    app              text NOT NULL DEFAULT '',
    token            text NOT NULL DEFAULT '', -- '' = dead or none
    sandbox          boolean NOT NULL DEFAULT false,
    registered_at_ms bigint NOT NULL DEFAULT 0,
    cursor           bigint NOT NULL DEFAULT 0,
    active_cursor    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, device)
) WITH (fillfactor = 70);

-- [mailbox] Sockets now open, and on which node.
CREATE TABLE session (
    user_id bigint NOT NULL,
    session bigint NOT NULL,
    device  text NOT NULL,
    node    bigint NOT NULL,
    active  boolean NOT NULL,
    PRIMARY KEY (user_id, node, session)
);
CREATE INDEX session_by_node ON session (node);

-- [writer] Engines alive and the partitions they own. owner rows change only when a partition moves.
CREATE TABLE writer_engine (
    engine      bigint PRIMARY KEY,
    sequencer   boolean NOT NULL,
    mailbox     boolean NOT NULL,
    draining    boolean NOT NULL DEFAULT false,
    lease_until timestamptz NOT NULL
);
CREATE TABLE writer_owner (
    role  smallint NOT NULL, -- 0 sequencer, 1 mailbox
    queue integer NOT NULL,
    owner bigint, -- NULL: free
    epoch bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (role, queue)
);

-- First statement of every writer transaction: a writer that lost a partition while it was frozen fails here.
CREATE FUNCTION sw_fence(roles smallint[], queues integer[], epochs bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    held integer;
BEGIN
    PERFORM 1 FROM writer_owner o
      JOIN unnest(roles, queues, epochs) AS f(role, queue, epoch)
        ON o.role = f.role AND o.queue = f.queue AND o.epoch = f.epoch
     ORDER BY o.role, o.queue FOR SHARE OF o;
    GET DIAGNOSTICS held = ROW_COUNT;
    IF held <> cardinality(roles) THEN
        RAISE EXCEPTION 'the partition belongs to another writer now' USING ERRCODE = 'SW001';
    END IF;
END $$;

-- [every role] Processes alive; slot numbers the ids they make.
CREATE TABLE node (
    node        bigint PRIMARY KEY,
    slot        integer NOT NULL UNIQUE CHECK (slot BETWEEN 0 AND 1022),
    roles       text NOT NULL,
    address     text NOT NULL DEFAULT '',
    lease_until timestamptz NOT NULL
);

-- [pusher] One row a job: what became of it. attempt: one row a try.
CREATE TABLE delivery (
    job           uuid PRIMARY KEY,
    event         bigint NOT NULL,
    user_id       bigint NOT NULL,
    pos           bigint NOT NULL,
    device        text NOT NULL,
    provider      text NOT NULL,
    state         text NOT NULL, -- sending, retry, delivered, dropped, token_dead, rejected, dead
    attempts      integer NOT NULL,
    last_status   integer NOT NULL,
    last_reason   text NOT NULL,
    created_at_ms bigint NOT NULL,
    updated_at_ms bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX delivery_by_event ON delivery (event);
CREATE TABLE attempt (
    job         uuid NOT NULL,
    number      integer NOT NULL,
    at_ms       bigint NOT NULL,
    duration_ms integer NOT NULL,
    outcome     text NOT NULL,
    status      integer NOT NULL,
    reason      text NOT NULL
);
CREATE INDEX attempt_by_job ON attempt (job);

-- [admin] Dead letters, archived from the queue of that name.
CREATE TABLE dead_letter (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job      uuid NOT NULL UNIQUE,
    event    bigint NOT NULL,
    user_id  bigint NOT NULL,
    device   text NOT NULL,
    provider text NOT NULL,
    app      text NOT NULL,
    reason   text NOT NULL,
    status   integer NOT NULL,
    at_ms    bigint NOT NULL,
    payload  bytea NOT NULL -- the job as it was on the queue
);
CREATE INDEX dead_letter_by_time ON dead_letter (at_ms);

-- Makes the partition of the month of a wall-clock time (ms) unless it exists or rows of that month already lie in the
-- default partition. Safe to call from anywhere, any number of times.
CREATE FUNCTION sw_event_partition(at_ms bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    month date := date_trunc('month', to_timestamp(at_ms / 1000.0) AT TIME ZONE 'UTC')::date;
    name  text := 'event_' || to_char(month, 'YYYYMM');
    lo    bigint := (extract(epoch FROM month::timestamp)::bigint * 1000 - 1735689600000) << 22;
    hi    bigint := (extract(epoch FROM (month + interval '1 month')::timestamp)::bigint * 1000 - 1735689600000) << 22;
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('surewire.event_partition'));
    IF to_regclass(name) IS NULL AND NOT EXISTS (SELECT 1 FROM event_default WHERE id >= lo AND id < hi) THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF event FOR VALUES FROM (%s) TO (%s)', name, lo, hi);
    END IF;
END $$;
