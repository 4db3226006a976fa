//! Estimates of a policy from the log of another one, beside what the policy is truly worth.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use lanewright_learning::explore::{Candidate, Exploration, Wanted};
use lanewright_learning::policy::{Choice, Estimate, Logged, Value, value};

use super::Mean;
use crate::data::Draw;

const LOGS: u64 = 500;
const LEADS: usize = 2_000;
const REPS: usize = 6;
/// Kinds of leads, each with its own probabilities.
const KINDS: usize = 4;

/// What the model knows that doubly robust estimates lean on.
#[derive(Clone, Copy)]
enum Model {
    /// The truth, with noise of 0.3 on the logit scale.
    Good,
    /// One rate for everybody, far from the truth.
    Bad,
}

/// Appends the section; whether its marks were reached.
pub(super) fn report(page: &mut String) -> Result<bool> {
    write!(
        page,
        "\n## Policies judged from the log\n\n\
         {LOGS} logs of {LEADS} leads, each picked among {REPS} reps by exploration with a wrong model; the policy that is judged always \
         picks the truly best. Bias is that of the mean over all logs, in points of win rate, with its standard error; coverage the \
         share of logs whose 95 % interval holds the truth (mark: 93–97 % for the unbiased ones, at least 93 % for the shrunk one, \
         whose interval is as wide as the doubly robust one); spread the standard deviation of the estimate.\n\n\
         | floor | model | estimator | bias | spread | coverage |\n| --- | --- | --- | --- | --- | --- |\n"
    )?;
    let mut passed = true;
    for floor in [0.02, 0.05] {
        for model in [Model::Good, Model::Bad] {
            passed &= rows(page, floor, model)?;
        }
    }
    Ok(passed)
}

type Pick = fn(&Value) -> Estimate;

const ESTIMATORS: [(&str, Pick); 4] = [
    ("inverse propensity", |value| value.inverse_propensity),
    ("self-normalised", |value| value.self_normalised),
    ("doubly robust", |value| value.doubly_robust),
    ("doubly robust, shrunk", |value| value.shrunk),
];

fn rows(page: &mut String, floor: f64, model: Model) -> Result<bool> {
    let exploration = Exploration::try_from(Wanted { bound: 1.0, floor, development: 0.0 })?;
    let mut draw = Draw::seeded(7);
    let truth: [[f64; REPS]; KINDS] =
        std::array::from_fn(|_| std::array::from_fn(|_| -1.2 + 0.7 * draw.normal()));
    let believed = truth.map(|reps| reps.map(|logit| logit + 0.7 * draw.normal()));
    let predicted = match model {
        Model::Good => truth.map(|reps| reps.map(|logit| chance(logit + 0.3 * draw.normal()))),
        Model::Bad => [[0.6; REPS]; KINDS],
    };
    let best = truth.map(|reps| (0..REPS).max_by(|&a, &b| reps[a].total_cmp(&reps[b])).unwrap_or(0));
    let worth = truth.iter().zip(best).map(|(reps, best)| chance(reps[best])).sum::<f64>() / KINDS as f64;
    let names: Vec<String> = (0..REPS).map(|rep| format!("rep-{rep}")).collect();
    let mut values = Vec::new();
    for log in 0..LOGS {
        let mut draw = Draw::seeded(1_000 + log);
        let mut decisions = Vec::with_capacity(LEADS);
        for lead in 0..LEADS {
            let kind = lead % KINDS;
            let candidate = |rep: usize| Candidate {
                id: &names[rep],
                mean: believed[kind][rep],
                spread: 0.5,
                newer: false,
            };
            let candidates: Vec<Candidate<'_>> = (0..REPS).map(candidate).collect();
            let pick = exploration.pick(&candidates, log * LEADS as u64 + lead as u64).context("a pick")?;
            let choice = |rep: usize| Choice {
                logged: pick.probabilities[rep],
                policy: f64::from(u8::from(rep == best[kind])),
                predicted: predicted[kind][rep],
            };
            decisions.push(Logged {
                candidates: (0..REPS).map(choice).collect(),
                picked: pick.index,
                outcome: Some(f64::from(u8::from(draw.share() < chance(truth[kind][pick.index])))),
            });
        }
        values.push(value(&decisions)?);
    }
    let mut passed = true;
    for (name, of) in ESTIMATORS {
        let estimates: Vec<Estimate> = values.iter().map(of).collect();
        let bias =
            Mean::of(&estimates.iter().map(|estimate| 100.0 * (estimate.value - worth)).collect::<Vec<_>>());
        let within =
            estimates.iter().filter(|estimate| estimate.low <= worth && worth <= estimate.high).count();
        let covered = 100.0 * within as f64 / LOGS as f64;
        passed &= covered >= 93.0 && (covered <= 97.0 || name.ends_with("shrunk"));
        let model = match model {
            Model::Good => "good",
            Model::Bad => "bad",
        };
        writeln!(
            page,
            "| {:.0} % | {model} | {name} | {:+.2} ± {:.2} | {:.2} | {covered:.1} % |",
            100.0 * floor,
            bias.value,
            bias.error,
            bias.error * (LOGS as f64).sqrt()
        )?;
    }
    Ok(passed)
}

fn chance(logit: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-logit))
}
