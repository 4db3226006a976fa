//! Experiments of a tenant: what is compared, what it is measured by, how it goes on its way (S3.31, S3.32).
//!
//! In: what was asked for, the deals of the experiment, a time. Out: the next state. The statistics are a library of
//! their own, [`lanewright_learning::experiment`]; here they meet a tenant's models and deals.
//!
//! An [`Experiment`] is one JSON value from its making to its end. What of it decides about leads is the smaller
//! [`Trying`], which every host sets the tenant up with.

use jiff::{SignedDuration, Timestamp};
use lanewright_learning::experiment::rollout::{Call, Metric as Judged, Plan, Refused, Rollout, Seen};
use lanewright_learning::experiment::{self as statistics, Arm, Share};
use serde::{Deserialize, Serialize};

use crate::decision::{ApartTrace, ArmTrace};

mod measure;
mod plan;

pub use measure::{Found, Measured, Metric, Side, Tried, look};
pub use plan::{Asked, Base, Detectable, Draft, Invalid, LEAST_ACCOUNTS, LEAST_DAYS};

/// What some accounts get instead of what is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Treatment {
    /// Another model counts.
    Model {
        /// Its number.
        version: i64,
    },
    /// Nothing that was learned counts.
    NoModel,
    /// Nobody is tried who is not known to be best, whatever `[learning.explore]` says.
    NoTrials,
    /// Another version of the configuration decides.
    Configuration {
        /// Its number.
        version: i64,
    },
}

impl Treatment {
    /// Whether the model in force is what it is held against, which must not change meanwhile.
    pub fn compares_models(self) -> bool {
        matches!(self, Self::Model { .. } | Self::NoModel)
    }

    /// The version of the configuration that is held against the one in force, which must not change meanwhile.
    pub fn configuration(self) -> Option<i64> {
        match self {
            Self::Configuration { version } => Some(version),
            Self::Model { .. } | Self::NoModel | Self::NoTrials => None,
        }
    }
}

/// A metric, and by how much the treatment may be worse before it is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Which.
    pub metric: Metric,
    /// In the metric's unit; at least 0.
    #[serde(default)]
    pub margin: f64,
}

/// An experiment from its making to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Its id among the tenant's, which accounts are drawn by.
    pub id: String,
    /// What some get.
    pub treatment: Treatment,
    /// How it shall reach everybody.
    pub plan: Plan,
    /// What it is about.
    pub primary: Metric,
    /// What it must not make worse.
    pub guards: Vec<Guard>,
    /// Days from an account's first lead within which a win counts.
    pub within_days: u32,
    /// Whether each arm has a part of the reps' capacity to itself.
    #[serde(default)]
    pub capacity_apart: bool,
    /// What was promoted is in force by itself by now, where that takes more than the experiment's own word.
    #[serde(default)]
    pub taken_over: bool,
    /// What it can find, as it was told before the start.
    pub detectable: Detectable,
    /// When it began; absent while it is a draft.
    pub started_at: Option<Timestamp>,
    /// How far it is; absent while it is a draft.
    pub rollout: Option<Rollout>,
    /// The looks so far, a day each, the oldest first; the last [`MOST_LOOKS`].
    pub looks: Vec<Found>,
}

/// Looks that are kept.
pub const MOST_LOOKS: usize = 400;

