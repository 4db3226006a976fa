//! `demo`: from a fresh clone to routed inquiries.

use std::process::ExitCode;

use anyhow::Result;

use crate::run::{cargo, target_dir};
use crate::setup;

const TENANT: &str = "examples/northwind";
const LEADS: &str = "examples/northwind/leads.jsonl";

/// Builds the program and routes an example tenant's inquiries with it.
pub(crate) fn run(_: &[String]) -> Result<ExitCode> {
    setup::run()?;
    if !target_dir().join("debug/lanewright").exists() {
        eprintln!(
            "Building Lanewright. The sandbox brings a compiler of its own, so the first build takes\n\
             7 to 10 minutes on two cores; after that it takes seconds.\n"
        );
    }
    cargo(&["build", "--package", "lanewright"]).shown()?;
    eprintln!("$ lanewright route --tenant {TENANT} {LEADS}\n");
    cargo(&["run", "--quiet", "--package", "lanewright", "--", "route", "--tenant", TENANT, LEADS])
        .quiet()?;
    eprint!("{}", what_next());
    Ok(ExitCode::SUCCESS)
}

fn what_next() -> String {
    let next = [
        ("why each inquiry went where it went", format!("route --tenant {TENANT} {LEADS} --explain")),
        (
            "another business, with a plugin of its own in Rust",
            "route --tenant examples/harbour examples/harbour/leads.jsonl".to_owned(),
        ),
        ("every problem of a tenant's folder at once", format!("check {TENANT}")),
        ("make a component of that plugin", "plugin build examples/harbour/plugin".to_owned()),
    ];
    let mut text = "\nWhat to try next:\n".to_owned();
    for (about, command) in next {
        text.push_str(&format!("\n  # {about}\n  cargo run -q -- {command}\n"));
    }
    text
}
