//! The words of the field as plain values: what a lead is, who can take it, where it can go.
//!
//! Everything else in the host speaks in these types; this file imports nothing of ours. Ids are
//! newtypes with one constructor that checks, and deserialising goes through it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

mod reps;

pub use reps::Reps;

/// Why a text cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdError {
    /// There is nothing in it.
    #[error("an id cannot be empty")]
    Empty,
    /// It is longer than [`MAX_ID`] bytes.
    #[error("an id has at most {MAX_ID} bytes, this one has {0}")]
    TooLong(usize),
    /// It holds a character that would break lines, tables or logs.
    #[error("an id cannot hold the character {0:?}")]
    Character(char),
    /// It starts or ends with white space.
    #[error("an id cannot start or end with white space")]
    Padded,
    /// It holds a character that cannot stand in a path, where this id does.
    #[error("this id is made of small letters, digits and hyphens, and cannot hold {0:?}")]
    Plain(char),
}

/// The longest id, in bytes.
pub const MAX_ID: usize = 128;

fn checked_id(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_ID {
        return Err(IdError::TooLong(text.len()));
    }
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(IdError::Character(c));
    }
    if text.trim().len() != text.len() {
        return Err(IdError::Padded);
    }
    Ok(())
}

/// An id that is also a part of a path, of a URL as of a folder: small letters, digits and hyphens.
fn checked_plain_id(text: &str) -> Result<(), IdError> {
    checked_id(text)?;
    let plain = |c: &char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-');
    match text.chars().find(plain) {
        Some(c) => Err(IdError::Plain(c)),
        None => Ok(()),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => { id!($(#[$doc])* $name, checked_id); };
    ($(#[$doc:meta])* $name:ident, $checked:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                $checked(text).map(|()| Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                $checked(&text).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        // An id orders, hashes and compares as its text does, so maps can be asked with a `&str`.
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(/// One customer organisation; everything below belongs to one.
    TenantId);
id!(/// One inbound inquiry.
    LeadId);
id!(/// A place an inquiry can go.
    LaneId);
id!(/// A seller.
    RepId);
id!(/// A group of reps with a manager.
    TeamId);
id!(/// Who may sell where.
    TerritoryId);
id!(/// Something that the CRM has already.
    RecordId);
id!(/// A condition with what follows from it.
    RuleId);
id!(/// A way from an inquiry to a meeting.
    RouterId);
id!(/// A plugin that a tenant runs releases of.
    PluginId, checked_plain_id);

impl TenantId {
    /// Nobody's id: keys and the log of those who run the service stand there.
    pub fn operators() -> Self {
        Self("*".to_owned())
    }

    /// Whether it is that one.
    pub fn is_operators(&self) -> bool {
        self.0 == "*"
    }
}

/// An inquiry after normalising: every field is of the right form or absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// The sender's or the intake's own id.
    pub id: LeadId,
    /// An inquiry or a deal; both go the same way (S3.1).
    #[serde(default, skip_serializing_if = "Kind::is_lead")]
    pub kind: Kind,
    /// Where it came from: `demo-request`, `web-form`, `event`, `partner-referral`, … in lower case.
    pub source: String,
    /// When it arrived.
    pub received_at: Timestamp,
    /// What the person wrote, whole; plugins see its first 64 KiB.
    pub text: String,
    /// Who wrote.
    pub contact: Contact,
    /// Whom they write for.
    pub company: Company,
    /// Products they named or clicked; lower case.
    #[serde(default)]
    pub products: Vec<String>,
    /// Estimated yearly value in the tenant's currency, not negative.
    #[serde(default)]
    pub value: Option<f64>,
    /// Who has the record in the CRM: a rep's id or address, or somebody who is no rep, such as a bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Labels of the record, in lower case; a tenant can keep some from being routed (P21).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Custom CRM fields.
    #[serde(default)]
    pub fields: BTreeMap<String, FieldValue>,
}

impl Lead {
    /// A lead of which nothing else is known.
    pub fn bare(id: LeadId, received_at: Timestamp) -> Self {
        Self {
            id,
            kind: Kind::Lead,
            source: String::new(),
            received_at,
            text: String::new(),
            contact: Contact::default(),
            company: Company::default(),
            products: Vec::new(),
            value: None,
            owner: None,
            labels: Vec::new(),
            fields: BTreeMap::new(),
        }
    }
}

/// What kind of record is routed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An inquiry that nobody has qualified yet.
    #[default]
    Lead,
    /// A qualified opportunity.
    Deal,
}

impl Kind {
    fn is_lead(&self) -> bool {
        *self == Self::Lead
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lead => "lead",
            Self::Deal => "deal",
        })
    }
}

/// The person behind an inquiry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// As they write it.
    pub name: Option<String>,
    /// Lower case, syntactically an address.
    pub email: Option<String>,
    /// E.164, such as `+351210000000`.
    pub phone: Option<String>,
    /// Job title.
    pub title: Option<String>,
    /// BCP 47, such as `pt-BR`.
    pub language: Option<String>,
    /// IANA name, such as `Europe/Lisbon`.
    pub timezone: Option<String>,
}

/// The organisation behind an inquiry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Company {
    /// As they write it.
    pub name: Option<String>,
    /// Registrable domain in lower case, such as `example.co.uk`.
    pub domain: Option<String>,
    /// In lower case.
    pub industry: Option<String>,
    /// Headcount.
    pub employees: Option<u32>,
    /// Yearly revenue in the tenant's currency.
    pub revenue: Option<f64>,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: Option<String>,
    /// ISO 3166-2 subdivision, upper case, such as `US-CA`.
    pub region: Option<String>,
}

/// The value of a custom CRM field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldValue {
    /// Any text.
    Text(String),
    /// A finite number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// A moment.
    Instant(Timestamp),
    /// Several texts.
    Texts(Vec<String>),
}

