-- Statements of the pusher: what it must know before it sends, and what became of it.

-- name: gate
-- The furthest that an active device has acked is the mailbox's "seen". $4: instances that are not only a fallback. $5: those
-- whose tokens are one device's: it has moved to whoever reported it last. $6: the request of a direct push, else 0.
SELECT coalesce(l.state, ''), coalesce(l.attempts, 0), coalesce(l.last_status, 0), coalesce(l.last_reason, ''),
       coalesce(d.provider, ''), coalesce(d.token, ''), coalesce(d.registered_at_ms, 0), coalesce(d.cursor, 0),
       coalesce((SELECT max(a.active_cursor) FROM device a WHERE a.user_id = q.user_id), 0),
       EXISTS (SELECT 1 FROM device o
                WHERE o.user_id = q.user_id AND o.device <> q.device AND o.token <> '' AND o.provider = ANY($4::text[])),
       EXISTS (SELECT 1 FROM device m
                WHERE m.token = d.token AND m.token <> '' AND m.provider = d.provider AND m.provider = ANY($5::text[])
                  AND (m.registered_at_ms, m.user_id, m.device) > (d.registered_at_ms, d.user_id, d.device)),
       q.request <> 0 AND EXISTS (SELECT 1 FROM push_request p WHERE p.id = q.request AND p.state = 'cancelled')
  FROM unnest($1::uuid[], $2::bigint[], $3::text[], $6::bigint[]) WITH ORDINALITY AS q(job, user_id, device, request, n)
  LEFT JOIN delivery l ON l.job = q.job
  LEFT JOIN device d ON d.user_id = q.user_id AND d.device = q.device
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
 WHERE NOT EXISTS (SELECT 1 FROM attempt a WHERE a.job = r.job AND a.number = r.number AND a.at_ms = r.at_ms);

-- name: unsubscribe
-- Tokens that died and belong to no user. One subscribed again after this job was made stays.
DELETE FROM topic_subscription s USING unnest($1::text[], $2::text[], $3::bigint[]) AS r(provider, token, at_ms)
 WHERE s.user_id = 0 AND s.token = r.token AND s.provider = r.provider AND s.at_ms <= r.at_ms;
