//! Whether a difference between counts is more than chance, also where many are looked at together.

use serde::{Deserialize, Serialize};

use crate::distributions::ln_choose;

/// Two groups of counts, to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Of the group in question, those that did.
    pub hits: u64,
    /// All of the group in question; at least `hits`.
    pub n: u64,
    /// Of the others, those that did.
    pub other_hits: u64,
    /// All of the others; at least `other_hits`.
    pub other_n: u64,
}

impl Counts {
    /// The same with those that did not instead of those that did.
    #[must_use]
    pub fn misses(self) -> Self {
        let Self { hits, n, other_hits, other_n } = self;
        Self { hits: n.saturating_sub(hits), n, other_hits: other_n.saturating_sub(other_hits), other_n }
    }

    /// The probability of as many hits in the group, or more, if it were like the others: Fisher's exact test,
    /// one-sided (Fisher 1935). 1 where the counts contradict themselves.
    pub fn more_than_others(self) -> f64 {
        let Self { hits, n, other_hits, other_n } = self;
        if hits > n || other_hits > other_n {
            return 1.0;
        }
        let all = hits + other_hits;
        let ways = ln_choose(n + other_n, all);
        let tail = (hits.max(all.saturating_sub(other_n))..=n.min(all))
            .map(|k| libm::exp(ln_choose(n, k) + ln_choose(other_n, all - k) - ways));
        tail.sum::<f64>().min(1.0)
    }
}

/// Which of many p-values count as found when, on average, at most `share` of those found may be chance
/// (Benjamini & Hochberg 1995); in the order given.
pub fn discoveries(p_values: &[f64], share: f64) -> Vec<bool> {
    let mut sorted: Vec<f64> = p_values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let limit = |rank: usize| share * (rank + 1) as f64 / sorted.len() as f64;
    let cut = sorted.iter().enumerate().rev().find(|&(rank, &p)| p <= limit(rank)).map(|(_, &p)| p);
    p_values.iter().map(|&p| cut.is_some_and(|cut| p <= cut)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(hits: u64, n: u64, other_hits: u64, other_n: u64, expect: f64) {
        let found = Counts { hits, n, other_hits, other_n }.more_than_others();
        assert!((found - expect).abs() < 1e-9, "{hits}/{n} beside {other_hits}/{other_n}: {found}");
    }

    #[test]
    fn tails_are_fishers() {
        // The lady who tasted tea: (16 + 1) / 70.
        check(3, 4, 1, 4, 17.0 / 70.0);
        check(4, 4, 0, 4, 1.0 / 70.0);
        check(0, 4, 4, 4, 1.0);
        // Twins of convicts, Fisher 1935: 10 of 13 beside 2 of 17.
        check(10, 13, 2, 17, 0.000_465_181);
        check(2, 1, 0, 1, 1.0);
        check(0, 0, 0, 0, 1.0);
    }

    #[test]
    fn many_looks_are_paid_for() {
        // The fifteen p-values of the paper, of which four are found at 5 %.
        let paper = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
            0.6528, 0.7590, 1.0,
        ];
        let found = discoveries(&paper, 0.05);
        assert_eq!(found, (0..15).map(|rank| rank < 4).collect::<Vec<_>>());
        assert_eq!(discoveries(&[], 0.05), Vec::<bool>::new());
    }

    proptest! {
        #[test]
        fn both_tails_cover_everything(hits in 0u64..30, misses in 0u64..30, other_hits in 0u64..30, other_misses in 0u64..30) {
            let counts = Counts { hits, n: hits + misses, other_hits, other_n: other_hits + other_misses };
            let (more, fewer) = (counts.more_than_others(), counts.misses().more_than_others());
            prop_assert!((0.0..=1.0).contains(&more) && more + fewer > 1.0 - 1e-9);
        }
    }
}
