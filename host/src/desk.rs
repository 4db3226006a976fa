//! Everything that is open for one tenant in one run: who has which lead, who waits, and what happens to it.
//!
//! Leads and events come in the order of their stream; decisions come out. A lead that waits for somebody is
//! decided again the moment they have room or are back, the oldest first (S3.16, S3.20). One that is
//! declined, not accepted or not touched in time goes to the next in line and keeps its age (P14, P15). What
//! a person gave to somebody, and what is locked, changes by no deadline (S3.25, S3.28).

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use crate::config::Missed;
use crate::counters::Assignment;
use crate::decision::{
    AssignedBy, Decision, EligibilityTrace, Excluded, Outcome, Past, Pick, SelectTrace, Trigger,
};
use crate::events::What;
use crate::lead::{LeadId, Mode, RepId, RuleId, TeamId};
use crate::pipeline::{self, Moment, Numbered, Outside, Prepared, Refusal, State};
use crate::records::Record;
use crate::tenant::Tenant;
use crate::zones::zone;

mod batch;
mod follow;

pub use follow::{Strayed, Taken};

/// One tenant's open leads.
pub struct Desk {
    tenant: Arc<Tenant>,
    state: State,
    /// In the order in which they came.
    cases: IndexMap<LeadId, Case>,
    absent: BTreeSet<RepId>,
    /// When something may be due for the case at this place. What is due is asked of the case then, so a time
    /// that has passed away is left standing.
    timers: BTreeSet<(Timestamp, usize)>,
    /// Decisions that were made before and are only to be taken in.
    told: follow::Told,
}

/// What is known of one lead.
struct Case {
    /// Kept while it can be decided again, so that no plugin is asked twice.
    prepared: Option<Prepared>,
    since: Timestamp,
    number: u32,
    declined: Vec<RepId>,
    declined_at: Option<Timestamp>,
    locked: bool,
    /// When it was unlocked: no deadline passes before.
    unlocked_at: Option<Timestamp>,
    stands: Stands,
    /// What the next decision leaves counted as it is: a person's word moves a lead and counts nothing anew.
    carried: Option<Counted>,
}

/// Where a lead stands.
enum Stands {
    /// It waits for one of these to have room or to be back, or for skills to be dropped.
    Waits { reps: BTreeSet<RepId>, retry: Option<Timestamp> },
    /// Somebody has it, or it is suggested to them.
    With(Box<Held>),
    /// A track, a manager or people have it.
    Elsewhere,
}

/// How an assignment was counted, so that it can be taken back.
struct Counted {
    at: Timestamp,
    rules: Vec<RuleId>,
    select: Option<SelectTrace>,
}

/// Somebody has a lead, or it is suggested to them.
struct Held {
    rep: RepId,
    team: TeamId,
    by: AssignedBy,
    total: Option<f64>,
    at: Timestamp,
    due: Timestamp,
    units: u32,
    counted: Counted,
    /// The CRM's record of it, as it is where nobody has it again.
    record: Option<Record>,
    mode: Mode,
    accepted: bool,
    touched: bool,
    /// Nobody came to the meeting, and the turn was given back.
    no_show: bool,
}

impl Held {
    fn assignment(&self) -> Assignment<'_> {
        Assignment {
            rep: &self.rep,
            at: self.counted.at,
            units: self.units,
            rules: &self.counted.rules,
            select: self.counted.select.as_ref(),
            price: None,
        }
    }
}

impl Desk {
    /// Nothing is open yet but what the folder says.
    pub fn new(tenant: Arc<Tenant>) -> Self {
        Self {
            state: State::new(&tenant.config),
            tenant,
            cases: IndexMap::new(),
            absent: BTreeSet::new(),
            timers: BTreeSet::new(),
            told: follow::Told::default(),
        }
    }

    /// The slow half of a lead, which many threads can do at once.
    pub fn prepare(
        tenant: &Tenant,
        received: &Json,
        at: Timestamp,
        outside: &dyn Outside,
    ) -> Result<Prepared, Refusal> {
        pipeline::prepare(tenant, received, at, outside)
    }

