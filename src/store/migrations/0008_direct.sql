-- Direct pushes: requests of other systems, and topics that users, devices and tokens subscribe to.

-- [admin] user_id 0: a token that belongs to no user; device is then a digest of what it is. The pusher deletes those that
-- died. device '': all devices of the user.
CREATE TABLE topic_subscription (
    topic    text NOT NULL CHECK (length(topic) BETWEEN 1 AND 64),
    user_id  bigint NOT NULL,
    device   text NOT NULL,
    provider text NOT NULL DEFAULT '',
    app      text NOT NULL DEFAULT '',
    token    text NOT NULL DEFAULT '',
    sandbox  boolean NOT NULL DEFAULT false,
    at_ms    bigint NOT NULL,
    PRIMARY KEY (topic, user_id, device),
    CHECK ((user_id = 0) = (token <> ''))
);
CREATE INDEX topic_subscription_by_user ON topic_subscription (user_id) WHERE user_id <> 0;
CREATE INDEX topic_subscription_by_token ON topic_subscription USING hash (token) WHERE user_id = 0;

-- [admin] No row a recipient: the ids of the jobs are made of the request's id and the recipient, and the cursor moves
-- when the broker has confirmed them. What a crash repeats are the same jobs, which the pushers know.
CREATE TABLE push_request (
    id              bigint PRIMARY KEY,
    idempotency_key text UNIQUE,
    content_hash    uuid NOT NULL, -- of the whole request: the same key with another one is refused
    operator        text NOT NULL, -- as the caller said
    kind            text NOT NULL CHECK (kind IN ('users', 'device', 'token', 'topic')),
    users           bigint[] NOT NULL DEFAULT '{}', -- ascending
    device          text NOT NULL DEFAULT '',
    topic           text NOT NULL DEFAULT '',
    provider        text NOT NULL DEFAULT '', -- with app, token, sandbox: of a token
    app             text NOT NULL DEFAULT '',
    token           text NOT NULL DEFAULT '',
    sandbox         boolean NOT NULL DEFAULT false,
    title           text NOT NULL,
    body            text NOT NULL,
    content         text NOT NULL, -- the other members of the notification, JSON
    urgent          boolean NOT NULL,
    state           text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'running', 'done', 'cancelled')),
    recipients      bigint NOT NULL, -- users, or subscriptions, when it was asked for
    passed          bigint NOT NULL DEFAULT 0, -- how many of them the cursor has passed
    planned         bigint NOT NULL DEFAULT 0, -- jobs
    after_user      bigint NOT NULL DEFAULT -1,
    after_device    text NOT NULL DEFAULT '',
    created_at_ms   bigint NOT NULL,
    expires_at_ms   bigint NOT NULL,
    ended_at_ms     bigint, -- when the last job was made, or it was called off
    runner          bigint,
    lease_until     timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE INDEX push_request_open ON push_request (lease_until, id) WHERE state IN ('planned', 'running');
