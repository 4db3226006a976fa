//! What is over goes away after a while, a little at a time.

use super::{Error, Store};

/// Before which times what is over goes away, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// Bodies of decisions; their rows stay.
    pub decisions: i64,
    /// The audit log.
    pub events: i64,
    /// Effects that are done or given up.
    pub effects: i64,
    /// Batches that have ended.
    pub batches: i64,
    /// Answers by idempotency key.
    pub answers: i64,
    /// What caps count no more.
    pub counted: i64,
}

/// Rows of one kind that go at once, so that nobody waits long for the writer.
const AT_ONCE: i64 = 1000;

impl Store {
    /// Takes a little of what is over away; how many rows that were.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn take_away(&self, over: &Over) -> Result<u64, Error> {
        let some = |table: &str, key: &str, which: &str| {
            format!(
                "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {which} LIMIT {AT_ONCE})"
            )
        };
        let statements = [
            (
                format!(
                    "UPDATE decisions SET body = NULL WHERE (tenant, lead, number) IN (SELECT tenant, lead, number \
                     FROM decisions WHERE body IS NOT NULL AND decided_at < $1 LIMIT {AT_ONCE})"
                ),
                over.decisions,
            ),
            (some("events", "tenant, head, place", "at < $1"), over.events),
            (
                some("effects", "tenant, head, place, destination", "state <> 'open' AND ended_at < $1"),
                over.effects,
            ),
            (
                some(
                    "batch_leads",
                    "tenant, batch, place",
                    "(tenant, batch) IN (SELECT tenant, batch FROM batches WHERE ended_at < $1)",
                ),
                over.batches,
            ),
            (
                some(
                    "batches",
                    "tenant, batch",
                    "ended_at < $1 AND NOT EXISTS (SELECT 1 FROM batch_leads l \
                     WHERE l.tenant = batches.tenant AND l.batch = batches.batch)",
                ),
                over.batches,
            ),
            (some("answers", "tenant, \"key\"", "at < $1"), over.answers),
            (some("new_leads", "tenant, head, place", "at < $1"), over.counted),
            (some("commits", "tenant, head", "at < $1"), over.answers),
        ];
        let mut gone = 0;
        for (text, before) in statements {
            let done = sqlx::query(sqlx::AssertSqlSafe(text)).bind(before).execute(&self.write).await?;
            gone += done.rows_affected();
        }
        Ok(gone)
    }
}
