//! The audit log as people read it: the newest first, of a kind, a person, a lead, a span of time.

use super::{Error, EventRow, TenantStore};

/// Which entries of the audit log; what is left out restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// How their kind begins, such as `key.`.
    pub kind: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// About which lead.
    pub lead: Option<String>,
    /// Not before.
    pub from: Option<i64>,
    /// Before.
    pub to: Option<i64>,
}

impl TenantStore<'_> {
    /// Entries before a place in the order of what happened, the newest first. `head` and `place` of the last one
    /// are where the next page goes on.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<(i64, i64)>,
        most: i64,
    ) -> Result<Vec<EventRow>, Error> {
        // Only what restricts is part of the text, so that an index serves it where there is one.
        let texts = [
            (&filter.kind, "substr(kind, 1, length(#)) = #"),
            (&filter.actor, "actor = #"),
            (&filter.lead, "lead = #"),
        ];
        let mut conditions = String::new();
        let mut number = 6;
        for (value, condition) in texts {
            if value.is_some() {
                number += 1;
                conditions += &format!(" AND {}", condition.replace('#', &format!("${number}")));
            }
        }
        let text = format!(
            "SELECT tenant, head, place, at, kind, actor, lead, body FROM events \
             WHERE tenant = $1 AND at >= $2 AND at < $3 AND (head < $4 OR (head = $4 AND place < $5)){conditions} \
             ORDER BY head DESC, place DESC LIMIT $6"
        );
        let (head, place) = before.unwrap_or((i64::MAX, i64::MAX));
        let (from, to) = (filter.from.unwrap_or(i64::MIN), filter.to.unwrap_or(i64::MAX));
        let mut found = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(self.tenant.as_str());
        found = found.bind(from).bind(to).bind(head).bind(place).bind(most);
        for (value, _) in texts {
            if let Some(value) = value {
                found = found.bind(value.as_str());
            }
        }
        Ok(found.fetch_all(&self.store.read).await?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::Event;
    use crate::store::testing::{acme, stores};

    #[tokio::test]
    async fn the_log_is_read_from_its_end() {
        for store in stores().await {
            let tenant = acme(&store).await;
            let of = store.of(&tenant);
            let happened = [
                (10, "lead.accepted", "key:a", Some("l1")),
                (20, "key.made", "person:eva", None),
                (20, "key.revoked", "person:eva", None),
                (30, "lead.declined", "key:a", Some("l2")),
            ];
            for (at, kind, actor, lead) in happened {
                let event =
                    Event { kind, actor: actor.to_owned(), lead: lead.map(str::to_owned), body: json!({}) };
                of.begin(at).await.expect("begins").commit(&[event]).await.expect("is made");
            }
            let check = async |filter: AuditFilter, expect: &[&str]| {
                let found = of.audit(&filter, None, 10).await.expect("is read");
                let kinds: Vec<&str> = found.iter().map(|row| row.kind.as_str()).collect();
                assert_eq!(kinds, expect, "{filter:?}");
                // The same, one at a time.
                let (mut before, mut paged) = (None, Vec::new());
                while let [row] = &of.audit(&filter, before, 1).await.expect("is read")[..] {
                    before = Some((row.head, row.place));
                    paged.push(row.clone());
                }
                assert_eq!(paged, found, "{filter:?}");
            };
            let all = AuditFilter::default;
            let some = |text: &str| Some(text.to_owned());
            check(all(), &["lead.declined", "key.revoked", "key.made", "lead.accepted"]).await;
            check(AuditFilter { kind: some("key."), ..all() }, &["key.revoked", "key.made"]).await;
            check(AuditFilter { kind: some("k%"), ..all() }, &[]).await;
            check(AuditFilter { actor: some("key:a"), ..all() }, &["lead.declined", "lead.accepted"]).await;
            check(AuditFilter { lead: some("l2"), ..all() }, &["lead.declined"]).await;
            check(AuditFilter { lead: some("l2"), actor: some("key:b"), ..all() }, &[]).await;
            check(AuditFilter { from: Some(20), to: Some(30), ..all() }, &["key.revoked", "key.made"]).await;
        }
    }
}