/// A day.
const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Experiment {
    /// Begins it.
    ///
    /// # Errors
    ///
    /// [`Refused::Over`] where it has begun before.
    pub fn start(&mut self, now: Timestamp) -> Result<(), Refused> {
        match self.rollout {
            Some(_) => Err(Refused::Over),
            None => {
                (self.started_at, self.rollout) = (Some(now), Some(Rollout::START));
                Ok(())
            }
        }
    }

    /// Goes on by what a look shows; nothing where it is not on its way.
    pub fn go_on(&mut self, found: Found) {
        let Some(rollout @ Rollout::Running { .. }) = self.rollout.take() else { return };
        self.rollout = Some(rollout.next(&self.plan, &self.seen(&found)));
        self.looks.push(found);
        let over = self.looks.len().saturating_sub(MOST_LOOKS);
        self.looks.drain(..over);
    }

    /// Does what somebody calls for. A draft may be stopped, and so may what was promoted and is in force only by the
    /// experiment.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why nothing changes.
    pub fn call(&mut self, found: &Found, call: Call) -> Result<(), Refused> {
        let promoted = self.in_force().is_some()
            && self.treatment == Treatment::NoTrials
            && matches!(self.rollout, Some(Rollout::Promoted { .. }));
        let rollout = match (&self.rollout, call) {
            (None, Call::Promote) => return Err(Refused::Over),
            (None, Call::Stop) => Rollout::START,
            (Some(_), Call::Stop) if promoted => Rollout::START,
            (Some(rollout), _) => rollout.clone(),
        };
        self.rollout = Some(rollout.call(&self.plan, &self.seen(found), call)?);
        Ok(())
    }

    /// What of it decides about leads; nothing where it is a draft or over. A promoted model is in force like any other,
    /// and the experiment is over; a promoted configuration is in force by the experiment until it is published, and going
    /// without trials for as long as nobody stops it.
    pub fn in_force(&self) -> Option<Trying> {
        let rollout = self.rollout.as_ref()?;
        let step = match rollout {
            Rollout::Running { step, .. } => *step,
            Rollout::Promoted { .. } if !self.treatment.compares_models() && !self.taken_over => {
                self.plan.steps.len()
            }
            Rollout::Promoted { .. } | Rollout::Stopped { .. } => return None,
        };
        Some(Trying {
            experiment: self.id.clone(),
            step: step.try_into().unwrap_or(u32::MAX),
            share: rollout.share(&self.plan),
            treatment: self.treatment,
            week: self.week().filter(|_| matches!(rollout, Rollout::Running { .. })),
        })
    }

    /// The configuration that was promoted and is to be published.
    pub fn to_publish(&self) -> Option<i64> {
        let promoted = matches!(self.rollout, Some(Rollout::Promoted { .. })) && !self.taken_over;
        self.treatment.configuration().filter(|_| promoted)
    }

    /// The week of the last look, where capacity is kept apart.
    fn week(&self) -> Option<u32> {
        self.capacity_apart.then(|| self.looks.last().map_or(0, |found| found.day / 7))
    }

    /// Whole days since it began.
    pub fn day(&self, now: Timestamp) -> u32 {
        let since = self.started_at.map_or(SignedDuration::ZERO, |start| now.duration_since(start));
        (since.as_hours() / 24).try_into().unwrap_or(0)
    }

    /// When it is looked at next; nothing where it is not on its way. What is promoted and not yet published is to be seen to.
    pub fn look_at(&self, now: Timestamp) -> Option<Timestamp> {
        if self.to_publish().is_some() {
            return Some(now);
        }
        let start = self.started_at.filter(|_| matches!(self.rollout, Some(Rollout::Running { .. })))?;
        start.checked_add(DAY * i32::try_from(self.day(now)).ok()?.saturating_add(1)).ok()
    }

    /// What a look shows, as the rollout judges it: the primary metric, and the guards with their margins.
    fn seen(&self, found: &Found) -> Seen {
        let primary = Guard { metric: self.primary, margin: 0.0 };
        let judged = |guard: &Guard| {
            let measured = found.measured.iter().find(|measured| measured.metric == guard.metric);
            Judged {
                name: guard.metric.as_str().to_owned(),
                better: guard.metric.better(),
                margin: guard.margin,
                look: measured.and_then(|measured| measured.look),
            }
        };
        Seen {
            day: found.day,
            accounts: found.accounts,
            ratio: found.ratio,
            metrics: std::iter::once(&primary).chain(&self.guards).map(judged).collect(),
        }
    }
}

/// What of an experiment decides about leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trying {
    /// Which experiment.
    pub experiment: String,
    /// At which step of its rollout, from 0.
    pub step: u32,
    /// How many accounts have the treatment.
    pub share: Share,
    /// Which.
    pub treatment: Treatment,
    /// The week of the experiment, from 0, where capacity is kept apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub week: Option<u32>,
}

impl Trying {
    /// How capacity is kept apart, where it is.
    pub fn apart(&self) -> Option<ApartTrace> {
        self.week.map(|week| ApartTrace { share: self.share, week })
    }

    /// The account's arm.
    pub fn arm(&self, account: &str) -> ArmTrace {
        let arm = statistics::Experiment { id: self.experiment.clone() }.arm(account, self.share);
        ArmTrace {
            experiment: self.experiment.clone(),
            step: self.step,
            arm,
            account: account.to_owned(),
            without_trials: arm == Arm::Treatment && self.treatment == Treatment::NoTrials,
            apart: self.apart(),
        }
    }
}

#[cfg(test)]
mod tests;
