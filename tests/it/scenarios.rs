//! A folder a scenario: a tenant, its leads, and what is decided about them.
//!
//! ```text
//! tests/scenarios/NAME/tenant/        a tenant's folder, or `tenant`, a file that names an example
//!     its `history.csv`, where it has one, is learned from before
//! tests/scenarios/NAME/leads.jsonl    the leads; the example's own where there are none here
//! tests/scenarios/NAME/arguments      what else the program is told, such as `--batch`
//! tests/scenarios/NAME/expected.txt   every decision, as far as people care
//! tests/scenarios/NAME/messages.txt   what is said about lines that were refused
//! ```
//!
//! The real program routes them, and every decision is replayed and has to be the same to the bit.
//! `UPDATE_EXPECT=1 cargo test -p lanewright --test it scenarios` writes the expectations anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use lanewright::decision::{
    AssignedBy, Decision, Effect, Excluded, Known, Notice, Outcome, TrackedBy, Trigger,
};
use lanewright::lead::{FieldValue, Mode};

use crate::harness::{self, NOW, lanewright};

#[test]
fn scenarios() {
    let folders = folders();
    assert!(folders.len() >= 10, "{folders:?}");
    // Each is a process or two of its own; two at a time keep a small machine busy.
    std::thread::scope(|scope| {
        for half in folders.chunks(folders.len().div_ceil(2)) {
            scope.spawn(|| half.iter().for_each(|folder| check(folder)));
        }
    });
}

