//! What happens after a decision, as a stream tells it: accepted, declined, closed, away, back, …
//!
//! A line with an `event` is one of these, every other line is a lead. Each says when it happened; where
//! it does not, the reader's now stands in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::lead::{LaneId, LeadId, RepId, RouterId};

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Event {
    /// When; absent where the stream does not say.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// How a deal ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closing {
    /// They bought.
    Won,
    /// They did not.
    Lost,
    /// They never could: it says nothing of whoever had it.
    Disqualified,
}

/// How satisfied somebody is, from 1, not at all, to 5, very.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Satisfaction(u8);

/// It is no satisfaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("satisfaction is a whole number from 1, not at all, to 5, very; not {0}")]
pub struct NoSatisfaction(pub u8);

impl TryFrom<u8> for Satisfaction {
    type Error = NoSatisfaction;
    fn try_from(number: u8) -> Result<Self, NoSatisfaction> {
        if (1..=5).contains(&number) { Ok(Self(number)) } else { Err(NoSatisfaction(number)) }
    }
}

impl From<Satisfaction> for u8 {
    fn from(satisfaction: Satisfaction) -> Self {
        satisfaction.0
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum What {
    /// Whoever has the lead takes it (P14).
    Accepted {
        /// Which.
        lead: LeadId,
        /// How well it suits them, where they say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        satisfaction: Option<Satisfaction>,
    },
    /// Whoever has the lead, or had it until it was closed, says how well it suits them (S2.18). Said again, it replaces what was
    /// said.
    Rated {
        /// Which.
        lead: LeadId,
        /// How well.
        satisfaction: Satisfaction,
    },
    /// Whoever has the lead does not want it: the next in line gets it.
    Declined {
        /// Which.
        lead: LeadId,
    },
    /// Somebody wrote to or spoke with the contact.
    Touched {
        /// Which.
        lead: LeadId,
    },
    /// A manager approves a suggestion (S3.22).
    Approved {
        /// Which.
        lead: LeadId,
    },
    /// A manager rejects a suggestion: the next best is suggested.
    Rejected {
        /// Which.
        lead: LeadId,
    },
    /// A person gives the lead to somebody (S3.25), or changes a suggestion so.
    Reassigned {
        /// Which.
        lead: LeadId,
        /// To whom.
        to: RepId,
        /// Why, for the log.
        reason: String,
    },
    /// No automatic change any more (S3.28).
    Locked {
        /// Which.
        lead: LeadId,
    },
    /// Automatic changes again.
    Unlocked {
        /// Which.
        lead: LeadId,
    },
    /// The contact did not come, or called off: the turn does not count (P4).
    NoShow {
        /// Which.
        lead: LeadId,
    },
    /// Whoever qualified the lead hands it over to who closes it, as a deal (S2.19, P18).
    HandedOver {
        /// Which.
        lead: LeadId,
        /// Its yearly value, where more is known by now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<f64>,
        /// How complex it is, from 0 to 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        complexity: Option<f64>,
    },
    /// The contact meets a rep then (P18); a meeting that the lead had before is called off by it.
    Booked {
        /// Whose contact.
        lead: LeadId,
        /// Whom they meet.
        rep: RepId,
        /// When it begins.
        from: Timestamp,
        /// When it ends.
        to: Timestamp,
        /// The router that offered it: then its terms hold, and whoever meets the contact has the lead. Absent where
        /// it was booked elsewhere: then the rep's time is taken and nothing else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        router: Option<RouterId>,
    },
    /// The lead's meeting is called off.
    Cancelled {
        /// Which lead's.
        lead: LeadId,
    },
    /// A person says which lane the lead belongs to, as it was classified or another one: what the tenant's bands of confidence
    /// are fitted to. Nobody gets it for that.
    LaneSaid {
        /// Which lead.
        lead: LeadId,
        /// Its lane.
        lane: LaneId,
    },
    /// Won, lost or disqualified: the rep has room again. Said again of a closed lead, it mends what is learned.
    Closed {
        /// Which.
        lead: LeadId,
        /// What became of it; where that is not said, nothing is learned from it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Closing>,
        /// What was won, in the tenant's currency.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<f64>,
        /// How satisfied the customer is, where they say (S3.31).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        satisfaction: Option<Satisfaction>,
    },
    /// A rep takes no new leads for now: sick, or busy elsewhere (S3.21).
    Away {
        /// Who.
        rep: RepId,
    },
    /// They are back.
    Back {
        /// Who.
        rep: RepId,
    },
    /// A manager corrects what a rep is owed in a rotation (P4).
    Credit {
        /// Who.
        rep: RepId,
        /// In which virtual queue, such as `smb`, as decisions name it.
        queue: String,
        /// In leads; negative where they have had too many.
        leads: f64,
    },
    /// A person has looked at what needed one: the triage item is closed (X1, S4.5).
    Reviewed {
        /// Which lead's.
        lead: LeadId,
    },
    /// Nothing but time has passed.
    Tick,
}

impl What {
    /// The lead it happened to, where it happened to one.
    pub fn lead(&self) -> Option<&LeadId> {
        match self {
            Self::Accepted { lead, .. }
            | Self::Rated { lead, .. }
            | Self::Declined { lead }
            | Self::Touched { lead }
            | Self::Approved { lead }
            | Self::Rejected { lead }
            | Self::Reassigned { lead, .. }
            | Self::Locked { lead }
            | Self::Unlocked { lead }
            | Self::NoShow { lead }
            | Self::HandedOver { lead, .. }
            | Self::Booked { lead, .. }
            | Self::Cancelled { lead }
            | Self::Closed { lead, .. }
            | Self::LaneSaid { lead, .. }
            | Self::Reviewed { lead } => Some(lead),
            Self::Away { .. } | Self::Back { .. } | Self::Credit { .. } | Self::Tick => None,
        }
    }

    /// As the log of what happened calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "lead.accepted",
            Self::Rated { .. } => "lead.rated",
            Self::Declined { .. } => "lead.declined",
            Self::Touched { .. } => "lead.touched",
            Self::Approved { .. } => "lead.approved",
            Self::Rejected { .. } => "lead.rejected",
            Self::Reassigned { .. } => "lead.reassigned",
            Self::Locked { .. } => "lead.locked",
            Self::Unlocked { .. } => "lead.unlocked",
            Self::NoShow { .. } => "lead.no-show",
            Self::HandedOver { .. } => "lead.handed-over",
            Self::Booked { .. } => "lead.booked",
            Self::Cancelled { .. } => "lead.cancelled",
            Self::Closed { .. } => "lead.closed",
            Self::LaneSaid { .. } => "lead.lane-said",
            Self::Reviewed { .. } => "lead.reviewed",
            Self::Away { .. } => "rep.away",
            Self::Back { .. } => "rep.back",
            Self::Credit { .. } => "rep.credited",
            Self::Tick => "time.passed",
        }
    }
}

