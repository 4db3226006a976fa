//! What every stage read, found and refused: enough to explain a decision and to replay it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use lanewright_learning::experiment::{Arm, Share};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{AssignedBy, Excluded, HandoverTrace, KnownTrace, Past, Sign, Step, Unassigned};
use crate::digest::Digest;
use crate::failure::{Failure, LogLine};
use crate::lead::{FieldValue, Lead, RepId, RuleId, SkillNeed, TeamId, TerritoryId, Tier, Turns, Verdict};
use crate::pacing::Price;
use crate::releases::ReleaseName;
use crate::rules::RulesSaid;

/// How a decision came about: a section a stage, in the order of the route. A section is absent where
/// the route did not pass through it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The lead as it was received.
    pub received: Json,
    /// What was known of it from before.
    #[serde(default, skip_serializing_if = "is_default")]
    pub past: Past,
    /// By which versions of everything.
    pub versions: Versions,
    /// Which arm of an experiment its account was in, where one was under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<ArmTrace>,
    /// What ties are drawn from: derived from the lead's id and the decision's number.
    pub seed: String,
    /// The lead in its proper form.
    pub normalise: NormaliseTrace,
    /// Facts added, one entry an enricher.
    pub enrich: Vec<EnrichTrace>,
    /// The lane.
    pub classify: ClassifyTrace,
    /// The tier.
    pub tier: TierTrace,
    /// Named account and territory.
    pub rules: RulesTrace,
    /// What was known of it before: records it repeats, who has had the contact or the account.
    #[serde(default, skip_serializing_if = "is_default")]
    pub known: KnownTrace,
    /// Who could take it, and why nobody else.
    pub eligibility: Option<EligibilityTrace>,
    /// How well each candidate fits.
    pub score: Option<ScoreTrace>,
    /// Who was picked, and with what probability each.
    pub select: Option<SelectTrace>,
    /// What the fallback said, where it was asked.
    pub fallback: Option<FallbackTrace>,
    /// The counters the decision saw.
    pub counters: Seen,
}

/// The arm of an experiment that a lead's account was in: an input of the decision. The model that counted is among the
/// versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmTrace {
    /// Which experiment.
    pub experiment: String,
    /// At which step of its rollout, from 0.
    pub step: u32,
    /// Which arm.
    pub arm: Arm,
    /// The account, as it was drawn by; a lead without one is its own.
    pub account: String,
    /// Nobody was tried who is not known to be best, whatever the configuration says.
    #[serde(default, skip_serializing_if = "is_default")]
    pub without_trials: bool,
    /// How capacity was kept apart, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart: Option<ApartTrace>,
}

/// What each arm's part of the reps' limits follows from, beside the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApartTrace {
    /// The treatment's part.
    pub share: Share,
    /// The week of the experiment, from 0: who has the odd place changes with it.
    pub week: u32,
}

/// By which versions of everything a decision was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The tenant's folder.
    pub config: Digest,
    /// Plugins by role and name: `classifier`, `scorer`, `fallback`, `enricher:NAME`.
    pub plugins: BTreeMap<String, Digest>,
    /// Which release of a published plugin each is, where it is one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub releases: BTreeMap<String, ReleaseName>,
    /// The text model.
    pub text_model: Digest,
    /// What was learned, where something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelName>,
    /// The program, and the engine that ran the plugins.
    pub engine: String,
}

/// A win model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelName {
    /// Its number among the tenant's; 0 is the one beside a folder.
    pub version: i64,
    /// Of all of it.
    pub digest: Digest,
}

impl Versions {
    /// Of all of them together.
    pub fn digest(&self) -> Digest {
        let plugins = self.plugins.iter().map(|(role, digest)| format!("{role} {digest}"));
        let releases = self.releases.iter().map(|(role, release)| format!("{role} {release}"));
        let parts: Vec<String> = [self.config.to_string(), self.text_model.to_string(), self.engine.clone()]
            .into_iter()
            .chain(plugins)
            .chain(releases)
            .chain(self.model.iter().map(|model| format!("model {} {}", model.version, model.digest)))
            .collect();
        Digest::of_parts(parts.iter().map(String::as_bytes))
    }
}

