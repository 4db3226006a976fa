//! Two ways of routing the same leads, side by side: which decisions change, from whom to whom and why, and
//! what that does to load, coverage and expected value.
//!
//! Decisions of both in, a comparison out. Why a decision changes is the first stage of the route whose
//! answer is another one: what lies behind it follows from it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::coverage::{Coverage, coverage};
use crate::decision::{Decision, Outcome, RulesTrace};
use crate::lead::{LeadId, RepId};

/// What changes, and what comes of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Leads that both routed.
    pub leads: usize,
    /// Those that go elsewhere or otherwise, in the order of the leads.
    pub changes: Vec<Change>,
    /// How many decisions change for each reason, most first.
    pub because: Vec<(Stage, usize)>,
    /// How many go from whom to whom, most first.
    pub moves: Vec<Move>,
    /// Every rep who has another number of leads in the end, by id.
    pub load: BTreeMap<RepId, Sides<usize>>,
    /// Share of leads that wanted a rep and got one without the fallback, 0 to 1.
    pub coverage: Sides<Option<f64>>,
    /// Value of what was assigned, each lead's yearly value times its match's total over 100. Totals stand
    /// in for the chance to win, so it compares two ways of routing and forecasts nothing.
    pub expected_value: Sides<f64>,
    /// Mean total of the matches that were picked.
    pub mean_total: Sides<Option<f64>>,
}

/// The same thing today and under the change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sides<T> {
    /// As it is.
    pub now: T,
    /// As it would be.
    pub then: T,
}

/// A decision that changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Whose.
    pub lead: LeadId,
    /// Which of its decisions, from 1.
    pub number: u32,
    /// Where it goes.
    pub to: Sides<String>,
    /// The first stage that answers otherwise.
    pub because: Stage,
    /// How; empty where it is not to be told.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub how: String,
    /// In one line, as each decision explains itself; absent where it is not to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Sides<String>>,
}

/// So many leads that go elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Move {
    /// From where to where.
    pub to: Sides<String>,
    /// How many.
    pub leads: usize,
}

/// A stage of the route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The message is read otherwise, or belongs to another account.
    Normalise,
    /// Another lane, or another confidence.
    Classify,
    /// Another tier.
    Tier,
    /// Rules, owner or territory.
    Rules,
    /// Somebody may take it who could not, or may not who could.
    Eligibility,
    /// Other totals.
    Score,
    /// The same candidates, another pick: whose turn it is depends on the leads before.
    Select,
    /// The fallback says otherwise.
    Fallback,
    /// Only one side decides this time: what came before went otherwise.
    Before,
    /// It goes to the same place in another mode, with another deadline or with other flags.
    Handling,
}

/// Compares decisions about the same leads. Decisions that only one side has are changes as well.
pub fn compare(now: &[Decision], then: &[Decision]) -> Comparison {
    let by_key = |decisions: &[Decision]| -> BTreeMap<(LeadId, u32), usize> {
        let key = |decision: &Decision| (decision.lead.clone(), decision.number);
        decisions.iter().enumerate().map(|(place, decision)| (key(decision), place)).collect()
    };
    let (places, other) = (by_key(now), by_key(then));
    let mut changes = Vec::new();
    for decision in now {
        let key = (decision.lead.clone(), decision.number);
        let against = other.get(&key).map(|place| &then[*place]);
        changes.extend(change(Some(decision), against));
    }
    for decision in then {
        if !places.contains_key(&(decision.lead.clone(), decision.number)) {
            changes.extend(change(None, Some(decision)));
        }
    }
    let because = counted(changes.iter().map(|change| change.because));
    let moves = moves(&changes);
    let (coverage_now, coverage_then): (Coverage, Coverage) = (coverage(now), coverage(then));
    let last = (last(now), last(then));
    Comparison {
        leads: now.iter().chain(then).map(|decision| &decision.lead).collect::<BTreeSet<_>>().len(),
        changes,
        because,
        moves,
        load: load(&last.0, &last.1),
        coverage: Sides { now: coverage_now.share(), then: coverage_then.share() },
        expected_value: Sides { now: expected_value(&last.0), then: expected_value(&last.1) },
        mean_total: Sides { now: mean_total(&last.0), then: mean_total(&last.1) },
    }
}

