//! What somebody should know or do about a decision.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lead::{LaneId, RepId};

/// Something about a decision that somebody should know. A closed list, apart from what rules say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "flag")]
pub enum Flag {
    /// A rule says so.
    Rule {
        /// Which.
        rule: String,
        /// What it says.
        text: String,
    },
    /// A segment and the lane do not go together (X5).
    SegmentsDisagree {
        /// The table.
        segment: String,
        /// What it says.
        value: String,
        /// The lane that says otherwise.
        lane: LaneId,
    },
    /// The best match is strong in one thing that weighs and weak in another (S2.6).
    Conflict {
        /// Whose match.
        rep: RepId,
        /// The strong factor.
        strong: String,
        /// The weak one.
        weak: String,
    },
    /// Nobody with a skill it asks for could take it, so a generalist has it (S2.13).
    SpecialistMissing {
        /// The skill.
        skill: String,
    },
    /// Somebody has more than they may have; their manager should know (S3.20).
    OverCapacity {
        /// Who.
        rep: RepId,
        /// Open work.
        open: u32,
        /// Most open work.
        max: u32,
    },
    /// It came longer ago than the tenant routes by itself (P11).
    Overdue {
        /// Hours since it came.
        hours: u32,
    },
}

/// Something to do outside, such as in the CRM (S2.7, S2.17, S4.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Effect {
    /// Make this rep the record's owner.
    SetOwner {
        /// Who.
        rep: RepId,
    },
    /// A task for them: first touch by then.
    Task {
        /// Whose.
        rep: RepId,
        /// The promised time.
        due: Timestamp,
    },
    /// Tell somebody of it, with the explanation.
    Notify {
        /// A rep's id, or a manager's address.
        who: String,
        /// What about.
        about: Notice,
    },
    /// The chosen rep is not free at this moment: offer the contact a time to book with them (S4.3).
    OfferTimes {
        /// With whom.
        rep: RepId,
        /// The contact's number in E.164.
        phone: String,
        /// When the rep is free at the earliest.
        from: Timestamp,
    },
    /// Put it on an automated track.
    Enrol {
        /// Which.
        track: String,
    },
}

/// What somebody is told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// They have a new lead.
    Assigned,
    /// One of their people has a lead that cannot wait.
    Urgent,
    /// A suggestion waits for them.
    Suggested,
    /// A lead of theirs is to be touched soon.
    Reminder,
    /// A lead was not touched in time.
    Missed,
    /// Nobody could be picked, and they decide.
    Undecided,
    /// One of their people has more than they may have.
    OverCapacity,
}
