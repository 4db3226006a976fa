//! What is wrong with a rule set as a whole, before a lead meets it.
//!
//! Conditions are compared by what they say (`rules/logic.rs`). A [`Severity::Problem`] is certain: what is
//! not understood never leads to one. A [`Severity::Note`] is worth a look: two rules that can hold
//! together without an order between them, a table of rules that leaves something out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::logic::{Contradiction, Cube, Dnf, Logic, Variable, apart};
use super::values::{Kind, Texts, Values};
use super::{Condition, Facts, RepFacts, Route, Rule, RuleSet, Words};
use crate::lead::{Confidence, Lead, Rep, RuleId, Verdict};

/// The most steps that are spent on the question whether others take everything of a rule.
const MAX_STEPS: usize = 10_000;
/// Up to so many rules that take everything together, those that are not needed are found and left out.
const FEW: usize = 12;

/// One thing about a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub rule: RuleId,
    /// Whether it is wrong or only worth a look.
    pub severity: Severity,
    /// What it is, a lowercase fragment.
    pub message: String,
    /// How to mend it.
    pub hint: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Certainly not what somebody wanted.
    Problem,
    /// Worth a look; the rules are clear all the same.
    Note,
}

/// A rule that is looked at, with the worlds in which it holds.
struct Meant<'r> {
    rule: &'r Rule,
    holds: Dnf,
}

impl RuleSet {
    /// Everything about the active rules, rule by rule. The words are those they were compiled with.
    pub fn analyse(&self, words: &Words, reps: &[Rep]) -> Vec<Finding> {
        let mut logic = Logic::new(words);
        let mut findings = Vec::new();
        let mut meant = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.active) {
            let holds = logic.meaning(rule.when.as_ref()).holds;
            findings.extend(contradictions(rule, &holds, &mut logic, reps));
            // A rule that never holds has been told; nothing else about it matters.
            if !holds.is_empty() {
                meant.push(Meant { rule, holds });
            }
        }
        let routes: Vec<&Meant<'_>> = meant.iter().filter(|it| it.rule.then.route.is_some()).collect();
        findings.extend(excluded(&meant, &logic, reps));
        findings.extend(unreachable(&routes, &logic));
        findings.extend(overlaps(&routes));
        findings.extend(left_out(&routes, &logic));
        let place = |finding: &Finding| self.rules.iter().position(|rule| rule.id == finding.rule);
        findings.sort_by_key(place);
        findings
    }
}

fn problem(rule: &Rule, message: impl Into<String>, hint: impl Into<String>) -> Finding {
    Finding { rule: rule.id.clone(), severity: Severity::Problem, message: message.into(), hint: hint.into() }
}

fn note(rule: &Rule, message: impl Into<String>, hint: impl Into<String>) -> Finding {
    Finding { severity: Severity::Note, ..problem(rule, message, hint) }
}

/// What a rule can never mean by itself.
fn contradictions(rule: &Rule, holds: &Dnf, logic: &mut Logic<'_>, reps: &[Rep]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let (true, Some(when)) = (holds.is_empty(), &rule.when) {
        findings.push(match logic.contradicted(when) {
            Some((path, Contradiction::Alone)) => problem(
                rule,
                format!("this rule never holds: `{path}` is never what `when` asks of it"),
                "look at the values that it can have",
            ),
            Some((path, Contradiction::Together)) => problem(
                rule,
                format!("this rule never holds: `{path}` cannot be all that `when` asks of it"),
                "`&&` needs both sides at once; one of several values is `||` or `in [..]`",
            ),
            None => problem(rule, "this rule never holds", "to switch a rule off, write active = false"),
        });
    }
    let Some(only) = &rule.then.only else { return findings };
    let never = logic.meaning(Some(only)).holds.is_empty();
    let candidates: Vec<&Rep> = reps.iter().filter(|rep| may_get(rule, rep)).collect();
    if never {
        findings.push(problem(
            rule,
            "`only` never holds, so nobody could get such a lead",
            "look at its values",
        ));
    } else if !candidates.is_empty() && !candidates.iter().any(|rep| suits(only, rep)) {
        let whom = match &rule.then.route {
            Some(Route::Rep(rep)) => format!("{rep} is not what `only` asks for"),
            Some(Route::Team(team)) => format!("nobody of the team {team} is what `only` asks for"),
            _ => "no rep is what `only` asks for".to_owned(),
        };
        findings.push(problem(rule, whom, "look at the columns of reps.csv that it reads"));
    }
    findings
}

