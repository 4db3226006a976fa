//! `lanewright replay`: decisions of `lanewright route` are run again.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use serde_json::Value as Json;

use super::lines::Lines;
use super::{Exit, Sandboxing, tell};
use crate::decision::Decision;
use crate::plugin::THREAD_STACK;
use crate::replay::{Change, Replayed, replay};
use crate::tenant::Tenant;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The tenant's folder
    #[arg(long, value_name = "DIR")]
    tenant: PathBuf,
    /// Decisions, one JSON object a line; `-` or nothing reads standard input
    file: Option<PathBuf>,
    #[command(flatten)]
    sandboxing: Sandboxing,
}

/// Differences told of one decision; the rest is counted.
const TOLD: usize = 20;

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let lines = Lines::open(arguments.file.as_deref())?;
    let plugins = arguments.sandboxing.plugins()?;
    let tenant = Tenant::load(&arguments.tenant, &plugins).map_err(|problems| {
        tell(&problems);
        anyhow!("{} is not in order", arguments.tenant.display())
    })?;
    let thread = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(THREAD_STACK).build()?;

    let (mut same, mut findings) = (0_usize, 0_usize);
    let mut out = std::io::stdout();
    for line in lines {
        let line = line.context("decisions cannot be read")?;
        let decision = line.value.and_then(|value| {
            serde_json::from_value::<Decision>(value)
                .map_err(|error| format!("no decision of `lanewright route`: {error}"))
        });
        let number = line.number;
        match decision.and_then(|decision| {
            let replayed = thread.install(|| replay(&tenant, &decision));
            Ok((replayed.map_err(|error| format!("lead {}: {error}", decision.lead))?, decision))
        }) {
            Ok((Replayed::Same, decision)) => {
                same += 1;
                writeln!(out, "same     {} #{}", decision.lead, decision.number)?;
            }
            Ok((Replayed::Differs { versions, changes }, decision)) => {
                findings += 1;
                writeln!(out, "differs  {} #{}", decision.lead, decision.number)?;
                show(&mut out, "version", &versions)?;
                show(&mut out, "value", &changes)?;
            }
            Err(why) => {
                findings += 1;
                eprintln!("line {number}: {why}");
            }
        }
    }
    eprintln!("{same} the same to the bit, {findings} not");
    Ok(if findings == 0 { Exit::Done } else { Exit::Findings })
}

pub(super) fn show(out: &mut impl Write, what: &str, changes: &[Change]) -> std::io::Result<()> {
    for change in changes.iter().take(TOLD) {
        writeln!(out, "  {what} {}: then {}, now {}", change.path, side(&change.then), side(&change.now))?;
    }
    if changes.len() > TOLD {
        writeln!(out, "  … and {} more", changes.len() - TOLD)?;
    }
    Ok(())
}

fn side(value: &Option<Json>) -> String {
    let text = value.as_ref().map_or_else(|| "nothing".to_owned(), Json::to_string);
    crate::failure::clean(&text, 200)
}
