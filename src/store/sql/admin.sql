-- Statements of the nodes' leases, of the role admin and of its API.

-- name: node_lease
-- The slot that has been unused for longest: an id made by its last holder, whose clock may be ahead, is not met again.
INSERT INTO node AS t (node, slot, roles, address, lease_until)
SELECT $1::bigint, s.slot, $2::text, $3::text, now() + $4::integer * interval '1 millisecond'
  FROM generate_series(0, 1022) AS s(slot) LEFT JOIN node n ON n.slot = s.slot
 WHERE n.slot IS NULL OR n.lease_until < now()
 ORDER BY n.lease_until NULLS FIRST, s.slot LIMIT 1
ON CONFLICT (slot) DO UPDATE SET node = excluded.node, roles = excluded.roles, address = excluded.address,
       lease_until = excluded.lease_until
 WHERE t.lease_until < now()
RETURNING slot;

-- name: node_renew
UPDATE node SET lease_until = now() + $2::integer * interval '1 millisecond' WHERE node = $1::bigint;

-- name: node_release
UPDATE node SET roles = '', address = '', lease_until = now() - interval '1 millisecond' WHERE node = $1::bigint;

-- name: node_expire
DELETE FROM node WHERE lease_until < now() - interval '1 hour';

-- name: archive
-- The attempts are committed before a dead letter is published: the copy is complete.
INSERT INTO dead_letter (job, event, user_id, device, provider, app, reason, status, at_ms, payload, attempts)
SELECT job, event, user_id, device, provider, app, reason, status, at_ms, payload, sw_attempts(job)
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[],
              $9::bigint[], $10::bytea[])
    AS r(job, event, user_id, device, provider, app, reason, status, at_ms, payload)
ON CONFLICT (job) DO NOTHING;

-- name: nodes
SELECT node, slot, roles, address, lease_until > now(),
       (extract(epoch FROM lease_until - now()) * 1000)::bigint
  FROM node WHERE roles <> '' ORDER BY slot;

-- name: engines
SELECT engine, sequencer, mailbox, draining, lease_until > now() FROM writer_engine ORDER BY engine LIMIT 1000;

-- name: dead_counts
SELECT provider, reason, count(*), count(*) FILTER (WHERE replays > 0), max(at_ms)
  FROM dead_letter GROUP BY provider, reason ORDER BY count(*) DESC, provider, reason LIMIT 100;

-- name: dead_total
SELECT count(*), count(*) FILTER (WHERE replays > 0) FROM dead_letter;

-- name: dead_list
-- $1: the filter, as JSON.
SELECT d.id, d.job, d.event, d.user_id, coalesce(a.name, ''), d.device, d.provider, d.app, d.reason, d.status, d.at_ms,
       d.replays, coalesce(d.replayed_at_ms, 0), d.replay_job, coalesce(o.outcome, '')
  FROM sw_dead_letters($1::text::jsonb) d LEFT JOIN account a ON a.user_id = d.user_id
  LEFT JOIN dead_replay_outcome o ON o.job = d.replay_job
 WHERE $2::bigint IS NULL OR d.id < $2::bigint
 ORDER BY d.id DESC LIMIT $3::integer;

-- name: dead_count
SELECT count(*) FROM sw_dead_letters($1::text::jsonb);

-- name: dead_get
SELECT d.id, d.job, d.event, d.user_id, coalesce(a.name, ''), d.device, d.provider, d.app, d.reason, d.status, d.at_ms,
       d.replays, coalesce(d.replayed_at_ms, 0), d.replay_job, coalesce(o.outcome, ''), d.payload, d.attempts::text,
       coalesce((SELECT jsonb_agg(jsonb_build_object('job', r.job, 'at_ms', r.at_ms, 'operator', r.operator,
                                                     'run', r.run::text, 'outcome', r.outcome, 'reason', r.reason,
                                                     'again', r.again::text) ORDER BY r.at_ms, r.job)
                   FROM (SELECT * FROM dead_replay_outcome x WHERE x.letter = d.id ORDER BY x.at_ms DESC LIMIT 100) r),
                '[]')::text,
       (SELECT r.letter FROM dead_replay r WHERE r.job = d.job)
  FROM dead_letter d LEFT JOIN account a ON a.user_id = d.user_id
  LEFT JOIN dead_replay_outcome o ON o.job = d.replay_job
 WHERE d.id = $1::bigint;

-- name: dead_drop_one
WITH gone AS (DELETE FROM dead_letter WHERE id = $1::bigint RETURNING id)
INSERT INTO audit (at_ms, operator, action, detail, count)
SELECT $2::bigint, $3::text, 'dead.drop', jsonb_build_object('id', id::text), 1 FROM gone;