/// Whether a rule's route leads to a rep.
fn may_get(rule: &Rule, rep: &Rep) -> bool {
    match &rule.then.route {
        Some(Route::Rep(only)) => rep.id == *only,
        Some(Route::Team(team)) => rep.team == *team,
        Some(Route::Track(_) | Route::Queue(_)) => false,
        None => true,
    }
}

/// Whether a condition can hold for a rep, going by what it asks of the rep alone.
fn suits(only: &Condition, rep: &Rep) -> bool {
    let Ok(id) = "any".parse() else { return true };
    let lead = Lead::bare(id, Timestamp::UNIX_EPOCH);
    let verdict = Verdict {
        lane: None,
        confidence: Confidence::Low,
        ranking: Vec::new(),
        intent: 0.0,
        signals: Vec::new(),
        complexity: None,
        reason: String::new(),
    };
    let (facts, rep) = (Facts::new(&lead, &verdict), RepFacts::new(rep));
    if only.reads().all(|path| path.starts_with("rep.")) {
        return only.holds_for(&facts, &rep) == Ok(true);
    }
    only.holds_of(&facts, &rep).unwrap_or(true)
}

/// Routes to people whom the same rule, or one that holds whenever it does, excludes.
fn excluded(meant: &[Meant<'_>], logic: &Logic<'_>, reps: &[Rep]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let excluding: Vec<&Meant<'_>> = meant.iter().filter(|it| !it.rule.then.exclude.is_empty()).collect();
    for it in meant {
        let Some(Route::Rep(_) | Route::Team(_)) = &it.rule.then.route else { continue };
        let whom: Vec<&Rep> = reps.iter().filter(|rep| may_get(it.rule, rep)).collect();
        if whom.is_empty() {
            continue;
        }
        let by = excluding.iter().find(|other| {
            whom.iter().all(|rep| other.rule.then.exclude.contains(&rep.id))
                && (other.rule.id == it.rule.id || implies(&it.holds, &other.holds, logic))
        });
        let Some(by) = by else { continue };
        let whom = route_in_words(it.rule);
        let message = match by.rule.id == it.rule.id {
            true => format!("this rule sends leads to {whom} and excludes the same"),
            false => format!(
                "this rule sends leads to {whom}, and the rule {:?}, which holds whenever it does, excludes them",
                by.rule.id.as_str()
            ),
        };
        findings.push(problem(it.rule, message, "leave one of the two out"));
    }
    findings
}

/// Routes that earlier rules leave nothing for.
fn unreachable(routes: &[&Meant<'_>], logic: &Logic<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, it) in routes.iter().enumerate() {
        let Some(takers) = takers(it, &routes[..number], logic) else { continue };
        let names: Vec<String> = takers.iter().map(|rule| format!("{:?}", rule.id.as_str())).collect();
        let (by, hint) = match (takers.as_slice(), names.as_slice()) {
            ([taker], [name]) if taker.when.is_none() => {
                (format!("the rule {name} before it always holds"), format!("put {name} last"))
            }
            (_, [name]) => (
                format!("the rule {name} before it holds whenever this one does"),
                format!("put it before {name}, or give it a lower `priority`"),
            ),
            _ => (
                format!("the rules {} before it take everything it could have", listed(&names)),
                "put it before them, or give it a lower `priority`".to_owned(),
            ),
        };
        findings.push(problem(it.rule, format!("the route of this rule is never taken: {by}"), hint));
    }
    findings
}

/// The earlier rules that together hold whenever this one does, if they do: no more than it takes.
fn takers<'r>(it: &Meant<'r>, earlier: &[&Meant<'r>], logic: &Logic<'_>) -> Option<Vec<&'r Rule>> {
    let mut near: Vec<&Meant<'r>> =
        earlier.iter().copied().filter(|other| !disjoint(&it.holds, &other.holds)).collect();
    let take_all = |some: &[&Meant<'r>]| {
        let cubes: Vec<&Cube> = some.iter().flat_map(|other| &other.holds).collect();
        it.holds.iter().all(|cube| logic.covered(cube, &cubes, MAX_STEPS))
    };
    if !take_all(&near) {
        return None;
    }
    if let Some(one) = near.iter().find(|other| take_all(&[**other])) {
        return Some(vec![one.rule]);
    }
    let mut number = 0;
    while near.len() <= FEW && number < near.len() {
        let without: Vec<&Meant<'r>> =
            near.iter().enumerate().filter(|(n, _)| *n != number).map(|(_, other)| *other).collect();
        match take_all(&without) {
            true => near = without,
            false => number += 1,
        }
    }
    Some(near.into_iter().map(|other| other.rule).collect())
}