    /// Decides about a lead that has come. One with the id of another is the same lead, decided again: what
    /// it counted for before counts no more, and where it is locked it stays with whoever has it.
    pub fn lead(&mut self, prepared: Prepared, outside: &dyn Outside) -> Decision {
        let (id, at) = (prepared.lead().clone(), prepared.since());
        let kept = self.open(prepared);
        self.decide(&id, at, Trigger::Arrived, kept, outside)
            .unwrap_or_else(|| unreachable!("a lead that was just prepared is there"))
    }

    /// Notes a lead that is about to be decided; who keeps it, where it is locked.
    fn open(&mut self, prepared: Prepared) -> Option<Pick> {
        let since = prepared.since();
        let case = self.cases.entry(prepared.lead().clone()).or_insert_with(|| Case {
            prepared: None,
            since,
            number: 0,
            declined: Vec::new(),
            declined_at: None,
            locked: false,
            unlocked_at: None,
            stands: Stands::Elsewhere,
            carried: None,
        });
        case.prepared = Some(prepared);
        case.since = since;
        let Stands::With(held) = std::mem::replace(&mut case.stands, Stands::Elsewhere) else { return None };
        self.state.ledger.withdraw(&held.assignment());
        let reason = "they locked it, and it came again".to_owned();
        case.locked.then_some(Pick::Person { rep: held.rep, reason })
    }

    /// Lets time pass up to now: whatever was due since happens, each in its time.
    pub fn pass(&mut self, now: Timestamp, outside: &dyn Outside) -> Vec<Decision> {
        let mut decisions = Vec::new();
        while let Some(&(at, place)) = self.timers.first().filter(|(at, _)| *at <= now) {
            self.timers.pop_first();
            let Some((id, case)) = self.cases.get_index(place) else { continue };
            match self.due(case) {
                Some((due, trigger)) if due <= at => {
                    let id = id.clone();
                    decisions.extend(self.overdue(&id, at, trigger, outside));
                }
                Some((due, _)) => drop(self.timers.insert((due, place))),
                None => {}
            }
        }
        decisions
    }

