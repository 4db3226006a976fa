//! Meetings with reps, and hand-overs from who qualifies to who closes (P18).

use jiff::Timestamp;
use serde_json::json;

use super::{Desk, Stands};
use crate::booking::{Diary, Meeting, Offered};
use crate::config::Router;
use crate::decision::{Decision, Outcome, Past, Trigger};
use crate::lead::{LeadId, RepId, RouterId};
use crate::pipeline::{self, Outside, Prepared};

impl Desk {
    /// Times that a router offers now: to a lead, or to somebody of whom nothing is known yet.
    ///
    /// # Errors
    ///
    /// There is no such router.
    pub fn offered(
        &self,
        router: &RouterId,
        lead: Option<&LeadId>,
        now: Timestamp,
    ) -> Result<Offered, String> {
        let router = self.router(router)?;
        let has_it = lead.and_then(|lead| match &self.cases.get(lead)?.stands {
            Stands::With(held) => Some(&held.rep),
            Stands::Waits { .. } | Stands::Elsewhere => None,
        });
        Ok(self.diary(lead, now).offered(router, has_it))
    }

    /// The meeting that a lead has.
    pub fn meeting(&self, lead: &LeadId) -> Option<&Meeting> {
        self.cases.get(lead)?.meeting.as_ref()
    }

    /// Decides about a lead whose contact has picked a time, and books it: routed among those of the router's team who
    /// are free then, everybody else counts as absent; where that finds nobody, somebody of the fallback has it.
    /// Where nobody of the fallback can, it is decided and has no meeting. What followed, and the meeting.
    ///
    /// # Errors
    ///
    /// Nobody is free then, or the lead is locked. Nothing has changed.
    pub fn lead_at(
        &mut self,
        prepared: Prepared,
        (router, from): (&RouterId, Timestamp),
        now: Timestamp,
        outside: &dyn Outside,
    ) -> Result<(Vec<Decision>, Option<Meeting>), String> {
        let id = prepared.lead().clone();
        let Router { team, fallback, terms, .. } = self.router(router)?.clone();
        if self.cases.get(&id).is_some_and(|case| case.locked) {
            return Err(format!("lead {id} is locked; unlock it first"));
        }
        let diary = self.diary(Some(&id), now);
        let free = diary.free_at(team.as_ref(), &terms, from);
        let stand_in = diary.free_at(fallback.as_ref(), &terms, from);
        if free.is_empty() && stand_in.is_empty() {
            return Err(format!("nobody is free at {from}; choose another time"));
        }
        let at = prepared.since();
        self.open(prepared);
        let absent = self.tenant.config.reps.iter().map(|rep| &rep.id).filter(|rep| !free.contains(rep));
        let absent: Vec<RepId> = absent.cloned().collect();
        let Some(case) = self.cases.get(&id) else { return Ok((Vec::new(), None)) };
        let past = Past { absent, ..self.past(case, at, Trigger::Arrived, None) };
        let mut decisions: Vec<Decision> = self.decide_from(&id, at, past, outside).into_iter().collect();
        let got = decisions.last().and_then(|decision| match &decision.outcome {
            Outcome::Assigned { rep, .. } => Some(rep.clone()),
            _ => None,
        });
        let rep = got.or_else(|| {
            stand_in.into_iter().find(|rep| {
                let reason = format!("they are free at {from}, and stand in for {router}");
                let given = self.reassign(&id, rep, &reason, at, outside);
                decisions.extend(given.iter().flatten().cloned());
                given.is_ok()
            })
        });
        let meeting = rep.map(|rep| Meeting { lead: id, rep, from, to: from + terms.length() });
        meeting.iter().for_each(|meeting| self.note(meeting.clone(), now));
        Ok((decisions, meeting))
    }

