//! What somebody said of suggestions.

use super::{Change, Error, TenantStore};

impl TenantStore<'_> {
    /// Suggestions that were answered, with `accepted` or `dismissed`.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn answered_suggestions(&self) -> Result<Vec<(String, String)>, Error> {
        let found = sqlx::query_as(
            "SELECT suggestion, answer FROM suggestions WHERE tenant = $1 ORDER BY suggestion",
        );
        Ok(found.bind(self.tenant.as_str()).fetch_all(&self.store.read).await?)
    }
}

impl Change {
    /// Notes what somebody says of a suggestion, instead of what was said before.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn answer_suggestion(&mut self, suggestion: &str, answer: &str, by: &str) -> Result<(), Error> {
        let put = sqlx::query(
            "INSERT INTO suggestions (tenant, suggestion, answer, at, by_whom) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant, suggestion) DO UPDATE SET answer = excluded.answer, at = excluded.at, \
             by_whom = excluded.by_whom",
        );
        let put = put.bind(self.tenant.to_string()).bind(suggestion.to_owned()).bind(answer.to_owned());
        put.bind(self.at).bind(by.to_owned()).execute(self.connection()).await?;
        Ok(())
    }
}
