//! API keys as they are kept: made, replaced, revoked, and when each was last used.

use serde_json::json;

use super::{Change, Error, Event, Store, TenantStore};

/// A key as it is kept. Who holds its text is not known: only the digest of that is here.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct KeyRow {
    pub tenant: String,
    pub key: String,
    pub name: String,
    pub role: String,
    pub rep: Option<String>,
    pub hash: Vec<u8>,
    pub made_at: i64,
    pub made_by: String,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub used_at: Option<i64>,
}

const COLUMNS: &str =
    "tenant, \"key\", name, role, rep, hash, made_at, made_by, expires_at, revoked_at, used_at";

impl TenantStore<'_> {
    /// Keys behind an id, in the order of their ids; also those that are over.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn keys(&self, after: &str, most: i64) -> Result<Vec<KeyRow>, Error> {
        let text = format!(
            "SELECT {COLUMNS} FROM keys WHERE tenant = $1 AND \"key\" > $2 ORDER BY \"key\" LIMIT $3"
        );
        let found = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(self.tenant.as_str());
        Ok(found.bind(after).bind(most).fetch_all(&self.store.read).await?)
    }

    /// A key, also one that is over.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn key(&self, key: &str) -> Result<Option<KeyRow>, Error> {
        let text = format!("SELECT {COLUMNS} FROM keys WHERE tenant = $1 AND \"key\" = $2");
        let found = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(key);
        Ok(found.fetch_optional(&self.store.read).await?)
    }

    /// Adds a key; `made_at` and `made_by` say when and who.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn add_key(&self, row: &KeyRow) -> Result<(), Error> {
        let mut change = self.begin(row.made_at).await?;
        insert(&mut change, row).await?;
        change.commit(&[event("key.made", &row.made_by, about(row))]).await
    }

    /// Adds a key in the place of another, which holds no longer than until `until`; whether that one was still
    /// good. Where it was not, nothing is added.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn replace_key(&self, old: &str, row: &KeyRow, until: i64) -> Result<bool, Error> {
        let mut change = self.begin(row.made_at).await?;
        let ended = sqlx::query(
            "UPDATE keys SET expires_at = CASE WHEN expires_at < $3 THEN expires_at ELSE $3 END \
             WHERE tenant = $1 AND \"key\" = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $4)",
        );
        let ended = ended.bind(self.tenant.as_str()).bind(old).bind(until).bind(row.made_at);
        if ended.execute(change.connection()).await?.rows_affected() == 0 {
            return Ok(false);
        }
        insert(&mut change, row).await?;
        let mut body = about(row);
        body["replaces"] = old.into();
        body["until"] = until.into();
        change.commit(&[event("key.replaced", &row.made_by, body)]).await?;
        Ok(true)
    }

    /// Revokes a key from now on; whether there was one that was not revoked yet.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn revoke_key(&self, key: &str, actor: &str, at: i64) -> Result<bool, Error> {
        let mut change = self.begin(at).await?;
        let revoked = sqlx::query(
            "UPDATE keys SET revoked_at = $3 WHERE tenant = $1 AND \"key\" = $2 AND revoked_at IS NULL",
        );
        let revoked = revoked.bind(self.tenant.as_str()).bind(key).bind(at);
        if revoked.execute(change.connection()).await?.rows_affected() == 0 {
            return Ok(false);
        }
        change.commit(&[event("key.revoked", actor, json!({ "key": key }))]).await?;
        Ok(true)
    }
}