fn folders() -> Vec<PathBuf> {
    let scenarios = harness::root().join("tests/scenarios");
    let entries = fs::read_dir(scenarios).expect("scenarios");
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn check(scenario: &Path) {
    let (tenant, leads) = parts(scenario);
    let tenant = harness::tenant(&tenant);
    let (folder, leads) = (tenant.path().to_str().expect("UTF-8"), leads.to_str().expect("UTF-8"));
    if tenant.path().join("history.csv").is_file() {
        let trained = lanewright(&["train", folder, "--at", NOW]);
        let said = String::from_utf8_lossy(&trained.stderr);
        assert_eq!((trained.status.code(), said.as_ref()), (Some(0), ""), "{}", scenario.display());
    }
    let told = fs::read_to_string(scenario.join("arguments")).unwrap_or_default();
    let mut arguments = vec!["route", "--tenant", folder, leads, "--format", "json"];
    arguments.extend(told.split_whitespace());
    if !told.contains("--now") {
        arguments.extend(["--now", NOW]);
    }
    let routed = lanewright(&arguments);
    let messages = String::from_utf8(routed.stderr).expect("UTF-8");
    let expected_code = if messages.is_empty() { 0 } else { 1 };
    assert_eq!(routed.status.code(), Some(expected_code), "{}: {messages}", scenario.display());

    let lines = String::from_utf8(routed.stdout).expect("UTF-8");
    let decisions: Vec<Decision> =
        lines.lines().map(|line| serde_json::from_str(line).expect("a decision")).collect();
    expect_file![scenario.join("expected.txt")].assert_eq(&projected(&decisions));
    if !messages.is_empty() || scenario.join("messages.txt").exists() {
        expect_file![scenario.join("messages.txt")].assert_eq(&messages);
    }

    let stored = tenant.path().join("decisions.jsonl");
    fs::write(&stored, &lines).expect("written");
    let again = lanewright(&["replay", "--tenant", folder, stored.to_str().expect("UTF-8")]);
    let (said, told) = (String::from_utf8_lossy(&again.stdout), String::from_utf8_lossy(&again.stderr));
    assert_eq!(again.status.code(), Some(0), "{}: {said}{told}", scenario.display());
    assert_eq!(told, format!("{} the same to the bit, 0 not\n", decisions.len()), "{}", scenario.display());
}

/// The tenant's folder and the file of leads.
fn parts(scenario: &Path) -> (PathBuf, PathBuf) {
    let tenant = scenario.join("tenant");
    let tenant = match fs::read_to_string(&tenant) {
        Ok(example) => harness::root().join(example.trim()),
        Err(_) => tenant,
    };
    let own = scenario.join("leads.jsonl");
    let leads = if own.is_file() { own } else { tenant.join("leads.jsonl") };
    (tenant, leads)
}

/// Decisions as people care for them: no fuel, no digests, nothing that changes without a reason.
pub(crate) fn projected(decisions: &[Decision]) -> String {
    let mut out = String::new();
    for decision in decisions {
        project(decision, &mut out).expect("a string can be written to");
    }
    let count = |what: fn(&Decision) -> Option<String>| {
        let mut counts = BTreeMap::<String, usize>::new();
        decisions.iter().filter_map(what).for_each(|name| *counts.entry(name).or_default() += 1);
        counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
    };
    let reps = count(|decision| match &decision.outcome {
        Outcome::Assigned { rep, .. } => Some(rep.to_string()),
        _ => None,
    });
    writeln!(out, "{} decisions; {reps}", decisions.len()).expect("a string can be written to");
    out
}

fn project(decision: &Decision, out: &mut String) -> std::fmt::Result {
    let trace = &decision.trace;
    let Decision { lead, number, confidence, why, .. } = decision;
    let lane = decision.lane.as_ref().map_or("none", |lane| lane.as_str());
    let tier = u8::from(decision.tier);
    writeln!(out, "{lead} #{number}  {lane}, {confidence} confidence, tier {tier}")?;
    writeln!(out, "  to        {}", outcome(&decision.outcome))?;
    writeln!(out, "  why       {why}")?;
    if let Some(triage) = &decision.triage {
        writeln!(out, "  triage    {triage}")?;
    }
    if trace.past.trigger != Trigger::Arrived {
        writeln!(out, "  since     {:?} at {}", trace.past.trigger, decision.at)?;
    }
    if decision.mode == Mode::Suggest {
        writeln!(out, "  mode      {}", decision.mode)?;
    }
    if decision.units != 1 {
        writeln!(out, "  units     {}", decision.units)?;
    }
    if !decision.tags.is_empty() {
        writeln!(out, "  tags      {}", decision.tags.join(", "))?;
    }
    for flag in &decision.flags {
        writeln!(out, "  flag      {flag}")?;
    }
    for effect in &decision.effects {
        match effect {
            Effect::OfferTimes { rep, phone, from } => {
                writeln!(out, "  offers    {phone} times with {rep} from {from}")?;
            }
            Effect::Notify { who, about } if !matches!(about, Notice::Assigned | Notice::Suggested) => {
                writeln!(out, "  tells     {who}: {about:?}")?;
            }
            // Every assignment has these.
            Effect::SetOwner { .. } | Effect::Task { .. } | Effect::Notify { .. } | Effect::Enrol { .. } => {}
        }
    }
    for dropped in &trace.normalise.dropped {
        writeln!(out, "  dropped   {}: {}", dropped.field, dropped.problem)?;
    }
    if let Some(duplicate) = &trace.known.duplicate {
        writeln!(out, "  repeats   {} by {:?}", duplicate.master.id, duplicate.by)?;
    }
    let rules = &trace.rules;
    for rule in &rules.said.held {
        writeln!(out, "  rule      {rule}")?;
    }
    for unanswered in &rules.said.unanswered {
        writeln!(out, "  no answer {}: {}", unanswered.rule, unanswered.why)?;
    }
    for (name, value) in &rules.segments {
        writeln!(out, "  segment   {name} = {value}")?;
    }
    for claim in rules.claims.iter().filter(|claim| Some(&claim.rep) != rules.owner.as_ref()) {
        let excluded = claim.excluded.as_ref().map(|reason| format!(", who {reason}")).unwrap_or_default();
        writeln!(out, "  claim     {}{excluded}", claim.rep)?;
    }
    if let Some(owner) = &rules.owner {
        let excluded = rules.owner_excluded.as_ref().map(|reason| format!(", who {reason}"));
        writeln!(out, "  owner     {owner}{}", excluded.unwrap_or_default())?;
    }
    if let Some(territory) = &rules.territory {
        let waived = if rules.territory_waived { ", which it may leave" } else { "" };
        writeln!(out, "  territory {territory}{waived}")?;
    }
    if let Some(fallback) = &trace.fallback {
        for tried in &fallback.actions {
            let refused = tried.refused.as_ref().map(|why| format!(": refused, {why}")).unwrap_or_default();
            writeln!(out, "  fallback  {}{refused}", tried.action)?;
        }
    }
    if let Some(select) = &trace.select {
        let pool: Vec<String> =
            select.pool.iter().map(|(rep, chance)| format!("{rep} {chance:.2}")).collect();
        writeln!(out, "  pool      {}", pool.join(", "))?;
    }
    if let Some(score) = &trace.score {
        for found in &score.matches {
            let passed = found.passed_over.as_ref().map(|reason| format!(", passed over: {reason}"));
            writeln!(out, "  match     {} {:.1}{}", found.rep, found.total, passed.unwrap_or_default())?;
        }
    }
    if let Some(eligibility) = &trace.eligibility {
        let other = |reason: &Excluded| matches!(reason, Excluded::OtherTeam { .. });
        for (rep, reason) in eligibility.excluded.iter().filter(|(_, reason)| !other(reason)) {
            writeln!(out, "  not       {rep}: {reason}")?;
        }
        for others in eligibility.others.iter().filter(|others| !other(&others.reason)) {
            writeln!(out, "  not       {} others: {}", others.reps, others.reason)?;
        }
        for dropped in &eligibility.skills.dropped {
            writeln!(
                out,
                "  dropped   the skill {} after {} minutes",
                dropped.skill, eligibility.skills.waited
            )?;
        }
    }
    let asked: BTreeMap<_, _> = trace.calls().flat_map(|call| &call.fields).collect();
    for (name, value) in asked {
        writeln!(out, "  read      {name} = {}", value.as_ref().map_or("nothing".to_owned(), field))?;
    }
    for call in trace.calls() {
        if let Some(failure) = &call.failure {
            writeln!(out, "  failed    {}: {failure}", call.export)?;
        }
    }
    Ok(())
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Assigned { rep, team, total, by } => {
            let by = match by {
                AssignedBy::Match => "by match".to_owned(),
                AssignedBy::Rotation => "by rotation".to_owned(),
                AssignedBy::NamedAccount => "as owner".to_owned(),
                AssignedBy::Cover { owner } => format!("as cover for {owner}"),
                AssignedBy::Fallback => "by fallback".to_owned(),
                AssignedBy::Rule { rule } => format!("by rule {rule}"),
                AssignedBy::Sticky { known: Known::Contact } => "who knows the contact".to_owned(),
                AssignedBy::Sticky { known: Known::Account } => "who knows the account".to_owned(),
                AssignedBy::Master { record } => format!("who has the record {record}"),
                AssignedBy::Relay { from } => format!("in relay from {from}"),
                AssignedBy::Batch => "by batch".to_owned(),
                AssignedBy::Person => "by a person".to_owned(),
            };
            let total = total.map(|total| format!(" with {total:.1}")).unwrap_or_default();
            format!("rep {rep} of {team} {by}{total}")
        }
        Outcome::Manager { team, manager, .. } => format!("manager {manager} of {team}"),
        Outcome::Held { queue, .. } => format!("queue {queue}"),
        Outcome::Track { track, by: TrackedBy::Lane } => format!("track {track}"),
        Outcome::Track { track, by: TrackedBy::Rule } => format!("track {track} by rule"),
        Outcome::Track { track, by: TrackedBy::Fallback } => format!("track {track} by fallback"),
        Outcome::Triage => "people who decide".to_owned(),
    }
}

fn field(value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) => format!("{text:?}"),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Flag(flag) => flag.to_string(),
        FieldValue::Instant(at) => at.to_string(),
        FieldValue::Texts(texts) => format!("{texts:?}"),
    }
}
