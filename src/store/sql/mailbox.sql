-- Statements of the mailbox's step.

-- name: load_users
SELECT a.user_id, a.name,
       coalesce(l.pos, 0), coalesce((SELECT p.pushed_pos FROM push_plan p WHERE p.user_id = a.user_id), 0),
       coalesce(l.told, 0)
  FROM account a
  LEFT JOIN LATERAL (SELECT i.pos, i.told FROM inbox i WHERE i.user_id = a.user_id ORDER BY i.pos DESC LIMIT 1) l ON true
 WHERE a.user_id = ANY($1::bigint[]);

-- name: load_preferences
SELECT user_id, conv, coalesce(muted_until_ms, -1), coalesce(mentions_only::integer, 2), coalesce(content, ''),
       coalesce(plan, '')
  FROM preference WHERE user_id = ANY($1::bigint[]) ORDER BY user_id, conv;

-- name: load_devices
SELECT user_id, device, platform, provider, app, token, sandbox, registered_at_ms, cursor, active_cursor, time_zone,
       locale, quiet_from::integer, quiet_until::integer
  FROM device WHERE user_id = ANY($1::bigint[]) ORDER BY user_id, device;

-- name: load_sessions
SELECT user_id, session, device, node, active FROM session WHERE user_id = ANY($1::bigint[]);

-- name: load_node_sessions
SELECT user_id, session, node FROM session WHERE node = ANY($1::bigint[]);

-- name: load_unacked
-- after < 0: what an active device has acked, or was pushed for, as stored.
SELECT q.user_id, r.pos, r.conv, r.seq, r.id, r.title, r.preview, r.at_ms, r.mentioned
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS q(user_id, after, upto)
 CROSS JOIN LATERAL (
       SELECT i.pos, i.conv, i.seq, e.id, e.title, sw_preview(e.preview, e.body) AS preview, e.at_ms,
              i.mentioned
         FROM inbox i JOIN event e ON e.conv = i.conv AND e.seq = i.seq
        WHERE i.user_id = q.user_id AND i.pos <= q.upto AND i.notify
          AND i.pos > CASE WHEN q.after >= 0 THEN q.after ELSE greatest(
                (SELECT max(d.active_cursor) FROM device d WHERE d.user_id = q.user_id),
                (SELECT p.pushed_pos FROM push_plan p WHERE p.user_id = q.user_id), 0) END
        ORDER BY i.pos LIMIT 100) r
 ORDER BY q.user_id, r.pos;

-- name: load_steps
-- pos 0: the steps of a person that are next, due or not; else that of one message. The columns are those of load_unacked and
-- two more; of a message that is not there any more the event is 0.
SELECT DISTINCT ON (r.user_id, r.pos) r.user_id, r.pos, coalesce(i.conv, 0), coalesce(i.seq, 0), coalesce(e.id, 0),
       coalesce(e.title, ''), coalesce(sw_preview(e.preview, e.body), ''), coalesce(e.at_ms, 0),
       coalesce(i.mentioned, false), r.step::integer, r.due_at_ms
  FROM unnest($1::bigint[], $2::bigint[]) AS q(user_id, pos)
 CROSS JOIN LATERAL (
       SELECT s.* FROM plan_step s
        WHERE s.user_id = q.user_id AND (q.pos = 0 OR s.pos = q.pos)
        ORDER BY s.due_at_ms LIMIT 100) r
  LEFT JOIN inbox i ON i.user_id = r.user_id AND i.pos = r.pos
  LEFT JOIN event e ON e.conv = i.conv AND e.seq = i.seq
 ORDER BY r.user_id, r.pos;

-- name: upsert_steps
INSERT INTO plan_step AS s (user_id, pos, step, due_at_ms)
SELECT user_id, pos, step, due_at_ms
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS r(user_id, pos, step, due_at_ms)
ON CONFLICT (user_id, pos) DO UPDATE SET step = excluded.step, due_at_ms = excluded.due_at_ms;

-- name: delete_steps
DELETE FROM plan_step s USING unnest($1::bigint[], $2::bigint[]) AS r(user_id, pos)
 WHERE s.user_id = r.user_id AND s.pos = r.pos;

-- name: insert_inbox
INSERT INTO inbox (user_id, pos, conv, seq, notify, mentioned, told, routed_after_ms, sockets, pushes)
SELECT user_id, pos, conv, seq, notify, mentioned, told, routed_after_ms, sockets, pushes
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[], $6::boolean[], $7::integer[],
              $8::integer[], $9::smallint[], $10::smallint[])
    AS r(user_id, pos, conv, seq, notify, mentioned, told, routed_after_ms, sockets, pushes);