/// Rules of one rank that can hold together and go different ways.
fn overlaps(routes: &[&Meant<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, it) in routes.iter().enumerate() {
        let Some(priority) = it.rule.priority else { continue };
        let other = routes[..number].iter().find(|other| {
            other.rule.priority == Some(priority)
                && other.rule.then.route != it.rule.then.route
                && !disjoint(&it.holds, &other.holds)
        });
        let Some(other) = other else { continue };
        let message = format!(
            "this rule and {:?} can hold together, both have priority {priority}, and they go to {} and to {}",
            other.rule.id.as_str(),
            route_in_words(it.rule),
            route_in_words(other.rule),
        );
        findings.push(note(
            it.rule,
            message,
            "the file's order decides; give the stronger one a lower `priority`",
        ));
    }
    findings
}

/// Rules that route by one path like a table, and what the table lacks.
fn left_out(routes: &[&Meant<'_>], logic: &Logic<'_>) -> Vec<Finding> {
    if routes.iter().any(|it| it.holds.iter().any(BTreeMap::is_empty)) {
        return Vec::new();
    }
    let mut tables: BTreeMap<Variable, Vec<&Meant<'_>>> = BTreeMap::new();
    for it in routes {
        let paths: BTreeSet<Variable> = it.holds.iter().flat_map(BTreeMap::keys).copied().collect();
        let single = it.holds.iter().all(|cube| cube.len() == 1);
        if let (true, 1, Some(path)) = (single, paths.len(), paths.first())
            // A lane leads somewhere by itself.
            && logic.is_path(*path)
            && logic.text(*path) != "verdict.lane"
        {
            tables.entry(*path).or_default().push(it);
        }
    }
    let mut findings = Vec::new();
    for (path, table) in tables {
        let (Some(last), true) = (table.last(), table.len() > 1) else { continue };
        let sets = table.iter().flat_map(|it| &it.holds).filter_map(|cube| cube.get(&path));
        let covered = sets.fold(Values::none(), |all, values| all.or(values));
        let missing = logic.universe(path).and(&covered.not());
        let Some(what) = in_words(&missing) else { continue };
        let name = logic.text(path);
        let message = format!("rules route by `{name}`, and none of them where it is {what}");
        let hint =
            "such leads go where their lane leads; add a rule for them, or one without `when` at the end";
        findings.push(note(last.rule, message, hint));
    }
    findings
}

/// Values in words; nothing where there are none, or too many to name.
fn in_words(values: &Values) -> Option<String> {
    let Texts::Only(texts) = &values.texts else { return None };
    let mut parts: Vec<String> = texts.iter().map(|text| format!("'{text}'")).collect();
    for (from, to) in values.numbers.intervals() {
        let from_words = match (from.at, from.behind) {
            (f64::NEG_INFINITY, _) => None,
            (at, false) => Some(format!("{at} or more")),
            (at, true) => Some(format!("more than {at}")),
        };
        let to_words = to.map(|to| format!("{} {}", if to.behind { "at most" } else { "less than" }, to.at));
        parts.push(match (from_words, to_words) {
            (Some(_), Some(_)) if to.is_some_and(|to| to.at == from.at) => from.at.to_string(),
            (Some(from), Some(to)) => format!("{from} and {to}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => "a number".to_owned(),
        });
    }
    for kind in values.kinds() {
        match kind {
            Kind::Null | Kind::Nothing if !parts.iter().any(|part| part == "absent") => {
                parts.push("absent".to_owned());
            }
            Kind::True => parts.push("true".to_owned()),
            Kind::False => parts.push("false".to_owned()),
            Kind::Null | Kind::Nothing | Kind::Other => {}
        }
    }
    let last = parts.pop()?;
    Some(if parts.is_empty() { last } else { format!("{} or {last}", parts.join(", ")) })
}

/// `a, b and c`.
fn listed(names: &[String]) -> String {
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => names.concat(),
    }
}

fn route_in_words(rule: &Rule) -> String {
    match &rule.then.route {
        Some(Route::Rep(rep)) => rep.to_string(),
        Some(Route::Team(team)) => format!("the team {team}"),
        Some(Route::Track(track)) => format!("the track {track}"),
        Some(Route::Queue(queue)) => format!("the queue {queue}"),
        None => "nowhere".to_owned(),
    }
}

fn disjoint(a: &Dnf, b: &Dnf) -> bool {
    a.iter().all(|left| b.iter().all(|right| apart(left, right)))
}

/// Whether the second certainly holds in every world of the first.
fn implies(a: &Dnf, b: &Dnf, logic: &Logic<'_>) -> bool {
    let cubes: Vec<&Cube> = b.iter().collect();
    a.iter().all(|cube| logic.covered(cube, &cubes, MAX_STEPS))
}