/// How a message became a lead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NormaliseTrace {
    /// In its proper form, before enrichment.
    pub lead: Lead,
    /// What was malformed and therefore dropped.
    pub dropped: Vec<Dropped>,
    /// The domain of the account it belongs to.
    pub account: Option<String>,
    /// What the account was found by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_by: Option<Sign>,
    /// Where the account was looked for, in order (P1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub account_steps: Vec<Step>,
}

/// A malformed part of a message. It is dropped, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Which, such as `company.employees`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What one plugin call used and said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallTrace {
    /// Which export, such as `classifier.classify`.
    pub export: String,
    /// Of which component.
    pub plugin: Digest,
    /// Fuel used by instantiation and call.
    pub fuel: u64,
    /// Most linear memory at once, in bytes.
    pub memory: u64,
    /// What it wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogLine>,
    /// Custom fields it asked for, with what it got.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Option<FieldValue>>,
    /// Why it gave no answer that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl CallTrace {
    /// A call that never came to be.
    pub fn failed(export: &str, plugin: Digest, failure: Failure) -> Self {
        Self {
            export: export.to_owned(),
            plugin,
            fuel: 0,
            memory: 0,
            log: Vec::new(),
            fields: BTreeMap::new(),
            failure: Some(failure),
        }
    }
}

impl Trace {
    /// The lead with what enrichers added, as every stage behind them saw it. The message's own fields hold.
    pub fn enriched(&self) -> Cow<'_, Lead> {
        let mut lead = Cow::Borrowed(&self.normalise.lead);
        for (name, value) in self.enrich.iter().flat_map(|trace| &trace.added) {
            if !lead.fields.contains_key(name) {
                lead.to_mut().fields.insert(name.clone(), value.clone());
            }
        }
        lead
    }

    /// Every plugin call, in the order of the route.
    pub fn calls(&self) -> impl Iterator<Item = &CallTrace> {
        let enrich = self.enrich.iter().flat_map(|trace| &trace.calls);
        let score = self.score.iter().map(|trace| &trace.call);
        let fallback = self.fallback.iter().flat_map(|trace| &trace.calls);
        enrich.chain(&self.classify.calls).chain(score).chain(fallback)
    }
}

/// What one enricher asked and added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnrichTrace {
    /// The enricher.
    pub name: String,
    /// `plan` and `interpret`.
    pub calls: Vec<CallTrace>,
    /// What it asked, and what came back: stored, so that a decision can be run again.
    pub exchanges: Vec<Exchange>,
    /// Facts added to the lead's fields.
    pub added: BTreeMap<String, FieldValue>,
}

/// One request of an enricher and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// What was asked; headers are not stored, they may hold secrets.
    pub url: String,
    /// Absent where there was no answer.
    pub status: Option<u16>,
    /// The answer, as text where it is text.
    pub body: Body,
    /// Why there was no answer.
    pub refused: Option<String>,
}

/// Bytes in a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// They are UTF-8.
    Text(String),
    /// They are not.
    Bytes(Vec<u8>),
}

/// How the lane was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassifyTrace {
    /// The tenant's classifier, then the standard one where the tenant's failed.
    pub calls: Vec<CallTrace>,
    /// The answer that counts; absent where every classifier failed, and the first lane was taken.
    pub verdict: Option<Verdict>,
}

/// Which tier, and by which condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TierTrace {
    /// The tier.
    pub tier: Tier,
    /// The condition that held; absent for tier 3.
    pub when: Option<String>,
    /// Conditions that could not be answered, with why; they count as not holding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<String>,
}

/// What the rules said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RulesTrace {
    /// Who owns the account.
    pub owner: Option<RepId>,
    /// Why the owner does not get the task.
    pub owner_excluded: Option<Excluded>,
    /// The territory the lead is in.
    pub territory: Option<TerritoryId>,
    /// Territories that lie over it there, whose people may help out; in the order of the folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overlays: Vec<TerritoryId>,
    /// Conditions of territories that could not be answered, with why; they count as not holding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<String>,
    /// True where a tier-1 lead may leave it.
    pub territory_waived: bool,
    /// What the tenant's rules said.
    #[serde(default, skip_serializing_if = "is_default")]
    pub said: RulesSaid,
    /// Who had a claim to it, in the order in which they were asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<ClaimTrace>,
    /// Whether it goes on from whoever has it to another team.
    #[serde(default, skip_serializing_if = "is_default")]
    pub handover: HandoverTrace,
    /// What each segment table says of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub segments: BTreeMap<String, String>,
}