/// A place an inquiry can go, in the tenant's own words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// Its id.
    pub id: LaneId,
    /// Its name for people.
    pub name: String,
    /// Which inquiries belong here, and by which signals.
    pub definition: String,
    /// Inquiries known to belong here.
    pub examples: Vec<String>,
    /// Where it leads.
    pub to: Destination,
}

/// Where a lane leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// The reps of a team.
    Team(TeamId),
    /// An automated track, such as a trial's onboarding mails; no rep is taken.
    Track(String),
    /// People decide.
    Triage,
}

/// Whether a classifier may refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelPolicy {
    /// The closest lane always wins.
    BestMatch,
    /// No lane, where none fits.
    Strict,
}

/// How sure a classifier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Opens a triage item.
    Low,
    /// Worth a spot check.
    Medium,
    /// Nearly always right.
    High,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

/// A lane with its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// The lane.
    pub lane: LaneId,
    /// Probability, 0 to 1.
    pub score: f32,
}

/// A stretch of the inquiry's text that speaks for the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// `seats`, `budget`, `deadline`, … or a kind of the plugin's own.
    pub kind: String,
    /// The normalised value.
    pub value: String,
    /// Byte offset of its first character in the lead's text.
    pub start: u32,
    /// Byte offset behind its last character.
    pub end: u32,
}

/// A classifier's answer, checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// `None` only under [`LabelPolicy::Strict`].
    pub lane: Option<LaneId>,
    /// How sure.
    pub confidence: Confidence,
    /// Best first; the scores add up to at most 1.
    pub ranking: Vec<Ranked>,
    /// How strongly the text shows an intent to buy, 0 to 100.
    pub intent: f32,
    /// In the order of the text.
    pub signals: Vec<Signal>,
    /// How complex the deal looks, 0 (simple) to 1, as far as the text tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complexity: Option<f32>,
    /// One sentence for a person.
    pub reason: String,
}

/// How urgent and valuable a lead is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Tier {
    /// Executive buyer or demo request.
    One,
    /// High fit.
    Two,
    /// Standard.
    Three,
}