    /// A contact meets a rep. By a router's offer, whoever meets them has the lead.
    pub(super) fn book(
        &mut self,
        meeting: Meeting,
        router: Option<&RouterId>,
        at: Timestamp,
        outside: &dyn Outside,
    ) -> Result<Vec<Decision>, String> {
        let Meeting { lead, rep, from, to } = &meeting;
        self.known(rep)?;
        self.alive(lead)?;
        let mut decisions = Vec::new();
        match router {
            Some(router) => {
                let router = self.router(router)?;
                let ours = self.tenant.config.rep(rep).map(|rep| &rep.team);
                let has_it = match &self.cases.get(lead).map(|case| &case.stands) {
                    Some(Stands::With(held)) => held.rep == *rep,
                    _ => false,
                };
                let offers = has_it || [router.team.as_ref(), router.fallback.as_ref()].contains(&ours);
                let is_free = self.diary(Some(lead), at).is_free(rep, &router.terms, *from);
                if !offers || !is_free || *to != *from + router.terms.length() {
                    return Err(format!("{rep} is not free at {from}; choose another time"));
                }
                if !has_it {
                    if self.cases.get(lead).is_some_and(|case| case.locked) {
                        return Err(format!("lead {lead} is locked; unlock it first"));
                    }
                    let reason = format!("they have a meeting at {from}");
                    decisions = self.reassign(lead, rep, &reason, at, outside)?;
                }
            }
            None if from >= to || *to <= at => return Err("the meeting is over before it begins".to_owned()),
            None => {
                if let Some(other) = self.diary(Some(lead), at).clash(&meeting) {
                    return Err(format!("{rep} has a meeting from {} to {}", other.from, other.to));
                }
            }
        }
        self.note(meeting, at);
        Ok(decisions)
    }

    /// Calls a lead's meeting off; whether it had one.
    pub(super) fn call_off(&mut self, lead: &LeadId) -> bool {
        let Some(meeting) = self.cases.get_mut(lead).and_then(|case| case.meeting.take()) else {
            return false;
        };
        self.booked.remove(&meeting);
        self.changed.booked.insert(meeting.rep);
        self.changed.cases.insert(lead.clone());
        true
    }

    /// Whoever qualified a lead hands it over: as a deal of theirs, with what they found out, it goes to whom the
    /// tenant's handovers say.
    pub(super) fn hand_over(
        &mut self,
        lead: &LeadId,
        (value, complexity): (Option<f64>, Option<f64>),
        at: Timestamp,
        outside: &dyn Outside,
    ) -> Result<Vec<Decision>, String> {
        self.unlocked(lead)?;
        let from = self.held(lead)?.rep.clone();
        let Some(prepared) = self.ready(lead, outside) else {
            return Err(format!("lead {lead} is closed"));
        };
        let mut message = prepared.received().clone();
        message["kind"] = json!("deal");
        message["owner"] = json!(from);
        if let Some(value) = value {
            message["value"] = json!(value);
        }
        if let Some(complexity) = complexity {
            if !message["fields"].is_object() {
                message["fields"] = json!({});
            }
            message["fields"]["complexity"] = json!(complexity);
        }
        let prepared = pipeline::prepare(&self.tenant, &message, prepared.since(), outside)
            .map_err(|refusal| refusal.to_string())?;
        if !prepared.is_handed_over() {
            return Err(format!("no handover of the folder takes lead {lead} from {from} as it is"));
        }
        self.open(prepared);
        let mut decisions: Vec<Decision> =
            self.decide(lead, at, Trigger::HandedOver, None, outside).into_iter().collect();
        decisions.extend(self.drain(&from, at, outside));
        Ok(decisions)
    }

    fn note(&mut self, meeting: Meeting, now: Timestamp) {
        self.call_off(&meeting.lead);
        if let Some(case) = self.cases.get_mut(&meeting.lead) {
            case.meeting = Some(meeting.clone());
        }
        self.changed.cases.insert(meeting.lead.clone());
        self.changed.booked.insert(meeting.rep.clone());
        let lead = meeting.lead.clone();
        self.booked.add(meeting, now);
        self.expect(&lead);
    }

    fn router(&self, id: &RouterId) -> Result<&Router, String> {
        self.tenant.config.router(id).ok_or_else(|| format!("there is no router {id}"))
    }

    fn diary<'a>(&'a self, moving: Option<&'a LeadId>, now: Timestamp) -> Diary<'a> {
        let Self { tenant, absent, booked, .. } = self;
        Diary { config: &tenant.config, absent, booked, moving, now }
    }
}
