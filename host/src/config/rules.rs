//! Rules: `rules.toml`, and the teams that rows of segment tables name.

use std::collections::BTreeMap;

use super::condition::condition;
use super::names::Names;
use super::read::{At, File, Findings, Source, read};
use super::segments::PlacedSegment;
use super::territories::Roster;
use super::toml_table::{Table, parse};
use super::tuning::{MAX_UNITS, caps};
use super::values::{checked, id};
use super::{Folder, Place, Problem};
use crate::lead::{Mode, RuleId, SkillNeed};
use crate::nearest::nearest;
use crate::rules::{Actions, Condition, Finding, Reads, Route, Rule, RuleSet, Severity, Words};

pub(super) const RULES: &str = "rules.toml";

/// Actions, each of which makes a rule worth having.
const ACTIONS: &[&str] = &[
    "rep",
    "team",
    "track",
    "queue",
    "exclude",
    "only",
    "tag",
    "flag",
    "mode",
    "skills",
    "cap",
    "units",
    "within_hours",
];
const KEYS: &[&str] = &[
    "id",
    "name",
    "when",
    "priority",
    "active",
    "rep",
    "team",
    "track",
    "queue",
    "exclude",
    "only",
    "tag",
    "flag",
    "mode",
    "skills",
    "cap",
    "units",
    "within_hours",
];
const ROUTES: [&str; 4] = ["rep", "team", "track", "queue"];

/// A rule and where it stands.
pub(super) type PlacedRule = At<Rule>;

/// The rules of the file, in its order.
pub(super) fn rules(folder: &dyn Folder, words: &Words, roster: &Roster<'_>) -> Vec<PlacedRule> {
    let findings = roster.findings;
    let File::Text(text) = read(folder, RULES, findings) else { return Vec::new() };
    let source = Source::new(RULES, &text, findings);
    let Some(document) = parse(&source) else { return Vec::new() };
    let root = Table::root(&source, &document, &["rules"]);
    let mut names = Names::new("rule", RULES, true);
    root.tables("rules", "[[rules]]", "this rule", KEYS)
        .iter()
        .filter_map(|table| rule(table, &mut names, words, roster))
        .collect()
}

/// A row of a segment table that names a team is a rule behind all others.
pub(super) fn rules_of_segments(segments: &[PlacedSegment], words: &Words) -> Vec<PlacedRule> {
    let rows = segments.iter().flat_map(|(segment, places)| {
        segment.rows.iter().zip(places).map(|(row, place)| (segment.name.as_str(), row, place))
    });
    rows.filter_map(|(name, row, place)| {
        // A row without lanes that could be read has been told.
        let team = row.team.clone().filter(|_| !row.lanes.is_empty())?;
        let lanes: Vec<String> = row.lanes.iter().map(|lane| quoted(lane.as_str())).collect();
        let is = quoted(&row.is);
        let when = format!("segment.{name} == {is} && verdict.lane in [{}]", lanes.join(", "));
        let value = Rule {
            id: format!("{name}:{}", row.is).parse().ok()?,
            name: format!("{name} is {}", row.is),
            when: Some(Condition::compile_over(&when, Reads::Rule, words).ok()?),
            priority: None,
            active: true,
            then: Actions { route: Some(Route::Team(team)), ..Actions::default() },
        };
        Some(At { value, place: place.clone() })
    })
    .collect()
}

/// Puts rules in order, and says what is wrong with them as a whole; what is only worth a look comes back.
pub(super) fn rule_set(
    rules: Vec<PlacedRule>,
    words: &Words,
    roster: &Roster<'_>,
) -> (RuleSet, Vec<Problem>) {
    let places: BTreeMap<RuleId, Place> =
        rules.iter().map(|at| (at.value.id.clone(), at.place.clone())).collect();
    let set = RuleSet::new(rules.into_iter().map(|at| at.value).collect(), words);
    // What is said of everybody of a team needs everybody.
    let known = roster.rep_names.all().map_or(0, Iterator::count);
    let reps = if known == roster.reps.len() { roster.reps } else { &[] };
    let mut notes = Vec::new();
    for Finding { rule, severity, message, hint } in set.analyse(words, reps) {
        let Some(place) = places.get(&rule) else { continue };
        let hint = match (place.file == RULES, severity) {
            // Rows come behind all rules, so moving them is no way out.
            (false, Severity::Problem) => {
                "leave the row's `team` out, or let the rules leave something for it".to_owned()
            }
            _ => hint,
        };
        let found = Problem::at(place, message).hint(hint);
        match severity {
            Severity::Problem => roster.findings.add(found),
            Severity::Note => notes.push(found),
        }
    }
    (set, notes)
}

/// A text as conditions write it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

