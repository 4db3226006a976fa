//! Makes 30 % mean 30 %: a straight line on the logit scale, fitted on predictions of deals that the model had
//! not seen (Platt 1999), and used only where it helped on newer ones still.

use crate::logistic::{chance, logit};
use crate::metrics::{Difference, Outturn, losses};

/// How strongly the line is held to "no change", in variances of shift and stretch.
const VARIANCE: f64 = 0.25;

/// A line on the logit scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) shift: f64,
    pub(crate) stretch: f64,
}

impl Line {
    pub(crate) fn apply(self, outturn: &Outturn) -> Outturn {
        Outturn { chance: chance(self.shift + self.stretch * logit(outturn.chance)), won: outturn.won }
    }

    /// Newton's method on two unknowns; a stretch of less than a tenth would turn the ranking to noise.
    fn fit(outturns: &[Outturn]) -> Line {
        let (mut shift, mut stretch) = (0.0, 1.0);
        for _ in 0..25 {
            let (mut g, mut h) =
                ([-shift / VARIANCE, (1.0 - stretch) / VARIANCE], [1.0 / VARIANCE, 0.0, 1.0 / VARIANCE]);
            for outturn in outturns {
                let x = logit(outturn.chance);
                let p = chance(shift + stretch * x);
                let left = f64::from(u8::from(outturn.won)) - p;
                let worth = p * (1.0 - p);
                g = [g[0] + left, g[1] + left * x];
                h = [h[0] + worth, h[1] + worth * x, h[2] + worth * x * x];
            }
            let scale = h[0] * h[2] - h[1] * h[1];
            let step = [(h[2] * g[0] - h[1] * g[1]) / scale, (h[0] * g[1] - h[1] * g[0]) / scale];
            shift += step[0].clamp(-1.0, 1.0);
            stretch = (stretch + step[1].clamp(-0.5, 0.5)).max(0.1);
        }
        Line { shift, stretch }
    }
}

/// The line to use, if one helps: fitted on the folds before each fold and measured on that, it must lower the log
/// loss by more than one standard error. `folds` are held-out predictions, the oldest first.
pub(crate) fn line(folds: &[Vec<Outturn>]) -> Option<Line> {
    let (mut plain, mut straightened) = (Vec::new(), Vec::new());
    for (number, fold) in folds.iter().enumerate().skip(1) {
        let line = Line::fit(&folds[..number].concat());
        plain.extend(losses(fold));
        straightened.extend(fold.iter().map(|outturn| line.apply(outturn).loss()));
    }
    Difference::saved(&plain, &straightened).is_clear().then(|| Line::fit(&folds.concat()))
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
    fn a_line_is_used_where_it_helps() {
        assert_eq!(line(&folds(0.0, 1.0)), None);
        let found = line(&folds(0.5, 0.5)).expect("overconfident chances are bent back");
        assert!((found.shift - 0.5).abs() < 0.1 && (found.stretch - 0.5).abs() < 0.1, "{found:?}");
        assert_eq!(line(&[]), None);
    }
}
