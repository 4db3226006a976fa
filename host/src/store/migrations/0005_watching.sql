-- Whether models still fit, and what tenants have in common. As in the first tables: times in milliseconds since 1970 in UTC.

-- What was seen of a model on the deals that closed since it was trained, as JSON, and when; null: nobody has looked.
ALTER TABLE models ADD COLUMN watched_at BIGINT;
ALTER TABLE models ADD COLUMN watch TEXT;

-- When it is looked whether the model in force still fits; null: none is in force.
ALTER TABLE tenants ADD COLUMN watch_at BIGINT;
UPDATE tenants SET watch_at = 0 WHERE model IS NOT NULL;
CREATE INDEX tenants_watch ON tenants (watch_at) WHERE watch_at IS NOT NULL;

-- What the model of a tenant who opted in adds to the pool, as JSON: effects and variances, no rep, no deal, no count.
CREATE TABLE summaries (
    tenant      TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    summary     TEXT   NOT NULL,
    PRIMARY KEY (tenant)
);
