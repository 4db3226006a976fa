//! Exploration: now and then a lead goes to a rep who may be the best, so that the model finds out.
//!
//! In: the candidates of one lead, each with the model's answer on the logit scale, and what the tenant allows.
//! Out: every candidate's probability of being picked, and the pick. Thompson's rule (Thompson 1933; Chapelle &
//! Li 2011) picks each candidate with the probability that it is the best. That probability is computed here,
//! not sampled, and the pick is drawn from the very numbers that are logged: a logged probability is therefore
//! true by construction, whatever the model is worth, which is what judging policies later stands on.
//!
//! Candidates are taken as independent. They share the lead's part of the model, whose error moves them all
//! alike and does not change who is best; what else they share, such as a segment's effect, is ignored.

use std::cmp::Ordering;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::distributions::ln_normal_below;
use crate::draw;
use crate::logistic::chance;

/// Cells of the integral: the error stays below one point even where spreads differ by sixty times.
const CELLS: usize = 48;
/// Standard deviations beyond which a candidate's answer is not looked for: fewer than one in a million.
const TAIL: f64 = 5.0;
/// On the logit scale. Nobody is surer of a rep, or less sure, than this.
const SPREADS: (f64, f64) = (1e-6, 10.0);

/// A rep who may get the lead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate<'a> {
    /// The rep's id, once in a list.
    pub id: &'a str,
    /// What the model expects, as a logit of the probability to win. Not a number: never picked.
    pub mean: f64,
    /// The standard deviation of that, as a logit; cut to 0.000001–10.
    pub spread: f64,
    /// Whether the rep is new, so that opportunities are kept for them.
    pub newer: bool,
}

/// What the tenant allows; `Exploration::OFF` unless it says so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wanted")]
pub struct Exploration {
    bound: f64,
    floor: f64,
    development: f64,
}

/// As a tenant writes it, unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Only candidates whose probability to win is less than that of the best by at most this are picked, 0–1.
    /// It is also the most that a lead can lose on average. 0: always the best.
    pub bound: f64,
    /// The least probability of each candidate within the bound, 0–1; where it does not fit, all are equal.
    #[serde(default = "least")]
    pub floor: f64,
    /// The share of leads that goes to newer reps within the bound where there are any, 0–1.
    #[serde(default)]
    pub development: f64,
}

fn least() -> f64 {
    0.02
}

/// A number of [`Wanted`] that is no share.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{name} is {found}, and has to be between 0 and 1")]
pub struct NoShare {
    /// The field.
    pub name: &'static str,
    /// What it says.
    pub found: f64,
}

impl TryFrom<Wanted> for Exploration {
    type Error = NoShare;

    fn try_from(Wanted { bound, floor, development }: Wanted) -> Result<Self, NoShare> {
        for (name, found) in [("bound", bound), ("floor", floor), ("development", development)] {
            if !(0.0..=1.0).contains(&found) {
                return Err(NoShare { name, found });
            }
        }
        Ok(Self { bound, floor, development })
    }
}

/// Who was picked, and how likely each was.
#[derive(Debug, Clone, PartialEq)]
pub struct Pick {
    /// The candidate's place in the list.
    pub index: usize,
    /// Each candidate's probability, in the list's order; to be logged.
    pub probabilities: Vec<f64>,
}

impl Exploration {
    /// Always the best.
    pub const OFF: Self = Self { bound: 0.0, floor: 0.0, development: 0.0 };

