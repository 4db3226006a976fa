//! Plugins of every version of the interface work side by side, and those of the older ones as they always did.
//!
//! `tests/frozen` holds, for each released version, a plugin that is never built again, and decisions that
//! the host of its time made with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lanewright::decision::{CallTrace, Decision, Outcome, Past};
use lanewright::failure::Failure;
use lanewright::fetch::{Fetcher, Reach};
use lanewright::pipeline::{Live, State, route};
use lanewright::plugin::{InterfaceVersion, Standard};
use lanewright::replay::{Replayed, replay};
use lanewright::tenant::Tenant;
use serde_json::{Value as Json, json};

use crate::guests::guest;
use crate::harness::{self, NOW, lanewright, plugins, root, with_stack};

/// The frozen plugin of a version, with its tenant.
fn frozen(version: InterfaceVersion) -> PathBuf {
    root().join("tests/frozen").join(version.as_str())
}

fn load(folder: &Path) -> Tenant {
    let told = |problems: lanewright::config::Problems| -> String {
        problems.0.iter().map(|problem| format!("{problem}\n")).collect()
    };
    Tenant::load(folder, plugins()).unwrap_or_else(|problems| panic!("{}", told(problems)))
}

fn recorded(version: InterfaceVersion) -> Vec<Decision> {
    let lines = fs::read_to_string(frozen(version).join("decisions.jsonl")).expect("its decisions");
    lines.lines().map(|line| serde_json::from_str(line).expect("a decision")).collect()
}

/// Decides about one lead as if it were the only one.
fn decide(tenant: &Tenant, lead: &Json) -> Decision {
    let at = NOW.parse().expect("a moment");
    let outside = Live { fetcher: Fetcher::new(Reach::Public) };
    let mut state = State::new(&tenant.config);
    with_stack(|| route(tenant, lead, (at, 1, Past::default()), &outside, &mut state).expect("a lead"))
}

fn calls<'d>(decision: &'d Decision, export: &str) -> Vec<&'d CallTrace> {
    decision.trace.calls().filter(|call| call.export == export).collect()
}

/// Every version but the newest has a plugin of its own: what was released keeps working.
#[test]
fn decisions_of_frozen_plugins_are_the_same_to_the_bit() {
    for version in InterfaceVersion::ALL.into_iter().filter(|version| *version != InterfaceVersion::NEWEST) {
        let tenant = load(&frozen(version).join("tenant"));
        let decisions = recorded(version);
        let asked: BTreeSet<&str> =
            decisions.iter().flat_map(|d| d.trace.calls()).map(|call| call.export.as_str()).collect();
        let all = [
            "classifier.classify",
            "enricher.interpret",
            "enricher.plan",
            "fallback.resolve",
            "scorer.score",
        ];
        assert!(asked.into_iter().eq(all), "{version}: not every export was asked");
        for decision in &decisions {
            match with_stack(|| replay(&tenant, decision)).expect("it runs again") {
                Replayed::Same => {}
                // The host is another one; what it decides is not.
                Replayed::Differs { versions, changes } => {
                    assert_eq!(changes, [], "{version} {}", decision.lead);
                    assert!(
                        versions.iter().all(|change| change.path == "/trace/versions/engine"),
                        "{versions:?}"
                    );
                }
            }
        }
    }
}

/// The frozen tenant with some of its plugins replaced: role and component.
fn with_plugins(replaced: &[(&str, &[u8])], settings: &str) -> Tenant {
    let folder = harness::tenant(&frozen(InterfaceVersion::V0_1).join("tenant"));
    let file = folder.path().join("tenant.toml");
    let mut toml = fs::read_to_string(&file).expect("the tenant");
    toml = toml.replace("{ team = \"care\" }", &format!("{{ team = \"care\"{settings} }}"));
    for (role, component) in replaced {
        let name = format!("{role}.wasm");
        fs::write(folder.path().join(&name), component).expect("written");
        let start = toml.find(&format!("[plugins.{role}]")).expect("the role");
        let (before, section) = toml.split_at(start);
        let rest = section[1..].find("\n[").map_or("", |end| &section[end + 1..]);
        toml = format!("{before}[plugins.{role}]\ncomponent = \"{name}\"\n{rest}");
    }
    fs::write(&file, toml).expect("written");
    load(folder.path())
}

#[test]
fn two_versions_work_side_by_side() {
    let check = |replaced: &[(&str, &[u8])], expect: [InterfaceVersion; 3]| {
        let tenant = with_plugins(replaced, "");
        let cast = &tenant.active;
        let used = [&cast.classifier.chosen, &cast.scorer, &cast.fallback.chosen];
        assert_eq!(used.map(|release| release.interface()), expect);
        for before in recorded(InterfaceVersion::V0_1) {
            let decision = decide(&tenant, &before.trace.received);
            assert!(decision.trace.calls().all(|call| call.failure.is_none()), "{decision:?}");
            // Whatever stands beside it, a call of the frozen plugin is the call it was.
            let mut same = 0;
            for then in before.trace.calls() {
                let mut calls = decision.trace.calls();
                let Some(now) = calls.find(|now| (&now.export, now.plugin) == (&then.export, then.plugin))
                else {
                    continue;
                };
                if ["enricher.plan", "enricher.interpret", "classifier.classify"]
                    .contains(&now.export.as_str())
                {
                    assert_eq!(now, then, "{}", before.lead);
                    same += 1;
                }
            }
            assert!(same >= 2, "{}", before.lead);
        }
    };
    use InterfaceVersion::{V0_1, V0_2};
    check(&[("scorer", Standard::Scorer.component())], [V0_1, V0_2, V0_1]);
    check(&[("classifier", guest("tells_what_it_sees"))], [V0_2, V0_1, V0_1]);
    check(&[("fallback", Standard::Fallback.component())], [V0_1, V0_1, V0_2]);
}

