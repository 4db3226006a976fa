//! Somebody is told of a lead, and nothing is decided: a reminder before first touch is due, and that it was
//! missed (S2.17, P15).

use std::sync::Arc;

use jiff::Timestamp;

use super::{Desk, Stands};
use crate::config::Missed;
use crate::decision::{Effect, Notice, Outcome};
use crate::lead::{LaneId, LeadId, RepId, Tier};
use crate::pipeline::tell_manager;

/// Somebody is told of a lead between two decisions.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// Which.
    pub lead: LeadId,
    /// When it was due.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
    /// Who has the lead.
    pub rep: RepId,
    /// Who is told, in their order.
    pub effects: Vec<Effect>,
    /// Of the lead's latest decision.
    pub number: u32,
    /// When that was made.
    pub decided_at: Timestamp,
    /// When first touch is due.
    pub due: Timestamp,
    /// Of the latest decision.
    pub tier: Tier,
    /// Of the latest decision.
    pub lane: Option<LaneId>,
    /// Of the latest decision.
    pub outcome: Outcome,
}

/// Why somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// First touch is due soon.
    Reminder,
    /// It was missed, and the lead stays a little longer.
    Missed,
}

impl Reason {
    /// As the log of what happened calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reminder => "lead.reminded",
            Self::Missed => "lead.escalated",
        }
    }
}

impl Desk {
    /// Tells whoever has a lead, and their manager where first touch was missed; each is told once.
    pub(super) fn notify(&mut self, id: &LeadId, at: Timestamp, reason: Reason) {
        let Some(config) = self.cases.get(id).map(|case| Arc::clone(self.tenant_of(case))) else { return };
        let config = &config.config;
        let Some(case) = self.cases.get_mut(id) else { return };
        let (Stands::With(held), Some(shown)) = (&mut case.stands, &case.shown) else { return };
        let tell = |about| Effect::Notify { who: held.rep.to_string(), about };
        let effects = match reason {
            Reason::Reminder => vec![tell(Notice::Reminder)],
            Reason::Missed => {
                let manager = tell_manager(config, &held.team, Notice::Missed);
                manager.into_iter().chain([tell(Notice::Missed)]).collect()
            }
        };
        // A reminder after the moment that it reminds of would be none.
        held.remind_at = None;
        if let (Reason::Missed, Missed::Chain { grace_minutes }) = (reason, config.handling.missed) {
            held.grace_until = Some(config.after(at, grace_minutes));
        }
        self.changed.notifications.push(Notification {
            lead: id.clone(),
            at,
            reason,
            rep: held.rep.clone(),
            effects,
            number: case.number,
            decided_at: shown.decided_at,
            due: held.due,
            tier: shown.tier,
            lane: shown.lane.clone(),
            outcome: Outcome::Assigned {
                rep: held.rep.clone(),
                team: held.team.clone(),
                total: held.total,
                by: held.by.clone(),
            },
        });
        self.changed.cases.insert(id.clone());
        self.expect(id);
    }
}
