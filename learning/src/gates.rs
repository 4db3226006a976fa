//! Whether what was learned may route leads yet: enough evidence, and skill on deals it had not seen.
//!
//! Both gates must pass (requirement X9); before that the tenant's rules alone decide, and the figures say why.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::metrics::Difference;

/// Effective deals that are needed.
pub const ENOUGH: f64 = 100.0;

/// The figures both gates were decided by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gates {
    /// Effective number of closed deals: (Σw)² / Σw² over the weights of training.
    pub effective: f64,
    /// Log loss saved against the global rate, a deal, on newer deals than the model had seen.
    pub saved: Difference,
    /// How many deals that was measured on.
    pub measured_on: u64,
}

/// A gate that does not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// Too few effective deals.
    Evidence,
    /// Not better than the global rate by more than one standard error.
    Skill,
}

impl Gates {
    /// The gates that failed; none where the model may be used.
    pub fn failed(&self) -> Vec<Gate> {
        let mut failed = Vec::new();
        if self.effective < ENOUGH {
            failed.push(Gate::Evidence);
        }
        if !self.saved.is_clear() {
            failed.push(Gate::Skill);
        }
        failed
    }

    /// Whether both passed.
    pub fn passed(&self) -> bool {
        self.failed().is_empty()
    }
}

impl fmt::Display for Gates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Gates { effective, saved, measured_on } = self;
        let mark = |gate| if self.failed().contains(&gate) { "failed" } else { "passed" };
        write!(f, "evidence {}: {effective:.1} effective deals of {ENOUGH}; ", mark(Gate::Evidence))?;
        write!(
            f,
            "skill {}: log loss on {measured_on} newer deals {:.4} below the global rate's, standard error {:.4}",
            mark(Gate::Skill),
            saved.mean,
            saved.error
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_must_pass() {
        let check = |effective, mean, error, expected: &str| {
            let gates = Gates { effective, saved: Difference { mean, error }, measured_on: 500 };
            assert_eq!(gates.to_string(), expected);
        };
        check(
            100.0,
            0.02,
            0.01,
            "evidence passed: 100.0 effective deals of 100; skill passed: log loss on 500 newer deals 0.0200 below the global rate's, standard error 0.0100",
        );
        check(
            99.9,
            0.02,
            0.01,
            "evidence failed: 99.9 effective deals of 100; skill passed: log loss on 500 newer deals 0.0200 below the global rate's, standard error 0.0100",
        );
        check(
            400.0,
            0.01,
            0.02,
            "evidence passed: 400.0 effective deals of 100; skill failed: log loss on 500 newer deals 0.0100 below the global rate's, standard error 0.0200",
        );
        check(
            0.0,
            0.0,
            0.0,
            "evidence failed: 0.0 effective deals of 100; skill failed: log loss on 500 newer deals 0.0000 below the global rate's, standard error 0.0000",
        );
    }
}
