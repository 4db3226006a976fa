//! A desk as it is kept between two runs, and by hosts that share a tenant: what has changed since it was last
//! told, and how that is taken up again.
//!
//! Every lead is told by itself, so that a host keeps in memory only those that time or somebody's room may
//! change, and asks for the others when something happens to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Case, Desk, Message, Notification, Shown, Stands};
use crate::booking::Meeting;
use crate::counters;
use crate::decision::{Counters, Decision, Outcome, Triage};
use crate::lead::{LaneId, LeadId, Mode, RepId, TeamId, Tier};
use crate::pipeline::Kept;
use crate::records::Record;
use crate::tenant::Tenant;

/// What has changed on a desk.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Leads, in the order of their ids.
    pub cases: Vec<SavedCase>,
    /// Counters.
    pub counted: counters::Counted,
    /// Records that leads have left, in the order in which they were noted.
    pub records: Vec<Record>,
    /// Reps who reported themselves away, or back.
    pub absent: Vec<(RepId, bool)>,
    /// Meetings still to come, of reps whose have changed.
    pub booked: Vec<(RepId, Vec<Meeting>)>,
    /// Who is told of what, in its order.
    pub notifications: Vec<Notification>,
    /// Places given so far in the order in which leads came.
    pub arrivals: u64,
    /// When something is due next.
    pub wake_at: Option<Timestamp>,
}

impl Changes {
    /// Whether nothing has.
    pub fn is_empty(&self) -> bool {
        let Self { cases, counted, records, absent, booked, notifications, .. } = self;
        let uncounted = *counted == counters::Counted::default();
        let untold = notifications.is_empty() && records.is_empty();
        uncounted && untold && cases.is_empty() && absent.is_empty() && booked.is_empty()
    }
}

/// A lead as it stands.
#[derive(Debug, Clone)]
pub struct SavedCase {
    /// Which.
    pub lead: LeadId,
    /// Whether time, or somebody's room, may change it.
    pub hot: bool,
    /// Where it stands, in a word.
    pub status: Status,
    /// Who has it, or whom it is suggested to.
    pub rep: Option<RepId>,
    /// Their team, or that of the manager.
    pub team: Option<TeamId>,
    /// The queue, the track or the manager it is with.
    pub with: Option<String>,
    /// Of its latest decision.
    pub lane: Option<LaneId>,
    /// Of its latest decision.
    pub tier: Tier,
    /// Of its latest decision.
    pub number: u32,
    /// Of its latest decision.
    pub mode: Mode,
    /// When it came.
    pub since: Timestamp,
    /// When it was decided last.
    pub decided_at: Timestamp,
    /// When first touch is due.
    pub due: Timestamp,
    /// Whether it changes by itself no more.
    pub locked: bool,
    /// Whether whoever has it takes it.
    pub accepted: bool,
    /// When somebody first wrote to or spoke with the contact.
    pub touched_at: Option<Timestamp>,
    /// Why a person should look as well.
    pub triage: Option<Triage>,
    /// Everything, as JSON; [`Desk::restore`] reads it.
    pub state: String,
    /// What it can be decided again from, as JSON. Absent where it is as it was told before.
    pub kept: Option<String>,
}

/// What a desk is made of again.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// Leads with their `state` and what they can be decided again from.
    pub cases: Vec<(LeadId, String, Option<String>)>,
    /// Counters.
    pub counted: counters::Counted,
    /// Records, in the order in which they were noted.
    pub records: Vec<Record>,
    /// Reps who reported themselves away, or back.
    pub absent: Vec<(RepId, bool)>,
    /// Meetings still to come.
    pub booked: Vec<(RepId, Vec<Meeting>)>,
    /// Places given so far in the order in which leads came.
    pub arrivals: u64,
}

/// Where a lead stands, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// A rep has it.
    Assigned,
    /// It is suggested to a rep, and a person has not said yes yet.
    Suggested,
    /// It waits for somebody.
    Waiting,
    /// A manager has it.
    Manager,
    /// An automated track has it.
    Track,
    /// It is with people who decide.
    Triage,
    /// Won, lost or disqualified.
    Closed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Assigned,
        Self::Suggested,
        Self::Waiting,
        Self::Manager,
        Self::Track,
        Self::Triage,
        Self::Closed,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Suggested => "suggested",
            Self::Waiting => "waiting",
            Self::Manager => "manager",
            Self::Track => "track",
            Self::Triage => "triage",
            Self::Closed => "closed",
        }
    }
}

