//! Decisions read back: one with its trace, or many by what they are searched by.

use super::filter::Filter;
use super::{Error, TenantStore};

/// A decision without its body.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct DecisionFound {
    pub lead: String,
    pub number: i64,
    pub head: i64,
    pub place: i64,
    pub decided_at: i64,
    pub version: i64,
    pub trigger: String,
    pub outcome: String,
    pub reason: Option<String>,
    pub lane: Option<String>,
    pub confidence: String,
    pub tier: i64,
    pub mode: String,
    pub rep: Option<String>,
    pub team: Option<String>,
    pub before: Option<String>,
    pub total: Option<f64>,
    pub fuel: i64,
}

/// What decisions are searched by; what is absent is not asked for.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "each is the column of its name")]
pub struct DecisionFilter {
    pub lead: Option<String>,
    pub trigger: Option<String>,
    pub outcome: Option<String>,
    pub reason: Option<String>,
    pub lane: Option<String>,
    pub confidence: Option<String>,
    pub tier: Option<i64>,
    pub mode: Option<String>,
    /// Who got it.
    pub rep: Option<String>,
    pub team: Option<String>,
    /// Who had it before.
    pub before: Option<String>,
    pub version: Option<i64>,
    /// Decided at this time or later.
    pub from: Option<i64>,
    /// Decided before this time.
    pub to: Option<i64>,
    /// Only those before this commit and place in it: where the last page ended.
    pub behind: Option<(i64, i64)>,
}

impl DecisionFilter {
    /// What is asked for, after what a statement asks for already.
    fn after(&self, statement: Filter) -> Filter {
        let found = statement
            .and("lead = ?", self.lead.as_deref())
            .and("\"trigger\" = ?", self.trigger.as_deref())
            .and("outcome = ?", self.outcome.as_deref())
            .and("reason = ?", self.reason.as_deref())
            .and("lane = ?", self.lane.as_deref())
            .and("confidence = ?", self.confidence.as_deref())
            .and("tier = ?", self.tier)
            .and("mode = ?", self.mode.as_deref())
            .and("rep = ?", self.rep.as_deref())
            .and("team = ?", self.team.as_deref())
            .and("before = ?", self.before.as_deref())
            .and("version = ?", self.version)
            .and("decided_at >= ?", self.from)
            .and("decided_at < ?", self.to);
        let Some((head, place)) = self.behind else { return found };
        let values = [head.into(), head.into(), place.into()];
        found.and_all("head < ? OR (head = ? AND place < ?)", values)
    }
}

/// Leads that came in a span of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arrivals {
    /// Decided first at this time or later.
    pub from: i64,
    /// Decided first before this time.
    pub to: i64,
    /// Of one of these lanes; none: of any.
    pub lanes: Vec<String>,
}

/// The first decision about a lead, with its JSON.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct Arrived {
    pub head: i64,
    pub place: i64,
    pub json: String,
}

/// The largest decision, in bytes: a damaged row does not fill the memory.
const LARGEST: usize = 64 << 20;

