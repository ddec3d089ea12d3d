-- What people want to be told of: preferences, quiet hours of devices, and the running count behind every badge.

-- [mailbox] conv 0: a person's default. NULL: as in the default, there: nothing muted, every message, the full text.
CREATE TABLE preference (
    user_id        bigint NOT NULL,
    conv           bigint NOT NULL,
    muted_until_ms bigint, -- 0: not muted; the greatest bigint: for ever
    mentions_only  boolean,
    content        text CHECK (content IN ('none', 'sender', 'full')), -- what a push shows
    PRIMARY KEY (user_id, conv)
);

ALTER TABLE device
    ADD COLUMN time_zone   text NOT NULL DEFAULT '', -- IANA name
    ADD COLUMN locale      text NOT NULL DEFAULT '', -- BCP 47
    ADD COLUMN quiet_from  smallint NOT NULL DEFAULT -1 CHECK (quiet_from BETWEEN -1 AND 1439), -- minute of the day
    ADD COLUMN quiet_until smallint NOT NULL DEFAULT -1 CHECK (quiet_until BETWEEN -1 AND 1439);

-- told: how many rows of this person, up to this one, were to be told of. The difference of two is the number between them,
-- however many: that is the badge. Both columns lie where the row was padded.
ALTER TABLE inbox
    ADD COLUMN mentioned boolean NOT NULL DEFAULT false, -- the message names this person
    ADD COLUMN told      integer NOT NULL DEFAULT 0;
-- What was read already need not be counted.
UPDATE inbox i SET told = c.told
  FROM (SELECT u.user_id, u.pos, count(*) FILTER (WHERE u.notify) OVER (PARTITION BY u.user_id ORDER BY u.pos) AS told
          FROM inbox u
         WHERE u.pos > coalesce((SELECT max(d.active_cursor) FROM device d WHERE d.user_id = u.user_id), 0)) c
 WHERE i.user_id = c.user_id AND i.pos = c.pos;

-- When do the quiet hours end that a device is in at this moment (ms)? 0: it is in none. From one minute of its day up to
-- another, perhaps over midnight. A time zone that this server does not know is as if there were none.
CREATE FUNCTION sw_quiet_until(zone text, from_minute integer, until_minute integer, at_ms bigint) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    here   timestamp;
    minute integer;
    ends   timestamp;
BEGIN
    here := to_timestamp(at_ms / 1000.0) AT TIME ZONE zone;
    minute := extract(hour FROM here)::integer * 60 + extract(minute FROM here)::integer;
    IF (from_minute <= until_minute AND (minute < from_minute OR minute >= until_minute))
       OR (minute >= until_minute AND minute < from_minute) THEN
        RETURN 0;
    END IF;
    ends := date_trunc('day', here) + make_interval(mins => until_minute)
            + make_interval(days => CASE WHEN minute >= until_minute THEN 1 ELSE 0 END);
    RETURN (extract(epoch FROM ends AT TIME ZONE zone) * 1000)::bigint;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN 0;
END $$;

CREATE FUNCTION sw_time_zone_known(zone text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM now() AT TIME ZONE zone;
    RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END $$;
