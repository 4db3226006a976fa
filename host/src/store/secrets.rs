//! Sealed values by name. Nothing here can open one.

use serde_json::json;

use super::{Error, Event, Store, TenantStore};

/// A sealed value that belongs to a tenant, and where it stands.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct SealedRow {
    /// Whose.
    pub tenant: String,
    /// Of the secret, or of the destination whose requests it signs.
    pub name: String,
    /// As it is kept.
    pub sealed: Vec<u8>,
}

/// Where sealed values stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// Values that plugins use by name.
    Secrets,
    /// What requests to destinations are signed with.
    Destinations,
}

impl Sealed {
    /// Everywhere that there are any.
    pub const ALL: [Self; 2] = [Self::Secrets, Self::Destinations];

    /// The table, and its columns for the name and the value.
    fn columns(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Secrets => ("secrets", "name", "sealed"),
            Self::Destinations => ("destinations", "destination", "secret"),
        }
    }
}

impl TenantStore<'_> {
    /// Names of the tenant's secrets and when each was set, in their order.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn secrets(&self) -> Result<Vec<(String, i64)>, Error> {
        let found = sqlx::query_as("SELECT name, made_at FROM secrets WHERE tenant = $1 ORDER BY name");
        Ok(found.bind(self.tenant.as_str()).fetch_all(&self.store.read).await?)
    }

    /// A secret as it is kept.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let found = sqlx::query_scalar("SELECT sealed FROM secrets WHERE tenant = $1 AND name = $2");
        Ok(found.bind(self.tenant.as_str()).bind(name).fetch_optional(&self.store.read).await?)
    }

    /// Sets a secret to what was sealed for this tenant and name.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn set_secret(&self, name: &str, sealed: Vec<u8>, actor: &str, at: i64) -> Result<(), Error> {
        let mut change = self.begin(at).await?;
        let set = sqlx::query(
            "INSERT INTO secrets (tenant, name, sealed, made_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant, name) DO UPDATE SET sealed = excluded.sealed, made_at = excluded.made_at",
        );
        let set = set.bind(self.tenant.as_str()).bind(name).bind(sealed).bind(at);
        set.execute(change.connection()).await?;
        change.commit(&[event("secret.set", name, actor)]).await
    }

    /// Takes a secret away; whether there was one.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn remove_secret(&self, name: &str, actor: &str, at: i64) -> Result<bool, Error> {
        let mut change = self.begin(at).await?;
        let removed = sqlx::query("DELETE FROM secrets WHERE tenant = $1 AND name = $2");
        let removed = removed.bind(self.tenant.as_str()).bind(name);
        if removed.execute(change.connection()).await?.rows_affected() == 0 {
            return Ok(false);
        }
        change.commit(&[event("secret.removed", name, actor)]).await?;
        Ok(true)
    }
}

impl Store {
    /// Sealed values of all tenants behind (tenant, name), in that order: for whoever seals them again.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn sealed(
        &self,
        place: Sealed,
        after: (&str, &str),
        most: i64,
    ) -> Result<Vec<SealedRow>, Error> {
        let (table, name, value) = place.columns();
        let text = format!(
            "SELECT tenant, {name} AS name, {value} AS sealed FROM {table} WHERE {value} IS NOT NULL \
             AND (tenant > $1 OR (tenant = $1 AND {name} > $2)) ORDER BY tenant, {name} LIMIT $3"
        );
        let found = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(after.0).bind(after.1).bind(most);
        Ok(found.fetch_all(&self.read).await?)
    }

    /// Puts the same value, sealed again, in the place of what is there; whether that was still there. It changes
    /// nothing that anybody can see, and is not logged.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn seal_again(&self, place: Sealed, old: &SealedRow, sealed: Vec<u8>) -> Result<bool, Error> {
        let (table, name, value) = place.columns();
        let text =
            format!("UPDATE {table} SET {value} = $4 WHERE tenant = $1 AND {name} = $2 AND {value} = $3");
        let set = sqlx::query(sqlx::AssertSqlSafe(text)).bind(old.tenant.as_str()).bind(old.name.as_str());
        let set = set.bind(old.sealed.clone()).bind(sealed).execute(&self.write).await?;
        Ok(set.rows_affected() == 1)
    }
}

fn event(kind: &'static str, name: &str, actor: &str) -> Event {
    Event { kind, actor: actor.to_owned(), lead: None, body: json!({ "name": name }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{acme, stores};

    #[tokio::test]
    async fn secrets_are_set_read_and_removed() {
        for store in stores().await {
            let tenant = acme(&store).await;
            let of = store.of(&tenant);
            of.set_secret("crm", vec![1], "key:k", 10).await.expect("is set");
            of.set_secret("crm", vec![2], "key:k", 20).await.expect("is changed");
            of.set_secret("bot", vec![3], "key:k", 30).await.expect("is set");
            assert_eq!(of.secret("crm").await.expect("is read"), Some(vec![2]));
            assert_eq!(of.secret("other").await.expect("is read"), None);
            let names = [("bot".to_owned(), 30), ("crm".to_owned(), 20)];
            assert_eq!(of.secrets().await.expect("are read"), names);

            let row = |name: &str, sealed: u8| SealedRow {
                tenant: "acme".to_owned(),
                name: name.to_owned(),
                sealed: vec![sealed],
            };
            let all = store.sealed(Sealed::Secrets, ("", ""), 10).await.expect("are read");
            assert_eq!(all, [row("bot", 3), row("crm", 2)]);
            let behind = store.sealed(Sealed::Secrets, ("acme", "bot"), 10).await.expect("are read");
            assert_eq!(behind, [row("crm", 2)]);
            assert_eq!(store.sealed(Sealed::Destinations, ("", ""), 10).await.expect("are read"), []);
            let again = async |old: SealedRow| {
                store.seal_again(Sealed::Secrets, &old, vec![9]).await.expect("is asked")
            };
            assert!(!again(row("crm", 1)).await, "somebody set it meanwhile");
            assert!(again(row("crm", 2)).await);
            assert_eq!(of.secret("crm").await.expect("is read"), Some(vec![9]));

            assert!(of.remove_secret("crm", "key:k", 40).await.expect("is asked"));
            assert!(!of.remove_secret("crm", "key:k", 41).await.expect("is asked"));
        }
    }
}