impl Comparison {
    /// The same for whoever may not read people's data: ids, stages and counts.
    #[must_use]
    pub fn without_people(mut self) -> Self {
        for change in &mut self.changes {
            (change.how, change.why) = (String::new(), None);
            for place in [&mut change.to.now, &mut change.to.then] {
                if place.starts_with(MANAGER) {
                    MANAGER.trim_end().clone_into(place);
                }
            }
        }
        self.moves = moves(&self.changes);
        self
    }
}

fn moves(changes: &[Change]) -> Vec<Move> {
    let moved = changes.iter().filter(|change| change.to.now != change.to.then);
    let moves = counted(moved.map(|change| (change.to.now.clone(), change.to.then.clone())));
    moves.into_iter().map(|((now, then), leads)| Move { to: Sides { now, then }, leads }).collect()
}

fn change(now: Option<&Decision>, then: Option<&Decision>) -> Option<Change> {
    let (because, how) = match (now, then) {
        (Some(now), Some(then)) => first_difference(now, then)?,
        _ => (
            Stage::Before,
            "an earlier decision went otherwise, so that only one side decides again".to_owned(),
        ),
    };
    let of = |side: Option<&Decision>, show: fn(&Decision) -> String| side.map(show).unwrap_or_default();
    let sides = |show: fn(&Decision) -> String| Sides { now: of(now, show), then: of(then, show) };
    let known = now.or(then)?;
    let (lead, number) = (known.lead.clone(), known.number);
    let why = Some(sides(|decision| decision.why.clone()));
    Some(Change { lead, number, to: sides(place), because, how, why })
}

/// The first stage whose answer differs; nothing where the decision is the same for everybody it concerns.
fn first_difference(now: &Decision, then: &Decision) -> Option<(Stage, String)> {
    let same_handling = (now.mode, now.minutes, now.due, now.units)
        == (then.mode, then.minutes, then.due, then.units)
        && (&now.tags, &now.flags) == (&then.tags, &then.flags);
    if now.outcome == then.outcome && same_handling {
        return None;
    }
    let (a, b) = (&now.trace, &then.trace);
    let lane = |decision: &Decision| decision.lane.as_ref().map_or("none", |lane| lane.as_str()).to_owned();
    if a.normalise.lead != b.normalise.lead || a.normalise.account != b.normalise.account {
        return Some((Stage::Normalise, "the message is read otherwise".to_owned()));
    }
    if (lane(now), now.confidence) != (lane(then), then.confidence) {
        let side = |decision| format!("{}, {}", lane(decision), decision.confidence);
        return Some((Stage::Classify, format!("lane {} → {}", side(now), side(then))));
    }
    if now.tier != then.tier {
        return Some((Stage::Tier, format!("tier {} → {}", u8::from(now.tier), u8::from(then.tier))));
    }
    // Who could not take what was theirs is a question of eligibility, and told there.
    let said = |rules: &RulesTrace| RulesTrace { claims: Vec::new(), owner_excluded: None, ..rules.clone() };
    if said(&a.rules) != said(&b.rules) {
        return Some((Stage::Rules, rules(now, then)));
    }
    let candidates = |decision: &Decision| -> BTreeSet<RepId> {
        let found = decision.trace.eligibility.iter().flat_map(|found| found.candidates.iter().cloned());
        found.collect()
    };
    let team = |decision: &Decision| {
        decision.trace.eligibility.as_ref().map_or("none".to_owned(), |found| found.team.to_string())
    };
    if team(now) != team(then) {
        return Some((Stage::Rules, format!("team asked {} → {}", team(now), team(then))));
    }
    let (before, after) = (candidates(now), candidates(then));
    if before != after {
        return Some((Stage::Eligibility, eligibility(then, &before, &after)));
    }
    let totals = |decision: &Decision| -> Vec<(RepId, f64)> {
        let matches = decision.trace.score.iter().flat_map(|score| &score.matches);
        matches.map(|found| (found.rep.clone(), found.total)).collect()
    };
    if totals(now) != totals(then) {
        let best =
            |decision: &Decision| totals(decision).first().map(|(rep, total)| format!("{rep} {total:.1}"));
        let side = |decision| best(decision).unwrap_or_else(|| "nobody".to_owned());
        return Some((Stage::Score, format!("best total {} → {}", side(now), side(then))));
    }
    if a.select != b.select {
        return Some((Stage::Select, "another turn, after other leads before".to_owned()));
    }
    if now.outcome != then.outcome {
        return Some((Stage::Fallback, "the fallback says otherwise".to_owned()));
    }
    Some((Stage::Handling, handling(now, then)))
}