    /// Takes in what happened. An event that cannot be is refused, with why.
    pub fn event(
        &mut self,
        what: &What,
        at: Timestamp,
        outside: &dyn Outside,
    ) -> Result<Vec<Decision>, String> {
        match what {
            What::Accepted { lead } => {
                self.held(lead)?.accepted = true;
                Ok(Vec::new())
            }
            What::Touched { lead } => {
                let held = self.held(lead)?;
                (held.accepted, held.touched) = (true, true);
                Ok(Vec::new())
            }
            What::Locked { lead } => {
                self.alive(lead)?.locked = true;
                Ok(Vec::new())
            }
            What::Unlocked { lead } => {
                let case = self.alive(lead)?;
                if !case.locked {
                    return Err(format!("lead {lead} is not locked"));
                }
                (case.locked, case.unlocked_at) = (false, Some(at));
                if let Stands::Waits { .. } = case.stands {
                    // Whoever it waits for may have had room meanwhile.
                    return Ok(self.retry(lead, at, Trigger::Freed, outside).into_iter().collect());
                }
                self.expect(lead);
                Ok(Vec::new())
            }
            What::Declined { lead } => {
                self.unlocked(lead)?;
                Ok(self.take_back(lead, at, Trigger::Declined, None, outside))
            }
            What::Rejected { lead } => {
                if self.held(lead)?.mode != Mode::Suggest {
                    return Err(format!("lead {lead} is no suggestion"));
                }
                Ok(self.take_back(lead, at, Trigger::Rejected, None, outside))
            }
            What::Approved { lead } => {
                let held = self.held(lead)?;
                if held.mode != Mode::Suggest {
                    return Err(format!("lead {lead} is no suggestion"));
                }
                let (rep, how, total) = (held.rep.clone(), held.by.clone(), held.total);
                let pick = Pick::Approved { rep, how, total };
                self.carry(lead);
                Ok(self.decide(lead, at, Trigger::Approved, Some(pick), outside).into_iter().collect())
            }
            What::Reassigned { lead, to, reason } => self.reassign(lead, to, reason, at, outside),
            What::NoShow { lead } => {
                let Self { state, cases, .. } = self;
                let Some(Stands::With(held)) = cases.get_mut(lead).map(|case| &mut case.stands) else {
                    return Err(format!("no rep has the lead {lead}"));
                };
                if std::mem::replace(&mut held.no_show, true) {
                    return Err(format!("that nobody came for lead {lead} is counted already"));
                }
                // The turn is owed again; the work stays until the deal is closed.
                state.ledger.withdraw(&held.assignment());
                held.counted.select = None;
                state.ledger.apply(&held.assignment());
                Ok(Vec::new())
            }
            What::Closed { lead } => {
                let case = self.alive(lead)?;
                case.prepared = None;
                let Stands::With(held) = std::mem::replace(&mut case.stands, Stands::Elsewhere) else {
                    return Ok(Vec::new());
                };
                self.state.ledger.release(&held.rep, held.units);
                Ok(self.drain(&held.rep, at, outside))
            }
            What::Away { rep } => {
                self.known(rep)?;
                self.absent.insert(rep.clone());
                self.state.ledger.away([rep]);
                Ok(Vec::new())
            }
            What::Back { rep } => {
                self.known(rep)?;
                if self.tenant.config.rep(rep).is_some_and(|rep| !rep.available) {
                    return Err(format!("reps.csv says that {rep} is not available; mend it there"));
                }
                self.absent.remove(rep);
                self.state.ledger.calibrate(rep, at);
                Ok(self.drain(rep, at, outside))
            }
            What::Credit { rep, queue, leads } => {
                self.known(rep)?;
                let pool = queue.split('|').next().unwrap_or_default();
                if !self.tenant.config.teams.iter().any(|team| team.id.as_str() == pool) {
                    return Err(format!("the queue {queue:?} begins with no team; decisions name theirs"));
                }
                self.state.ledger.credit(rep, queue, *leads, at);
                Ok(Vec::new())
            }
            What::Tick => Ok(Vec::new()),
        }
    }

    fn known(&self, rep: &RepId) -> Result<(), String> {
        match self.tenant.config.reps.place(rep) {
            Some(_) => Ok(()),
            None => Err(format!("there is no rep {rep}")),
        }
    }

    fn case(&mut self, lead: &LeadId) -> Result<&mut Case, String> {
        self.cases
            .get_mut(lead)
            .ok_or_else(|| format!("there is no lead {lead}; send it before what happens to it"))
    }

    /// A lead that is not closed.
    fn alive(&mut self, lead: &LeadId) -> Result<&mut Case, String> {
        let case = self.case(lead)?;
        match case.prepared {
            Some(_) => Ok(case),
            None => Err(format!("lead {lead} is closed")),
        }
    }

    fn held(&mut self, lead: &LeadId) -> Result<&mut Held, String> {
        match &mut self.case(lead)?.stands {
            Stands::With(held) => Ok(held),
            Stands::Waits { .. } | Stands::Elsewhere => Err(format!("no rep has the lead {lead}")),
        }
    }

    fn unlocked(&mut self, lead: &LeadId) -> Result<(), String> {
        self.held(lead)?;
        match self.case(lead)?.locked {
            true => Err(format!("lead {lead} is locked; unlock it first")),
            false => Ok(()),
        }
    }

    /// Something of this lead may be due from now on.
    fn expect(&mut self, lead: &LeadId) {
        let Some((place, _, case)) = self.cases.get_full(lead) else { return };
        if let Some((at, _)) = self.due(case) {
            self.timers.insert((at, place));
        }
    }

