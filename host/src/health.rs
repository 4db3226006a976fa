//! How plugins fare on this host: what is counted of releases, and whether a plugin is asked at all for now.
//!
//! ```text
//! before a call ─▶ is it broken, or this lead its poison? ─▶ a failure in its place
//! after a call ──▶ counts of its release ─▶ over budget? ─▶ whoever steps the service takes it back
//!                └▶ its breaker: leads in a row that failed
//! ```
//!
//! Every host looks for itself, in memory: what it sees is enough to take a release back within a second of its going
//! wrong, and no call waits for a database. The counts are written down every few seconds, and what all hosts counted is
//! judged as well, so that a release that fails a little everywhere is found. A failure that the breaker put in the place of a call is recorded like any other, so that the decision
//! can be run again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::decision::CallTrace;
use crate::digest::Digest;
use crate::failure::{Blame, Failure};
use crate::lead::{LeadId, TenantId};
use crate::releases::{Breach, Budget, Counts, Histogram, Measure, ReleaseName};
use crate::store::CountRow;

mod breaker;

use breaker::Breaker;

/// What is known of all tenants' plugins.
#[derive(Debug, Default)]
pub struct Health {
    tenants: Mutex<HashMap<TenantId, Ward>>,
}

/// Of one tenant's.
#[derive(Debug, Default)]
struct Ward {
    watched: Vec<Watched>,
    breakers: HashMap<Digest, Breaker>,
}

/// A release that is watched.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    /// Which.
    pub release: ReleaseName,
    /// Its component.
    pub digest: Digest,
    /// `active`, `canary` or `shadow`.
    pub stage: &'static str,
    /// What it is taken back by; nothing where there is nothing to go back to.
    pub budget: Option<Budget>,
}

#[derive(Debug)]
struct Watched {
    watch: Watch,
    /// Since it came to this stage, on this host.
    counts: Counts,
    /// Those that are not written down yet.
    unsaved: Counts,
    /// What all hosts had written down when this one last looked.
    everywhere: Counts,
    /// Whether somebody was told already that it is over its budget.
    told: bool,
}

/// What was counted of a release and is to be written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// Whose.
    pub tenant: TenantId,
    /// Of which release.
    pub watch: Watch,
    /// What, since this was last asked.
    pub counts: Counts,
}

/// When a call began, for whoever measures it.
#[derive(Debug, Clone, Copy)]
pub struct Began(Option<Instant>);

impl Began {
    /// Nobody measures.
    pub const UNMEASURED: Self = Self(None);

    /// Now.
    pub fn now() -> Self {
        Self(Some(Instant::now()))
    }

    /// How long ago that was, where it is measured.
    pub fn took(self) -> Option<Duration> {
        self.0.map(|began| began.elapsed())
    }
}

/// How a release's decision compares with the one beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// Another lane.
    pub lane: bool,
    /// Another rep, team, queue or track.
    pub outcome: bool,
}

impl Health {
    /// From now on these releases of a tenant are watched. What was counted of one that stays in its stage is kept.
    pub fn watch(&self, tenant: &TenantId, watches: Vec<Watch>) {
        let mut tenants = self.lock();
        let ward = tenants.entry(tenant.clone()).or_default();
        let mut before = std::mem::take(&mut ward.watched);
        let same =
            |a: &Watch, b: &Watch| a.release == b.release && a.digest == b.digest && a.stage == b.stage;
        for watch in watches {
            let place = before.iter().position(|watched| same(&watched.watch, &watch));
            let watched = match place.map(|place| before.swap_remove(place)) {
                Some(known) => Watched { told: known.told && known.watch == watch, watch, ..known },
                None => {
                    // A release that comes, or comes back, is given its chance.
                    ward.breakers.remove(&watch.digest);
                    let (counts, unsaved, everywhere) = Default::default();
                    Watched { watch, counts, unsaved, everywhere, told: false }
                }
            };
            ward.watched.push(watched);
        }
    }

    /// A failure in the place of a call, where the plugin is not to be asked about this lead now.
    pub fn refuses(
        &self,
        tenant: &TenantId,
        plugin: &Digest,
        lead: &LeadId,
        now: Timestamp,
    ) -> Option<Failure> {
        self.lock().get_mut(tenant)?.breakers.get_mut(plugin)?.refuses(lead, now)
    }

