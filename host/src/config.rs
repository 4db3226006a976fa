//! A tenant's folder, checked: raw TOML and CSV in, one total [`Config`] or every [`Problem`] out.
//!
//! Reading goes in two steps. `config/read.rs`, `toml_table.rs` and `sheet.rs` turn files into raw values
//! that know their place; `config/check.rs` and the parts it calls turn raw values into this type and
//! report everything that is wrong at once, with file, line and a hint. Whatever is here is therefore known to fit together: every id that is
//! named exists, ranges leave no gap, expressions compile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lanewright_learning::grades::Ranges;
use serde::Serialize;
use serde_json::Value as Json;

use crate::digest::Digest;
use crate::lead::{
    Account, Caps, Confidence, LabelPolicy, Lane, LaneId, PluginId, Rep, RepId, Reps, RouterId, Team, TeamId,
    TenantId, Territory, Tier,
};
use crate::pacing::Pacing;
use crate::records::Records;
use crate::rules::{Condition, RuleSet, Segment};
use crate::trust::SecretName;
use crate::zones::zone;

mod booking;
mod calendars;
mod check;
mod condition;
mod fairness;
mod folder;
mod grants;
mod handling;
mod hours;
mod known;
mod lanes;
mod learning;
mod manifest;
mod names;
mod people;
mod plugins;
mod problem;
pub(crate) mod read;
mod records;
mod rules;
mod scarcity;
mod segments;
mod sheet;
mod territories;
mod territory_index;
mod territory_words;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod toml_table;
mod tuning;
mod values;
mod world;

pub use booking::{Router, RouterKind, Terms};
pub use check::{load, load_from};
pub use fairness::{Fairness, QueueBy, Share};
pub use folder::{Disk, Folder};
pub use grants::{Difference, Grants, Kind, compare, in_vain};
pub use handling::{Handling, Missed, Modes};
pub use hours::Hours;
pub use known::{Duplicates, Exclusions, HandoverRule, KnownRules, Sticky};
pub use learning::{Explore, Fact, Learning, MOST_FACTS, UnknownFact, shares};
pub use manifest::{MANIFEST, manifest};
pub use plugins::choices;
pub use problem::{Problem, Problems};
pub use territory_index::{Role, TerritoryIndex};
pub use territory_words::in_words;

/// One tenant's configuration: checked, total, immutable.
#[derive(Debug)]
pub struct Config {
    /// Its id.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// ISO 4217; every amount is in it.
    pub currency: String,
    /// IANA name; the ground for dates without a place.
    pub timezone: String,
    /// ISO 3166-1 alpha-2; how phone numbers without a country code are read.
    pub country: Option<String>,
    /// Whether the classifier may refuse.
    pub policy: LabelPolicy,
    /// From which scores a classification is high and medium, where that is the tenant's own.
    pub bands: Option<LaneBands>,
    /// At least one, in the tenant's order.
    pub lanes: Vec<Lane>,
    /// Tables that give every lead a word, in the order of the file.
    pub segments: Vec<Segment>,
    /// What the tenant lays down for leads, rows of segment tables that name a team among them.
    pub rules: RuleSet,
    /// How tiers are found.
    pub tiers: Tiers,
    /// Bands and caps.
    pub capacity: Capacity,
    /// How turns are counted.
    pub fairness: Fairness,
    /// When a match is good enough.
    pub matching: Matching,
    /// What happens around an assignment.
    pub handling: Handling,
    /// Ways from an inquiry to a meeting, in the order of the file.
    pub routers: Vec<Router>,
    /// How remaining capacity is priced; absent: it is not, the highest total wins.
    pub scarcity: Option<Pacing>,
    /// What is learned from deals.
    pub learning: Learning,
    /// Who answers what.
    pub plugins: Plugins,
    /// In the order of the file; a rep's place here is their number in a plugin's directory.
    pub reps: Reps,
    /// When they work.
    pub hours: Hours,
    /// What reps prefer, each distinct condition once.
    pub prefers: Vec<Preference>,
    /// In the order of the file.
    pub teams: Vec<Team>,
    /// In the order of the file; the first that fits a lead holds, and each is reached by some lead.
    pub territories: Vec<Territory>,
    /// The same by place; made from them, and so no part of the digest.
    pub territory_index: TerritoryIndex,
    /// By domain.
    pub accounts: BTreeMap<String, Account>,
    /// What the CRM has already.
    pub records: Records,
    /// What that means for a lead.
    pub known: KnownRules,
    /// What is worth a look and no problem, such as two rules that can hold together.
    pub notes: Vec<Problem>,
    /// Of everything else above and the plugins' bytes: the same folder, the same digest.
    pub digest: Digest,
}

/// From which scores of the lane that is ranked first a classification is high and medium.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LaneBands {
    /// High from here on.
    pub high: f64,
    /// Medium from here on.
    pub medium: f64,
}