    /// What is due for a case, and when.
    fn due(&self, case: &Case) -> Option<(Timestamp, Trigger)> {
        let handling = &self.tenant.config.handling;
        match &case.stands {
            Stands::Waits { .. } if case.locked => None,
            Stands::Waits { retry, .. } => {
                retry.map(|at| (at.max(case.unlocked_at.unwrap_or(at)), Trigger::Waited))
            }
            Stands::With(held)
                if !case.locked && held.mode == Mode::Auto && held.by != AssignedBy::Person =>
            {
                let accept = handling.accept_minutes.filter(|_| !held.accepted).map(|minutes| {
                    (held.at + SignedDuration::from_mins(minutes.into()), Trigger::NotAccepted)
                });
                let touch = (handling.missed != Missed::Stays && !held.touched)
                    .then_some((held.due, Trigger::NotTouched));
                let first = accept.into_iter().chain(touch).min();
                first.map(|(at, trigger)| (at.max(case.unlocked_at.unwrap_or(at)), trigger))
            }
            Stands::With(_) | Stands::Elsewhere => None,
        }
    }

    fn overdue(
        &mut self,
        id: &LeadId,
        at: Timestamp,
        trigger: Trigger,
        outside: &dyn Outside,
    ) -> Vec<Decision> {
        match trigger {
            Trigger::Waited => self.retry(id, at, trigger, outside).into_iter().collect(),
            Trigger::NotTouched if self.tenant.config.handling.missed == Missed::Manager => {
                let team = self.held(id).map(|held| held.team.clone());
                let pick = team.ok().map(|team| Pick::Manager { team });
                self.take_back(id, at, trigger, pick, outside)
            }
            _ => self.take_back(id, at, trigger, None, outside),
        }
    }

    /// Whoever has it does not keep it: counted as if it had never been theirs, and decided again.
    fn take_back(
        &mut self,
        id: &LeadId,
        at: Timestamp,
        trigger: Trigger,
        pick: Option<Pick>,
        outside: &dyn Outside,
    ) -> Vec<Decision> {
        let Some(case) = self.cases.get_mut(id) else { return Vec::new() };
        let Stands::With(held) = std::mem::replace(&mut case.stands, Stands::Elsewhere) else {
            return Vec::new();
        };
        self.state.ledger.withdraw(&held.assignment());
        held.record.iter().for_each(|record| self.state.seen.note(record.clone()));
        case.declined.push(held.rep.clone());
        case.declined_at = Some(at);
        let mut decisions: Vec<Decision> = self.decide(id, at, trigger, pick, outside).into_iter().collect();
        decisions.extend(self.drain(&held.rep, at, outside));
        decisions
    }

    fn reassign(
        &mut self,
        id: &LeadId,
        to: &RepId,
        reason: &str,
        at: Timestamp,
        outside: &dyn Outside,
    ) -> Result<Vec<Decision>, String> {
        self.known(to)?;
        let pick = Pick::Person { rep: to.clone(), reason: reason.to_owned() };
        let case = self.case(id)?;
        let Some(units) = case.prepared.as_ref().map(Prepared::units) else {
            return Err(format!("lead {id} is closed"));
        };
        self.may_have(to, units, at)?;
        let Some(case) = self.cases.get_mut(id) else { return Ok(Vec::new()) };
        let from = match std::mem::replace(&mut case.stands, Stands::Elsewhere) {
            Stands::With(held) => {
                self.state.ledger.reassign(&held.assignment(), to);
                let Held { rep, record, counted: Counted { at, rules, select }, .. } = *held;
                record.into_iter().for_each(|record| self.state.seen.note(record));
                let in_pool = |select: &SelectTrace| select.pool.iter().any(|(member, _)| member == to);
                case.carried = Some(Counted { at, rules, select: select.filter(in_pool) });
                Some(rep)
            }
            Stands::Waits { .. } | Stands::Elsewhere => {
                let taken = Assignment { rep: to, at, units, rules: &[], select: None, price: None };
                self.state.ledger.apply(&taken);
                case.carried = Some(Counted { at, rules: Vec::new(), select: None });
                None
            }
        };
        let mut decisions: Vec<Decision> =
            self.decide(id, at, Trigger::Reassigned, Some(pick), outside).into_iter().collect();
        if let Some(from) = from {
            decisions.extend(self.drain(&from, at, outside));
        }
        Ok(decisions)
    }

