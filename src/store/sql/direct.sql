-- Statements of direct pushes: admission, the fan-out, topics.

-- name: known
SELECT id, content_hash FROM push_request WHERE idempotency_key = $1::text;

-- name: find
-- Each name, with a device where one is meant: the id (0: no such user), whether the device is there, and the providers
-- of what can be pushed.
SELECT coalesce(a.user_id, 0), q.device = '' OR EXISTS (
           SELECT 1 FROM device d WHERE d.user_id = a.user_id AND d.device = q.device),
       coalesce((SELECT string_agg(DISTINCT d.provider, ',') FROM device d
                  WHERE d.user_id = a.user_id AND d.token <> '' AND (q.device = '' OR d.device = q.device)), '')
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS q(name, device, n)
  LEFT JOIN account a ON a.name = q.name AND NOT a.disabled
 ORDER BY q.n;

-- name: add
INSERT INTO push_request (id, idempotency_key, content_hash, operator, kind, users, device, topic, provider, app, token,
                          sandbox, title, body, content, urgent, recipients, created_at_ms, expires_at_ms)
SELECT $1::bigint, $2::text, $3::uuid, $4::text, $5::text,
       (SELECT coalesce(array_agg(DISTINCT u ORDER BY u), '{}') FROM unnest($6::bigint[]) AS u),
       $7::text, $8::text, $9::text, $10::text, $11::text, $12::boolean, $13::text, $14::text, $15::text, $16::boolean,
       CASE $5::text WHEN 'topic' THEN (SELECT count(*) FROM topic_subscription t WHERE t.topic = $8::text)
                     WHEN 'token' THEN 1
                     ELSE (SELECT count(DISTINCT u) FROM unnest($6::bigint[]) AS u) END,
       $17::bigint, $18::bigint
ON CONFLICT (idempotency_key) DO NOTHING;

-- name: added
-- Ours, or the one that somebody else added with the same key meanwhile.
SELECT id, content_hash FROM push_request WHERE id = $1::bigint OR idempotency_key = $2::text;

