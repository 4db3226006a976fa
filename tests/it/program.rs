//! The program as people meet it: what it prints for a person, and what its exit codes say.

use std::fs;
use std::path::Path;

use expect_test::{expect, expect_file};

use crate::harness::{self, NOW, lanewright};

fn example(name: &str) -> String {
    harness::root().join("examples").join(name).to_str().expect("UTF-8").to_owned()
}

/// What changes with every build: digests and fuel say what ran, not how it looks.
fn settled(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let words = line.split(' ').map(|word| {
            if word.starts_with("sha256:") || word.starts_with("blake3:") { "DIGEST" } else { word }
        });
        let line = words.collect::<Vec<_>>().join(" ");
        // A call's line is its export, its component's digest in short, and what it used.
        let call = line.split_once("  fuel ").and_then(|(before, _)| before.rsplit_once("  "));
        let line = call.map_or(line.as_str(), |(export, _)| export);
        let engine = line.trim_start().starts_with("engine ");
        out.push_str(if engine { "  engine …" } else { line.trim_end() });
        out.push('\n');
    }
    out
}

#[test]
fn one_lead_is_explained() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let all = fs::read_to_string(Path::new(&example("northwind")).join("leads.jsonl")).expect("leads");
    let lead = folder.path().join("lead.jsonl");
    fs::write(&lead, all.lines().next().expect("a lead")).expect("written");
    let lead = lead.to_str().expect("UTF-8");
    let out = lanewright(&["route", "--tenant", &example("northwind"), lead, "--now", NOW, "--explain"]);
    assert_eq!(out.status.code(), Some(0));
    expect_file![harness::root().join("tests/program/explain.txt")]
        .assert_eq(&settled(&String::from_utf8(out.stdout).expect("UTF-8")));
}

/// What was learned from a history counts in the match, and is told.
#[test]
fn what_was_learned_is_explained() {
    let folder = harness::tenant(Path::new(&example("calloway")));
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let trained = lanewright(&["train", &path(""), "--at", NOW, "--format", "table"]);
    assert_eq!(trained.status.code(), Some(0), "{}", String::from_utf8_lossy(&trained.stderr));
    let told = String::from_utf8(trained.stdout).expect("UTF-8").replace(&path(""), "FOLDER/");
    expect_file![harness::root().join("tests/program/train.txt")].assert_eq(&settled(&told));
    let leads = fs::read_to_string(path("leads.jsonl")).expect("leads");
    fs::write(path("lead.jsonl"), leads.lines().next().expect("a lead")).expect("written");
    let out = lanewright(&["route", "--tenant", &path(""), &path("lead.jsonl"), "--now", NOW, "--explain"]);
    assert_eq!(out.status.code(), Some(0));
    expect_file![harness::root().join("tests/program/explain-learned.txt")]
        .assert_eq(&settled(&String::from_utf8(out.stdout).expect("UTF-8")));
}

#[test]
fn a_file_becomes_a_table() {
    let northwind = example("northwind");
    let leads = format!("{northwind}/leads.jsonl");
    let out = lanewright(&["route", "--tenant", &northwind, &leads, "--now", NOW, "--format", "table"]);
    assert_eq!((out.status.code(), String::from_utf8_lossy(&out.stderr).as_ref()), (Some(0), ""));
    expect_file![harness::root().join("tests/program/table.txt")]
        .assert_eq(&settled(&String::from_utf8(out.stdout).expect("UTF-8")));
}

/// A folder that reads well, with plugins that only they themselves can find fault with.
#[test]
fn problems_of_plugins_are_told_with_the_rest() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).expect("written");
    write(
        "tenant.toml",
        br#"[tenant]
id = "acme"
name = "Acme"
currency = "USD"
timezone = "UTC"

[[lanes]]
id = "smb"
name = "Small and mid-sized"
definition = "Companies that want a quote."
team = "sales"

[plugins.classifier]
component = "text.wasm"

[plugins.scorer.settings]
weights = { territory = -1, shoe_size = 3 }

[plugins.fallback]
component = "empty.wasm"
"#,
    );
    write("teams.toml", b"[[teams]]\nid = \"sales\"\nname = \"Sales\"\n");
    write("reps.csv", b"id,name,team,max_open\nana,Ana,sales,25\n");
    write("text.wasm", b"(module)");
    write("empty.wasm", &wat::parse_str("(component)").expect("a component"));
    let out = lanewright(&["check", folder.path().to_str().expect("UTF-8")]);
    assert_eq!(out.status.code(), Some(1));
    let told = String::from_utf8(out.stderr).expect("UTF-8");
    let told = told.replace(folder.path().to_str().expect("UTF-8"), "FOLDER");
    expect_file![harness::root().join("tests/program/check.txt")].assert_eq(&told);
}

