//! Leads that are decided together: handed in, claimed by a host for a while, marked when they are done.

use sqlx::AssertSqlSafe;

use super::rows::{self, Row, Statement};
use super::{Db, Error, Store, TenantStore};

/// A batch as it is kept.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct BatchRow {
    pub tenant: String,
    pub batch: String,
    pub kind: String,
    pub state: String,
    pub made_at: i64,
    pub run_at: i64,
    pub claimed_until: Option<i64>,
    pub attempts: i64,
    pub total: i64,
    pub prepared: i64,
    pub refused: i64,
    pub decided: i64,
    pub ended_at: Option<i64>,
    pub error: Option<String>,
    pub made_by: Option<String>,
    pub forced: i64,
    pub found_by: Option<String>,
    pub asked: Option<String>,
}

/// What leads of a batch are decided as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchKind {
    /// Together, at their optimum.
    Batch,
    /// Once more, one after the other, from what the log has of them.
    Reprocess,
}

impl BatchKind {
    /// As it is kept.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Reprocess => "reprocess",
        }
    }
}

impl BatchRow {
    /// Whether it is of this kind.
    pub fn is(&self, kind: BatchKind) -> bool {
        self.kind == kind.as_str()
    }
}

/// A lead of a batch.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct BatchLeadRow {
    pub tenant: String,
    pub batch: String,
    pub place: i64,
    pub received: String,
    pub lead: Option<String>,
    pub number: Option<i64>,
    pub refused: Option<String>,
}

impl Row for BatchLeadRow {
    const TABLE: &'static str = "batch_leads";
    const COLUMNS: &'static [&'static str] =
        &["tenant", "batch", "place", "received", "lead", "number", "refused"];
    const CONFLICT: &'static str = "ON CONFLICT (tenant, batch, place) DO UPDATE SET \
         lead = excluded.lead, number = excluded.number, refused = excluded.refused";
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.tenant.clone())
            .bind(self.batch.clone())
            .bind(self.place)
            .bind(self.received.clone())
            .bind(self.lead.clone())
            .bind(self.number)
            .bind(self.refused.clone())
    }
}

pub(super) const BATCH: &str = "tenant, batch, kind, state, made_at, run_at, claimed_until, attempts, total, prepared, \
     refused, decided, ended_at, error, made_by, forced, found_by, asked";

