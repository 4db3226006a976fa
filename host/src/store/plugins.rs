//! Plugins by name: their releases, which of them answer, and what was counted of them.
//!
//! That a deployment changes is a commit of the tenant around its line, as that of a destination is: a host that still
//! decides by the release before is told that it is behind, and sets the tenant up anew.

use sqlx::AssertSqlSafe;

use super::filter::Filter;
use super::rows::{self, Row, Statement};
use super::{Change, Error, Store, TenantStore};
use crate::lead::TenantId;

/// A plugin as it is kept.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct PluginRow {
    pub plugin: String,
    pub head: i64,
    pub deployment: String,
}

/// A release as it is kept.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct ReleaseRow {
    pub plugin: String,
    pub version: String,
    pub digest: String,
    pub bytes: i64,
    pub interface: String,
    pub report: String,
    pub manifest: String,
    pub publisher: Option<String>,
    pub signed: Option<String>,
    pub source: String,
    pub made_at: i64,
    pub made_by: String,
}

/// Something that was counted of a release.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct CountRow {
    pub tenant: String,
    pub plugin: String,
    pub digest: String,
    pub stage: String,
    pub measure: String,
    pub bucket: i64,
    pub times: i64,
}

/// What the calls of a plugin used on a day.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct PluginUsageRow {
    pub tenant: String,
    pub day: String,
    pub digest: String,
    pub calls: i64,
    pub failed: i64,
    pub fuel: i64,
}

/// Whose signatures count, and what was revoked.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct TrustRow {
    pub head: i64,
    pub trust: String,
    pub revoked: String,
}

const PLUGIN: &str = "SELECT plugin, head, deployment FROM plugins";
const RELEASE: &str = "SELECT plugin, version, digest, bytes, interface, report, manifest, publisher, signed, source, \
     made_at, made_by FROM releases";
const COUNT: &str = "SELECT tenant, plugin, digest, stage, measure, bucket, times FROM plugin_counts";

const TRUST: &str = "SELECT head, trust, revoked FROM trust WHERE tenant = $1";

/// Releases of a plugin that are told at once.
const MOST: i64 = 1000;

impl TenantStore<'_> {
    /// All plugins, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn plugins(&self) -> Result<Vec<PluginRow>, Error> {
        let text = format!("{PLUGIN} WHERE tenant = $1 ORDER BY plugin");
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str());
        Ok(found.fetch_all(&self.store.read).await?)
    }

    /// One, where it is there.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn plugin(&self, plugin: &str) -> Result<Option<PluginRow>, Error> {
        let text = format!("{PLUGIN} WHERE tenant = $1 AND plugin = $2");
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(plugin);
        Ok(found.fetch_optional(&self.store.read).await?)
    }

    /// Releases, of one plugin or of all, the latest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn releases(&self, plugin: Option<&str>) -> Result<Vec<ReleaseRow>, Error> {
        let found = Filter::of(RELEASE, self.tenant.as_str())
            .and("plugin = ?", plugin)
            .ordered("made_at DESC, plugin, version", MOST);
        Ok(found.rows(&self.store.read).await?)
    }

    /// A release, where it is there.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn release(&self, plugin: &str, version: &str) -> Result<Option<ReleaseRow>, Error> {
        let text = format!("{RELEASE} WHERE tenant = $1 AND plugin = $2 AND version = $3");
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(plugin).bind(version);
        Ok(found.fetch_optional(&self.store.read).await?)
    }

    /// What a digest stands for among the tenant's blobs.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn blob(&self, digest: &str) -> Result<Option<Vec<u8>>, Error> {
        let found = sqlx::query_scalar("SELECT bytes FROM blobs WHERE tenant = $1 AND digest = $2");
        let found = found.bind(self.tenant.as_str()).bind(digest);
        Ok(found.fetch_optional(&self.store.read).await?)
    }

    /// The component of a release.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn component(&self, plugin: &str, version: &str) -> Result<Option<Vec<u8>>, Error> {
        let found = sqlx::query_scalar(
            "SELECT b.bytes FROM releases r JOIN blobs b ON b.tenant = r.tenant AND b.digest = r.digest \
             WHERE r.tenant = $1 AND r.plugin = $2 AND r.version = $3",
        );
        let found = found.bind(self.tenant.as_str()).bind(plugin).bind(version);
        Ok(found.fetch_optional(&self.store.read).await?)
    }

    /// What was counted of a plugin's releases.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn plugin_counts(&self, plugin: &str) -> Result<Vec<CountRow>, Error> {
        let text = format!("{COUNT} WHERE tenant = $1 AND plugin = $2");
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(plugin);
        Ok(found.fetch_all(&self.store.read).await?)
    }

    /// What plugins used, by day and digest, from one day to another, both included.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn plugin_usage(
        &self,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<Vec<PluginUsageRow>, Error> {
        let text = "SELECT tenant, day, digest, calls, failed, fuel FROM plugin_usage";
        let found = Filter::of(text, self.tenant.as_str())
            .and("day >= ?", from)
            .and("day <= ?", to)
            .ordered("day, digest", 20_000);
        Ok(found.rows(&self.store.read).await?)
    }

    /// Begins a change during which nobody revokes anything for everybody either: who wants to waits for its end, and it
    /// has waited for who was doing so.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn begin_unrevoked(&self, at: i64) -> Result<Change, Error> {
        let mut transaction = self.store.begin().await?;
        // A lock that both databases know, and no change. The operators' row comes before a tenant's, as everywhere.
        let lock = sqlx::query("UPDATE tenants SET head = head WHERE tenant = $1");
        lock.bind(TenantId::operators().to_string()).execute(&mut *transaction).await?;
        self.change(transaction, at).await
    }

    /// Whose signatures count, where somebody has said so.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn trust(&self) -> Result<Option<TrustRow>, Error> {
        let found = sqlx::query_as(TRUST);
        Ok(found.bind(self.tenant.as_str()).fetch_optional(&self.store.read).await?)
    }
}

