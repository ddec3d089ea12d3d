-- Statements of the command line.

-- name: user_add
INSERT INTO account (user_id, name, password_hash, email, created_at_ms)
VALUES ($1::bigint, $2::text, $3::text, $4::text, $5::bigint);

-- name: user_list
SELECT user_id, name, email, password_hash IS NOT NULL, disabled, created_at_ms
FROM account WHERE name > $1::text ORDER BY name LIMIT 500;

-- name: user_set_disabled
UPDATE account SET disabled = $2::boolean WHERE name = $1::text;

-- name: clock_ms
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint;
