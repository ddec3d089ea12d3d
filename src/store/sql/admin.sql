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
INSERT INTO dead_letter (job, event, user_id, device, provider, app, reason, status, at_ms, payload)
SELECT job, event, user_id, device, provider, app, reason, status, at_ms, payload
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
SELECT d.id, d.job, d.event, d.user_id, coalesce(a.name, ''), d.device, d.provider, d.app, d.reason, d.status, d.at_ms,
       d.replays, coalesce(d.replayed_at_ms, 0), d.replay_job
  FROM dead_letter d LEFT JOIN account a ON a.user_id = d.user_id
 WHERE ($1::bigint IS NULL OR d.id < $1::bigint) AND ($2::text IS NULL OR d.provider = $2::text)
   AND ($3::text IS NULL OR d.app = $3::text) AND ($4::text IS NULL OR d.reason = $4::text)
 ORDER BY d.id DESC LIMIT $5::integer;

-- name: dead_get
SELECT d.id, d.job, d.event, d.user_id, coalesce(a.name, ''), d.device, d.provider, d.app, d.reason, d.status, d.at_ms,
       d.replays, coalesce(d.replayed_at_ms, 0), d.replay_job, d.payload
  FROM dead_letter d LEFT JOIN account a ON a.user_id = d.user_id
 WHERE d.id = $1::bigint;

-- name: dead_mark
UPDATE dead_letter SET replays = $2::integer, replayed_at_ms = $3::bigint, replay_job = $4::uuid
 WHERE id = $1::bigint AND replays < $2::integer;

-- name: message
SELECT id, conv, seq, sender_name, kind, at_ms FROM event WHERE id = $1::bigint LIMIT 1;

-- name: deliveries
-- One row a try, and one for a delivery without any.
SELECT d.job, d.name, d.pos, d.device, d.provider, d.state, d.attempts, d.last_status, d.last_reason, d.created_at_ms,
       d.updated_at_ms, t.number IS NOT NULL, coalesce(t.number, 0), coalesce(t.at_ms, 0), coalesce(t.duration_ms, 0),
       coalesce(t.outcome, ''), coalesce(t.status, 0), coalesce(t.reason, '')
  FROM (SELECT e.job, coalesce(a.name, '') AS name, e.pos, e.device, e.provider, e.state, e.attempts, e.last_status,
               e.last_reason, e.created_at_ms, e.updated_at_ms
          FROM delivery e LEFT JOIN account a ON a.user_id = e.user_id
         WHERE e.event = $1::bigint AND ($2::text IS NULL OR a.name = $2::text)
         ORDER BY e.created_at_ms, e.job LIMIT $3::integer) d
  LEFT JOIN attempt t ON t.job = d.job
 ORDER BY d.created_at_ms, d.job, t.at_ms, t.number LIMIT 20000;

-- name: recipients
-- One row a device, and one for a member without any. Inboxes have no index by message: they are read from the newest.
SELECT m.name, coalesce(i.pos, 0), coalesce(i.notify, false), d.device IS NOT NULL, coalesce(d.device, ''),
       coalesce(d.platform, ''), coalesce(d.provider, ''), coalesce(d.cursor, 0), coalesce(d.active_cursor, 0)
  FROM (SELECT s.user_id, coalesce(a.name, '') AS name
          FROM member s LEFT JOIN account a ON a.user_id = s.user_id
         WHERE s.conv = $1::bigint AND s.joined_seq <= $2::bigint AND (s.left_seq IS NULL OR s.left_seq > $2::bigint)
           AND ($3::text IS NULL OR a.name = $3::text)
         ORDER BY s.user_id LIMIT $4::integer) m
  LEFT JOIN LATERAL (SELECT x.pos, x.notify FROM inbox x
                      WHERE x.user_id = m.user_id AND x.conv = $1::bigint AND x.seq = $2::bigint
                      ORDER BY x.pos DESC LIMIT 1) i ON true
  LEFT JOIN device d ON d.user_id = m.user_id
 ORDER BY m.user_id, d.device LIMIT 20000;
