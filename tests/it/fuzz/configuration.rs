//! What a tenant's configuration comes as: folders, files as JSON, archives, conditions, components.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use lanewright::config;
use lanewright::desk::Desk;
use lanewright::plugin::Standard;
use lanewright::rules::{Condition, Reads, Words};
use lanewright::tenant::{Published, Tenant};
use lanewright::versions::{self, Edit, Files, Limits, Start, difference};
use serde_json::json;

use super::Target;
use super::decisions::{now, outside};
use crate::harness;

/// A folder as JSON is checked as a draft is; one that is in order decides about a lead.
pub(super) const FOLDER: Target = Target {
    name: "folder",
    cases: 60,
    words: "configuration",
    seeds: || {
        folders().map(|folder| written(&Files::from_folder(&folder, &limits()).expect("files"))).collect()
    },
    reads: |input| {
        let files = match Files::from_json(input, &limits()) {
            Ok(files) => files,
            Err(error) => return error.to_string(),
        };
        let mut told = String::new();
        let checked = versions::check(&files, |folder| {
            let config = config::load_from(folder)?;
            let tenant = Tenant::new(config, folder, harness::plugins(), &Published::default())?;
            let tenant = Arc::new(tenant);
            for note in &tenant.config.notes {
                told.push_str(&note.to_string());
            }
            let lead = json!({
                "id": "l1", "source": "demo-request", "text": "Could you send a quote for 35 seats by Friday?",
                "contact": { "email": "jo@owned.example", "language": "de" }, "value": 40_000,
                "company": { "name": "Owned", "country": "DE", "employees": 900 },
            });
            let prepared = Desk::prepare(&tenant, &lead, now(), outside()).expect("a lead");
            let mut desk = Desk::new(Arc::clone(&tenant));
            let decision = desk.lead(prepared, outside());
            super::decisions::holds(&tenant, &decision);
            told.push_str(&decision.why);
            let later = now().checked_add(jiff::SignedDuration::from_hours(24 * 7)).expect("a time");
            told.push_str(&desk.pass(later, outside()).len().to_string());
            tenant.config.next_batch(later);
            Ok(())
        });
        match checked {
            Ok(_) => told,
            Err(problems) => {
                assert!(!problems.0.is_empty(), "what is refused has a problem");
                for problem in &problems.0 {
                    assert!(
                        !problem.file.is_empty() && !problem.message.is_empty(),
                        "{problem:?} has a place"
                    );
                    told.push_str(&problem.message);
                }
                told
            }
        }
    },
};

/// Whatever is JSON of files: all of them, a draft, an edit.
pub(super) const FILES: Target = Target {
    name: "files",
    cases: 300,
    words: "configuration",
    seeds: || {
        let small =
            Files::from_folder(&harness::root().join("tests/config/twice"), &limits()).expect("files");
        let others = [
            json!({ "files": { "logo.wasm": { "base64": "AGFzbQ==" }, "a/b/c.toml": "x = 1\n" }, "note": "hello" }),
            json!({ "base": 3, "note": "as it was" }),
            json!({ "files": { "tenant.toml": null, "rules.toml": "" }, "note": "without" }),
            json!({}),
        ];
        others.iter().map(|json| json.to_string().into_bytes()).chain([written(&small)]).collect()
    },
    reads: |input| {
        let mut told = String::new();
        match Files::from_json(input, &limits()) {
            Ok(files) => {
                let again = Files::from_json(&written(&files), &limits()).expect("what was written reads");
                assert_eq!(
                    (again.digest(), again.bytes(), again.len()),
                    (files.digest(), files.bytes(), files.len())
                );
                same_as_archive(&files);
                let before = Files::from_folder(&harness::root().join("tests/config/twice"), &limits())
                    .expect("files");
                told.push_str(&difference(&before, &files).len().to_string());
                assert!(difference(&files, &again).is_empty(), "what is the same does not differ");
            }
            Err(error) => told.push_str(&error.to_string()),
        }
        told.push_str(
            &Start::from_json(input, &limits())
                .map_or_else(|error| error.to_string(), |_| "start".to_owned()),
        );
        told.push_str(&Edit::from_json(input).map_or_else(|error| error.to_string(), |_| "edit".to_owned()));
        let all = Edit::all_from_json(input, &limits());
        told.push_str(&all.map_or_else(|error| error.to_string(), |_| "all".to_owned()));
        told
    },
};

