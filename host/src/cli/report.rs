//! `lanewright report`: what the leads of a service tell (S2.18, S3.29, S3.30), on a terminal, as one page of HTML or as JSON.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use jiff::Timestamp;
use url::form_urlencoded::Serializer;

use super::remote::{Remote, understood};
use super::{Exit, Format};
use crate::report::{self, Look};

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
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Arguments { from, until, by, html, format, remote } = arguments;
    let asked =
        [("from", from.map(|at| at.to_string())), ("to", until.map(|at| at.to_string())), ("by", by.clone())];
    let asked = asked.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let query = Serializer::new(String::new()).extend_pairs(asked).finish();
    let answer = remote.get(&format!("report?{query}"))?;
    let look = Look::of_stdout();
    let format = format.unwrap_or(if look.terminal() { Format::Table } else { Format::Json });
    if let Some(file) = html {
        std::fs::write(file, report::page(&understood(answer)?))
            .with_context(|| format!("{} cannot be written", file.display()))?;
        return Ok(Exit::Done);
    }
    let text = match format {
        Format::Json => format!("{answer}\n"),
        Format::Table => report::insight(&understood(answer)?, look),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Done)
}