impl TryFrom<u8> for Tier {
    type Error = String;
    fn try_from(n: u8) -> Result<Self, String> {
        match n {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            3 => Ok(Self::Three),
            _ => Err(format!("a tier is 1, 2 or 3, not {n}")),
        }
    }
}

impl From<Tier> for u8 {
    fn from(tier: Tier) -> u8 {
        match tier {
            Tier::One => 1,
            Tier::Two => 2,
            Tier::Three => 3,
        }
    }
}

/// Whether a decision holds at once or waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It is assigned at once.
    Auto,
    /// It waits in the queue of suggestions until a person approves it.
    Suggest,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Suggest => "suggest",
        })
    }
}

/// A skill that a lead asks for (P13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillNeed {
    /// Which, in lower case.
    pub skill: String,
    /// The least level that will do, 1 to 10.
    pub level: u8,
    /// Absent: it is needed. Else minutes that the lead waits for it before it is dropped; 0 drops it at
    /// once where nobody who could take the lead has it, and flags the lead for a specialist (S2.13).
    pub drop_after: Option<u32>,
    /// Of several that can be dropped, the one with the highest number goes first.
    pub priority: u32,
}

/// How a team takes turns (P5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turns {
    /// Weighted make-up credit: who is owed most is next.
    #[default]
    Credit,
    /// In the order of the roster, one after the other; who cannot take one is passed over and makes up
    /// for nothing.
    Order,
    /// Who has had fewest of this month's, by weight, is next.
    Count,
}

/// How many new leads are too many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// Most in one calendar day of the tenant's zone; no cap where absent.
    pub daily: Option<u32>,
    /// Most in seven days.
    pub weekly: Option<u32>,
}

/// A seller with a profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rep {
    /// Their id.
    pub id: RepId,
    /// Their name.
    pub name: String,
    /// Lower case.
    pub email: Option<String>,
    /// The team they sell in.
    pub team: TeamId,
    /// Most open work at once, at least 1: deals, or work units where the tenant weighs them.
    pub max_open: u32,
    /// Open work when the folder was written.
    pub open: u32,
    /// Most new leads in seven days and in a day.
    pub caps: Caps,
    /// New leads in the last seven days when the folder was written.
    pub week: u32,
    /// Share in rotations, above 0; 1 is ordinary.
    pub weight: f64,
    /// Takes new leads at all; false on leave, sick or focused elsewhere.
    pub available: bool,
    /// At work now and not in a meeting.
    pub free_now: bool,
    /// Mean time to first touch over the last 30 days, in seconds.
    pub response_seconds: Option<u32>,
    /// Lower case.
    pub industries: Vec<String>,
    /// Lower case.
    pub products: Vec<String>,
    /// BCP 47, primary language first.
    pub languages: Vec<String>,
    /// Whom they have sold against; lower case.
    pub competitors: Vec<String>,
    /// As issued.
    pub certifications: Vec<String>,
    /// Skills by name in lower case, 1 (beginner) to 10 (expert).
    pub skills: BTreeMap<String, u8>,
    /// Depth in technical matters, 1 to 10; 8 is a solutions engineer's.
    pub technical: Option<u8>,
    /// Selling style, in lower case.
    pub style: Option<String>,
    /// IANA name.
    pub timezone: String,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// The id of their working hours; the tenant's where absent.
    pub schedule: Option<String>,
    /// A CEL expression over the lead: those it holds for come to them first (P17).
    pub prefers: Option<String>,
    /// Who takes over what they have qualified (P18, S2.19).
    pub relay: Option<RepId>,
    /// Smallest yearly value they work on, in the tenant's currency.
    pub deal_min: Option<f64>,
    /// Largest yearly value they work on.
    pub deal_max: Option<f64>,
    /// 1 (new) to 5 (principal).
    pub seniority: u8,
}

/// Reps with a manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// Its name.
    pub name: String,
    /// Who decides for it; may be one of its reps or somebody who takes no leads.
    pub manager: Option<String>,
    /// Most new leads of the whole team.
    pub caps: Caps,
    /// How its people take turns.
    pub turns: Turns,
}