impl Store {
    /// Notes when keys, as (tenant, key, when), were used last. No change of anybody's tenant, and none is logged.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn note_uses(&self, uses: &[(String, String, i64)]) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        for (tenant, key, at) in uses {
            let noted = sqlx::query(
                "UPDATE keys SET used_at = $3 WHERE tenant = $1 AND \"key\" = $2 \
                 AND (used_at IS NULL OR used_at < $3)",
            );
            noted.bind(tenant.as_str()).bind(key.as_str()).bind(*at).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

async fn insert(change: &mut Change, row: &KeyRow) -> Result<(), Error> {
    let text = format!("INSERT INTO keys ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    let KeyRow { tenant, key, name, role, rep, hash, made_at, made_by, expires_at, revoked_at, used_at } =
        row.clone();
    let made = sqlx::query(sqlx::AssertSqlSafe(text)).bind(tenant).bind(key).bind(name).bind(role).bind(rep);
    let made = made.bind(hash).bind(made_at).bind(made_by).bind(expires_at).bind(revoked_at).bind(used_at);
    made.execute(change.connection()).await?;
    Ok(())
}

/// What the audit log says of a key.
fn about(row: &KeyRow) -> serde_json::Value {
    json!({
        "key": row.key, "name": row.name, "role": row.role, "rep": row.rep, "expires_at": row.expires_at,
    })
}

fn event(kind: &'static str, actor: &str, body: serde_json::Value) -> Event {
    Event { kind, actor: actor.to_owned(), lead: None, body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::AuditFilter;
    use crate::store::testing::{acme, stores};

    fn row(key: &str, made_at: i64, expires_at: Option<i64>) -> KeyRow {
        KeyRow {
            tenant: "acme".to_owned(),
            key: key.to_owned(),
            name: "web form".to_owned(),
            role: "ingest".to_owned(),
            rep: None,
            hash: vec![1, 2, 3],
            made_at,
            made_by: "person:eva".to_owned(),
            expires_at,
            revoked_at: None,
            used_at: None,
        }
    }

    #[tokio::test]
    async fn keys_are_made_replaced_and_revoked() {
        for store in stores().await {
            let tenant = acme(&store).await;
            let of = store.of(&tenant);
            of.add_key(&row("a", 10, None)).await.expect("is made");
            of.add_key(&row("b", 10, Some(40))).await.expect("is made");
            assert_eq!(of.key("a").await.expect("is read"), Some(row("a", 10, None)));
            assert_eq!(of.key("c").await.expect("is read"), None);

            let replace = async |old: &str, new: &str, at: i64, until: i64| {
                of.replace_key(old, &row(new, at, None), until).await.expect("is asked")
            };
            assert!(replace("a", "a2", 20, 100).await);
            assert!(replace("b", "b2", 20, 100).await);
            assert!(!replace("b", "b3", 40, 100).await, "over");
            assert!(!replace("x", "x2", 20, 100).await, "not there");
            assert!(of.revoke_key("a2", "person:eva", 30).await.expect("is asked"));
            assert!(!of.revoke_key("a2", "person:eva", 31).await.expect("is asked"), "already");
            assert!(!replace("a2", "a3", 32, 100).await, "revoked");
            let keys = of.keys("", 10).await.expect("are read");
            let ends: Vec<_> =
                keys.iter().map(|row| (row.key.as_str(), row.expires_at, row.revoked_at)).collect();
            let expect =
                [("a", Some(100), None), ("a2", None, Some(30)), ("b", Some(40), None), ("b2", None, None)];
            assert_eq!(ends, expect, "nothing lives longer than it would have");
            assert_eq!(of.keys("a2", 1).await.expect("are read"), [keys[2].clone()]);

            let log = of.audit(&AuditFilter::default(), None, 10).await.expect("is read");
            let kinds: Vec<&str> = log.iter().map(|row| row.kind.as_str()).collect();
            assert_eq!(kinds, ["key.revoked", "key.replaced", "key.replaced", "key.made", "key.made"]);
        }
    }

    #[tokio::test]
    async fn the_last_use_is_noted_and_never_goes_back() {
        for store in stores().await {
            let tenant = acme(&store).await;
            store.of(&tenant).add_key(&row("a", 10, None)).await.expect("is made");
            let head = store.of(&tenant).row().await.expect("is read").head;
            for (at, expect) in [(50, 50), (40, 50), (60, 60)] {
                let uses =
                    [("acme".to_owned(), "a".to_owned(), at), ("acme".to_owned(), "gone".to_owned(), at)];
                store.note_uses(&uses).await.expect("is noted");
                let key = store.of(&tenant).key("a").await.expect("is read").expect("is there");
                assert_eq!(key.used_at, Some(expect), "{at}");
            }
            assert_eq!(store.of(&tenant).row().await.expect("is read").head, head, "no change of the tenant");
        }
    }
}
