//! What a fallback wants, done or refused with a reason (S3.16).
//!
//! A fallback says where a lead should go; the host still keeps the tenant's promises: nobody absent or full
//! gets one, a territory holds, nurture is closed to leads the classifier is unsure about (X1). An action
//! that cannot be carried out is refused, and whoever asked goes on to the next and at last to
//! [`last_resort`], which cannot fail.

use crate::config::Config;
use crate::counters::View;
use crate::decision::{
    Action, AssignedBy, Excluded, Method, Outcome, RulesTrace, SelectTrace, TrackedBy, Unassigned,
};
use crate::lead::{Confidence, Rep, TeamId, Tier};
use crate::pipeline::capacity::{Demand, load};
use crate::pipeline::people;
use crate::pipeline::queue::{Pool, queue};
use crate::pipeline::select::{chances, served_first, too_far_ahead};
use crate::rotation::turn;

/// The queue of leads that nothing else could be done with.
pub const LAST_QUEUE: &str = "unassigned";

/// A lead that asks for the fallback, and what it is asked with.
#[derive(Clone, Copy)]
pub struct Stranded<'a> {
    /// The lead, and what it asks of whoever takes it.
    pub demand: Demand<'a>,
    /// Where it is.
    pub rules: &'a RulesTrace,
    /// How sure its classifier was.
    pub confidence: Confidence,
    /// Whether each rep, by their place, prefers such a lead; empty where nobody does.
    pub prefers: &'a [bool],
    /// What keeps a rep from it, whatever team they are asked for.
    pub bars: &'a dyn Fn(&Rep) -> Option<Excluded>,
    /// Why nobody could be picked.
    pub reason: Unassigned,
}

/// Does it, or says why it cannot be done, in a lowercase fragment. A rotation comes with its trace.
pub fn carry_out(
    action: &Action,
    config: &Config,
    stranded: Stranded<'_>,
    counters: &View<'_>,
    seed: u64,
) -> Result<(Outcome, Option<SelectTrace>), String> {
    let reason = stranded.reason;
    match action {
        Action::RoundRobin(team) => {
            let trace = rotate(config, stranded, team, counters, seed)?;
            let outcome = Outcome::Assigned {
                rep: trace.picked.clone(),
                team: team.clone(),
                total: None,
                by: AssignedBy::Fallback,
            };
            Ok((outcome, Some(trace)))
        }
        Action::Manager(team) => {
            let known = config.teams.iter().find(|known| known.id == *team);
            let known = known.ok_or_else(|| format!("there is no team {team}"))?;
            let manager = known.manager.clone().ok_or_else(|| format!("team {team} has no manager"))?;
            Ok((Outcome::Manager { team: team.clone(), manager, reason }, None))
        }
        Action::Hold(queue) => {
            let queue = named(queue).ok_or("the queue has no name")?;
            Ok((Outcome::Held { queue, reason }, None))
        }
        Action::Nurture(_) if stranded.confidence == Confidence::Low => {
            Err("nurture is closed to leads with low confidence".to_owned())
        }
        Action::Nurture(track) => {
            let track = named(track).ok_or("the track has no name")?;
            Ok((Outcome::Track { track, by: TrackedBy::Fallback }, None))
        }
    }
}

/// Where a lead waits when every action was refused.
pub fn last_resort(reason: Unassigned) -> Outcome {
    Outcome::Held { queue: LAST_QUEUE.to_owned(), reason }
}

