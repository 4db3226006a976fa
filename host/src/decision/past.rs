//! What a decision knows of the lead from before: what asked for it, and what a person or a batch picked.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AssignedBy;
use crate::lead::{RepId, TeamId};

/// What a decision knew of its lead besides the message: recorded, so that it can be run again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// Why it was decided.
    #[serde(default)]
    pub trigger: Trigger,
    /// When the lead first came here, from which its age is counted; absent for a first decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Reps who had reported themselves away since the folder was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<RepId>,
    /// Reps who were in a meeting that was booked with them, and until when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub in_meeting: BTreeMap<RepId, Timestamp>,
    /// Who declined it or let it lie, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declined: Vec<RepId>,
    /// When the last of them did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined_at: Option<Timestamp>,
    /// Who is to have it, where that was decided elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pick: Option<Pick>,
}

/// Why a lead was decided about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// It came.
    #[default]
    Arrived,
    /// Somebody it waited for has room, or is back.
    Freed,
    /// It has waited long enough to ask for less (P13).
    Waited,
    /// Whoever had it declined (P14).
    Declined,
    /// Whoever had it did not accept it in time (P14).
    NotAccepted,
    /// Whoever had it did not touch it in time (P15, S2.17).
    NotTouched,
    /// A manager approved the suggestion (S3.22).
    Approved,
    /// A manager rejected the suggestion (S3.22).
    Rejected,
    /// A person gave it to somebody (S3.25).
    Reassigned,
    /// Whoever qualified it handed it over (S2.19, P18).
    HandedOver,
}

impl Trigger {
    /// Whether the decision is counted when it is made; a person's reassignment moves what was counted.
    pub fn counts(self) -> bool {
        !matches!(self, Self::Reassigned | Self::Approved)
    }
}

/// Who is to have a lead, where that was decided elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Pick {
    /// A person says so.
    Person {
        /// Who is to have it.
        rep: RepId,
        /// Why.
        reason: String,
    },
    /// A manager approves what was suggested (S3.22).
    Approved {
        /// To whom.
        rep: RepId,
        /// How they were picked.
        how: AssignedBy,
        /// Their total, where they were scored.
        total: Option<f64>,
    },
    /// The manager of the team of whoever had it (S2.17).
    Manager {
        /// Which team's.
        team: TeamId,
    },
    /// The optimum of a batch (S3.12).
    Batch(BatchPick),
}

/// What the optimum of a batch says of one lead, in points of a match's total.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchPick {
    /// Who is to have it; nobody where everybody's room is worth more to others.
    pub rep: Option<RepId>,
    /// Their total.
    pub total: Option<f64>,
    /// What one more lead of room with them would add to the batch: the price of their capacity.
    pub price: Option<f64>,
    /// Whose total is highest.
    pub best: RepId,
    /// That total.
    pub best_total: f64,
    /// The price of the best's capacity; absent where a search without prices found the optimum.
    pub best_price: Option<f64>,
    /// Whether the search ended at its limit, and a better assignment of the batch is not ruled out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bounded: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}
