//! Tails and quantiles of the distributions that verdicts are read from.
//!
//! `special` computes them on `libm`, so that a verdict is the same on every platform.

use special::{Beta as _, Error as _, Gamma as _};

/// The share of a standard normal below `z`.
pub(crate) fn normal_below(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Its natural logarithm, exact also where the share is next to 1.
pub(crate) fn ln_normal_below(z: f64) -> f64 {
    if z > 0.0 { libm::log1p(-normal_below(-z)) } else { libm::log(normal_below(z)) }
}

/// What a standard normal is below with probability `share`, which is strictly between 0 and 1.
pub(crate) fn normal_quantile(share: f64) -> f64 {
    std::f64::consts::SQRT_2 * (2.0 * share - 1.0).inv_error()
}

/// The share of a beta distribution below `x`, which is 0 to 1.
pub(crate) fn beta_below(x: f64, successes: f64, failures: f64) -> f64 {
    x.inc_beta(successes, failures, successes.ln_beta(failures))
}

/// `ln B(a, b)`.
pub(crate) fn ln_beta(a: f64, b: f64) -> f64 {
    a.ln_beta(b)
}

/// The probability of a chi-square with `freedom` degrees at or above `x`.
pub(crate) fn chi_square_above(x: f64, freedom: u32) -> f64 {
    if freedom == 1 {
        return libm::erfc((x.max(0.0) / 2.0).sqrt());
    }
    (1.0 - (x.max(0.0) / 2.0).inc_gamma(f64::from(freedom) / 2.0)).max(0.0)
}

/// The probability of `hits` or more of `n`, each with probability `share`.
pub(crate) fn binomial_at_least(hits: u64, n: u64, share: f64) -> f64 {
    match hits {
        0 => 1.0,
        _ if hits > n => 0.0,
        _ => {
            let (a, b) = (hits as f64, (n - hits + 1) as f64);
            share.clamp(0.0, 1.0).inc_beta(a, b, a.ln_beta(b))
        }
    }
}

/// The probability of `hits` or fewer successes where each trial has a probability of its own (Poisson binomial),
/// summed up trial by trial, exactly; time grows with `hits` × trials.
pub(crate) fn poisson_binomial_at_most(hits: usize, shares: &[f64]) -> f64 {
    let mut with = vec![0.0; hits + 1];
    with[0] = 1.0;
    for &share in shares {
        for k in (1..=hits).rev() {
            with[k] = with[k] * (1.0 - share) + with[k - 1] * share;
        }
        with[0] *= 1.0 - share;
    }
    with.iter().sum::<f64>().min(1.0)
}

/// `ln C(n, k)`.
pub(crate) fn ln_choose(n: u64, k: u64) -> f64 {
    let ln_factorial = |n: u64| libm::lgamma(n as f64 + 1.0);
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: f64, expect: f64, within: f64) {
        assert!((found - expect).abs() <= within, "{found} is not {expect}");
    }

    #[test]
    fn tails_are_those_of_the_tables() {
        check(normal_below(1.959_963_984_540_054), 0.975, 1e-12);
        check(ln_normal_below(-5.0), -15.064_998_393_988_727, 1e-9);
        check(ln_normal_below(9.0), -1.128_588_405_953_841e-19, 1e-30);
        check(normal_quantile(0.8), 0.841_621_233_572_914_2, 1e-12);
        check(normal_quantile(0.975), 1.959_963_984_540_054, 1e-12);
        check(chi_square_above(3.841_458_820_694_124, 1), 0.05, 1e-12);
        check(chi_square_above(10.827_566_170_662_733, 1), 0.001, 1e-12);
        check(chi_square_above(11.070_497_693_516_351, 5), 0.05, 1e-9);
        // 2^-10 (120 + 45 + 10 + 1).
        check(binomial_at_least(7, 10, 0.5), 176.0 / 1024.0, 1e-12);
        check(binomial_at_least(0, 10, 0.5), 1.0, 0.0);
        check(binomial_at_least(11, 10, 0.5), 0.0, 0.0);
        check(poisson_binomial_at_most(6, &[0.5; 10]), 1.0 - 176.0 / 1024.0, 1e-12);
        check(poisson_binomial_at_most(0, &[0.2, 0.5]), 0.4, 1e-12);
        check(libm::exp(ln_choose(10, 3)), 120.0, 1e-9);
    }
}