/// What is to be told of a desk.
#[derive(Debug, Default)]
pub(super) struct Untold {
    pub(super) cases: BTreeSet<LeadId>,
    /// Leads whose message is new.
    pub(super) messages: BTreeSet<LeadId>,
    pub(super) absent: BTreeSet<RepId>,
    /// Reps whose meetings have changed.
    pub(super) booked: BTreeSet<RepId>,
    pub(super) notifications: Vec<Notification>,
}

/// A lead cannot be taken up: what was told of it does not read.
#[derive(Debug, thiserror::Error)]
#[error("what is kept of lead {lead} cannot be read: {cause}")]
pub struct Unreadable {
    /// Which.
    pub lead: LeadId,
    /// Why.
    pub cause: serde_json::Error,
}

impl Shown {
    pub(super) fn of(decision: &Decision) -> Self {
        let (with, team) = match &decision.outcome {
            Outcome::Assigned { team, .. } => (None, Some(team.clone())),
            Outcome::Manager { team, manager, .. } => (Some(manager.clone()), Some(team.clone())),
            Outcome::Held { queue, .. } => (Some(queue.clone()), None),
            Outcome::Track { track, .. } => (Some(track.clone()), None),
            Outcome::Triage => (None, None),
        };
        Self {
            lane: decision.lane.clone(),
            tier: decision.tier,
            decided_at: decision.at,
            due: decision.due,
            mode: decision.mode,
            status: match &decision.outcome {
                Outcome::Assigned { .. } if decision.mode == Mode::Suggest => Status::Suggested,
                Outcome::Assigned { .. } => Status::Assigned,
                Outcome::Manager { .. } => Status::Manager,
                Outcome::Held { .. } => Status::Waiting,
                Outcome::Track { .. } => Status::Track,
                Outcome::Triage => Status::Triage,
            },
            with,
            team,
            triage: decision.triage,
        }
    }
}

impl Desk {
    /// What has changed since this was last asked.
    pub fn changes(&mut self) -> Changes {
        let Untold { mut cases, messages, absent, booked, notifications } = std::mem::take(&mut self.changed);
        cases.extend(messages.iter().cloned());
        let saved = cases.iter().filter_map(|lead| self.saved(lead, messages.contains(lead)));
        Changes {
            cases: saved.collect(),
            absent: absent.into_iter().map(|rep| (rep.clone(), self.absent.contains(&rep))).collect(),
            booked: booked.into_iter().map(|rep| (rep.clone(), self.booked.of(&rep).to_vec())).collect(),
            notifications,
            arrivals: self.arrivals,
            wake_at: self.wake_at(),
            counted: self.state.ledger.changes(),
            records: self.state.seen.changes(),
        }
    }

    /// When something is due next.
    pub fn wake_at(&mut self) -> Option<Timestamp> {
        while let Some((at, place, lead)) = self.timers.first().cloned() {
            match self.cases.get(&lead).and_then(|case| self.due(case)) {
                Some((due, _)) if due <= at => return Some(at),
                // A time that has passed away gives way to the one that holds.
                Some((due, _)) => drop(self.timers.insert((due, place, lead.clone()))),
                None => {}
            }
            self.timers.remove(&(at, place, lead));
        }
        None
    }

    /// What is counted of a rep.
    pub fn counted(&self, rep: &RepId, at: Timestamp) -> Counters {
        self.state.ledger.at(at).get(rep)
    }

    /// Whether a rep reported themselves away.
    pub fn is_away(&self, rep: &RepId) -> bool {
        self.absent.contains(rep)
    }

    /// Whether it knows of this lead.
    pub fn knows(&self, lead: &LeadId) -> bool {
        self.cases.contains_key(lead)
    }