/// Somebody who had a claim to a lead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimTrace {
    /// Who.
    pub rep: RepId,
    /// By what.
    pub by: AssignedBy,
    /// Why they do not get it, where they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Excluded>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Who could take a lead, and why nobody else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EligibilityTrace {
    /// The team looked at.
    pub team: TeamId,
    /// In the order of the folder.
    pub candidates: Vec<RepId>,
    /// Everybody else of the team who may sell where the lead is, and whoever a rule or a claim named.
    pub excluded: BTreeMap<RepId, Excluded>,
    /// Everybody else of the tenant, counted by the reason they share.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Others>,
    /// Which of the skills that it asks for held.
    #[serde(default, skip_serializing_if = "is_default")]
    pub skills: SkillTrace,
}

/// Reps who are not candidates for the same reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Others {
    /// The reason.
    pub reason: Excluded,
    /// How many.
    pub reps: u32,
}

/// Which of the skills that a lead asks for held (P13).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillTrace {
    /// Whole minutes that the lead has waited, since it came or was last declined.
    pub waited: u32,
    /// What every candidate has, in the order it was asked for.
    pub held: Vec<SkillNeed>,
    /// What was given up, first one first: nobody who could take the lead met it together with what was
    /// still asked for, and the lead had waited its `drop_after` minutes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<SkillNeed>,
}

/// How well each candidate fits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreTrace {
    /// The scorer's call.
    pub call: CallTrace,
    /// The facts it got, column by column: name, then a value a candidate, 0 to 1.
    pub fits: Vec<(String, Vec<f32>)>,
    /// What it weighed.
    pub factors: Vec<Factor>,
    /// Best first. Empty where the scorer failed.
    pub matches: Vec<Match>,
    /// What was learned of the candidates; absent where the tenant has no model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub win: Option<WinTrace>,
}

/// What was learned of the candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WinTrace {
    /// Why it counts for nothing: a gate that failed (X9), with its figures. Absent where it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untrusted: Option<String>,
    /// By which part of the model the estimates are; absent where by the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<WinSegment>,
    /// In the order of the candidates; empty where it counts for nothing.
    pub estimates: Vec<WinFound>,
    /// The record of whoever was picked with such leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// A part of a model: one of the deals of a word alone (P22).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WinSegment {
    /// The fact that deals are parted by, as `segment.size`.
    pub fact: String,
    /// The lead's word.
    pub word: String,
}

/// How likely a rep wins the lead, as past deals tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WinFound {
    /// Who.
    pub rep: RepId,
    /// The estimate on the logit scale.
    pub logit: f64,
    /// Standard deviation of the rep's own part of it.
    pub spread: f64,
    /// The chance to win, 0 to 1.
    pub probability: f64,
    /// The chance is above this with 90 %.
    pub lower: f64,
    /// And below this with 90 %.
    pub upper: f64,
    /// Effective deals of theirs behind it: those of long ago count less.
    pub deals: f64,
    /// Whether so few that opportunities are kept for them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub newer: bool,
}

/// One thing a scorer weighs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// Its name.
    pub name: String,
    /// Its share of the total, 0 to 1.
    pub weight: f32,
}

/// A candidate with its factors and total.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// Who.
    pub rep: RepId,
    /// 0 to 100, one a factor.
    pub factors: Vec<f32>,
    /// The weighted sum, 0 to 100.
    pub total: f64,
    /// The price of what is left of their capacity, in points; it is taken off the total where one is picked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub price: f64,
    /// Why they were not picked although they are a candidate, where a rule says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_over: Option<Excluded>,
}

