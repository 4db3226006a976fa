//! The beta distribution: what is believed of a rate after some successes and failures.
//!
//! Own code, since the libraries for it take `ln` and `exp` from the platform, whose last bits differ.

use serde::{Deserialize, Serialize};

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

    /// Probability that the rate is below `x`: the regularised incomplete beta function (Abramowitz & Stegun
    /// 26.5.8, the continued fraction evaluated by Lentz's method).
    pub fn below(self, x: f64) -> f64 {
        if x <= 0.0 || x >= 1.0 {
            return if x <= 0.0 { 0.0 } else { 1.0 };
        }
        let Beta { successes: a, failures: b } = self;
        // The fraction converges fast on this side of the mean.
        if x > (a + 1.0) / (a + b + 2.0) {
            return 1.0 - Beta { successes: b, failures: a }.below(1.0 - x);
        }
        let front = libm::exp(a * libm::log(x) + b * libm::log1p(-x) - log_beta(a, b)) / a;
        let (mut c, mut d) = (1.0, 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0)));
        let mut fraction = d;
        for m in 1..500 {
            let m = f64::from(m);
            let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
            let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
            let mut last = 1.0;
            for step in [even, odd] {
                d = 1.0 / nonzero(1.0 + step * d);
                c = nonzero(1.0 + step / c);
                last = c * d;
                fraction *= last;
            }
            if (last - 1.0).abs() < 1e-14 {
                break;
            }
        }
        (front * fraction).clamp(0.0, 1.0)
    }
}

/// ln B(a, b).
pub(crate) fn log_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

fn nonzero(x: f64) -> f64 {
    if x.abs() < 1e-300 { 1e-300 } else { x }
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
