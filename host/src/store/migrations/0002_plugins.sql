-- Plugins by name. As in the first tables: the tenant first in every key, times in milliseconds since 1970 in UTC.
-- Plugins of `*` are the catalogue, where their names have a publisher before a slash.

-- Which releases of a plugin answer.
CREATE TABLE plugins (
    tenant      TEXT   NOT NULL,
    plugin      TEXT   NOT NULL,
    -- The commit in which it was changed last.
    head        BIGINT NOT NULL,
    -- The active release, the one before, the one on its way, and budgets, as JSON.
    deployment  TEXT   NOT NULL,
    PRIMARY KEY (tenant, plugin)
);

-- Every release that was ever published; none is changed. What it holds is among the blobs.
CREATE TABLE releases (
    tenant      TEXT   NOT NULL,
    plugin      TEXT   NOT NULL,
    version     TEXT   NOT NULL,
    digest      TEXT   NOT NULL,
    bytes       BIGINT NOT NULL,
    -- Such as `0.2`.
    interface   TEXT   NOT NULL,
    -- What the component exports and imports, and what its cases came to, as JSON.
    report      TEXT   NOT NULL,
    -- What its author says of it, as JSON.
    manifest    TEXT   NOT NULL,
    -- Who signed it, where somebody did, and the statement with its signature, as JSON.
    publisher   TEXT,
    signed      TEXT,
    -- Where it came from: upload, catalogue, registry, bundle.
    source      TEXT   NOT NULL,
    made_at     BIGINT NOT NULL,
    made_by     TEXT   NOT NULL,
    PRIMARY KEY (tenant, plugin, version)
);
CREATE INDEX releases_digest ON releases (tenant, digest);

-- What was counted of releases, by the stage that they were in; of numbers without buckets the bucket is 0.
CREATE TABLE plugin_counts (
    tenant      TEXT   NOT NULL,
    plugin      TEXT   NOT NULL,
    digest      TEXT   NOT NULL,
    -- active, canary, shadow
    stage       TEXT   NOT NULL,
    measure     TEXT   NOT NULL,
    bucket      BIGINT NOT NULL,
    times       BIGINT NOT NULL,
    PRIMARY KEY (tenant, plugin, digest, stage, measure, bucket)
);
CREATE INDEX plugin_counts_digest ON plugin_counts (digest);

-- Whose signatures a tenant accepts, and what was revoked, as JSON; of `*` for everybody.
CREATE TABLE trust (
    tenant      TEXT   NOT NULL PRIMARY KEY,
    head        BIGINT NOT NULL,
    trust       TEXT   NOT NULL,
    revoked     TEXT   NOT NULL
);

-- What the calls of each plugin used, by day of the tenant's zone.
CREATE TABLE plugin_usage (
    tenant      TEXT   NOT NULL,
    day         TEXT   NOT NULL,
    digest      TEXT   NOT NULL,
    calls       BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    fuel        BIGINT NOT NULL,
    PRIMARY KEY (tenant, day, digest)
);
