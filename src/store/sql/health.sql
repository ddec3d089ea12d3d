-- Probes of the connection itself.

-- name: ping
SELECT 1::integer;
