//! Win models: kept as they were trained, one of them in force.

use sqlx::AnyConnection;

use super::{Change, Error, Store, TenantStore};

/// A model, without what it is.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct ModelRow {
    pub version: i64,
    pub digest: String,
    pub made_at: i64,
    pub made_by: String,
    pub report: String,
    pub watched_at: Option<i64>,
    pub watch: Option<String>,
}

const MODEL: &str =
    "SELECT version, digest, made_at, made_by, report, watched_at, watch FROM models WHERE tenant = $1";

/// When it is looked next whether the model in force still fits, in milliseconds from now.
const LOOK: i64 = 24 * 3_600_000;

impl Store {
    /// A tenant whose model is to be trained again, and who is left alone until then by everybody else.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn claim_training(&self, now: i64, until: i64) -> Result<Option<String>, Error> {
        let due = sqlx::query_as(
            "SELECT tenant, train_at FROM tenants WHERE train_at <= $1 AND erased_at IS NULL ORDER BY train_at LIMIT 1",
        );
        let due: Option<(String, i64)> = due.bind(now).fetch_optional(&self.read).await?;
        let Some((tenant, at)) = due else { return Ok(None) };
        let claim = sqlx::query("UPDATE tenants SET train_at = $3 WHERE tenant = $1 AND train_at = $2");
        let claimed = claim.bind(tenant.clone()).bind(at).bind(until).execute(&self.write).await?;
        Ok((claimed.rows_affected() == 1).then_some(tenant))
    }

    /// A tenant for whom it is to be looked whether the model in force still fits; the next look is a day away, whatever
    /// comes of this one.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn claim_watch(&self, now: i64) -> Result<Option<String>, Error> {
        let due = sqlx::query_as(
            "SELECT tenant, watch_at FROM tenants WHERE watch_at <= $1 AND erased_at IS NULL ORDER BY watch_at LIMIT 1",
        );
        let due: Option<(String, i64)> = due.bind(now).fetch_optional(&self.read).await?;
        let Some((tenant, at)) = due else { return Ok(None) };
        let claim = sqlx::query("UPDATE tenants SET watch_at = $3 WHERE tenant = $1 AND watch_at = $2");
        let claimed = claim.bind(tenant.clone()).bind(at).bind(now + LOOK).execute(&self.write).await?;
        Ok((claimed.rows_affected() == 1).then_some(tenant))
    }
}

/// The first outcome of a tenant has a model trained.
pub(super) async fn begin_training(
    connection: &mut AnyConnection,
    tenant: &str,
    at: i64,
) -> Result<(), sqlx::Error> {
    let begin = sqlx::query("UPDATE tenants SET train_at = $2 WHERE tenant = $1 AND train_at IS NULL");
    begin.bind(tenant.to_owned()).bind(at).execute(connection).await?;
    Ok(())
}

impl TenantStore<'_> {
    /// Models, the newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn models(&self, most: i64) -> Result<Vec<ModelRow>, Error> {
        let text = format!("{MODEL} ORDER BY version DESC LIMIT $2");
        let found = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(most);
        Ok(found.fetch_all(&self.store.read).await?)
    }

    /// One model.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn model_row(&self, version: i64) -> Result<Option<ModelRow>, Error> {
        let text = format!("{MODEL} AND version = $2");
        let found = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(version);
        Ok(found.fetch_optional(&self.store.read).await?)
    }

    /// What a model is, as it was written.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn model(&self, version: i64) -> Result<Option<Vec<u8>>, Error> {
        let found = sqlx::query_scalar("SELECT body FROM models WHERE tenant = $1 AND version = $2");
        Ok(found.bind(self.tenant.as_str()).bind(version).fetch_optional(&self.store.read).await?)
    }
}

