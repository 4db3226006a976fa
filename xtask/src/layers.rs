//! Imports point one way.
//!
//! [`LAYERS`] orders the host's modules, [`WORDS`] says who may speak of the engine and the like, and
//! [`PURE`] keeps files, network and clock out of the middle. The rules are data; the code below reads
//! the paths that a file names, comments, texts and tests left out, and compares. A module without a layer
//! is a finding too, so a new one is placed when it is made.

use std::path::Path;

use anyhow::{Context, Result, bail};

mod source;

use source::{Named, paths};

/// Lowest first. A module may name those of its own layer and of the layers before it.
const LAYERS: [&[&str]; 18] = [
    &["lead", "digest", "failure", "nearest", "zones"],
    &["assignment", "events", "hours", "pacing", "records", "releases", "rules", "seed", "trust"],
    &["decision", "rotation"],
    &["config", "text"],
    &["learning", "experiments"],
    &["settings"],
    &["telemetry"],
    &["store", "clock", "threads"],
    &["plugin", "counters", "roster"],
    &["fetch", "health", "tenant"],
    &["pipeline"],
    &["desk", "coverage", "insight", "simulate", "report", "replay", "booking", "author"],
    &["access", "effects", "oci", "versions"],
    &["line"],
    &["timers", "http"],
    &["app"],
    &["cli"],
    &["main", "lib"],
];

/// These import nothing of ours, not even each other.
const GROUND: [&str; 7] = ["lead", "assignment", "digest", "failure", "hours", "nearest", "zones"];

/// Who may name what. A module stands for everything below it.
const WORDS: [(&str, &[&str]); 32] = [
    ("wasmtime", &["plugin"]),
    ("wasmparser", &["plugin"]),
    ("wit_component", &["plugin"]),
    ("wit_parser", &["plugin", "author"]),
    ("wit_bindgen_c", &["author"]),
    ("wit_bindgen_core", &["author"]),
    ("calcard", &["hours", "config"]),
    // Only what a tenant granted is fetched, so there is one place that fetches.
    // The collector of traces is the operator's.
    ("ureq", &["fetch", "telemetry"]),
    ("opentelemetry", &["telemetry"]),
    ("opentelemetry_http", &["telemetry"]),
    ("opentelemetry_otlp", &["telemetry"]),
    ("opentelemetry_sdk", &["telemetry"]),
    ("tracing_opentelemetry", &["telemetry"]),
    ("prometheus_client", &["telemetry"]),
    ("sqlx", &["store"]),
    ("axum", &["http"]),
    ("utoipa", &["http"]),
    ("utoipa_axum", &["http"]),
    ("utoipa_swagger_ui", &["http"]),
    ("hyper_util", &["http"]),
    ("governor", &["http"]),
    ("lettre", &["effects"]),
    ("standardwebhooks", &["effects"]),
    ("jsonwebtoken", &["access"]),
    ("chacha20poly1305", &["access"]),
    ("ed25519_dalek", &["trust"]),
    ("lanewright_sigstore", &["trust"]),
    ("semver", &["releases"]),
    ("tar", &["versions"]),
    ("similar", &["versions"]),
    ("maud", &["report"]),
    ("clap", &["main", "cli"]),
];

/// From values to values: time, seed and counters arrive as arguments. `pipeline::` is the stages, not
/// the file that strings them together.
const PURE: [&str; 18] = [
    "lead",
    "learning",
    "experiments",
    "assignment",
    "digest",
    "hours",
    "nearest",
    "zones",
    "pacing",
    "records",
    "releases",
    "rules",
    "trust",
    "decision",
    "rotation",
    "counters",
    "booking",
    "pipeline::",
];

/// What a pure module never names.
const EFFECTS: [&str; 9] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
];

/// Fails where a file below `src` breaks a rule, naming each place.
pub(crate) fn check(src: &Path) -> Result<()> {
    let mut findings = Vec::new();
    for (module, path) in modules(src)? {
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let found = findings_in(&module, &text);
        findings
            .extend(found.into_iter().map(|(line, finding)| format!("{}:{line}: {finding}", path.display())));
    }
    if !findings.is_empty() {
        bail!("imports point one way (xtask/src/layers.rs says which):\n{}", findings.join("\n"));
    }
    Ok(())
}

