//! Where a turn is counted, and who comes first in it: virtual queues (P3) and preferences (P17).
//!
//! A pool is a team, or a rule's own. What the tenant counts turns by (`[fairness] queue_by`) parts it into
//! virtual queues, each with turns of its own, so that who has had the small leads is not passed over for
//! the large ones. A queue's name is the pool and the lead's values: `smb|tier=3|industry=retail`.

use crate::config::{Config, QueueBy};
use crate::lead::{TeamId, Turns};
use crate::pipeline::capacity::Demand;
use crate::rules::Facts;

/// Who takes turns with whom, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool<'a> {
    /// The team's id, or `rule:` and the rule's for its own pool.
    pub name: &'a str,
    /// How turns are taken.
    pub turns: Turns,
}

impl<'a> Pool<'a> {
    /// A team's.
    pub fn team(config: &Config, team: &'a TeamId) -> Self {
        let turns = config.team(team).map(|team| team.turns).unwrap_or_default();
        Self { name: team.as_str(), turns }
    }
}

/// The name of the virtual queue in which a lead's turn is counted.
pub fn queue(config: &Config, pool: &str, demand: &Demand<'_>) -> String {
    let mut name = pool.to_owned();
    for by in &config.fairness.queue_by {
        let value = value(by, demand);
        // What parts the name cannot be part of a value.
        name.push_str(&format!("|{by}={}", value.replace('|', " ")));
    }
    name
}

/// A lead's value; nothing where it has none, which is a queue as well.
fn value(by: &QueueBy, demand: &Demand<'_>) -> String {
    let lead = demand.lead;
    let optional = |value: &Option<String>| value.clone().unwrap_or_default();
    match by {
        QueueBy::Tier => u8::from(demand.tier).to_string(),
        QueueBy::Lane => demand.lane.map(ToString::to_string).unwrap_or_default(),
        QueueBy::Kind => lead.kind.to_string(),
        QueueBy::Source => lead.source.clone(),
        QueueBy::Industry => optional(&lead.company.industry),
        QueueBy::Country => optional(&lead.company.country),
        QueueBy::Segment(name) => demand.segments.get(name).cloned().unwrap_or_default(),
    }
}

/// Whether each rep, by their place, prefers such a lead; empty where nobody does. A preference that cannot
/// be answered is none.
pub fn preferring(config: &Config, facts: &Facts<'_>) -> Vec<bool> {
    let mut places = Vec::new();
    for preference in &config.prefers {
        if preference.when.holds(facts) == Ok(true) {
            places.resize(config.reps.len(), false);
            for &place in &preference.reps {
                if let Some(prefers) = places.get_mut(place) {
                    *prefers = true;
                }
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{Preference, Share};
    use crate::lead::Tier;
    use crate::pipeline::fixture::{self, id};
    use crate::rules::Condition;

    #[test]
    fn queues_are_named_for_what_parts_them() {
        let lane = id("smb");
        let segments = BTreeMap::from([("size".to_owned(), "large".to_owned())]);
        let mut lead = fixture::lead();
        lead.company.industry = Some("oil|gas".to_owned());
        let check = |queue_by: &[QueueBy], expect: &str| {
            let mut config = fixture::config();
            config.fairness.queue_by = queue_by.to_vec();
            let demand = Demand { lane: Some(&lane), segments: &segments, ..Demand::of(&lead, Tier::Two) };
            assert_eq!(queue(&config, "smb", &demand), expect);
        };
        check(&[], "smb");
        check(&[QueueBy::Tier, QueueBy::Lane], "smb|tier=2|lane=smb");
        check(&[QueueBy::Kind, QueueBy::Source], "smb|kind=lead|source=web-form");
        check(&[QueueBy::Industry, QueueBy::Country], "smb|industry=oil gas|country=");
        let segment = |name: &str| QueueBy::Segment(name.to_owned());
        check(&[segment("size"), segment("none")], "smb|segment.size=large|segment.none=");
    }

    #[test]
    fn a_weight_holds_where_the_queue_has_its_parts() {
        let check = |parts: &[&str], queue: &str, expect: bool| {
            let parts = parts.iter().map(|part| (*part).to_owned()).collect();
            let share = Share { rep: id("ana"), parts, weight: 2.0 };
            assert_eq!(share.holds_in(queue), expect, "{queue}");
        };
        check(&["smb"], "smb", true);
        check(&["smb"], "smb|tier=3", true);
        check(&["smb"], "smbs|tier=3", false);
        check(&["tier=3"], "smb|tier=3|lane=smb", true);
        check(&["tier=3", "smb"], "smb|tier=3", true);
        check(&["tier=3", "lane=x"], "smb|tier=3", false);
        check(&["tier=3"], "smb|tier=30", false);
    }

    #[test]
    fn preferences_are_asked_once_each() {
        let preference = |when: &str, reps: &[usize]| Preference {
            when: Condition::compile(when).unwrap(),
            reps: reps.to_vec(),
        };
        let check = |prefers: Vec<Preference>, expect: &[bool]| {
            let config = Config { prefers, ..fixture::config() };
            let (lead, verdict) = (fixture::lead(), fixture::verdict());
            assert_eq!(preferring(&config, &Facts::new(&lead, &verdict)), expect);
        };
        check(vec![], &[]);
        check(vec![preference("lead.source == 'event'", &[0])], &[]);
        check(vec![preference("lead.company.employees >= 10", &[0])], &[]);
        check(vec![preference("lead.source == 'web-form'", &[0, 2])], &[true, false, true]);
        let event = preference("lead.source == 'event'", &[0]);
        check(vec![event, preference("verdict.intent > 70.0", &[1])], &[false, true, false]);
    }
}