impl Change {
    /// A plugin, as it is until this change ends.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn plugin(&mut self, plugin: &str) -> Result<Option<PluginRow>, Error> {
        let text = format!("{PLUGIN} WHERE tenant = $1 AND plugin = $2");
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.to_string()).bind(plugin.to_owned());
        Ok(found.fetch_optional(self.connection()).await?)
    }

    /// The configuration in force, as it is until this change ends.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn in_force(&mut self) -> Result<Option<i64>, Error> {
        let found = sqlx::query_scalar("SELECT version FROM tenants WHERE tenant = $1");
        Ok(found.bind(self.tenant.to_string()).fetch_one(self.connection()).await?)
    }

    /// Says which releases of a plugin answer.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn put_plugin(&mut self, plugin: &str, deployment: &str) -> Result<(), Error> {
        let put = sqlx::query(
            "INSERT INTO plugins (tenant, plugin, head, deployment) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant, plugin) DO UPDATE SET head = excluded.head, deployment = excluded.deployment",
        );
        let put = put.bind(self.tenant.to_string()).bind(plugin.to_owned()).bind(self.head);
        put.bind(deployment.to_owned()).execute(self.connection()).await?;
        Ok(())
    }

    /// Writes a release that was not there, and what it holds; whether it was not.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn add_release(&mut self, row: &ReleaseRow, component: &[u8]) -> Result<bool, Error> {
        self.put_contents(&[(row.digest.clone(), component)]).await?;
        let add = sqlx::query(
            "INSERT INTO releases (tenant, plugin, version, digest, bytes, interface, report, manifest, publisher, \
             signed, source, made_at, made_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT (tenant, plugin, version) DO NOTHING",
        );
        let row = row.clone();
        let add = add.bind(self.tenant.to_string()).bind(row.plugin).bind(row.version).bind(row.digest);
        let add = add.bind(row.bytes).bind(row.interface).bind(row.report).bind(row.manifest);
        let add =
            add.bind(row.publisher).bind(row.signed).bind(row.source).bind(row.made_at).bind(row.made_by);
        Ok(add.execute(self.connection()).await?.rows_affected() == 1)
    }

    /// Forgets what was counted of a release in a stage that it enters anew.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn forget_counts(&mut self, plugin: &str, digest: &str, stage: &str) -> Result<(), Error> {
        let forget = sqlx::query(
            "DELETE FROM plugin_counts WHERE tenant = $1 AND plugin = $2 AND digest = $3 AND stage = $4",
        );
        let forget = forget.bind(self.tenant.to_string()).bind(plugin.to_owned()).bind(digest.to_owned());
        forget.bind(stage.to_owned()).execute(self.connection()).await?;
        Ok(())
    }

    /// Whose signatures count, as it is until this change ends.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn trust(&mut self) -> Result<Option<TrustRow>, Error> {
        let found = sqlx::query_as(TRUST).bind(self.tenant.to_string());
        Ok(found.fetch_optional(self.connection()).await?)
    }

    /// What was revoked for everybody, as it is until this change ends, where it was begun for that
    /// ([`TenantStore::begin_unrevoked`]).
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn everybodys_trust(&mut self) -> Result<Option<TrustRow>, Error> {
        let found = sqlx::query_as(TRUST).bind(TenantId::operators().to_string());
        Ok(found.fetch_optional(self.connection()).await?)
    }

    /// Says whose signatures count, and what was revoked.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn put_trust(&mut self, trust: &str, revoked: &str) -> Result<(), Error> {
        let put = sqlx::query(
            "INSERT INTO trust (tenant, head, trust, revoked) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant) DO UPDATE SET head = excluded.head, trust = excluded.trust, \
             revoked = excluded.revoked",
        );
        let put = put.bind(self.tenant.to_string()).bind(self.head).bind(trust.to_owned());
        put.bind(revoked.to_owned()).execute(self.connection()).await?;
        Ok(())
    }
}

