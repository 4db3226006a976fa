//! Leads of the log routed twice, by the version in force and by another: what would change (P8).
//!
//! Two desks that nobody else has take the leads in the order in which they came, at their own times. Enrichers
//! are answered as they were then, so nobody outside is asked; nothing is written.

use std::sync::Arc;

use rayon::prelude::*;
use tokio::sync::oneshot;

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
    let in_force = store.row().await?.version.ok_or_else(nothing)?;
    let (mut deployments, published) = published_now(parts, id).await?;
    let now = Side::new(tenant(parts, id, in_force, Arc::clone(&published)).await?);
    let version = version.unwrap_or(in_force);
    let then = match release {
        Some(ReleaseName { plugin, version }) => {
            let all = Arc::make_mut(&mut deployments);
            all.insert(plugin, Deployment { active: Some(version), ..Deployment::default() });
            Arc::new(self::published(parts, id, all).await?)
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
        let routed = on_threads(parts, move || {
            let refused = sides.route(&found);
            (sides, refused)
        });
        let without;
        (sides, without) = routed.await?;
        refused += without;
        if !more {
            break false;
        }
    };
    let comparison = on_threads(parts, move || compare(&sides.now.decisions, &sides.then.decisions)).await?;
    let versions = Sides { now: in_force, then: version };
    Ok(Simulated { versions, routed: seen - refused, refused, more, comparison })
}

async fn on_threads<T: Send + 'static>(
    parts: &Parts,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refused> {
    let (answer, answered) = oneshot::channel();
    parts.threads.spawn(move || drop(answer.send(work())));
    answered.await.map_err(|_| Refused::Closing)
}

impl Sides<Side> {
    /// Routes leads by both; how many one of them did not take.
    fn route(&mut self, found: &[Arrived]) -> usize {
        let Self { now, then } = self;
        let read = |arrived: &Arrived| serde_json::from_str::<Decision>(&arrived.json).ok();
        let prepared: Vec<Option<(Prepared, Prepared)>> = found
            .par_iter()
            .map(|arrived| {
                let recorded = read(arrived).filter(|decision| decision.format == FORMAT)?;
                Some((now.prepare(&recorded)?, then.prepare(&recorded)?))
            })
            .collect();
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

    fn prepare(&self, recorded: &Decision) -> Option<Prepared> {
        let outside = Recorded { decision: recorded };
        Desk::prepare(&self.tenant, &recorded.trace.received, recorded.at, &outside).ok()
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
