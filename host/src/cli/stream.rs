//! A stream of leads and events taken through one tenant, for every verb that routes.
//!
//! Leads are prepared on all cores and settled in the order they came, so that the same file always gives
//! the same decisions.

use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use rayon::ThreadPool;
use rayon::prelude::*;
use serde_json::Value as Json;

use super::lines::{Line, Lines};
use crate::decision::Decision;
use crate::desk::Desk;
use crate::events::{self, Event};
use crate::fetch::{Fetcher, Reach};
use crate::pipeline::{Live, Prepared, Refusal};
use crate::plugin::THREAD_STACK;
use crate::tenant::Tenant;

/// What counts as now.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Now {
    /// The clock.
    #[default]
    Clock,
    /// The clock, as it was when somebody looked: for several runs that are to be the same.
    Stopped(Timestamp),
    /// This moment, for every line.
    At(Timestamp),
    /// Each line's own: a lead's `received_at`, an event's `at`; where it says none, that of the line before.
    Lines,
}

impl FromStr for Now {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "lines" => Ok(Self::Lines),
            time => time.parse().map(Self::At).map_err(|error| format!("{error}; a time, or `lines`")),
        }
    }
}

/// A line as it can be settled.
enum Item {
    Lead(Box<Prepared>),
    Event(Event),
}

/// A line as it was understood, with its now; or why it was not.
type Read = Result<(Timestamp, Item), String>;

/// Leads prepared at once: enough for every core, few enough that results flow.
const AT_ONCE: usize = 64;

/// Threads that run plugins.
pub(super) fn threads(number: Option<usize>) -> anyhow::Result<ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(number.unwrap_or(0))
        .stack_size(THREAD_STACK)
        .build()
        .context("no threads to run plugins on")
}

/// One tenant and what its stream needs.
pub(super) struct Stream<'t> {
    pub(super) tenant: Arc<Tenant>,
    pub(super) outside: Live,
    pub(super) now: Now,
    pub(super) threads: &'t ThreadPool,
    /// The latest time that a line had.
    last: Timestamp,
}

/// What a stream says while it runs.
pub(super) trait Listener {
    /// A decision, in its order.
    fn decision(&mut self, decision: Decision) -> anyhow::Result<()>;
    /// A line that is refused, with why.
    fn refused(&mut self, line: usize, why: &str);
    /// So many bytes more are done.
    fn done(&mut self, bytes: u64);
}

impl<'t> Stream<'t> {
    pub(super) fn new(tenant: Arc<Tenant>, now: Now, reach: Reach, threads: &'t ThreadPool) -> Self {
        let outside = Live { fetcher: Fetcher::new(reach) };
        Self { tenant, outside, now, threads, last: Timestamp::UNIX_EPOCH }
    }

    /// Every line in its turn.
    pub(super) fn run(&mut self, lines: Lines, listener: &mut impl Listener) -> anyhow::Result<()> {
        let mut desk = Desk::new(Arc::clone(&self.tenant));
        let mut lines = lines.peekable();
        while lines.peek().is_some() {
            let batch = lines.by_ref().take(AT_ONCE).collect::<Result<Vec<Line>, _>>();
            let batch = batch.context("leads cannot be read")?;
            let bytes = batch.iter().map(|line| line.bytes).sum();
            for (number, item) in self.prepare(batch) {
                match item {
                    Ok((at, item)) => {
                        let decided = self.threads.install(|| {
                            let mut decided = desk.pass(at, &self.outside);
                            match item {
                                Item::Lead(prepared) => decided.push(desk.lead(*prepared, &self.outside)),
                                Item::Event(event) => match desk.event(&event.what, at, &self.outside) {
                                    Ok(more) => decided.extend(more),
                                    Err(why) => return (decided, Some(why)),
                                },
                            }
                            (decided, None)
                        });
                        decided.0.into_iter().try_for_each(|decision| listener.decision(decision))?;
                        if let Some(why) = decided.1 {
                            listener.refused(number, &why);
                        }
                    }
                    Err(why) => listener.refused(number, &why),
                }
            }
            listener.done(bytes);
        }
        Ok(())
    }

    /// All leads together, at the optimum; events have no place in a batch.
    pub(super) fn batch(&mut self, lines: Lines, listener: &mut impl Listener) -> anyhow::Result<()> {
        let mut desk = Desk::new(Arc::clone(&self.tenant));
        let mut leads = Vec::new();
        let all = lines.collect::<Result<Vec<Line>, _>>().context("leads cannot be read")?;
        let bytes = all.iter().map(|line| line.bytes).sum();
        for (number, item) in self.prepare(all) {
            match item {
                Ok((_, Item::Lead(prepared))) => leads.push(*prepared),
                Ok((_, Item::Event(_))) => {
                    listener.refused(number, "a batch takes leads only; route events without --batch");
                }
                Err(why) => listener.refused(number, &why),
            }
        }
        let decided = self.threads.install(|| desk.batch(leads, &self.outside));
        let decided = decided.map_err(|error| anyhow!("the batch cannot be assigned: {error}"))?;
        decided.into_iter().try_for_each(|decision| listener.decision(decision))?;
        listener.done(bytes);
        Ok(())
    }

    fn prepare(&mut self, batch: Vec<Line>) -> Vec<(usize, Read)> {
        let timed: Vec<(Line, Timestamp)> = batch.into_iter().map(|line| self.timed(line)).collect();
        let (tenant, outside) = (Arc::clone(&self.tenant), &self.outside);
        let one = |(line, at): (Line, Timestamp)| {
            let item = line.value.and_then(|value| {
                if events::is_event(&value) {
                    let event = events::read(&value).map_err(|why| format!("no event: {why}"))?;
                    return Ok((at, Item::Event(event)));
                }
                let prepared =
                    Desk::prepare(&tenant, &value, at, outside).map_err(|refusal| told(&refusal))?;
                Ok((at, Item::Lead(Box::new(prepared))))
            });
            (line.number, item)
        };
        self.threads.install(|| timed.into_par_iter().map(one).collect())
    }

    /// A line with its now.
    fn timed(&mut self, mut line: Line) -> (Line, Timestamp) {
        let said = |line: &Line| {
            let event = line.value.as_ref().ok().filter(|value| events::is_event(value));
            event.and_then(own_time)
        };
        let at = match self.now {
            Now::Clock => said(&line).unwrap_or_else(Timestamp::now),
            Now::Stopped(at) => said(&line).unwrap_or(at),
            Now::At(at) => at,
            Now::Lines => {
                let own = line.value.as_ref().ok().and_then(own_time);
                if own.is_none() && self.last == Timestamp::UNIX_EPOCH {
                    let why =
                        "it says no time, and no line before it does: add `received_at`, or `at` to an event";
                    line.value = line.value.and_then(|_| Err(why.to_owned()));
                }
                self.last = self.last.max(own.unwrap_or(self.last));
                self.last
            }
        };
        (line, at)
    }
}

fn own_time(line: &Json) -> Option<Timestamp> {
    let name = if events::is_event(line) { "at" } else { "received_at" };
    line.get(name)?.as_str()?.parse().ok()
}

fn told(refusal: &Refusal) -> String {
    format!("{refusal}\n  hint: {}", refusal.hint())
}
