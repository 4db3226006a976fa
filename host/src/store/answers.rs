//! Answers by idempotency key.

use sqlx::AssertSqlSafe;

use super::{AnswerRow, Error, Store, TenantStore};

impl TenantStore<'_> {
    /// What was answered to these keys, where one was.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn answers(&self, keys: &[String]) -> Result<Vec<AnswerRow>, Error> {
        let mut found = Vec::new();
        for chunk in keys.chunks(500) {
            let places: Vec<String> = (2..chunk.len() + 2).map(|place| format!("${place}")).collect();
            let text = format!(
                "SELECT tenant, \"key\", asked, at, status, body FROM answers WHERE tenant = $1 AND \"key\" IN ({})",
                places.join(", ")
            );
            let mut query = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str());
            for key in chunk {
                query = query.bind(key.as_str());
            }
            found.extend(query.fetch_all(&self.store.read).await?);
        }
        Ok(found)
    }
}

impl Store {
    /// Forgets answers that were given before a time; how many.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn forget_answers(&self, before: i64) -> Result<u64, Error> {
        let forgotten = sqlx::query("DELETE FROM answers WHERE at < $1").bind(before);
        Ok(forgotten.execute(&self.write).await?.rows_affected())
    }
}
