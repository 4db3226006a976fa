//! A tenant read back: where it stands.

use sqlx::AssertSqlSafe;

use super::{
    CounterRow, DestinationRow, Error, LeadRow, NewLeadRow, PluginRow, RecordRow, TenantRow, TenantStore,
};

/// Everything that a host keeps in memory of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The tenant as it was when the rest was read.
    pub tenant: TenantRow,
    /// Leads that time or somebody's room may change.
    pub leads: Vec<LeadRow>,
    /// All counters.
    pub counters: Vec<CounterRow>,
    /// New leads of the last days, in their order.
    pub new_leads: Vec<NewLeadRow>,
    /// Where effects go: all of them.
    pub destinations: Vec<DestinationRow>,
    /// Which releases of its plugins answer.
    pub plugins: Vec<PluginRow>,
}

const LEAD: &str = "SELECT tenant, lead, head, hot, status, rep, team, place, lane, tier, number, mode, \
     received_at, decided_at, due_at, locked, accepted, touched_at, triage, state, kept FROM leads";

impl TenantStore<'_> {
    /// Where the tenant stands, all of it as of one moment; of new leads those from a moment on.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn standing(&self, since: i64) -> Result<Standing, Error> {
        let (id, mut moment) = (self.tenant.as_str(), self.store.moment().await?);
        let tenant = self.row_of(&mut moment).await?;
        let leads = format!("{LEAD} WHERE tenant = $1 AND hot = 1");
        let leads = sqlx::query_as(AssertSqlSafe(leads)).bind(id).fetch_all(&mut *moment).await?;
        let counters = sqlx::query_as("SELECT tenant, kind, id, head, value FROM counters WHERE tenant = $1");
        let counters = counters.bind(id).fetch_all(&mut *moment).await?;
        let new_leads = sqlx::query_as(
            "SELECT tenant, head, place, at, rep, team, rules, sign FROM new_leads \
             WHERE tenant = $1 AND at >= $2 ORDER BY head, place",
        );
        let new_leads = new_leads.bind(id).bind(since).fetch_all(&mut *moment).await?;
        let destinations = self.destinations_of(&mut moment).await?;
        let plugins = self.plugins_of(&mut moment).await?;
        moment.commit().await?;
        Ok(Standing { tenant, leads, counters, new_leads, destinations, plugins })
    }

    /// Records noted from a moment on, in their order. They may be younger than where the tenant was found to stand:
    /// whoever decides by them is told at the commit that somebody was first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn records(&self, since: i64) -> Result<Vec<RecordRow>, Error> {
        let found = sqlx::query_as(
            "SELECT tenant, kind, id, head, place, at, record FROM records \
             WHERE tenant = $1 AND at >= $2 ORDER BY head, place",
        );
        Ok(found.bind(self.tenant.as_str()).bind(since).fetch_all(&self.store.read).await?)
    }

    /// These leads, where they are there.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn leads(&self, leads: &[&str]) -> Result<Vec<LeadRow>, Error> {
        let mut found = Vec::new();
        for chunk in leads.chunks(500) {
            let places: Vec<String> = (2..chunk.len() + 2).map(|place| format!("${place}")).collect();
            let text = format!("{LEAD} WHERE tenant = $1 AND lead IN ({})", places.join(", "));
            let mut query = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str());
            for lead in chunk {
                query = query.bind(*lead);
            }
            found.extend(query.fetch_all(&self.store.read).await?);
        }
        Ok(found)
    }
}