    /// Also a person gives nothing to somebody who is absent, or would be above their maximum (X3).
    fn may_have(&self, rep: &RepId, units: u32, at: Timestamp) -> Result<(), String> {
        let config = &self.tenant.config;
        let Some(place) = self.tenant.config.reps.place(rep) else { return Ok(()) };
        let absent: Vec<RepId> = self.absent.iter().cloned().collect();
        if let Some(reason) = pipeline::absent(config, place, Moment { at, absent: &absent }) {
            return Err(format!("{rep} {reason}; give it to somebody else"));
        }
        let (open, max) = (self.state.ledger.at(at).get(rep).open, config.reps[place].max_open);
        match open.saturating_add(units) > max {
            true => {
                Err(format!("{rep} has {open} of {max} open; raise max_open, or give it to somebody else"))
            }
            false => Ok(()),
        }
    }

    /// The next decision about a lead leaves counted what is.
    fn carry(&mut self, id: &LeadId) {
        let Some(case) = self.cases.get_mut(id) else { return };
        if let Stands::With(held) = std::mem::replace(&mut case.stands, Stands::Elsewhere) {
            case.carried = Some(held.counted);
        }
    }

    /// Somebody has room or is back: those who wait for them are decided again, the oldest first, until they
    /// are full.
    fn drain(&mut self, rep: &RepId, at: Timestamp, outside: &dyn Outside) -> Vec<Decision> {
        let waits = |case: &Case| match &case.stands {
            Stands::Waits { reps, .. } => !case.locked && reps.contains(rep),
            Stands::With(_) | Stands::Elsewhere => false,
        };
        let waiting = self.cases.iter().filter(|(_, case)| waits(case));
        let mut waiting: Vec<(Timestamp, LeadId)> =
            waiting.map(|(id, case)| (case.since, id.clone())).collect();
        // Of the same age, in the order in which they came.
        waiting.sort_by_key(|(since, _)| *since);
        let mut decisions = Vec::new();
        for (_, id) in waiting {
            let open = self.state.ledger.at(at).get(rep).open;
            if self.tenant.config.rep(rep).is_none_or(|rep| open >= rep.max_open) {
                break;
            }
            decisions.extend(self.retry(&id, at, Trigger::Freed, outside));
        }
        decisions
    }

    /// Decides again about a lead that waits; where it would go on waiting, nothing has happened.
    fn retry(
        &mut self,
        id: &LeadId,
        at: Timestamp,
        trigger: Trigger,
        outside: &dyn Outside,
    ) -> Option<Decision> {
        let case = self.cases.get(id)?;
        let past = self.past(case, trigger, None);
        let numbered = Numbered::new(&self.tenant, case.prepared.as_ref()?, (at, case.number + 1, past));
        if let Some(decision) = self.told.take(id, case.number + 1) {
            pipeline::take_in(&self.tenant, &numbered, &decision, &mut self.state);
            self.settle(id, &decision);
            return Some(decision);
        }
        let evaluated = pipeline::evaluate(&self.tenant, &numbered, outside, &self.state);
        if evaluated.matches().is_none() {
            let next = evaluated.eligibility().and_then(|found| asks_again(&self.tenant, found, case, at));
            if let Some(Stands::Waits { retry, .. }) = self.cases.get_mut(id).map(|case| &mut case.stands) {
                *retry = next;
            }
            self.expect(id);
            return None;
        }
        let decision = pipeline::commit(&self.tenant, &numbered, evaluated, &mut self.state).ok()?;
        self.settle(id, &decision);
        Some(decision)
    }

    fn decide(
        &mut self,
        id: &LeadId,
        at: Timestamp,
        trigger: Trigger,
        pick: Option<Pick>,
        outside: &dyn Outside,
    ) -> Option<Decision> {
        let case = self.cases.get(id)?;
        let past = self.past(case, trigger, pick);
        let numbered = Numbered::new(&self.tenant, case.prepared.as_ref()?, (at, case.number + 1, past));
        let decision = match self.told.take(id, case.number + 1) {
            Some(decision) => {
                pipeline::take_in(&self.tenant, &numbered, &decision, &mut self.state);
                decision
            }
            None => pipeline::settle(&self.tenant, &numbered, outside, &mut self.state),
        };
        self.settle(id, &decision);
        Some(decision)
    }

