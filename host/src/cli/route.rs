//! `lanewright route`: leads and events in, decisions out.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::lines::Lines;
use super::stream::{Listener, Now, Stream, threads};
use super::{Exit, Format, Sandboxing, tell};
use crate::decision::Decision;
use crate::fetch::Reach;
use crate::report::{self, Look};
use crate::tenant::Tenant;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The tenant's folder
    #[arg(long, value_name = "DIR")]
    tenant: PathBuf,
    /// Leads and events, one JSON object a line; `-` or nothing reads standard input
    file: Option<PathBuf>,
    /// Tell the whole story of each decision instead of one line
    #[arg(long)]
    explain: bool,
    /// How to write decisions [default: a table on a terminal, JSON elsewhere]
    #[arg(long)]
    format: Option<Format>,
    /// Assign all leads together at the optimum, as suggestions
    #[arg(long)]
    batch: bool,
    /// The time that counts as now, such as 2026-03-02T09:00:00Z, or `lines` for each line's own [default: the clock]
    #[arg(long, value_name = "TIME")]
    now: Option<Now>,
    /// Threads that run plugins [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Let enrichers reach private and local addresses too
    #[arg(long)]
    allow_private_hosts: bool,
    #[command(flatten)]
    sandboxing: Sandboxing,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let lines = Lines::open(arguments.file.as_deref())?;
    let bar = progress(lines.size);
    bar.set_message("setting up plugins");
    let plugins = arguments.sandboxing.plugins()?;
    let tenant = match Tenant::load(&arguments.tenant, &plugins) {
        Ok(tenant) => tenant,
        Err(problems) => {
            bar.finish_and_clear();
            tell(&problems);
            return Err(anyhow!("{} is not in order", arguments.tenant.display()));
        }
    };
    bar.set_message(if arguments.batch { "assigning the batch" } else { "routing" });

    let threads = threads(arguments.threads)?;
    let reach = if arguments.allow_private_hosts { Reach::Anywhere } else { Reach::Public };
    let mut stream = Stream::new(Arc::new(tenant), arguments.now.unwrap_or_default(), reach, &threads);
    let mut shown = Shown { out: Out::new(arguments), bar, refused: 0 };
    match arguments.batch {
        true => stream.batch(lines, &mut shown)?,
        false => stream.run(lines, &mut shown)?,
    }
    let Shown { out, bar, refused } = shown;
    bar.finish_and_clear();
    out.finish()?;
    Ok(if refused == 0 { Exit::Done } else { Exit::Findings })
}

/// What a person sees of a run.
struct Shown {
    out: Out,
    bar: ProgressBar,
    refused: usize,
}

impl Listener for Shown {
    fn decision(&mut self, decision: Decision) -> anyhow::Result<()> {
        let Self { out, bar, .. } = self;
        bar.suspend(|| out.write(decision))
    }

    fn refused(&mut self, line: usize, why: &str) {
        self.refused += 1;
        self.bar.suspend(|| eprintln!("line {line}: {why}"));
    }

    fn done(&mut self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

/// Where decisions are written.
struct Out {
    format: Format,
    explain: bool,
    look: Look,
    /// For the table, which needs all of them.
    decisions: Vec<Decision>,
}

impl Out {
    fn new(arguments: &Arguments) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let usual = if terminal || arguments.explain { Format::Table } else { Format::Json };
        Self {
            format: arguments.format.unwrap_or(usual),
            explain: arguments.explain,
            look: Look::of_stdout(),
            decisions: Vec::new(),
        }
    }

    fn write(&mut self, decision: Decision) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        match (self.format, self.explain) {
            (Format::Json, _) => writeln!(out, "{}", serde_json::to_string(&decision)?)?,
            (Format::Table, true) => writeln!(out, "{}", report::explain(&decision, self.look))?,
            (Format::Table, false) => self.decisions.push(decision),
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        if self.format == Format::Table && !self.explain {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", report::table(&self.decisions, self.look))?;
        }
        Ok(())
    }
}

/// A bar on a terminal, silent elsewhere and for work that is done at once.
fn progress(size: Option<u64>) -> ProgressBar {
    let target = ProgressDrawTarget::stderr();
    let bar = match size {
        Some(size) => {
            let style = ProgressStyle::with_template("{spinner} {msg} [{bar:30}] {percent}% {eta}");
            let bar = ProgressBar::with_draw_target(Some(size), target);
            if let Ok(style) = style { bar.with_style(style.progress_chars("=> ")) } else { bar }
        }
        None => ProgressBar::with_draw_target(None, target),
    };
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
