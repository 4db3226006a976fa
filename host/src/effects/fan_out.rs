//! What a decision has done outside, as rows for those who are to do it: from values to values.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Destination, EffectKind};
use crate::decision::{Decision, Effect, Outcome};
use crate::lead::{LaneId, LeadId, Mode, TenantId, Tier};
use crate::store::EffectRow;

/// What a destination is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// What is to be done; absent where it is only told of the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// What it follows from.
    pub decision: Summary,
}

/// A decision in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// 1 for the lead's first.
    pub number: u32,
    /// When it was decided.
    pub at: Timestamp,
    /// Whether it holds at once.
    pub mode: Mode,
    /// How urgent the lead is.
    pub tier: Tier,
    /// When first touch is due.
    pub due: Timestamp,
    /// The lane.
    pub lane: Option<LaneId>,
    /// Where the lead went.
    pub outcome: Outcome,
    /// Why there.
    pub why: String,
    /// What the rep should know, a sentence each; with what is meant for people alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brief: Vec<String>,
}

impl Summary {
    /// Of a decision.
    pub fn of(decision: &Decision) -> Self {
        let lines = decision.brief.iter().flat_map(|brief| &brief.lines);
        Self {
            number: decision.number,
            at: decision.at,
            mode: decision.mode,
            tier: decision.tier,
            due: decision.due,
            lane: decision.lane.clone(),
            outcome: decision.outcome.clone(),
            why: decision.why.clone(),
            brief: lines.map(|line| line.text.clone()).collect(),
        }
    }
}

/// Whose effects they are, and where their rows stand.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Whose lead.
    pub tenant: &'a TenantId,
    /// Which lead.
    pub lead: &'a LeadId,
    /// The commit.
    pub head: i64,
    /// The first place in it that no other effect has.
    pub place: i64,
}

/// Rows of a decision's effects, one for each destination that gets it, in the order in which they are to be
/// done; where nobody gets it, one that waits to be fetched. Destinations that ask for it are first told of
/// the decision itself. They take up a place for each effect, and one more.
pub fn fan_out(
    source: Source<'_>,
    decision: &Summary,
    effects: &[Effect],
    destinations: &[Destination],
) -> Vec<EffectRow> {
    let each = std::iter::once(None).chain(effects.iter().map(Some));
    rows((source, decision.at), decision, each, destinations)
}

/// The same for effects of what follows a decision without being one. They take up a place each.
pub fn notify(
    source: Source<'_>,
    at: Timestamp,
    decision: &Summary,
    effects: &[Effect],
    destinations: &[Destination],
) -> Vec<EffectRow> {
    rows((source, at), decision, effects.iter().map(Some), destinations)
}

/// Absent among the effects is the decision itself.
fn rows<'a>(
    (source, at): (Source<'_>, Timestamp),
    decision: &Summary,
    effects: impl Iterator<Item = Option<&'a Effect>>,
    destinations: &[Destination],
) -> Vec<EffectRow> {
    let mut rows = Vec::new();
    for (place, effect) in (source.place..).zip(effects) {
        let kind = effect.map_or(EffectKind::Decision, EffectKind::of);
        let gets = destinations.iter().filter(|destination| destination.gets(kind));
        let mut to: Vec<&str> = gets.map(|destination| destination.id.as_str()).collect();
        // Decisions can be read as such: nobody has to fetch that there is one.
        if to.is_empty() && kind != EffectKind::Decision {
            to.push("");
        }
        if to.is_empty() {
            continue;
        }
        let told = Told { effect: effect.cloned(), decision: for_kind(decision, kind) };
        let body = serde_json::to_string(&told).unwrap_or_default();
        let at = at.as_millisecond();
        rows.extend(to.into_iter().map(|destination| EffectRow {
            tenant: source.tenant.to_string(),
            head: source.head,
            place,
            destination: destination.to_owned(),
            at,
            lead: source.lead.to_string(),
            number: decision.number.into(),
            kind: kind.as_str().to_owned(),
            body: body.clone(),
            state: "open".to_owned(),
            next_at: at,
        }));
    }
    rows
}

/// A brief is for people: it goes where people read.
fn for_kind(decision: &Summary, kind: EffectKind) -> Summary {
    let mut decision = decision.clone();
    if !matches!(kind, EffectKind::Notify | EffectKind::Decision) {
        decision.brief.clear();
    }
    decision
}
