-- Statements of alerts: the API's, and the runner's.

-- name: users
SELECT q.name, a.user_id, coalesce(a.disabled, false)
  FROM unnest($1::text[]) WITH ORDINALITY AS q(name, n) LEFT JOIN account a ON a.name = q.name
 ORDER BY q.n;

-- name: group
-- In the order in which they joined. No rows: no such group.
SELECT a.name, a.user_id
  FROM conversation c JOIN member m ON m.conv = c.conv AND m.left_seq IS NULL
  JOIN account a ON a.user_id = m.user_id AND NOT a.disabled
 WHERE c.conv = $1::bigint AND c.kind = 2
 ORDER BY m.joined_seq, m.user_id;

-- name: add
-- Nothing, when the key is used already. $10: after so long the next one in the order is alerted.
WITH a AS (INSERT INTO alert (operator, idem_key, content, severity, title, body, plan, needs_ack, deadline_ms, sender,
                              sender_name)
           SELECT $1::text, $2::text, $3::uuid, $4::text, $5::text, $6::text, $7::text::jsonb, $8::boolean,
                  sw_now_ms() + $9::bigint, s.user_id, s.name
             FROM account s WHERE s.user_id = $11::bigint
           ON CONFLICT (idem_key) DO NOTHING
           RETURNING id, created_at_ms),
     r AS (INSERT INTO alert_recipient (alert, user_id, position, next_at_ms, inbox_from)
           SELECT a.id, u.user_id, u.n - 1, a.created_at_ms + (u.n - 1) * $10::bigint,
                  coalesce((SELECT max(i.pos) FROM inbox i WHERE i.user_id = u.user_id), 0)
             FROM a, unnest($12::bigint[]) WITH ORDINALITY AS u(user_id, n))
SELECT id FROM a;

-- name: by_key
SELECT id, content FROM alert WHERE idem_key = $1::text;

-- name: list
-- $1: of this state; $2: before this id.
SELECT a.id, jsonb_build_object('id', a.id::text, 'at_ms', a.created_at_ms, 'severity', a.severity, 'title', a.title,
                                'state', a.state, 'ended_at_ms', a.ended_at_ms, 'needs_ack', a.needs_ack,
                                'operator', a.operator,
                                'recipients', (SELECT count(*) FROM alert_recipient r WHERE r.alert = a.id),
                                'acknowledged_by', (SELECT n.name FROM alert_ack k JOIN account n USING (user_id)
                                                     WHERE k.alert = a.id ORDER BY k.at_ms LIMIT 1))::text
  FROM alert a
 WHERE ($1::text IS NULL OR a.state = $1::text) AND ($2::bigint IS NULL OR a.id < $2::bigint)
 ORDER BY a.id DESC LIMIT $3::integer;

-- name: get
-- The whole of one, as the API shows it. At most 1,000 steps and 1,000 recipients.
SELECT jsonb_build_object(
    'id', a.id::text, 'at_ms', a.created_at_ms, 'operator', a.operator, 'from', a.sender_name, 'severity', a.severity,
    'title', a.title, 'text', a.body, 'plan', a.plan, 'needs_ack', a.needs_ack, 'deadline_at_ms', a.deadline_ms,
    'state', a.state, 'ended_at_ms', a.ended_at_ms,
    'acks', coalesce((SELECT jsonb_agg(jsonb_build_object('user', n.name, 'at_ms', k.at_ms) ORDER BY k.at_ms)
                        FROM alert_ack k JOIN account n USING (user_id) WHERE k.alert = a.id), '[]'),
    'recipients', coalesce((SELECT jsonb_agg(jsonb_build_object(
           'user', coalesce(n.name, ''), 'position', r.position, 'state', r.state, 'round', r.round, 'step', r.step,
           'next_at_ms', CASE WHEN a.state = 'open' THEN r.next_at_ms END,
           'deliveries', coalesce((SELECT jsonb_object_agg(d.state, d.count)
                                     FROM (SELECT l.state, count(*) FROM delivery l
                                            WHERE l.event = a.id AND l.user_id = r.user_id GROUP BY 1) d), '{}'))
         ORDER BY r.position)
      FROM (SELECT * FROM alert_recipient x WHERE x.alert = a.id ORDER BY x.position LIMIT 1000) r
      LEFT JOIN account n USING (user_id)), '[]'),
    'steps', coalesce((SELECT jsonb_agg(jsonb_build_object(
           'at_ms', e.at_ms, 'user', coalesce(n.name, ''), 'round', e.round, 'step', e.step, 'what', e.what,
           'target', e.target,
           'jobs', coalesce((SELECT jsonb_agg(jsonb_build_object('job', j.job, 'device', l.device, 'provider', l.provider,
                                                                 'state', coalesce(l.state, 'planned'),
                                                                 'reason', coalesce(l.last_reason, '')))
                               FROM unnest(e.jobs) j(job) LEFT JOIN delivery l USING (job)), '[]')) ORDER BY e.id)
      FROM (SELECT * FROM alert_event x WHERE x.alert = a.id ORDER BY x.id LIMIT 1000) e
      LEFT JOIN account n USING (user_id)), '[]'))::text
  FROM alert a WHERE a.id = $1::bigint;