/// Who may sell where. A lead inside a territory goes to its people only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Territory {
    /// Its id.
    pub id: TerritoryId,
    /// Its name.
    pub name: String,
    /// How it stands to the others.
    pub layer: Layer,
    /// Which leads are in it.
    pub reach: Reach,
    /// Only leads of these lanes; of every lane where there are none.
    pub lanes: Vec<LaneId>,
    /// A CEL expression over lead and verdict that has to hold as well.
    pub when: Option<String>,
    /// Whose it is.
    pub primary: Vec<RepId>,
    /// Who may help out.
    pub overlay: Vec<RepId>,
}

/// How a territory stands to the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// A lead is in one of these, the first that holds it.
    #[default]
    Ground,
    /// It lies over them: a lead stays where it is, and everybody of this one may help out there.
    Overlay,
}

/// Which leads a territory holds: those of which every part that is not empty holds. What is not known of
/// a lead is in no list and in no span.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reach {
    /// ISO 3166-1 alpha-2.
    pub countries: Vec<String>,
    /// ISO 3166-2; of a country of which parts are here, only these.
    pub regions: Vec<String>,
    /// In lower case; see [`covers_industry`].
    pub industries: Vec<String>,
    /// Headcount.
    pub employees: Span<u32>,
    /// Yearly value in the tenant's currency.
    pub value: Span<f64>,
}

impl Reach {
    /// Places that it holds: countries of which it names no part, and parts. Everywhere where there are none.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        let country = |region: &str| region.split('-').next().unwrap_or_default().to_owned();
        let in_parts: Vec<String> = self.regions.iter().map(|region| country(region)).collect();
        let whole = self.countries.iter().filter(move |country| !in_parts.contains(country));
        whole.chain(&self.regions).map(String::as_str)
    }
}

/// Numbers from one to another; an end that is absent is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span<T> {
    /// The first that is inside.
    pub from: Option<T>,
    /// The first that is outside again.
    pub below: Option<T>,
}

impl<T: PartialOrd + Copy> Span<T> {
    /// Whether a number is inside. One that is not known is where both ends are open.
    pub fn holds(&self, number: Option<T>) -> bool {
        match number {
            Some(number) => {
                self.from.is_none_or(|from| number >= from) && self.below.is_none_or(|below| number < below)
            }
            None => self.is_open(),
        }
    }

    /// Whether it holds every number, unknown ones among them.
    pub fn is_open(&self) -> bool {
        self.from.is_none() && self.below.is_none()
    }

    /// Whether it holds whatever the other holds.
    pub fn covers(&self, other: &Self) -> bool {
        self.from.is_none_or(|from| other.from.is_some_and(|other| other >= from))
            && self.below.is_none_or(|below| other.below.is_some_and(|other| other <= below))
    }
}

/// Whether an industry is another one or one of its kinds: "healthcare" covers "healthcare providers", for
/// every word of the first is one of the second.
pub fn covers_industry(industry: &str, other: &str) -> bool {
    let mut words = industry.split_whitespace().peekable();
    words.peek().is_some() && words.all(|word| other.split_whitespace().any(|own| own == word))
}

/// A company that may have an owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Registrable domain, lower case; what leads are matched by.
    pub domain: String,
    /// Its name.
    pub name: String,
    /// Whose named account it is.
    pub owner: Option<RepId>,
    /// Who works its new contacts until they are handed over to the owner (S2.19).
    pub sdr: Option<RepId>,
    /// How personally it is worked, where it is part of account-based marketing.
    pub attention: Option<Attention>,
}

/// How personally an account is worked (S2.19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attention {
    /// A plan of its own.
    OneToOne,
    /// A plan for a handful like it.
    OneToFew,
    /// A programme for many.
    OneToMany,
}

impl fmt::Display for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneToOne => "one-to-one",
            Self::OneToFew => "one-to-few",
            Self::OneToMany => "one-to-many",
        })
    }
}