/// The next of a team. Nobody is scored, so nobody is a high match: only tier 1 may use the near band.
fn rotate(
    config: &Config,
    Stranded { demand, rules, prefers, bars, .. }: Stranded<'_>,
    team: &TeamId,
    counters: &View<'_>,
    seed: u64,
) -> Result<SelectTrace, String> {
    let people = people(config, rules).filter(|_| !rules.territory_waived);
    let mut members = config.reps.iter().filter(|rep| rep.team == *team).peekable();
    if members.peek().is_none() {
        return Err(format!("team {team} has no reps"));
    }
    let mut inside =
        members.filter(|rep| people.as_ref().is_none_or(|people| people.role(&rep.id).is_some())).peekable();
    if inside.peek().is_none() {
        return Err(format!("nobody of team {team} sells where the lead is"));
    }
    let has_room = |rep: &&Rep| {
        let roomy = demand.tier == Tier::One || load(config, rep, counters) <= config.capacity.available;
        roomy && bars(rep).is_none()
    };
    let Pool { name, turns } = Pool::team(config, team);
    let queue = queue(config, name, &demand);
    let mut line = counters.line(&queue, inside.filter(has_room).map(|rep| &rep.id));
    let passed_over = too_far_ahead(config, &line.members);
    line.members.retain(|member| !passed_over.contains_key(member.rep));
    let first_served = served_first(&line.members, prefers);
    let preferred = first_served.is_some();
    let among = first_served.unwrap_or_else(|| (0..line.members.len()).collect());
    let turn = turn(turns, &line.members, &among, line.last, seed)
        .ok_or_else(|| format!("everybody of team {team} is away or full"))?;
    Ok(SelectTrace {
        free_now: false,
        fast: false,
        method: Method::Rotation,
        turns,
        queue,
        picked: line.members[turn.picked].rep.clone(),
        pool: chances(&line.members, &turn.tied),
        preferred,
        passed_over,
    })
}

