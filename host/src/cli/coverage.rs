//! `lanewright coverage`: which leads nobody could be found for, and which people are lacking.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;

use super::lines::Lines;
use super::{Exit, Format};
use crate::coverage::coverage;
use crate::decision::Decision;
use crate::report::{self, Look};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Decisions of `lanewright route`, one JSON object a line; `-` or nothing reads standard input
    file: Option<PathBuf>,
    /// How to write it [default: a table on a terminal, JSON elsewhere]
    #[arg(long)]
    format: Option<Format>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let (mut decisions, mut refused) = (Vec::new(), 0_usize);
    for line in Lines::open(arguments.file.as_deref())? {
        let line = line.context("decisions cannot be read")?;
        let read = line.value.and_then(|value| {
            serde_json::from_value::<Decision>(value)
                .map_err(|error| format!("no decision of `lanewright route`: {error}"))
        });
        match read {
            Ok(decision) => decisions.push(decision),
            Err(why) => {
                refused += 1;
                eprintln!("line {}: {why}", line.number);
            }
        }
    }
    let coverage = coverage(&decisions);
    let look = Look::of_stdout();
    let mut out = std::io::stdout().lock();
    match arguments.format.unwrap_or(if look.terminal() { Format::Table } else { Format::Json }) {
        Format::Json => writeln!(out, "{}", serde_json::to_string(&coverage)?)?,
        Format::Table => writeln!(out, "{}", report::coverage(&coverage, look))?,
    }
    Ok(if refused == 0 { Exit::Done } else { Exit::Findings })
}