impl LaneBands {
    /// How sure a classification with this score is.
    pub fn confidence(self, score: f32) -> Confidence {
        match f64::from(score) {
            score if score >= self.high => Confidence::High,
            score if score >= self.medium => Confidence::Medium,
            _ => Confidence::Low,
        }
    }
}

/// Leads that some reps are served first with (P17).
#[derive(Debug)]
pub struct Preference {
    /// A CEL expression over `lead` and `verdict`.
    pub when: Condition,
    /// The reps' places.
    pub reps: Vec<usize>,
}

/// Conditions and response times of the three tiers. What is neither 1 nor 2 is 3.
#[derive(Debug)]
pub struct Tiers {
    /// Executive buyer or demo request.
    pub one: TierRule,
    /// High fit.
    pub two: TierRule,
    /// Minutes to first touch of everything else.
    pub three_minutes: u32,
    /// What those minutes are counted in.
    pub clock: Clock,
}

impl Tiers {
    /// Minutes to first touch at most.
    fn longest(&self) -> u32 {
        self.one.minutes.max(self.two.minutes).max(self.three_minutes)
    }
}

/// What promised minutes are counted in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// Time as it passes.
    #[default]
    Always,
    /// The tenant's working hours.
    Working,
}

/// When a lead is of a tier, and what that promises.
#[derive(Debug)]
pub struct TierRule {
    /// A CEL expression over `lead` and `verdict`.
    pub when: Arc<Condition>,
    /// Minutes to first touch.
    pub minutes: u32,
}

/// Bands of load (open work over the maximum, before the assignment), and what each allows (X3, X4).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Capacity {
    /// Up to here a rep is available; 0.70 by default.
    pub available: f64,
    /// Up to here only high matches are taken; 0.90 by default.
    pub near: f64,
    /// What "high match" means in the near band: a total of at least this; 75 by default.
    pub near_total: f64,
    /// Tier 1 may use the band above `near`; on by default (X3).
    pub tier_one_may_fill: bool,
    /// Most new leads by seniority, 1 to 5, of reps without caps of their own (P15).
    pub by_seniority: BTreeMap<u8, Caps>,
    /// What a lead weighs.
    pub units: Units,
}

impl Capacity {
    /// Most new leads of a rep: each cap their own, or else that of their seniority.
    pub fn caps(&self, rep: &Rep) -> Caps {
        let seniority = self.by_seniority.get(&rep.seniority).copied().unwrap_or_default();
        Caps { daily: rep.caps.daily.or(seniority.daily), weekly: rep.caps.weekly.or(seniority.weekly) }
    }

    /// The band that a load is in: `available`, `near`, `at-capacity` or `over` (S3.20).
    pub fn band(&self, open: u32, max: u32) -> &'static str {
        let load = if max == 0 { 1.0 } else { f64::from(open) / f64::from(max) };
        match load {
            load if load <= self.available => "available",
            load if load <= self.near => "near",
            load if load <= 1.0 => "at-capacity",
            _ => "over",
        }
    }
}

/// What a lead weighs, in work units (P14): the largest that applies, or else 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Units {
    /// By lane.
    pub lanes: BTreeMap<LaneId, u32>,
    /// By tier.
    pub tiers: BTreeMap<Tier, u32>,
    /// Of a deal.
    pub deal: Option<u32>,
}

/// When a match is good enough.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    /// Totals below this go to the fallback; 0 to 100, 40 by default.
    pub threshold: f64,
    /// How near to the best total a rep still counts as qualified, in points; 15 by default.
    pub qualified_within: f64,
    /// Intent from which a tier-2 lead goes to the fastest quarter of the team; 85 by default (S2.15).
    pub fast_intent: f64,
    /// Sources whose tier-1 leads may leave their territory; `demo-request` by default (X2, S2.14).
    pub waive_territory: Vec<String>,
    /// When the best match is at odds with itself.
    pub conflict: Conflict,
    /// From which totals a match has grade A, B and C, where it has one (P22).
    pub grades: Option<Ranges>,
}

/// When the best match is at odds with itself (S2.6): strong in one thing that weighs, weak in another.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// Factors with at least this share of the total are looked at; 0 to 1, 0.15 by default.
    pub weight: f64,
    /// Strong is at least this; 0 to 100, 80 by default.
    pub strong: f64,
    /// Weak is at most this, below `strong`; 40 by default.
    pub weak: f64,
    /// Somebody within so many points of the best, and weak in nothing that weighs, settles it; 10 by
    /// default.
    pub within: f64,
}

impl Default for Conflict {
    fn default() -> Self {
        Self { weight: 0.15, strong: 80.0, weak: 40.0, within: 10.0 }
    }
}

