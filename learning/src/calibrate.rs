//! Makes 30 % mean 30 %: chances are drawn towards the global rate, or away from it, by a factor on the logit
//! scale that is fitted on predictions of deals the model had not seen, and used only where it helped on newer
//! ones still.
//!
//! Platt's line (1999) without its shift: how far the level of held-out deals was off is how much it had changed since
//! the fold was fitted, and the model that is returned has seen those deals.

use crate::logistic::{chance, logit};
use crate::metrics::{Difference, Outturn};

/// How strongly the line is held to "no change", in variances of shift and stretch.
const VARIANCE: f64 = 0.25;

/// Held-out predictions of what was fitted on the same deals, and the global rate of those.
pub(crate) struct Fold<'a> {
    pub(crate) rate: f64,
    pub(crate) outturns: &'a [Outturn],
}

/// The prediction with its distance from the rate stretched.
pub(crate) fn stretched(outturn: &Outturn, rate: f64, stretch: f64) -> Outturn {
    let middle = logit(rate);
    Outturn { chance: chance(middle + stretch * (logit(outturn.chance) - middle)), won: outturn.won }
}

/// The stretch to use, if one helps: fitted on the folds before each fold and measured on that, it must lower the log
/// loss by more than one standard error. The oldest fold is first.
pub(crate) fn stretch(folds: &[Fold]) -> Option<f64> {
    let mut saved = Vec::new();
    for (number, fold) in folds.iter().enumerate().skip(1) {
        let stretch = fitted(&folds[..number]);
        let one = |outturn: &Outturn| outturn.loss() - stretched(outturn, fold.rate, stretch).loss();
        saved.extend(fold.outturns.iter().map(one));
    }
    Difference::of(&saved).is_clear().then(|| fitted(folds))
}

/// Newton's method on shift and stretch, of which the stretch is returned; one of less than a tenth would turn the
/// ranking to noise.
fn fitted(folds: &[Fold]) -> f64 {
    let (mut shift, mut stretch) = (0.0, 1.0);
    for _ in 0..25 {
        let mut g = [-shift / VARIANCE, (1.0 - stretch) / VARIANCE];
        let mut h = [1.0 / VARIANCE, 0.0, 1.0 / VARIANCE];
        for fold in folds {
            let middle = logit(fold.rate);
            for outturn in fold.outturns {
                let x = logit(outturn.chance) - middle;
                let p = chance(middle + shift + stretch * x);
                let left = f64::from(u8::from(outturn.won)) - p;
                let worth = p * (1.0 - p);
                g = [g[0] + left, g[1] + left * x];
                h = [h[0] + worth, h[1] + worth * x, h[2] + worth * x * x];
            }
        }
        let scale = h[0] * h[2] - h[1] * h[1];
        let step = [(h[2] * g[0] - h[1] * g[1]) / scale, (h[0] * g[1] - h[1] * g[0]) / scale];
        shift += step[0].clamp(-1.0, 1.0);
        stretch = (stretch + step[1].clamp(-0.5, 0.5)).max(0.1);
    }
    stretch
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four folds of 200 predictions, of which the share that is won lies on a line of the logit.
    fn folds(shift: f64, stretch: f64) -> Vec<Vec<Outturn>> {
        let fold = |start: usize| {
            let one = |i: usize| {
                let given = [0.1, 0.3, 0.6, 0.9][i % 4];
                let share = chance(shift + stretch * logit(given));
                // Spread evenly by the golden ratio, which is as good as chance and the same each time.
                let spread = ((start + i / 4) as f64 * 0.618_033_988_749_895).fract();
                Outturn { chance: given, won: spread < share }
            };
            (0..200).map(one).collect()
        };
        [0, 50, 100, 150].map(fold).to_vec()
    }

    #[test]
    fn a_stretch_is_used_where_it_helps() {
        let found = |shift, factor| {
            let folds = folds(shift, factor);
            let folds: Vec<Fold> = folds.iter().map(|outturns| Fold { rate: 0.5, outturns }).collect();
            stretch(&folds)
        };
        assert_eq!(found(0.0, 1.0), None);
        // A level that changed is no reason.
        assert_eq!(found(0.5, 1.0), None);
        let bent = found(0.3, 0.5).expect("overconfident chances are drawn in");
        assert!((bent - 0.5).abs() < 0.1, "{bent}");
        assert_eq!(stretch(&[]), None);
    }
}
