//! The logistic curve, its inverse, and how wide an interval is, the same to the bit everywhere.

use crate::distributions::normal_quantile;

/// Chance of a logit.
pub fn chance(logit: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-logit))
}

/// Logit of a chance; finite, since 0 and 1 are taken for 1e-9 less than certain.
pub fn logit(chance: f64) -> f64 {
    let chance = chance.clamp(1e-9, 1.0 - 1e-9);
    libm::log(chance / (1.0 - chance))
}

/// ln(1 + e^x) without overflow.
pub(crate) fn softplus(x: f64) -> f64 {
    x.max(0.0) + libm::log1p(libm::exp(-x.abs()))
}

/// Standard deviations to either side of the mean that hold `level` of a normal distribution: 1.2816 for 0.8.
pub fn width(level: f64) -> f64 {
    normal_quantile(0.5 + 0.5 * level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let check = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-9, "{got} {expected}");
        check(chance(0.0), 0.5);
        check(logit(0.2), -1.386_294_361_119_890_6);
        check(chance(logit(0.3)), 0.3);
        check(softplus(0.0), core::f64::consts::LN_2);
        check(softplus(800.0), 800.0);
        check(width(0.8), 1.281_551_565_544_600_5);
        check(width(0.95), 1.959_963_984_540_054);
        check(width(0.0), 0.0);
    }
}
