//! Who signs a tenant's people in.

use serde_json::json;

use super::{Error, Event, Store, TenantStore};

/// A provider as it is kept.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct ProviderRow {
    pub tenant: String,
    pub provider: String,
    pub head: i64,
    pub issuer: String,
    pub audience: String,
    pub roles: String,
    pub made_at: i64,
}

const COLUMNS: &str = "tenant, provider, head, issuer, audience, roles, made_at";

const TABLE: (&str, &str) = ("providers", "provider");

impl TenantStore<'_> {
    /// All of the tenant's providers, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn providers(&self) -> Result<Vec<ProviderRow>, Error> {
        let text = format!("SELECT {COLUMNS} FROM providers WHERE tenant = $1 ORDER BY provider");
        let found = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(self.tenant.as_str());
        Ok(found.fetch_all(&self.store.read).await?)
    }

    /// Adds a provider, or changes the one of that id; `made_at` says when. `seen` is the commit that it was set in
    /// last, for somebody who minds if there was another since. In which commit it is set now.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`], [`Error::Changed`] and [`Error::Unavailable`].
    pub async fn set_provider(
        &self,
        row: &ProviderRow,
        actor: &str,
        seen: Option<i64>,
    ) -> Result<i64, Error> {
        let mut change = self.begin(row.made_at).await?;
        change.only_if_seen(TABLE, &row.provider, seen).await?;
        let head = change.head;
        let text = format!(
            "INSERT INTO providers ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, provider) DO \
             UPDATE SET head = excluded.head, issuer = excluded.issuer, audience = excluded.audience, roles = excluded.roles, \
             made_at = excluded.made_at"
        );
        let ProviderRow { tenant, provider, issuer, audience, roles, made_at, .. } = row.clone();
        let body = json!({
            "provider": provider, "issuer": issuer, "audience": audience, "roles": roles,
        });
        let set = sqlx::query(sqlx::AssertSqlSafe(text)).bind(tenant).bind(provider).bind(head);
        let set = set.bind(issuer).bind(audience).bind(roles).bind(made_at);
        set.execute(change.connection()).await?;
        let event = Event { kind: "provider.set", actor: actor.to_owned(), lead: None, body };
        change.commit(&[event]).await?;
        Ok(head)
    }

    /// Takes a provider away; whether there was one. `seen` as where it is set.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`], [`Error::Changed`] and [`Error::Unavailable`].
    pub async fn remove_provider(
        &self,
        provider: &str,
        actor: &str,
        at: i64,
        seen: Option<i64>,
    ) -> Result<bool, Error> {
        let mut change = self.begin(at).await?;
        change.only_if_seen(TABLE, provider, seen).await?;
        let removed = sqlx::query("DELETE FROM providers WHERE tenant = $1 AND provider = $2");
        let removed = removed.bind(self.tenant.as_str()).bind(provider);
        if removed.execute(change.connection()).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let body = json!({ "provider": provider });
        let event = Event { kind: "provider.removed", actor: actor.to_owned(), lead: None, body };
        change.commit(&[event]).await?;
        Ok(true)
    }
}

impl Store {
    /// Whoever, of all tenants, takes people of this issuer for this audience. Tenants may share both, where one
    /// provider serves many organisations.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn provider_by(&self, issuer: &str, audience: &str) -> Result<Vec<ProviderRow>, Error> {
        let text = format!(
            "SELECT {COLUMNS} FROM providers WHERE issuer = $1 AND audience = $2 ORDER BY tenant, provider"
        );
        let found = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(issuer).bind(audience);
        Ok(found.fetch_all(&self.read).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{acme, stores};

    #[tokio::test]
    async fn providers_are_set_found_and_removed() {
        for store in stores().await {
            let tenant = acme(&store).await;
            let of = store.of(&tenant);
            let row = |head: i64, provider: &str, audience: &str| ProviderRow {
                head,
                tenant: "acme".to_owned(),
                provider: provider.to_owned(),
                issuer: "https://id.example".to_owned(),
                audience: audience.to_owned(),
                roles: "{}".to_owned(),
                made_at: 10,
            };
            let a = of.set_provider(&row(0, "a", "one"), "key:k", None).await.expect("is set");
            let first = of.set_provider(&row(0, "b", "one"), "key:k", None).await.expect("is set");
            let b = of.set_provider(&row(0, "b", "two"), "key:k", Some(first)).await.expect("is changed");
            let late = of.set_provider(&row(0, "b", "three"), "key:k", Some(first)).await;
            assert!(matches!(late, Err(Error::Changed)), "{late:?}");
            let none = of.set_provider(&row(0, "c", "three"), "key:k", Some(first)).await;
            assert!(matches!(none, Err(Error::Changed)), "{none:?}");
            assert_eq!(of.providers().await.expect("are read"), [row(a, "a", "one"), row(b, "b", "two")]);
            let check = async |issuer: &str, audience: &str, expect: &[ProviderRow]| {
                assert_eq!(store.provider_by(issuer, audience).await.expect("is read"), expect);
            };
            check("https://id.example", "two", &[row(b, "b", "two")]).await;
            check("https://id.example/", "two", &[]).await;
            check("https://id.example", "Two", &[]).await;
            let late = of.remove_provider("b", "key:k", 20, Some(first)).await;
            assert!(matches!(late, Err(Error::Changed)), "{late:?}");
            assert!(of.remove_provider("b", "key:k", 20, Some(b)).await.expect("is asked"));
            assert!(!of.remove_provider("b", "key:k", 21, None).await.expect("is asked"));
            check("https://id.example", "two", &[]).await;
        }
    }
}
