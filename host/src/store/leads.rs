//! Leads as they stand now, found by what people look for.

use super::filter::Filter;
use super::{Error, TenantStore};

/// A lead as it stands.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct LeadFound {
    pub lead: String,
    pub head: i64,
    pub status: String,
    pub rep: Option<String>,
    pub team: Option<String>,
    pub place: Option<String>,
    pub lane: Option<String>,
    pub tier: i64,
    pub number: i64,
    pub mode: String,
    pub received_at: i64,
    pub decided_at: i64,
    pub due_at: i64,
    pub locked: i64,
    pub accepted: i64,
    pub touched_at: Option<i64>,
    pub triage: Option<String>,
}

/// What leads are looked for by; what is absent is not asked for.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "each is the column of its name")]
pub struct LeadFilter {
    pub status: Option<String>,
    pub rep: Option<String>,
    pub team: Option<String>,
    pub place: Option<String>,
    pub lane: Option<String>,
    pub tier: Option<i64>,
    pub locked: Option<bool>,
    /// Those that a person should look at, or those that none needs to.
    pub triage: Option<bool>,
    /// Not touched, and due before this time.
    pub overdue_at: Option<i64>,
    /// Decided at this time or later.
    pub from: Option<i64>,
    /// Decided before this time.
    pub to: Option<i64>,
    /// Only those decided before this time or, at this time, with a smaller id: where the last page ended.
    pub behind: Option<(i64, String)>,
}

const SELECT: &str = "SELECT lead, head, status, rep, team, place, lane, tier, number, mode, received_at, \
     decided_at, due_at, locked, accepted, touched_at, triage FROM leads";

impl TenantStore<'_> {
    /// Leads, the latest decided first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn find_leads(&self, filter: &LeadFilter, most: i64) -> Result<Vec<LeadFound>, Error> {
        let mut found = Filter::of(SELECT, self.tenant.as_str())
            .and("status = ?", filter.status.as_deref())
            .and("rep = ?", filter.rep.as_deref())
            .and("team = ?", filter.team.as_deref())
            .and("place = ?", filter.place.as_deref())
            .and("lane = ?", filter.lane.as_deref())
            .and("tier = ?", filter.tier)
            .and("locked = ?", filter.locked.map(i64::from))
            .and("decided_at >= ?", filter.from)
            .and("decided_at < ?", filter.to)
            .and("touched_at IS NULL AND status = 'assigned' AND due_at < ?", filter.overdue_at);
        found = match filter.triage {
            Some(true) => found.and_all("triage IS NOT NULL", []),
            Some(false) => found.and_all("triage IS NULL", []),
            None => found,
        };
        if let Some((at, lead)) = &filter.behind {
            let values = [(*at).into(), (*at).into(), lead.as_str().into()];
            found = found.and_all("decided_at < ? OR (decided_at = ? AND lead < ?)", values);
        }
        Ok(found.ordered("decided_at DESC, lead DESC", most).rows(&self.store.read).await?)
    }

    /// One lead as it stands.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn find_lead(&self, lead: &str) -> Result<Option<LeadFound>, Error> {
        let one = Filter::of(SELECT, self.tenant.as_str()).and("lead = ?", Some(lead)).ordered("lead", 1);
        Ok(one.rows(&self.store.read).await?.pop())
    }

    /// How many leads wait for a rep, and when the oldest of them came.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn waiting(&self) -> Result<(i64, Option<i64>), Error> {
        let found = sqlx::query_as(
            "SELECT COUNT(*), MIN(received_at) FROM leads WHERE tenant = $1 AND status = 'waiting'",
        );
        Ok(found.bind(self.tenant.as_str()).fetch_one(&self.store.read).await?)
    }

    /// How many leads there are of each status.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn leads_by_status(&self) -> Result<Vec<(String, i64)>, Error> {
        let found = sqlx::query_as("SELECT status, COUNT(*) FROM leads WHERE tenant = $1 GROUP BY status");
        Ok(found.bind(self.tenant.as_str()).fetch_all(&self.store.read).await?)
    }
}
