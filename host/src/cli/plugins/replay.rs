//! `lanewright plugin replay`: recorded decisions are made again with a component in the place it would take, and
//! what would have come out otherwise is told.

use std::path::PathBuf;

use anyhow::Context;

use super::super::lines::Lines;
use super::super::replay::show;
use super::workshop::with_stack;
use super::{Exit, Sandboxing, read, refused, settings, trial};
use crate::author::trial::Trial;
use crate::decision::Decision;
use crate::replay::{Change, Replayed, replay};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Decisions of `lanewright route --format json`, one a line; `-` reads standard input
    decisions: PathBuf,
    /// The component
    component: PathBuf,
    /// The tenant folder they were made under
    #[arg(long, value_name = "DIR")]
    tenant: PathBuf,
    /// The plugin's settings, a JSON file [default: no settings]
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    #[command(flatten)]
    sandboxing: Sandboxing,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let bytes = read(&arguments.component)?;
    let plugins = arguments.sandboxing.plugins()?;
    let prototype = match plugins.load(&bytes) {
        Ok(prototype) => prototype,
        Err(refusals) => return Ok(refused(&refusals)),
    };
    let (file, settings) = (arguments.component.as_path(), settings(arguments.settings.as_deref())?);
    with_stack(|| {
        let lines = Lines::open(Some(&arguments.decisions))?;
        let trial = trial(&arguments.tenant, &prototype, (file, settings), None, &plugins)?;
        compare(&trial, lines)
    })
}

fn compare(trial: &Trial, lines: Lines) -> anyhow::Result<Exit> {
    let (mut same, mut differ, mut lanes, mut outcomes, mut refused) = (0, 0, 0, 0, 0);
    let mut out = std::io::stdout();
    for line in lines {
        let line = line.context("decisions cannot be read")?;
        let decision = line.value.and_then(|value| {
            serde_json::from_value::<Decision>(value)
                .map_err(|error| format!("no decision of `lanewright route`: {error}"))
        });
        let replayed = decision.and_then(|decision| match replay(&trial.tenant, &decision) {
            Ok(replayed) => Ok((decision, replayed)),
            Err(error) => Err(format!("lead {}: {error}", decision.lead)),
        });
        let (decision, replayed) = match replayed {
            Ok(replayed) => replayed,
            Err(why) => {
                refused += 1;
                eprintln!("line {}: {why}", line.number);
                continue;
            }
        };
        let changes = match replayed {
            Replayed::Same => Vec::new(),
            Replayed::Differs { changes, .. } => changes.into_iter().filter(matters).collect(),
        };
        if changes.is_empty() {
            same += 1;
            continue;
        }
        differ += 1;
        let under = |part: &str| changes.iter().any(|change| change.path.starts_with(part));
        lanes += usize::from(under("/lane"));
        outcomes += usize::from(under("/outcome"));
        println!("differs  {} #{}", decision.lead, decision.number);
        show(&mut out, "value", &changes)?;
    }
    println!("{same} as before, {differ} otherwise: another lane {lanes}, another outcome {outcomes}");
    Ok(if differ + refused == 0 { Exit::Done } else { Exit::Findings })
}

/// Another component uses other fuel and says other things to its author; that alone makes no other decision.
fn matters(change: &Change) -> bool {
    let call = |part: &str| part == "call" || part == "calls";
    !change.path.split('/').any(call)
}
