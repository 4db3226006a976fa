//! Leads of the log routed twice, by the version in force and by another: what would change (P8).
//!
//! Two desks that nobody else has take the leads in the order in which they came, at their own times. Enrichers
//! are answered as they were then, so nobody outside is asked; nothing is written.

use std::sync::Arc;

use super::load::{NotReady, published_now, tenant};
use super::published::published;
use super::{Parts, Refused};
use crate::decision::{Decision, FORMAT, Seen};
use crate::desk::Desk;
use crate::lead::TenantId;
use crate::pipeline::{Offline, Prepared, Recorded};
use crate::releases::{Deployment, ReleaseName};
use crate::simulate::{Comparison, Sides, compare};
use crate::store::{Arrivals, Arrived};
use crate::tenant::Tenant;

/// What is simulated.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// The version that is compared with the one in force; the same one where there is none.
    pub version: Option<i64>,
    /// A release that is in force there, whatever is here.
    pub release: Option<ReleaseName>,
    /// Which leads.
    pub leads: Arrivals,
    /// How many at most.
    pub most: usize,
}

/// What came of it.
#[derive(Debug)]
pub struct Simulated {
    /// Which versions.
    pub versions: Sides<i64>,
    /// Leads that were routed, by both.
    pub routed: usize,
    /// Leads that one of them does not take, or whose decision is too old to be read.
    pub refused: usize,
    /// Whether more leads came in that time than were to be routed.
    pub more: bool,
    /// What changes.
    pub comparison: Comparison,
}

/// Leads between two looks at whether anybody still waits.
const PAGE: usize = 32;

/// One way of routing, as far as it has come.
struct Side {
    tenant: Arc<Tenant>,
    desk: Desk,
    decisions: Vec<Decision>,
}

pub(super) async fn simulate(
    parts: &Arc<Parts>,
    id: &TenantId,
    asked: Simulation,
) -> Result<Simulated, Refused> {
    let Simulation { version, release, leads, most } = asked;
    let store = parts.store.of(id);
    let nothing = || Refused::NotReady(Arc::new(NotReady::Nothing));
    let row = store.row().await?;
    let in_force = row.version.ok_or_else(nothing)?;
    let (mut deployments, learned, published) = published_now(parts, id).await?;
    let now = Side::new(tenant(parts, id, in_force, Arc::clone(&published)).await?);
    let version = version.unwrap_or(in_force);
    let then = match release {
        Some(ReleaseName { plugin, version }) => {
            let all = Arc::make_mut(&mut deployments);
            all.insert(plugin, Deployment { active: Some(version), ..Deployment::default() });
            Arc::new(self::published(parts, id, all, &learned).await?.without_version())
        }
        None => published,
    };
    let mut sides = Sides { now, then: Side::new(tenant(parts, id, version, then).await?) };
    let (mut behind, mut seen, mut refused) = ((-1, -1), 0, 0);
    let more = loop {
        let page = (most - seen).min(PAGE);
        // One more tells whether there are more.
        let mut found = store.arrivals(&leads, behind, page as i64 + 1).await?;
        let more = found.len() > page;
        found.truncate(page);
        let Some(last) = found.last() else { break more };
        behind = (last.head, last.place);
        seen += found.len();
        let prepared = found.into_iter().map(|arrived| {
            let (now, then) = (Arc::clone(&sides.now.tenant), Arc::clone(&sides.then.tenant));
            move || both(&now, &then, &arrived)
        });
        let prepared = parts.threads.all(id, prepared).await.ok_or(Refused::Broken)?;
        let routed = parts.threads.run(id, move || {
            let refused = sides.route(prepared);
            (sides, refused)
        });
        let without;
        (sides, without) = routed.await.ok_or(Refused::Broken)?;
        refused += without;
        if !more {
            break false;
        }
    };
    let comparison = parts.threads.run(id, move || compare(&sides.now.decisions, &sides.then.decisions));
    let comparison = comparison.await.ok_or(Refused::Broken)?;
    let versions = Sides { now: in_force, then: version };
    Ok(Simulated { versions, routed: seen - refused, refused, more, comparison })
}

/// A lead made ready for both sides; nothing where one does not take it, or its decision is too old to be read.
fn both(now: &Tenant, then: &Tenant, arrived: &Arrived) -> Option<(Prepared, Prepared)> {
    let recorded: Decision = serde_json::from_str(&arrived.json).ok()?;
    if recorded.format != FORMAT {
        return None;
    }
    let outside = Recorded { decision: &recorded };
    let prepare = |tenant| Desk::prepare(tenant, &recorded.trace.received, recorded.at, &outside).ok();
    Some((prepare(now)?, prepare(then)?))
}

impl Sides<Side> {
    /// Routes leads by both; how many one of them did not take.
    fn route(&mut self, prepared: Vec<Option<(Prepared, Prepared)>>) -> usize {
        let Self { now, then } = self;
        let mut refused = 0;
        for both in prepared {
            match both {
                Some((before, after)) => {
                    now.lead(before);
                    then.lead(after);
                }
                None => refused += 1,
            }
        }
        refused
    }
}

impl Side {
    fn new(tenant: Arc<Tenant>) -> Self {
        Self { desk: Desk::new(Arc::clone(&tenant)), tenant, decisions: Vec::new() }
    }

    fn lead(&mut self, prepared: Prepared) {
        let mut decided = self.desk.pass(prepared.since(), &Offline);
        decided.push(self.desk.lead(prepared, &Offline));
        self.decisions.extend(decided.into_iter().map(lean));
    }
}

/// Without what no comparison looks at, which is most of it.
fn lean(mut decision: Decision) -> Decision {
    decision.trace.received = serde_json::Value::Null;
    decision.trace.enrich = Vec::new();
    decision.trace.counters = Seen::default();
    decision.brief = None;
    decision
}
