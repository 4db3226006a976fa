//! From deals to a model: window and weights, models compared on newer deals than they saw, calibration, gates.
//!
//! The history is cut by time into a first half and a few blocks. Before each block everything that may be used is
//! fitted on what came before it, and asked about the block (forward chaining). From those answers it is
//! decided whether trees beat the shrunk model, whether chances need straightening, and whether the gates pass.
//! What is returned is then fitted on all of the window.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::calibrate::{Fold, stretch, stretched};
use crate::cells::Cells;
use crate::deal::{Counts, Deal};
use crate::drift::Baseline;
use crate::gates::Gates;
use crate::logistic::{chance, logit as log_odds};
use crate::metrics::{Difference, Metrics, Outturn, losses};
use crate::model::{Logit, Prior, groups};
use crate::table::{Coded, Table};
use crate::trees::Trees;
use crate::win::{Way, WinModel};

/// Blocks that are asked about.
const BLOCKS: usize = 5;
/// A history of more deals says enough with two, and training takes half the time.
const LONG: usize = 20_000;
/// A history of fewer deals is not cut up.
const CUTTABLE: usize = 20;
/// Effective deals below which trees are not even tried: they overfit there.
const TREES: f64 = 300.0;

/// How to train; a tenant's choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Days after which a deal counts half; `None` for never. 180 lets one of 18 months count an eighth.
    pub half_life_days: Option<f64>,
    /// Days after its end from which a deal counts nothing.
    pub window_days: f64,
    /// Whether a rep may be better with some leads than with others.
    pub by_segment: bool,
    /// Whether boosted trees may compete.
    pub trees: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { half_life_days: Some(180.0), window_days: 365.0, by_segment: true, trees: true }
    }
}

/// A setting that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("{name} = {value} in the learning settings: write a number of days above 0")]
pub struct SettingsError {
    /// Its key.
    pub name: &'static str,
    /// What it was.
    pub value: f64,
}

/// What training found out; the figures behind what a model does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Deals learned from, and deals left out.
    pub counts: Counts,
    /// The gates.
    pub gates: Gates,
    /// What was compared, on the same newer deals: the global rate, the shrunk model, and trees if they were tried.
    pub compared: Vec<Compared>,
    /// What the gates would let be used.
    pub best: Way,
    /// Factor on distances from the global rate, in logits, that straightens chances, if one helps.
    pub calibration: Option<f64>,
    /// Variance of the effects of each group, in squared logits.
    pub variances: Vec<(String, f64)>,
    /// What later deals are held against.
    pub baseline: Baseline,
}

/// How one way to predict did on newer deals than it had seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Which.
    pub way: Way,
    /// Its measures.
    pub metrics: Metrics,
}

/// Trains a model on the deals that closed in the window before `now`, in milliseconds since 1970. Any history
/// will do: without enough of one the gates fail, and the model says the global rate.
///
/// # Errors
///
/// A setting that is no number of days.
pub fn train(
    deals: &[Deal],
    settings: &Settings,
    now: i64,
    prior: Option<&Prior>,
) -> Result<WinModel, SettingsError> {
    let half_life = settings.half_life_days.unwrap_or(f64::INFINITY);
    for (name, value) in [("half_life_days", half_life), ("window_days", settings.window_days)] {
        if value.is_nan() || value <= 0.0 {
            return Err(SettingsError { name, value });
        }
    }
    let table = Table::new(deals, now, settings.window_days, half_life);
    let effective = table.effective();
    let with_trees = settings.trees && effective >= TREES;
    let held = HeldOut::new(&table, settings.by_segment, with_trees, prior);
    let best = held.best();
    let chosen = held.of(best);
    let rates = held.rate.iter().filter_map(|fold| fold.first()).map(|outturn| outturn.chance);
    let folds: Vec<Fold> = rates.zip(chosen).map(|(rate, outturns)| Fold { rate, outturns }).collect();
    let calibration = stretch(&folds);
    let straighten = |fold: &Fold| -> Vec<Outturn> {
        let factor = calibration.unwrap_or(1.0);
        fold.outturns.iter().map(|outturn| stretched(outturn, fold.rate, factor)).collect()
    };
    let straight: Vec<Outturn> = folds.iter().flat_map(straighten).collect();
    let gates = Gates {
        effective,
        saved: Difference::saved(&losses(&held.of(Way::Rate).concat()), &losses(&chosen.concat())),
        measured_on: straight.len() as u64,
    };
    let mut logit = Logit::fit(&table, settings.by_segment, prior);
    let mut trees = (best == Way::Trees).then(|| Trees::fit(&table));
    if let Some(factor) = calibration {
        let shift = (1.0 - factor) * log_odds(table.rate());
        match trees.take() {
            Some(fitted) => trees = Some(fitted.stretched(shift, factor)),
            None => logit = logit.stretched(shift, factor),
        }
    }
    let variances = groups(&table.names).into_iter().zip(logit.variances().iter().copied()).collect();
    let report = Report {
        counts: table.counts,
        gates,
        compared: held.compared(),
        best,
        calibration,
        variances,
        baseline: Baseline::of(&straight),
    };
    let way = if gates.passed() { best } else { Way::Rate };
    Ok(WinModel { trained_at: now, way, cells: Cells::new(&table), logit, trees, names: table.names, report })
}

