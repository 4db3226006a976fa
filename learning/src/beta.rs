//! The beta distribution: what is believed of a rate after some successes and failures.

use serde::{Deserialize, Serialize};

use crate::distributions::beta_below;

/// A belief about a rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beta {
    /// Successes it is worth; above 0.
    pub successes: f64,
    /// Failures it is worth; above 0.
    pub failures: f64,
}

impl Beta {
    /// A belief with a mean, worth as many observations as `strength`.
    pub fn new(mean: f64, strength: f64) -> Beta {
        let mean = mean.clamp(1e-9, 1.0 - 1e-9);
        Beta { successes: mean * strength, failures: (1.0 - mean) * strength }
    }

    /// The belief after more observations.
    pub fn after(self, successes: f64, failures: f64) -> Beta {
        Beta { successes: self.successes + successes, failures: self.failures + failures }
    }

    /// The expected rate.
    pub fn mean(self) -> f64 {
        self.successes / (self.successes + self.failures)
    }

    /// The bounds that hold the rate with probability `level`, with the same chance beyond either.
    pub fn interval(self, level: f64) -> (f64, f64) {
        let beyond = 0.5 * (1.0 - level);
        (self.quantile(beyond), self.quantile(1.0 - beyond))
    }

    /// The rate that the true one is below with a probability; by halving, to 12 places.
    fn quantile(self, probability: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            if self.below(middle) < probability { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    /// Probability that the rate is below `x`.
    pub fn below(self, x: f64) -> f64 {
        beta_below(x.clamp(0.0, 1.0), self.successes, self.failures)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// More evidence for what is believed never widens an interval.
        #[test]
        fn evidence_narrows(mean in 0.05..0.95_f64, strength in 2.0..200.0_f64, deals in 1.0..100.0_f64, level in 0.5..0.99_f64) {
            let before = Beta::new(mean, strength);
            let after = before.after(mean * deals, (1.0 - mean) * deals);
            prop_assert!((after.mean() - mean).abs() < 1e-12);
            let width = |(low, high): (f64, f64)| high - low;
            prop_assert!(width(after.interval(level)) < width(before.interval(level)));
        }
    }

    #[test]
    fn known_values() {
        // Beta(1, b): 1 − (1−x)^b; Beta(2, 3) at 0.4: 0.5248; Beta(½, ½): 2/π · asin √x.
        let check = |successes, failures, x, expected: f64| {
            let got = Beta { successes, failures }.below(x);
            assert!((got - expected).abs() < 1e-12, "{got} {expected}");
        };
        check(1.0, 1.0, 0.3, 0.3);
        check(1.0, 5.0, 0.2, 1.0 - libm::pow(0.8, 5.0));
        check(2.0, 3.0, 0.4, 0.5248);
        check(0.5, 0.5, 0.25, 1.0 / 3.0);
        check(300.0, 300.0, 0.5, 0.5);
    }

    #[test]
    fn quantiles_undo_probabilities() {
        for (mean, strength) in [(0.5, 2.0), (0.03, 7.0), (0.41, 500.0)] {
            let beta = Beta::new(mean, strength);
            let (low, high) = beta.interval(0.8);
            assert!((beta.below(low) - 0.1).abs() < 1e-7 && (beta.below(high) - 0.9).abs() < 1e-7);
        }
    }
}
