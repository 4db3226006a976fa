//! Which leads nobody could simply be found for, and which people are lacking (S2.8, S3.34, P10).
//!
//! Decisions in, gaps out. A gap is a segment (lane, team, territory, language) with one reason out of the
//! closed list; what is lacking is read from the reasons of the team's people. Coverage is the share of
//! leads that wanted a rep and got one by their match, account or rule: one the fallback had to place was
//! not covered.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::decision::{AssignedBy, Decision, Excluded, Outcome, Unassigned};
use crate::lead::{LaneId, TeamId, TerritoryId};

/// What a set of decisions says about the people who are there.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// Leads that wanted a rep: not those that a track or people take by their lane.
    pub wanted: usize,
    /// Those that got one without the fallback.
    pub covered: usize,
    /// By reason, how many leads nobody could be picked for.
    pub reasons: BTreeMap<Unassigned, usize>,
    /// Most leads first.
    pub gaps: Vec<Gap>,
}

/// A segment that lacks people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gap {
    /// Its leads' lane.
    pub lane: Option<LaneId>,
    /// The team that would take them, where one was looked at.
    pub team: Option<TeamId>,
    /// Where they are.
    pub territory: Option<TerritoryId>,
    /// Their language, where somebody lacked it.
    pub language: Option<String>,
    /// Why nobody could be picked.
    pub reason: Unassigned,
    /// How many leads.
    pub leads: usize,
    /// Their yearly value together, in the tenant's currency.
    pub value: f64,
    /// What keeps the team's people from them, and for how many of their leads it kept somebody.
    pub lacking: BTreeMap<String, usize>,
    /// What would close it, for a person.
    pub advice: String,
}

impl Coverage {
    /// The share of leads that wanted a rep and got one, 0 to 1; absent where none did.
    pub fn share(&self) -> Option<f64> {
        (self.wanted > 0).then(|| self.covered as f64 / self.wanted as f64)
    }
}

type Segment = (Option<LaneId>, Option<TeamId>, Option<TerritoryId>, Option<String>, Unassigned);

/// Counts the last decision about each lead.
pub fn coverage<'a>(decisions: impl IntoIterator<Item = &'a Decision>) -> Coverage {
    let mut last: BTreeMap<&str, &Decision> = BTreeMap::new();
    for decision in decisions {
        let known = last.entry(decision.lead.as_str()).or_insert(decision);
        if known.number <= decision.number {
            *known = decision;
        }
    }
    let mut coverage = Coverage::default();
    let mut gaps: BTreeMap<Segment, Gap> = BTreeMap::new();
    for decision in last.into_values() {
        let missed = missed(decision);
        let got = matches!(&decision.outcome, Outcome::Assigned { by, .. } if *by != AssignedBy::Fallback);
        coverage.wanted += usize::from(got || missed.is_some());
        coverage.covered += usize::from(got);
        if let Some(reason) = missed {
            *coverage.reasons.entry(reason).or_default() += 1;
            count(&mut gaps, decision, reason);
        }
    }
    coverage.gaps = gaps.into_values().collect();
    for gap in &mut coverage.gaps {
        gap.advice = advice(gap);
    }
    coverage.gaps.sort_by_key(|gap| Reverse(gap.leads));
    coverage
}

/// Why nobody could be picked, where the fallback was asked or the lead was kept out.
fn missed(decision: &Decision) -> Option<Unassigned> {
    match &decision.outcome {
        Outcome::Held { reason: Unassigned::ByRule, .. } => None,
        Outcome::Manager { reason, .. } | Outcome::Held { reason, .. } => Some(*reason),
        Outcome::Assigned { by: AssignedBy::Fallback, .. } | Outcome::Track { .. } => {
            decision.trace.fallback.as_ref().map(|fallback| fallback.reason)
        }
        Outcome::Assigned { .. } | Outcome::Triage => None,
    }
}

fn count(gaps: &mut BTreeMap<Segment, Gap>, decision: &Decision, reason: Unassigned) {
    let trace = &decision.trace;
    let lead = &trace.normalise.lead;
    let eligibility = trace.eligibility.as_ref();
    let reasons = || eligibility.into_iter().flat_map(|found| found.excluded.values());
    let lacks_language = reasons().any(|reason| matches!(reason, Excluded::Language { .. }));
    let language = lead.contact.language.clone().filter(|_| lacks_language);
    let team = eligibility.map(|found| found.team.clone());
    let territory = trace.rules.territory.clone();
    let key = (decision.lane.clone(), team.clone(), territory.clone(), language.clone(), reason);
    let gap = gaps.entry(key).or_insert_with(|| Gap {
        lane: decision.lane.clone(),
        team,
        territory,
        language,
        reason,
        leads: 0,
        value: 0.0,
        lacking: BTreeMap::new(),
        advice: String::new(),
    });
    gap.leads += 1;
    gap.value += lead.value.unwrap_or(0.0);
    let mut kinds: Vec<String> = reasons().map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        *gap.lacking.entry(kind).or_default() += 1;
    }
}

