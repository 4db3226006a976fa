-- Everything belongs to a tenant, whose id comes first in every key. Times are milliseconds since 1970 in
-- UTC; {bytes} is what the database calls bytes. Flags are 0 and 1. Rows say in `head` which commit of the
-- tenant wrote them last, so that a host that is behind reads what has changed since.

-- `*` is nobody's id: keys of operators stand there.
CREATE TABLE tenants (
    tenant      TEXT   NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    -- Commits so far. Who commits says which one they have seen last, and is refused where there is another.
    head        BIGINT NOT NULL DEFAULT 0,
    -- The latest moment that a commit was made for; the tenant's time never goes back.
    clock       BIGINT NOT NULL DEFAULT 0,
    -- When something is due next; null: nothing is. Of an erased tenant: there are rows to take away.
    wake_at     BIGINT,
    -- The configuration in force; null: none was published yet.
    version     BIGINT,
    -- Places in the order of arrival given so far.
    arrivals    BIGINT NOT NULL DEFAULT 0,
    erased_at   BIGINT
);
CREATE INDEX tenants_wake ON tenants (wake_at);
INSERT INTO tenants (tenant, name, created_at) VALUES ('*', 'operators', 0);

-- Every commit, and what told it from others while its host did not know whether it was made.
CREATE TABLE commits (
    tenant      TEXT   NOT NULL,
    head        BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    nonce       BIGINT NOT NULL,
    PRIMARY KEY (tenant, head)
);

CREATE INDEX commits_at ON commits (at);

-- Where every lead stands now.
CREATE TABLE leads (
    tenant      TEXT   NOT NULL,
    lead        TEXT   NOT NULL,
    head        BIGINT NOT NULL,
    -- 1 while time, or somebody's room, may change it: those are what a host keeps in memory.
    hot         BIGINT NOT NULL,
    -- assigned, suggested, waiting, manager, track, triage, closed
    status      TEXT   NOT NULL,
    rep         TEXT,
    team        TEXT,
    -- The queue, the track or the manager it is with, where it is with one.
    place       TEXT,
    lane        TEXT,
    tier        BIGINT NOT NULL,
    -- Of its latest decision.
    number      BIGINT NOT NULL,
    mode        TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    decided_at  BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    locked      BIGINT NOT NULL,
    accepted    BIGINT NOT NULL,
    touched_at  BIGINT,
    -- Why a person should look as well; null: nobody needs to.
    triage      TEXT,
    -- Everything else the desk knows of it, as JSON; of the person nothing but the CRM's record.
    state       TEXT   NOT NULL,
    -- What it can be decided again from, as JSON; null once that is over.
    kept        TEXT,
    PRIMARY KEY (tenant, lead)
);
CREATE INDEX leads_hot ON leads (tenant, hot) WHERE hot = 1;
CREATE INDEX leads_head ON leads (tenant, head, lead);
CREATE INDEX leads_status ON leads (tenant, status, decided_at, lead);
CREATE INDEX leads_rep ON leads (tenant, rep, status);

-- Append-only. Erasing a person takes the body away and leaves the row.
CREATE TABLE decisions (
    tenant      TEXT   NOT NULL,
    lead        TEXT   NOT NULL,
    number      BIGINT NOT NULL,
    head        BIGINT NOT NULL,
    -- Its place within the commit.
    place       BIGINT NOT NULL,
    decided_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    "trigger"   TEXT   NOT NULL,
    -- assigned, manager, held, track, triage
    outcome     TEXT   NOT NULL,
    -- Why nobody could be picked, where nobody was.
    reason      TEXT,
    lane        TEXT,
    confidence  TEXT   NOT NULL,
    tier        BIGINT NOT NULL,
    mode        TEXT   NOT NULL,
    rep         TEXT,
    team        TEXT,
    -- Who had it before.
    before      TEXT,
    total       DOUBLE PRECISION,
    fuel        BIGINT NOT NULL,
    -- The decision as JSON, compressed; null: erased, or older than the tenant keeps traces.
    body        {bytes},
    PRIMARY KEY (tenant, lead, number)
);
CREATE INDEX decisions_head ON decisions (tenant, head, place);
CREATE INDEX decisions_age ON decisions (decided_at) WHERE body IS NOT NULL;

-- What is counted: by `kind`, of a rep (`rep`, `absent`), of a virtual queue (`queue`), of the tenant (`first`).
CREATE TABLE counters (
    tenant      TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    head        BIGINT NOT NULL,
    value       TEXT   NOT NULL,
    PRIMARY KEY (tenant, kind, id)
);

