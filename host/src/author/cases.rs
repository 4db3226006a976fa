//! Cases: a lead, and parts of what a plugin has to answer, role by role. A case is a JSON file.
//!
//! An object asks for the keys it names and leaves the others open; a list asks for exactly its items. A number
//! is the same up to single precision, which is what the interface has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::decision::Cause;

/// What plugins answer, in the order in which a lead meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Adds facts.
    Enricher,
    /// Names the lane.
    Classifier,
    /// Weighs the candidates.
    Scorer,
    /// Says where a lead goes that no rep can simply get.
    Fallback,
}

impl Role {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enricher => "enricher",
            Self::Classifier => "classifier",
            Self::Scorer => "scorer",
            Self::Fallback => "fallback",
        }
    }
}

/// A lead, what is around it, and what has to be answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// As `lanewright route` takes it.
    pub lead: Json,
    /// When it comes.
    #[serde(default = "monday", skip_serializing_if = "is_monday")]
    pub now: Timestamp,
    /// Instead of the project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Map<String, Json>>,
    /// Why a fallback is asked.
    #[serde(default = "no_candidate", skip_serializing_if = "is_no_candidate")]
    pub cause: Cause,
    /// What the hosts say that an enricher asks, in order; whatever is asked beyond gets no answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub responses: Vec<Response>,
    /// By role; a role that failed answers with its `failure`.
    #[serde(default)]
    pub expect: BTreeMap<Role, Json>,
}

/// What a host says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// As text.
    #[serde(default)]
    pub body: String,
}

/// A Monday at nine in the morning, UTC: somebody is at work.
fn monday() -> Timestamp {
    Timestamp::constant(1_772_442_000, 0)
}

fn is_monday(now: &Timestamp) -> bool {
    *now == monday()
}

fn no_candidate() -> Cause {
    Cause::NoCandidate
}

fn is_no_candidate(cause: &Cause) -> bool {
    *cause == no_candidate()
}

/// Why a case cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The folder or a file cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file holds no case.
    #[error("{} holds no case: {error}", path.display())]
    Json {
        /// Which.
        path: PathBuf,
        /// Why, and where.
        error: String,
    },
}

/// The cases of a folder, by the names of their files.
pub fn read(folder: &Path) -> Result<BTreeMap<String, Case>, CaseError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| CaseError::Read { path, error }
    };
    let mut cases = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(failed(&path))?;
        let mut reader = serde_json::Deserializer::from_str(&text);
        let case = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| CaseError::Json { path: path.clone(), error: error.to_string() })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        cases.insert(name, case);
    }
    Ok(cases)
}

/// One part of an answer that is not what the case asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// JSON pointer into the answer.
    pub path: String,
    /// What the case asks for; absent where it asks for nothing more.
    pub expected: Option<Json>,
    /// What was answered; absent where nothing was.
    pub got: Option<Json>,
}

/// Where an answer differs from what is expected of it.
pub fn mismatches(expected: &Json, got: &Json) -> Vec<Mismatch> {
    let mut out = Vec::new();
    compare("", Some(expected), Some(got), &mut out);
    out
}

fn compare(path: &str, expected: Option<&Json>, got: Option<&Json>, out: &mut Vec<Mismatch>) {
    match (expected, got) {
        (Some(Json::Object(expected)), Some(Json::Object(got))) => {
            for (key, expected) in expected {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                compare(&format!("{path}/{escaped}"), Some(expected), got.get(key), out);
            }
        }
        (Some(Json::Array(expected)), Some(Json::Array(got))) => {
            for i in 0..expected.len().max(got.len()) {
                compare(&format!("{path}/{i}"), expected.get(i), got.get(i), out);
            }
        }
        (Some(Json::Number(expected)), Some(Json::Number(got)))
            if expected.as_f64().map(|n| n as f32) == got.as_f64().map(|n| n as f32) => {}
        // What is absent and what is nothing are the same to whoever writes a case.
        (Some(Json::Null), None) => {}
        (expected, got) if expected == got => {}
        (expected, got) => {
            let (expected, got) = (expected.cloned(), got.cloned());
            out.push(Mismatch { path: path.to_owned(), expected, got });
        }
    }
}

/// What a case asks for now, made of an answer: its own parts, or all of it where it had none.
pub fn blessed(expected: Option<&Json>, got: &Json) -> Json {
    match (expected, got) {
        (Some(Json::Object(expected)), Json::Object(got)) => {
            let kept = expected.iter().filter_map(|(key, expected)| {
                let got = got.get(key)?;
                Some((key.clone(), blessed(Some(expected), got)))
            });
            let kept: Map<String, Json> = kept.collect();
            if kept.is_empty() { json!(got) } else { Json::Object(kept) }
        }
        _ => got.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_names_the_parts_it_cares_for() {
        let check = |expected: Json, got: Json, expect: &[&str]| {
            let found = mismatches(&expected, &got);
            let side = |value: &Option<Json>| value.as_ref().map_or("-".to_owned(), Json::to_string);
            let found: Vec<_> =
                found.iter().map(|m| format!("{} {} {}", m.path, side(&m.expected), side(&m.got))).collect();
            assert_eq!(found, expect, "{expected} {got}");
        };
        check(json!({"lane": "a"}), json!({"lane": "a", "intent": 3}), &[]);
        check(json!({"lane": "a"}), json!({"lane": "b"}), &[r#"/lane "a" "b""#]);
        check(json!({"lane": "a"}), json!({}), &[r#"/lane "a" -"#]);
        check(json!({"lane": null}), json!({}), &[]);
        check(json!({"a/b": [1, 2]}), json!({"a/b": [1, 3, 4]}), &["/a~1b/1 2 3", "/a~1b/2 - 4"]);
        check(json!({"score": 0.6667}), json!({"score": 0.666700005531311}), &[]);
        check(json!({"score": 0.6}), json!({"score": 0.61}), &["/score 0.6 0.61"]);
        check(
            json!({"failure": {"kind": "limit"}}),
            json!({"lane": "a"}),
            &[r#"/failure {"kind":"limit"} -"#],
        );
    }

    #[test]
    fn blessing_keeps_the_parts_a_case_names() {
        let check = |expected: Option<Json>, got: Json, expect: Json| {
            assert_eq!(blessed(expected.as_ref(), &got), expect);
        };
        let got = json!({"lane": "b", "intent": 3});
        check(Some(json!({"lane": "a"})), got.clone(), json!({"lane": "b"}));
        check(None, got.clone(), got.clone());
        check(Some(json!({"failure": {}})), got.clone(), got);
        check(Some(json!([1])), json!([1, 2]), json!([1, 2]));
    }

    #[test]
    fn what_is_no_case_is_told_with_its_place() {
        let check = |text: &str, expect: &str| {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("one.json"), text).expect("written");
            std::fs::write(folder.path().join("notes.txt"), "none").expect("written");
            match read(folder.path()) {
                Ok(cases) => assert_eq!(cases.keys().collect::<Vec<_>>(), [expect]),
                Err(error) => assert!(error.to_string().contains(expect), "{error}"),
            }
        };
        check(r#"{"lead": {}}"#, "one");
        check(r#"{"lead": {}, "expected": {}}"#, "unknown field `expected`");
        check(r#"{"lead": {}, "expect": {"ranker": {}}}"#, "expect");
        check("{", "one.json holds no case");
    }
}
