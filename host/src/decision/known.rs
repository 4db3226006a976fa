//! Who a lead belongs to already: its duplicates, its account, the relations and the hand-over it was found in.

use serde::{Deserialize, Serialize};

use super::Known;
use crate::lead::{RecordId, RepId, TeamId};
use crate::records::{Alike, Record};

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
