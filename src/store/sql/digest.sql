-- Statements of the pusher about mails that tell all that was missed. Jobs come as arrays; $3 are devices.

-- name: add
-- In one order, so that two pushers do not wait for each other.
INSERT INTO digest (user_id, device)
SELECT DISTINCT user_id, device FROM unnest($1::bigint[], $2::text[]) AS q(user_id, device) ORDER BY 1, 2
ON CONFLICT DO NOTHING;

-- name: claim
-- One job writes to a device at a time, over all processes, with all that there is up to now; of several the one that has
-- begun, else the oldest. $5: delivered to a pusher before, which may have sent it: the same again. $6: how long there is none after the last one.
-- $7: now. $8: a claim from before then is void, its job is lost.
WITH held AS (
    SELECT d.user_id, d.device, d.job FROM digest d
      JOIN (SELECT DISTINCT user_id, device FROM unnest($2::bigint[], $3::text[]) AS k(user_id, device)) k
     USING (user_id, device)
     ORDER BY d.user_id, d.device FOR UPDATE OF d
), pick AS (
    SELECT DISTINCT ON (q.user_id, q.device) q.*
      FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::boolean[], $6::bigint[])
        AS q(job, user_id, device, pos, again, interval_ms)
      JOIN held h USING (user_id, device)
     ORDER BY q.user_id, q.device, (h.job IS NOT DISTINCT FROM q.job) DESC, q.pos
)
UPDATE digest d
   SET job = p.job, claimed_at_ms = $7::bigint,
       fixed = coalesce(d.job = p.job AND (d.fixed OR p.again), false),
       upto = CASE WHEN d.job = p.job AND (d.fixed OR p.again) THEN d.upto ELSE greatest(p.pos, (
                SELECT i.pos FROM inbox i
                 WHERE i.user_id = p.user_id AND i.notify AND i.pos > p.pos ORDER BY i.pos DESC LIMIT 1)) END
  FROM pick p
 WHERE d.user_id = p.user_id AND d.device = p.device AND d.told_pos < p.pos
   AND (d.job = p.job OR ((d.job IS NULL OR d.claimed_at_ms < $8::bigint) AND d.told_at_ms + p.interval_ms <= $7));

-- name: look
-- What became of the claims; for the one that has it how many messages there are. $4: now; what is muted meanwhile does not
-- count.
SELECT d.job IS NOT DISTINCT FROM q.job, d.job IS NOT NULL, d.told_pos, d.told_at_ms, d.upto,
       CASE WHEN d.job = q.job THEN (
           SELECT count(*) FROM inbox i
            WHERE i.user_id = q.user_id AND i.notify AND i.pos <= d.upto AND i.pos > greatest(d.told_pos,
                  (SELECT max(a.active_cursor) FROM device a WHERE a.user_id = q.user_id),
                  (SELECT v.cursor FROM device v WHERE v.user_id = q.user_id AND v.device = q.device))
              AND coalesce((SELECT p.muted_until_ms FROM preference p WHERE p.user_id = i.user_id AND p.conv = i.conv),
                           (SELECT p.muted_until_ms FROM preference p WHERE p.user_id = i.user_id AND p.conv = 0), 0) <= $4::bigint) ELSE 0 END
  FROM unnest($1::uuid[], $2::bigint[], $3::text[]) WITH ORDINALITY AS q(job, user_id, device, n)
  JOIN digest d ON d.user_id = q.user_id AND d.device = q.device
 ORDER BY q.n;

-- name: missed
-- … and the first of them. $5: how many. What a person wants hidden does not leave the store.
SELECT q.n - 1, r.pos, r.conv, CASE WHEN r.content = 'none' THEN '' ELSE r.title END,
       CASE WHEN r.content = 'none' THEN '' ELSE r.sender_name END, CASE WHEN r.content = 'full' THEN r.preview ELSE '' END,
       r.at_ms
  FROM unnest($1::uuid[], $2::bigint[], $3::text[]) WITH ORDINALITY AS q(job, user_id, device, n)
  JOIN digest d ON d.user_id = q.user_id AND d.device = q.device AND d.job = q.job
 CROSS JOIN LATERAL (
       SELECT i.pos, i.conv, coalesce(nullif(c.title, ''), e.title) AS title, e.sender_name,
              sw_preview(e.preview, e.body) AS preview, e.at_ms,
              coalesce((SELECT p.content FROM preference p WHERE p.user_id = i.user_id AND p.conv = i.conv),
                       (SELECT p.content FROM preference p WHERE p.user_id = i.user_id AND p.conv = 0), 'full') AS content
         FROM inbox i
         JOIN event e ON e.conv = i.conv AND e.seq = i.seq
         LEFT JOIN conversation c ON c.conv = i.conv
        WHERE i.user_id = q.user_id AND i.notify AND i.pos <= d.upto AND i.pos > greatest(d.told_pos,
              (SELECT max(a.active_cursor) FROM device a WHERE a.user_id = q.user_id),
              (SELECT v.cursor FROM device v WHERE v.user_id = q.user_id AND v.device = q.device))
              AND coalesce((SELECT p.muted_until_ms FROM preference p WHERE p.user_id = i.user_id AND p.conv = i.conv),
                           (SELECT p.muted_until_ms FROM preference p WHERE p.user_id = i.user_id AND p.conv = 0), 0) <= $4::bigint
        ORDER BY i.pos LIMIT $5::integer) r
 ORDER BY q.n, r.pos;

-- name: end
-- What became of the mails. $4: 0 the job is over, 1 … and the relay took it, 2 it is tried again and the relay may have
-- taken it. Run again it finds nothing more to do.
UPDATE digest d
   SET told_pos = CASE WHEN r.became = 1 THEN d.upto ELSE d.told_pos END,
       told_at_ms = CASE WHEN r.became = 1 THEN $5::bigint ELSE d.told_at_ms END,
       job = CASE WHEN r.became = 2 THEN d.job END, fixed = r.became = 2
  FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::smallint[]) AS r(job, user_id, device, became)
 WHERE d.user_id = r.user_id AND d.device = r.device AND d.job = r.job;