pub(super) const ARCHIVE: Target = Target {
    name: "archive",
    cases: 500,
    words: "archive",
    seeds: || {
        let folders = folders().take(12);
        folders
            .map(|folder| {
                let files = Files::from_folder(&folder, &limits()).expect("files");
                files.to_tar(Vec::new()).expect("an archive")
            })
            .collect()
    },
    reads: |input| match Files::from_tar(input, &limits()) {
        Ok(files) => {
            same_as_archive(&files);
            let again = Files::from_json(&written(&files), &limits()).expect("what was written reads");
            assert_eq!(again, files);
            format!("{} files", files.len())
        }
        Err(error) => error.to_string(),
    },
};

pub(super) const CONDITION: Target = Target {
    name: "condition",
    cases: 1_500,
    words: "condition",
    seeds: || {
        let mut seeds: Vec<Vec<u8>> =
            ["verdict.intent >= 80.0", "rep.languages.exists(l, l == lead.contact.language)"]
                .map(|text| text.as_bytes().to_vec())
                .into();
        for folder in folders() {
            for file in ["tenant.toml", "rules.toml", "territories.toml"] {
                let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
                let conditions = text.split("when = \"").skip(1).filter_map(|rest| rest.split_once('"'));
                seeds.extend(conditions.map(|(condition, _)| condition.as_bytes().to_vec()));
            }
        }
        seeds.sort();
        seeds.dedup();
        seeds
    },
    reads: |input| {
        let Ok(source) = std::str::from_utf8(input) else { return "no text".to_owned() };
        let told = |compiled: Result<Condition, lanewright::rules::ConditionError>| match compiled {
            Ok(condition) => {
                assert_eq!(condition.source(), source);
                condition.reads().collect::<Vec<_>>().join(" ")
            }
            Err(error) => {
                assert!(!error.problems.is_empty(), "what is refused has a problem");
                error.problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ")
            }
        };
        told(Condition::compile(source))
            + &told(Condition::compile_over(source, Reads::Rep, &Words::default()))
    },
};

/// Each is looked through by a process of its own, so they are few.
pub(super) const COMPONENT: Target = Target {
    name: "component",
    cases: 12,
    words: "component",
    seeds: || {
        [Standard::Classifier, Standard::Scorer, Standard::Fallback]
            .map(|plugin| plugin.component().to_vec())
            .into()
    },
    reads: |input| match harness::plugins().inspect(input) {
        Ok(_) => "a component".to_owned(),
        Err(refusals) => {
            assert!(!refusals.is_empty(), "what is refused has a reason");
            refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
    },
};

fn limits() -> Limits {
    Limits { files: 100, file: 1 << 20, total: 4 << 20 }
}

fn written(files: &Files) -> Vec<u8> {
    files.to_json().to_string().into_bytes()
}

/// That an archive brings everything back as it was.
fn same_as_archive(files: &Files) {
    let archive = files.to_tar(Vec::new()).expect("an archive");
    let again = Files::from_tar(&*archive, &limits()).expect("what was written reads");
    assert_eq!(again, *files);
}

/// Every tenant's folder of the tests, good and bad ones, without what is not read as part of it.
fn folders() -> impl Iterator<Item = PathBuf> {
    let root = harness::root();
    let below = |place: &str, inner: &str| -> Vec<_> {
        let entries = fs::read_dir(root.join(place)).expect("a folder");
        let mut folders: Vec<_> = entries
            .map(|entry| entry.expect("an entry").path().join(inner))
            .filter(|path| path.is_dir())
            .collect();
        folders.sort();
        folders
    };
    let small = |folder: &PathBuf| Files::from_folder(folder, &limits()).is_ok_and(|files| !files.is_empty());
    let mut all = vec![root.join("examples/northwind")];
    all.extend(below("tests/scenarios", "tenant"));
    all.extend(below("tests/config", ""));
    all.into_iter().filter(small)
}