fn rules(now: &Decision, then: &Decision) -> String {
    let (a, b) = (&now.trace.rules, &then.trace.rules);
    let name = |id: Option<&str>| id.unwrap_or("none").to_owned();
    let owner = |side: &RulesTrace| name(side.owner.as_ref().map(RepId::as_str));
    let territory = |side: &RulesTrace| name(side.territory.as_ref().map(crate::lead::TerritoryId::as_str));
    if owner(a) != owner(b) {
        format!("owner {} → {}", owner(a), owner(b))
    } else if territory(a) != territory(b) {
        format!("territory {} → {}", territory(a), territory(b))
    } else {
        "other rules hold".to_owned()
    }
}

fn eligibility(then: &Decision, before: &BTreeSet<RepId>, after: &BTreeSet<RepId>) -> String {
    let gone = before.difference(after).map(|rep| {
        let reason = then.trace.eligibility.as_ref().and_then(|found| found.excluded.get(rep));
        reason.map_or_else(|| format!("not {rep}"), |reason| format!("not {rep}, who {reason}"))
    });
    let new = after.difference(before).map(|rep| format!("{rep} can take it"));
    gone.chain(new).take(4).collect::<Vec<_>>().join("; ")
}

fn handling(now: &Decision, then: &Decision) -> String {
    if now.mode != then.mode {
        format!("mode {} → {}", now.mode, then.mode)
    } else if now.minutes != then.minutes {
        format!("first touch within {} → {} minutes", now.minutes, then.minutes)
    } else if now.due != then.due {
        format!("first touch by {} → {}", now.due, then.due)
    } else if now.units != then.units {
        format!("work units {} → {}", now.units, then.units)
    } else {
        "other tags or flags".to_owned()
    }
}

/// What a manager's address follows; no id of a rep has a blank.
const MANAGER: &str = "manager ";

/// Where a lead goes, in a word.
fn place(decision: &Decision) -> String {
    match &decision.outcome {
        Outcome::Assigned { rep, .. } => rep.to_string(),
        Outcome::Manager { manager, .. } => format!("{MANAGER}{manager}"),
        Outcome::Held { queue, .. } => format!("queue {queue}"),
        Outcome::Track { track, .. } => format!("track {track}"),
        Outcome::Triage => "people who decide".to_owned(),
    }
}

/// Where every lead is in the end: its last decision.
fn last(decisions: &[Decision]) -> Vec<&Decision> {
    let mut last: BTreeMap<&LeadId, &Decision> = BTreeMap::new();
    for decision in decisions {
        let known = last.entry(&decision.lead).or_insert(decision);
        if decision.number > known.number {
            *known = decision;
        }
    }
    last.into_values().collect()
}

fn load(now: &[&Decision], then: &[&Decision]) -> BTreeMap<RepId, Sides<usize>> {
    let mut load: BTreeMap<RepId, Sides<usize>> = BTreeMap::new();
    let rep = |decision: &&Decision| match &decision.outcome {
        Outcome::Assigned { rep, .. } => Some(rep.clone()),
        _ => None,
    };
    let none = Sides { now: 0, then: 0 };
    now.iter().filter_map(rep).for_each(|rep| load.entry(rep).or_insert(none).now += 1);
    then.iter().filter_map(rep).for_each(|rep| load.entry(rep).or_insert(none).then += 1);
    load.retain(|_, sides| sides.now != sides.then);
    load
}

fn expected_value(decisions: &[&Decision]) -> f64 {
    let value = |decision: &&Decision| match &decision.outcome {
        Outcome::Assigned { total: Some(total), .. } => {
            decision.trace.normalise.lead.value.unwrap_or(0.0) * total / 100.0
        }
        _ => 0.0,
    };
    // From +0, so that nothing is 0 and not -0.
    decisions.iter().map(value).fold(0.0, |sum, value| sum + value)
}

fn mean_total(decisions: &[&Decision]) -> Option<f64> {
    let totals: Vec<f64> = decisions
        .iter()
        .filter_map(|decision| match &decision.outcome {
            Outcome::Assigned { total, .. } => *total,
            _ => None,
        })
        .collect();
    (!totals.is_empty()).then(|| totals.iter().sum::<f64>() / totals.len() as f64)
}