impl TenantStore<'_> {
    /// Says when the model is trained again, which is no change of what is decided.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn put_train_at(&self, at: i64) -> Result<(), Error> {
        let put = sqlx::query("UPDATE tenants SET train_at = $2 WHERE tenant = $1");
        put.bind(self.tenant.as_str()).bind(at).execute(&self.store.write).await?;
        Ok(())
    }

    /// Keeps what was seen of a model, which is no change of what is decided.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn put_watch(&self, version: i64, watch: &str, at: i64) -> Result<(), Error> {
        let put =
            sqlx::query("UPDATE models SET watch = $3, watched_at = $4 WHERE tenant = $1 AND version = $2");
        let put = put.bind(self.tenant.as_str()).bind(version).bind(watch).bind(at);
        put.execute(&self.store.write).await?;
        Ok(())
    }

    /// Has the model trained now, where it would be later.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn train_sooner(&self, at: i64) -> Result<(), Error> {
        let put = sqlx::query("UPDATE tenants SET train_at = $2 WHERE tenant = $1 AND train_at > $2");
        put.bind(self.tenant.as_str()).bind(at).execute(&self.store.write).await?;
        Ok(())
    }
}

impl Change {
    /// The model in force, as of this change.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn model_in_force(&mut self) -> Result<Option<i64>, Error> {
        let found = sqlx::query_scalar("SELECT model FROM tenants WHERE tenant = $1");
        Ok(found.bind(self.tenant.to_string()).fetch_one(self.connection()).await?)
    }

    /// Keeps a model under the next version, which it answers.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn add_model(
        &mut self,
        (digest, report, body): (&str, &str, &[u8]),
        (at, by): (i64, &str),
    ) -> Result<i64, Error> {
        let tenant = self.tenant.to_string();
        let last = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM models WHERE tenant = $1");
        let last: i64 = last.bind(tenant.clone()).fetch_one(self.connection()).await?;
        let add = sqlx::query(
            "INSERT INTO models (tenant, version, digest, made_at, made_by, report, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        );
        let add = add.bind(tenant).bind(last + 1).bind(digest.to_owned()).bind(at).bind(by.to_owned());
        add.bind(report.to_owned()).bind(body.to_vec()).execute(self.connection()).await?;
        Ok(last + 1)
    }

    /// Puts a model in force, or none.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn put_model_in_force(&mut self, version: Option<i64>) -> Result<(), Error> {
        let (tenant, watch_at) = (self.tenant.to_string(), self.at + LOOK);
        let put = match version {
            Some(version) => sqlx::query("UPDATE tenants SET model = $2, watch_at = $3 WHERE tenant = $1")
                .bind(tenant)
                .bind(version)
                .bind(watch_at),
            None => {
                sqlx::query("UPDATE tenants SET model = NULL, watch_at = NULL WHERE tenant = $1").bind(tenant)
            }
        };
        put.execute(self.connection()).await?;
        Ok(())
    }
}

impl TenantStore<'_> {
    /// Keeps what the tenant's model adds to the pool, or takes it out.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn put_summary(&self, summary: Option<&str>, at: i64) -> Result<(), Error> {
        let put = match summary {
            Some(summary) => sqlx::query(
                "INSERT INTO summaries (tenant, at, summary) VALUES ($1, $2, $3) \
                 ON CONFLICT (tenant) DO UPDATE SET at = excluded.at, summary = excluded.summary",
            )
            .bind(self.tenant.as_str())
            .bind(at)
            .bind(summary),
            None => sqlx::query("DELETE FROM summaries WHERE tenant = $1").bind(self.tenant.as_str()),
        };
        put.execute(&self.store.write).await?;
        Ok(())
    }

    /// What other tenants add to the pool, by tenant, the newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn summaries_of_others(&self, most: i64) -> Result<Vec<(String, String)>, Error> {
        let found = sqlx::query_as(
            "SELECT s.tenant, s.summary FROM summaries s JOIN tenants t ON t.tenant = s.tenant \
             WHERE s.tenant <> $1 AND t.erased_at IS NULL ORDER BY s.at DESC, s.tenant LIMIT $2",
        );
        Ok(found.bind(self.tenant.as_str()).bind(most).fetch_all(&self.store.read).await?)
    }
}
