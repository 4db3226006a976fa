//! What is to be done outside once a decision holds (S2.7, S2.17, S4.3): a value, which others carry out.
//!
//! A suggestion does nothing but tell the manager; what it would do is done when it is approved. A cover
//! gets the task and not the record: its owner keeps it (X6).

use jiff::Timestamp;

use crate::config::Config;
use crate::decision::{AssignedBy, Effect, Flag, Notice, Outcome, Trigger};
use crate::lead::{Lead, Mode, RepId, TeamId, Tier};

/// A decision as far as its effects depend on it.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'a> {
    /// The lead.
    pub lead: &'a Lead,
    /// Its tier.
    pub tier: Tier,
    /// Whether it holds at once.
    pub mode: Mode,
    /// When first touch is due.
    pub due: Timestamp,
    /// Where it went.
    pub outcome: &'a Outcome,
    /// What somebody should know.
    pub flags: &'a [Flag],
    /// Why it was decided.
    pub trigger: Trigger,
    /// When the rep is free, where they are not now and it is known.
    pub free_from: Option<Timestamp>,
}

/// In the order in which they are to be done.
pub fn effects(config: &Config, decided: &Decided<'_>) -> Vec<Effect> {
    let mut effects = Vec::new();
    match decided.outcome {
        Outcome::Assigned { team, .. } if decided.mode == Mode::Suggest => {
            effects.extend(tell_manager(config, team, Notice::Suggested));
        }
        Outcome::Assigned { rep, team, by, .. } => {
            if !matches!(by, AssignedBy::Cover { .. }) {
                effects.push(Effect::SetOwner { rep: rep.clone() });
            }
            effects.push(Effect::Task { rep: rep.clone(), due: decided.due });
            effects.push(Effect::Notify { who: rep.to_string(), about: Notice::Assigned });
            if decided.tier != Tier::Three {
                effects.extend(tell_manager(config, team, Notice::Urgent));
            }
            if decided.trigger == Trigger::NotTouched {
                effects.extend(tell_manager(config, team, Notice::Missed));
            }
            effects.extend(offer(decided, rep));
        }
        Outcome::Manager { manager, .. } => {
            let missed = decided.trigger == Trigger::NotTouched;
            let about = if missed { Notice::Missed } else { Notice::Undecided };
            effects.push(Effect::Notify { who: manager.clone(), about });
        }
        Outcome::Track { track, .. } => effects.push(Effect::Enrol { track: track.clone() }),
        Outcome::Held { .. } | Outcome::Triage => {}
    }
    for flag in decided.flags {
        if let Flag::OverCapacity { rep, .. } = flag
            && let Some(rep) = config.rep(rep)
        {
            effects.extend(tell_manager(config, &rep.team, Notice::OverCapacity));
        }
    }
    let mut once: Vec<Effect> = Vec::with_capacity(effects.len());
    for effect in effects {
        if !once.contains(&effect) {
            once.push(effect);
        }
    }
    once
}

/// Tells the manager of a team, where it has one.
pub fn tell_manager(config: &Config, team: &TeamId, about: Notice) -> Option<Effect> {
    let manager = config.teams.iter().find(|known| known.id == *team)?.manager.clone()?;
    Some(Effect::Notify { who: manager, about })
}

/// Who cannot wait and meets somebody who is not free is offered a time at once.
fn offer(decided: &Decided<'_>, rep: &RepId) -> Option<Effect> {
    let urgent = decided.tier == Tier::One;
    let (from, phone) = decided.free_from.filter(|_| urgent).zip(decided.lead.contact.phone.clone())?;
    Some(Effect::OfferTimes { rep: rep.clone(), phone, from })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{TrackedBy, Unassigned};
    use crate::pipeline::fixture::{self, id};

    #[test]
    fn what_is_to_be_done() {
        let config = fixture::config();
        let mut lead = fixture::lead();
        lead.contact.phone = Some("+351210000000".to_owned());
        let due: Timestamp = "2026-03-02T10:05:00Z".parse().unwrap();
        let assigned = |by| Outcome::Assigned { rep: id("ana"), team: id("smb"), total: None, by };
        let base = |outcome| Decided {
            lead: &lead,
            tier: Tier::Three,
            mode: Mode::Auto,
            due,
            outcome,
            flags: &[],
            trigger: Trigger::Arrived,
            free_from: None,
        };
        let tell = |who: &str, about| Effect::Notify { who: who.to_owned(), about };
        let task = || Effect::Task { rep: id("ana"), due };
        let own = || Effect::SetOwner { rep: id("ana") };
        let check =
            |decided: Decided<'_>, expect: Vec<Effect>| assert_eq!(effects(&config, &decided), expect);

        let matched = assigned(AssignedBy::Match);
        check(base(&matched), vec![own(), task(), tell("ana", Notice::Assigned)]);
        check(Decided { mode: Mode::Suggest, ..base(&matched) }, vec![tell("mia", Notice::Suggested)]);
        let cover = assigned(AssignedBy::Cover { owner: id("ben") });
        check(base(&cover), vec![task(), tell("ana", Notice::Assigned)]);
        let urgent = Decided { tier: Tier::One, free_from: Some(due), ..base(&matched) };
        let offer = Effect::OfferTimes { rep: id("ana"), phone: "+351210000000".to_owned(), from: due };
        let told = [tell("ana", Notice::Assigned), tell("mia", Notice::Urgent)];
        check(urgent, [vec![own(), task()], told.to_vec(), vec![offer]].concat());
        let flags = [Flag::OverCapacity { rep: id("ben"), open: 12, max: 10 }];
        let over = tell("mia", Notice::OverCapacity);
        check(Decided { flags: &flags, ..base(&Outcome::Triage) }, vec![over]);
        let manager =
            Outcome::Manager { team: id("smb"), manager: "mia".to_owned(), reason: Unassigned::NoCapacity };
        check(base(&manager), vec![tell("mia", Notice::Undecided)]);
        check(Decided { trigger: Trigger::NotTouched, ..base(&manager) }, vec![tell("mia", Notice::Missed)]);
        let track = Outcome::Track { track: "trial".to_owned(), by: TrackedBy::Lane };
        check(base(&track), vec![Effect::Enrol { track: "trial".to_owned() }]);
    }
}