-- New leads as caps count them; one that was taken back has a second row with the sign -1.
CREATE TABLE new_leads (
    tenant      TEXT   NOT NULL,
    head        BIGINT NOT NULL,
    place       BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    rep         TEXT   NOT NULL,
    team        TEXT   NOT NULL,
    -- Rules that cap what they give, as a JSON array.
    rules       TEXT   NOT NULL,
    sign        BIGINT NOT NULL,
    PRIMARY KEY (tenant, head, place)
);
CREATE INDEX new_leads_age ON new_leads (at);

-- Leads as the CRM has them once they are routed: what later leads of the same contact or account find.
CREATE TABLE records (
    tenant      TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    head        BIGINT NOT NULL,
    place       BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    record      TEXT   NOT NULL,
    PRIMARY KEY (tenant, kind, id)
);
CREATE INDEX records_head ON records (tenant, head, place);

-- Append-only: everything that happened besides decisions, and who did it. The audit log. Erasing a person
-- makes the body `null`, here and in effects and answers, and leaves the row.
CREATE TABLE events (
    tenant      TEXT   NOT NULL,
    head        BIGINT NOT NULL,
    place       BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    -- Such as `lead.accepted`, `configuration.published`, `key.made`.
    kind        TEXT   NOT NULL,
    -- A key, a person, or `clock`.
    actor       TEXT   NOT NULL,
    lead        TEXT,
    body        TEXT   NOT NULL,
    PRIMARY KEY (tenant, head, place)
);
CREATE INDEX events_age ON events (at);
CREATE INDEX events_lead ON events (tenant, lead) WHERE lead IS NOT NULL;

-- Answers by idempotency key.
CREATE TABLE answers (
    tenant      TEXT   NOT NULL,
    "key"       TEXT   NOT NULL,
    -- Digest of what was asked: the same key with another question is a mistake.
    asked       TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    status      BIGINT NOT NULL,
    body        TEXT   NOT NULL,
    PRIMARY KEY (tenant, "key")
);
CREATE INDEX answers_at ON answers (at);

-- What is to be done outside. One row for each destination; `destination` is empty where nobody was told,
-- and the effect waits to be fetched.
CREATE TABLE effects (
    tenant      TEXT   NOT NULL,
    head        BIGINT NOT NULL,
    place       BIGINT NOT NULL,
    destination TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    -- The record it is about: effects of one record reach a destination in their order.
    lead        TEXT   NOT NULL,
    number      BIGINT NOT NULL,
    kind        TEXT   NOT NULL,
    body        TEXT   NOT NULL,
    -- open, done, dead
    state       TEXT   NOT NULL,
    attempts    BIGINT NOT NULL DEFAULT 0,
    -- When it may be tried next; a claim moves it on, so that nobody else takes it meanwhile.
    next_at     BIGINT NOT NULL,
    ended_at    BIGINT,
    -- What the last attempt met with.
    error       TEXT,
    -- When a person had it tried again from the start.
    resent_at   BIGINT,
    PRIMARY KEY (tenant, head, place, destination)
);
CREATE INDEX effects_due ON effects (next_at) WHERE state = 'open';
CREATE INDEX effects_open ON effects (tenant, destination, next_at, head, place) WHERE state = 'open';
CREATE INDEX effects_dead ON effects (tenant, head, place, destination) WHERE state = 'dead';
CREATE INDEX effects_ended ON effects (ended_at) WHERE state <> 'open';
CREATE INDEX effects_lead ON effects (tenant, lead, destination, head, place);

-- Where effects go.
CREATE TABLE destinations (
    tenant      TEXT   NOT NULL,
    destination TEXT   NOT NULL,
    -- The commit in which a person changed it last.
    head        BIGINT NOT NULL,
    -- webhook, slack, email, sms
    kind        TEXT   NOT NULL,
    -- URL, or address.
    target      TEXT   NOT NULL,
    -- What texts point at, such as the page to book a time on; `{lead}` and `{rep}` stand for their ids.
    link        TEXT,
    -- Kinds of effects it gets, as a JSON array; empty: all that its kind is for.
    effects     TEXT   NOT NULL,
    -- Sealed; what requests are signed with.
    secret      {bytes},
    made_at     BIGINT NOT NULL,
    -- Whoever works on it has it until then; afterwards, when somebody last did.
    claimed_until BIGINT NOT NULL DEFAULT 0,
    -- Turns in a row in which nothing arrived, since when, and until when it is left alone.
    failures    BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT,
    rests_until BIGINT NOT NULL DEFAULT 0,
    -- Set where it is off, by a person or because nothing arrived for too long.
    off_at      BIGINT,
    off_reason  TEXT,
    PRIMARY KEY (tenant, destination)
);

