//! Why somebody or everybody did not get a lead.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lead::{TeamId, TerritoryId};

/// Why a lead has no rep (P10). A closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unassigned {
    /// A strict classifier found no lane.
    Refused,
    /// The lane's team has no reps.
    NoSeller,
    /// Nobody sells where the lead is.
    NoTerritory,
    /// Everybody who could is away.
    NotAvailable,
    /// Everybody who could is full.
    NoCapacity,
    /// Nobody reaches the tenant's threshold.
    BelowThreshold,
    /// A plugin failed and the fallback holds.
    PluginFailed,
    /// Nobody has a skill it needs.
    NoSkill,
    /// Rules leave nobody.
    Forbidden,
    /// Everybody who could has had it already, and did not take it.
    Declined,
    /// Whoever had it did not touch it in time, and their manager decides (S2.17).
    Missed,
    /// It came too long ago to be routed by itself.
    TooOld,
    /// A label or its owner keeps it from being routed (P21).
    NeverAutomatic,
    /// A rule sends it to a queue.
    ByRule,
}

/// Why a rep is not a candidate. A closed list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum Excluded {
    /// Sells in another team than the lane's.
    OtherTeam {
        /// Theirs.
        team: TeamId,
    },
    /// The lead is inside a territory that is not theirs.
    OutsideTerritory {
        /// The lead's.
        territory: TerritoryId,
    },
    /// Takes no new leads at the moment: the folder says so.
    Unavailable,
    /// On leave.
    Leave {
        /// First moment after it.
        until: Timestamp,
    },
    /// Leave is near, and what came now would be left lying.
    BeforeLeave {
        /// First moment after the leave.
        until: Timestamp,
    },
    /// A public holiday where they are.
    Holiday {
        /// Its name.
        name: String,
    },
    /// Not at work again soon enough (P11).
    NotSoon {
        /// When they are, as far as is known.
        back: Option<Timestamp>,
    },
    /// As many new leads in seven days as their cap allows.
    WeeklyCap {
        /// New leads in the last seven days.
        assigned: u32,
        /// The cap.
        cap: u32,
    },
    /// As many new leads today as their cap allows.
    DailyCap {
        /// New leads today.
        assigned: u32,
        /// The cap.
        cap: u32,
    },
    /// Their team has had as many as its cap allows.
    TeamCap {
        /// New leads of the team.
        assigned: u32,
        /// The cap.
        cap: u32,
        /// In seven days or today.
        window: Window,
    },
    /// They have had as many by this rule as it allows them.
    RuleCap {
        /// Which.
        rule: String,
        /// New leads by it.
        assigned: u32,
        /// The cap.
        cap: u32,
        /// In seven days or today.
        window: Window,
    },
    /// Above the near band; only tier 1 may use what is left.
    AtCapacity {
        /// Open deals.
        open: u32,
        /// Most open deals.
        max: u32,
    },
    /// No room for one more.
    OverCapacity {
        /// Open deals.
        open: u32,
        /// Most open deals.
        max: u32,
    },
    /// No room for one more in what is kept of them for the lead's arm of an experiment.
    KeptApart {
        /// Open deals, or new leads, of the arm.
        taken: u32,
        /// What the arm may fill.
        places: u32,
        /// Of new leads in seven days or today; absent for open deals.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<Window>,
    },
    /// In the near band, where only high matches are taken.
    NearCapacity {
        /// Their total.
        total: f64,
        /// The total it takes.
        needed: f64,
    },
    /// The lead's value is outside what they work on.
    DealSize {
        /// The lead's.
        value: f64,
    },
    /// Does not speak the contact's language.
    Language {
        /// The contact's.
        language: String,
    },
    /// A rule excludes them.
    ByRule {
        /// Which.
        rule: String,
    },
    /// They are not what a rule asks for (P12), or it cannot be told.
    Unlike {
        /// Which rule.
        rule: String,
    },
    /// Lacks a skill, or the level of it.
    Skill {
        /// Which.
        skill: String,
        /// Theirs, 0 where they have none.
        level: u8,
        /// The least that will do.
        needed: u8,
    },
    /// Has had it, and declined or was not heard of in time.
    Declined,
    /// Too far ahead of the others this month (P16).
    Ahead {
        /// By so many leads.
        leads: u32,
    },
}

impl Excluded {
    /// Whether they are absent for days, rather than after hours or full.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Unavailable | Self::Leave { .. } | Self::Holiday { .. })
    }
}

/// What a cap counts over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// A calendar day of the tenant's zone.
    Day,
    /// Seven days.
    Week,
}
