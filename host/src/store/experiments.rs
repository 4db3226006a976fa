//! Experiments: kept as JSON, one of them under way, and the deals that came in it.

use super::{Change, Error, Store, TenantStore};

/// An experiment as it is kept.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct ExperimentRow {
    pub experiment: String,
    pub made_at: i64,
    pub state: String,
    pub look_at: Option<i64>,
}

/// A deal that came in an experiment.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct TriedRow {
    pub drawn_by: String,
    pub step: i64,
    pub arm: String,
    pub opened_at: i64,
    pub touched_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub outcome: Option<String>,
    pub value: Option<f64>,
    pub customer_score: Option<i64>,
    pub customer_said_at: Option<i64>,
    pub rep_score: Option<i64>,
    pub rep_said_at: Option<i64>,
}

const EXPERIMENT: &str = "SELECT experiment, made_at, state, look_at FROM experiments WHERE tenant = $1";

impl Store {
    /// An experiment that is to be looked at, which is left alone until then by everybody else: whose, and which.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn claim_look(&self, now: i64, until: i64) -> Result<Option<(String, String)>, Error> {
        let due = sqlx::query_as(
            "SELECT tenant, experiment, look_at FROM experiments WHERE look_at <= $1 ORDER BY look_at LIMIT 1",
        );
        let due: Option<(String, String, i64)> = due.bind(now).fetch_optional(&self.read).await?;
        let Some((tenant, experiment, at)) = due else { return Ok(None) };
        let claim = sqlx::query(
            "UPDATE experiments SET look_at = $4 WHERE tenant = $1 AND experiment = $2 AND look_at = $3",
        );
        let claim = claim.bind(tenant.clone()).bind(experiment.clone()).bind(at).bind(until);
        let claimed = claim.execute(&self.write).await?;
        Ok((claimed.rows_affected() == 1).then_some((tenant, experiment)))
    }
}

impl TenantStore<'_> {
    /// Experiments, the newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn experiments(&self, most: i64) -> Result<Vec<ExperimentRow>, Error> {
        let text = format!("{EXPERIMENT} ORDER BY made_at DESC, experiment LIMIT $2");
        let found = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(most);
        Ok(found.fetch_all(&self.store.read).await?)
    }

    /// One experiment.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn experiment(&self, experiment: &str) -> Result<Option<ExperimentRow>, Error> {
        let text = format!("{EXPERIMENT} AND experiment = $2");
        let found = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(experiment);
        Ok(found.fetch_optional(&self.store.read).await?)
    }

    /// Deals that came in an experiment.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn tried(&self, experiment: &str) -> Result<Vec<TriedRow>, Error> {
        let found = sqlx::query_as(
            "SELECT drawn_by, step, arm, opened_at, touched_at, closed_at, outcome, value, \
             customer_score, customer_said_at, rep_score, rep_said_at FROM deals \
             WHERE tenant = $1 AND experiment = $2",
        );
        Ok(found.bind(self.tenant.as_str()).bind(experiment).fetch_all(&self.store.read).await?)
    }
}

impl Change {
    /// An experiment, as of this change.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn experiment(&mut self, experiment: &str) -> Result<Option<String>, Error> {
        let found = sqlx::query_scalar("SELECT state FROM experiments WHERE tenant = $1 AND experiment = $2");
        let found = found.bind(self.tenant.to_string()).bind(experiment.to_owned());
        Ok(found.fetch_optional(self.connection()).await?)
    }

    /// Keeps an experiment as it is now, and when it is looked at next.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn put_experiment(
        &mut self,
        experiment: &str,
        state: &str,
        look_at: Option<i64>,
    ) -> Result<(), Error> {
        let put = sqlx::query(
            "INSERT INTO experiments (tenant, experiment, head, made_at, state, look_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, experiment) DO UPDATE \
             SET head = excluded.head, state = excluded.state, look_at = excluded.look_at",
        );
        let put = put.bind(self.tenant.to_string()).bind(experiment.to_owned()).bind(self.head).bind(self.at);
        put.bind(state.to_owned()).bind(look_at).execute(self.connection()).await?;
        Ok(())
    }

    /// What of an experiment decides about leads, as of this change.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn tried_now(&mut self) -> Result<Option<String>, Error> {
        let found = sqlx::query_scalar("SELECT experiment FROM tenants WHERE tenant = $1");
        Ok(found.bind(self.tenant.to_string()).fetch_one(self.connection()).await?)
    }

    /// Has this decide about leads from now on, or nothing of any experiment.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn put_tried_now(&mut self, trying: Option<&str>) -> Result<(), Error> {
        let put = sqlx::query("UPDATE tenants SET experiment = $2 WHERE tenant = $1");
        let put = put.bind(self.tenant.to_string()).bind(trying.map(str::to_owned));
        put.execute(self.connection()).await?;
        Ok(())
    }
}