impl Store {
    /// Adds what was counted of releases.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn count_plugins(&self, counted: &[CountRow]) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        rows::write(&mut transaction, counted).await?;
        Ok(transaction.commit().await?)
    }

    /// Tenants that have published a plugin.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn tenants_with_plugins(&self) -> Result<Vec<TenantId>, Error> {
        let found =
            sqlx::query_scalar("SELECT DISTINCT tenant FROM plugins WHERE tenant <> '*' ORDER BY tenant");
        let found: Vec<String> = found.fetch_all(&self.read).await?;
        Ok(found.into_iter().filter_map(|tenant| tenant.parse().ok()).collect())
    }

    /// What was counted of a component, of all tenants together: nobody's own.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn counts_everywhere(&self, digest: &str) -> Result<Vec<CountRow>, Error> {
        let found = sqlx::query_as(
            "SELECT '' AS tenant, '' AS plugin, digest, stage, measure, bucket, \
             CAST(SUM(times) AS BIGINT) AS times FROM plugin_counts \
             WHERE digest = $1 GROUP BY digest, stage, measure, bucket",
        );
        Ok(found.bind(digest).fetch_all(&self.read).await?)
    }
}

impl Row for CountRow {
    const TABLE: &'static str = "plugin_counts";
    const COLUMNS: &'static [&'static str] =
        &["tenant", "plugin", "digest", "stage", "measure", "bucket", "times"];
    const CONFLICT: &'static str = "ON CONFLICT (tenant, plugin, digest, stage, measure, bucket) DO UPDATE SET \
         times = plugin_counts.times + excluded.times";
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        let Self { tenant, plugin, digest, stage, measure, bucket, times } = self.clone();
        statement.bind(tenant).bind(plugin).bind(digest).bind(stage).bind(measure).bind(bucket).bind(times)
    }
}

impl Row for PluginUsageRow {
    const TABLE: &'static str = "plugin_usage";
    const COLUMNS: &'static [&'static str] = &["tenant", "day", "digest", "calls", "failed", "fuel"];
    const CONFLICT: &'static str = "ON CONFLICT (tenant, day, digest) DO UPDATE SET \
         calls = plugin_usage.calls + excluded.calls, failed = plugin_usage.failed + excluded.failed, \
         fuel = plugin_usage.fuel + excluded.fuel";
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        let Self { tenant, day, digest, calls, failed, fuel } = self.clone();
        statement.bind(tenant).bind(day).bind(digest).bind(calls).bind(failed).bind(fuel)
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Executor as _;

    use crate::store::Db;
    use crate::store::testing::{acme, stores};

    /// Otherwise a release could come into force between the moment in which it is revoked and the one in which
    /// whoever revokes looks for it.
    #[tokio::test]
    async fn who_revokes_for_everybody_waits_for_whoever_has_looked() {
        for store in stores().await {
            let tenant = acme(&store).await;
            let mut change = store.of(&tenant).begin_unrevoked(1).await.expect("a change");
            assert_eq!(change.everybodys_trust().await.expect("is read"), None);
            // SQLite has one writer, and it is this one.
            if store.db() == Db::Sqlite {
                continue;
            }
            let ask = "SELECT 1 FROM tenants WHERE tenant = '*' FOR UPDATE NOWAIT";
            let mut other = store.begin().await.expect("another");
            let code = match other.execute(ask).await {
                Err(sqlx::Error::Database(error)) => error.code().map(|code| code.to_string()),
                _ => None,
            };
            assert_eq!(code.as_deref(), Some("55P03"), "the lock is somebody's");
            drop(other);
            change.commit(&[]).await.expect("is made");
            store.begin().await.expect("another").execute(ask).await.expect("nobody's any more");
        }
    }
}