-- name: claim
-- Turn by turn: the one that was worked on longest ago; those that nobody has begun come first.
UPDATE push_request p SET runner = $1::bigint, lease_until = now() + $2::integer * interval '1 millisecond',
       state = 'running'
 WHERE p.id = (SELECT c.id FROM push_request c
                WHERE c.state IN ('planned', 'running') AND (c.runner = $1::bigint OR c.lease_until < now())
                ORDER BY c.lease_until, c.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING p.id, p.kind, p.topic, p.after_user, p.after_device, p.title, p.body, p.content, p.urgent, p.created_at_ms,
          p.expires_at_ms;

-- name: left
-- Requests that are still being planned, and how many of their recipients nobody has come to.
SELECT count(*), coalesce(sum(greatest(recipients - passed, 0)), 0)::bigint
  FROM push_request WHERE state IN ('planned', 'running');

-- name: plan
-- The next recipients after the cursor ($3, $4), with what each can be pushed on; one without anything has a row of its
-- own, so that the cursor passes it. Providers: $6 the usual ones, $7 those for people who have no other.
WITH s AS MATERIALIZED (
    (SELECT t.user_id, t.device, t.provider, t.app, t.token, t.sandbox, t.at_ms FROM topic_subscription t
      WHERE t.topic = $2::text AND (t.user_id, t.device) > ($3::bigint, $4::text)
      ORDER BY t.user_id, t.device LIMIT $5::integer)
    UNION ALL
    (SELECT u, p.device, '', '', '', false, 0 FROM push_request p, unnest(p.users) AS u
      WHERE p.id = $1::bigint AND u > $3::bigint ORDER BY u LIMIT $5::integer)
    UNION ALL
    SELECT 0, '', p.provider, p.app, p.token, p.sandbox, p.created_at_ms FROM push_request p
     WHERE p.id = $1::bigint AND p.kind = 'token' AND $3::bigint < 0)
SELECT s.user_id, s.device, coalesce(d.name, ''), coalesce(d.device, ''), coalesce(d.provider, s.provider),
       coalesce(d.app, s.app), coalesce(d.token, s.token), coalesce(d.sandbox, s.sandbox),
       coalesce(d.registered_at_ms, s.at_ms)
  FROM s LEFT JOIN LATERAL (
       SELECT a.name, e.device, e.provider, e.app, e.token, e.sandbox, e.registered_at_ms
         FROM device e JOIN account a ON a.user_id = e.user_id AND NOT a.disabled
        WHERE e.user_id = s.user_id AND (s.device = '' OR e.device = s.device) AND e.token <> ''
          AND (e.provider = ANY($6::text[]) OR (e.provider = ANY($7::text[]) AND (s.device <> '' OR NOT EXISTS (
               SELECT 1 FROM device o WHERE o.user_id = e.user_id AND o.token <> '' AND o.provider = ANY($6::text[])))))
          AND (s.device = '' OR NOT EXISTS (
               SELECT 1 FROM topic_subscription w WHERE w.topic = $2::text AND w.user_id = s.user_id AND w.device = ''))
       OFFSET 0) d ON true
 ORDER BY s.user_id, s.device, d.device;

-- name: move
-- What was called off meanwhile still counts what was published of it.
UPDATE push_request
   SET after_user = $3::bigint, after_device = $4::text, passed = passed + $5::bigint, planned = planned + $6::bigint,
       state = CASE WHEN $7::boolean AND state = 'running' THEN 'done' ELSE state END,
       ended_at_ms = CASE WHEN $7::boolean THEN coalesce(ended_at_ms, $8::bigint) ELSE ended_at_ms END,
       lease_until = now() + $9::integer * interval '1 millisecond'
 WHERE id = $1::bigint AND runner = $2::bigint AND state IN ('running', 'cancelled');

-- name: requests
-- One of them, or the newest before one.
SELECT p.id, p.state, p.kind, coalesce(nullif(p.topic, ''), (SELECT a.name FROM account a
           WHERE cardinality(p.users) = 1 AND a.user_id = p.users[1]), nullif(p.provider, ''), ''), p.device,
       p.title, p.operator, coalesce(p.idempotency_key, ''), p.recipients, p.passed, p.planned, p.created_at_ms,
       p.expires_at_ms, coalesce(p.ended_at_ms, 0), p.urgent
  FROM push_request p
 WHERE ($1::bigint IS NULL OR p.id = $1::bigint) AND ($2::bigint IS NULL OR p.id < $2::bigint)
 ORDER BY p.id DESC LIMIT $3::integer;

-- name: outcomes
-- Of the jobs, and apart from them of dead letters that were sent again.
SELECT r.job IS NOT NULL, d.state, count(*)
  FROM delivery d LEFT JOIN dead_replay r ON r.job = d.job
 WHERE d.event = $1::bigint GROUP BY 1, 2 ORDER BY 1, 2;

-- name: cancel
-- One whose jobs have all ended stays as it is.
UPDATE push_request p SET state = 'cancelled', ended_at_ms = $2::bigint
 WHERE p.id = $1::bigint AND (p.state IN ('planned', 'running') OR (p.state = 'done' AND p.planned > (
       SELECT count(*) FROM delivery d WHERE d.event = p.id AND d.state NOT IN ('sending', 'retry')
          AND NOT EXISTS (SELECT 1 FROM dead_replay r WHERE r.job = d.job))));

-- name: expire
-- Ids are by time.
DELETE FROM push_request WHERE id IN (
    SELECT id FROM push_request WHERE id < $1::bigint AND state IN ('done', 'cancelled') AND expires_at_ms < $2::bigint
     ORDER BY id LIMIT 1000);

-- name: subscribe
-- How many are new. A token that is subscribed again is alive again.
INSERT INTO topic_subscription AS t (topic, user_id, device, provider, app, token, sandbox, at_ms)
SELECT DISTINCT ON (user_id, device) $1::text, user_id, device, provider, app, token, sandbox, $8::bigint
  FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[])
    AS r(user_id, device, provider, app, token, sandbox)
 ORDER BY user_id, device
ON CONFLICT (topic, user_id, device) DO UPDATE SET at_ms = excluded.at_ms
RETURNING t.xmax = 0;

-- name: unsubscribe
DELETE FROM topic_subscription t USING unnest($2::bigint[], $3::text[]) AS r(user_id, device)
 WHERE t.topic = $1::text AND t.user_id = r.user_id AND t.device = r.device;

-- name: topic
SELECT count(*), count(DISTINCT user_id) FILTER (WHERE user_id <> 0), count(*) FILTER (WHERE user_id = 0)
  FROM topic_subscription WHERE topic = $1::text;