    /// Notes where a lead stands after a decision.
    fn settle(&mut self, id: &LeadId, decision: &Decision) {
        let waits = waits_for(decision);
        let Some(case) = self.cases.get_mut(id) else { return };
        case.number = decision.number;
        let carried = case.carried.take();
        case.stands = match &decision.outcome {
            Outcome::Assigned { rep, team, total, by } => Stands::With(Box::new(Held {
                rep: rep.clone(),
                team: team.clone(),
                by: by.clone(),
                total: *total,
                at: decision.at,
                due: decision.due,
                units: decision.units,
                counted: carried.unwrap_or_else(|| Counted {
                    at: decision.at,
                    rules: case.prepared.as_ref().map(Prepared::capping).unwrap_or_default(),
                    select: decision.trace.select.clone(),
                }),
                record: pipeline::freed(
                    &decision.trace.normalise.lead,
                    decision.trace.normalise.account.as_deref(),
                    &decision.trace.known,
                    decision.at,
                ),
                mode: decision.mode,
                accepted: false,
                touched: false,
                no_show: false,
            })),
            Outcome::Held { .. } => {
                let found = decision.trace.eligibility.as_ref();
                let retry = found.and_then(|found| asks_again(&self.tenant, found, case, decision.at));
                Stands::Waits { reps: waits, retry }
            }
            Outcome::Manager { .. } | Outcome::Track { .. } | Outcome::Triage => Stands::Elsewhere,
        };
        self.expect(id);
    }

    /// What is known of a case besides its message.
    fn past(&self, case: &Case, trigger: Trigger, pick: Option<Pick>) -> Past {
        Past {
            trigger,
            since: (trigger != Trigger::Arrived).then_some(case.since),
            absent: self.absent.iter().cloned().collect(),
            declined: case.declined.clone(),
            declined_at: case.declined_at,
            pick,
        }
    }
}

/// Those a lead waits for: whoever could have had it but for their load or their absence.
fn waits_for(decision: &Decision) -> BTreeSet<RepId> {
    let trace = &decision.trace;
    let full = trace.eligibility.iter().flat_map(|found| &found.excluded);
    let full = full.filter(|(_, reason)| pipeline::passes(reason)).map(|(rep, _)| rep.clone());
    let near = trace.score.iter().flat_map(|score| &score.matches);
    let near = near.filter(|found| found.passed_over.is_some()).map(|found| found.rep.clone());
    full.chain(near).collect()
}

/// When time alone may change who can take a waiting lead: a skill is dropped, somebody is back, and caps
/// and holidays may end with the tenant's day.
fn asks_again(tenant: &Tenant, found: &EligibilityTrace, case: &Case, at: Timestamp) -> Option<Timestamp> {
    let from = case.declined_at.unwrap_or(case.prepared.as_ref()?.received_at());
    let drops = found.skills.held.iter().filter_map(|need| need.drop_after);
    let drops = drops.map(|minutes| from + SignedDuration::from_mins(minutes.into()));
    let midnight = || {
        let today = at.to_zoned(zone(&tenant.config.timezone)?);
        Some(today.tomorrow().ok()?.start_of_day().ok()?.timestamp())
    };
    let ends = found.excluded.values().filter_map(|reason| match reason {
        Excluded::Leave { until } | Excluded::BeforeLeave { until } => Some(*until),
        Excluded::NotSoon { back } => *back,
        Excluded::Holiday { .. }
        | Excluded::DailyCap { .. }
        | Excluded::WeeklyCap { .. }
        | Excluded::TeamCap { .. }
        | Excluded::RuleCap { .. }
        | Excluded::Ahead { .. } => midnight(),
        _ => None,
    });
    drops.chain(ends).filter(|next| *next > at).min()
}