/// Whether a line is an event rather than a lead.
pub fn is_event(line: &Json) -> bool {
    line.get("event").is_some()
}

/// Reads an event; a lowercase fragment says what is wrong with it.
pub fn read(line: &Json) -> Result<Event, String> {
    if !line["event"].is_string() {
        return Err(format!("`event` is {}, and names what happened, such as \"closed\"", line["event"]));
    }
    if let Some(Err(error)) = line.get("at").and_then(Json::as_str).map(str::parse::<Timestamp>) {
        return Err(format!("`at` is no time such as \"2026-03-02T09:00:00Z\": {error}"));
    }
    let event: Event = serde_json::from_value(line.clone()).map_err(|error| error.to_string())?;
    match &event.what {
        What::Credit { leads, .. } if !leads.is_finite() => Err("`leads` is no number".to_owned()),
        What::Booked { from, to, .. } if from >= to => Err("`to` is not after `from`".to_owned()),
        _ => Ok(event),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pipeline::fixture::id;

    #[test]
    fn events_are_read() {
        let check = |line: Json, expect: Result<What, &str>| match (read(&line), expect) {
            (Ok(found), Ok(what)) => assert_eq!(found.what, what, "{line}"),
            (Err(found), Err(word)) => assert!(found.contains(word), "{found}"),
            (found, expect) => panic!("{line}: {found:?}, not {expect:?}"),
        };
        check(json!({"event": "declined", "lead": "l1"}), Ok(What::Declined { lead: id("l1") }));
        check(json!({"event": "tick", "at": "2026-03-02T10:00:00Z"}), Ok(What::Tick));
        check(
            json!({"event": "reassigned", "lead": "l1", "to": "ana", "reason": "knows them"}),
            Ok(What::Reassigned { lead: id("l1"), to: id("ana"), reason: "knows them".to_owned() }),
        );
        check(
            json!({"event": "credit", "rep": "ana", "queue": "smb", "leads": -1}),
            Ok(What::Credit { rep: id("ana"), queue: "smb".to_owned(), leads: -1.0 }),
        );
        check(json!({"event": "vanished"}), Err("unknown variant `vanished`"));
        check(json!({"event": "closed"}), Err("lead"));
        check(json!({"event": "closed", "lead": ""}), Err("an id cannot be empty"));
        check(json!({"event": "tick", "at": "noon"}), Err("no time such as \"2026-03-02T09:00:00Z\""));
        check(json!({"event": 1, "lead": "l1"}), Err("`event` is 1, and names what happened"));
        // What others note beside it is theirs.
        check(
            json!({"event": "closed", "lead": "l1", "actor": "crm"}),
            Ok(What::Closed { lead: id("l1"), outcome: None, value: None, satisfaction: None }),
        );
        check(
            json!({"event": "closed", "lead": "l1", "outcome": "won", "value": 10.0}),
            Ok(What::Closed {
                lead: id("l1"),
                outcome: Some(Closing::Won),
                value: Some(10.0),
                satisfaction: None,
            }),
        );
        check(
            json!({"event": "rated", "lead": "l1", "satisfaction": 4}),
            Ok(What::Rated { lead: id("l1"), satisfaction: Satisfaction(4) }),
        );
        check(json!({"event": "rated", "lead": "l1", "satisfaction": 6}), Err("from 1, not at all, to 5"));
    }
}