impl TenantStore<'_> {
    /// A decision as JSON, the latest where no number is given; nothing where there is none, or its body is gone.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] and [`Error::Unavailable`].
    pub async fn decision(&self, lead: &str, number: Option<i64>) -> Result<Option<String>, Error> {
        let found = match number {
            Some(number) => {
                let one = "SELECT body FROM decisions WHERE tenant = $1 AND lead = $2 AND number = $3";
                sqlx::query_scalar(one).bind(self.tenant.as_str()).bind(lead).bind(number)
            }
            None => {
                let last =
                    "SELECT body FROM decisions WHERE tenant = $1 AND lead = $2 ORDER BY number DESC LIMIT 1";
                sqlx::query_scalar(last).bind(self.tenant.as_str()).bind(lead)
            }
        };
        let body: Option<Option<Vec<u8>>> = found.fetch_optional(&self.store.read).await?;
        body.flatten().map(|body| text(&body, lead)).transpose()
    }

    /// Decisions, the latest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn decisions(&self, filter: &DecisionFilter, most: i64) -> Result<Vec<DecisionFound>, Error> {
        let select = "SELECT lead, number, head, place, decided_at, version, \"trigger\", outcome, reason, lane, \
                      confidence, tier, mode, rep, team, before, total, fuel FROM decisions";
        let found = filter.after(Filter::of(select, self.tenant.as_str()));
        Ok(found.ordered("head DESC, place DESC", most).rows(&self.store.read).await?)
    }

    /// Leads whose latest decision is one of these, in the order in which those were made.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn leads_last_decided(&self, filter: &DecisionFilter, most: i64) -> Result<Vec<String>, Error> {
        let last = "EXISTS (SELECT 1 FROM leads WHERE leads.tenant = decisions.tenant \
                    AND leads.lead = decisions.lead AND leads.number = decisions.number)";
        let found = filter.after(Filter::of("SELECT lead FROM decisions", self.tenant.as_str()));
        let found = found.and_all(last, []).ordered("head, place", most);
        let found: Vec<(String,)> = found.rows(&self.store.read).await?;
        Ok(found.into_iter().map(|(lead,)| lead).collect())
    }

    /// First decisions about leads that came in a span of time, behind a place in the order in which they came. Those
    /// whose body is gone are left out.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] and [`Error::Unavailable`].
    pub async fn arrivals(
        &self,
        of: &Arrivals,
        (head, place): (i64, i64),
        most: i64,
    ) -> Result<Vec<Arrived>, Error> {
        let select = "SELECT lead, head, place, body FROM decisions";
        let mut found = Filter::of(select, self.tenant.as_str())
            .and_all("number = 1 AND body IS NOT NULL", [])
            .and("decided_at >= ?", Some(of.from))
            .and("decided_at < ?", Some(of.to))
            .and_all("head > ? OR (head = ? AND place > ?)", [head.into(), head.into(), place.into()]);
        if !of.lanes.is_empty() {
            let places = vec!["?"; of.lanes.len()].join(", ");
            found = found
                .and_all(&format!("lane IN ({places})"), of.lanes.iter().map(|lane| lane.as_str().into()));
        }
        let found: Vec<(String, i64, i64, Vec<u8>)> =
            found.ordered("head, place", most).rows(&self.store.read).await?;
        let arrived = |(lead, head, place, body): (String, i64, i64, Vec<u8>)| {
            Ok(Arrived { head, place, json: text(&body, &lead)? })
        };
        found.into_iter().map(arrived).collect()
    }

    /// Decisions behind a place in the order in which they were made, the oldest first, each with its JSON where
    /// it is still kept.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] and [`Error::Unavailable`].
    pub async fn decisions_after(
        &self,
        (head, place): (i64, i64),
        most: i64,
    ) -> Result<Vec<(i64, i64, Option<String>)>, Error> {
        let found = sqlx::query_as(
            "SELECT lead, head, place, body FROM decisions \
             WHERE tenant = $1 AND (head > $2 OR (head = $2 AND place > $3)) ORDER BY head, place LIMIT $4",
        );
        let found = found.bind(self.tenant.as_str()).bind(head).bind(place).bind(most);
        let found: Vec<(String, i64, i64, Option<Vec<u8>>)> = found.fetch_all(&self.store.read).await?;
        found
            .into_iter()
            .map(|(lead, head, place, body)| {
                Ok((head, place, body.map(|body| text(&body, &lead)).transpose()?))
            })
            .collect()
    }
}

/// A body as JSON.
pub(super) fn text(body: &[u8], lead: &str) -> Result<String, Error> {
    let unreadable = || Error::Unreadable { what: format!("a decision about lead {lead}") };
    let bytes = zstd::bulk::decompress(body, LARGEST).map_err(|_| unreadable())?;
    String::from_utf8(bytes).map_err(|_| unreadable())
}
