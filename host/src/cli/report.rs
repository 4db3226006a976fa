//! `lanewright report`: what the leads of a service, or the history of a folder, tell (S2.18, S3.29, S3.30), on a terminal, as one
//! page of HTML or as JSON.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};
use lanewright_learning::analytics::Load;
use serde_json::{Value as Json, json};
use url::Url;
use url::form_urlencoded::Serializer;

use super::remote::{Remote, understood};
use super::{Exit, Format, tell};
use crate::config;
use crate::insight::{self, Asked, Insight};
use crate::lead::Rep;
use crate::report::{self, Look};
use crate::store::DealFound;
use crate::tenant::Published;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Leads opened or closed at this time or later [default: a year before the end]
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// And before [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// What leads are told apart by: `lane`, or a fact that is learned by, such as `industry` [default: the first of those]
    #[arg(long, value_name = "FACT")]
    by: Option<String>,
    /// Write one page of HTML that needs nothing else to this file
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    html: Option<PathBuf>,
    /// How to write it [default: tables on a terminal, JSON elsewhere]
    #[arg(long)]
    format: Option<Format>,
    /// A tenant's folder whose history is told, without a service
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["key_file"])]
    folder: Option<PathBuf>,
    /// Deals of before, as CSV or as JSON Lines (`.jsonl`); several are read together [default: history.csv of the folder]
    #[arg(long, value_name = "FILE", requires = "folder")]
    history: Vec<PathBuf>,
    /// The service, such as https://lanewright.example.com
    #[arg(long, value_name = "URL", env = "LANEWRIGHT_URL", required_unless_present = "folder")]
    to: Option<Url>,
    /// A file with an API key [default: the environment's LANEWRIGHT_API_KEY]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Arguments { from, until, by, html, format, folder, history, to, key_file } = arguments;
    let (told, exit) = match (folder, to) {
        (Some(folder), _) => match of_folder(folder, history, (*from, *until), by.as_deref())? {
            Some((told, bad)) => {
                (Told::Read(Box::new(told)), if bad == 0 { Exit::Done } else { Exit::Findings })
            }
            None => return Ok(Exit::Findings),
        },
        (None, Some(to)) => {
            let remote = Remote::at(to.clone(), key_file.clone());
            let asked = [
                ("from", from.map(|at| at.to_string())),
                ("to", until.map(|at| at.to_string())),
                ("by", by.clone()),
            ];
            let asked = asked.into_iter().filter_map(|(name, value)| Some((name, value?)));
            let query = Serializer::new(String::new()).extend_pairs(asked).finish();
            (Told::Answer(remote.get(&format!("report?{query}"))?), Exit::Done)
        }
        (None, None) => bail!("name a service with --to, or a folder with --folder"),
    };
    let look = Look::of_stdout();
    let format = format.unwrap_or(if look.terminal() { Format::Table } else { Format::Json });
    if let Some(file) = html {
        std::fs::write(file, report::page(&told.insight()?))
            .with_context(|| format!("{} cannot be written", file.display()))?;
        return Ok(exit);
    }
    let text = match format {
        Format::Json => format!("{}\n", told.json()),
        Format::Table => report::insight(&told.insight()?, look),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(exit)
}

/// What is told.
enum Told {
    /// As the service answered.
    Answer(Json),
    /// As it was found here.
    Read(Box<Insight>),
}

impl Told {
    fn insight(self) -> anyhow::Result<Insight> {
        match self {
            Self::Answer(answer) => understood(answer),
            Self::Read(told) => Ok(*told),
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::Answer(answer) => answer.clone(),
            Self::Read(told) => json!(told),
        }
    }
}

/// What the history of a folder tells, and how many of its lines are none; nothing where the folder has problems, which are told.
fn of_folder(
    folder: &Path,
    history: &[PathBuf],
    (from, until): (Option<Timestamp>, Option<Timestamp>),
    by: Option<&str>,
) -> anyhow::Result<Option<(Insight, usize)>> {
    let read = config::load(folder).and_then(|config| Ok((config, Published::beside(folder)?.model)));
    let (config, model) = match read {
        Ok(read) => read,
        Err(problems) => {
            tell(&problems);
            return Ok(None);
        }
    };
    let facts: Vec<String> = config.learning.by.iter().map(ToString::to_string).collect();
    let segment = match by {
        Some(by) if by == "lane" || facts.iter().any(|fact| fact == by) => by,
        Some(by) => bail!("nothing is kept of {by:?}; say `lane` or one of {}", facts.join(", ")),
        None => facts.first().map_or("lane", String::as_str),
    };
    let (deals, bad) = super::train::read(folder, history, &config)?;
    let to = until.unwrap_or_else(Timestamp::now);
    let from = from.unwrap_or(to - YEAR);
    if from >= to {
        bail!("that time has no length; --from comes before --until");
    }
    let within = |at: i64| (from.as_millisecond()..to.as_millisecond()).contains(&at);
    let deals: Vec<DealFound> = deals
        .iter()
        .map(insight::of_history)
        .filter(|deal| within(deal.opened_at) || deal.closed_at.is_some_and(within))
        .collect();
    let load = |rep: &Rep| Load { rep: rep.id.to_string(), open: rep.open.into(), most: rep.max_open.into() };
    let loads: Vec<Load> = config.reps.iter().map(load).collect();
    let asked = Asked {
        config: &config,
        model: model.as_deref(),
        // It was trained on all of it.
        watch: None,
        loads: &loads,
        answered: &[],
        // A history says nothing of who waits now.
        queued: None,
        time: (from, to, to),
        segment,
    };
    Ok(Some((insight::insight(&deals, &asked), bad)))
}

/// What is told where nothing else is said.
const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);
