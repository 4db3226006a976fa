//! A tenant read back: where it stands, and what has changed since a host last looked.

use super::{CounterRow, DestinationRow, Error, LeadRow, NewLeadRow, RecordRow, TenantRow, TenantStore};

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
    /// Records that are young enough, in the order in which they were noted.
    pub records: Vec<RecordRow>,
    /// Where effects go: all of them.
    pub destinations: Vec<DestinationRow>,
}

/// What has changed behind a commit.
pub type Changed = Standing;

/// From when on a host wants to know something; `i64::MAX` for nothing.
#[derive(Debug, Clone, Copy)]
pub struct Since {
    /// New leads.
    pub new_leads: i64,
    /// Records.
    pub records: i64,
}

const LEAD: &str = "SELECT tenant, lead, head, hot, status, rep, team, place, lane, tier, number, mode, \
     received_at, decided_at, due_at, locked, accepted, touched_at, triage, state, kept FROM leads";

impl TenantStore<'_> {
    /// Where the tenant stands.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn standing(&self, since: Since) -> Result<Standing, Error> {
        self.read_behind(None, since).await
    }

    /// What has changed behind a commit.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn changed(&self, head: i64, since: Since) -> Result<Changed, Error> {
        self.read_behind(Some(head), since).await
    }

    /// All of it is read again where a commit came between: rows of several commits would not fit together.
    async fn read_behind(&self, head: Option<i64>, since: Since) -> Result<Standing, Error> {
        loop {
            let before = self.row().await?;
            let standing = self.read(before, head, since).await?;
            if self.row().await?.head == standing.tenant.head {
                return Ok(standing);
            }
        }
    }

    async fn read(&self, tenant: TenantRow, head: Option<i64>, since: Since) -> Result<Standing, Error> {
        let (id, pool) = (self.tenant.as_str(), &self.store.read);
        let behind = head.unwrap_or(-1);
        // Of a host that knows nothing yet, only what is hot is asked for.
        let which = if head.is_some() { "head > $2" } else { "hot = 1 AND head > $2" };
        let text = format!("{LEAD} WHERE tenant = $1 AND {which}");
        let leads = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(id).bind(behind).fetch_all(pool).await?;
        let counters = sqlx::query_as(
            "SELECT tenant, kind, id, head, value FROM counters WHERE tenant = $1 AND head > $2",
        );
        let new_leads = sqlx::query_as(
            "SELECT tenant, head, place, at, rep, team, rules, sign FROM new_leads \
             WHERE tenant = $1 AND head > $2 AND at >= $3 ORDER BY head, place",
        );
        let records = sqlx::query_as(
            "SELECT tenant, kind, id, head, place, at, record FROM records \
             WHERE tenant = $1 AND head > $2 AND at >= $3 ORDER BY head, place",
        );
        Ok(Standing {
            counters: counters.bind(id).bind(behind).fetch_all(pool).await?,
            new_leads: new_leads.bind(id).bind(behind).bind(since.new_leads).fetch_all(pool).await?,
            records: match since.records {
                i64::MAX => Vec::new(),
                since => records.bind(id).bind(behind).bind(since).fetch_all(pool).await?,
            },
            destinations: self.destinations().await?,
            leads,
            tenant,
        })
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
            let mut query = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(self.tenant.as_str());
            for lead in chunk {
                query = query.bind(*lead);
            }
            found.extend(query.fetch_all(&self.store.read).await?);
        }
        Ok(found)
    }
}
