//! What is shown of two versions.

use serde_json::json;

use super::super::{Content, Files, Limits, difference};
use super::{folder, path};

fn check(before: &Files, after: &Files, expect: serde_json::Value) {
    let mut found = json!(difference(before, after));
    // Digests are told elsewhere.
    for file in found.as_array_mut().unwrap() {
        for side in ["before", "after"] {
            if let Some(side) = file.get_mut(side) {
                *side = side["bytes"].clone();
            }
        }
    }
    assert_eq!(found, expect);
}

#[test]
fn files_come_and_go() {
    let before = folder(&[("a", "1"), ("b", "same"), ("c/d", "22")]);
    let after = folder(&[("b", "same"), ("c/d", "333"), ("e", "")]);
    check(&before, &before, json!([]));
    check(
        &before,
        &after,
        json!([
            {"path": "a", "change": "removed", "before": 1},
            {"path": "c/d", "change": "changed", "before": 2, "after": 3,
             "lines": "@@ -1 +1 @@\n-22\n\\ No newline at end of file\n+333\n\\ No newline at end of file\n"},
            {"path": "e", "change": "added", "after": 0},
        ]),
    );
}

#[test]
fn a_text_is_compared_by_lines() {
    let lines = |changed: &str| {
        (1..=12).map(|n| if n == 6 { changed.to_owned() } else { format!("{n}\n") }).collect::<String>()
    };
    check(
        &folder(&[("rules.toml", &lines("6\n"))]),
        &folder(&[("rules.toml", &lines("six\n"))]),
        json!([{"path": "rules.toml", "change": "changed", "before": 27, "after": 29,
                "lines": "@@ -3,7 +3,7 @@\n 3\n 4\n 5\n-6\n+six\n 7\n 8\n 9\n"}]),
    );
    // Bytes are not shown.
    let bytes = |byte| {
        let mut files = Files::default();
        files.add(path("a.wasm"), Content::from(vec![0xff, byte]), &Limits::default()).unwrap();
        files
    };
    check(&bytes(1), &bytes(2), json!([{"path": "a.wasm", "change": "changed", "before": 2, "after": 2}]));
}

#[test]
fn a_sheet_is_compared_by_ids() {
    let sheet = |name: &str, text: &str| folder(&[(name, text)]);
    let check = |name: &str, before: &str, after: &str, expect: serde_json::Value| {
        let mut found = json!(difference(&sheet(name, before), &sheet(name, after)))[0].clone();
        for key in ["path", "change", "before", "after"] {
            found.as_object_mut().unwrap().remove(key);
        }
        assert_eq!(found, expect, "{name}");
    };
    check(
        "reps.csv",
        "id,name,open\nana,Ana,3\nben,Ben,\ncleo,Cleo,1\n",
        "id,name,weight\nben, Ben,\ndan,Dan,2\nana,\"Ana, Lima\",1\n",
        json!({"rows": {
            "columns_added": ["weight"],
            "columns_removed": ["open"],
            "added": [{"id": "dan", "name": "Dan", "weight": "2"}],
            "removed": [{"id": "cleo", "name": "Cleo", "open": "1"}],
            "changed": [{"id": ["ana"], "cells": {"name": ["Ana", "Ana, Lima"], "open": ["3", ""], "weight": ["", "1"]}}],
            "more": 0,
        }}),
    );
    check(
        "records.csv",
        "id,kind,status\n1,lead,open\n1,deal,open\n",
        "id,kind,status\n1,deal,won\n1,lead,open\n",
        json!({"rows": {"added": [], "removed": [], "more": 0,
               "changed": [{"id": ["deal", "1"], "cells": {"status": ["open", "won"]}}]}}),
    );
    let domains = |many: usize| {
        (0..many).fold("domain,name\n".to_owned(), |text, n| text + &format!("a{n:05}.example,A\n"))
    };
    let found = difference(&sheet("accounts.csv", &domains(0)), &sheet("accounts.csv", &domains(1_234)));
    let found = json!(found)[0]["rows"].clone();
    assert_eq!((found["added"].as_array().unwrap().len(), &found["more"]), (1_000, &json!(234)));
    // Rows that ids do not tell apart are lines.
    check("reps.csv", "id\na\na\n", "id\na\n", json!({"lines": "@@ -1,3 +1,2 @@\n id\n a\n-a\n"}));
    check("leave.csv", "rep\na\n", "rep\nb\n", json!({"lines": "@@ -1,2 +1,2 @@\n rep\n-a\n+b\n"}));
}
