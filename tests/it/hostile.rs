//! Hostile guests: each shows the failure it was made for, its lead is routed all the same, and the
//! tenant next door decides as if nothing had been.
//!
//! [`CASES`] is the table of attacks as `docs/sandbox.md` numbers them. What a table cannot say is in the
//! modules: budgets in time, what is logged, what one instance leaves to the next, what ten thousand
//! calls leave behind.

mod budget;
mod crafted;
mod fair;
mod isolation;
mod leak;
mod poison;
mod repeat;
mod settings;
mod tenants;
mod traces;

use std::collections::BTreeSet;

use lanewright::decision::{AssignedBy, Cause, Outcome, Triage};
use lanewright::failure::{Blame, Failure, Limit};
use lanewright::plugin::Stage;

use crate::guests::{guest, guests, with_component, with_instances};
use crate::harness::PLAN;
use tenants::plugins;

pub(crate) use leak::resident;
pub(crate) use tenants::{Neighbour, Role, calls, decide, tenant, told};

/// What comes of a guest.
enum Expect {
    /// It reaches this limit; the plan allows so much.
    Limit(Limit, u64),
    /// It breaks off, in words that contain this.
    Trap(&'static str),
    /// Its answer does not count: path and problem contain this.
    Answer(&'static str),
    /// It blames its settings, or itself.
    Says(Blame),
    /// Its answer counts.
    Counts,
    /// It is never taken: stage, and a message that contains this.
    Refused(Stage, &'static str),
}

struct Case {
    /// Its number in `docs/sandbox.md`.
    attack: u8,
    guest: &'static str,
    role: Role,
    /// A line of TOML, or nothing.
    settings: &'static str,
    expect: Expect,
}

const fn case(attack: u8, guest: &'static str, expect: Expect) -> Case {
    Case { attack, guest, role: Role::Classifier, settings: "", expect }
}

const FUEL: Expect = Expect::Limit(Limit::Fuel, 50_000_000);
const MEMORY: Expect = Expect::Limit(Limit::Memory, 16 << 20);
const TABLE: Expect = Expect::Limit(Limit::Table, 20_000);
const CROSSING: Expect = Expect::Limit(Limit::Crossing, 1 << 20);
const HOST_CALLS: Expect = Expect::Limit(Limit::HostCalls, 256);

const CASES: &[Case] = &[
    case(0, "plain", Expect::Counts),
    case(1, "loops_forever", FUEL),
    case(2, "starts_slowly", FUEL),
    case(3, "reallocs_forever", FUEL),
    case(3, "reallocs_with_trap", Expect::Trap("unreachable")),
    case(3, "reallocs_out_of_bounds", Expect::Trap("beyond end of memory")),
    case(3, "reallocs_misaligned", Expect::Trap("not aligned")),
    case(4, "copies_forever", FUEL),
    case(4, "fills_forever", FUEL),
    case(4, "fills_tables_forever", FUEL),
    case(5, "eats_memory", MEMORY),
    case(5, "grows_and_gives_up", MEMORY),
    case(5, "grows_then_divides", Expect::Trap("divide by zero")),
    case(5, "copes_without_memory", Expect::Counts),
    case(
        5,
        "wants_huge_memory",
        Expect::Refused(Stage::Resources, "104857600 bytes of memory from the start"),
    ),
    case(5, "wants_wide_memory", Expect::Refused(Stage::Resources, "2 memories")),
    case(6, "grows_tables", TABLE),
    case(6, "grows_two_tables", TABLE),
    case(6, "knocks_at_its_own_limits", Expect::Counts),
    case(6, "wants_huge_table", Expect::Refused(Stage::Resources, "10000000 table elements")),
    case(6, "wants_five_tables", Expect::Refused(Stage::Resources, "tables; at most 4")),
    case(7, "wants_two_memories", Expect::Refused(Stage::Resources, "2 memories; at most 1")),
    case(8, "recurses", Expect::Limit(Limit::Stack, 512 << 10)),
    case(8, "recurses_into_the_host", Expect::Limit(Limit::Stack, 512 << 10)),
    case(9, "grows_answers", CROSSING),
    case(9, "grows_then_answers_too_much", CROSSING),
    case(9, "answers_beyond_memory", Expect::Trap("out of bounds")),
    scorer(9, "answers_many_items", CROSSING),
    scorer(9, "answers_ten_million_items", Expect::Refused(Stage::Resources, "45875200 bytes of memory")),
    fallback(10, "answers_overlapping", CROSSING),
    case(10, "asks_overlapping", CROSSING),
    case(11, "floods_log", HOST_CALLS),
    case(11, "calls_in_start", HOST_CALLS),
    case(12, "forges_log", Expect::Counts),
    scorer(13, "panics", Expect::Trap("unreachable")),
    case(13, "traps_after_log", Expect::Trap("unreachable")),
    case(13, "traps_inside_a_call", Expect::Trap("unreachable")),
    case(13, "lies_about_text", Expect::Trap("utf-8")),
    case(14, "reallocs_by_calling_out", Expect::Trap("cannot leave component instance")),
    case(14, "lingers_after_answering", FUEL),
    case(22, "canary_a", Expect::Counts),
    case(22, "canary_b", Expect::Counts),
    Case { settings: BLAMES_SETTINGS, ..fallback(26, "bombs_errors", Expect::Says(Blame::Settings)) },
    Case { settings: BLAMES_ITSELF, ..fallback(26, "bombs_errors", Expect::Says(Blame::Plugin)) },
    case(26, "asks_for_fields", Expect::Counts),
    case(26, "forges_a_reason", Expect::Trap("unreachable")),
    case(27, "answers_odd_nans", Expect::Answer("ranking[0].score is NaN")),
    case(27, "repeats_itself", Expect::Counts),
    case(27, "wants_relaxed_simd", Expect::Refused(Stage::Compile, "relaxed SIMD")),
    case(27, "wants_shared_memory", Expect::Refused(Stage::Resources, "2 memories")),
    case(36, "traps_on_some_leads", Expect::Counts),
];

const BLAMES_SETTINGS: &str = "settings = { blame = \"settings\" }";
const BLAMES_ITSELF: &str = "settings = { blame = \"internal\" }";

const fn scorer(attack: u8, guest: &'static str, expect: Expect) -> Case {
    Case { role: Role::Scorer, ..case(attack, guest, expect) }
}

const fn fallback(attack: u8, guest: &'static str, expect: Expect) -> Case {
    Case { role: Role::Fallback, ..case(attack, guest, expect) }
}

/// Guests that a table of one lead cannot show; each is shown elsewhere.
const ELSEWHERE: &[&str] = &[
    "answers_many_issues",
    "answers_wrong",
    "loops_in_check",
    "loops_in_prepare",
    "loops_in_start",
    "prepares_too_much",
    "tells_what_it_sees",
];

#[test]
fn every_guest_fails_as_it_should_and_no_lead_is_lost() {
    let neighbour = Neighbour::new();
    for case in CASES {
        check(&format!("attack {}, {}", case.attack, case.guest), guest(case.guest), case);
        neighbour.noticed_nothing();
    }
}

fn check(name: &str, component: &[u8], case: &Case) {
    let Case { role, settings, expect, .. } = case;
    let tenant = match (tenant(component, *role, settings, plugins()), expect) {
        (Ok(tenant), Expect::Refused(..)) => panic!("{name}: was taken, as {}", tenant.config.tenant),
        (Ok(tenant), _) => tenant,
        (Err(problems), Expect::Refused(stage, text)) => {
            let told = told(&problems);
            assert!(told.contains(&format!("refused at {stage}: ")) && told.contains(text), "{name}: {told}");
            return;
        }
        (Err(problems), _) => panic!("{name}: {}", told(&problems)),
    };
    let decision = decide(&tenant);
    let calls = calls(&tenant, &decision, *role);
    let last = calls.last().unwrap_or_else(|| panic!("{name}: was never asked"));
    let failure = last.failure.as_ref();
    match (expect, failure) {
        (Expect::Counts, None) => {}
        (Expect::Limit(limit, allowed), Some(Failure::Limit { limit: reached, used, allowed: plan })) => {
            assert_eq!((limit, allowed), (reached, plan), "{name}");
            assert!(used >= allowed, "{name}: used {used}, allowed {allowed}");
        }
        (Expect::Trap(text), Some(Failure::Trap { reason })) => {
            assert!(reason.contains(text), "{name}: {reason}");
        }
        (Expect::Answer(text), Some(failure @ Failure::Answer { .. })) => {
            assert!(failure.to_string().contains(text), "{name}: {failure}");
        }
        (Expect::Says(blame), Some(failure @ (Failure::Settings { .. } | Failure::Internal { .. }))) => {
            assert_eq!(failure.blame(), *blame, "{name}");
        }
        (_, failure) => panic!("{name}: {failure:?}"),
    }
    if let Some(failure) = failure {
        assert!(last.fuel > 0, "{name}: what failed had run, and is metered");
        assert_eq!(failure.blame() == Blame::Settings, matches!(expect, Expect::Says(Blame::Settings)));
        // Long names and words of a guest fill nobody's trace.
        let told = serde_json::to_string(failure).expect("JSON");
        assert!(told.len() < 3 << 10, "{name}: {} bytes of failure", told.len());
        assert!(!told.contains("\\u001b") && !told.contains('\u{9b}'), "{name}: {told}");
    }

    let failed = failure.is_some();
    let cause = decision.trace.fallback.as_ref().map(|fallback| fallback.cause);
    match role {
        Role::Classifier | Role::Scorer => {
            assert_eq!(cause, failed.then_some(Cause::PluginFailed), "{name}");
            let by = matches!(&decision.outcome, Outcome::Assigned { by: AssignedBy::Fallback, .. });
            assert_eq!(by, failed, "{name}: {:?}", decision.outcome);
            assert!(matches!(decision.outcome, Outcome::Assigned { .. }), "{name}: {:?}", decision.outcome);
        }
        Role::Fallback => {
            assert_eq!(cause, Some(Cause::AllAtCapacity), "{name}");
            assert!(matches!(decision.outcome, Outcome::Manager { .. } | Outcome::Held { .. }), "{name}");
        }
        Role::Enricher => assert!(matches!(decision.outcome, Outcome::Assigned { .. }), "{name}"),
    }
    let triage = failed && *role == Role::Classifier;
    assert_eq!(decision.triage == Some(Triage::ClassifierFailed), triage, "{name}");
    assert!(decision.lane.is_some(), "{name}: best-match always yields a lane");
}

#[test]
fn every_guest_is_in_the_table() {
    let tested = CASES.iter().map(|case| case.guest).chain(ELSEWHERE.iter().copied());
    let tested: BTreeSet<&str> = tested.collect();
    let built: BTreeSet<&str> = guests().keys().map(String::as_str).collect();
    assert_eq!(built, tested, "a guest without a test, or a test without a guest");
}

/// Attack 7: many of everything by composition, which costs a good component and a few bytes.
#[test]
fn a_component_is_one_module_and_what_is_around_it() {
    let plain = guest("plain");
    let check = |name: &str, component: &[u8], stage: Stage, text: &str| {
        let expect = Expect::Refused(stage, "");
        check(
            name,
            component,
            &Case { attack: 7, guest: "plain", role: Role::Classifier, settings: "", expect },
        );
        let Err(refusals) = plugins().load(component) else { panic!("{name}: was taken") };
        let found = refusals.iter().any(|refusal| refusal.stage == stage && refusal.message.contains(text));
        assert!(found, "{name}: {refusals:?}");
    };
    let module = "(module)";
    check("a thousand instances", &with_instances(plain, module, 1_000), Stage::Resources, "core instances");
    let memory = "(module (memory 1))";
    check("a memory more", &with_instances(plain, memory, 1), Stage::Resources, "2 memories; at most 1");
    let table = "(module (table 9 funcref))";
    check("a table each", &with_instances(plain, table, 5), Stage::Resources, "tables");
    let large = "(module (table 9000 funcref))";
    check("large tables", &with_instances(plain, large, 3), Stage::Resources, "table elements");
    let many: Vec<u8> = (0..12).fold(plain.to_vec(), |made, _| with_instances(&made, module, 1));
    check("twelve modules", &many, Stage::Parse, "core modules; at most 10");
    let nested = "(component (core module) (core instance (instantiate 0)))";
    check("a component inside", &with_component(plain, nested), Stage::Parse, "inside nested components");
}

/// What is larger than plain code may be runs in an engine of its own, under limits of its own: here a
/// guest with a megabyte of nothing.
#[test]
fn large_guests_have_larger_limits_and_reach_them() {
    let neighbour = Neighbour::new();
    let padding = format!("(module (data \"{}\"))", "x".repeat(PLAN.component_bytes));
    let check = |guest_name: &'static str, expect: Expect| {
        let large = with_instances(guest(guest_name), &padding, 0);
        let case = Case { attack: 5, guest: guest_name, role: Role::Classifier, settings: "", expect };
        check(guest_name, &large, &case);
        neighbour.noticed_nothing();
    };
    check("plain", Expect::Counts);
    check("loops_forever", Expect::Limit(Limit::Fuel, 10 * PLAN.fuel));
    check("eats_memory", Expect::Limit(Limit::Memory, 4 * PLAN.memory_bytes as u64));

    let larger = "x".repeat(40 * PLAN.component_bytes);
    let Err(refusals) = plugins().load(&[guest("plain"), larger.as_bytes()].concat()) else {
        panic!("no component is that large");
    };
    assert_eq!(refusals[0].stage, Stage::Size, "{refusals:?}");
}

/// Attack 25: every kind of answer that cannot be.
#[test]
fn wrong_answers_never_count() {
    use Expect::{Answer, Limit as Reaches};
    let neighbour = Neighbour::new();
    let (c, s, f, e) = (Role::Classifier, Role::Scorer, Role::Fallback, Role::Enricher);
    let text = |allowed| Reaches(Limit::Text, allowed);
    let cases = [
        (c, "nothing", Expect::Counts),
        (c, "unknown-lane", Answer("no lane of this tenant")),
        (c, "no-lane", Answer("lane is none")),
        (c, "unranked-lane", Answer("ranking lacks sales")),
        (c, "unknown-ranking", Answer("ranking[1].lane is \"nowhere\"")),
        (c, "duplicate-ranking", Answer("ranking[1].lane names sales a second time")),
        (c, "ascending-ranking", Answer("ranking[1].score is above the one before it")),
        (c, "endless-ranking", Answer("ranking[1].lane names sales a second time")),
        (c, "score-nan", Answer("ranking[0].score is NaN")),
        (c, "score-range", Answer("ranking[0].score is 1.01")),
        (c, "score-sum", Answer("ranking adds up to 1.45")),
        (c, "intent-nan", Answer("intent is NaN")),
        (c, "intent-infinite", Answer("intent is inf")),
        (c, "intent-range", Answer("intent is -1")),
        (c, "complexity-nan", Answer("complexity is NaN")),
        (c, "complexity-range", Answer("complexity is 1.5")),
        (c, "signal-beyond", Answer("signals[0] spans 0..")),
        (c, "signal-empty", Answer("signals[0] spans 1..1")),
        (c, "signal-backwards", Answer("signals[0] spans 2..1")),
        (c, "signal-far", Answer("signals[0] spans 4294967294..4294967295")),
        (c, "signal-inside-character", Answer("signals[0] spans 1..3")),
        (c, "signal-unnamed", Answer("signals[0].kind is empty")),
        (c, "signals-many", Reaches(Limit::Signals, 64)),
        (c, "reason-long", text(8 << 10)),
        (c, "reason-nul", Answer("reason holds a NUL")),
        (s, "nothing", Expect::Counts),
        (s, "row-missing", Answer("rows has 1 numbers; 2 candidates by 1 factors make 2")),
        (s, "row-extra", Answer("rows has 3 numbers")),
        (s, "row-nan", Answer("rows[0] is NaN")),
        (s, "row-range", Answer("rows[0] is 100.5")),
        (s, "factors-none", Answer("factors is empty")),
        (s, "factors-many", Reaches(Limit::Factors, 32)),
        (s, "factor-unnamed", Answer("factors[0].name is \"\"")),
        (s, "factor-twice", Answer("factors[1].name is \"luck\"")),
        (s, "factor-long", text(8 << 10)),
        (s, "weight-negative", Answer("factors[0].weight is 1.5")),
        (s, "weight-sum", Answer("factors has weights that add up to 0.5")),
        (s, "weight-nan", Answer("factors[0].weight is NaN")),
        (f, "nothing", Expect::Counts),
        (f, "actions-none", Answer("actions is empty")),
        (f, "actions-many", Reaches(Limit::Requests, 16)),
        (f, "team-unnamed", Answer("actions[0] an id cannot be empty")),
        (f, "team-control", Answer("actions[0] an id cannot hold the character '\\u{7}'")),
        (f, "queue-unnamed", Answer("actions[0] names nothing")),
        (f, "queue-long", text(8 << 10)),
        (e, "nothing", Expect::Counts),
        (e, "requests-many", Reaches(Limit::Requests, 16)),
        (e, "url-control", Answer("requests[0].url holds a control character")),
        (e, "url-long", text(8 << 10)),
        (e, "header-control", Answer("requests[0].headers[0] holds a control character")),
        (e, "fields-many", Reaches(Limit::Requests, 16)),
        (e, "field-unnamed", Answer("fields[0] has no name")),
        (e, "field-nan", Answer("fields[0] is NaN")),
        (e, "field-instant", Answer("beyond any date")),
        (e, "field-long", text(8 << 10)),
        (e, "field-texts", text(8 << 10)),
    ];
    for (role, wrong, expect) in cases {
        let settings: &'static str = format!("settings = {{ wrong = \"{wrong}\" }}").leak();
        let case = Case { attack: 25, guest: "answers_wrong", role, settings, expect };
        check(&format!("{role:?}, {wrong}"), guest("answers_wrong"), &case);
    }
    neighbour.noticed_nothing();
}
