//! Tells when a model in use no longer fits: its newest deals against those it was held to when it was trained.
//!
//! Two questions about the deals that closed since: were more or fewer won than predicted (calibration in the
//! large), and is the log loss higher than on the held-out deals of training. Each is a difference of two means in
//! standard errors; the bounds make each false once in 200 looks, so a model that still fits raises an alarm in at
//! most 1 % of looks, which is once in two years of weekly ones.

use serde::{Deserialize, Serialize};

use crate::metrics::{Difference, Outturn, losses};

/// Fewer recent deals say nothing either way, and are too few for a mean to be normal.
pub const ENOUGH: u64 = 50;
/// 0.5 % of a normal distribution is further away, on both sides together.
const EITHER_SIDE: f64 = 2.807;
/// 0.5 % of a normal distribution is above.
const ABOVE: f64 = 2.576;

/// How held-out deals of training came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Won minus predicted, a deal.
    pub surprise: Difference,
    /// Log loss, a deal.
    pub loss: Difference,
}

impl Baseline {
    /// Of predictions and what came of them.
    pub fn of(outturns: &[Outturn]) -> Baseline {
        let surprises: Vec<f64> = outturns.iter().map(Outturn::surprise).collect();
        Baseline { surprise: Difference::of(&surprises), loss: Difference::of(&losses(outturns)) }
    }
}

/// How the newest deals compare.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Recent deals.
    pub deals: u64,
    /// Won minus predicted among them.
    pub surprise: Difference,
    /// Their log loss.
    pub loss: Difference,
    /// What follows.
    pub verdict: Verdict,
}

/// What follows from a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Too few recent deals to tell.
    TooFew,
    /// As at training.
    Steady,
    /// More are won than predicted.
    WonMore,
    /// Fewer are won than predicted.
    WonLess,
    /// As many are won, but not those that were predicted.
    Worse,
}

/// Compares predictions of recent deals, made by the model in use, with its baseline.
pub fn drift(baseline: &Baseline, recent: &[Outturn]) -> Drift {
    let Baseline { surprise, loss } = Baseline::of(recent);
    let apart = |now: Difference, then: Difference| {
        let error = libm::sqrt(now.error * now.error + then.error * then.error);
        if error > 0.0 { (now.mean - then.mean) / error } else { 0.0 }
    };
    let (won, worse) = (apart(surprise, baseline.surprise), apart(loss, baseline.loss));
    let verdict = if (recent.len() as u64) < ENOUGH {
        Verdict::TooFew
    } else if won > EITHER_SIDE {
        Verdict::WonMore
    } else if won < -EITHER_SIDE {
        Verdict::WonLess
    } else if worse > ABOVE {
        Verdict::Worse
    } else {
        Verdict::Steady
    };
    Drift { deals: recent.len() as u64, surprise, loss, verdict }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Chance(u64);

    impl Chance {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        }

        /// Deals that are won with the chance that was predicted, or with what `truth` makes of it.
        fn outturns(&mut self, deals: usize, truth: impl Fn(f64) -> f64) -> Vec<Outturn> {
            let mut one = || {
                let chance = 0.05 + 0.5 * self.next();
                Outturn { chance, won: self.next() < truth(chance) }
            };
            (0..deals).map(|_| one()).collect()
        }
    }

    #[test]
    fn one_look_in_a_hundred_is_a_false_alarm() {
        for (held_out, recent) in [(200, 60), (1_000, 300)] {
            let mut draw = Chance(5);
            let alarms = (0..4_000)
                .filter(|_| {
                    let baseline = Baseline::of(&draw.outturns(held_out, |chance| chance));
                    drift(&baseline, &draw.outturns(recent, |chance| chance)).verdict != Verdict::Steady
                })
                .count();
            // 40 are expected; five standard deviations more are 72.
            assert!(alarms <= 72, "{alarms} of 4,000");
        }
    }

    #[test]
    fn alarms_say_what_changed() {
        let mut draw = Chance(9);
        let baseline = Baseline::of(&draw.outturns(1_000, |chance| chance));
        let mut check = |deals, truth: fn(f64) -> f64, expected| {
            assert_eq!(drift(&baseline, &draw.outturns(deals, truth)).verdict, expected);
        };
        check(49, |_| 1.0, Verdict::TooFew);
        check(300, |chance| chance, Verdict::Steady);
        check(300, |chance| chance + 0.15, Verdict::WonMore);
        check(300, |chance| chance - 0.15, Verdict::WonLess);
        check(2_000, |chance| 0.6 - chance, Verdict::Worse);
    }
}
