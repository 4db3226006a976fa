//! What was decided for a lead, and everything it was decided from.
//!
//! A [`Decision`] is immutable and carries enough to be run again: the lead as it was received, the
//! digests of configuration, plugins and text model, the answers that came from outside, the counters
//! it saw and the seed it drew from. Its JSON is what `lanewright route` prints, a line a lead.

use jiff::Timestamp;
use lanewright_learning::grades::Grade;
use serde::{Deserialize, Serialize};

use crate::lead::{Confidence, LaneId, LeadId, Mode, RepId, TeamId, TenantId, Tier};

mod effects;
mod known;
mod past;
mod reasons;
mod trace;
mod words;

pub use effects::*;
pub use known::*;
pub use past::*;
pub use reasons::*;
pub use trace::*;

/// The version of the JSON below. A change that an older reader would misread gets a new number.
pub const FORMAT: u32 = 1;

/// What was decided for a lead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// [`FORMAT`] when it was written.
    pub format: u32,
    /// Whose lead it is.
    pub tenant: TenantId,
    /// Which lead.
    pub lead: LeadId,
    /// 1 for the lead's first decision.
    pub number: u32,
    /// When it was decided; every rule that needs the time used this one.
    pub at: Timestamp,
    /// The lane; absent only where a strict classifier refused.
    pub lane: Option<LaneId>,
    /// How sure the classifier was.
    pub confidence: Confidence,
    /// How strongly the text shows an intent to buy, 0 to 100.
    pub intent: f32,
    /// 1, 2 or 3.
    pub tier: Tier,
    /// Minutes to first touch that the tier promises.
    pub minutes: u32,
    /// When those are over, counted in working time where the tier counts so.
    pub due: Timestamp,
    /// Work units that it counts for.
    pub units: u32,
    /// Whether it holds at once or waits for a person.
    pub mode: Mode,
    /// Where it went.
    pub outcome: Outcome,
    /// How good the match of whoever got it is, where the tenant grades matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// Why a person should look as well, where one should.
    pub triage: Option<Triage>,
    /// What rules tagged it with, each once, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What somebody should know about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
    /// What is to be done outside, once it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
    /// One line for a person: why there.
    pub why: String,
    /// What the rep gets, where there is a rep.
    pub brief: Option<Brief>,
    /// How it came to that.
    pub trace: Trace,
}

/// Where a lead went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Outcome {
    /// Somebody has it.
    Assigned {
        /// Who.
        rep: RepId,
        /// Their team.
        team: TeamId,
        /// Their weighted total, 0 to 100; absent where nobody was scored.
        total: Option<f64>,
        /// By which way.
        by: AssignedBy,
    },
    /// A manager has it.
    Manager {
        /// Of this team.
        team: TeamId,
        /// Who.
        manager: String,
        /// Why nobody could be picked.
        reason: Unassigned,
    },
    /// It waits in a queue until somebody takes it or is free.
    Held {
        /// Which queue.
        queue: String,
        /// Why nobody could be picked.
        reason: Unassigned,
    },
    /// An automated track has it.
    Track {
        /// Which track.
        track: String,
        /// The lane leads there, or the fallback chose it.
        by: TrackedBy,
    },
    /// The lane leads to people who decide.
    Triage,
}

/// By which way somebody got a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssignedBy {
    /// The best of the scored.
    Match,
    /// Their turn among the qualified.
    Rotation,
    /// They own the account.
    NamedAccount,
    /// The account's owner cannot; the owner keeps the account.
    Cover {
        /// Whose account it is.
        owner: RepId,
    },
    /// The fallback's rotation in a team.
    Fallback,
    /// A rule names them.
    Rule {
        /// Which.
        rule: String,
    },
    /// They have had this contact or account before (P15, S2.19).
    Sticky {
        /// What they know already.
        known: Known,
    },
    /// It repeats a record that is theirs (P2).
    Master {
        /// The record it was merged into.
        record: String,
    },
    /// Handed over by who qualified it (S2.19).
    Relay {
        /// By whom.
        from: RepId,
    },
    /// The best for all leads of the batch together (S3.12).
    Batch,
    /// A person gave it to them (S3.25).
    Person,
}

/// What somebody knows of a lead from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    /// The contact.
    Contact,
    /// Another contact of the account.
    Account,
}

/// Why an automated track has a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrackedBy {
    /// The lane leads there.
    Lane,
    /// The fallback chose it.
    Fallback,
    /// A rule sends it there.
    Rule,
}

/// Why a person should look as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Triage {
    /// The classifier was not sure; the lead is routed all the same (X1).
    LowConfidence,
    /// The tenant's classifier failed, and the standard one answered.
    ClassifierFailed,
    /// The lane leads to people who decide.
    Lane,
}

/// What a rep gets with a lead. Every sentence that claims something of the text points at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// In reading order.
    pub lines: Vec<BriefLine>,
}

/// One sentence of a brief.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BriefLine {
    /// `lead`, `rep`, `quote` or `question`.
    pub kind: BriefKind,
    /// The sentence.
    pub text: String,
    /// Byte offsets into the lead's text that bear it out.
    pub span: Option<(u32, u32)>,
}

/// What a sentence of a brief is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BriefKind {
    /// Why this lead.
    Lead,
    /// Why this rep.
    Rep,
    /// What they wrote.
    Quote,
    /// What to ask first.
    Question,
}
