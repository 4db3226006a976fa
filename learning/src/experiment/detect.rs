//! What an experiment can find before it starts, so that nobody waits for what it cannot (X8).
//!
//! The textbook's two-sided test at 5 % with a power of 80 %, normal approximation, variances not pooled (Fleiss,
//! Levin & Paik 2003, without continuity correction). An always-valid test, which may be looked at every day,
//! needs about 2.4 times as many accounts for the same effect, or finds one about 1.55 times as large.

use serde::{Deserialize, Serialize};

use crate::distributions::normal_quantile;
use crate::rate::Z95;

/// The probability that an effect which is there is found.
const POWER: f64 = 0.8;

/// How many accounts each arm has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Groups {
    /// In the control; at least one.
    pub control: u64,
    /// In the treatment; at least one.
    pub treatment: u64,
}

/// The least rise of a rate from `base` (0–1) that is found, as a difference of shares; none where even a rise to
/// 1 is not.
pub fn rise(base: f64, groups: Groups) -> Option<f64> {
    let found = |rise: f64| {
        let variance = |share: f64, n: u64| share * (1.0 - share) / n as f64;
        rise >= errors() * (variance(base, groups.control) + variance(base + rise, groups.treatment)).sqrt()
    };
    let (mut low, mut high) = (0.0, 1.0 - base);
    if !(0.0..1.0).contains(&base) || groups.control == 0 || groups.treatment == 0 || !found(high) {
        return None;
    }
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if found(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// Accounts that each of two equal groups needs to find a rise from `base` by `rise`; none where there is no such.
pub fn accounts(base: f64, rise: f64) -> Option<u64> {
    let raised = base + rise;
    let sane = (0.0..=1.0).contains(&base) && (0.0..=1.0).contains(&raised) && rise != 0.0;
    let variance = base * (1.0 - base) + raised * (1.0 - raised);
    let needed = errors() * errors() * variance / (rise * rise);
    (sane && needed < 1e15).then_some(needed.ceil() as u64)
}

/// The least difference of means that is found, in the unit of `deviation`, the standard deviation of one account.
pub fn shift(deviation: f64, groups: Groups) -> f64 {
    errors() * deviation * (1.0 / groups.control as f64 + 1.0 / groups.treatment as f64).sqrt()
}

/// Standard errors that an effect must measure.
fn errors() -> f64 {
    Z95 + normal_quantile(POWER)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row of the table: base rate in %, detectable at 200 a group in points, accounts a group for +10 and +20 %.
    fn check(base: f64, points: f64, for_tenth: u64, for_fifth: u64) {
        let base = base / 100.0;
        let found =
            rise(base, Groups { control: 200, treatment: 200 }).map(|rise| (rise * 1000.0).round() / 10.0);
        assert_eq!(found, Some(points));
        assert_eq!(
            (accounts(base, 0.1 * base), accounts(base, 0.2 * base)),
            (Some(for_tenth), Some(for_fifth))
        );
    }

    #[test]
    fn two_hundred_a_group_find_only_large_effects() {
        check(10.0, 9.9, 14_749, 3_839);
        check(20.0, 12.2, 6_507, 1_680);
        check(25.0, 12.9, 4_859, 1_248);
    }

    #[test]
    fn impossible_questions_have_no_answer() {
        let groups = |n| Groups { control: n, treatment: n };
        assert_eq!(rise(0.9, groups(20)), None);
        assert_eq!(rise(1.5, groups(200)), None);
        assert_eq!(rise(0.2, groups(0)), None);
        assert_eq!((accounts(0.2, 0.0), accounts(0.9, 0.2), accounts(f64::NAN, 0.1)), (None, None, None));
    }

    #[test]
    fn means_need_their_deviation() {
        // (1.96 + 0.84) × 10 × √(2/200).
        assert!((shift(10.0, Groups { control: 200, treatment: 200 }) - 2.8016).abs() < 1e-4);
    }

    #[test]
    fn an_uneven_split_finds_less() {
        let even = rise(0.2, Groups { control: 200, treatment: 200 });
        let uneven = rise(0.2, Groups { control: 80, treatment: 320 });
        assert!(even < uneven);
    }
}
