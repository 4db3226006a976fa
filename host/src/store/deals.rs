//! Deals: what learning and analytics read.
//!
//! The commit of a decision writes whose a lead is and what was known of it ([`DealRow`]); the commit of what happened
//! to it writes what became of it ([`ClosingRow`]). Neither touches the other's columns.

use std::fmt::Write as _;

use super::filter::Filter;
use super::models::begin_training;
use super::rows::{Row, Statement};
use super::{Change, Error, TenantStore, rows};

/// A lead as it was decided.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct DealRow {
    pub tenant: String,
    pub deal: String,
    pub head: i64,
    pub opened_at: i64,
    pub rep: Option<String>,
    pub team: Option<String>,
    pub account: Option<String>,
    pub lane: Option<String>,
    pub lane_score: Option<f64>,
    pub tier: i64,
    pub mode: String,
    pub found_by: Option<String>,
    pub placed: String,
    pub total: Option<f64>,
    pub odds: Option<f64>,
    pub due_at: i64,
    pub overridden: i64,
    pub experiment: Option<String>,
    pub step: Option<i64>,
    pub arm: Option<String>,
    pub drawn_by: Option<String>,
    pub facts: String,
}

/// What became of a lead; what is absent leaves what is there. A first touch and a meeting stay the first.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct ClosingRow {
    pub tenant: String,
    pub deal: String,
    pub head: i64,
    pub at: i64,
    pub touched_at: Option<i64>,
    pub met_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub outcome: Option<String>,
    pub value: Option<f64>,
    pub lane_said: Option<String>,
    pub customer_score: Option<i64>,
    pub rep_score: Option<i64>,
}

/// A deal as it is read.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct DealFound {
    pub deal: String,
    pub origin: String,
    pub opened_at: i64,
    pub rep: Option<String>,
    pub first_rep: Option<String>,
    pub team: Option<String>,
    pub account: Option<String>,
    pub lane: Option<String>,
    pub lane_score: Option<f64>,
    pub lane_said: Option<String>,
    pub tier: i64,
    pub mode: Option<String>,
    pub found_by: Option<String>,
    pub placed: String,
    pub total: Option<f64>,
    pub odds: Option<f64>,
    pub due_at: Option<i64>,
    pub overridden: i64,
    pub facts: String,
    pub touched_at: Option<i64>,
    pub met_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub outcome: Option<String>,
    pub value: Option<f64>,
    pub customer_score: Option<i64>,
    pub customer_said_at: Option<i64>,
    pub rep_score: Option<i64>,
    pub rep_said_at: Option<i64>,
}

/// A deal of before, as its history has it.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct PastDealRow {
    pub tenant: String,
    pub deal: String,
    pub head: i64,
    pub opened_at: i64,
    pub rep: Option<String>,
    pub facts: String,
    pub touched_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub outcome: Option<String>,
    pub value: Option<f64>,
}

/// What no total, no probability and no value is known by; see [`rows::DecisionRow`].
const NONE: f64 = -1.0;

fn nullable(column: &str, parameter: String) -> String {
    match column {
        "total" | "odds" | "value" | "lane_score" => format!("NULLIF({parameter}, {NONE:.1})"),
        _ => parameter,
    }
}

impl Row for DealRow {
    const TABLE: &'static str = "deals";
    const COLUMNS: &'static [&'static str] = &[
        "tenant",
        "deal",
        "head",
        "opened_at",
        "rep",
        "first_rep",
        "team",
        "account",
        "lane",
        "lane_score",
        "tier",
        "mode",
        "found_by",
        "placed",
        "total",
        "odds",
        "due_at",
        "overridden",
        "experiment",
        "step",
        "arm",
        "drawn_by",
        "facts",
    ];
    const CONFLICT: &'static str = "ON CONFLICT (tenant, deal) DO UPDATE SET head = excluded.head, rep = excluded.rep, \
         first_rep = COALESCE(deals.first_rep, excluded.first_rep), team = excluded.team, account = excluded.account, \
         lane = excluded.lane, lane_score = excluded.lane_score, tier = excluded.tier, mode = excluded.mode, found_by = excluded.found_by, \
         placed = excluded.placed, total = excluded.total, odds = excluded.odds, due_at = excluded.due_at, \
         overridden = CASE WHEN excluded.overridden = 1 THEN 1 ELSE deals.overridden END, \
         experiment = COALESCE(deals.experiment, excluded.experiment), step = COALESCE(deals.step, excluded.step), \
         arm = COALESCE(deals.arm, excluded.arm), drawn_by = COALESCE(deals.drawn_by, excluded.drawn_by), \
         facts = excluded.facts";
    fn value(column: &str, parameter: String) -> String {
        nullable(column, parameter)
    }
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.tenant.clone())
            .bind(self.deal.clone())
            .bind(self.head)
            .bind(self.opened_at)
            .bind(self.rep.clone())
            .bind(self.rep.clone())
            .bind(self.team.clone())
            .bind(self.account.clone())
            .bind(self.lane.clone())
            .bind(self.lane_score.unwrap_or(NONE))
            .bind(self.tier)
            .bind(self.mode.clone())
            .bind(self.found_by.clone())
            .bind(self.placed.clone())
            .bind(self.total.unwrap_or(NONE))
            .bind(self.odds.unwrap_or(NONE))
            .bind(self.due_at)
            .bind(self.overridden)
            .bind(self.experiment.clone())
            .bind(self.step)
            .bind(self.arm.clone())
            .bind(self.drawn_by.clone())
            .bind(self.facts.clone())
    }
}

