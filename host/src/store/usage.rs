//! What a tenant has used, by day.

use super::filter::Filter;
use super::{Error, TenantStore, UsageRow};

impl TenantStore<'_> {
    /// Days from one to another, both included, such as `2026-11-26`; those without any use are left out.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn usage(&self, from: Option<&str>, to: Option<&str>) -> Result<Vec<UsageRow>, Error> {
        let found = Filter::of("SELECT tenant, day, leads, decisions, fuel FROM usage", self.tenant.as_str())
            .and("day >= ?", from)
            .and("day <= ?", to)
            .ordered("day", 4000);
        Ok(found.rows(&self.store.read).await?)
    }
}
