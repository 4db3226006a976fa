-- What is learned from. As in the first tables: the tenant first in every key, times in milliseconds since 1970 in UTC.

-- A row a lead that was decided about, and a row a deal of before: whose it is, what was known of it then, and what
-- became of it. It names nobody but reps, so it stays when traces go and when a person is erased.
CREATE TABLE deals (
    tenant      TEXT   NOT NULL,
    -- The lead's id, or the id that the history gave it.
    deal        TEXT   NOT NULL,
    -- The commit that wrote it last.
    head        BIGINT NOT NULL,
    -- lead, history
    origin      TEXT   NOT NULL DEFAULT 'lead',
    opened_at   BIGINT NOT NULL,
    -- Who has it, and whom the first decision gave it to.
    rep         TEXT,
    first_rep   TEXT,
    team        TEXT,
    account     TEXT,
    -- As it was classified, with the score of the lane that was ranked first; and as a person said.
    lane        TEXT,
    lane_score  DOUBLE PRECISION,
    lane_said   TEXT,
    tier        BIGINT NOT NULL DEFAULT 3,
    mode        TEXT,
    -- How the latest decision came to its rep: match, rotation, rule:ID, person, fallback, …, and `predictive` where what
    -- was learned counted; and what became of the lead: assigned, manager, held, track, triage.
    found_by    TEXT,
    placed      TEXT   NOT NULL,
    -- The match, 0 to 100, and the probability with which this rep was picked.
    total       DOUBLE PRECISION,
    odds        DOUBLE PRECISION,
    due_at      BIGINT,
    -- 1: a person gave it to somebody else.
    overridden  BIGINT NOT NULL DEFAULT 0,
    -- The arm of an experiment that it came in, at which step, and the account as it was drawn by; null: in none.
    experiment  TEXT,
    step        BIGINT,
    arm         TEXT,
    drawn_by    TEXT,
    -- What was known of it when it was decided, as a JSON object of words: industry, channel, segments.
    facts       TEXT   NOT NULL,
    touched_at  BIGINT,
    met_at      BIGINT,
    closed_at   BIGINT,
    -- won, lost, disqualified; null: open
    outcome     TEXT,
    value       DOUBLE PRECISION,
    PRIMARY KEY (tenant, deal)
);
CREATE INDEX deals_opened ON deals (tenant, opened_at);
CREATE INDEX deals_experiment ON deals (tenant, experiment) WHERE experiment IS NOT NULL;
CREATE INDEX deals_closed ON deals (tenant, closed_at) WHERE closed_at IS NOT NULL;

-- Win models, each as it was trained; none is changed.
CREATE TABLE models (
    tenant      TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    digest      TEXT   NOT NULL,
    made_at     BIGINT NOT NULL,
    made_by     TEXT   NOT NULL,
    -- How it was chosen and how well it does, as JSON.
    report      TEXT   NOT NULL,
    body        {bytes} NOT NULL,
    PRIMARY KEY (tenant, version)
);

-- The model in force; null: none, and nothing learned counts.
ALTER TABLE tenants ADD COLUMN model BIGINT;
-- When it is trained again; null: when it never was.
ALTER TABLE tenants ADD COLUMN train_at BIGINT;
CREATE INDEX tenants_train ON tenants (train_at) WHERE train_at IS NOT NULL;

-- What somebody said of a suggestion.
CREATE TABLE suggestions (
    tenant      TEXT   NOT NULL,
    suggestion  TEXT   NOT NULL,
    -- accepted, dismissed
    answer      TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    by_whom     TEXT   NOT NULL,
    PRIMARY KEY (tenant, suggestion)
);

-- Experiments, each as JSON; `head` is the commit that changed it last.
CREATE TABLE experiments (
    tenant      TEXT   NOT NULL,
    experiment  TEXT   NOT NULL,
    head        BIGINT NOT NULL,
    made_at     BIGINT NOT NULL,
    state       TEXT   NOT NULL,
    -- When it is looked at next; null: it is not on its way.
    look_at     BIGINT,
    PRIMARY KEY (tenant, experiment)
);
CREATE INDEX experiments_look ON experiments (look_at) WHERE look_at IS NOT NULL;

-- What of an experiment decides about leads, as JSON; null: none is under way.
ALTER TABLE tenants ADD COLUMN experiment TEXT;
