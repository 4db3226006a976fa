//! Releases that are tried beside the one that decided: the same decision is made again with them, and compared.
//!
//! ```text
//! committed ─▶ a few wait ─▶ run again with the candidate ─▶ counted; the answer is used for nothing
//! ```
//!
//! A shadow is compared with whatever decided; a canary that decided is compared with the active release. Nobody waits
//! for it: where a host has more to do than it can, decisions go uncompared, and what is compared is still a fair
//! sample.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Answer, Made, Parts, Refused};
use crate::decision::{Decision, FORMAT, Outcome};
use crate::digest::Digest;
use crate::health::Difference;
use crate::pipeline::{self, Beside, Recorded, State};
use crate::releases::Stage;
use crate::tenant::{Cast, Tenant};

/// Decisions that wait to be compared, of all tenants of a host.
const MOST: usize = 256;

/// Decisions that wait to be compared.
#[derive(Default)]
pub(super) struct Waiting(Mutex<VecDeque<(Arc<Tenant>, Arc<Made>)>>);

impl Waiting {
    fn push(&self, tenant: &Arc<Tenant>, made: &Arc<Made>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST {
            waiting.push_back((Arc::clone(tenant), Arc::clone(made)));
        }
    }

    fn take(&self, most: usize) -> Vec<(Arc<Tenant>, Arc<Made>)> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = most.min(waiting.len());
        waiting.drain(..number).collect()
    }
}

/// Decisions of a group were made: those that somebody is to be tried beside wait for it.
pub(super) fn note(parts: &Parts, tenant: &Arc<Tenant>, answers: &[Result<Answer, Refused>]) {
    if tenant.candidates.is_empty() {
        return;
    }
    for answer in answers.iter().flatten() {
        match answer {
            Answer::Decided(made) => made.iter().for_each(|made| parts.beside.0.push(tenant, made)),
            Answer::Batch(made) => made.iter().flatten().for_each(|made| parts.beside.0.push(tenant, made)),
            _ => {}
        }
    }
}

/// Compares some of what waits; how many there were.
pub(super) async fn compare(parts: &Arc<Parts>, most: usize) -> usize {
    let waiting = parts.beside.0.take(most);
    let number = waiting.len();
    for (tenant, made) in waiting {
        // One at a time, so that leads always find a thread.
        let (working, id) = (Arc::clone(parts), tenant.config.tenant.clone());
        parts.threads.run(&id, move || beside(&working, &tenant, &made.decision)).await;
    }
    number
}

fn beside(parts: &Parts, tenant: &Tenant, decision: &Decision) {
    let versions = &decision.trace.versions;
    // It may have been made before the configuration changed.
    if decision.format != FORMAT || versions.config != tenant.config.digest {
        return;
    }
    for candidate in &tenant.candidates {
        let decided = versions.releases.values().any(|release| *release == candidate.release);
        let (cast, asked) = match (candidate.stage, decided) {
            (Stage::Shadow, false) => (&candidate.cast, candidate.digest),
            // Calls of the active release are none of the canary's.
            (Stage::Canary { .. }, true) => (&tenant.active, Digest::of("nobody")),
            _ => continue,
        };
        if let Some(again) = again(parts, tenant, cast, asked, decision) {
            let difference =
                Difference { lane: again.lane != decision.lane, outcome: goes(&again) != goes(decision) };
            parts.health.compared(&decision.tenant, &candidate.digest, difference);
        }
    }
}

/// The decision as this cast would have made it.
fn again(
    parts: &Parts,
    tenant: &Tenant,
    cast: &Arc<Cast>,
    plugin: Digest,
    decision: &Decision,
) -> Option<Decision> {
    let recorded = Recorded { decision };
    let outside = Beside { recorded, health: &parts.health, plugin, now: parts.clock.now() };
    let mut state = State::from_recorded(&tenant.config, &decision.trace);
    let asked = (decision.at, decision.number, decision.trace.past.clone());
    pipeline::route_by(tenant, Arc::clone(cast), &decision.trace.received, asked, &outside, &mut state).ok()
}

/// Where a lead goes, whatever for.
fn goes(decision: &Decision) -> (u8, &str) {
    match &decision.outcome {
        Outcome::Assigned { rep, .. } => (0, rep.as_str()),
        Outcome::Manager { team, .. } => (1, team.as_str()),
        Outcome::Held { queue, .. } => (2, queue),
        Outcome::Track { track, .. } => (3, track),
        Outcome::Triage => (4, ""),
    }
}