#[test]
fn exit_codes() {
    let check = |arguments: &[&str], code: i32, told: &str| {
        let out = lanewright(arguments);
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(told), "{arguments:?}: {said}");
    };
    let northwind = example("northwind");
    let broken = harness::root().join("tests/config/bands");
    let broken = broken.to_str().expect("UTF-8");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let empty = file("empty.jsonl", "\n\n");
    let bad = file("bad.jsonl", "{\n");
    // 0: everything asked was done.
    check(&["check", &northwind], 0, "");
    check(&["route", "--tenant", &northwind, &empty], 0, "");
    check(&["replay", "--tenant", &northwind, &empty], 0, "0 the same to the bit, 0 not");
    check(&["--version"], 0, "");
    // 1: done, with findings.
    check(&["check", broken], 1, "problem");
    check(&["route", "--tenant", &northwind, &bad], 1, "line 1: not JSON");
    check(&["replay", "--tenant", &northwind, &bad], 1, "0 the same to the bit, 1 not");
    // 2: the command line is wrong.
    check(&["route"], 2, "--tenant");
    check(&["rout"], 2, "route");
    check(&["route", "--tenant", &northwind, "--now", "noon"], 2, "noon");
    // 3: it could not be done.
    check(&["route", "--tenant", broken, &empty], 3, "is not in order");
    check(&["route", "--tenant", &northwind, "no-such-file"], 3, "cannot be opened");
    check(&["route", "--tenant", "no-such-folder", &empty], 3, "is not in order");
}

/// A decision that was tampered with, and one that another tenant made.
#[test]
fn replay_says_where_a_decision_differs() {
    let northwind = example("northwind");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let lead = write("lead.jsonl", r#"{"id": "l1", "text": "Could you send a quote for 35 users?"}"#);
    let out = lanewright(&["route", "--tenant", &northwind, &lead, "--now", NOW, "--format", "json"]);
    let decision = String::from_utf8(out.stdout).expect("UTF-8");

    let changed = decision.replacen("\"minutes\":", "\"minutes\":1", 1);
    assert_ne!(changed, decision);
    let changed = write("changed.jsonl", &changed);
    let out = lanewright(&["replay", "--tenant", &northwind, &changed]);
    assert_eq!(out.status.code(), Some(1));
    expect![[r#"
        differs  l1 #1
          value /minutes: then 1240, now 240
    "#]]
    .assert_eq(&String::from_utf8_lossy(&out.stdout));

    let foreign = write("foreign.jsonl", &decision.replace("\"northwind\"", "\"southwind\""));
    let out = lanewright(&["replay", "--tenant", &northwind, &foreign]);
    assert_eq!(out.status.code(), Some(1));
    expect![[r#"
        line 1: lead l1: it is a decision of tenant southwind, this folder is northwind
        0 the same to the bit, 1 not
    "#]]
    .assert_eq(&String::from_utf8_lossy(&out.stderr));
}

/// Two folders over the same inquiries: the same one changes nothing, also where only the clock says when; a
/// threshold that nobody reaches sends every matched lead to the fallback.
#[test]
fn two_folders_are_compared() {
    let check = |from: &str, to: &str, changed: bool| {
        let folder = example("northwind");
        let other = harness::tenant(Path::new(&folder));
        let file = other.path().join("tenant.toml");
        let toml = fs::read_to_string(&file).expect("a tenant.toml");
        assert!(toml.contains(from));
        fs::write(&file, toml.replace(from, to)).expect("written");
        let against = other.path().to_str().expect("UTF-8");
        let leads = format!("{folder}/leads.jsonl");
        let arguments = ["simulate", "--tenant", &folder, "--against", against, &leads, "--format", "json"];
        let told = lanewright(&arguments);
        assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stderr));
        let found: serde_json::Value = serde_json::from_slice(&told.stdout).expect("JSON");
        assert_eq!(found["leads"], 24);
        let changes = found["changes"].as_array().expect("a list");
        assert_eq!(!changes.is_empty(), changed, "{changes:?}");
        let less = found["expected_value"]["then"].as_f64() < found["expected_value"]["now"].as_f64();
        assert_eq!(less, changed, "{}", found["expected_value"]);
        assert!(changes.iter().all(|change| change["because"] != "normalise"), "{changes:?}");
    };
    check("threshold = 40", "threshold = 40", false);
    check("threshold = 40", "threshold = 100", true);
}
