//! Everything that is open for one tenant in one run: who has which lead, who waits, and what happens to it.
//!
//! Leads and events come in the order of their stream; decisions come out. A lead that waits for somebody is
//! decided again the moment they have room or are back, the oldest first (S3.16, S3.20). One that is
//! declined, not accepted or not touched in time goes to the next in line and keeps its age (P14, P15); where only
//! somebody is told, nothing is decided, and that comes out as a [`Notification`]. What
//! a person gave to somebody, and what is locked, changes by no deadline (S3.25, S3.28).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::booking::{Booked, Meeting};
use crate::config::Missed;
use crate::counters::Assignment;
use crate::decision::{AssignedBy, Decision, Outcome, Past, Pick, SelectTrace, Triage, Trigger};
use crate::lead::{LaneId, LeadId, Mode, RepId, RuleId, TeamId, Tier};
use crate::pipeline::{self, Kept, Numbered, Outside, Prepared, Refusal, State};
use crate::records::Record;
use crate::tenant::Tenant;

mod batch;
mod booked;
mod happened;
mod remind;
mod saved;
mod waiting;

pub use remind::{Notification, Reason};
use saved::Untold;
pub use saved::{Changes, Saved, SavedCase, Status, Unreadable};
use waiting::{asks_again, waits_for};

/// One tenant's open leads.
pub struct Desk {
    tenant: Arc<Tenant>,
    state: State,
    cases: HashMap<LeadId, Case>,
    /// Places given so far in the order in which leads came.
    arrivals: u64,
    absent: BTreeSet<RepId>,
    /// Meetings by rep: nobody is in two at once.
    booked: Booked,
    /// When something may be due for a case, with its place. What is due is asked of the case then, so a time
    /// that has passed away is left standing.
    timers: BTreeSet<(Timestamp, u64, LeadId)>,
    changed: Untold,
}

/// What is known of one lead.
#[derive(Clone, Serialize, Deserialize)]
struct Case {
    /// Its place in the order in which leads came.
    place: u64,
    /// What it can be decided again from.
    #[serde(skip)]
    message: Message,
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
    touched_at: Option<Timestamp>,
    /// When its contact meets whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    meeting: Option<Meeting>,
    /// The experiment whose configuration decided about it last, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tried_by: Option<String>,
    /// Absent before its first decision.
    shown: Option<Shown>,
}

/// The message of a lead, with what plugins said of it, so that none is asked twice.
#[derive(Clone, Default)]
enum Message {
    /// As it is decided from.
    Ready(Arc<Prepared>),
    /// As it is made ready from.
    Kept(Arc<Kept>),
    /// The lead is closed: it is not decided again.
    #[default]
    Closed,
}

/// What people see of a lead without opening its decision.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Shown {
    lane: Option<LaneId>,
    tier: Tier,
    decided_at: Timestamp,
    due: Timestamp,
    mode: Mode,
    status: Status,
    /// The queue, the track or the manager it is with, where it is with one.
    with: Option<String>,
    team: Option<TeamId>,
    triage: Option<Triage>,
}

/// Where a lead stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Stands {
    /// It waits for one of these to have room or to be back, or for skills to be dropped.
    Waits { reps: BTreeSet<RepId>, retry: Option<Timestamp> },
    /// Somebody has it, or it is suggested to them.
    With(Box<Held>),
    /// A track, a manager or people have it.
    Elsewhere,
}

/// How an assignment was counted, so that it can be taken back.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Counted {
    at: Timestamp,
    rules: Vec<RuleId>,
    select: Option<SelectTrace>,
}

/// Somebody has a lead, or it is suggested to them.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// When they are reminded of it; absent where they are not, or were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remind_at: Option<Timestamp>,
    /// When it goes to the next in line, once first touch was missed and everybody was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grace_until: Option<Timestamp>,
}

