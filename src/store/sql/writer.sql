-- Statements of the writer engine: fencing, applied sections, ownership.

-- name: fence
SELECT sw_fence($1::smallint[], $2::integer[], $3::bigint[]);

-- name: applied_find
SELECT section, result FROM applied WHERE section = ANY($1::uuid[]);

-- name: applied_insert
INSERT INTO applied (section, result, at_ms)
SELECT section, result, $3::bigint FROM unnest($1::uuid[], $2::bytea[]) AS r(section, result);

-- name: applied_expire
DELETE FROM applied WHERE section IN (SELECT section FROM applied WHERE at_ms < $1::bigint LIMIT 5000);

-- name: engine_beat
INSERT INTO writer_engine (engine, sequencer, mailbox, draining, lease_until)
VALUES ($1::bigint, $2::boolean, $3::boolean, $4::boolean, now() + $5::integer * interval '1 millisecond')
ON CONFLICT (engine) DO UPDATE SET draining = excluded.draining, lease_until = excluded.lease_until;

-- name: engine_drop
DELETE FROM writer_engine WHERE engine = $1::bigint;

-- name: engine_expire
DELETE FROM writer_engine WHERE lease_until < now() - interval '1 minute';

-- name: engine_list
SELECT engine, sequencer, mailbox, draining FROM writer_engine WHERE lease_until > now() ORDER BY engine;

-- name: owner_ensure
INSERT INTO writer_owner (role, queue)
SELECT $1::smallint, q FROM generate_series(0, $2::integer - 1) AS q ON CONFLICT DO NOTHING;

-- name: owner_list
SELECT o.role, o.queue, coalesce(o.owner, 0), o.epoch, coalesce(e.lease_until > now(), false)
  FROM writer_owner o LEFT JOIN writer_engine e ON e.engine = o.owner
 ORDER BY o.role, o.queue;

-- name: owner_take
UPDATE writer_owner SET owner = $1::bigint, epoch = epoch + 1
 WHERE role = $2::smallint AND queue = $3::integer AND epoch = $4::bigint
RETURNING epoch;

-- name: owner_release
UPDATE writer_owner SET owner = NULL
 WHERE owner = $1::bigint AND role = $2::smallint AND queue = $3::integer AND epoch = $4::bigint;