-- name: dead_drop
-- Only when there are as many as the caller says.
WITH hit AS MATERIALIZED (SELECT id FROM sw_dead_letters($1::text::jsonb)),
     gone AS (DELETE FROM dead_letter WHERE (SELECT count(*) FROM hit) = $2::bigint AND id IN (SELECT id FROM hit)
              RETURNING id),
     noted AS (INSERT INTO audit (at_ms, operator, action, detail, count)
               SELECT $3::bigint, $4::text, 'dead.drop', jsonb_build_object('filter', $1::text::jsonb), count(*)
                 FROM gone HAVING count(*) > 0)
SELECT (SELECT count(*) FROM hit), (SELECT count(*) FROM gone);

-- name: replay_one
-- A replay by id that was never confirmed is the same one again.
INSERT INTO dead_replay (letter, at_ms, operator, state) VALUES ($1::bigint, $2::bigint, $3::text, 'planned')
ON CONFLICT (letter) WHERE run IS NULL AND state = 'planned' DO UPDATE SET operator = excluded.operator
RETURNING job;

-- name: replay_mark
WITH m AS (UPDATE dead_replay r SET state = 'sent', at_ms = $2::bigint FROM unnest($1::uuid[]) AS u(job)
            WHERE r.job = u.job AND r.state = 'planned' RETURNING r.letter, r.job)
UPDATE dead_letter d SET replays = d.replays + 1, replayed_at_ms = $2::bigint, replay_job = m.job
  FROM m WHERE d.id = m.letter;

-- name: replay_fail
UPDATE dead_replay r SET state = 'failed', reason = u.reason
  FROM unnest($1::uuid[], $2::text[]) AS u(job, reason) WHERE r.job = u.job AND r.state = 'planned';

-- name: replay_job_add
INSERT INTO dead_replay_job (at_ms, operator, filter, rate, last_letter, total)
SELECT $2::bigint, $3::text, $1::text::jsonb, $4::integer, coalesce(max(d.id), 0), count(*)
  FROM sw_dead_letters($1::text::jsonb) d
RETURNING id;

-- name: replay_jobs
-- One of them, or the newest before one.
SELECT j.id, j.state, j.operator, j.at_ms, coalesce(j.ended_at_ms, 0), j.rate, j.total, j.filter::text,
       (SELECT count(*) FROM dead_replay r WHERE r.run = j.id AND r.state = 'sent'),
       (SELECT count(*) FROM dead_replay r WHERE r.run = j.id AND r.state = 'failed')
  FROM dead_replay_job j
 WHERE ($1::bigint IS NULL OR j.id = $1::bigint) AND ($2::bigint IS NULL OR j.id < $2::bigint)
 ORDER BY j.id DESC LIMIT $3::integer;

-- name: replay_job_outcomes
SELECT outcome, count(*) FROM dead_replay_outcome WHERE run = $1::bigint GROUP BY outcome ORDER BY outcome;

-- name: replay_job_cancel
UPDATE dead_replay_job SET state = 'cancelled', ended_at_ms = $2::bigint WHERE id = $1::bigint AND state = 'running';