impl Row for ClosingRow {
    const TABLE: &'static str = "deals";
    const COLUMNS: &'static [&'static str] = &[
        "tenant",
        "deal",
        "head",
        "opened_at",
        "placed",
        "facts",
        "touched_at",
        "met_at",
        "closed_at",
        "outcome",
        "value",
        "lane_said",
        "customer_score",
        "customer_said_at",
        "rep_score",
        "rep_said_at",
    ];
    const CONFLICT: &'static str = "ON CONFLICT (tenant, deal) DO UPDATE SET head = excluded.head, \
         lane_said = COALESCE(excluded.lane_said, deals.lane_said), touched_at = COALESCE(deals.touched_at, excluded.touched_at), \
         met_at = COALESCE(deals.met_at, excluded.met_at), \
         closed_at = COALESCE(excluded.closed_at, deals.closed_at), \
         outcome = COALESCE(excluded.outcome, deals.outcome), value = COALESCE(excluded.value, deals.value), \
         customer_score = COALESCE(excluded.customer_score, deals.customer_score), \
         customer_said_at = COALESCE(excluded.customer_said_at, deals.customer_said_at), \
         rep_score = COALESCE(excluded.rep_score, deals.rep_score), \
         rep_said_at = COALESCE(excluded.rep_said_at, deals.rep_said_at)";
    fn value(column: &str, parameter: String) -> String {
        nullable(column, parameter)
    }
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.tenant.clone())
            .bind(self.deal.clone())
            .bind(self.head)
            .bind(self.at)
            .bind("elsewhere")
            .bind("{}")
            .bind(self.touched_at)
            .bind(self.met_at)
            .bind(self.closed_at)
            .bind(self.outcome.clone())
            .bind(self.value.unwrap_or(NONE))
            .bind(self.lane_said.clone())
            .bind(self.customer_score)
            .bind(self.customer_score.map(|_| self.at))
            .bind(self.rep_score)
            .bind(self.rep_score.map(|_| self.at))
    }
}

impl Row for PastDealRow {
    const TABLE: &'static str = "deals";
    const COLUMNS: &'static [&'static str] = &[
        "tenant",
        "deal",
        "head",
        "origin",
        "opened_at",
        "rep",
        "first_rep",
        "placed",
        "facts",
        "touched_at",
        "closed_at",
        "outcome",
        "value",
    ];
    const CONFLICT: &'static str = "ON CONFLICT (tenant, deal) DO UPDATE SET head = excluded.head, \
         opened_at = excluded.opened_at, rep = excluded.rep, facts = excluded.facts, touched_at = excluded.touched_at, \
         closed_at = excluded.closed_at, outcome = excluded.outcome, value = excluded.value \
         WHERE deals.origin = 'history'";
    fn value(column: &str, parameter: String) -> String {
        nullable(column, parameter)
    }
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.tenant.clone())
            .bind(self.deal.clone())
            .bind(self.head)
            .bind("history")
            .bind(self.opened_at)
            .bind(self.rep.clone())
            .bind(self.rep.clone())
            .bind("elsewhere")
            .bind(self.facts.clone())
            .bind(self.touched_at)
            .bind(self.closed_at)
            .bind(self.outcome.clone())
            .bind(self.value.unwrap_or(NONE))
    }
}

const DEAL: &str = "SELECT deal, origin, opened_at, rep, first_rep, team, account, lane, lane_score, lane_said, tier, mode, found_by, placed, \
     total, odds, due_at, overridden, facts, touched_at, met_at, closed_at, outcome, value, \
     customer_score, customer_said_at, rep_score, rep_said_at FROM deals";

/// Deals read at once.
const PAGE: i64 = 5_000;

impl TenantStore<'_> {
    /// Deals that were opened from one moment to another, the second excluded, or closed in that time; the oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn deals(&self, from: i64, to: i64) -> Result<Vec<DealFound>, Error> {
        let mut all: Vec<DealFound> = Vec::new();
        let (mut opened_at, mut deal) = (i64::MIN, String::new());
        loop {
            let mut text = DEAL.to_owned();
            let _ = write!(
                text,
                " WHERE tenant = $1 AND ((opened_at >= $2 AND opened_at < $3) OR (closed_at >= $2 AND closed_at < $3)) \
                 AND (opened_at > $4 OR (opened_at = $4 AND deal > $5)) ORDER BY opened_at, deal LIMIT {PAGE}"
            );
            let found = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(self.tenant.as_str());
            let found = found.bind(from).bind(to).bind(opened_at).bind(deal.clone());
            let page: Vec<DealFound> = found.fetch_all(&self.store.read).await?;
            let Some(last) = page.last() else { return Ok(all) };
            (opened_at, deal) = (last.opened_at, last.deal.clone());
            let over = page.len() < PAGE as usize;
            all.extend(page);
            if over {
                return Ok(all);
            }
        }
    }

    /// One deal.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn deal(&self, deal: &str) -> Result<Option<DealFound>, Error> {
        let found = Filter::of(DEAL, self.tenant.as_str()).and("deal = ?", Some(deal)).ordered("deal", 1);
        Ok(found.rows(&self.store.read).await?.into_iter().next())
    }
}

impl Change {
    /// Writes deals of before; one that is a lead here is left as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn put_past_deals(&mut self, deals: &[PastDealRow]) -> Result<(), Error> {
        rows::write(self.connection(), deals).await?;
        let (tenant, at) = (self.tenant.to_string(), self.at);
        Ok(begin_training(self.connection(), &tenant, at).await?)
    }
}
