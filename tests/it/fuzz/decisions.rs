//! What is decided from and what was decided: leads, events, decisions that are stored, desks that are restored.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};
use lanewright::booking::Meeting;
use lanewright::counters::{Counted, NewLead, Sign};
use lanewright::decision::Decision;
use lanewright::desk::{Changes, Desk, Saved};
use lanewright::effects::{self, Source, Summary};
use lanewright::events;
use lanewright::fetch::{Fetcher, Reach};
use lanewright::lead::{LeadId, RepId};
use lanewright::pipeline::{Live, normalise};
use lanewright::records::Record;
use lanewright::replay::{Replayed, replay};
use lanewright::report::{Look, explain, table};
use lanewright::tenant::Tenant;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::Target;
use crate::harness::{self, NOW};

/// Tenants whose streams are tried: an example, and those of scenarios that between them use what a folder can say.
const TENANTS: &[&str] = &[
    "examples/northwind",
    "tests/scenarios/suggestions/tenant",
    "tests/scenarios/declined-and-timed-out/tenant",
    "tests/scenarios/missed-deadline-manager/tenant",
    "tests/scenarios/hold-and-drain/tenant",
    "tests/scenarios/duplicates/tenant",
    "tests/scenarios/sticky/tenant",
    "tests/scenarios/account-based/tenant",
    "tests/scenarios/hours-and-leave/tenant",
    "tests/scenarios/calendar/tenant",
    "tests/scenarios/rotation-weights/tenant",
    "tests/scenarios/handover/tenant",
    "tests/scenarios/skills/tenant",
    "tests/scenarios/work-units/tenant",
    "tests/scenarios/overlay-territory/tenant",
];

/// Lines of a stream that are played: what is wrong with a stream shows in a few.
const LINES: usize = 12;

pub(super) const LEAD: Target = Target {
    name: "lead",
    cases: 25,
    words: "decisions",
    seeds: || lines().filter(|(_, line)| !events::is_event(line)).map(|(_, line)| bytes(&line)).collect(),
    reads: |input| {
        let Ok(message) = serde_json::from_slice::<Json>(input) else { return "no JSON".to_owned() };
        let tenant = tenant(TENANTS[0]);
        let normal = match normalise(&message, &tenant.config, now()) {
            Ok(normal) => normal,
            Err(refusal) => return format!("{refusal}; {}", refusal.hint()),
        };
        let mut desk = Desk::new(Arc::clone(&tenant));
        let prepared =
            Desk::prepare(&tenant, &message, now(), outside()).expect("what normalises is prepared");
        let decision = desk.lead(prepared, outside());
        assert_eq!(decision.trace.normalise, normal);
        holds(&tenant, &decision);
        let dropped: Vec<String> = normal.dropped.iter().map(|dropped| format!("{dropped:?}")).collect();
        format!("{}; {}", decision.why, dropped.join("; "))
    },
};

pub(super) const STREAM: Target = Target {
    name: "stream",
    cases: 15,
    words: "decisions",
    seeds: || {
        let mut streams = BTreeMap::<&str, Vec<Json>>::new();
        lines().for_each(|(tenant, line)| streams.entry(tenant).or_default().push(line));
        let stream = |(tenant, lines): (&str, Vec<Json>)| {
            let parts: Vec<Vec<u8>> = lines
                .chunks(LINES)
                .map(|lines| bytes(&json!({ "tenant": tenant, "lines": lines })))
                .collect();
            parts
        };
        streams.into_iter().flat_map(stream).collect()
    },
    reads: |input| {
        let Ok(stream) = serde_json::from_slice::<Json>(input) else { return "no JSON".to_owned() };
        let Some(folder) = TENANTS.iter().find(|tenant| stream["tenant"] == **tenant) else {
            return "no tenant".to_owned();
        };
        let tenant = tenant(folder);
        let mut desk = Desk::new(Arc::clone(&tenant));
        let (mut at, mut told, mut all) = (now(), String::new(), Vec::new());
        for line in stream["lines"].as_array().into_iter().flatten().take(LINES) {
            let mut decided = Vec::new();
            if events::is_event(line) {
                match events::read(line) {
                    Ok(event) => {
                        at = at.max(event.at.unwrap_or(at));
                        decided.extend(desk.pass(at, outside()));
                        match desk.event(&event.what, at, outside()) {
                            Ok(more) => decided.extend(more),
                            Err(why) => told.push_str(&why),
                        }
                    }
                    Err(why) => told.push_str(&why),
                }
            } else {
                match Desk::prepare(&tenant, line, at, outside()) {
                    Ok(prepared) => {
                        at = at.max(prepared.received_at());
                        decided.extend(desk.pass(at, outside()));
                        decided.push(desk.lead(prepared, outside()));
                    }
                    Err(refusal) => told.push_str(&refusal.to_string()),
                }
            }
            all.extend(decided);
        }
        for decision in &all {
            holds(&tenant, decision);
            told.push_str(&decision.why);
        }
        // A desk that is made of what this one told goes on as this one does.
        let changes = desk.changes();
        assert!(desk.changes().is_empty(), "everything was told");
        let mut other = Desk::new(Arc::clone(&tenant));
        other
            .restore(saved(&restorable(&changes)).expect("what was told reads"))
            .expect("what was told reads");
        let later = at.checked_add(SignedDuration::from_hours(80)).unwrap_or(at);
        let decided = |desk: &mut Desk| -> Vec<_> {
            let decisions = desk.pass(later, outside());
            decisions.into_iter().map(|decision| (decision.lead, decision.number, decision.outcome)).collect()
        };
        assert_eq!(decided(&mut other), decided(&mut desk), "a restored desk goes on as it was");
        told
    },
};

