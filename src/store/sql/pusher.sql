-- Statements of the pusher: what it must know before it sends, and what became of it.

-- name: gate
-- The furthest that an active device has acked is the mailbox's "seen". $4: instances that are not only a fallback. $5: those
-- whose tokens are one device's: it has moved to whoever reported it last.
-- Laterals with a limit or an aggregate stay loops over an index: as joins they are planned as hashes of whole tables.
SELECT coalesce(l.state, ''), coalesce(l.attempts, 0), coalesce(l.last_status, 0), coalesce(l.last_reason, ''),
       coalesce(d.provider, ''), coalesce(d.token, ''), coalesce(d.registered_at_ms, 0), coalesce(d.cursor, 0),
       coalesce(u.seen, 0), coalesce(u.other_live, false),
       coalesce(d.token <> '' AND d.provider = ANY($5::text[])
                AND (SELECT count(*) FROM device m
                      WHERE m.token = d.token AND m.token <> '' AND m.provider = d.provider
                        AND (m.registered_at_ms, m.user_id, m.device) > (d.registered_at_ms, d.user_id, d.device)) > 0,
                false)
  FROM unnest($1::uuid[], $2::bigint[], $3::text[]) WITH ORDINALITY AS q(job, user_id, device, n)
  LEFT JOIN LATERAL (SELECT * FROM delivery x WHERE x.job = q.job LIMIT 1) l ON true
  LEFT JOIN LATERAL (SELECT * FROM device x WHERE x.user_id = q.user_id AND x.device = q.device LIMIT 1) d ON true
  LEFT JOIN LATERAL (
       SELECT max(a.active_cursor) AS seen,
              bool_or(a.device <> q.device AND a.token <> '' AND a.provider = ANY($4::text[])) AS other_live
         FROM device a WHERE a.user_id = q.user_id) u ON true
 ORDER BY q.n;

-- name: record_deliveries
-- A copy of a job that was delivered cannot take that back.
INSERT INTO delivery AS d (job, event, user_id, pos, device, provider, state, attempts, last_status, last_reason,
                           created_at_ms, updated_at_ms)
SELECT job, event, user_id, pos, device, provider, state, attempts, last_status, last_reason, created_at_ms,
       updated_at_ms
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
              $8::integer[], $9::integer[], $10::text[], $11::bigint[], $12::bigint[])
    AS r(job, event, user_id, pos, device, provider, state, attempts, last_status, last_reason, created_at_ms,
         updated_at_ms)
ON CONFLICT (job) DO UPDATE
   SET state = excluded.state, attempts = greatest(d.attempts, excluded.attempts), last_status = excluded.last_status,
       last_reason = excluded.last_reason, updated_at_ms = excluded.updated_at_ms
 WHERE d.state <> 'delivered';

-- name: record_attempts
-- Run again after a commit whose answer was lost, it adds nothing.
INSERT INTO attempt (job, number, at_ms, duration_ms, outcome, status, reason)
SELECT job, number, at_ms, duration_ms, outcome, status, reason
  FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::integer[], $5::text[], $6::integer[], $7::text[])
    AS r(job, number, at_ms, duration_ms, outcome, status, reason)
 WHERE (SELECT count(*) FROM attempt a WHERE a.job = r.job AND a.number = r.number AND a.at_ms = r.at_ms) = 0;
