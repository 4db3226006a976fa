//! Tenants: made, found, and when something is due for one.

use super::{Error, Store, TenantStore};
use crate::lead::TenantId;

/// A tenant as it is kept.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct TenantRow {
    pub tenant: String,
    pub name: String,
    pub created_at: i64,
    pub head: i64,
    pub clock: i64,
    pub wake_at: Option<i64>,
    pub version: Option<i64>,
    pub arrivals: i64,
    pub model: Option<i64>,
    pub train_at: Option<i64>,
    pub experiment: Option<String>,
}

const COLUMNS: &str =
    "tenant, name, created_at, head, clock, wake_at, version, arrivals, model, train_at, experiment";

impl Store {
    /// Makes a tenant; whether there was none of that id, not even an erased one.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn make_tenant(&self, tenant: &TenantId, name: &str, at: i64) -> Result<bool, Error> {
        let made = sqlx::query(
            "INSERT INTO tenants (tenant, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (tenant) DO NOTHING",
        );
        let made = made.bind(tenant.as_str()).bind(name).bind(at).execute(&self.write).await?;
        Ok(made.rows_affected() == 1)
    }

    /// Tenants behind an id, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn tenants(&self, after: &str, most: i64) -> Result<Vec<TenantRow>, Error> {
        let text = format!(
            "SELECT {COLUMNS} FROM tenants WHERE tenant > $1 AND tenant <> '*' AND erased_at IS NULL \
             ORDER BY tenant LIMIT $2"
        );
        let found = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(after).bind(most);
        Ok(found.fetch_all(&self.read).await?)
    }

    /// Tenants for which something is due, the longest due first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn due(&self, now: i64, most: i64) -> Result<Vec<String>, Error> {
        let found = sqlx::query_scalar(
            "SELECT tenant FROM tenants WHERE wake_at <= $1 AND erased_at IS NULL ORDER BY wake_at LIMIT $2",
        );
        Ok(found.bind(now).bind(most).fetch_all(&self.read).await?)
    }
}

impl TenantStore<'_> {
    /// The tenant's own row.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn row(&self) -> Result<TenantRow, Error> {
        let text = format!("SELECT {COLUMNS} FROM tenants WHERE tenant = $1 AND erased_at IS NULL");
        let found = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(self.tenant.as_str());
        let found: Option<TenantRow> = found.fetch_optional(&self.store.read).await?;
        found.ok_or_else(|| Error::NoTenant(self.tenant.clone()))
    }
}
