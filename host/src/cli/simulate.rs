//! `lanewright simulate`: the same leads under two folders, and what changes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use jiff::Timestamp;

use super::lines::Lines;
use super::stream::{Listener, Now, Stream, threads};
use super::{Exit, Format, Sandboxing, tell};
use crate::decision::Decision;
use crate::fetch::Reach;
use crate::plugin::Plugins;
use crate::report::{self, Look};
use crate::simulate::compare;
use crate::tenant::Tenant;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The tenant's folder as it is
    #[arg(long, value_name = "DIR")]
    tenant: PathBuf,
    /// The folder as it would be
    #[arg(long, value_name = "DIR")]
    against: PathBuf,
    /// Leads and events, one JSON object a line
    file: PathBuf,
    /// How to write what changes [default: a table on a terminal, JSON elsewhere]
    #[arg(long)]
    format: Option<Format>,
    /// The time that counts as now, such as 2026-03-02T09:00:00Z, or `lines` for each line's own [default: the clock]
    #[arg(long, value_name = "TIME")]
    now: Option<Now>,
    /// Threads that run plugins [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    sandboxing: Sandboxing,
}

/// Keeps decisions; refused lines are told once.
struct Kept {
    decisions: Vec<Decision>,
    refused: usize,
    tells: bool,
}

impl Listener for Kept {
    fn decision(&mut self, decision: Decision) -> anyhow::Result<()> {
        self.decisions.push(decision);
        Ok(())
    }

    fn refused(&mut self, line: usize, why: &str) {
        self.refused += 1;
        if self.tells {
            eprintln!("line {line}: {why}");
        }
    }

    fn done(&mut self, _: u64) {}
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let plugins = arguments.sandboxing.plugins()?;
    // Both sides by one clock, or every deadline would differ.
    let clock = arguments.now.unwrap_or(Now::Stopped(Timestamp::now()));
    let (now, now_refused) = side(arguments, &arguments.tenant, &plugins, clock, true)?;
    let (then, then_refused) = side(arguments, &arguments.against, &plugins, clock, false)?;
    let comparison = compare(&now, &then);
    let look = Look::of_stdout();
    let mut out = std::io::stdout().lock();
    match arguments.format.unwrap_or(if look.terminal() { Format::Table } else { Format::Json }) {
        Format::Json => writeln!(out, "{}", serde_json::to_string(&comparison)?)?,
        Format::Table => writeln!(out, "{}", report::comparison(&comparison, look))?,
    }
    Ok(if now_refused + then_refused == 0 { Exit::Done } else { Exit::Findings })
}

fn side(
    arguments: &Arguments,
    folder: &Path,
    plugins: &Plugins,
    clock: Now,
    tells: bool,
) -> anyhow::Result<(Vec<Decision>, usize)> {
    let tenant = Tenant::load(folder, plugins).map_err(|problems| {
        tell(&problems);
        anyhow!("{} is not in order", folder.display())
    })?;
    let threads = threads(arguments.threads)?;
    let mut kept = Kept { decisions: Vec::new(), refused: 0, tells };
    let lines = Lines::open(Some(&arguments.file))?;
    Stream::new(Arc::new(tenant), clock, Reach::Public, &threads).run(lines, &mut kept)?;
    Ok((kept.decisions, kept.refused))
}
