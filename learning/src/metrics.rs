//! How good predicted chances are: log loss, Brier score, AUC, and whether 30 % means 30 %.

use serde::{Deserialize, Serialize};

/// Chances are held to this range before a loss is taken, so that one surprise cannot decide a comparison.
pub const CLIP: (f64, f64) = (0.005, 0.995);

/// A predicted chance and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outturn {
    /// The chance that was predicted.
    pub chance: f64,
    /// Whether the deal was won.
    pub won: bool,
}

/// The measures of a set of predictions; of none at all they are 0, and AUC a half.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Predictions.
    pub deals: u64,
    /// Mean of −ln of the chance that was given to what happened, in nats; ln 2 is a coin's.
    pub log_loss: f64,
    /// Mean squared difference of chance and outcome.
    pub brier: f64,
    /// Chance that a won deal was given more than a lost one; a half without skill.
    pub auc: f64,
    /// Mean over deals of how far the won share of their bin is from its mean chance (expected calibration error).
    pub calibration_error: f64,
    /// Predictions by tenth, the least likely first.
    pub table: Vec<Bin>,
}

/// A row of a calibration table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Deals in it.
    pub deals: u64,
    /// Mean of their chances.
    pub chance: f64,
    /// Share that was won.
    pub won: f64,
}

/// A mean difference with its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The mean.
    pub mean: f64,
    /// Its standard error; 0 for fewer than two.
    pub error: f64,
}

impl Difference {
    /// Of paired losses: how much lower the second ones are.
    pub fn saved(first: &[f64], second: &[f64]) -> Difference {
        let saved: Vec<f64> = first.iter().zip(second).map(|(first, second)| first - second).collect();
        Difference::of(&saved)
    }

    /// The mean of values.
    pub fn of(values: &[f64]) -> Difference {
        let n = values.len() as f64;
        if values.len() < 2 {
            return Difference { mean: values.first().copied().unwrap_or(0.0), error: 0.0 };
        }
        let mean = values.iter().sum::<f64>() / n;
        let square = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0);
        Difference { mean, error: libm::sqrt(square / n) }
    }

    /// Whether it is above 0 by more than one standard error.
    pub fn is_clear(&self) -> bool {
        self.mean > 0.0 && self.mean > self.error
    }
}

impl Outturn {
    /// Its log loss.
    pub fn loss(&self) -> f64 {
        let chance = self.chance.clamp(CLIP.0, CLIP.1);
        -libm::log(if self.won { chance } else { 1.0 - chance })
    }

    /// Won minus the chance.
    pub(crate) fn surprise(&self) -> f64 {
        f64::from(u8::from(self.won)) - self.chance
    }
}

/// The losses of predictions.
pub fn losses(outturns: &[Outturn]) -> Vec<f64> {
    outturns.iter().map(Outturn::loss).collect()
}

impl Metrics {
    /// Measures predictions.
    pub fn of(outturns: &[Outturn]) -> Metrics {
        let mut sorted = outturns.to_vec();
        sorted.sort_by(|a, b| a.chance.total_cmp(&b.chance).then(a.won.cmp(&b.won)));
        let n = sorted.len().max(1) as f64;
        let mean = |value: &dyn Fn(&Outturn) -> f64| sorted.iter().map(value).sum::<f64>() / n;
        let table = bins(&sorted);
        Metrics {
            deals: sorted.len() as u64,
            log_loss: mean(&Outturn::loss),
            brier: mean(&|outturn| outturn.surprise() * outturn.surprise()),
            auc: auc(&sorted),
            calibration_error: table
                .iter()
                .map(|bin| bin.deals as f64 / n * (bin.won - bin.chance).abs())
                .sum(),
            table,
        }
    }
}

/// Ten bins of as many deals each; where chances are the same they share a bin.
fn bins(sorted: &[Outturn]) -> Vec<Bin> {
    let mut bins = Vec::new();
    let mut start = 0;
    for tenth in 1..=10 {
        let mut end = (sorted.len() * tenth / 10).max(start);
        while end > start && end < sorted.len() && sorted[end].chance == sorted[end - 1].chance {
            end += 1;
        }
        let bin = &sorted[start..end];
        if !bin.is_empty() {
            let deals = bin.len() as f64;
            bins.push(Bin {
                deals: bin.len() as u64,
                chance: bin.iter().map(|outturn| outturn.chance).sum::<f64>() / deals,
                won: bin.iter().filter(|outturn| outturn.won).count() as f64 / deals,
            });
        }
        start = end;
    }
    bins
}

/// The Mann-Whitney statistic; equal chances count a half.
fn auc(sorted: &[Outturn]) -> f64 {
    let (mut above, mut lost_before) = (0.0, 0.0);
    for same in sorted.chunk_by(|a, b| a.chance == b.chance) {
        let won = same.iter().filter(|outturn| outturn.won).count() as f64;
        let lost = same.len() as f64 - won;
        above += won * (lost_before + 0.5 * lost);
        lost_before += lost;
    }
    let won = sorted.len() as f64 - lost_before;
    if won * lost_before > 0.0 { above / (won * lost_before) } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outturns(rows: &[(f64, bool)]) -> Vec<Outturn> {
        rows.iter().map(|(chance, won)| Outturn { chance: *chance, won: *won }).collect()
    }

    #[test]
    fn known_measures() {
        let got = Metrics::of(&outturns(&[(0.8, true), (0.4, false), (0.4, true), (0.2, false)]));
        let expected = -(libm::log(0.8) + libm::log(0.6) + libm::log(0.4) + libm::log(0.8)) / 4.0;
        assert!((got.log_loss - expected).abs() < 1e-15);
        assert!((got.brier - (0.04 + 0.16 + 0.36 + 0.04) / 4.0).abs() < 1e-15);
        assert_eq!(got.auc, 0.875);
        let table: Vec<_> = got.table.iter().map(|bin| (bin.deals, bin.won)).collect();
        assert_eq!(table, [(1, 0.0), (2, 0.5), (1, 1.0)]);
        assert!((got.calibration_error - (0.2 + 2.0 * 0.1 + 0.2) / 4.0).abs() < 1e-15);
        assert_eq!(Metrics::of(&[]).auc, 0.5);
    }

    #[test]
    fn a_difference_is_clear_beyond_its_error() {
        let check =
            |values: &[f64], clear| assert_eq!(Difference::of(values).is_clear(), clear, "{values:?}");
        check(&[1.0, 1.0, 1.0], true);
        check(&[3.0, -1.0, 1.0], false);
        check(&[-1.0, -1.0], false);
        check(&[], false);
    }
}
