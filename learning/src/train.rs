//! From deals to a model: window and weights, models compared on newer deals than they saw, calibration, gates.
//!
//! The history is cut by time into a first half and a few blocks. Before each block everything that may be used is
//! fitted on what came before it, and asked about the block (forward chaining). From those answers it is
//! decided whether trees beat the shrunk model, whether chances need straightening, and whether the gates pass
//! ([`HeldOut`]). What is returned is then fitted on all of the window. Where a field is named, each of its frequent words
//! goes the same way alone ([`segments`]).

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::cells::Cells;
use crate::deal::{Counts, Deal};
use crate::drift::Baseline;
use crate::fitted::Fitted;
use crate::gates::Gates;
use crate::held_out::{HeldOut, Training};
use crate::metrics::Metrics;
use crate::model::{Prior, groups};
use crate::segments::{self, Whole};
use crate::table::Table;
use crate::win::{Way, WinModel};

/// Blocks that are asked about.
const BLOCKS: usize = 5;
/// A history of more deals says enough with two, and training takes half the time.
const LONG: usize = 20_000;
/// A history of fewer deals is not cut up.
const CUTTABLE: usize = 20;

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
    /// The field whose words may have models of their own; none where absent.
    pub segment: Option<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            half_life_days: Some(180.0),
            window_days: 365.0,
            by_segment: true,
            trees: true,
            segment: None,
        }
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
    let training = Training { settings, prior };
    let table = Table::new(deals, now, settings.window_days, half_life);
    let blocks = blocks(&table.closed);
    let held = HeldOut::new(&table, &blocks, training);
    let whole = Whole { table: &table, blocks: &blocks, held: &held };
    let parts = settings.segment.as_ref().map(|field| segments::learn(field, &whole, training));
    let baseline = match &parts {
        Some((parts, said)) if parts.count() => Baseline::of(said),
        _ => Baseline::of(&held.straight),
    };
    let (logit, trees) = held.fit(&table, training);
    let variances = groups(&table.names).into_iter().zip(logit.variances().iter().copied()).collect();
    let HeldOut { gates, compared, best, calibration, .. } = held;
    let report = Report { counts: table.counts, gates, compared, best, calibration, variances, baseline };
    let way = if gates.passed() { best } else { Way::Rate };
    let cells = Cells::new(&table);
    let fitted = Fitted { way, names: table.names, logit, trees };
    let parts = parts.map(|(parts, _)| parts);
    Ok(WinModel { trained_at: now, cells, fitted, report, parts })
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
