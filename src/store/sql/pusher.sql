-- Statements of the pusher: what it must know before it sends, and what became of it.

-- name: gate
-- $11: the alert or request that a job is about, else 0; the last two columns: why it is not worth sending any more.
-- The furthest that an active device has acked is the mailbox's "seen". $4: instances that are not only a fallback. $5: those
-- whose tokens are one device's: it has moved to whoever reported it last. $9: now. A preference of the conversation comes
-- before the person's default. $10: those that take back what was shown of the inbox, from pos `event` to `pos`: was anything?
-- `told` of two inbox rows tells the number between them: the badge, however much is unread.
-- Laterals with a limit or an aggregate stay loops over an index: as joins they are planned as hashes of whole tables.
SELECT coalesce(l.state, ''), coalesce(l.attempts, 0), coalesce(l.last_status, 0), coalesce(l.last_reason, ''),
       coalesce(d.provider, ''), coalesce(d.token, ''), coalesce(d.registered_at_ms, 0), coalesce(d.cursor, 0),
       s.pos, coalesce(s.other_live, false),
       coalesce(d.token <> '' AND d.provider = ANY($5::text[])
                AND (SELECT count(*) FROM device m
                      WHERE m.token = d.token AND m.token <> '' AND m.provider = d.provider
                        AND (m.registered_at_ms, m.user_id, m.device) > (d.registered_at_ms, d.user_id, d.device)) > 0,
                false),
       w.muted_until_ms,
       w.mentions_only AND NOT coalesce((SELECT i.mentioned FROM inbox i WHERE i.user_id = q.user_id AND i.pos = q.pos), false),
       w.content,
       CASE WHEN w.content = 'sender'
            THEN coalesce((SELECT e.sender_name FROM inbox i JOIN event e ON e.conv = i.conv AND e.seq = i.seq
                            WHERE i.user_id = q.user_id AND i.pos = q.pos LIMIT 1), '') ELSE '' END,
       coalesce(d.locale, ''),
       CASE WHEN d.quiet_from >= 0 THEN sw_quiet_until(d.time_zone, d.quiet_from, d.quiet_until, $9::bigint) ELSE 0 END,
       CASE WHEN l.state = 'retry' AND starts_with(l.last_reason, 'quiet hours')
            THEN EXISTS (SELECT 1 FROM inbox i
                          WHERE i.user_id = q.user_id AND i.pos > q.pos AND i.conv = q.conv AND i.notify
                            AND (i.mentioned OR NOT w.mentions_only)) ELSE false END,
       coalesce((SELECT i.told FROM inbox i WHERE i.user_id = q.user_id ORDER BY i.pos DESC LIMIT 1)
              - (SELECT i.told - i.notify::integer FROM inbox i WHERE i.user_id = q.user_id AND i.pos > s.pos
                  ORDER BY i.pos LIMIT 1), 0),
       CASE WHEN q.clear THEN NOT EXISTS (
                SELECT 1 FROM (SELECT i.conv, i.seq FROM inbox i
                                WHERE i.user_id = q.user_id AND i.pos BETWEEN q.event AND q.pos AND i.notify
                                ORDER BY i.pos DESC LIMIT 500) i
                  JOIN event e ON e.conv = i.conv AND e.seq = i.seq
                  JOIN delivery l ON l.event = e.id AND l.user_id = q.user_id AND l.device = q.device
                 WHERE l.state = 'delivered') ELSE false END,
       coalesce((SELECT CASE WHEN t.state IN ('acknowledged', 'seen', 'expired', 'cancelled') THEN t.state
                             WHEN EXISTS (SELECT 1 FROM alert_ack k WHERE k.alert = t.id) THEN 'acknowledged'
                             ELSE (SELECT 'seen' FROM alert_recipient r
                                    WHERE r.alert = t.id AND r.user_id = q.user_id AND r.state = 'seen') END
                   FROM alert t WHERE t.id = q.about AND q.about <> 0), ''),
       q.about <> 0 AND EXISTS (SELECT 1 FROM push_request p WHERE p.id = q.about AND p.state = 'cancelled')
  FROM unnest($1::uuid[], $2::bigint[], $3::text[], $6::bigint[], $7::bigint[], $8::bigint[], $10::boolean[],
              $11::bigint[]) WITH ORDINALITY AS q(job, user_id, device, conv, pos, event, clear, about, n)
  LEFT JOIN LATERAL (SELECT * FROM delivery x WHERE x.job = q.job LIMIT 1) l ON true
  LEFT JOIN LATERAL (SELECT * FROM device x WHERE x.user_id = q.user_id AND x.device = q.device LIMIT 1) d ON true
 CROSS JOIN LATERAL (
       SELECT coalesce(max(a.active_cursor), 0) AS pos,
              bool_or(a.device <> q.device AND a.token <> '' AND a.provider = ANY($4::text[])) AS other_live
         FROM device a WHERE a.user_id = q.user_id) s
 CROSS JOIN LATERAL (
       SELECT coalesce(max(p.muted_until_ms) FILTER (WHERE p.conv <> 0), max(p.muted_until_ms), 0) AS muted_until_ms,
              coalesce(bool_or(p.mentions_only) FILTER (WHERE p.conv <> 0), bool_or(p.mentions_only), false) AS mentions_only,
              coalesce(max(p.content) FILTER (WHERE p.conv <> 0), max(p.content), 'full') AS content
         FROM preference p WHERE p.user_id = q.user_id AND p.conv IN (0, q.conv)) w
 ORDER BY q.n;

-- name: record_deliveries
-- A copy of a job that was delivered cannot take that back.
INSERT INTO delivery AS d (job, event, user_id, pos, device, provider, state, attempts, last_status, last_reason,
                           created_at_ms, updated_at_ms, planned_at_ms, planned_reason, next_at_ms)
SELECT job, event, user_id, pos, device, provider, state, attempts, last_status, last_reason, created_at_ms,
       updated_at_ms, nullif(planned_at_ms, 0), nullif(planned_reason, ''), nullif(next_at_ms, 0)
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
              $8::integer[], $9::integer[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::text[],
              $15::bigint[])
    AS r(job, event, user_id, pos, device, provider, state, attempts, last_status, last_reason, created_at_ms,
         updated_at_ms, planned_at_ms, planned_reason, next_at_ms)
ON CONFLICT (job) DO UPDATE
   SET state = excluded.state, attempts = greatest(d.attempts, excluded.attempts), last_status = excluded.last_status,
       last_reason = excluded.last_reason, updated_at_ms = excluded.updated_at_ms, next_at_ms = excluded.next_at_ms
 WHERE d.state <> 'delivered';

-- name: record_attempts
-- Run again after a commit whose answer was lost, it adds nothing.
INSERT INTO attempt (job, number, at_ms, duration_ms, outcome, status, reason)
SELECT job, number, at_ms, duration_ms, outcome, status, reason
  FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::integer[], $5::text[], $6::integer[], $7::text[])
    AS r(job, number, at_ms, duration_ms, outcome, status, reason)
 WHERE (SELECT count(*) FROM attempt a WHERE a.job = r.job AND a.number = r.number AND a.at_ms = r.at_ms) = 0;

-- name: unsubscribe
-- Tokens that died and belong to no user. One subscribed again after this job was made stays.
DELETE FROM topic_subscription s USING unnest($1::text[], $2::text[], $3::bigint[]) AS r(provider, token, at_ms)
 WHERE s.user_id = 0 AND s.token = r.token AND s.provider = r.provider AND s.at_ms <= r.at_ms;
