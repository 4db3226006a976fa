//! How leads are ranked and reps are filled: `[tiers]`, `[capacity]` and `[matching]` of `tenant.toml`.
//!
//! Everything here has a default, so that a tenant who says nothing is served well.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use lanewright_learning::grades::{Ranges, Wanted};
use serde_json::Value as Json;

use super::condition::condition;
use super::handling::{by_lane, by_tier};
use super::read::Findings;
use super::toml_table::Table;
use super::{Capacity, Clock, Conflict, Matching, Problem, TierRule, Tiers, Units};
use crate::lead::{Caps, Lane};
use crate::rules::{Condition, Reads, Words};

/// Executive buyer or demo request (S2.16). Titles in the languages the standard classifier reads.
pub(super) const TIER_ONE: &str = r"lead.source == 'demo-request' || (lead.contact.title != null
  && lead.contact.title.matches(r'(?i)\b(c[efimort]o|ciso|cdo|cpo|chief\b.*\bofficer|president|[se]?vp|(co-?)?founder|owner|managing director|gesch(ä|ae)ftsf(ü|ue)hrer(in)?|pdg|directeur g[ée]n[ée]ral|director general|diretora? geral|ceo)\b')
  && !lead.contact.title.matches(r'(?i)\b(assistant|intern|product owner|office of)\b'))";

/// High fit by size, industry and intent (S2.16).
pub(super) const TIER_TWO: &str = r"(lead.company.employees != null
  && (lead.company.employees >= 1000 || (lead.company.employees >= 200 && verdict.intent >= 60)))
  || (lead.company.industry in ['financial services', 'banking', 'insurance', 'healthcare'] && verdict.intent >= 60)
  || verdict.intent >= 85";

/// Compiled once for all tenants who say nothing.
static ONE: LazyLock<Option<Arc<Condition>>> = LazyLock::new(|| compiled(TIER_ONE));
static TWO: LazyLock<Option<Arc<Condition>>> = LazyLock::new(|| compiled(TIER_TWO));

fn compiled(when: &str) -> Option<Arc<Condition>> {
    Condition::compile(when).ok().map(Arc::new)
}

/// Minutes to first touch of the three tiers (S2.17, S3.29).
const MINUTES: [u32; 3] = [5, 60, 240];
/// A month, in minutes.
const MAX_MINUTES: u32 = 43_200;

pub(super) fn tiers(root: &Table<'_>, words: &Words, findings: &Findings) -> Option<Tiers> {
    let table = root.table("tiers", "[tiers]", &["one", "two", "three", "clock"]);
    let rule = |key, noun| table.and_then(|table| table.table(key, noun, &["when", "minutes"]));
    let one = tier(rule("one", "tier `one`"), &ONE, MINUTES[0], words, findings);
    let two = tier(rule("two", "tier `two`"), &TWO, MINUTES[1], words, findings);
    let three = table
        .and_then(|table| table.table("three", "tier `three`, which takes every other lead,", &["minutes"]));
    let clocks = [("always", Clock::Always), ("working", Clock::Working)];
    let meanings = "\"always\" counts time as it passes, \"working\" the hours of the default schedule";
    let clock = table.and_then(|table| table.choice("clock", &clocks, meanings)).unwrap_or_default();
    Some(Tiers { one: one?, two: two?, three_minutes: minutes(three, MINUTES[2]), clock })
}

fn tier(
    table: Option<Table<'_>>,
    usual: &LazyLock<Option<Arc<Condition>>>,
    promised: u32,
    words: &Words,
    findings: &Findings,
) -> Option<TierRule> {
    let minutes = minutes(table, promised);
    let when = match table.and_then(|table| table.lines("when")) {
        Some(at) => Arc::new(condition("when", &at, Reads::Lead, words, findings)?),
        None => LazyLock::force(usual).clone()?,
    };
    Some(TierRule { when, minutes })
}

fn minutes(table: Option<Table<'_>>, default: u32) -> u32 {
    let hint = "minutes to first touch; a day has 1440";
    table.and_then(|table| table.count("minutes", 1..=MAX_MINUTES, hint)).unwrap_or(default)
}

const CAPACITY_KEYS: &[&str] =
    &["available", "near", "near_total", "tier_one_may_fill", "by_seniority", "units"];

pub(super) fn capacity(root: &Table<'_>, lanes: &[Lane]) -> Capacity {
    let table = root.table("capacity", "[capacity]", CAPACITY_KEYS);
    let share = "a share of a rep's `max_open`: 0.7 is 70 %";
    let number = |key, range, hint| table.and_then(|table| table.number(key, range, hint));
    let available = number("available", 0.0..=1.0, share).unwrap_or(0.7);
    let near = number("near", 0.0..=1.0, share).unwrap_or(0.9);
    if let Some(table) = table
        && available > near
    {
        let message = format!("`available` ends at {available}, above `near` at {near}");
        let hint = "the bands follow one another: up to `available`, up to `near`, up to 1";
        table.problem(Problem::at(&table.place_of("available"), message).hint(hint));
    }
    Capacity {
        available,
        near,
        near_total: number("near_total", 0.0..=100.0, "points of a match's total").unwrap_or(75.0),
        tier_one_may_fill: table.and_then(|table| table.flag("tier_one_may_fill")).unwrap_or(true),
        by_seniority: table.map(|table| by_seniority(&table)).unwrap_or_default(),
        units: table.map(|table| units(&table, lanes)).unwrap_or_default(),
    }
}