-- name: cancel
UPDATE alert SET state = 'cancelled', ended_at_ms = sw_now_ms() WHERE id = $1::bigint AND state = 'open';

-- name: see
-- Those who have seen the message about an alert that wants no more.
UPDATE alert_recipient r SET state = 'seen', next_at_ms = NULL
  FROM alert a
 WHERE a.id = r.alert AND a.state = 'open' AND NOT a.needs_ack AND r.state = 'running' AND r.cid IS NOT NULL
   AND EXISTS (SELECT 1 FROM sent s JOIN inbox i ON i.conv = s.conv AND i.seq = s.seq
                WHERE s.sender = a.sender AND s.cid = r.cid AND i.user_id = r.user_id AND i.pos > r.inbox_from
                  AND i.pos <= (SELECT max(d.active_cursor) FROM device d WHERE d.user_id = r.user_id));

-- name: hurry
-- Every job of the step that was taken last has failed: the next one is due. Before it is given up, every job of all
-- steps must have failed; a message in the inbox never fails.
UPDATE alert_recipient r SET next_at_ms = sw_now_ms()
  FROM alert a
 WHERE a.id = r.alert AND a.state = 'open' AND r.next_at_ms > sw_now_ms() AND (r.step > 0 OR r.last)
   AND NOT EXISTS (SELECT 1 FROM alert_event e
                    WHERE e.alert = r.alert AND e.user_id = r.user_id
                      AND (r.last OR (e.round = r.round AND e.step = r.step - 1))
                      AND (e.what = 'socket'
                           OR EXISTS (SELECT 1 FROM unnest(e.jobs) j(job) LEFT JOIN delivery d ON d.job = j.job
                                       WHERE coalesce(d.state, '') NOT IN ('dead', 'rejected', 'token_dead', 'dropped'))));

-- name: end
-- Two who see the same end: the second one finds it not open any more.
UPDATE alert a SET state = e.state, ended_at_ms = sw_now_ms()
  FROM (SELECT o.id,
               CASE WHEN EXISTS (SELECT 1 FROM alert_ack k WHERE k.alert = o.id) THEN 'acknowledged'
                    WHEN o.deadline_ms <= sw_now_ms() THEN 'expired'
                    WHEN EXISTS (SELECT 1 FROM alert_recipient r WHERE r.alert = o.id AND r.state = 'seen')
                         AND (o.plan->>'order' = 'on_call'
                              OR NOT EXISTS (SELECT 1 FROM alert_recipient r
                                              WHERE r.alert = o.id AND r.state <> 'seen')) THEN 'seen'
                    WHEN NOT EXISTS (SELECT 1 FROM alert_recipient r
                                      WHERE r.alert = o.id AND r.state = 'running') THEN 'exhausted' END AS state
          FROM alert o WHERE o.state = 'open') e
 WHERE a.id = e.id AND e.state IS NOT NULL AND a.state = 'open'
