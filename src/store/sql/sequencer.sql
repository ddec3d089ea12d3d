-- Statements of the sequencer's step.

-- name: load_conversations
SELECT c.conv, c.kind, coalesce(c.peer_lo, 0), coalesce(c.peer_hi, 0),
       coalesce((SELECT e.seq FROM event e WHERE e.conv = c.conv ORDER BY e.seq DESC LIMIT 1), 0)
  FROM conversation c
 WHERE c.conv = ANY($1::bigint[])
    OR (c.peer_lo, c.peer_hi) IN (SELECT lo, hi FROM unnest($2::bigint[], $3::bigint[]) AS p(lo, hi));

-- name: load_members
SELECT m.conv, m.user_id, m.role, m.joined_seq
  FROM member m
  JOIN conversation c ON c.conv = m.conv
 WHERE m.left_seq IS NULL
   AND (c.conv = ANY($1::bigint[])
        OR (c.peer_lo, c.peer_hi) IN (SELECT lo, hi FROM unnest($2::bigint[], $3::bigint[]) AS p(lo, hi)))
 ORDER BY m.conv, m.user_id;

-- name: load_sent
SELECT s.sender, s.cid, s.content, s.id, s.conv, s.seq
  FROM sent s JOIN unnest($1::bigint[], $2::uuid[]) AS q(sender, cid) ON s.sender = q.sender AND s.cid = q.cid;

-- name: load_members_as_of
SELECT q.conv, q.seq, m.user_id
  FROM unnest($1::bigint[], $2::bigint[]) AS q(conv, seq)
  JOIN member m ON m.conv = q.conv AND m.joined_seq <= q.seq AND (m.left_seq IS NULL OR m.left_seq > q.seq)
 ORDER BY q.conv, q.seq, m.user_id;

-- name: insert_conversations
INSERT INTO conversation (conv, kind, peer_lo, peer_hi, title, creator, created_at_ms)
SELECT conv, kind, nullif(lo, 0), nullif(hi, 0), title, creator, at_ms
  FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[])
    AS r(conv, kind, lo, hi, title, creator, at_ms);

-- name: insert_members
INSERT INTO member (conv, user_id, role, joined_seq)
SELECT conv, user_id, role, joined_seq
  FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::bigint[]) AS r(conv, user_id, role, joined_seq);

-- name: insert_events
INSERT INTO event (conv, seq, id, sender, sender_name, kind, at_ms, title, preview, body)
SELECT conv, seq, id, sender, sender_name, kind, at_ms, title, preview, body
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bigint[],
              $8::text[], $9::text[], $10::text[])
    AS r(conv, seq, id, sender, sender_name, kind, at_ms, title, preview, body);

-- name: insert_sent
INSERT INTO sent (sender, cid, content, id, conv, seq, at_ms)
SELECT sender, cid, content, id, conv, seq, at_ms
  FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    AS r(sender, cid, content, id, conv, seq, at_ms);

-- name: expire_sent
SELECT sw_expire('sent', $1::bigint);

-- name: summarize_events
SELECT sw_summarize_events();

-- name: ensure_event_partition
SELECT sw_event_partition($1::bigint);