pub(super) const EVENT: Target = Target {
    name: "event",
    cases: 2_000,
    words: "decisions",
    seeds: || lines().filter(|(_, line)| events::is_event(line)).map(|(_, line)| bytes(&line)).collect(),
    reads: |input| {
        let Ok(line) = serde_json::from_slice::<Json>(input) else { return "no JSON".to_owned() };
        match events::read(&line) {
            Ok(event) => {
                let written = serde_json::to_value(&event.what).expect("JSON");
                let again = events::read(&written).expect("what was written reads");
                assert_eq!(again.what, event.what);
                format!("{} {}", event.what.name(), event.at.is_some())
            }
            Err(why) => why,
        }
    },
};

pub(super) const DECISION: Target = Target {
    name: "decision",
    cases: 60,
    words: "decisions",
    seeds: || decided().iter().map(|(_, decision, _)| bytes(&json!(decision))).collect(),
    reads: |input| {
        let decision: Decision = match serde_json::from_slice(input) {
            Ok(decision) => decision,
            Err(error) => return error.to_string(),
        };
        let written = serde_json::to_string(&decision).expect("JSON");
        let again: Decision = serde_json::from_str(&written).expect("what was written reads");
        assert_eq!(again, decision);
        // Whoever reads a decision that somebody has edited is told something, whatever it is.
        let look = Look { width: 100, colour: false };
        let _ = (explain(&decision, look), table(std::slice::from_ref(&decision), look));
        let source = Source { tenant: &decision.tenant, lead: &decision.lead, head: 1, place: 0 };
        effects::fan_out(source, &Summary::of(&decision), &decision.effects, &[]);
        let tenants = TENANTS.iter().map(|folder| tenant(folder));
        let Some(tenant) = tenants.into_iter().find(|tenant| tenant.config.tenant == decision.tenant) else {
            return "another's".to_owned();
        };
        match replay(&tenant, &decision) {
            Ok(Replayed::Same) => "the same".to_owned(),
            Ok(Replayed::Differs { changes, .. }) => {
                changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        }
    },
};

pub(super) const SAVED: Target = Target {
    name: "saved",
    cases: 150,
    words: "decisions",
    seeds: || decided().iter().filter_map(|(.., saved)| saved.as_ref().map(bytes)).collect(),
    reads: |input| {
        let Ok(rows) = serde_json::from_slice::<Json>(input) else { return "no JSON".to_owned() };
        let Some(folder) = TENANTS.iter().find(|tenant| rows["tenant"] == **tenant) else {
            return "no tenant".to_owned();
        };
        let Some(saved) = saved(&rows) else { return "rows that do not read".to_owned() };
        let mut desk = Desk::new(tenant(folder));
        let leads: Vec<LeadId> = saved.cases.iter().map(|(lead, ..)| lead.clone()).collect();
        if let Err(error) = desk.restore(saved) {
            return error.to_string();
        }
        let later = now().checked_add(SignedDuration::from_hours(24 * 30)).expect("a time");
        let mut decisions = desk.pass(later, outside());
        let mut told = format!("{} passed", decisions.len());
        for lead in leads.into_iter().take(4) {
            for what in [
                events::What::Accepted { lead: lead.clone(), satisfaction: None },
                events::What::Declined { lead: lead.clone() },
                events::What::Unlocked { lead: lead.clone() },
                events::What::Closed { lead, outcome: None, value: None, satisfaction: None },
            ] {
                match desk.event(&what, later, outside()) {
                    Ok(more) => decisions.extend(more),
                    Err(why) => told.push_str(&why),
                }
            }
        }
        for decision in &decisions {
            told.push_str(&decision.why);
        }
        desk.wake_at();
        let again = restorable(&desk.changes());
        let mut other = Desk::new(tenant(folder));
        other.restore(self::saved(&again).expect("what was told reads")).expect("what was told reads");
        told
    },
};

/// That what is kept of a decision is the decision, and that it can be run again.
pub(super) fn holds(tenant: &Tenant, decision: &Decision) {
    let written = serde_json::to_string(decision).expect("JSON");
    let read: Decision = serde_json::from_str(&written).expect("what was written reads");
    assert_eq!(read, *decision, "what is stored is what was decided");
    let replayed = replay(tenant, &read).expect("it can be run again");
    assert_eq!(replayed, Replayed::Same);
}

/// What a desk told, as rows have it.
fn restorable(changes: &Changes) -> Json {
    let parsed = |text: &str| serde_json::from_str::<Json>(text).unwrap_or_default();
    let cases: Vec<Json> = changes
        .cases
        .iter()
        .map(|case| json!([case.lead, parsed(&case.state), case.kept.as_deref().map(parsed)]))
        .collect();
    let Counted { first, reps, queues, new_leads } = &changes.counted;
    let new_leads: Vec<Json> = new_leads
        .iter()
        .map(|new| json!([new.at, new.rep, new.team, new.rules, new.sign == Sign::Plus]))
        .collect();
    json!({
        "cases": cases, "first": first, "reps": reps, "queues": queues, "new_leads": new_leads,
        "records": changes.records, "absent": changes.absent, "booked": changes.booked,
        "arrivals": changes.arrivals,
    })
}

/// Rows, where they are rows.
fn saved(rows: &Json) -> Option<Saved> {
    fn read<T: DeserializeOwned>(rows: &Json, name: &str) -> Option<T> {
        serde_json::from_value(rows[name].clone()).ok()
    }
    let text = |json: &Json| if json.is_null() { String::new() } else { json.to_string() };
    let cases: Vec<(LeadId, Json, Option<Json>)> = read(rows, "cases")?;
    let new_leads: Vec<(Timestamp, RepId, _, _, bool)> = read(rows, "new_leads")?;
    let new_lead = |(at, rep, team, rules, plus)| {
        let sign = if plus { Sign::Plus } else { Sign::Minus };
        NewLead { at, rep, team, rules, sign }
    };
    Some(Saved {
        cases: cases
            .iter()
            .map(|(lead, state, kept)| (lead.clone(), text(state), kept.as_ref().map(text)))
            .collect(),
        counted: Counted {
            first: read(rows, "first")?,
            reps: read(rows, "reps")?,
            queues: read(rows, "queues")?,
            new_leads: new_leads.into_iter().map(new_lead).collect(),
        },
        records: read::<Vec<Record>>(rows, "records")?,
        absent: read(rows, "absent")?,
        booked: read::<Vec<(RepId, Vec<Meeting>)>>(rows, "booked")?,
        arrivals: read(rows, "arrivals")?,
    })
}

/// Decisions of every tenant's first leads, each with the rows that its desk told then.
fn decided() -> &'static [(&'static str, Decision, Option<Json>)] {
    static DECIDED: OnceLock<Vec<(&str, Decision, Option<Json>)>> = OnceLock::new();
    DECIDED.get_or_init(|| {
        let mut decided = Vec::new();
        for folder in TENANTS {
            let tenant = tenant(folder);
            let mut desk = Desk::new(Arc::clone(&tenant));
            let own = lines().filter(|(of, _)| of == folder);
            for (_, line) in own.filter(|(_, line)| !events::is_event(line)).take(4) {
                let Ok(prepared) = Desk::prepare(&tenant, &line, now(), outside()) else { continue };
                decided.push((*folder, desk.lead(prepared, outside()), None));
            }
            let mut rows = restorable(&desk.changes());
            rows["tenant"] = json!(folder);
            if let Some((.., last)) = decided.last_mut() {
                *last = Some(rows);
            }
        }
        decided
    })
}