/// What time does to a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// It is decided again.
    Decision(Trigger),
    /// Whoever has it is told.
    Notice(Reason),
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
            cases: HashMap::new(),
            arrivals: 0,
            absent: BTreeSet::new(),
            booked: Booked::default(),
            timers: BTreeSet::new(),
            changed: Untold::default(),
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

    /// Decides again about a lead that is open, as one that comes again (P7). Whoever loses it by that has room for
    /// others, so further decisions may follow.
    ///
    /// # Errors
    ///
    /// Why it stays as it is: it is closed or locked, or a person gave it to somebody and that is to be left.
    pub fn again(
        &mut self,
        prepared: Prepared,
        also_from_people: bool,
        outside: &dyn Outside,
    ) -> Result<Vec<Decision>, String> {
        let (id, at) = (prepared.lead().clone(), prepared.since());
        let case = self.alive(&id)?;
        if case.locked {
            return Err(format!("lead {id} is locked; unlock it first"));
        }
        let from = match &case.stands {
            Stands::With(held) if held.by == AssignedBy::Person && !also_from_people => {
                return Err(format!(
                    "a person gave lead {id} to {}; force it to take it from them",
                    held.rep
                ));
            }
            Stands::With(held) => Some(held.rep.clone()),
            Stands::Waits { .. } | Stands::Elsewhere => None,
        };
        let mut decisions = vec![self.lead(prepared, outside)];
        if let Some(from) = from {
            decisions.extend(self.drain(&from, at, outside));
        }
        Ok(decisions)
    }

    /// How a lead would be decided now; nothing is counted, and nothing noted (P8).
    ///
    /// # Errors
    ///
    /// The message is no lead.
    pub fn would_be(
        &self,
        received: &Json,
        at: Timestamp,
        outside: &dyn Outside,
    ) -> Result<Decision, Refusal> {
        let prepared = pipeline::prepare(&self.tenant, received, at, outside)?;
        let case = self.cases.get(prepared.lead());
        let number = case.map_or(0, |case| case.number) + 1;
        let absent = self.absent.iter().cloned().collect();
        let past = Past { absent, in_meeting: self.booked.at(at), ..Past::default() };
        let numbered = Numbered::new(&self.tenant, &prepared, (at, number, past));
        Ok(pipeline::settle(&self.tenant, &numbered, outside, &mut self.state.clone()))
    }

    /// Notes a lead that is about to be decided; who keeps it, where it is locked.
    fn open(&mut self, prepared: Prepared) -> Option<Pick> {
        let since = prepared.since();
        let id = prepared.lead().clone();
        self.changed.messages.insert(id.clone());
        let arrivals = &mut self.arrivals;
        let mut next = || {
            *arrivals += 1;
            *arrivals
        };
        let case = self.cases.entry(id).or_insert_with(|| Case {
            place: next(),
            message: Message::Closed,
            since,
            number: 0,
            declined: Vec::new(),
            declined_at: None,
            locked: false,
            unlocked_at: None,
            stands: Stands::Elsewhere,
            carried: None,
            touched_at: None,
            meeting: None,
            tried_by: None,
            shown: None,
        });
        case.message = Message::Ready(Arc::new(prepared));
        case.since = since;
        let Stands::With(held) = std::mem::replace(&mut case.stands, Stands::Elsewhere) else { return None };
        self.state.ledger.withdraw(&held.assignment());
        let reason = "they locked it, and it came again".to_owned();
        case.locked.then_some(Pick::Person { rep: held.rep, reason })
    }

    /// Lets time pass up to now: whatever was due since happens, each in its time.
    pub fn pass(&mut self, now: Timestamp, outside: &dyn Outside) -> Vec<Decision> {
        let mut decisions = Vec::new();
        while self.timers.first().is_some_and(|(at, ..)| *at <= now) {
            let Some((at, place, id)) = self.timers.pop_first() else { break };
            let Some(case) = self.cases.get(&id) else { continue };
            match self.due(case) {
                Some((due, Due::Decision(trigger))) if due <= at => {
                    decisions.extend(self.overdue(&id, at, trigger, outside));
                }
                Some((due, Due::Notice(reason))) if due <= at => self.notify(&id, at, reason),
                Some((due, _)) => drop(self.timers.insert((due, place, id))),
                None => {}
            }
        }
        decisions
    }

    /// Something of this lead may be due from now on.
    fn expect(&mut self, lead: &LeadId) {
        let Some(case) = self.cases.get(lead) else { return };
        if let Some((at, _)) = self.due(case) {
            self.timers.insert((at, case.place, lead.clone()));
        }
    }

    /// What a case is handled by after its decision: a configuration that is tried, where that decided.
    fn tenant_of(&self, case: &Case) -> &Arc<Tenant> {
        let tried = case.tried_by.as_ref().and_then(|experiment| self.tenant.tried_by(experiment));
        tried.unwrap_or(&self.tenant)
    }

    /// What is due for a case next, and when.
    fn due(&self, case: &Case) -> Option<(Timestamp, Due)> {
        let handling = &self.tenant_of(case).config.handling;
        match &case.stands {
            Stands::Waits { .. } if case.locked => None,
            Stands::Waits { retry, .. } => {
                retry.map(|at| (at.max(case.unlocked_at.unwrap_or(at)), Due::Decision(Trigger::Waited)))
            }
            Stands::With(held)
                if !case.locked && held.mode == Mode::Auto && held.by != AssignedBy::Person =>
            {
                let accept = handling.accept_minutes.filter(|_| !held.accepted).map(|minutes| {
                    let until = held.at + SignedDuration::from_mins(minutes.into());
                    (until, Due::Decision(Trigger::NotAccepted))
                });
                let touch = match (handling.missed, held.grace_until) {
                    _ if held.touched => None,
                    (Missed::Stays, _) => None,
                    (Missed::Chain { .. }, None) => Some((held.due, Due::Notice(Reason::Missed))),
                    (Missed::Chain { .. }, Some(until)) => Some((until, Due::Decision(Trigger::NotTouched))),
                    (Missed::Next | Missed::Manager, _) => {
                        Some((held.due, Due::Decision(Trigger::NotTouched)))
                    }
                };
                let first = accept.into_iter().chain(touch).min_by_key(|(at, _)| *at);
                // Who has a time with somebody does not go to somebody else before.
                let meeting = case.meeting.as_ref().map(|meeting| meeting.to);
                let not_before = meeting.max(case.unlocked_at);
                let later = |at: Timestamp| at.max(not_before.unwrap_or(at));
                let first = first.map(|(at, due)| (later(at), due));
                // After the moment that it reminds of, a reminder is none.
                let remind = held.remind_at.filter(|_| !held.touched).map(later);
                let remind = remind.filter(|at| *at < held.due && first.is_none_or(|(first, _)| *at < first));
                remind.map(|at| (at, Due::Notice(Reason::Reminder))).or(first)
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
            Trigger::NotTouched
                if self
                    .cases
                    .get(id)
                    .is_some_and(|case| self.tenant_of(case).config.handling.missed == Missed::Manager) =>
            {
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
        self.changed.cases.insert(id.clone());
        case.declined.push(held.rep.clone());
        case.declined_at = Some(at);
        let mut decisions: Vec<Decision> = self.decide(id, at, trigger, pick, outside).into_iter().collect();
        decisions.extend(self.drain(&held.rep, at, outside));
        decisions
    }

    fn decide(
        &mut self,
        id: &LeadId,
        at: Timestamp,
        trigger: Trigger,
        pick: Option<Pick>,
        outside: &dyn Outside,
    ) -> Option<Decision> {
        let past = self.past(self.cases.get(id)?, at, trigger, pick);
        self.decide_from(id, at, past, outside)
    }

    fn decide_from(
        &mut self,
        id: &LeadId,
        at: Timestamp,
        past: Past,
        outside: &dyn Outside,
    ) -> Option<Decision> {
        let prepared = self.ready(id, outside)?;
        let number = self.cases.get(id)?.number + 1;
        let numbered = Numbered::new(&self.tenant, &prepared, (at, number, past));
        let decision = pipeline::settle(&self.tenant, &numbered, outside, &mut self.state);
        self.settle(id, &decision);
        Some(decision)
    }

    /// The lead as it is decided from; nothing where it is closed, or is no lead to what the tenant is now.
    fn ready(&mut self, id: &LeadId, outside: &dyn Outside) -> Option<Arc<Prepared>> {
        let case = self.cases.get_mut(id)?;
        if let Message::Kept(kept) = &case.message {
            let prepared = pipeline::recall(&self.tenant, kept, outside).ok()?;
            case.message = Message::Ready(Arc::new(prepared));
        }
        match &case.message {
            Message::Ready(prepared) => Some(Arc::clone(prepared)),
            Message::Kept(_) | Message::Closed => None,
        }
    }

    /// Notes where a lead stands after a decision.
    fn settle(&mut self, id: &LeadId, decision: &Decision) {
        let waits = waits_for(decision);
        let Some(case) = self.cases.get_mut(id) else { return };
        case.number = decision.number;
        case.shown = Some(Shown::of(decision));
        let prepared = match &case.message {
            Message::Ready(prepared) => Some(Arc::clone(prepared)),
            Message::Kept(_) | Message::Closed => None,
        };
        let decided_by = prepared.as_deref().map_or(&*self.tenant, |prepared| prepared.by(&self.tenant));
        let is_tried = !std::ptr::eq(decided_by, &*self.tenant);
        case.tried_by = decision.trace.arm.as_ref().filter(|_| is_tried).map(|arm| arm.experiment.clone());
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
                    rules: prepared.as_deref().map(Prepared::capping).unwrap_or_default(),
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
                remind_at: decided_by.config.reminds(decision.tier, decision.at),
                grace_until: None,
            })),
            Outcome::Held { .. } => {
                let found = decision.trace.eligibility.as_ref();
                let counters = self.state.ledger.at(decision.at);
                let retry = found.zip(prepared.as_ref()).and_then(|(found, prepared)| {
                    let from = case.declined_at.unwrap_or(prepared.received_at());
                    asks_again(decided_by, found, (prepared, from), &counters, decision.at)
                });
                Stands::Waits { reps: waits, retry }
            }
            Outcome::Manager { .. } | Outcome::Track { .. } | Outcome::Triage => Stands::Elsewhere,
        };
        self.changed.cases.insert(id.clone());
        self.expect(id);
    }

    /// What is known of a case besides its message.
    fn past(&self, case: &Case, at: Timestamp, trigger: Trigger, pick: Option<Pick>) -> Past {
        Past {
            trigger,
            since: (trigger != Trigger::Arrived).then_some(case.since),
            absent: self.absent.iter().cloned().collect(),
            in_meeting: self.booked.at(at),
            declined: case.declined.clone(),
            declined_at: case.declined_at,
            pick,
        }
    }
}
