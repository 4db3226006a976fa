//! Tells when a model in use no longer fits: its newest deals against those it was held to when it was trained.
//!
//! Two questions about the deals that closed since: were more or fewer won than predicted (calibration in the
//! large), and is the log loss higher than on the held-out deals of training. Each is a difference of two means in
//! standard errors; the bounds make each false once in 200 looks, so a model that still fits raises an alarm in at
//! most 1 % of looks.
//!
//! Whoever looks at every deal anew sees an alarm sooner or later. [`watch`] therefore looks when the number of deals
//! reaches 50, 100, 200 and so on, however often it is asked: six looks in the first 1,600 deals of a model. What an
//! alarm said stays said.

use std::fmt;

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

impl Verdict {
    /// Whether the model no longer fits.
    pub fn is_alarm(self) -> bool {
        matches!(self, Verdict::WonMore | Verdict::WonLess | Verdict::Worse)
    }
}

/// A model in use, watched over the deals that closed since it was trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// Deals that closed since.
    pub closed: u64,
    /// The first look that raised an alarm, or else the latest.
    pub look: Drift,
    /// What it is held against.
    pub baseline: Baseline,
}

/// Watches a model over the deals that closed since it was trained, in the order in which they closed.
pub fn watch(baseline: &Baseline, recent: &[Outturn]) -> Watch {
    let mut look = drift(baseline, &recent[..recent.len().min(ENOUGH as usize)]);
    let mut next = 2 * ENOUGH as usize;
    while !look.verdict.is_alarm() && next <= recent.len() {
        look = drift(baseline, &recent[..next]);
        next *= 2;
    }
    Watch { closed: recent.len() as u64, look, baseline: *baseline }
}

/// What was seen, for a person: `of the first 100 of 130 deals since it was trained, 15.2 in a hundred fewer were won than
/// predicted, standard error 4.1: it no longer fits`.
impl fmt::Display for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Watch { closed, look: Drift { deals, surprise, loss, verdict }, baseline } = self;
        if *verdict == Verdict::TooFew {
            return write!(
                f,
                "{closed} deals closed since it was trained, and {ENOUGH} are needed to tell whether it still fits"
            );
        }
        match deals == closed {
            true => write!(f, "of {closed} deals since it was trained, ")?,
            false => write!(f, "of the first {deals} of {closed} deals since it was trained, ")?,
        }
        // What was seen beside what there was at training, in a hundred deals.
        let points = 100.0 * (surprise.mean - baseline.surprise.mean);
        let error = 100.0 * libm::hypot(surprise.error, baseline.surprise.error);
        let fits = if verdict.is_alarm() { "it no longer fits" } else { "it still fits" };
        match verdict {
            Verdict::TooFew | Verdict::Steady | Verdict::WonMore | Verdict::WonLess => write!(
                f,
                "{:.1} in a hundred {} were won than predicted, standard error {error:.1}: {fits}",
                points.abs(),
                if points < 0.0 { "fewer" } else { "more" },
            ),
            Verdict::Worse => write!(
                f,
                "log loss is {:.4} a deal, and was {:.4} when it was trained, standard error {:.4}: {fits}",
                loss.mean,
                baseline.loss.mean,
                libm::hypot(loss.error, baseline.loss.error)
            ),
        }
    }
}

/// Compares predictions of recent deals, made by the model in use, with its baseline.
pub fn drift(baseline: &Baseline, recent: &[Outturn]) -> Drift {
    let Baseline { surprise, loss } = Baseline::of(recent);
    let apart = |now: Difference, then: Difference| {
        let error = libm::hypot(now.error, then.error);
        // What is less than this is left of rounding.
        if error > 1e-9 { (now.mean - then.mean) / error } else { 0.0 }
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

    #[test]
    fn a_model_that_fits_is_left_alone_however_often_somebody_looks() {
        let mut draw = Chance(7);
        let alarms = (0..1_000)
            .filter(|_| {
                let baseline = Baseline::of(&draw.outturns(1_000, |chance| chance));
                let deals = draw.outturns(800, |chance| chance);
                // Every day somebody looks, and what an alarm said stays said.
                let days: Vec<Watch> = (0..=40).map(|day| watch(&baseline, &deals[..20 * day])).collect();
                let first = days.iter().position(|day| day.look.verdict.is_alarm());
                if let Some(first) = first {
                    assert!(days[first..].iter().all(|day| day.look == days[first].look));
                }
                first.is_some()
            })
            .count();
        // Five looks of 1 % each are 50; five standard deviations more are 85.
        assert!((1..=85).contains(&alarms), "{alarms} of 1,000");
    }

    #[test]
    fn what_was_seen_is_a_sentence() {
        let outturns = |deals: usize, won: usize| -> Vec<Outturn> {
            (0..deals).map(|deal| Outturn { chance: 0.5, won: deal * 7 % 10 < won }).collect()
        };
        let baseline = Baseline::of(&outturns(1_000, 5));
        let check = |deals, won, expected: &str| {
            assert_eq!(watch(&baseline, &outturns(deals, won)).to_string(), expected);
        };
        check(49, 5, "49 deals closed since it was trained, and 50 are needed to tell whether it still fits");
        check(
            130,
            5,
            "of the first 100 of 130 deals since it was trained, 0.0 in a hundred more were won than predicted, standard error 5.3: it still fits",
        );
        check(
            50,
            2,
            "of 50 deals since it was trained, 30.0 in a hundred fewer were won than predicted, standard error 5.9: it no longer fits",
        );
    }
}
