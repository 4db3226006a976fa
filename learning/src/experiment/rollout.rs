//! A change on its way to everybody, step by step, that stops by itself (S3.31, S3.32).
//!
//! A state and what is seen on a day give the next state; nothing else moves it. It stops where the draw is
//! lopsided, or where the treatment is credibly worse by more than a metric's margin; it goes on when its step's
//! days are over; it reaches everybody only after the least time or the least number of accounts.

use serde::{Deserialize, Serialize};

use super::Share;
use super::detect::Groups;
use super::ratio::Ratio;
use super::sequential::Look;

/// How a change shall reach everybody. The default is S3.32: 10 → 50 → 90 → 100 % with two weeks a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The treatment's share in each step, in order. Ends it below 100 %, the last share stays until somebody
    /// promotes the change; one step of 50 % is a plain experiment.
    pub steps: Vec<Share>,
    /// Days of each step; at least one.
    pub days: u32,
    /// Promotion needs this many days since the start ...
    pub least_days: u32,
    /// ... or this many accounts in each arm.
    pub least_accounts: u64,
}

impl Default for Plan {
    fn default() -> Self {
        let steps = [10, 50, 90, 100].map(Share::percent).to_vec();
        Self { steps, days: 14, least_days: 28, least_accounts: 200 }
    }
}

/// Where a change is on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Rollout {
    /// On its way.
    Running {
        /// The step, from 0.
        step: usize,
        /// The day it began, counted from the start.
        since: u32,
    },
    /// Everybody has it.
    Promoted {
        /// The day.
        day: u32,
    },
    /// Nobody has it any more.
    Stopped {
        /// The day.
        day: u32,
        /// Why.
        reason: Reason,
    },
}

/// Why a change was stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "because")]
pub enum Reason {
    /// The arms do not have the shares that were meant, so no difference can be believed.
    SampleRatio {
        /// The check.
        ratio: Ratio,
    },
    /// The treatment is credibly worse than a metric allows.
    Worse {
        /// The metric.
        metric: String,
        /// What was seen.
        look: Look,
    },
    /// Somebody stopped it.
    ByHand,
}

/// What is seen on a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Days since the start.
    pub day: u32,
    /// Accounts of each arm since the start.
    pub accounts: Groups,
    /// The draw within the present step.
    pub ratio: Ratio,
    /// The primary metric and the guards.
    pub metrics: Vec<Metric>,
}

/// A metric, and what is seen of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Which way is good.
    pub better: Better,
    /// By how much the treatment may be worse, in the metric's unit; at least 0. A wide margin makes a guard
    /// that stops only for what hurts.
    pub margin: f64,
    /// The present look; none while it is too early for a verdict.
    pub look: Option<Look>,
}

/// Which way is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Such as the win rate.
    Higher,
    /// Such as the minutes to the first touch.
    Lower,
}

/// What a person does about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Give it to everybody.
    Promote,
    /// Take it back from everybody.
    Stop,
}

/// Why a call changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It ran too short.
    #[error(
        "after {day} days and with {accounts} accounts in the smaller arm it is too early to promote: wait until \
         day {least_days}, or for {least_accounts} accounts in each arm"
    )]
    TooEarly {
        /// Days since the start.
        day: u32,
        /// In the smaller arm.
        accounts: u64,
        /// The plan's.
        least_days: u32,
        /// The plan's.
        least_accounts: u64,
    },
    /// It is promoted or stopped.
    #[error("the change is no longer on its way: start a new experiment")]
    Over,
}

impl Metric {
    /// Whether the treatment is credibly worse by more than the margin: the whole interval is.
    pub fn worse(&self) -> bool {
        self.look.is_some_and(|look| match self.better {
            Better::Higher => look.high < -self.margin,
            Better::Lower => look.low > self.margin,
        })
    }
}

impl Rollout {
    /// The first day.
    pub const START: Self = Self::Running { step: 0, since: 0 };

    /// The treatment's share.
    pub fn share(&self, plan: &Plan) -> Share {
        match self {
            Self::Running { step, .. } => plan.steps.get(*step).copied().unwrap_or(Share::NONE),
            Self::Promoted { .. } => Share::ALL,
            Self::Stopped { .. } => Share::NONE,
        }
    }

    /// The state after what is seen on a day.
    #[must_use]
    pub fn next(self, plan: &Plan, seen: &Seen) -> Self {
        let Self::Running { step, since } = self else { return self };
        let day = seen.day;
        if !seen.ratio.holds() {
            return Self::Stopped { day, reason: Reason::SampleRatio { ratio: seen.ratio } };
        }
        if let Some((metric, look)) =
            seen.metrics.iter().find_map(|m| Some((m, m.look.filter(|_| m.worse())?)))
        {
            return Self::Stopped { day, reason: Reason::Worse { metric: metric.name.clone(), look } };
        }
        let over = day >= since.saturating_add(plan.days);
        match plan.steps.get(step + 1) {
            Some(&Share::ALL) if over && enough(plan, seen) => Self::Promoted { day },
            Some(&share) if over && share != Share::ALL => Self::Running { step: step + 1, since: day },
            _ => Self::Running { step, since },
        }
    }

    /// The state after a person's call; promotion needs the least time or number, stopping nothing.
    pub fn call(self, plan: &Plan, seen: &Seen, call: Call) -> Result<Self, Refused> {
        let (Self::Running { .. }, day) = (&self, seen.day) else { return Err(Refused::Over) };
        match call {
            Call::Stop => Ok(Self::Stopped { day, reason: Reason::ByHand }),
            Call::Promote if enough(plan, seen) => Ok(Self::Promoted { day }),
            Call::Promote => Err(Refused::TooEarly {
                day,
                accounts: seen.accounts.control.min(seen.accounts.treatment),
                least_days: plan.least_days,
                least_accounts: plan.least_accounts,
            }),
        }
    }
}

fn enough(plan: &Plan, seen: &Seen) -> bool {
    let smaller = seen.accounts.control.min(seen.accounts.treatment);
    seen.day >= plan.least_days || smaller >= plan.least_accounts
}

#[cfg(test)]
mod tests;
