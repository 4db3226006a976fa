//! What a decision has done outside, as rows for those who are to do it: from values to values.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Destination, EffectKind};
use crate::decision::{Decision, Effect, Outcome};
use crate::lead::{LaneId, Mode, Tier};
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

/// Rows of a decision's effects, one for each destination that gets it, in the order in which they are to be
/// done; where nobody gets it, one that waits to be fetched. Their places in the commit begin with `place`.
/// Destinations that ask for it are first told of the decision itself.
pub fn fan_out(decision: &Decision, destinations: &[Destination], head: i64, place: i64) -> Vec<EffectRow> {
    let told = decision.effects.iter().map(|effect| (EffectKind::of(effect), Some(effect)));
    let told = std::iter::once((EffectKind::Decision, None)).chain(told);
    let mut rows = Vec::new();
    for (place, (kind, effect)) in (place..).zip(told) {
        let mut to: Vec<&str> = destinations
            .iter()
            .filter(|destination| destination.gets(kind))
            .map(|destination| destination.id.as_str())
            .collect();
        // Decisions can be read as such: nobody has to fetch that there is one.
        if to.is_empty() && kind != EffectKind::Decision {
            to.push("");
        }
        if to.is_empty() {
            continue;
        }
        let told = Told { effect: effect.cloned(), decision: summary(decision, kind) };
        let body = serde_json::to_string(&told).unwrap_or_default();
        let at = decision.at.as_millisecond();
        rows.extend(to.into_iter().map(|destination| EffectRow {
            tenant: decision.tenant.to_string(),
            head,
            place,
            destination: destination.to_owned(),
            at,
            lead: decision.lead.to_string(),
            number: decision.number.into(),
            kind: kind.as_str().to_owned(),
            body: body.clone(),
            state: "open".to_owned(),
            next_at: at,
        }));
    }
    rows
}

/// How many places [`fan_out`] may take up.
pub(crate) fn places(decision: &Decision) -> i64 {
    i64::try_from(decision.effects.len()).unwrap_or(i64::MAX - 1) + 1
}

fn summary(decision: &Decision, kind: EffectKind) -> Summary {
    let brief = match (kind, &decision.brief) {
        (EffectKind::Notify | EffectKind::Decision, Some(brief)) => {
            brief.lines.iter().map(|line| line.text.clone()).collect()
        }
        _ => Vec::new(),
    };
    Summary {
        number: decision.number,
        at: decision.at,
        mode: decision.mode,
        tier: decision.tier,
        due: decision.due,
        lane: decision.lane.clone(),
        outcome: decision.outcome.clone(),
        why: decision.why.clone(),
        brief,
    }
}
