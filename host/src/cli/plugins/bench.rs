//! `lanewright plugin bench`: what calls cost, over many.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Exit;
use super::workshop::{self, Workshop, grouped, with_stack};
use crate::author::trial::{Measured, Said};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    workshop: workshop::ProjectArguments,
    /// Calls of each kind; the cases take turns
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    calls: u32,
    /// One case alone
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match arguments.workshop.open()? {
        Some(workshop) => with_stack(|| measure(&workshop, arguments)),
        None => Ok(Exit::Findings),
    }
}

fn measure(workshop: &Workshop, arguments: &Arguments) -> anyhow::Result<Exit> {
    let cases = match arguments.case.as_deref() {
        Some(name) => BTreeMap::from([workshop.case(Some(name))?]),
        None => workshop.cases()?,
    };
    let trials = cases
        .values()
        .map(|case| Ok((case, workshop.trial(case.settings.as_ref(), None)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut started = Vec::new();
    let mut calls: BTreeMap<String, Vec<Measured>> = BTreeMap::new();
    for (case, trial) in trials.iter().cycle().take(arguments.calls as usize) {
        started.push(trial.start()?);
        let answers = trial
            .ask(case, &Said(case))
            .map_err(|refusal| anyhow::anyhow!("{refusal}\n  hint: {}", refusal.hint()))?;
        for measured in answers.into_iter().flat_map(|answer| answer.calls) {
            calls.entry(measured.call.export.clone()).or_default().push(measured);
        }
    }
    let plan = workshop.prototype.plan();
    println!(
        "{:18}  {:>12}  {:>12}  {:>9}  {:>10}  {:>9}  {:>9}  {:>6}",
        "call", "fuel p50", "fuel p99", "of budget", "memory KiB", "ms p50", "ms p99", "failed"
    );
    let mut exit = Exit::Done;
    for (export, calls) in &calls {
        let fuel = quantiles(calls.iter().map(|measured| measured.call.fuel).collect());
        let took = quantiles(calls.iter().map(|measured| measured.took).collect());
        let memory = calls.iter().map(|measured| measured.call.memory).max().unwrap_or(0);
        let failed = calls.iter().filter(|measured| measured.call.failure.is_some()).count();
        if failed > 0 {
            exit = Exit::Findings;
        }
        println!(
            "{export:18}  {:>12}  {:>12}  {:>7.1} %  {:>10}  {:>9.3}  {:>9.3}  {failed:>6}",
            grouped(fuel.0),
            grouped(fuel.1),
            100.0 * fuel.1 as f64 / plan.fuel as f64,
            grouped(memory / 1024),
            ms(took.0),
            ms(took.1),
        );
    }
    let started = quantiles(started);
    println!("\nof which an instance takes {:.3} ms (p50), {:.3} ms (p99)", ms(started.0), ms(started.1));
    Ok(exit)
}

/// The middle, and what one in a hundred is beyond.
fn quantiles<T: Ord + Copy + Default>(mut values: Vec<T>) -> (T, T) {
    values.sort_unstable();
    let at = |share: usize| values.get((values.len() * share / 100).min(values.len().saturating_sub(1)));
    (at(50).copied().unwrap_or_default(), at(99).copied().unwrap_or_default())
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_met() {
        let check = |values: Vec<u64>, expect: (u64, u64)| assert_eq!(quantiles(values), expect);
        check(vec![], (0, 0));
        check(vec![7], (7, 7));
        check((1..=100).rev().collect(), (51, 100));
        check(vec![1, 2], (2, 2));
    }
}
