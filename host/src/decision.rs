//! What was decided for a lead, and everything it was decided from.
//!
//! A [`Decision`] is immutable and carries enough to be run again: the lead as it was received, the
//! digests of configuration, plugins and text model, the answers that came from outside, the counters
//! it saw and the seed it drew from. Its JSON is what `lanewright route` prints, a line a lead.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::digest::Digest;
use crate::failure::{Failure, LogLine};
use crate::lead::{
    Confidence, FieldValue, LaneId, Lead, LeadId, Mode, RecordId, RepId, RuleId, SkillNeed, TeamId, TenantId,
    TerritoryId, Tier, Turns, Verdict,
};
use crate::pacing::Price;
use crate::records::{Alike, Record};
use crate::rules::RulesSaid;

mod words;

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
    /// A lead was not touched in time.
    Missed,
    /// Nobody could be picked, and they decide.
    Undecided,
    /// One of their people has more than they may have.
    OverCapacity,
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

/// How a decision came about: a section a stage, in the order of the route. A section is absent where
/// the route did not pass through it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The lead as it was received.
    pub received: Json,
    /// What was known of it from before.
    #[serde(default, skip_serializing_if = "Past::is_empty")]
    pub past: Past,
    /// By which versions of everything.
    pub versions: Versions,
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

impl Past {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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
}

/// By which versions of everything a decision was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The tenant's folder.
    pub config: Digest,
    /// Plugins by role and name: `classifier`, `scorer`, `fallback`, `enricher:NAME`.
    pub plugins: BTreeMap<String, Digest>,
    /// The text model.
    pub text_model: Digest,
    /// The program, and the engine that ran the plugins.
    pub engine: String,
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

/// What was known of a lead before it came: whose it is already. Absent parts are those that the tenant
/// does not ask for, or that nothing was found for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KnownTrace {
    /// The record that it repeats (P2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<Duplicate>,
    /// Who has had the contact or the account (P15, S2.19).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Relation>,
    /// Where somebody was looked for, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Leads of the same run that decided any of this, as they were, so that it can be run again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Record>,
}

/// A lead that repeats a record. The record is its master: it keeps its owner and team, and the lead only
/// fills in what it lacks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The master, with the lead merged into it.
    pub master: Record,
    /// What both have in common.
    pub by: Alike,
    /// How alike the names are, 0 to 1, where they are not the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f64>,
    /// The rep who has the master.
    pub owner: Option<RepId>,
    /// The team that has it.
    pub team: Option<TeamId>,
    /// What the master lacked and got from the lead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filled: Vec<Fact>,
    /// What the lead says otherwise; the master's holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<MergeConflict>,
}

/// A fact that records of the CRM have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The e-mail address.
    Email,
    /// The phone number.
    Phone,
    /// The person's name.
    Name,
    /// The company's name.
    Company,
    /// The company's domain.
    Domain,
    /// The account.
    Account,
}

/// A fact on which a lead and its master disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeConflict {
    /// Which.
    pub fact: Fact,
    /// The master's, which holds.
    pub master: String,
    /// The lead's.
    pub lead: String,
}

/// Somebody who has had the contact or the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// Who.
    pub rep: RepId,
    /// What they know.
    pub known: Known,
    /// The record, or the latest of several, that says so.
    pub record: RecordId,
}

/// One step of a search in what the tenant and its CRM have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it went by.
    pub by: Sign,
    /// What it found.
    #[serde(flatten)]
    pub found: Found,
}

/// What a search goes by. A closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// For the account with the company's domain.
    CompanyDomain,
    /// For the account with the domain that the e-mail tells.
    EmailDomain,
    /// For the account of the contact with this e-mail.
    Contact,
    /// For the account with most contacts that write from the e-mail's domain.
    MostContacts,
    /// For the account with the company's name.
    CompanyName,
    /// For who had this contact last.
    LastOfContact,
    /// For who got the account's last lead of this run.
    LastOfRun,
    /// For the owner of the account's own record.
    AccountRecord,
    /// For who has most of the account's open records, then the latest of them.
    MostRecords,
    /// For who had anybody of the company last.
    LastOfAccount,
}

/// What a step of a search found. A closed list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "found")]
pub enum Found {
    /// An account.
    Account {
        /// Its domain.
        account: String,
    },
    /// Somebody.
    Rep {
        /// Who.
        rep: RepId,
    },
    /// The lead says nothing to look by.
    NothingToGoBy,
    /// The domain is a provider's of mail for anybody.
    FreeMail,
    /// Nothing.
    Nothing,
    /// Several that nothing tells apart: none is taken.
    Tied {
        /// The first few of them.
        between: Vec<String>,
    },
    /// An owner who is no rep of the tenant, and is passed over.
    NoRep {
        /// Who.
        owner: String,
    },
}

impl Found {
    /// Several that nothing tells apart, the first few of them.
    pub fn tied(between: Vec<&str>) -> Self {
        Self::Tied { between: between.into_iter().take(8).map(str::to_owned).collect() }
    }
}

/// What was handed over, from who qualified a lead to who closes it (S2.19).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HandoverTrace {
    /// Set where it is handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Handover>,
    /// Conditions that could not be answered, with why; they count as not holding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<String>,
}

/// From whom to whom a lead is handed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Handover {
    /// Who has it.
    pub from: RepId,
    /// The team it goes to.
    pub to: TeamId,
    /// Who of that team takes over from them first.
    pub relay: Option<RepId>,
    /// Why.
    pub because: HandoverCause,
}

/// Why a lead is handed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandoverCause {
    /// This condition holds.
    When(String),
    /// It is this complex, 0 to 1.
    Complexity(f32),
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
    #[serde(default, skip_serializing_if = "is_credit")]
    pub turns: Turns,
    /// The virtual queue the turn is counted in, such as `smb|tier=3`: the pool, and what the tenant counts
    /// turns by.
    #[serde(default)]
    pub queue: String,
    /// Those picked from, with the probability of each being picked; they add up to 1.
    pub pool: Vec<(RepId, f64)>,
    /// Who.
    pub picked: RepId,
    /// True where they prefer such leads and were served first for it (P17).
    #[serde(default, skip_serializing_if = "is_false")]
    pub preferred: bool,
    /// Who was left out for having had too many more than the others this month (P16).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub passed_over: BTreeMap<RepId, Excluded>,
}

fn is_credit(turns: &Turns) -> bool {
    *turns == Turns::Credit
}

fn is_false(flag: &bool) -> bool {
    !flag
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