/// Answers about each block by what was fitted on the deals before it.
struct HeldOut {
    rate: Vec<Vec<Outturn>>,
    logit: Vec<Vec<Outturn>>,
    trees: Option<Vec<Vec<Outturn>>>,
}

impl HeldOut {
    fn new(table: &Table, by_segment: bool, with_trees: bool, prior: Option<&Prior>) -> HeldOut {
        let mut held = HeldOut { rate: Vec::new(), logit: Vec::new(), trees: with_trees.then(Vec::new) };
        for (seen, end) in blocks(&table.closed) {
            let before = table.before(seen);
            let block = || (seen..end).map(|row| (coded(table, row), table.rep[row], table.won[row]));
            let rate = before.rate();
            held.rate.push(block().map(|(.., won)| Outturn { chance: rate, won }).collect());
            let logit = Logit::fit(&before, by_segment, prior);
            let answer =
                |(lead, rep, won)| Outturn { chance: logit.estimate(&logit.lead(&lead), rep).chance(), won };
            held.logit.push(block().map(answer).collect());
            if let Some(answers) = &mut held.trees {
                let trees = Trees::fit(&before);
                let answer = |(lead, rep, won)| Outturn {
                    chance: chance(trees.lead(&lead) + trees.advantages(&lead, &[rep])[0]),
                    won,
                };
                answers.push(block().map(answer).collect());
            }
        }
        held
    }

    fn of(&self, way: Way) -> &[Vec<Outturn>] {
        match (way, &self.trees) {
            (Way::Rate, _) => &self.rate,
            (Way::Trees, Some(trees)) => trees,
            (Way::Logit | Way::Trees, _) => &self.logit,
        }
    }

    /// Trees where they are better than the shrunk model by more than one standard error.
    fn best(&self) -> Way {
        let saved = |trees: &Vec<Vec<Outturn>>| {
            Difference::saved(&losses(&self.logit.concat()), &losses(&trees.concat()))
        };
        if self.trees.as_ref().is_some_and(|trees| saved(trees).is_clear()) { Way::Trees } else { Way::Logit }
    }

    fn compared(&self) -> Vec<Compared> {
        let ways = [Way::Rate, Way::Logit].into_iter().chain(self.trees.is_some().then_some(Way::Trees));
        ways.map(|way| Compared { way, metrics: Metrics::of(&self.of(way).concat()) }).collect()
    }
}

fn coded(table: &Table, row: usize) -> Coded {
    Coded { codes: table.codes_of(row).to_vec(), quarter: table.expected[row] }
}

/// For each block the number of deals before it, and of those with it. Deals of the same moment stay together, so
/// none is learned from to predict another of its own time; without times there are no blocks.
fn blocks(closed: &[i64]) -> Vec<(usize, usize)> {
    if closed.len() < CUTTABLE {
        return Vec::new();
    }
    let blocks = if closed.len() > LONG { 2 } else { BLOCKS };
    let cut = |block: usize| {
        let near = closed.len() * (blocks + block) / (2 * blocks);
        near + closed[near..].partition_point(|time| *time == closed[near - 1])
    };
    let cuts: Vec<usize> = (0..=blocks).map(cut).collect();
    cuts.windows(2).map(|pair| (pair[0], pair[1])).filter(|(seen, end)| seen < end).collect()
}

#[cfg(test)]
mod tests;