-- name: upsert_preferences
INSERT INTO preference AS p (user_id, conv, muted_until_ms, mentions_only, content, plan)
SELECT user_id, conv, nullif(muted_until_ms, -1), CASE mentions_only WHEN 0 THEN false WHEN 1 THEN true END,
       nullif(content, ''), nullif(plan, '')
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
    AS r(user_id, conv, muted_until_ms, mentions_only, content, plan)
ON CONFLICT (user_id, conv) DO UPDATE
   SET muted_until_ms = excluded.muted_until_ms, mentions_only = excluded.mentions_only, content = excluded.content,
       plan = excluded.plan;

-- name: delete_preferences
DELETE FROM preference p USING unnest($1::bigint[], $2::bigint[]) AS r(user_id, conv)
 WHERE p.user_id = r.user_id AND p.conv = r.conv;

-- name: upsert_devices
INSERT INTO device AS d (user_id, device, platform, provider, app, token, time_zone, locale, sandbox, registered_at_ms,
                         cursor, active_cursor, quiet_from, quiet_until)
SELECT user_id, device, platform, provider, app, token, time_zone, locale, sandbox, registered_at_ms, cursor,
       active_cursor, quiet_from, quiet_until
  FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
              $9::boolean[], $10::bigint[], $11::bigint[], $12::bigint[], $13::smallint[], $14::smallint[])
    AS r(user_id, device, platform, provider, app, token, time_zone, locale, sandbox, registered_at_ms, cursor,
         active_cursor, quiet_from, quiet_until)
ON CONFLICT (user_id, device) DO UPDATE
   SET platform = excluded.platform, provider = excluded.provider, app = excluded.app, token = excluded.token,
       sandbox = excluded.sandbox, registered_at_ms = excluded.registered_at_ms, cursor = excluded.cursor,
       active_cursor = excluded.active_cursor, time_zone = excluded.time_zone, locale = excluded.locale,
       quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until;

-- name: delete_devices
DELETE FROM device d USING unnest($1::bigint[], $2::text[]) AS r(user_id, device)
 WHERE d.user_id = r.user_id AND d.device = r.device;

-- name: move_cursors
-- $5 …: the ledger's rows; also of devices whose cursors are written with the rest of them.
WITH moved AS (
    UPDATE device d SET cursor = r.cursor, active_cursor = r.active_cursor
      FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) AS r(user_id, device, cursor, active_cursor)
     WHERE d.user_id = r.user_id AND d.device = r.device)
INSERT INTO ledger (user_id, device, active, pos, at_ms, acked, read, sent_before_ms)
SELECT user_id, device, active, pos, at_ms, acked, read, nullif(sent_before_ms, -1)
  FROM unnest($5::bigint[], $6::text[], $7::boolean[], $8::bigint[], $9::bigint[], $10::integer[], $11::integer[],
              $12::integer[]) AS r(user_id, device, active, pos, at_ms, acked, read, sent_before_ms)
ON CONFLICT (user_id, device, active, pos) DO NOTHING;

-- name: insert_sessions
INSERT INTO session (user_id, session, device, node, active)
SELECT user_id, session, device, node, active
  FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::boolean[])
    AS r(user_id, session, device, node, active)
ON CONFLICT (user_id, node, session) DO UPDATE SET active = excluded.active, device = excluded.device;

-- name: delete_sessions
DELETE FROM session s USING unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS r(user_id, node, session)
 WHERE s.user_id = r.user_id AND s.node = r.node AND s.session = r.session;

-- name: upsert_push_plan
INSERT INTO push_plan AS p (user_id, pushed_pos)
SELECT user_id, pushed_pos FROM unnest($1::bigint[], $2::bigint[]) AS r(user_id, pushed_pos)
ON CONFLICT (user_id) DO UPDATE SET pushed_pos = greatest(p.pushed_pos, excluded.pushed_pos);

-- name: load_alerted
SELECT r.alert, r.user_id FROM alert_recipient r JOIN unnest($1::bigint[], $2::bigint[]) AS q(alert, user_id)
    ON r.alert = q.alert AND r.user_id = q.user_id;

-- name: insert_alert_acks
INSERT INTO alert_ack (alert, user_id, at_ms)
SELECT alert, user_id, min(at_ms) FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS q(alert, user_id, at_ms)
 GROUP BY alert, user_id
ON CONFLICT (alert, user_id) DO NOTHING;

-- name: expire_ledger
SELECT sw_expire('ledger', $1::bigint);
