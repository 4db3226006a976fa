//! `lanewright route`: leads in, decisions out.
//!
//! Leads are prepared on all cores and settled in the order they came, so that the same file always
//! gives the same decisions.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use rayon::prelude::*;

use super::lines::{Line, Lines};
use super::{Exit, Format, Sandboxing, tell};
use crate::counters::Ledger;
use crate::decision::Decision;
use crate::fetch::{Fetcher, Reach};
use crate::lead::LeadId;
use crate::pipeline::{self, Live, Numbered, Prepared, Refusal};
use crate::plugin::THREAD_STACK;
use crate::report::{self, Look};
use crate::tenant::Tenant;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The tenant's folder
    #[arg(long, value_name = "DIR")]
    tenant: PathBuf,
    /// Leads, one JSON object a line; `-` or nothing reads standard input
    file: Option<PathBuf>,
    /// Tell the whole story of each decision instead of one line
    #[arg(long)]
    explain: bool,
    /// How to write decisions [default: a table on a terminal, JSON elsewhere]
    #[arg(long)]
    format: Option<Format>,
    /// The time that counts as now, such as 2026-03-02T09:00:00Z [default: the clock]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// Threads that run plugins [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Let enrichers reach private and local addresses too
    #[arg(long)]
    allow_private_hosts: bool,
    #[command(flatten)]
    sandboxing: Sandboxing,
}

/// Leads prepared at once: enough for every core, few enough that results flow.
const BATCH: usize = 64;

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
    bar.set_message("routing");

    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(arguments.threads.unwrap_or(0))
        .stack_size(THREAD_STACK)
        .build()
        .context("no threads to run plugins on")?;
    let reach = if arguments.allow_private_hosts { Reach::Anywhere } else { Reach::Public };
    let mut run = Run {
        tenant: &tenant,
        outside: Live { fetcher: Fetcher::new(reach) },
        ledger: Ledger::new(&tenant.config),
        numbers: HashMap::new(),
        now: arguments.now,
        refused: 0,
    };
    let mut out = Out::new(arguments);
    let mut lines = lines.peekable();
    while lines.peek().is_some() {
        let batch =
            lines.by_ref().take(BATCH).collect::<Result<Vec<Line>, _>>().context("leads cannot be read")?;
        let bytes: u64 = batch.iter().map(|line| line.bytes).sum();
        let prepared = threads.install(|| run.prepare(batch));
        for (number, prepared) in prepared {
            match prepared {
                Ok(prepared) => {
                    let decision = threads.install(|| run.settle(prepared));
                    bar.suspend(|| out.write(decision))?;
                }
                Err(why) => bar.suspend(|| run.refuse(number, &why)),
            }
        }
        bar.inc(bytes);
    }
    bar.finish_and_clear();
    out.finish()?;
    Ok(if run.refused == 0 { Exit::Done } else { Exit::Findings })
}

/// One run over a file of leads.
struct Run<'a> {
    tenant: &'a Tenant,
    outside: Live,
    ledger: Ledger,
    /// Decisions so far, by lead.
    numbers: HashMap<LeadId, u32>,
    now: Option<Timestamp>,
    refused: usize,
}

impl Run<'_> {
    fn prepare(&self, batch: Vec<Line>) -> Vec<(usize, Result<Prepared, String>)> {
        let one = |line: Line| {
            let prepared = line.value.and_then(|received| {
                let at = self.now.unwrap_or_else(Timestamp::now);
                pipeline::prepare(self.tenant, &received, at, &self.outside).map_err(|refusal| told(&refusal))
            });
            (line.number, prepared)
        };
        batch.into_par_iter().map(one).collect()
    }

    fn settle(&mut self, prepared: Prepared) -> Decision {
        let number = self.numbers.entry(prepared.lead().clone()).and_modify(|n| *n += 1).or_insert(1);
        let numbered = Numbered::new(self.tenant, prepared, *number);
        pipeline::settle(self.tenant, &numbered, &self.outside, &mut self.ledger)
    }

    fn refuse(&mut self, line: usize, why: &str) {
        self.refused += 1;
        eprintln!("line {line}: {why}");
    }
}

fn told(refusal: &Refusal) -> String {
    format!("{refusal}\n  hint: {}", refusal.hint())
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