/// Which plugin answers which question.
#[derive(Debug)]
pub struct Plugins {
    /// Names the lane.
    pub classifier: PluginChoice,
    /// Weighs the candidates.
    pub scorer: PluginChoice,
    /// Where leads go that no rep can simply get.
    pub fallback: PluginChoice,
    /// Add facts first, in this order.
    pub enrichers: Vec<EnricherChoice>,
}

/// One plugin of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginChoice {
    /// Where its component comes from.
    pub source: PluginSource,
    /// Its settings, a JSON object.
    pub settings: Json,
    /// Custom fields of a lead that it may read; absent: all.
    pub fields: Option<Arc<BTreeSet<String>>>,
    /// Where they stand, for problems that only the plugin itself can see.
    pub place: Place,
}

/// Where a component comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginSource {
    /// The one shipped inside the binary.
    Standard,
    /// A component's file, relative to the tenant's folder.
    File(PathBuf),
    /// The release in force of a plugin that the tenant publishes by name.
    Published(PluginId),
}

/// An enricher and whom it may ask.
#[derive(Debug, Clone, PartialEq)]
pub struct EnricherChoice {
    /// Its name in traces.
    pub name: String,
    /// The plugin.
    pub plugin: PluginChoice,
    /// Origins it may ask, such as `https://api.example.com`: scheme, host and port, nothing else.
    pub hosts: Vec<url::Origin>,
    /// Secrets of the tenant that it may send, each to one of them.
    pub secrets: BTreeMap<SecretName, url::Origin>,
}

/// A place in a tenant's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// File name, relative to the folder.
    pub file: String,
    /// From 1; 0 for the file as a whole.
    pub line: usize,
}

impl Config {
    /// The lane with this id.
    pub fn lane(&self, id: &LaneId) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.id == *id)
    }

    /// The rep with this id.
    pub fn rep(&self, id: &RepId) -> Option<&Rep> {
        self.reps.of(id)
    }

    /// The rep whom a CRM calls so: by their id, or by their e-mail address in any case.
    pub fn rep_called(&self, name: &str) -> Option<&Rep> {
        let email = name.to_lowercase();
        let named = name.parse().ok().and_then(|id| self.reps.of(&id));
        named.or_else(|| self.reps.iter().find(|rep| rep.email.as_ref() == Some(&email)))
    }

    /// When the next scheduled batch is decided; nothing where the tenant has none.
    pub fn next_batch(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = zone(&self.timezone)?;
        let today = now.to_zoned(zone.clone()).date();
        let times = &self.handling.batch_at;
        let days = [today, today.tomorrow().ok()?, today.tomorrow().ok()?.tomorrow().ok()?];
        let all = days.into_iter().flat_map(|day| times.iter().map(move |time| day.to_datetime(*time)));
        // A time that a change of the clock skips is the first behind it.
        all.filter_map(|at| Some(at.to_zoned(zone.clone()).ok()?.timestamp())).find(|at| *at > now)
    }

    /// Whether leads that came before matter to those that come: to find duplicates, or who has had the
    /// contact or the account.
    pub fn looks_back(&self) -> bool {
        let KnownRules { same_owner, duplicates, sticky, .. } = &self.known;
        let watched = || self.accounts.values().any(|account| account.attention.is_some());
        *same_owner || duplicates.is_some() || sticky.is_some() || watched()
    }

    /// The router with this id.
    pub fn router(&self, id: &RouterId) -> Option<&Router> {
        self.routers.iter().find(|router| router.id == *id)
    }

    /// The team with this id.
    pub fn team(&self, id: &TeamId) -> Option<&Team> {
        self.teams.iter().find(|team| team.id == *id)
    }

    /// When first touch is due for what is decided at this time.
    pub fn due(&self, tier: Tier, at: Timestamp) -> Timestamp {
        self.after(at, self.minutes(tier))
    }

    /// When whoever gets it at this time is reminded of it; nothing where nobody is, or first touch is due sooner.
    pub fn reminds(&self, tier: Tier, at: Timestamp) -> Option<Timestamp> {
        let before = self.handling.remind_minutes?;
        let minutes = self.minutes(tier).checked_sub(before).filter(|minutes| *minutes > 0)?;
        Some(self.after(at, minutes))
    }

    /// So many minutes on, by the clock of deadlines.
    pub fn after(&self, at: Timestamp, minutes: u32) -> Timestamp {
        match self.tiers.clock {
            Clock::Always => at + SignedDuration::from_mins(minutes.into()),
            Clock::Working => self.hours.default_schedule().deadline(at, minutes),
        }
    }

    /// Minutes to first touch.
    pub fn minutes(&self, tier: Tier) -> u32 {
        match tier {
            Tier::One => self.tiers.one.minutes,
            Tier::Two => self.tiers.two.minutes,
            Tier::Three => self.tiers.three_minutes,
        }
    }
}
