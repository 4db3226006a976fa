//! A share that was counted, with how sure it is: 9 of 14, 64 % (39–84 %).
//!
//! The interval is Wilson's score interval at 95 % (Wilson 1927; Newcombe 1998), which holds for few counts and
//! for shares near 0 and 1, where the textbook's does not.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What leaves 2.5 % in each tail of the normal distribution.
pub(crate) const Z95: f64 = 1.959_963_984_540_054;

/// How many of how many.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Those counted that did.
    pub hits: u64,
    /// All counted; at least one.
    pub n: u64,
    /// `hits / n`, 0–1.
    pub share: f64,
    /// The lower end of the 95 % interval, 0–1.
    pub low: f64,
    /// The upper end of the 95 % interval, 0–1.
    pub high: f64,
}

impl Rate {
    /// None where nothing was counted, or more did than were counted.
    pub fn of(hits: u64, n: u64) -> Option<Self> {
        (n > 0 && hits <= n).then(|| {
            let (low, high) = wilson(hits, n, Z95);
            Self { hits, n, share: hits as f64 / n as f64, low, high }
        })
    }

    /// Of those for whom it is known, how many did.
    pub fn count(known: impl IntoIterator<Item = bool>) -> Option<Self> {
        let (hits, n) = known.into_iter().fold((0, 0), |(hits, n), hit| (hits + u64::from(hit), n + 1));
        Self::of(hits, n)
    }
}

/// `9 of 14, 64 % (39–84 %)`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hits, n, share, low, high } = self;
        let [share, low, high] = [share, low, high].map(|part| 100.0 * part);
        write!(f, "{hits} of {n}, {share:.0} % ({low:.0}–{high:.0} %)")
    }
}

/// Wilson's score interval with `z` standard errors; `n` is at least 1.
fn wilson(hits: u64, n: u64, z: f64) -> (f64, f64) {
    wilson_of(hits as f64, n, z)
}

/// The same of a sum of numbers from 0 to 1. Since none of them varies more than hits of the same mean do, it is at least as wide
/// as it has to be.
pub(crate) fn wilson_of(k: f64, n: u64, z: f64) -> (f64, f64) {
    let n = n as f64;
    let (share, z2) = (k / n, z * z);
    let middle = (k + z2 / 2.0) / (n + z2);
    let half = z / (n + z2) * (k * (1.0 - share) + z2 / 4.0).sqrt();
    let low = if k <= 0.0 { 0.0 } else { (middle - half).max(0.0) };
    let high = if k >= n { 1.0 } else { (middle + half).min(1.0) };
    (low, high)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(hits: u64, n: u64, expect: Option<(f64, f64)>) {
        let found = Rate::of(hits, n).map(|rate| (rate.low, rate.high));
        let near = |a: f64, b: f64| (a - b).abs() < 5e-5;
        match (found, expect) {
            (Some(found), Some(expect)) => {
                assert!(near(found.0, expect.0) && near(found.1, expect.1), "{hits}/{n}: {found:?}");
            }
            (found, expect) => assert_eq!(found, expect, "{hits}/{n}"),
        }
    }

    #[test]
    fn intervals_are_those_of_the_paper() {
        // Newcombe 1998, table I, method 3.
        check(81, 263, Some((0.2553, 0.3662)));
        check(15, 148, Some((0.0624, 0.1605)));
        check(0, 20, Some((0.0, 0.1611)));
        check(1, 29, Some((0.0061, 0.1718)));
        check(29, 29, Some((0.8830, 1.0)));
        check(0, 0, None);
        check(2, 1, None);
    }

    #[test]
    fn a_rate_reads_as_a_person_would_say_it() {
        let rate = Rate::of(9, 14).map(|rate| rate.to_string());
        assert_eq!(rate.as_deref(), Some("9 of 14, 64 % (39–84 %)"));
    }

    proptest! {
        #[test]
        fn the_share_lies_within(hits in 0u64..500, more in 0u64..500) {
            prop_assume!(hits + more > 0);
            let rate = Rate::of(hits, hits + more).expect("counted");
            prop_assert!(0.0 <= rate.low && rate.low <= rate.share && rate.share <= rate.high && rate.high <= 1.0);
        }
    }
}