/// Each thing with how often it comes, most first; equal ones in their own order.
fn counted<T: Ord>(things: impl Iterator<Item = T>) -> Vec<(T, usize)> {
    let mut counts = BTreeMap::new();
    for thing in things {
        *counts.entry(thing).or_insert(0) += 1;
    }
    let mut counts: Vec<(T, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{AssignedBy, EligibilityTrace, Excluded, Unassigned};
    use crate::lead::{Lead, Mode, Tier};
    use crate::pipeline::fixture::{self, id};

    fn assigned(name: &str, rep: &str, total: f64) -> Decision {
        let lead = Lead { id: id(name), value: Some(1000.0), ..fixture::lead() };
        let outcome =
            Outcome::Assigned { rep: id(rep), team: id("smb"), total: Some(total), by: AssignedBy::Match };
        let mut decision = fixture::decision(&lead, outcome);
        decision.trace.eligibility = Some(EligibilityTrace {
            team: id("smb"),
            candidates: vec![id(rep)],
            excluded: BTreeMap::new(),
            others: vec![],
            skills: Default::default(),
        });
        decision
    }

    #[test]
    fn the_first_stage_that_differs_is_the_reason() {
        let check = |then: Decision, expect: Option<(Stage, &str)>| {
            let found = compare(&[assigned("l1", "ana", 80.0)], &[then]);
            let first = found.changes.first().map(|change| (change.because, change.how.as_str()));
            assert_eq!(first, expect);
            assert_eq!(compare(&[], &[]).changes, []);
        };
        check(assigned("l1", "ana", 80.0), None);
        let mut away = assigned("l1", "ben", 80.0);
        away.tier = Tier::One;
        check(away.clone(), Some((Stage::Tier, "tier 3 → 1")));
        away.tier = Tier::Three;
        if let Some(found) = &mut away.trace.eligibility {
            found.excluded.insert(id("ana"), Excluded::Unavailable);
        }
        check(away, Some((Stage::Eligibility, "not ana, who takes no new leads now; ben can take it")));
        let mut owned = assigned("l1", "ben", 80.0);
        owned.trace.rules = RulesTrace { owner: Some(id("ben")), ..RulesTrace::default() };
        check(owned, Some((Stage::Rules, "owner none → ben")));
        let waits = Decision { mode: Mode::Suggest, ..assigned("l1", "ana", 80.0) };
        check(waits, Some((Stage::Handling, "mode auto → suggest")));
        let turn = Decision { ..assigned("l1", "ana", 80.0) };
        check(turn, None);
    }

    #[test]
    fn effects_on_load_coverage_and_value() {
        let now = [assigned("l1", "ana", 80.0), assigned("l2", "ana", 50.0)];
        let held = Outcome::Held { queue: "later".to_owned(), reason: Unassigned::NoCapacity };
        let then = [assigned("l1", "ben", 90.0), Decision { outcome: held, ..assigned("l2", "ana", 0.0) }];
        let found = compare(&now, &then);
        assert_eq!(found.leads, 2);
        assert_eq!(found.coverage, Sides { now: Some(1.0), then: Some(0.5) });
        assert_eq!(found.expected_value, Sides { now: 1300.0, then: 900.0 });
        assert_eq!(found.mean_total, Sides { now: Some(65.0), then: Some(90.0) });
        let load = [(id("ana"), Sides { now: 2, then: 0 }), (id("ben"), Sides { now: 0, then: 1 })];
        assert_eq!(found.load, load.into());
        let moves: Vec<_> = found.moves.iter().map(|m| (m.to.now.as_str(), m.to.then.as_str())).collect();
        assert_eq!(moves, [("ana", "ben"), ("ana", "queue later")]);
        // For whoever may not read people's data.
        let manager = Outcome::Manager {
            team: id("smb"),
            manager: "mia@smb.example".to_owned(),
            reason: Unassigned::NoCapacity,
        };
        let managed = [Decision { outcome: manager, ..assigned("l1", "ana", 0.0) }];
        let told = serde_json::to_string(&compare(&now, &managed).without_people()).expect("JSON");
        assert!(!told.contains("mia") && told.contains(r#"{"now":"ana","then":"manager"}"#), "{told}");
        // Routed by one side only.
        assert_eq!(compare(&now, &[]).changes.len(), 2);
        assert_eq!(compare(&[], &then).changes.len(), 2);
    }
}