-- Every configuration a tenant ever had.
CREATE TABLE configurations (
    tenant      TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    -- draft, approved, scheduled, published, replaced, discarded
    state       TEXT   NOT NULL,
    -- Which one it was made from.
    base        BIGINT,
    note        TEXT   NOT NULL,
    -- Rises with every change; an ETag.
    revision    BIGINT NOT NULL,
    -- Of its files and their paths.
    digest      TEXT   NOT NULL,
    made_at     BIGINT NOT NULL,
    made_by     TEXT   NOT NULL,
    edited_at   BIGINT NOT NULL,
    edited_by   TEXT   NOT NULL,
    -- Everybody who made or edited it, as a JSON array.
    authors     TEXT   NOT NULL,
    approved_at BIGINT,
    approved_by TEXT,
    publish_at  BIGINT,
    published_at BIGINT,
    PRIMARY KEY (tenant, version)
);
CREATE INDEX configurations_due ON configurations (publish_at) WHERE state = 'scheduled';

CREATE TABLE configuration_files (
    tenant      TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    -- Relative to the folder, with `/`.
    path        TEXT   NOT NULL,
    digest      TEXT   NOT NULL,
    -- Its length.
    bytes       BIGINT NOT NULL,
    PRIMARY KEY (tenant, version, path)
);
CREATE INDEX configuration_files_digest ON configuration_files (tenant, digest);

-- Contents by their digest, each once for a tenant.
CREATE TABLE blobs (
    tenant      TEXT   NOT NULL,
    digest      TEXT   NOT NULL,
    bytes       {bytes} NOT NULL,
    PRIMARY KEY (tenant, digest)
);

-- Leads that are decided together; and, of the kind `reprocess`, runs over leads of the log, which are decided again
-- one after the other.
CREATE TABLE batches (
    tenant      TEXT   NOT NULL,
    batch       TEXT   NOT NULL,
    -- batch, reprocess
    kind        TEXT   NOT NULL DEFAULT 'batch',
    -- waiting, running, done, failed
    state       TEXT   NOT NULL,
    made_at     BIGINT NOT NULL,
    run_at      BIGINT NOT NULL,
    -- Whoever works on it has it until then.
    claimed_until BIGINT,
    attempts    BIGINT NOT NULL DEFAULT 0,
    total       BIGINT NOT NULL,
    -- Leads of it that are ready to be decided.
    prepared    BIGINT NOT NULL DEFAULT 0,
    refused     BIGINT NOT NULL DEFAULT 0,
    decided     BIGINT NOT NULL DEFAULT 0,
    ended_at    BIGINT,
    error       TEXT,
    -- Of a run: who began it, whether it takes leads from people, what its leads were found by, as JSON, where they
    -- were not named, and the digest of what was asked.
    made_by     TEXT,
    forced      BIGINT NOT NULL DEFAULT 0,
    found_by    TEXT,
    asked       TEXT,
    PRIMARY KEY (tenant, batch)
);
CREATE INDEX batches_due ON batches (run_at) WHERE state IN ('waiting', 'running');

CREATE TABLE batch_leads (
    tenant      TEXT   NOT NULL,
    batch       TEXT   NOT NULL,
    place       BIGINT NOT NULL,
    received    TEXT   NOT NULL,
    -- The lead's id and decision, or why it is none. Of a run the id stands here from the beginning, and nothing is
    -- received.
    lead        TEXT,
    number      BIGINT,
    refused     TEXT,
    PRIMARY KEY (tenant, batch, place)
);

-- API keys; each names its tenant. The secret itself is nowhere.
CREATE TABLE keys (
    tenant      TEXT   NOT NULL,
    "key"       TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    role        TEXT   NOT NULL,
    -- Of the rep whose key it is, for the role `rep`.
    rep         TEXT,
    -- Of the whole key.
    hash        {bytes} NOT NULL,
    made_at     BIGINT NOT NULL,
    made_by     TEXT   NOT NULL,
    expires_at  BIGINT,
    revoked_at  BIGINT,
    used_at     BIGINT,
    PRIMARY KEY (tenant, "key")
);

-- Who signs people in.
CREATE TABLE providers (
    tenant      TEXT   NOT NULL,
    provider    TEXT   NOT NULL,
    -- The commit in which it was set.
    head        BIGINT NOT NULL,
    issuer      TEXT   NOT NULL,
    audience    TEXT   NOT NULL,
    -- Which claim holds groups, and what roles they have, as JSON.
    roles       TEXT   NOT NULL,
    made_at     BIGINT NOT NULL,
    PRIMARY KEY (tenant, provider)
);
CREATE INDEX providers_issuer ON providers (issuer, audience);

-- Sealed values that plugins and destinations use by name.
CREATE TABLE secrets (
    tenant      TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    sealed      {bytes} NOT NULL,
    made_at     BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- What a tenant used, by day of its own zone, such as `2026-11-26`.
CREATE TABLE usage (
    tenant      TEXT   NOT NULL,
    day         TEXT   NOT NULL,
    leads       BIGINT NOT NULL,
    decisions   BIGINT NOT NULL,
    fuel        BIGINT NOT NULL,
    PRIMARY KEY (tenant, day)
);
