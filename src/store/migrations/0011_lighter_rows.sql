-- Less to write for each message: the writers' transactions are what limits how many there can be.

-- NULL: the preview is the body's text, whole.
ALTER TABLE event ALTER COLUMN preview DROP NOT NULL;
CREATE FUNCTION sw_preview(preview text, body text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN coalesce(preview, body::json->>'text');

-- Ids grow with time and rows are never removed one by one, so a summary of each stretch of pages finds an id nearly as
-- well as a tree of all of them. Stretches without a summary yet are read whole.
DROP INDEX event_by_id;
CREATE INDEX event_by_id ON event USING brin (id) WITH (pages_per_range = 64);

-- Makes the summaries that are missing. Not by autosummarize: whoever inserts fast has more requests than it remembers, and
-- logs each that it does not. An autovacuum at work is not disturbed: it makes them as well.
CREATE FUNCTION sw_summarize_events() RETURNS void LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'event_by_id'::regclass LOOP
        BEGIN
            PERFORM brin_summarize_new_values(part);
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
    END LOOP;
END $$;

-- What expires is found by reading the table, a stretch at a time, round and round, instead of by indexes that every
-- message pays for.
DROP INDEX sent_by_time;
DROP INDEX ledger_by_time;

-- [admin] How far the reading of each has come.
CREATE TABLE expiry (
    name       text PRIMARY KEY, -- of a table with at_ms
    next_block bigint NOT NULL DEFAULT 0
);
INSERT INTO expiry (name) VALUES ('sent'), ('ledger');

-- Deletes what is older in the next stretch: a 1,440th of the table, so that a call a minute reads it once a day, but at
-- least 1,000 pages. The number of rows; 0 too while another process does the same.
CREATE FUNCTION sw_expire(of text, before_ms bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    blocks  bigint := pg_relation_size(of::regclass) / current_setting('block_size')::bigint;
    stretch bigint := greatest(1000, blocks / 1440);
    first   bigint;
    gone    bigint;
BEGIN
    SELECT next_block INTO first FROM expiry WHERE name = of FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    first := CASE WHEN first < blocks THEN first ELSE 0 END;
    EXECUTE format('DELETE FROM %I WHERE ctid >= %L AND ctid < %L AND at_ms < %L', of,
                   format('(%s,0)', first), format('(%s,0)', first + stretch), before_ms);
    GET DIAGNOSTICS gone = ROW_COUNT;
    UPDATE expiry SET next_block = first + stretch WHERE name = of;
    RETURN gone;
END $$;
