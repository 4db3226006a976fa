//! `lanewright train`: a win model for a folder, from a history of deals.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde_json::json;

use super::{Exit, Format, tell};
use crate::config::{self, Config};
use crate::learning::history::{self, Format as Written, PastDeal};
use crate::learning::{self, Trained};
use crate::report::{self, Look};
use crate::tenant::MODEL;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The tenant's folder
    folder: PathBuf,
    /// Deals of before, as CSV or as JSON Lines (`.jsonl`); several are read together [default: history.csv of the folder]
    #[arg(long, value_name = "FILE")]
    history: Vec<PathBuf>,
    /// Where the model goes [default: win.model of the folder, where `route` finds it]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What time it is: deals count less the longer ago they closed [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// How to write the report [default: tables on a terminal, JSON elsewhere]
    #[arg(long)]
    format: Option<Format>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Arguments { folder, history, out, at, format } = arguments;
    let config = match config::load(folder) {
        Ok(config) => config,
        Err(problems) => {
            tell(&problems);
            return Ok(Exit::Findings);
        }
    };
    let (deals, bad) = read(folder, history, &config)?;
    let deals: Vec<_> = deals.iter().map(learning::deal).collect();
    if deals.is_empty() {
        bail!("there is no deal to learn from");
    }
    let now = at.unwrap_or_else(Timestamp::now);
    let trained = learning::train(&deals, &config.learning, now, None)?;
    let Trained { body, report, segments, .. } = &trained;
    let path = out.clone().unwrap_or_else(|| folder.join(MODEL));
    std::fs::write(&path, body).with_context(|| format!("{} cannot be written", path.display()))?;
    let look = Look::of_stdout();
    let mut told = std::io::stdout().lock();
    match format.unwrap_or(if look.terminal() { Format::Table } else { Format::Json }) {
        Format::Json => {
            let bytes = body.len();
            writeln!(
                told,
                "{}",
                json!({"model": path, "bytes": bytes, "refused": bad, "report": trained.told()})
            )?;
        }
        Format::Table => {
            let learned = report::learned(report, segments.as_ref(), look);
            writeln!(told, "{learned}\n{} ({} bytes)", path.display(), body.len())?;
        }
    }
    Ok(if bad == 0 { Exit::Done } else { Exit::Findings })
}

/// Deals of a folder's history, or of these files, and how many lines are none; each of those is told.
pub(super) fn read(
    folder: &Path,
    files: &[PathBuf],
    config: &Config,
) -> anyhow::Result<(Vec<PastDeal>, usize)> {
    let files = if files.is_empty() { vec![folder.join("history.csv")] } else { files.to_vec() };
    let (mut deals, mut bad) = (Vec::new(), 0_usize);
    for file in &files {
        let text = std::fs::read_to_string(file).with_context(|| {
            format!("the history {} cannot be read; name another with --history", file.display())
        })?;
        let written = Written::of_name(&file.to_string_lossy());
        let (read, wrong) = history::read(&text, written, config);
        deals.extend(read);
        for line in &wrong {
            eprintln!("{}, {line}", file.display());
        }
        bad += wrong.len();
    }
    Ok((deals, bad))
}