/// Who was picked, and with what probability each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelectTrace {
    /// How the tier picks.
    pub method: Method,
    /// How the pool takes turns.
    #[serde(default, skip_serializing_if = "is_default")]
    pub turns: Turns,
    /// The virtual queue the turn is counted in, such as `smb|tier=3`: the pool, and what the tenant counts
    /// turns by.
    #[serde(default)]
    pub queue: String,
    /// Those picked from, with the probability of each being picked; they add up to 1.
    pub pool: Vec<(RepId, f64)>,
    /// Who.
    pub picked: RepId,
    /// Whether only those were left who were free at that moment: tier 1, where anybody was.
    #[serde(default, skip_serializing_if = "is_default")]
    pub free_now: bool,
    /// Whether only the fastest quarter of the team was left: a lead of tier 2 that cannot wait (S2.15), where
    /// any of them was among the best.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fast: bool,
    /// True where they prefer such leads and were served first for it (P17).
    #[serde(default, skip_serializing_if = "is_default")]
    pub preferred: bool,
    /// Who was left out for having had too many more than the others this month (P16).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub passed_over: BTreeMap<RepId, Excluded>,
}

/// How a rep is picked among candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Tier 1: among the best qualified who are free now, the fastest to respond.
    FastestQualified,
    /// Tier 2: the highest total.
    HighestTotal,
    /// Tier 3 and fallbacks: whose turn it is.
    Rotation,
    /// The best for all leads of a batch together.
    Batch,
    /// A draw among those who may well be the best, so that it is learned who is (S2.11).
    Trial,
}

/// What the fallback said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FallbackTrace {
    /// Why it was asked.
    pub cause: Cause,
    /// Why nobody could be picked.
    pub reason: Unassigned,
    /// The tenant's plugin, then the standard one where the tenant's failed or could not be carried out.
    pub calls: Vec<CallTrace>,
    /// What it said, in order: the first that is not refused was carried out, those behind it were not
    /// needed.
    pub actions: Vec<ActionTrace>,
}

/// One thing a fallback wanted, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionTrace {
    /// What it wanted.
    pub action: Action,
    /// Why it could not be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Why the fallback is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A strict classifier found no lane.
    Refused,
    /// Nobody is eligible.
    NoCandidate,
    /// Everybody who could take it is full.
    AllAtCapacity,
    /// The best match is below the tenant's threshold.
    BelowThreshold,
    /// The classifier or the scorer failed.
    PluginFailed,
}

/// Where a fallback sends a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The next available rep of a team.
    RoundRobin(TeamId),
    /// The manager of a team.
    Manager(TeamId),
    /// A queue for people to pick from.
    Hold(String),
    /// An automated track; never with low confidence.
    Nurture(String),
}

/// Every counter a decision looked at, as it saw it: enough to select again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Of every rep it looked at.
    pub reps: BTreeMap<RepId, Counters>,
    /// New leads of their teams; absent where there was none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub teams: BTreeMap<TeamId, NewLeads>,
    /// New leads by rule and rep, of rules that cap them; absent where there was none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<RuleId, BTreeMap<RepId, NewLeads>>,
    /// Open work by arm and rep, where an experiment keeps capacity apart; absent where there was none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arms: BTreeMap<RuleId, BTreeMap<RepId, u32>>,
    /// How the turns stood, by virtual queue.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub queues: BTreeMap<String, QueueSeen>,
}

/// What is counted about a rep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Counters {
    /// Open work, in work units.
    pub open: u32,
    /// New leads today, in the tenant's zone.
    #[serde(default)]
    pub day: u32,
    /// New leads in the last seven days.
    pub week: u32,
    /// The price of what is left of their capacity, where the tenant puts one on it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub price: Price,
}

/// New leads of somebody, or of a team.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLeads {
    /// Today, in the tenant's zone.
    pub day: u32,
    /// In the last seven days.
    pub week: u32,
}

/// How the turns of a virtual queue stood.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueSeen {
    /// Whose turn was the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<RepId>,
    /// By rep.
    pub standings: BTreeMap<RepId, Standing>,
}

/// How a rep stands in a virtual queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// What they are owed, in leads: who has most is next.
    pub credit: f64,
    /// Leads they have had this calendar month of the tenant's zone, and what they were credited with when
    /// they joined or came back.
    pub month: f64,
}
