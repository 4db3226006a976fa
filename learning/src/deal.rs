//! A deal as it is learned from: who had it, what was known of it before the end, and how it ended.
//!
//! Categories are the tenant's own (industry, size bracket, channel, …); numbers are put into brackets before
//! they come here. Only what was known while the deal was open belongs in, or the model learns the answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Categories by the name of their field: `industry` → `healthcare`. A field that is absent is unknown.
pub type Fields = BTreeMap<String, String>;

/// One deal of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deal {
    /// The rep who had it, by id.
    pub rep: Option<String>,
    /// What was known of it.
    #[serde(default)]
    pub fields: Fields,
    /// When it was opened, in milliseconds since 1970.
    pub opened: i64,
    /// How it stands.
    pub outcome: Outcome,
    /// What it is or was worth, in the tenant's currency; reported, never learned from, since won deals tend
    /// to carry a price that was corrected afterwards.
    pub value: Option<f64>,
}

/// How a deal stands; `closed` is in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Outcome {
    /// Not decided yet: censored. It is counted, and never taken for lost.
    Open,
    /// Won.
    Won {
        /// When.
        closed: i64,
    },
    /// Lost.
    Lost {
        /// When.
        closed: i64,
    },
    /// Found to be no deal at all (wrong company, duplicate, student). It says nothing about who wins a real
    /// one, so it is counted and left out of the likelihood.
    Disqualified {
        /// When.
        closed: i64,
    },
}

/// How many deals of a history were learned from, and why others were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Won, within the window.
    pub won: u64,
    /// Lost, within the window.
    pub lost: u64,
    /// Disqualified, within the window.
    pub disqualified: u64,
    /// Still open.
    pub open: u64,
    /// Closed before the window.
    pub too_old: u64,
    /// Closed after the moment of training, which a clock that is wrong may say.
    pub in_future: u64,
}

impl Counts {
    /// Deals that were learned from.
    pub fn closed(&self) -> u64 {
        self.won + self.lost
    }
}
