//! `demo`: from a fresh clone to routed inquiries.

use std::process::ExitCode;

use anyhow::Result;

use crate::run::{cargo, target_dir};
use crate::setup::{self, Work};

/// A software company on the standard plugins.
const NORTHWIND: &str = "examples/northwind";
/// A ship-repair yard with a plugin of its own.
const HARBOUR: &str = "examples/harbour";

/// Builds the program and routes the inquiries of both example tenants with it.
pub(crate) fn run(_: &[String]) -> Result<ExitCode> {
    setup::run(Work::Build)?;
    if !target_dir().join("debug/lanewright").exists() {
        eprintln!(
            "Building Lanewright. The sandbox brings a compiler of its own, so the first build takes\n\
             about 12 minutes on two cores; after that it takes seconds.\n"
        );
    }
    cargo(&["build", "--package", "lanewright"]).shown()?;
    route(NORTHWIND)?;
    eprintln!("\nThe next tenant brings its own logic: a Rust crate that becomes a WebAssembly component.\n");
    lanewright(&["plugin", "build", &format!("{HARBOUR}/plugin")])?;
    eprintln!();
    route(HARBOUR)?;
    eprint!("{}", what_next());
    Ok(ExitCode::SUCCESS)
}

fn route(tenant: &str) -> Result<()> {
    lanewright(&["route", "--tenant", tenant, &format!("{tenant}/leads.jsonl"), "--format", "table"])
}

fn lanewright(arguments: &[&str]) -> Result<()> {
    eprintln!("$ lanewright {}\n", arguments.join(" "));
    cargo(&["run", "--quiet", "--package", "lanewright", "--"]).args(arguments).quiet()
}

fn what_next() -> String {
    let next = [
        (
            "why each inquiry went where it went",
            format!("route --tenant {NORTHWIND} {NORTHWIND}/leads.jsonl --explain"),
        ),
        (
            "decisions as JSON, and each of them run again",
            format!(
                "route --tenant {NORTHWIND} {NORTHWIND}/leads.jsonl --format json > decisions.jsonl\n  \
                 cargo run -q -- replay --tenant {NORTHWIND} decisions.jsonl"
            ),
        ),
        ("every problem of a tenant's folder at once; break one and see", format!("check {NORTHWIND}")),
        (
            "is that component fit to be uploaded, with the lanes of that folder",
            format!("plugin check --tenant {HARBOUR} {HARBOUR}/plugin/harbour.wasm"),
        ),
    ];
    let mut text = "\nWhat to try next:\n".to_owned();
    for (about, command) in next {
        text.push_str(&format!("\n  # {about}\n  cargo run -q -- {command}\n"));
    }
    text
}