/// A reason without the numbers of one lead.
fn kind(reason: &Excluded) -> String {
    match reason {
        Excluded::OtherTeam { .. } => "other team".to_owned(),
        Excluded::OutsideTerritory { .. } => "territory".to_owned(),
        Excluded::Unavailable | Excluded::Leave { .. } | Excluded::BeforeLeave { .. } => "leave".to_owned(),
        Excluded::Holiday { .. } | Excluded::NotSoon { .. } => "hours".to_owned(),
        Excluded::WeeklyCap { .. } | Excluded::DailyCap { .. } => "caps".to_owned(),
        Excluded::TeamCap { .. } | Excluded::RuleCap { .. } | Excluded::Ahead { .. } => "caps".to_owned(),
        Excluded::AtCapacity { .. }
        | Excluded::OverCapacity { .. }
        | Excluded::NearCapacity { .. }
        | Excluded::KeptApart { .. } => "capacity".to_owned(),
        Excluded::DealSize { .. } => "deal size".to_owned(),
        Excluded::Language { language } => format!("language {language}"),
        Excluded::ByRule { rule } | Excluded::Unlike { rule } => format!("rule {rule}"),
        Excluded::Skill { skill, needed, .. } => format!("skill {skill} at {needed}"),
        Excluded::Declined => "declined".to_owned(),
    }
}

fn counted(leads: usize) -> String {
    if leads == 1 { "1 lead".to_owned() } else { format!("{leads} leads") }
}

fn advice(gap: &Gap) -> String {
    let team = gap.team.as_ref().map_or("the team".to_owned(), |team| format!("team {team}"));
    let place = gap.territory.as_ref().map(|territory| format!(" in {territory}")).unwrap_or_default();
    let lacking = |prefix: &str| -> Vec<&str> {
        gap.lacking.keys().filter_map(|kind| kind.strip_prefix(prefix)).collect()
    };
    match gap.reason {
        Unassigned::NoCapacity => {
            format!("more room in {team}{place}: {} found none", counted(gap.leads))
        }
        Unassigned::NotAvailable => format!("somebody who stands in for {team}{place}"),
        Unassigned::NoTerritory => format!("somebody of {team} who sells{place}"),
        Unassigned::NoSkill => format!("somebody of {team}{place} with {}", lacking("skill ").join(", ")),
        Unassigned::NoSeller => {
            let mut lacks =
                lacking("language ").iter().map(|tag| format!("speaks {tag}")).collect::<Vec<_>>();
            if gap.lacking.contains_key("deal size") {
                lacks.push("works on deals of this size".to_owned());
            }
            let who = if lacks.is_empty() { String::new() } else { format!(" who {}", lacks.join(" and ")) };
            format!("somebody of {team}{place}{who}")
        }
        Unassigned::Forbidden => format!("a look at the rules {}", lacking("rule ").join(", ")),
        Unassigned::BelowThreshold => format!("people of {team}{place} who fit these leads better"),
        Unassigned::Declined => format!("a word with {team}{place}, who did not take them"),
        Unassigned::Missed => format!("a word with {team}{place}, who did not touch them in time"),
        Unassigned::Refused => "a lane for what no lane takes".to_owned(),
        Unassigned::PluginFailed => "a plugin that works".to_owned(),
        Unassigned::TooOld | Unassigned::NeverAutomatic | Unassigned::ByRule => {
            "people who look at what is kept out".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{EligibilityTrace, TrackedBy};
    use crate::lead::Lead;
    use crate::pipeline::fixture::{self, id};

    fn decision(name: &str, value: f64, outcome: Outcome, excluded: Vec<Excluded>) -> Decision {
        let lead = Lead { id: id(name), value: Some(value), ..fixture::lead() };
        let mut decision = fixture::decision(&lead, outcome);
        let reps = (0..excluded.len()).map(|place| id(&format!("rep-{place}")));
        decision.trace.eligibility = Some(EligibilityTrace {
            team: id("smb"),
            candidates: vec![],
            excluded: reps.zip(excluded).collect(),
            others: vec![],
            skills: Default::default(),
        });
        decision
    }

    fn held(reason: Unassigned) -> Outcome {
        Outcome::Held { queue: "later".to_owned(), reason }
    }

    #[test]
    fn gaps_name_the_people_who_are_lacking() {
        let matched =
            Outcome::Assigned { rep: id("ana"), team: id("smb"), total: None, by: AssignedBy::Match };
        let track = Outcome::Track { track: "trial".to_owned(), by: TrackedBy::Lane };
        let full = || Excluded::OverCapacity { open: 9, max: 9 };
        let health = || Excluded::Skill { skill: "health".to_owned(), level: 2, needed: 7 };
        let found = coverage(&[
            decision("l1", 10.0, matched.clone(), vec![]),
            decision("l2", 10.0, track, vec![]),
            decision("l3", 10.0, held(Unassigned::NoCapacity), vec![full(), full()]),
            decision("l4", 20.0, held(Unassigned::NoCapacity), vec![full(), Excluded::Unavailable]),
            decision("l5", 5.0, held(Unassigned::NoSkill), vec![health()]),
        ]);
        assert_eq!((found.wanted, found.covered, found.share()), (4, 1, Some(0.25)));
        let gaps: Vec<_> = found.gaps.iter().map(|gap| (gap.leads, gap.value, gap.advice.as_str())).collect();
        assert_eq!(
            gaps,
            [
                (2, 30.0, "more room in team smb: 2 leads found none"),
                (1, 5.0, "somebody of team smb with health at 7"),
            ]
        );
        assert_eq!(found.gaps[0].lacking, [("capacity".to_owned(), 2), ("leave".to_owned(), 1)].into());

        // The last decision about a lead is the one that counts.
        let first = decision("l3", 10.0, held(Unassigned::NoCapacity), vec![full()]);
        let second = Decision { number: 2, ..decision("l3", 10.0, matched, vec![]) };
        for order in [[&first, &second], [&second, &first]] {
            assert_eq!(coverage(order).share(), Some(1.0));
        }
        assert_eq!(coverage([]).share(), None);
    }
}
