-- Whose is a token? The pusher asks before every send whether another device reported it later.

CREATE INDEX device_by_token ON device USING hash (token) WHERE token <> '';