    /// The pick for the lead whose seed this is; none where no candidate has an answer.
    pub fn pick(&self, candidates: &[Candidate<'_>], seed: u64) -> Option<Pick> {
        let probabilities = self.probabilities(candidates);
        // A race of exponential clocks is won with exactly the probability that is the clock's rate,
        // and each clock depends on its own candidate alone.
        let finish = |index: usize| {
            let uniform = draw::uniform(&[b"explore", &seed.to_le_bytes(), candidates[index].id.as_bytes()]);
            -libm::log(uniform) / probabilities[index]
        };
        let runs = (0..candidates.len()).filter(|&index| probabilities[index] > 0.0);
        let first = |(time, index): &(f64, usize), (other, beside): &(f64, usize)| {
            time.total_cmp(other).then_with(|| candidates[*index].id.cmp(candidates[*beside].id))
        };
        let index = runs.map(|index| (finish(index), index)).min_by(first)?.1;
        Some(Pick { index, probabilities })
    }

    /// Every candidate's probability of being picked, in the list's order. They sum to 1 where anybody has an
    /// answer, and do not depend on the order.
    pub fn probabilities(&self, candidates: &[Candidate<'_>]) -> Vec<f64> {
        let mut all = vec![0.0; candidates.len()];
        // Sorted by value, so that sums are the same to the bit whatever the order.
        let reach = self.reach(candidates);
        let k = reach.len() as f64;
        let best = if self.bound == 0.0 { vec![1.0 / k; reach.len()] } else { best(candidates, &reach) };
        let newer: f64 =
            reach.iter().zip(&best).filter(|(at, _)| candidates[**at].newer).map(|(_, p)| p).sum();
        let development = if newer > 0.0 && self.bound > 0.0 { self.development } else { 0.0 };
        let floor = self.floor.min(1.0 / k);
        for (&at, &p) in reach.iter().zip(&best) {
            let kept = if candidates[at].newer && development > 0.0 { development * p / newer } else { 0.0 };
            let mixed = (1.0 - development) * p + kept;
            all[at] = floor + (1.0 - k * floor).max(0.0) * mixed;
        }
        all
    }

    /// Those within the bound of the best, from the lowest mean to the highest.
    fn reach(&self, candidates: &[Candidate<'_>]) -> Vec<usize> {
        let top = candidates.iter().map(|candidate| candidate.mean).fold(f64::NAN, f64::max);
        let near = |mean: f64| mean == top || (self.bound > 0.0 && chance(top) - chance(mean) <= self.bound);
        let mut reach: Vec<usize> = (0..candidates.len()).filter(|&at| near(candidates[at].mean)).collect();
        reach.sort_by(|&a, &b| by_value(&candidates[a], &candidates[b]));
        reach
    }
}

/// The probability that each of `reach` is the best, as ∫ dF over the distribution F of the highest answer.
/// In each cell of the grid, F's growth is shared out in proportion to how much each ln Φ grew, since
/// ln F = Σ ln Φ; so the shares are positive and sum to F's growth however coarse the grid is.
fn best(candidates: &[Candidate<'_>], reach: &[usize]) -> Vec<f64> {
    let answers: Vec<(f64, f64)> = reach
        .iter()
        .map(|&at| {
            (candidates[at].mean.clamp(-100.0, 100.0), candidates[at].spread.max(SPREADS.0).min(SPREADS.1))
        })
        .collect();
    let edge =
        |sign: f64| answers.iter().map(|(mean, spread)| mean + sign * TAIL * spread).fold(f64::MIN, f64::max);
    // Below the highest of the lower ends, somebody is almost surely above; above the highest upper end, nobody is.
    let (from, to) = (edge(-1.0), edge(1.0));
    let scales: Vec<(f64, f64)> = answers.iter().map(|(mean, spread)| (*mean, 1.0 / spread)).collect();
    let (mut shares, mut below, mut next) =
        (vec![0.0; scales.len()], vec![0.0; scales.len()], vec![0.0; scales.len()]);
    let (mut before, mut highest_before) = (f64::NAN, f64::NAN);
    for cell in 0..=CELLS {
        let x = from + (to - from) * (cell as f64 / CELLS as f64);
        next.iter_mut().zip(&scales).for_each(|(next, (mean, scale))| *next = ln_below((x - mean) * scale));
        let after = next.iter().sum();
        let highest = libm::exp(after);
        // Not so in the first round, which only fills `below`.
        if after > before {
            let grown = (highest - highest_before) / (after - before);
            for ((share, next), below) in shares.iter_mut().zip(&next).zip(&below) {
                *share += grown * (next - below);
            }
        }
        (before, highest_before) = (after, highest);
        std::mem::swap(&mut below, &mut next);
    }
    let sum: f64 = shares.iter().sum();
    shares.iter().map(|share| share / sum).collect()
}

/// Steps of the table of ln Φ for each standard deviation.
const STEPS: f64 = 128.0;
/// The table's end. Above, ln Φ is 0 for what it is used for.
const END: f64 = 7.0;

/// ln Φ from −[`TAIL`] up, which is all that [`best`] asks for, read off a table with straight lines between: it rises
/// as ln Φ does, errs by less than 0.00001, and takes a tenth of the time.
fn ln_below(z: f64) -> f64 {
    static TABLE: LazyLock<Vec<f64>> = LazyLock::new(|| {
        let steps = ((TAIL + END) * STEPS) as u32;
        (0..=steps).map(|step| ln_normal_below(f64::from(step) / STEPS - TAIL)).collect()
    });
    let at = (z + TAIL).max(0.0) * STEPS;
    match TABLE.get(at as usize..) {
        Some([below, above, ..]) => below + (above - below) * at.fract(),
        _ => 0.0,
    }
}

fn by_value(a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
    a.mean.total_cmp(&b.mean).then(a.spread.total_cmp(&b.spread)).then(a.newer.cmp(&b.newer))
}

#[cfg(test)]
mod tests;
