//! Leads that wait for somebody: decided again when they have room or are back, and when time alone may help.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Case, Desk, Stands};
use crate::counters::View;
use crate::decision::{Decision, EligibilityTrace, Excluded, Trigger, Window};
use crate::lead::{LeadId, RepId};
use crate::pipeline::{self, Numbered, Outside, Prepared};
use crate::tenant::Tenant;
use crate::zones::zone;

impl Desk {
    /// Somebody has room or is back: those who wait for them are decided again, the oldest first, until they
    /// are full.
    pub(super) fn drain(&mut self, rep: &RepId, at: Timestamp, outside: &dyn Outside) -> Vec<Decision> {
        let waits = |case: &Case| match &case.stands {
            Stands::Waits { reps, .. } => !case.locked && reps.contains(rep),
            Stands::With(_) | Stands::Elsewhere => false,
        };
        let waiting = self.cases.iter().filter(|(_, case)| waits(case));
        // Of the same age, in the order in which they came.
        let mut waiting: Vec<(Timestamp, u64, LeadId)> =
            waiting.map(|(id, case)| (case.since, case.place, id.clone())).collect();
        waiting.sort();
        let mut decisions = Vec::new();
        for (.., id) in waiting {
            let open = self.state.ledger.at(at).get(rep).open;
            if self.tenant.config.rep(rep).is_none_or(|rep| open >= rep.max_open) {
                break;
            }
            decisions.extend(self.retry(&id, at, Trigger::Freed, outside));
        }
        decisions
    }

    /// Decides again about all that wait, the oldest first: what holds has changed.
    pub fn decide_waiting(&mut self, at: Timestamp, outside: &dyn Outside) -> Vec<Decision> {
        let waits = |case: &Case| !case.locked && matches!(case.stands, Stands::Waits { .. });
        let waiting = self.cases.iter().filter(|(_, case)| waits(case));
        let mut waiting: Vec<(Timestamp, u64, LeadId)> =
            waiting.map(|(id, case)| (case.since, case.place, id.clone())).collect();
        waiting.sort();
        waiting.iter().filter_map(|(.., id)| self.retry(id, at, Trigger::Freed, outside)).collect()
    }

    /// Decides again about a lead that waits; where it would go on waiting, nothing has happened.
    pub(super) fn retry(
        &mut self,
        id: &LeadId,
        at: Timestamp,
        trigger: Trigger,
        outside: &dyn Outside,
    ) -> Option<Decision> {
        let prepared = self.ready(id, outside)?;
        let case = self.cases.get(id)?;
        let past = self.past(case, at, trigger, None);
        let from = case.declined_at.unwrap_or(prepared.received_at());
        let numbered = Numbered::new(&self.tenant, &prepared, (at, case.number + 1, past));
        let evaluated = pipeline::evaluate(&self.tenant, &numbered, outside, &self.state);
        if evaluated.matches().is_none() {
            let counters = self.state.ledger.at(at);
            let asks_again =
                |found| asks_again(prepared.by(&self.tenant), found, (&prepared, from), &counters, at);
            let next = evaluated.eligibility().and_then(asks_again);
            if let Some(Stands::Waits { retry, .. }) = self.cases.get_mut(id).map(|case| &mut case.stands)
                && *retry != next
            {
                *retry = next;
                self.changed.cases.insert(id.clone());
            }
            self.expect(id);
            return None;
        }
        let decision = pipeline::commit(&self.tenant, &numbered, evaluated, &mut self.state).ok()?;
        self.settle(id, &decision);
        Some(decision)
    }
}

/// Those a lead waits for: whoever could have had it but for their load or their absence.
pub(super) fn waits_for(decision: &Decision) -> BTreeSet<RepId> {
    let trace = &decision.trace;
    let full = trace.eligibility.iter().flat_map(|found| &found.excluded);
    let full = full.filter(|(_, reason)| pipeline::passes(reason)).map(|(rep, _)| rep.clone());
    let near = trace.score.iter().flat_map(|score| &score.matches);
    let near = near.filter(|found| found.passed_over.is_some()).map(|found| found.rep.clone());
    full.chain(near).collect()
}

/// When time alone may change who can take a waiting lead: a skill is dropped, somebody is back or will be
/// soon, a cap or a holiday ends. It has waited since `from`.
pub(super) fn asks_again(
    tenant: &Tenant,
    found: &EligibilityTrace,
    (prepared, from): (&Prepared, Timestamp),
    counters: &View<'_>,
    at: Timestamp,
) -> Option<Timestamp> {
    let config = &tenant.config;
    let drops = found.skills.held.iter().filter_map(|need| need.drop_after);
    let drops = drops.map(|minutes| from + SignedDuration::from_mins(minutes.into()));
    let midnight = |zone: TimeZone| {
        let today = at.to_zoned(zone);
        Some(today.tomorrow().ok()?.start_of_day().ok()?.timestamp())
    };
    let ours = || midnight(zone(&config.timezone)?);
    let capping = prepared.capping();
    let ends = found.excluded.iter().filter_map(|(rep, reason)| match reason {
        Excluded::Leave { until } | Excluded::BeforeLeave { until } => Some(*until),
        Excluded::NotSoon { back } => {
            let soon = SignedDuration::from_hours(prepared.within_hours()?.into());
            back.map(|back| back - soon)
        }
        Excluded::Holiday { .. } => {
            midnight(config.hours.of(config.reps.place(rep)?)?.schedule().zone().clone())
        }
        Excluded::WeeklyCap { .. }
        | Excluded::TeamCap { window: Window::Week, .. }
        | Excluded::RuleCap { window: Window::Week, .. }
        | Excluded::KeptApart { window: Some(Window::Week), .. } => counters.week_moves(rep, &capping),
        Excluded::DailyCap { .. }
        | Excluded::TeamCap { window: Window::Day, .. }
        | Excluded::RuleCap { window: Window::Day, .. }
        // Which arm has the odd place changes as well.
        | Excluded::KeptApart { .. }
        | Excluded::Ahead { .. } => ours(),
        _ => None,
    });
    drops.chain(ends).filter(|next| *next > at).min()
}