/// Every file with the module it holds, `config::values` for `config/values.rs`; test modules are left out.
fn modules(src: &Path) -> Result<Vec<(String, std::path::PathBuf)>> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), src.to_owned())];
    while let Some((prefix, folder)) = folders.pop() {
        for entry in folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
            let module = format!("{prefix}{stem}");
            if stem == "tests" {
                continue;
            }
            if path.is_dir() {
                folders.push((format!("{module}::"), path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((module, path));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What is wrong in one file, with line numbers.
fn findings_in(module: &str, text: &str) -> Vec<(usize, String)> {
    let top = top(module);
    let Some(layer) = layer(top) else {
        return vec![(1, format!("`{top}` has no layer; give it one"))];
    };
    let mut findings = Vec::new();
    for Named { line, path } in paths(text) {
        if let Some(ours) = ours(module, &path) {
            findings.extend(misplaced(top, layer, ours).map(|finding| (line, finding)));
        }
        for (word, allowed) in WORDS {
            if names(&path, word) && !allowed.contains(&top) {
                findings.push((line, format!("`{top}` names `{word}`, which is for {allowed:?}")));
            }
        }
        for word in EFFECTS {
            if names(&path, word) && PURE.iter().any(|pure| is_in(module, pure)) {
                findings.push((line, format!("`{module}` is pure and names `{word}`")));
            }
        }
    }
    findings.dedup();
    findings
}

/// Why `top`, standing in `layer`, may not name this path from the crate's root.
fn misplaced(top: &str, layer: usize, ours: &[&str]) -> Option<String> {
    let &[target, ..] = ours else { return None };
    let path = ours.join("::");
    if target == top {
        return None;
    }
    if GROUND.contains(&top) {
        return Some(format!("`{top}` names `{path}`, and it may name nothing of ours"));
    }
    // What is no module is an item of the crate's root, such as a macro.
    (self::layer(target)? > layer).then(|| format!("`{top}` names `{path}`, which stands above it"))
}

/// A path of this crate from its root, where it is one.
fn ours<'a, 'p>(module: &str, path: &'p [&'a str]) -> Option<&'p [&'a str]> {
    let supers = path.iter().take_while(|&&part| part == "super").count();
    let to_root = module.split("::").count();
    match path {
        ["crate", rest @ ..] => Some(rest),
        _ if supers == to_root => Some(&path[supers..]),
        _ => None,
    }
}

fn layer(top: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&top))
}

fn top(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

/// Whether a module is `place`, or below it where that ends in `::`.
fn is_in(module: &str, place: &str) -> bool {
    if place.ends_with("::") { module.starts_with(place) } else { top(module) == place }
}

/// Whether a word, such as `std::fs`, is part of a path.
fn names(path: &[&str], word: &str) -> bool {
    let word: Vec<&str> = word.split("::").collect();
    path.windows(word.len()).any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_file(module: &str, text: &str, expect: &[&str]) {
        let found: Vec<String> = findings_in(module, text)
            .into_iter()
            .map(|(line, finding)| format!("{line}: {finding}"))
            .collect();
        assert_eq!(found, expect, "{module}: {text}");
    }

    #[test]
    fn the_host_keeps_its_layers() {
        check(&crate::run::root().join("host/src")).expect("imports point one way");
    }

    #[test]
    fn a_module_names_what_stands_below() {
        check_file("config::values", "use crate::rules::Condition;\nuse crate::config::Config;", &[]);
        check_file("pipeline", "use crate::{lead::Lead, plugin::{self, Runtime}, tenant};", &[]);
        check_file("decision", "use crate::failure::{Failure, LogLine};", &[]);
        check_file("lead", "use std::fmt; // crate::config\nconst A: &str = \"crate::config::B\";", &[]);
        check_file("lead", "struct A;\n#[cfg(test)]\nmod tests { use crate::config::B; }", &[]);
    }

    #[test]
    fn a_module_that_names_what_stands_above_is_found() {
        check_file(
            "lead",
            "\nuse crate::digest::Digest;",
            &["2: `lead` names `digest::Digest`, and it may name nothing of ours"],
        );
        check_file(
            "rules",
            "use crate::{lead::Lead, config::Config};",
            &["1: `rules` names `config::Config`, which stands above it"],
        );
        check_file(
            "decision",
            "use crate::{failure::Failure, plugin::Plugins};",
            &["1: `decision` names `plugin::Plugins`, which stands above it"],
        );
        check_file(
            "config::values",
            "fn a() -> super::super::tenant::Tenant {}",
            &["1: `config` names `tenant::Tenant`, which stands above it"],
        );
        check_file(
            "plugin",
            "fn a() {}\n#[cfg(test)]\nfn b() {}\nuse crate::app;",
            &["4: `plugin` names `app`, which stands above it"],
        );
        check_file("novelty", "", &["1: `novelty` has no layer; give it one"]);
    }

    #[test]
    fn words_stay_where_they_belong() {
        check_file("plugin::engine", "use wasmtime::Engine;", &[]);
        check_file(
            "tenant",
            "fn a(engine: &wasmtime::Engine) {}",
            &["1: `tenant` names `wasmtime`, which is for [\"plugin\"]"],
        );
        check_file("pipeline", "let now = jiff::Timestamp::now();", &[]);
        check_file(
            "pipeline::score",
            "let now = jiff::Timestamp::now();",
            &["1: `pipeline::score` is pure and names `Timestamp::now`"],
        );
        check_file("rules", "use std::{fs, fmt};", &["1: `rules` is pure and names `std::fs`"]);
    }
}
