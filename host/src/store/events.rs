//! What happened besides decisions, and who did it: the audit log of a tenant.

use serde_json::Value as Json;

use super::{Error, TenantStore};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Such as `lead.accepted` or `key.made`.
    pub kind: &'static str,
    /// Who did it: a key, a person, or `clock`.
    pub actor: String,
    /// About which lead, where it is about one.
    pub lead: Option<String>,
    /// The rest of it.
    pub body: Json,
}

/// The same as it is kept.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct EventRow {
    pub tenant: String,
    pub head: i64,
    pub place: i64,
    pub at: i64,
    pub kind: String,
    pub actor: String,
    pub lead: Option<String>,
    pub body: String,
}

impl TenantStore<'_> {
    /// Events behind a place in the order of what happened, the oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn events_after(&self, (head, place): (i64, i64), most: i64) -> Result<Vec<EventRow>, Error> {
        let found = sqlx::query_as(
            "SELECT tenant, head, place, at, kind, actor, lead, body FROM events \
             WHERE tenant = $1 AND (head > $2 OR (head = $2 AND place > $3)) ORDER BY head, place LIMIT $4",
        );
        let found = found.bind(self.tenant.as_str()).bind(head).bind(place).bind(most);
        Ok(found.fetch_all(&self.store.read).await?)
    }
}
