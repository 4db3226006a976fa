//! Runs that decide leads of the log again: kept like batches, and marked lead by lead, so that one that breaks off
//! goes on where it was.

use serde_json::json;
use sqlx::AssertSqlSafe;

use super::batches::{BATCH, BatchKind, BatchLeadRow, BatchRow};
use super::{Error, Event, TenantStore, rows};

/// Runs in a day that find their leads by themselves (P10). A day is 24 hours, whenever they begin.
pub const RUNS_A_DAY: i64 = 2;

const DAY: i64 = 24 * 3600 * 1000;

/// A run that is to begin.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Its id.
    pub run: String,
    /// Who begins it.
    pub made_by: String,
    /// Whether it takes leads from people.
    pub forced: bool,
    /// What its leads were found by, as JSON, where they were not named.
    pub found_by: Option<String>,
    /// Digest of what was asked.
    pub asked: String,
    /// In the order in which they are decided.
    pub leads: Vec<String>,
}

/// Whether a run has begun.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// It has, now or before.
    Run(Box<BatchRow>),
    /// There were as many as there may be in a day.
    TooMany {
        /// When the next may begin.
        next: i64,
    },
}

impl TenantStore<'_> {
    /// Begins a run, once: one that is there is given as it is.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn begin_run(&self, new: NewRun, at: i64) -> Result<Begun, Error> {
        let NewRun { run, made_by, forced, found_by, asked, leads } = new;
        // Nobody else begins one of this tenant meanwhile.
        let mut change = self.begin(at).await?;
        let known = format!("SELECT {BATCH} FROM batches WHERE tenant = $1 AND batch = $2 AND kind = $3");
        let known = sqlx::query_as(AssertSqlSafe(known)).bind(self.tenant.as_str()).bind(run.clone());
        let known = known.bind(BatchKind::Reprocess.as_str());
        let known: Option<BatchRow> = known.fetch_optional(change.connection()).await?;
        if let Some(known) = known {
            return Ok(Begun::Run(Box::new(known)));
        }
        if found_by.is_some() {
            let last = sqlx::query_scalar(
                "SELECT made_at FROM batches WHERE tenant = $1 AND kind = $2 AND found_by IS NOT NULL \
                 AND made_at > $3 ORDER BY made_at DESC LIMIT $4",
            );
            let last = last.bind(self.tenant.as_str()).bind(BatchKind::Reprocess.as_str());
            let last: Vec<i64> = last.bind(at - DAY).bind(RUNS_A_DAY).fetch_all(change.connection()).await?;
            if let Some(first) = last.get(usize::try_from(RUNS_A_DAY - 1).unwrap_or_default()) {
                return Ok(Begun::TooMany { next: first + DAY });
            }
        }
        let total = i64::try_from(leads.len()).unwrap_or(i64::MAX);
        let made = format!(
            "INSERT INTO batches (tenant, batch, kind, state, made_at, run_at, total, made_by, forced, found_by, asked) \
             VALUES ($1, $2, $3, 'waiting', $4, $4, $5, $6, $7, $8, $9) RETURNING {BATCH}"
        );
        let made = sqlx::query_as(AssertSqlSafe(made))
            .bind(self.tenant.as_str())
            .bind(run.clone())
            .bind(BatchKind::Reprocess.as_str())
            .bind(at)
            .bind(total)
            .bind(made_by.clone())
            .bind(i64::from(forced))
            .bind(found_by)
            .bind(asked);
        let made: BatchRow = made.fetch_one(change.connection()).await?;
        let row = |(place, lead): (i64, String)| BatchLeadRow {
            tenant: self.tenant.to_string(),
            batch: run.clone(),
            place,
            received: "null".to_owned(),
            lead: Some(lead),
            number: None,
            refused: None,
        };
        let rows: Vec<BatchLeadRow> = (0..).zip(leads).map(row).collect();
        rows::write(change.connection(), &rows).await?;
        let body = json!({"run": run, "leads": total, "force": forced});
        let event = Event { kind: "reprocess.begun", actor: made_by, lead: None, body };
        change.commit(&[event]).await?;
        Ok(Begun::Run(Box::new(made)))
    }

    /// Goes on with a claimed run: what became of some of its leads, and until when it is claimed. Nothing is written
    /// where another has it by now, and the answer says so.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn go_on_with_run(
        &self,
        (run, attempt): (&str, i64),
        leads: &[BatchLeadRow],
        until: i64,
    ) -> Result<bool, Error> {
        let mut transaction = self.store.begin().await?;
        let number = |is: fn(&BatchLeadRow) -> bool| {
            i64::try_from(leads.iter().filter(|lead| is(lead)).count()).unwrap_or(i64::MAX)
        };
        let gone_on = sqlx::query(
            "UPDATE batches SET prepared = prepared + $4 + $5, decided = decided + $4, refused = refused + $5, \
             claimed_until = $6 WHERE tenant = $1 AND batch = $2 AND attempts = $3 AND state = 'running'",
        );
        let gone_on = gone_on
            .bind(self.tenant.as_str())
            .bind(run)
            .bind(attempt)
            .bind(number(|lead| lead.number.is_some()))
            .bind(number(|lead| lead.refused.is_some()))
            .bind(until);
        let is_ours = gone_on.execute(&mut *transaction).await?.rows_affected() == 1;
        if is_ours {
            rows::write(&mut transaction, leads).await?;
        }
        transaction.commit().await?;
        Ok(is_ours)
    }

    /// A claimed run is over, or came to nothing for this reason.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn end_run(
        &self,
        (run, attempt): (&str, i64),
        error: Option<&str>,
        at: i64,
    ) -> Result<(), Error> {
        let ended = sqlx::query(
            "UPDATE batches SET state = $4, ended_at = $5, error = $6, claimed_until = NULL \
             WHERE tenant = $1 AND batch = $2 AND attempts = $3 AND state = 'running'",
        );
        let ended = ended
            .bind(self.tenant.as_str())
            .bind(run)
            .bind(attempt)
            .bind(if error.is_some() { "failed" } else { "done" })
            .bind(at)
            .bind(error);
        ended.execute(&self.store.write).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{acme, stores};

    fn new(run: &str, found: bool) -> NewRun {
        NewRun {
            run: run.to_owned(),
            made_by: "key:a".to_owned(),
            forced: false,
            found_by: found.then(|| "{}".to_owned()),
            asked: "digest".to_owned(),
            leads: vec!["l1".to_owned(), "l2".to_owned()],
        }
    }

    #[tokio::test]
    async fn runs_that_find_their_leads_are_two_a_day() {
        for store in stores().await {
            let tenant = acme(&store).await;
            let of = store.of(&tenant);
            let check = async |run: &str, found: bool, at: i64, expect: Option<i64>| {
                let next = match of.begin_run(new(run, found), at).await.expect("is written") {
                    Begun::Run(_) => None,
                    Begun::TooMany { next } => Some(next),
                };
                assert_eq!(next, expect, "{run} at {at}");
            };
            check("a", true, 10, None).await;
            check("named", false, 15, None).await;
            check("b", true, 20, None).await;
            check("c", true, 30, Some(10 + DAY)).await;
            check("named too", false, 30, None).await;
            check("a", true, 40, None).await;
            check("c", true, 10 + DAY, None).await;
            check("d", true, 11 + DAY, Some(20 + DAY)).await;
        }
    }

    #[tokio::test]
    async fn a_run_goes_on_where_it_broke_off() {
        for store in stores().await {
            let tenant = acme(&store).await;
            let of = store.of(&tenant);
            of.begin_run(new("r", false), 10).await.expect("begins");
            let first = store.claim_batch(10, 20).await.expect("is read").expect("is due");
            assert!(first.is(BatchKind::Reprocess));
            assert_eq!(of.batch(BatchKind::Batch, "r").await.expect("is read"), None);
            let mut leads = of.batch_leads("r", -1, 10).await.expect("are read");
            leads[0].number = Some(2);
            assert!(of.go_on_with_run(("r", first.attempts), &leads[..1], 20).await.expect("is written"));
            // Its host is gone, another has it.
            let second = store.claim_batch(20, 30).await.expect("is read").expect("is due");
            assert!(!of.go_on_with_run(("r", first.attempts), &leads[1..], 30).await.expect("is written"));
            leads[1].refused = Some("it is locked".to_owned());
            assert!(of.go_on_with_run(("r", second.attempts), &leads[1..], 30).await.expect("is written"));
            of.end_run(("r", first.attempts), Some("late"), 30).await.expect("is written");
            of.end_run(("r", second.attempts), None, 30).await.expect("is written");
            let run = of.batch(BatchKind::Reprocess, "r").await.expect("is read").expect("is there");
            let found = (run.state.as_str(), run.total, run.prepared, run.decided, run.refused, run.error);
            assert_eq!(found, ("done", 2, 2, 1, 1, None));
            assert_eq!(of.batch_leads("r", -1, 10).await.expect("are read"), leads);
        }
    }
}