RETURNING a.id, a.state,
          coalesce((SELECT min(k.at_ms) FROM alert_ack k WHERE k.alert = a.id), a.ended_at_ms) - a.created_at_ms;

-- name: claim
UPDATE alert_recipient r SET runner = $1::bigint, lease_until = now() + $2::integer * interval '1 millisecond'
  FROM (SELECT c.alert, c.user_id FROM alert_recipient c JOIN alert o ON o.id = c.alert AND o.state = 'open'
         WHERE c.next_at_ms <= sw_now_ms() AND c.state = 'running'
           AND (c.runner = $1::bigint OR c.lease_until < now())
         ORDER BY c.next_at_ms LIMIT $3::integer FOR UPDATE OF c SKIP LOCKED) d, alert a, account n
 WHERE r.alert = d.alert AND r.user_id = d.user_id AND a.id = r.alert AND n.user_id = r.user_id
RETURNING r.alert, r.user_id, n.name, r.position, r.step, r.round, r.last, a.severity, a.title, a.body, a.plan::text,
          a.needs_ack, coalesce(a.deadline_ms, 0), a.sender, a.sender_name, sw_now_ms();

-- name: devices
SELECT user_id, device, provider, app, token, sandbox, registered_at_ms FROM device
 WHERE user_id = ANY($1::bigint[]) AND token <> '' ORDER BY user_id, device;

-- name: advance
-- Who was given up: the next one in the order need not wait any longer.
WITH moved AS (UPDATE alert_recipient r
                  SET step = $4::integer, round = $5::integer, last = $6::boolean,
                      next_at_ms = CASE WHEN $7::bigint >= 0 THEN sw_now_ms() + $7::bigint END,
                      state = CASE WHEN $7::bigint >= 0 THEN r.state ELSE 'exhausted' END,
                      cid = coalesce($8::uuid, r.cid), lease_until = '-infinity'
                WHERE r.alert = $1::bigint AND r.user_id = $2::bigint AND r.runner = $3::bigint AND r.state = 'running'
               RETURNING r.alert, r.position),
     next AS (UPDATE alert_recipient r SET next_at_ms = sw_now_ms() FROM moved m
               WHERE $7::bigint < 0 AND r.alert = m.alert AND r.position = m.position + 1 AND r.state = 'running'
                 AND r.step = 0 AND r.round = 0 AND r.next_at_ms > sw_now_ms())
INSERT INTO alert_event (alert, user_id, round, step, what, target, jobs)
SELECT m.alert, $2::bigint, $9::integer, $10::integer, $11::text, $12::text, $13::uuid[] FROM moved m;

-- name: claim_ended
UPDATE alert a SET runner = $1::bigint, lease_until = now() + $2::integer * interval '1 millisecond'
 WHERE a.id = (SELECT c.id FROM alert c
                WHERE c.state <> 'open' AND NOT c.told AND (c.runner = $1::bigint OR c.lease_until < now())
                ORDER BY c.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING a.id, a.state, a.severity, a.title, a.body, a.sender, a.sender_name, a.ended_at_ms,
          coalesce((SELECT n.name FROM alert_ack k JOIN account n USING (user_id) WHERE k.alert = a.id
                     ORDER BY k.at_ms LIMIT 1), '');

-- name: recipients
-- Of an ended one: whom it went to, the first of the order first. True: a message about it was sent to them.
SELECT r.user_id, coalesce(n.name, ''), r.cid IS NOT NULL
  FROM alert_recipient r LEFT JOIN account n USING (user_id) WHERE r.alert = $1::bigint ORDER BY r.position;

-- name: told
WITH a AS (UPDATE alert SET told = true WHERE id = $1::bigint AND runner = $2::bigint RETURNING id)
UPDATE alert_recipient r SET next_at_ms = NULL FROM a WHERE r.alert = a.id;

-- name: open
SELECT count(*) FROM alert WHERE state = 'open';
