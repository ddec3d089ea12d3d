-- Dead letters for operators: their attempts kept with them, replays and what becomes of them, who dropped what.

-- What was tried for a job, oldest first, at most the last 1,000.
CREATE FUNCTION sw_attempts(uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('number', t.number, 'at_ms', t.at_ms, 'duration_ms', t.duration_ms,
                                                 'outcome', t.outcome, 'status', t.status, 'reason', t.reason)
                              ORDER BY t.at_ms, t.number), '[]')
      FROM (SELECT * FROM attempt a WHERE a.job = $1 ORDER BY a.at_ms DESC, a.number DESC LIMIT 1000) t
$$;

-- A copy: rows of `attempt` may expire before the letter does. It is read whole with its letter and goes with it.
ALTER TABLE dead_letter ADD COLUMN attempts jsonb NOT NULL DEFAULT '[]';
UPDATE dead_letter SET attempts = sw_attempts(job);
CREATE INDEX dead_letter_by_event ON dead_letter (event);

-- Every list, replay and drop chooses by this. Members of the filter: provider, app, user, device, reason (exactly),
-- reason_has (a part of it), since_ms, until_ms, replayed; what is absent does not matter.
CREATE FUNCTION sw_dead_letters(filter jsonb) RETURNS SETOF dead_letter LANGUAGE sql STABLE AS $$
    SELECT d.* FROM dead_letter d
     WHERE (filter->>'provider' IS NULL OR d.provider = filter->>'provider')
       AND (filter->>'app' IS NULL OR d.app = filter->>'app')
       AND (filter->>'user' IS NULL OR d.user_id = (SELECT a.user_id FROM account a WHERE a.name = filter->>'user'))
       AND (filter->>'device' IS NULL OR d.device = filter->>'device')
       AND (filter->>'reason' IS NULL OR d.reason = filter->>'reason')
       AND (filter->>'reason_has' IS NULL OR strpos(d.reason, filter->>'reason_has') > 0)
       AND (filter->>'since_ms' IS NULL OR d.at_ms >= (filter->>'since_ms')::bigint)
       AND (filter->>'until_ms' IS NULL OR d.at_ms <= (filter->>'until_ms')::bigint)
       AND (filter->>'replayed' IS NULL OR (d.replays > 0) = (filter->>'replayed')::boolean)
$$;

-- [admin] Replays of many letters. A process works on one while it holds its lease; `after` is how far it has come.
CREATE TABLE dead_replay_job (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms       bigint NOT NULL,
    operator    text NOT NULL, -- as the caller said
    filter      jsonb NOT NULL,
    rate        integer NOT NULL, -- letters a second
    last_letter bigint NOT NULL, -- the newest when it was asked for: what dies later is not part of it
    total       bigint NOT NULL,
    after       bigint NOT NULL DEFAULT 0,
    state       text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'cancelled', 'done')),
    ended_at_ms bigint,
    runner      bigint,
    lease_until timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE INDEX dead_replay_job_running ON dead_replay_job (lease_until, id) WHERE state = 'running';

-- [admin] One letter sent again. The row is there before the job is published: whoever finds it planned publishes the
-- same job.
CREATE TABLE dead_replay (
    job      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    letter   bigint NOT NULL, -- may be dropped meanwhile
    run      bigint REFERENCES dead_replay_job, -- NULL: asked for by its id
    at_ms    bigint NOT NULL,
    operator text NOT NULL,
    state    text NOT NULL CHECK (state IN ('planned', 'sent', 'failed')),
    reason   text NOT NULL DEFAULT '', -- of failed
    UNIQUE (run, letter)
);
CREATE INDEX dead_replay_by_letter ON dead_replay (letter);
CREATE INDEX dead_replay_planned ON dead_replay (run, letter) WHERE state = 'planned';
CREATE UNIQUE INDEX dead_replay_single ON dead_replay (letter) WHERE run IS NULL AND state = 'planned';
INSERT INTO dead_replay (job, letter, at_ms, operator, state)
SELECT replay_job, id, replayed_at_ms, '', 'sent' FROM dead_letter WHERE replay_job IS NOT NULL AND replayed_at_ms IS NOT NULL;

-- What became of each. again: the letter that it became, when it died once more.
CREATE VIEW dead_replay_outcome AS
SELECT r.job, r.letter, r.run, r.at_ms, r.operator,
       CASE WHEN r.state = 'failed' THEN 'failed'
            WHEN n.id IS NOT NULL OR l.state IN ('dead', 'rejected') THEN 'dead'
            WHEN l.state IN ('delivered', 'dropped', 'token_dead') THEN l.state
            WHEN r.state = 'planned' AND l.job IS NULL THEN 'planned'
            ELSE 'under_way' END AS outcome,
       CASE WHEN r.state = 'failed' THEN r.reason ELSE coalesce(n.reason, l.last_reason, '') END AS reason,
       n.id AS again
  FROM dead_replay r
  LEFT JOIN delivery l ON l.job = r.job
  LEFT JOIN dead_letter n ON n.job = r.job;

-- [admin] What operators did that cannot be taken back.
CREATE TABLE audit (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms    bigint NOT NULL,
    operator text NOT NULL, -- as the caller said
    action   text NOT NULL,
    detail   jsonb NOT NULL,
    count    bigint NOT NULL
);
