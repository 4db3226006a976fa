//! What a release may use and get wrong before it is taken back by itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Counts;

/// Limits of a release while it is a candidate, and after it became active for as long as the release before it is
/// known. Nothing is judged before so many calls, or comparisons, were seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", default, deny_unknown_fields)]
pub struct Budget {
    /// Calls, or comparisons, before anything is judged.
    pub least: u64,
    /// Percent of calls that may fail by the plugin's fault.
    pub failures: f64,
    /// Percent of compared decisions that may differ from the release beside; nothing: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disagreement: Option<f64>,
    /// Fuel of a call that 99 % of calls stay within; nothing: what the plan allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// Milliseconds of a call that 99 % of calls stay within; nothing: what the plan allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub millis: Option<u64>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { least: 20, failures: 5.0, disagreement: None, fuel: None, millis: None }
    }
}

/// A budget that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// Not a percentage.
    #[error("`{0}` is a percentage, 0 to 100")]
    Percent(&'static str),
    /// It would judge nothing.
    #[error("`least` is at least 1: a release that was never asked cannot be judged")]
    Least,
}

/// What a release did that its budget does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "over")]
pub enum Breach {
    /// Too many calls failed.
    Failures {
        /// Percent that did.
        percent: f64,
        /// Percent that may.
        allowed: f64,
    },
    /// Too many decisions differed.
    Disagreement {
        /// Percent that did.
        percent: f64,
        /// Percent that may.
        allowed: f64,
    },
    /// Calls use too much fuel.
    Fuel {
        /// What 99 % of calls stay within.
        p99: u64,
        /// What they are to stay within.
        allowed: u64,
    },
    /// Calls take too long.
    Latency {
        /// Milliseconds that 99 % of calls stay within.
        p99: u64,
        /// Milliseconds that they are to stay within.
        allowed: u64,
    },
    /// So many leads in a row failed that the plugin is not asked for now.
    Broken,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failures { percent, allowed } => {
                write!(f, "{percent:.1} % of its calls failed, and {allowed} % may")
            }
            Self::Disagreement { percent, allowed } => {
                write!(f, "{percent:.1} % of its decisions differ, and {allowed} % may")
            }
            Self::Fuel { p99, allowed } => {
                write!(f, "99 % of its calls use up to {p99} fuel, and {allowed} is allowed")
            }
            Self::Latency { p99, allowed } => {
                write!(f, "99 % of its calls take up to {p99} ms, and {allowed} ms is allowed")
            }
            Self::Broken => f.write_str("it failed on so many leads in a row that it is not asked for now"),
        }
    }
}

impl Budget {
    /// Whether it can be.
    ///
    /// # Errors
    ///
    /// [`BudgetError`] names the first number that cannot.
    pub fn checked(self) -> Result<Self, BudgetError> {
        let percent = |value: f64| (0.0..=100.0).contains(&value);
        if !percent(self.failures) {
            return Err(BudgetError::Percent("failures"));
        }
        if !self.disagreement.is_none_or(percent) {
            return Err(BudgetError::Percent("disagreement"));
        }
        if self.least == 0 {
            return Err(BudgetError::Least);
        }
        Ok(self)
    }

    /// The first limit that a release does not keep, as far as it was counted.
    pub fn broken(&self, counts: &Counts) -> Option<Breach> {
        let over = |share: f64, allowed: f64| (share * 100.0 > allowed).then_some((share * 100.0, allowed));
        let over_p99 =
            |p99: Option<u64>, allowed: Option<u64>| p99.zip(allowed).filter(|(p99, allowed)| p99 > allowed);
        if counts.calls >= self.least {
            if let Some((percent, allowed)) = over(counts.failure_rate(), self.failures) {
                return Some(Breach::Failures { percent, allowed });
            }
            if let Some((p99, allowed)) = over_p99(counts.fuel.quantile(0.99), self.fuel) {
                return Some(Breach::Fuel { p99, allowed });
            }
            let millis = counts.micros.quantile(0.99).map(|micros| micros.div_ceil(1000));
            if let Some((p99, allowed)) = over_p99(millis, self.millis) {
                return Some(Breach::Latency { p99, allowed });
            }
        }
        let compared = self.disagreement.filter(|_| counts.compared >= self.least);
        let (percent, allowed) = over(counts.disagreement(), compared?)?;
        Some(Breach::Disagreement { percent, allowed })
    }
}