/// What is checked in an answer is checked whatever the version.
#[test]
fn answers_of_frozen_plugins_are_checked() {
    let check = |wrong: &str, lead: &str, export: &str, expect: &str| {
        let tenant = with_plugins(&[], &format!(", wrong = \"{wrong}\""));
        let mut recorded = recorded(InterfaceVersion::V0_1).into_iter();
        let received = recorded.find(|d| d.lead.as_str() == lead).expect("the lead").trace.received;
        let decision = decide(&tenant, &received);
        let failures: Vec<&Failure> =
            calls(&decision, export).iter().filter_map(|call| call.failure.as_ref()).collect();
        assert!(failures.iter().any(|failure| failure.to_string().contains(expect)), "{wrong}: {failures:?}");
    };
    check("verdict", "quote", "classifier.classify", "lane is \"nowhere\", which is no lane of this tenant");
    check("scores", "quote", "scorer.score", "rows[0] is NaN");
    check("actions", "broken-export", "fallback.resolve", "actions[0]");
    check("fields", "quote", "enricher.interpret", "fields[1] is NaN");
    check("failure", "quote", "classifier.classify", "as it was told to");
}

/// What came with 0.2 arrives: kind, complexity, segments, situation, several fields at once.
#[test]
fn the_newest_interface_tells_more() {
    let guest = guest("tells_what_it_sees");
    let tenant = with_plugins(&[("classifier", guest), ("scorer", guest), ("fallback", guest)], "");
    let lead = |kind: &str| {
        json!({
            "id": "1", "kind": kind, "text": "A pilot for 12, please.", "fields": {"seats": 60},
            "company": {"name": "Eva", "employees": 240},
        })
    };
    let check = |kind: &str, reason: &str, complexity: Option<f32>, scorer: &str| {
        let decision = decide(&tenant, &lead(kind));
        let verdict = decision.trace.classify.verdict.as_ref().expect("a verdict");
        assert_eq!((verdict.reason.as_str(), verdict.complexity), (reason, complexity));
        let asked: Vec<_> = calls(&decision, "classifier.classify")[0].fields.keys().collect();
        assert_eq!(asked, ["nothing", "seats"]);
        assert_eq!(calls(&decision, "scorer.score")[0].log[0].message, scorer);
    };
    let fields = "[Some(Value::Number(60.0)), None, Some(Value::Number(60.0))]";
    let segments = r#"[Segment { name: "size", value: "large" }]"#;
    check("lead", &format!("Kind::Lead {fields}"), None, &format!("None 3 {segments}"));
    check("deal", &format!("Kind::Deal {fields}"), Some(0.875), &format!("Some(0.875) 3 {segments}"));

    // Nobody of the lane's team has room.
    let full = with_plugins(&[("fallback", guest)], "");
    let lead = json!({"id": "1", "text": "The export of our invoices does not work."});
    let Outcome::Held { queue, .. } = decide(&full, &lead).outcome else { panic!("it was held") };
    let segments = r#"[Segment { name: "size", value: "unknown" }]"#;
    let situation =
        format!("Situation {{ cause: Cause::AllAtCapacity, tier: 3, segments: {segments} }} None");
    assert_eq!(queue, situation);
}

#[test]
fn the_program_says_which_version() {
    let told = |arguments: &[&str]| {
        let output = lanewright(arguments);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).expect("UTF-8"))
    };
    let wit = |version: InterfaceVersion| {
        fs::read_to_string(root().join(format!("wit/{version}/plugin.wit"))).expect("the interface")
    };
    for version in InterfaceVersion::ALL {
        assert_eq!(told(&["plugin", "wit", "--version", version.as_str()]), (Some(0), wit(version)));
    }
    assert_eq!(told(&["plugin", "wit"]), (Some(0), wit(InterfaceVersion::NEWEST)));
    let (code, text) = told(&["plugin", "wit", "--version", "0.3"]);
    assert!(code == Some(2) && text.contains("this host speaks 0.1 and 0.2"), "{text}");

    let tenant = frozen(InterfaceVersion::V0_1).join("tenant");
    let component = tenant.join("suite.wasm");
    let settings = tempfile::NamedTempFile::new().expect("a file");
    fs::write(settings.path(), r#"{"team": "care"}"#).expect("written");
    let [component, settings] = [&component, settings.path()].map(|path| path.to_str().expect("UTF-8"));
    let (code, text) = told(&["plugin", "check", component, "--settings", settings]);
    assert!(code == Some(0) && text.contains("\n  interface 0.1\n"), "{text}");
}