    /// Takes up what was told of a desk, of this one or of another; nothing of it is to be told again.
    ///
    /// # Errors
    ///
    /// Something of it does not read; the desk is of no use then.
    pub fn restore(&mut self, saved: Saved) -> Result<(), Unreadable> {
        let Saved { cases, counted, records, absent, booked, arrivals } = saved;
        self.arrivals = self.arrivals.max(arrivals);
        self.state.ledger.restore(counted);
        records.into_iter().for_each(|record| self.state.seen.note(record));
        self.state.seen.changes();
        for (rep, away) in absent {
            match away {
                true => self.absent.insert(rep),
                false => self.absent.remove(&rep),
            };
        }
        booked.into_iter().for_each(|(rep, meetings)| self.booked.set(rep, meetings));
        cases.into_iter().try_for_each(|(lead, state, kept)| self.restore_case(lead, &state, kept.as_deref()))
    }

    fn restore_case(&mut self, lead: LeadId, state: &str, kept: Option<&str>) -> Result<(), Unreadable> {
        let unreadable = |cause| Unreadable { lead: lead.clone(), cause };
        let mut case: Case = serde_json::from_str(state).map_err(unreadable)?;
        case.message = match kept.filter(|kept| !kept.is_empty()) {
            Some(kept) => Message::Kept(Arc::new(serde_json::from_str::<Kept>(kept).map_err(unreadable)?)),
            None => Message::Closed,
        };
        self.cases.insert(lead.clone(), case);
        self.expect(&lead);
        Ok(())
    }

    /// Forgets leads that nothing changes by itself, and of which everything was told.
    pub fn forget_cold(&mut self) {
        let cold: Vec<LeadId> = self
            .cases
            .iter()
            .filter(|(lead, case)| {
                !self.hot(case)
                    && !self.changed.cases.contains(*lead)
                    && !self.changed.messages.contains(*lead)
            })
            .map(|(lead, _)| lead.clone())
            .collect();
        for lead in &cold {
            self.cases.remove(lead);
        }
    }

    /// How many leads it has in memory.
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// The tenant has changed: every counter and every lead stays, and whoever waits is decided again under
    /// what holds now.
    pub fn adopt(&mut self, tenant: Arc<Tenant>) {
        self.state.ledger.adopt(&tenant.config);
        for case in self.cases.values_mut() {
            if let Message::Ready(prepared) = &case.message {
                case.message = Message::Kept(Arc::new(prepared.kept()));
            }
        }
        self.tenant = tenant;
        let leads: Vec<LeadId> = self.cases.keys().cloned().collect();
        leads.iter().for_each(|lead| self.expect(lead));
    }

    fn hot(&self, case: &Case) -> bool {
        self.due(case).is_some() || matches!(case.stands, Stands::Waits { .. } if !case.locked)
    }

    fn saved(&self, lead: &LeadId, with_message: bool) -> Option<SavedCase> {
        let case = self.cases.get(lead)?;
        let shown = case.shown.as_ref()?;
        let (closed, held) = match (&case.message, &case.stands) {
            (Message::Closed, _) => (true, None),
            (_, Stands::With(held)) => (false, Some(held)),
            (_, Stands::Waits { .. } | Stands::Elsewhere) => (false, None),
        };
        let json = |message: &Kept| serde_json::to_string(message).ok();
        let kept = match &case.message {
            Message::Closed => Some(String::new()),
            Message::Ready(prepared) if with_message => json(&prepared.kept()),
            Message::Kept(kept) if with_message => json(kept),
            Message::Ready(_) | Message::Kept(_) => None,
        };
        Some(SavedCase {
            lead: lead.clone(),
            hot: self.hot(case),
            status: if closed { Status::Closed } else { shown.status },
            rep: held.map(|held| held.rep.clone()),
            team: held.map(|held| held.team.clone()).or_else(|| shown.team.clone()),
            with: shown.with.clone(),
            lane: shown.lane.clone(),
            tier: shown.tier,
            number: case.number,
            mode: shown.mode,
            since: case.since,
            decided_at: shown.decided_at,
            due: shown.due,
            locked: case.locked,
            accepted: held.is_some_and(|held| held.accepted),
            touched_at: case.touched_at,
            triage: shown.triage,
            state: serde_json::to_string(case).ok()?,
            kept,
        })
    }
}
