//! What happens after a decision, taken in one by one.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Case, Counted, Desk, Held, Message, Stands};
use crate::booking::Meeting;
use crate::counters::Assignment;
use crate::decision::{Decision, Pick, SelectTrace, Trigger};
use crate::events::What;
use crate::lead::{LeadId, Mode, RepId};
use crate::pipeline::{self, Moment, Outside};

impl Desk {
    /// Takes in what happened. An event that cannot be is refused, with why.
    pub fn event(
        &mut self,
        what: &What,
        at: Timestamp,
        outside: &dyn Outside,
    ) -> Result<Vec<Decision>, String> {
        match what {
            What::Accepted { lead, .. } => {
                self.held(lead)?.accepted = true;
                self.changed.cases.insert(lead.clone());
                Ok(Vec::new())
            }
            What::Rated { lead, .. } => match matches!(self.case(lead)?.message, Message::Closed) {
                true => Ok(Vec::new()),
                false => self.held(lead).map(|_| Vec::new()),
            },
            What::Touched { lead } => {
                let held = self.held(lead)?;
                (held.accepted, held.touched) = (true, true);
                self.case(lead)?.touched_at.get_or_insert(at);
                self.changed.cases.insert(lead.clone());
                Ok(Vec::new())
            }
            What::Locked { lead } => {
                self.alive(lead)?.locked = true;
                self.changed.cases.insert(lead.clone());
                Ok(Vec::new())
            }
            What::Unlocked { lead } => {
                let case = self.alive(lead)?;
                if !case.locked {
                    return Err(format!("lead {lead} is not locked"));
                }
                (case.locked, case.unlocked_at) = (false, Some(at));
                let waits = matches!(case.stands, Stands::Waits { .. });
                self.changed.cases.insert(lead.clone());
                if waits {
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
            What::HandedOver { lead, value, complexity } => {
                self.hand_over(lead, (*value, *complexity), at, outside)
            }
            What::Booked { lead, rep, from, to, router } => {
                let meeting = Meeting { lead: lead.clone(), rep: rep.clone(), from: *from, to: *to };
                self.book(meeting, router.as_ref(), at, outside)
            }
            What::Cancelled { lead } => match self.call_off(lead) {
                true => {
                    self.expect(lead);
                    Ok(Vec::new())
                }
                false => Err(format!("lead {lead} has no meeting")),
            },
            What::NoShow { lead } => {
                let Self { state, cases, changed, .. } = self;
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
                changed.cases.insert(lead.clone());
                Ok(Vec::new())
            }
            What::Closed { lead, outcome, .. } => {
                // What became of a closed lead may be mended.
                if outcome.is_some() && matches!(self.case(lead)?.message, Message::Closed) {
                    return Ok(Vec::new());
                }
                let case = self.alive(lead)?;
                case.message = Message::Closed;
                self.changed.cases.insert(lead.clone());
                self.call_off(lead);
                let Some(case) = self.cases.get_mut(lead) else { return Ok(Vec::new()) };
                let Stands::With(held) = std::mem::replace(&mut case.stands, Stands::Elsewhere) else {
                    return Ok(Vec::new());
                };
                self.state.ledger.release(&held.rep, held.units, &held.counted.rules);
                Ok(self.drain(&held.rep, at, outside))
            }
            What::Away { rep } => {
                self.known(rep)?;
                if self.absent.insert(rep.clone()) {
                    self.changed.absent.insert(rep.clone());
                }
                self.state.ledger.away([rep]);
                Ok(Vec::new())
            }
            What::Back { rep } => {
                self.known(rep)?;
                if self.tenant.config.rep(rep).is_some_and(|rep| !rep.available) {
                    return Err(format!("reps.csv says that {rep} is not available; mend it there"));
                }
                if self.absent.remove(rep) {
                    self.changed.absent.insert(rep.clone());
                }
                self.state.ledger.calibrate(rep, at);
                Ok(self.drain(rep, at, outside))
            }
            What::Credit { rep, queue, leads } => {
                self.known(rep)?;
                let pool = queue.split_once('|').map_or(queue.as_str(), |(pool, _)| pool);
                if !self.tenant.config.teams.iter().any(|team| team.id.as_str() == pool) {
                    return Err(format!("the queue {queue:?} begins with no team; decisions name theirs"));
                }
                self.state.ledger.credit(rep, queue, *leads, at);
                Ok(Vec::new())
            }
            What::Reviewed { lead } => {
                let open = self.case(lead)?.shown.as_mut().and_then(|shown| shown.triage.take());
                if open.is_none() {
                    return Err(format!("nobody needs to look at lead {lead}"));
                }
                self.changed.cases.insert(lead.clone());
                Ok(Vec::new())
            }
            What::LaneSaid { lead, lane } => {
                if !self.tenant.config.lanes.iter().any(|known| known.id == *lane) {
                    return Err(format!("there is no lane {lane}"));
                }
                // Whoever says it has looked at the lead.
                if self.case(lead)?.shown.as_mut().and_then(|shown| shown.triage.take()).is_some() {
                    self.changed.cases.insert(lead.clone());
                }
                Ok(Vec::new())
            }
            What::Tick => Ok(Vec::new()),
        }
    }

    pub(super) fn known(&self, rep: &RepId) -> Result<(), String> {
        match self.tenant.config.reps.place(rep) {
            Some(_) => Ok(()),
            None => Err(format!("there is no rep {rep}")),
        }
    }

    pub(super) fn case(&mut self, lead: &LeadId) -> Result<&mut Case, String> {
        self.cases
            .get_mut(lead)
            .ok_or_else(|| format!("there is no lead {lead}; send it before what happens to it"))
    }

    /// A lead that is not closed.
    pub(super) fn alive(&mut self, lead: &LeadId) -> Result<&mut Case, String> {
        let case = self.case(lead)?;
        match case.message {
            Message::Ready(_) | Message::Kept(_) => Ok(case),
            Message::Closed => Err(format!("lead {lead} is closed")),
        }
    }

    pub(super) fn held(&mut self, lead: &LeadId) -> Result<&mut Held, String> {
        match &mut self.case(lead)?.stands {
            Stands::With(held) => Ok(held),
            Stands::Waits { .. } | Stands::Elsewhere => Err(format!("no rep has the lead {lead}")),
        }
    }

    pub(super) fn unlocked(&mut self, lead: &LeadId) -> Result<(), String> {
        self.held(lead)?;
        match self.case(lead)?.locked {
            true => Err(format!("lead {lead} is locked; unlock it first")),
            false => Ok(()),
        }
    }

    pub(super) fn reassign(
        &mut self,
        id: &LeadId,
        to: &RepId,
        reason: &str,
        at: Timestamp,
        outside: &dyn Outside,
    ) -> Result<Vec<Decision>, String> {
        self.known(to)?;
        let pick = Pick::Person { rep: to.clone(), reason: reason.to_owned() };
        self.case(id)?;
        let Some(prepared) = self.ready(id, outside) else {
            return Err(format!("lead {id} is closed"));
        };
        let units = prepared.units();
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
    pub(super) fn may_have(&self, rep: &RepId, units: u32, at: Timestamp) -> Result<(), String> {
        let config = &self.tenant.config;
        let Some(place) = self.tenant.config.reps.place(rep) else { return Ok(()) };
        let absent: Vec<RepId> = self.absent.iter().cloned().collect();
        if let Some(reason) =
            pipeline::absent(config, place, Moment { at, absent: &absent, in_meeting: &BTreeMap::new() })
        {
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
}