fn by_seniority(capacity: &Table<'_>) -> BTreeMap<u8, Caps> {
    let levels = [(1, "1"), (2, "2"), (3, "3"), (4, "4"), (5, "5")];
    let Some(table) = capacity.table("by_seniority", "[capacity.by_seniority]", &["1", "2", "3", "4", "5"])
    else {
        return BTreeMap::new();
    };
    let caps = |key| caps(&table, key, "this table of caps", "new leads of one rep");
    levels.into_iter().filter_map(|(level, key)| Some((level, caps(key)?))).collect()
}

/// The caps on new leads at a key; `what` they are called in a message, `of` what they count.
pub(super) fn caps(table: &Table<'_>, key: &str, what: &'static str, of: &str) -> Option<Caps> {
    let table = table.table(key, what, &["daily", "weekly"])?;
    let cap = |key| table.count(key, 1..=10_000, of);
    let caps = Caps { daily: cap("daily"), weekly: cap("weekly") };
    if table.is_empty() {
        let hint = "add daily = 3, weekly = 10 or both".to_owned();
        table.problem(Problem::at(&table.place(), format!("{what} is empty")).hint(hint));
    }
    if let (Some(daily), Some(weekly)) = (caps.daily, caps.weekly)
        && daily > weekly
    {
        let message = format!("`daily` is {daily} and `weekly` {weekly}, so no day ever reaches its cap");
        let hint = format!("make `daily` at most {weekly}, or leave it out");
        table.problem(Problem::at(&table.place_of("daily"), message).hint(hint));
    }
    Some(caps)
}

/// Most work units of one lead; a batch packs them exactly up to here.
pub(super) const MAX_UNITS: u32 = 100;

fn units(capacity: &Table<'_>, lanes: &[Lane]) -> Units {
    let Some(table) = capacity.table("units", "[capacity.units]", &["lanes", "tiers", "deal"]) else {
        return Units::default();
    };
    let count = |value: &Json| {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number
            .filter(|number| (1..=MAX_UNITS).contains(number))
            .ok_or(("is no number of work units", "a whole number from 1 to 100; an ordinary lead weighs 1"))
    };
    Units {
        lanes: by_lane(&table, lanes, count),
        tiers: by_tier(&table, count),
        deal: table.count("deal", 1..=MAX_UNITS, "an ordinary lead weighs 1"),
    }
}

pub(super) fn matching(root: &Table<'_>) -> Matching {
    let table = root.table(
        "matching",
        "[matching]",
        &["threshold", "qualified_within", "fast_intent", "waive_territory", "conflict", "grades"],
    );
    let points = |key| table.and_then(|table| table.number(key, 0.0..=100.0, "points of a match's total"));
    let waived = table.and_then(|table| table.texts("waive_territory"));
    Matching {
        threshold: points("threshold").unwrap_or(40.0),
        qualified_within: points("qualified_within").unwrap_or(15.0),
        fast_intent: table
            .and_then(|table| {
                table.number("fast_intent", 0.0..=101.0, "intent, 0 to 100; 101 asks nobody for speed")
            })
            .unwrap_or(85.0),
        waive_territory: match waived {
            // A lead's source is in lower case.
            Some(sources) => sources.into_iter().map(|at| at.value.to_lowercase()).collect(),
            None => vec!["demo-request".to_owned()],
        },
        conflict: table
            .and_then(|table| table.table("conflict", "`conflict`", &["weight", "strong", "weak", "within"]))
            .map_or_else(Conflict::default, |table| conflict(&table)),
        grades: table
            .and_then(|table| table.table("grades", "`grades`", &["a", "b", "c"]))
            .and_then(|table| grades(&table)),
    }
}

/// From which totals a match has grade A, B and C; what is below has D.
fn grades(table: &Table<'_>) -> Option<Ranges> {
    let least = |key| {
        if table.lacks(key) && !table.misspells(key) {
            let problem = Problem::at(&table.place(), format!("`grades` has no `{key}`"));
            table.problem(problem.hint("the least total of each: grades = { a = 75, b = 50, c = 25 }"));
        }
        table.number(key, 0.0..=100.0, "the least total of a match with this grade")
    };
    let (a, b, c) = (least("a"), least("b"), least("c"));
    match Ranges::try_from(Wanted { a: a?, b: b?, c: c? }) {
        Ok(ranges) => Some(ranges),
        Err(error) => {
            let hint = "what is better begins higher: grades = { a = 75, b = 50, c = 25 }";
            table.problem(Problem::at(&table.place(), error.to_string()).hint(hint));
            None
        }
    }
}