fn named(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::Ledger;
    use crate::decision::{QueueSeen, Seen, Standing};
    use crate::lead::{Lead, RepId};
    use crate::pipeline::capacity::full;
    use crate::pipeline::fixture::{self, id};
    use crate::pipeline::place;

    /// Of a lead that nothing but capacity and the folder's word keeps anybody from.
    fn check(config: &Config, action: Action, asked: Asked<'_>, expect: Result<Outcome, &str>) {
        let Asked { lead, tier, rules, confidence } = asked;
        let ledger = Ledger::new(config);
        let counters = ledger.at(lead.received_at);
        let demand = Demand::of(lead, tier);
        let bars = |rep: &Rep| {
            let away = (!rep.available).then_some(Excluded::Unavailable);
            away.or_else(|| full(config, rep, &demand, &counters))
        };
        let reason = Unassigned::NoCapacity;
        let stranded = Stranded { demand, rules, confidence, prefers: &[], bars: &bars, reason };
        let found = carry_out(&action, config, stranded, &counters, 1);
        let outcome = found.map(|(outcome, trace)| {
            assert_eq!(trace.is_some(), matches!(outcome, Outcome::Assigned { .. }));
            if let (Some(trace), Outcome::Assigned { rep, .. }) = (&trace, &outcome) {
                assert_eq!(trace.picked, *rep);
                assert!(trace.pool.iter().any(|(member, chance)| member == rep && *chance > 0.0));
            }
            outcome
        });
        assert_eq!(outcome, expect.map_err(str::to_owned), "{action:?}");
    }

    #[derive(Clone, Copy)]
    struct Asked<'a> {
        lead: &'a Lead,
        tier: Tier,
        rules: &'a RulesTrace,
        confidence: Confidence,
    }

    fn assigned(rep: &str) -> Outcome {
        Outcome::Assigned { rep: id(rep), team: id("smb"), total: None, by: AssignedBy::Fallback }
    }

    #[test]
    fn rotation_keeps_the_promises() {
        let lead = fixture::lead();
        let mut american = fixture::lead();
        american.company.country = Some("US".to_owned());
        let mut demo = american.clone();
        demo.source = "demo-request".to_owned();
        let away_or_full = "everybody of team smb is away or full";
        let check = |lead: &Lead, tier, change: fn(&mut crate::lead::Reps), expect| {
            let mut config = fixture::config();
            change(&mut config.reps);
            let rules = place(&config, lead, &fixture::verdict(), None, tier);
            let stranded = Asked { lead, tier, rules: &rules, confidence: Confidence::High };
            check(&config, Action::RoundRobin(id("smb")), stranded, expect);
        };
        check(&lead, Tier::Three, |reps| reps[0].available = false, Ok(assigned("ben")));
        check(&lead, Tier::Three, |reps| reps[1].open = 10, Ok(assigned("ana")));
        check(&lead, Tier::Three, |reps| reps[1].open = 8, Ok(assigned("ana")));
        check(&american, Tier::Three, |_| (), Ok(assigned("ana")));
        check(
            &lead,
            Tier::Three,
            |reps| {
                reps[0].caps.weekly = Some(0);
                reps[1].open = 8;
            },
            Err(away_or_full),
        );
        check(&american, Tier::Three, |reps| reps[0].available = false, Err(away_or_full));
        check(&demo, Tier::One, |reps| reps[0].available = false, Ok(assigned("ben")));
        check(&demo, Tier::Two, |reps| reps[0].available = false, Err(away_or_full));
        let nobody_there = Err("nobody of team smb sells where the lead is");
        check(&american, Tier::Three, |reps| *reps = reps[1..].to_vec().into(), nobody_there);
        check(&lead, Tier::Three, |reps| *reps = Default::default(), Err("team smb has no reps"));
        let near = |reps: &mut crate::lead::Reps| reps[..2].iter_mut().for_each(|rep| rep.open = 9);
        check(&lead, Tier::Three, near, Err(away_or_full));
        let last_room = |reps: &mut crate::lead::Reps| {
            reps[0].open = 10;
            reps[1].open = 9;
        };
        check(&lead, Tier::One, last_room, Ok(assigned("ben")));
    }

    #[test]
    fn rotation_serves_first_who_prefers_it_and_passes_over_who_is_ahead() {
        let (lead, rules) = (fixture::lead(), RulesTrace::default());
        let check = |prefers: &[bool], spread, months: [f64; 2], expect: (&str, bool, &[&str])| {
            let mut config = fixture::config();
            config.fairness.max_spread = spread;
            let standings = ["ana", "ben"].into_iter().zip(months);
            let standings = standings.map(|(rep, month)| (id(rep), Standing { credit: 0.0, month }));
            let queue = QueueSeen { last: None, standings: standings.collect() };
            let queues = [("smb".to_owned(), queue)].into();
            let ledger = Ledger::from_recorded(&config, &Seen { queues, ..Seen::default() });
            let stranded = Stranded {
                demand: Demand::of(&lead, Tier::Three),
                rules: &rules,
                confidence: Confidence::High,
                prefers,
                bars: &|_| None,
                reason: Unassigned::NoCapacity,
            };
            let found = rotate(&config, stranded, &id("smb"), &ledger.at(lead.received_at), 1).unwrap();
            let passed_over: Vec<&str> = found.passed_over.keys().map(RepId::as_str).collect();
            assert_eq!((found.picked.as_str(), found.preferred, &passed_over[..]), expect);
        };
        for rep in [0, 1] {
            let prefers = [rep == 0, rep == 1];
            let picked = ["ana", "ben"][rep];
            check(&prefers, None, [9.0, 0.0], (picked, true, &[]));
        }
        check(&[true, false], Some(3), [3.0, 0.0], ("ben", false, &["ana"]));
        check(&[true, false], Some(3), [2.0, 0.0], ("ana", true, &[]));
        check(&[], Some(3), [0.0, 5.0], ("ana", false, &["ben"]));
    }

    #[test]
    fn other_actions() {
        let config = fixture::config();
        let rules = RulesTrace::default();
        let lead = fixture::lead();
        let stranded = Asked { lead: &lead, tier: Tier::Three, rules: &rules, confidence: Confidence::High };
        let unsure = Asked { confidence: Confidence::Low, ..stranded };
        let reason = Unassigned::NoCapacity;
        let manager = Outcome::Manager { team: id("smb"), manager: "mia".to_owned(), reason };
        check(&config, Action::Manager(id("smb")), stranded, Ok(manager));
        check(&config, Action::Manager(id("enterprise")), stranded, Err("team enterprise has no manager"));
        check(&config, Action::Manager(id("none")), stranded, Err("there is no team none"));
        check(&config, Action::RoundRobin(id("none")), stranded, Err("team none has no reps"));
        let held = Outcome::Held { queue: "later".to_owned(), reason };
        check(&config, Action::Hold("later".to_owned()), unsure, Ok(held));
        check(&config, Action::Hold(" ".to_owned()), stranded, Err("the queue has no name"));
        let track = Outcome::Track { track: "drip".to_owned(), by: TrackedBy::Fallback };
        let nurture = Action::Nurture("drip".to_owned());
        check(&config, nurture.clone(), stranded, Ok(track));
        check(&config, nurture, unsure, Err("nurture is closed to leads with low confidence"));
        assert_eq!(last_resort(reason), Outcome::Held { queue: "unassigned".to_owned(), reason });
    }
}