/// Lines of every tenant's stream.
fn lines() -> impl Iterator<Item = (&'static str, Json)> {
    TENANTS.iter().flat_map(|tenant| {
        let folder = harness::root().join(tenant);
        let own = folder.join("leads.jsonl");
        let file = if own.is_file() { own } else { folder.with_file_name("leads.jsonl") };
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let lines: Vec<Json> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        lines.into_iter().map(move |line| (*tenant, line))
    })
}

/// A tenant, ready to decide.
pub(super) fn tenant(folder: &str) -> Arc<Tenant> {
    static TENANTS_READY: OnceLock<BTreeMap<&str, Arc<Tenant>>> = OnceLock::new();
    let ready = TENANTS_READY.get_or_init(|| {
        let load = |folder: &&'static str| {
            let tenant = Tenant::load(&harness::root().join(folder), harness::plugins());
            (*folder, Arc::new(tenant.unwrap_or_else(|problems| panic!("{folder}: {:?}", problems.0))))
        };
        TENANTS.iter().map(load).collect()
    });
    Arc::clone(&ready[folder])
}

pub(super) fn outside() -> &'static Live {
    static OUTSIDE: OnceLock<Live> = OnceLock::new();
    OUTSIDE.get_or_init(|| Live { fetcher: Fetcher::new(Reach::Public) })
}

pub(super) fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

fn bytes(json: &Json) -> Vec<u8> {
    json.to_string().into_bytes()
}