fn conflict(table: &Table<'_>) -> Conflict {
    let default = Conflict::default();
    let points = |key, hint| table.number(key, 0.0..=100.0, hint);
    let share = "a factor's share of the total: 0.15 is 15 of 100";
    let found = Conflict {
        weight: table.number("weight", 0.0..=1.0, share).unwrap_or(default.weight),
        strong: points("strong", "points of one factor").unwrap_or(default.strong),
        weak: points("weak", "points of one factor").unwrap_or(default.weak),
        within: points("within", "points of a match's total").unwrap_or(default.within),
    };
    if found.weak >= found.strong {
        let message = format!("`weak` is {}, not below `strong` at {}", found.weak, found.strong);
        let hint = "at most `weak` is weak, at least `strong` is strong";
        table.problem(Problem::at(&table.place_of("weak"), message).hint(hint));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;
    use crate::config::testing::{SMALL, small_with};
    use crate::lead::{Lead, Verdict};
    use crate::rules::Facts;
    use serde_json::json;

    /// Whether the default condition holds for a lead with these parts, and that it can be answered.
    #[track_caller]
    fn check(when: &str, part: Json, intent: f64, expected: bool) {
        let mut lead = json!({ "id": "L1", "source": "web-form", "received_at": "2026-01-01T00:00:00Z", "text": "",
            "contact": {}, "company": {} });
        for (key, value) in part.as_object().into_iter().flatten() {
            lead[key] = value.clone();
        }
        let lead: Lead = serde_json::from_value(lead).unwrap();
        let verdict: Verdict =
            serde_json::from_value(json!({ "lane": "smb", "confidence": "high", "ranking": [],
            "intent": intent, "signals": [], "reason": "" }))
            .unwrap();
        let condition = Condition::compile(when).unwrap();
        assert_eq!(condition.holds(&Facts::new(&lead, &verdict)), Ok(expected), "{part} {intent}");
    }

    #[test]
    fn executives_and_demo_requests_are_tier_one() {
        check(TIER_ONE, json!({ "source": "demo-request" }), 0.0, true);
        check(TIER_ONE, json!({}), 100.0, false);
        let title = |title: &str| json!({ "contact": { "title": title } });
        for yes in [
            "CEO",
            "Chief Data Officer",
            "VP Sales",
            "SVP, Operations",
            "Vice President",
            "CTO & Co-Founder",
            "Geschäftsführerin",
            "Managing Director",
            "owner",
        ] {
            check(TIER_ONE, title(yes), 0.0, true);
        }
        for no in [
            "Analyst",
            "Assistant to the CEO",
            "Product Owner",
            "Sales Manager",
            "Victor Operations",
            "Officer",
        ] {
            check(TIER_ONE, title(no), 0.0, false);
        }
    }

    #[test]
    fn size_industry_and_intent_make_tier_two() {
        let company = |employees: Option<u32>, industry: &str| json!({ "company": { "employees": employees, "industry": industry } });
        check(TIER_TWO, company(Some(1000), "retail"), 0.0, true);
        check(TIER_TWO, company(Some(999), "retail"), 59.0, false);
        check(TIER_TWO, company(Some(200), "retail"), 60.0, true);
        check(TIER_TWO, company(None, "retail"), 60.0, false);
        check(TIER_TWO, company(None, "healthcare"), 60.0, true);
        check(TIER_TWO, json!({}), 85.0, true);
        check(TIER_TWO, json!({}), 84.0, false);
    }

    #[test]
    fn grades_fall_from_a_to_c() {
        let check = |grades: &str, expect: Result<[f64; 3], &str>| {
            let tenant = format!("{}\n[matching]\ngrades = {{ {grades} }}\n", SMALL[0].1);
            let found = load(small_with(&[("tenant.toml", &tenant)]).path());
            let found = found
                .map(|config| json!(config.matching.grades))
                .map_err(|problems| problems.0[0].to_string());
            match (found, expect) {
                (Ok(grades), Ok(expect)) => assert_eq!(grades, json!(expect)),
                (Err(found), Err(expect)) => assert!(found.contains(expect), "{found}"),
                (found, expect) => panic!("{found:?}, and not {expect:?}"),
            }
        };
        check("a = 80, b = 60.5, c = 30", Ok([80.0, 60.5, 30.0]));
        check(
            "a = 60, b = 60, c = 30",
            Err("grades begin at 60 (A), 60 (B) and 30 (C), and have to fall from A to C"),
        );
        check("a = 60, b = 30", Err("`grades` has no `c`"));
        check("a = 120, b = 60, c = 30", Err("120"));
    }
}
