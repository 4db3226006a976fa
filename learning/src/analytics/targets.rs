//! Whether the figures are as they should be (S3.29).

use serde::{Deserialize, Serialize};

use super::{Analytics, Band};
use crate::rate::Rate;

/// Fewer cases meet or miss nothing.
pub const LEAST: u64 = 20;

/// A target of S3.29.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A mean match score above 70.
    Quality,
    /// Half of the leads in real time touched in less than 5 minutes.
    FirstTouchRealTime,
    /// Half of the leads in batches touched in less than 4 hours.
    FirstTouchBatch,
    /// The upper half of the match scores wins more than the lower one.
    WinsRise,
    /// All loads together between 60 and 80 % of the most.
    Utilisation,
    /// Fewer than 15 % of the assignments changed.
    Overrides,
    /// More than 85 % of the leads with somebody.
    Coverage,
}

/// How a figure stands to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Met {
    /// It is as it should be.
    Met,
    /// It is not.
    Missed,
    /// It rests on fewer than [`LEAST`] cases.
    TooFew,
}

/// Every target, in the order of [`Target`].
pub fn targets(found: &Analytics) -> [(Target, Met); 7] {
    let [real_time, batch] = found.first_touch.map(|touch| touch.minutes);
    let quality = found.quality.map(|quality| (quality.n, quality.mean > 70.0));
    let rate = |rate: Option<Rate>, right: fn(f64) -> bool| rate.map(|rate| (rate.n, right(rate.share)));
    [
        (Target::Quality, met(quality)),
        (Target::FirstTouchRealTime, met(real_time.map(|touch| (touch.n, touch.median < 5.0)))),
        (Target::FirstTouchBatch, met(batch.map(|touch| (touch.n, touch.median < 240.0)))),
        (Target::WinsRise, met(wins_rise(&found.histogram))),
        (Target::Utilisation, utilisation(&found.utilisation)),
        (Target::Overrides, met(rate(found.overrides, |share| share < 0.15))),
        (Target::Coverage, met(rate(found.coverage, |share| share > 0.85))),
    ]
}

/// Cases, and whether the figure is right.
fn met(figure: Option<(u64, bool)>) -> Met {
    match figure {
        Some((n, right)) if n >= LEAST => {
            if right {
                Met::Met
            } else {
                Met::Missed
            }
        }
        _ => Met::TooFew,
    }
}

/// The closed leads, cut into halves where a band ends, so that both have about as many.
fn wins_rise(histogram: &[Band]) -> Option<(u64, bool)> {
    let rates: Vec<Rate> = histogram.iter().filter_map(|band| band.won).collect();
    let pooled = |rates: &[Rate]| {
        Rate::of(rates.iter().map(|rate| rate.hits).sum(), rates.iter().map(|rate| rate.n).sum())
    };
    let cuts = (1..rates.len()).filter_map(|cut| Some((pooled(&rates[..cut])?, pooled(&rates[cut..])?)));
    let (low, high) = cuts.min_by_key(|(low, high)| low.n.abs_diff(high.n))?;
    Some((low.n.min(high.n), high.share > low.share))
}

/// Reps are few by nature, so one is enough.
fn utilisation(loads: &[(String, f64)]) -> Met {
    let mean = loads.iter().map(|(_, share)| share).sum::<f64>() / loads.len() as f64;
    match loads {
        [] => Met::TooFew,
        _ if (0.6..=0.8).contains(&mean) => Met::Met,
        _ => Met::Missed,
    }
}