impl TenantStore<'_> {
    /// Adds leads to a batch that waits, or makes it; how many are in it then, and nothing where it is under way or
    /// over. All of them are in it, or none.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn add_to_batch(
        &self,
        (batch, run_at): (&str, i64),
        leads: Vec<String>,
        at: i64,
    ) -> Result<Option<i64>, Error> {
        let mut transaction = self.store.begin().await?;
        let made = sqlx::query(
            "INSERT INTO batches (tenant, batch, state, made_at, run_at, total) VALUES ($1, $2, 'waiting', $3, $4, 0) \
             ON CONFLICT (tenant, batch) DO NOTHING",
        );
        let made = made.bind(self.tenant.as_str()).bind(batch).bind(at).bind(run_at);
        made.execute(&mut *transaction).await?;
        let grown = sqlx::query_scalar(
            "UPDATE batches SET total = total + $3 WHERE tenant = $1 AND batch = $2 AND state = 'waiting' RETURNING total",
        );
        let number = i64::try_from(leads.len()).unwrap_or(i64::MAX);
        let grown = grown.bind(self.tenant.as_str()).bind(batch).bind(number);
        let total: Option<i64> = grown.fetch_optional(&mut *transaction).await?;
        let Some(total) = total else { return Ok(None) };
        let row = |(place, received): (i64, String)| BatchLeadRow {
            tenant: self.tenant.to_string(),
            batch: batch.to_owned(),
            place,
            received,
            lead: None,
            number: None,
            refused: None,
        };
        let rows: Vec<BatchLeadRow> = (total - number..).zip(leads).map(row).collect();
        rows::write(&mut transaction, &rows).await?;
        transaction.commit().await?;
        Ok(Some(total))
    }

    /// One batch of this kind.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn batch(&self, kind: BatchKind, batch: &str) -> Result<Option<BatchRow>, Error> {
        let text = format!("SELECT {BATCH} FROM batches WHERE tenant = $1 AND batch = $2 AND kind = $3");
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(batch);
        let found = found.bind(kind.as_str());
        Ok(found.fetch_optional(&self.store.read).await?)
    }

    /// Batches of this kind made before a time, or then with a smaller id, the latest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn batches(
        &self,
        kind: BatchKind,
        behind: Option<(i64, String)>,
        most: i64,
    ) -> Result<Vec<BatchRow>, Error> {
        let mut found =
            super::filter::Filter::of(&format!("SELECT {BATCH} FROM batches"), self.tenant.as_str())
                .and("kind = ?", Some(kind.as_str()));
        if let Some((at, batch)) = behind {
            let values = [at.into(), at.into(), batch.as_str().into()];
            found = found.and_all("made_at < ? OR (made_at = ? AND batch < ?)", values);
        }
        Ok(found.ordered("made_at DESC, batch DESC", most).rows(&self.store.read).await?)
    }

    /// Leads of a batch behind a place.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn batch_leads(&self, batch: &str, behind: i64, most: i64) -> Result<Vec<BatchLeadRow>, Error> {
        let found = sqlx::query_as(
            "SELECT tenant, batch, place, received, lead, number, refused FROM batch_leads \
             WHERE tenant = $1 AND batch = $2 AND place > $3 ORDER BY place LIMIT $4",
        );
        let found = found.bind(self.tenant.as_str()).bind(batch).bind(behind).bind(most);
        Ok(found.fetch_all(&self.store.read).await?)
    }

    /// Goes on with a claimed batch: how many leads are prepared, and until when it is claimed.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn go_on_with_batch(
        &self,
        batch: &str,
        attempt: i64,
        prepared: i64,
        until: i64,
    ) -> Result<(), Error> {
        let gone_on = sqlx::query(
            "UPDATE batches SET prepared = $4, claimed_until = $5 \
             WHERE tenant = $1 AND batch = $2 AND attempts = $3 AND state = 'running'",
        );
        let gone_on = gone_on.bind(self.tenant.as_str()).bind(batch).bind(attempt).bind(prepared).bind(until);
        gone_on.execute(&self.store.write).await?;
        Ok(())
    }

    /// A claimed batch is over: what became of its leads, or why it came to nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn end_batch(
        &self,
        (batch, attempt): (&str, i64),
        leads: &[BatchLeadRow],
        error: Option<&str>,
        at: i64,
    ) -> Result<(), Error> {
        let mut transaction = self.store.begin().await?;
        let number = |is: fn(&BatchLeadRow) -> bool| {
            i64::try_from(leads.iter().filter(|lead| is(lead)).count()).unwrap_or(i64::MAX)
        };
        let ended = sqlx::query(
            "UPDATE batches SET state = $4, refused = $5, decided = $6, prepared = total, ended_at = $7, error = $8, \
             claimed_until = NULL WHERE tenant = $1 AND batch = $2 AND attempts = $3 AND state = 'running'",
        );
        let ended = ended
            .bind(self.tenant.as_str())
            .bind(batch)
            .bind(attempt)
            .bind(if error.is_some() { "failed" } else { "done" })
            .bind(number(|lead| lead.refused.is_some()))
            .bind(number(|lead| lead.lead.is_some()))
            .bind(at)
            .bind(error);
        if ended.execute(&mut *transaction).await?.rows_affected() == 1 {
            rows::write(&mut transaction, leads).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

impl Store {
    /// Claims a batch that is due and that nobody works on.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn claim_batch(&self, now: i64, until: i64) -> Result<Option<BatchRow>, Error> {
        let skip = match self.db {
            Db::Sqlite => "",
            Db::Postgres => "FOR UPDATE SKIP LOCKED",
        };
        let text = format!(
            "SELECT {BATCH} FROM batches WHERE state IN ('waiting', 'running') AND run_at <= $1 \
             AND (claimed_until IS NULL OR claimed_until <= $1) ORDER BY run_at LIMIT 1 {skip}"
        );
        let mut transaction = self.begin().await?;
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(now);
        let found: Option<BatchRow> = found.fetch_optional(&mut *transaction).await?;
        let Some(mut batch) = found else { return Ok(None) };
        let claimed = sqlx::query(
            "UPDATE batches SET state = 'running', claimed_until = $3, attempts = attempts + 1 \
             WHERE tenant = $1 AND batch = $2",
        );
        let claimed = claimed.bind(batch.tenant.clone()).bind(batch.batch.clone()).bind(until);
        claimed.execute(&mut *transaction).await?;
        transaction.commit().await?;
        batch.attempts += 1;
        Ok(Some(batch))
    }
}