    /// A call was made.
    pub fn called(&self, tenant: &TenantId, lead: &LeadId, call: &CallTrace, began: Began, now: Timestamp) {
        let took = began.took();
        let failed = call.failure.as_ref().is_some_and(|failure| failure.blame() == Blame::Plugin);
        let mut tenants = self.lock();
        let ward = tenants.entry(tenant.clone()).or_default();
        match (failed, ward.breakers.get_mut(&call.plugin)) {
            (true, Some(breaker)) => breaker.failed(lead, now),
            (true, None) => ward.breakers.entry(call.plugin).or_default().failed(lead, now),
            (false, Some(breaker)) if call.failure.is_none() => {
                if breaker.succeeded(lead) {
                    ward.breakers.remove(&call.plugin);
                }
            }
            (false, _) => {}
        }
        for watched in ward.watched.iter_mut().filter(|watched| watched.watch.digest == call.plugin) {
            watched.add(Measure::Calls, 0);
            if failed {
                watched.add(Measure::Failed, 0);
            }
            watched.add(Measure::Fuel, Histogram::bucket(call.fuel));
            watched.add(Measure::Memory, Histogram::bucket(call.memory / 1024));
            if let Some(took) = took {
                let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                watched.add(Measure::Micros, Histogram::bucket(micros));
            }
        }
    }

    /// A decision of a release was compared with that of the one beside it.
    pub fn compared(&self, tenant: &TenantId, plugin: &Digest, difference: Difference) {
        let mut tenants = self.lock();
        let Some(ward) = tenants.get_mut(tenant) else { return };
        for watched in ward.watched.iter_mut().filter(|watched| watched.watch.digest == *plugin) {
            watched.add(Measure::Compared, 0);
            if difference.lane || difference.outcome {
                watched.add(Measure::Differed, 0);
            }
            if difference.lane {
                watched.add(Measure::OtherLane, 0);
            }
            if difference.outcome {
                watched.add(Measure::OtherOutcome, 0);
            }
        }
    }

    /// Releases that are over their budgets; each is told once.
    pub fn breaches(&self) -> Vec<(TenantId, Watch, Breach)> {
        let mut found = Vec::new();
        for (tenant, ward) in self.lock().iter_mut() {
            let Ward { watched, breakers } = ward;
            for watched in watched.iter_mut().filter(|watched| !watched.told) {
                let Some(budget) = watched.watch.budget else { continue };
                let broken = || {
                    let is_open = breakers.get(&watched.watch.digest).is_some_and(Breaker::is_open);
                    is_open.then_some(Breach::Broken)
                };
                let everywhere = || budget.broken(&watched.everywhere);
                if let Some(breach) = budget.broken(&watched.counts).or_else(everywhere).or_else(broken) {
                    watched.told = true;
                    found.push((tenant.clone(), watched.watch.clone(), breach));
                }
            }
        }
        found
    }

    /// It could not be taken back: it is told again.
    pub fn still_over(&self, tenant: &TenantId, watch: &Watch) {
        if let Some(watched) = self.lock().get_mut(tenant).and_then(|ward| ward.of(watch)) {
            watched.told = false;
        }
    }

    /// What was counted since this was last asked.
    pub fn unsaved(&self) -> Vec<Counted> {
        let mut found = Vec::new();
        for (tenant, ward) in self.lock().iter_mut() {
            for watched in &mut ward.watched {
                let counts = std::mem::take(&mut watched.unsaved);
                if counts != Counts::default() {
                    found.push(Counted { tenant: tenant.clone(), watch: watched.watch.clone(), counts });
                }
            }
        }
        found
    }

    /// They could not be written down: they are told again.
    pub fn not_saved(&self, counted: Vec<Counted>) {
        let mut tenants = self.lock();
        for Counted { tenant, watch, counts } in counted {
            if let Some(watched) = tenants.get_mut(&tenant).and_then(|ward| ward.of(&watch)) {
                for (measure, bucket, times) in counts.parts() {
                    watched.unsaved.add(measure, bucket, times);
                }
            }
        }
    }

    /// What all hosts counted of a release since it came to its stage.
    pub fn counted_everywhere(&self, tenant: &TenantId, watch: &Watch, counts: Counts) {
        let mut tenants = self.lock();
        let watched = tenants.get_mut(tenant).and_then(|ward| ward.of(watch));
        if let Some(watched) = watched {
            watched.everywhere = counts;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Ward>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts as hosts have written them down, by component and stage.
pub fn written(rows: Vec<CountRow>) -> BTreeMap<(String, String), Counts> {
    let mut all: BTreeMap<(String, String), Counts> = BTreeMap::new();
    for CountRow { digest, stage, measure, bucket, times, .. } in rows {
        let (Some(measure), Ok(bucket), Ok(times)) =
            (Measure::of(&measure), u16::try_from(bucket), u64::try_from(times))
        else {
            continue;
        };
        all.entry((digest, stage)).or_default().add(measure, bucket, times);
    }
    all
}

impl Ward {
    fn of(&mut self, watch: &Watch) -> Option<&mut Watched> {
        self.watched.iter_mut().find(|watched| watched.watch == *watch)
    }
}

impl Watched {
    fn add(&mut self, measure: Measure, bucket: u16) {
        self.counts.add(measure, bucket, 1);
        self.unsaved.add(measure, bucket, 1);
    }
}

#[cfg(test)]
mod tests;