fn rule(table: &Table<'_>, names: &mut Names, words: &Words, roster: &Roster<'_>) -> Option<PlacedRule> {
    let findings = roster.findings;
    let key = table.required_text("id", "fairs").and_then(|at| {
        names.define(&at.value, &at.place, findings);
        checked("id", &at, findings, id::<RuleId>)
    });
    let name = table.text("name").map(|at| at.value);
    let when = conditional(table, "when", Reads::Rule, words, findings);
    let priority = table.count("priority", 0..=1_000_000, "the lowest number goes first");
    let active = table.flag("active").unwrap_or(true);
    if ACTIONS.iter().all(|key| table.lacks(key) && !table.misspells(key)) {
        let hint = format!("add one of {}", ACTIONS.join(", "));
        findings.add(Problem::at(&table.place(), "nothing follows from this rule").hint(hint));
    }
    let route = route(table, roster);
    let units = table.count("units", 1..=MAX_UNITS, "work units that such a lead counts for");
    let room = roster.reps.iter().map(|rep| rep.max_open).max();
    if let Some((units, room)) = units.zip(room).filter(|(units, room)| units > room) {
        let message = format!("nobody can ever have a lead of {units} work units");
        let hint = format!("the largest `max_open` in reps.csv is {room}");
        findings.add(Problem::at(&table.place_of("units"), message).hint(hint));
    }
    let then = Actions {
        route,
        exclude: roster.expand(table, "exclude").into_iter().collect(),
        only: conditional(table, "only", Reads::Rep, words, findings).flatten(),
        tags: table.texts("tag").unwrap_or_default().into_iter().map(|at| at.value).collect(),
        flag: table.text("flag").map(|at| at.value),
        mode: table.choice(
            "mode",
            &[("auto", Mode::Auto), ("suggest", Mode::Suggest)],
            "\"auto\" assigns at once, \"suggest\" waits for a person",
        ),
        skills: skills(table, roster),
        caps: caps(table, "cap", "`cap`", "most leads that a rep gets by this rule").unwrap_or_default(),
        units,
        within_hours: table.count("within_hours", 1..=720, "hours within which a rep must be at work"),
    };
    let key = key?;
    let name = name.unwrap_or_else(|| key.to_string());
    let value = Rule { id: key, name, when: when?, priority, active, then };
    Some(At { value, place: table.place() })
}

/// The condition at a key, where there is one; nothing where it is wrong.
fn conditional(
    table: &Table<'_>,
    key: &str,
    reads: Reads,
    words: &Words,
    findings: &Findings,
) -> Option<Option<Condition>> {
    match table.lines(key) {
        Some(at) => condition(key, &at, reads, words, findings).map(Some),
        None if table.lacks(key) => Some(None),
        None => None,
    }
}

fn route(table: &Table<'_>, roster: &Roster<'_>) -> Option<Route> {
    let findings = roster.findings;
    let given: Vec<(&str, At<String>)> =
        ROUTES.iter().filter_map(|key| Some((*key, table.text(key)?))).collect();
    let (first, others) = given.split_first()?;
    for (key, at) in others {
        let message = format!("this rule has both `{}` and `{key}`", first.0);
        findings.add(Problem::at(&at.place, message).hint("a rule sends a lead to one place"));
    }
    let (key, at) = first;
    let known = |names: &Names| names.allow(key, &at.value, &at.place, findings);
    match *key {
        "rep" => {
            let known = known(roster.rep_names);
            checked(key, at, findings, id).filter(|_| known).map(Route::Rep)
        }
        "team" => {
            let known = known(roster.team_names);
            checked(key, at, findings, id).filter(|_| known).map(Route::Team)
        }
        "track" => Some(Route::Track(at.value.clone())),
        _ => Some(Route::Queue(at.value.clone())),
    }
}

fn skills(table: &Table<'_>, roster: &Roster<'_>) -> Vec<SkillNeed> {
    let keys: &[&str] = &["skill", "level", "optional", "drop_after", "priority"];
    table
        .tables("skills", "[[rules.skills]]", "this skill", keys)
        .iter()
        .filter_map(|table| skill(table, roster))
        .collect()
}

fn skill(table: &Table<'_>, roster: &Roster<'_>) -> Option<SkillNeed> {
    let findings = roster.findings;
    let name = table.required_text("skill", "healthcare");
    let level = table.count("level", 1..=10, "1 is a beginner, 10 an expert").unwrap_or(1);
    let optional = table.flag("optional");
    let hint = "minutes that the lead waits for the skill; a day has 1440";
    let drop_after = table.count("drop_after", 0..=43_200, hint);
    if optional == Some(false) && drop_after.is_some() {
        let problem = Problem::at(&table.place_of("drop_after"), "only an optional skill can be dropped");
        findings.add(problem.hint("write optional = true, or leave `drop_after` out"));
    }
    let priority = table.count("priority", 0..=1_000_000, "the highest number is dropped first").unwrap_or(0);
    let At { value, place } = name?;
    let skill = value.to_lowercase();
    let known = roster.reps.iter().flat_map(|rep| rep.skills.keys()).map(String::as_str);
    let optional = optional == Some(true) || drop_after.is_some();
    // An optional skill may be one that somebody will have some day; a slip of the pen never is.
    if roster.rep_names.all().is_some() && !known.clone().any(|known| known == skill) {
        let problem = Problem::at(&place, format!("no rep has the skill {skill:?}"));
        match nearest(&skill, known) {
            Some(near) => findings.add(problem.hint(format!("did you mean `{near}`?"))),
            None if !optional => findings.add(problem.hint(
                "give it to somebody in reps.csv, or write optional = true so that others may have the lead",
            )),
            None => {}
        }
    }
    let best = roster.reps.iter().filter_map(|rep| rep.skills.get(&skill)).max();
    if let Some(best) = best.filter(|best| !optional && u32::from(**best) < level) {
        let problem =
            Problem::at(&table.place_of("level"), format!("no rep has the skill {skill:?} at {level}"));
        findings.add(problem.hint(format!(
            "the highest in reps.csv is {best}; lower it, or write optional = true so that others may have the lead"
        )));
    }
    Some(SkillNeed {
        skill,
        level: u8::try_from(level).unwrap_or(10),
        drop_after: optional.then(|| drop_after.unwrap_or(0)),
        priority,
    })
}
