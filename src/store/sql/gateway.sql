-- Reads of the gateway. It writes nothing.

-- name: find_account
SELECT user_id, disabled FROM account WHERE name = $1::text;

-- name: find_accounts
SELECT q.name, a.user_id FROM unnest($1::text[]) AS q(name) JOIN account a ON a.name = q.name AND NOT a.disabled;

-- name: resume
SELECT coalesce((SELECT i.pos FROM inbox i WHERE i.user_id = $1::bigint ORDER BY i.pos DESC LIMIT 1), 0),
       coalesce((SELECT d.cursor FROM device d WHERE d.user_id = $1::bigint AND d.device = $2::text), 0);

-- name: sync
SELECT i.pos, i.conv, i.seq, e.id, e.kind, e.sender_name, e.at_ms, e.body
  FROM inbox i JOIN event e ON e.conv = i.conv AND e.seq = i.seq
 WHERE i.user_id = $1::bigint AND i.pos > $2::bigint
 ORDER BY i.pos LIMIT $3::integer;

-- name: find_sent
SELECT s.cid, s.id, s.conv, s.seq FROM sent s WHERE s.sender = $1::bigint AND s.cid = ANY($2::uuid[]);

-- name: preference
-- Of a conversation only for its members.
SELECT $2::bigint = 0 OR EXISTS (SELECT 1 FROM member m WHERE m.conv = $2 AND m.user_id = $1::bigint AND m.left_seq IS NULL),
       coalesce(p.muted_until_ms, -1), coalesce(p.mentions_only::integer, 2), coalesce(p.content, ''),
       coalesce(p.plan, '')
  FROM (SELECT 1) one LEFT JOIN preference p ON p.user_id = $1 AND p.conv = $2;

-- name: time_zone_known
SELECT sw_time_zone_known($1::text);