-- name: replay_job_claim
-- Turn by turn: the one that was worked on longest ago.
UPDATE dead_replay_job j SET runner = $1::bigint, lease_until = now() + $2::integer * interval '1 millisecond'
 WHERE j.id = (SELECT c.id FROM dead_replay_job c
                WHERE c.state = 'running' AND (c.runner = $1::bigint OR c.lease_until < now())
                ORDER BY c.lease_until, c.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING j.id, j.rate;

-- name: replay_job_plan
-- The next letters of a job. `after` moves in the same transaction: no letter is planned twice.
WITH run AS (SELECT * FROM dead_replay_job WHERE id = $1::bigint AND runner = $2::bigint AND state = 'running'
                FOR UPDATE),
     picked AS MATERIALIZED (SELECT d.id FROM run CROSS JOIN LATERAL sw_dead_letters(run.filter) d
                 WHERE d.id > run.after AND d.id <= run.last_letter ORDER BY d.id LIMIT $3::integer),
     planned AS (INSERT INTO dead_replay (letter, run, at_ms, operator, state)
                 SELECT picked.id, run.id, $4::bigint, run.operator, 'planned' FROM picked, run
                     ON CONFLICT (run, letter) DO NOTHING)
UPDATE dead_replay_job j SET after = coalesce((SELECT max(id) FROM picked), j.last_letter) FROM run WHERE j.id = run.id;

-- name: replay_job_planned
SELECT r.job, r.letter, d.payload
  FROM dead_replay r LEFT JOIN dead_letter d ON d.id = r.letter
 WHERE r.run = $1::bigint AND r.state = 'planned' ORDER BY r.letter LIMIT $2::integer;

-- name: replay_job_end
UPDATE dead_replay_job j SET state = 'done', ended_at_ms = $3::bigint
 WHERE j.id = $1::bigint AND j.runner = $2::bigint AND j.state = 'running' AND j.after >= j.last_letter
   AND NOT EXISTS (SELECT 1 FROM dead_replay r WHERE r.run = j.id AND r.state = 'planned');

-- name: message
SELECT id, conv, seq, sender_name, kind, at_ms FROM event WHERE id = $1::bigint LIMIT 1;

-- name: trace_letters
-- Dead letters of a message, and each replay of them.
SELECT d.id, d.job, coalesce(a.name, ''), d.device, d.provider, d.reason, d.status, d.at_ms, r.job IS NOT NULL,
       coalesce(r.job, d.job), coalesce(r.at_ms, 0), coalesce(r.operator, ''), coalesce(r.run, 0),
       coalesce(r.outcome, ''), coalesce(r.reason, '')
  FROM dead_letter d LEFT JOIN account a ON a.user_id = d.user_id
  LEFT JOIN dead_replay_outcome r ON r.letter = d.id
 WHERE d.event = $1::bigint AND ($2::text IS NULL OR a.name = $2::text)
 ORDER BY d.at_ms, d.id, r.at_ms LIMIT 20000;

-- name: deliveries
-- One row a try, and one for a delivery without any.
SELECT d.job, d.name, d.pos, d.device, d.provider, d.state, d.attempts, d.last_status, d.last_reason, d.created_at_ms,
       d.updated_at_ms, t.number IS NOT NULL, coalesce(t.number, 0), coalesce(t.at_ms, 0), coalesce(t.duration_ms, 0),
       coalesce(t.outcome, ''), coalesce(t.status, 0), coalesce(t.reason, ''), coalesce(d.planned_at_ms, 0),
       coalesce(d.planned_reason, ''), coalesce(d.next_at_ms, 0)
  FROM (SELECT e.job, coalesce(a.name, '') AS name, e.pos, e.device, e.provider, e.state, e.attempts, e.last_status,
               e.last_reason, e.created_at_ms, e.updated_at_ms, e.planned_at_ms, e.planned_reason, e.next_at_ms
          FROM delivery e LEFT JOIN account a ON a.user_id = e.user_id
         WHERE e.event = $1::bigint AND ($2::text IS NULL OR a.name = $2::text)
         ORDER BY e.created_at_ms, e.job LIMIT $3::integer) d
  LEFT JOIN attempt t ON t.job = d.job
 ORDER BY d.created_at_ms, d.job, t.at_ms, t.number LIMIT 20000;

-- name: recipients
-- One row a device, and one for a member without any. Inboxes have no index by message: they are read from the newest.
-- Of the ledger the first step of each kind that reaches the message is the one that can have taken it: what it did not
-- take was taken by a step that is not recorded, or not any more.
SELECT m.name, coalesce(i.pos, 0), coalesce(i.notify, false), d.device IS NOT NULL, coalesce(d.device, ''),
       coalesce(d.platform, ''), coalesce(d.provider, ''), coalesce(d.cursor, 0), coalesce(d.active_cursor, 0),
       coalesce(i.routed_after_ms, -1), coalesce(i.sockets::integer, 0), coalesce(i.pushes::integer, 0),
       coalesce(k.at_ms, 0), coalesce(k.at_ms - k.sent_before_ms, 0), coalesce(k.pos, 0),
       coalesce(CASE WHEN h.pos - h.read < i.pos THEN h.at_ms END, 0)
  FROM (SELECT s.user_id, coalesce(a.name, '') AS name
          FROM member s LEFT JOIN account a ON a.user_id = s.user_id
         WHERE s.conv = $1::bigint AND s.joined_seq <= $2::bigint AND (s.left_seq IS NULL OR s.left_seq > $2::bigint)
           AND ($3::text IS NULL OR a.name = $3::text)
         ORDER BY s.user_id LIMIT $4::integer) m
  LEFT JOIN LATERAL (SELECT x.pos, x.notify, x.routed_after_ms, x.sockets, x.pushes FROM inbox x
                      WHERE x.user_id = m.user_id AND x.conv = $1::bigint AND x.seq = $2::bigint
                      ORDER BY x.pos DESC LIMIT 1) i ON true
  LEFT JOIN device d ON d.user_id = m.user_id
  LEFT JOIN LATERAL (SELECT * FROM ledger x
                      WHERE x.user_id = m.user_id AND x.device = d.device AND x.active AND x.pos >= i.pos
                      ORDER BY x.pos LIMIT 1) h ON true
  LEFT JOIN LATERAL (SELECT * FROM ledger x
                      WHERE x.user_id = m.user_id AND x.device = d.device AND NOT x.active AND x.pos >= i.pos
                      ORDER BY x.pos LIMIT 1) b ON true
  LEFT JOIN LATERAL (SELECT v.* FROM (VALUES (h.pos, h.acked, h.at_ms, h.sent_before_ms),
                                             (b.pos, b.acked, b.at_ms, b.sent_before_ms))
                                  AS v(pos, acked, at_ms, sent_before_ms)
                      WHERE v.pos - v.acked < i.pos ORDER BY v.at_ms LIMIT 1) k ON true
 ORDER BY m.user_id, d.device LIMIT 20000;
