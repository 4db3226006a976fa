//! What another way of picking would have been worth, from decisions and what became of their leads.
//!
//! Only what was logged counts: among whom a lead was drawn, and with which odds. Where somebody else closed the lead than
//! was picked, nothing is known of the pick, and the lead is left out.

use std::collections::BTreeMap;

use lanewright_learning::explore::{Candidate, Exploration, NoShare, Wanted};
use lanewright_learning::policy::{Choice, Logged};
use serde::{Deserialize, Serialize};

use super::Model;
use crate::decision::{Decision, Match, WinFound};
use crate::events::Closing;
use crate::lead::RepId;

/// A way of picking among those a lead was drawn among.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Policy {
    /// Everybody with the same odds.
    Random,
    /// The highest total.
    Match,
    /// Whom a model gives the highest chance to win.
    Model {
        /// Its number.
        model: i64,
    },
    /// A draw as trials make it.
    Trial {
        /// The number of the model that is drawn by.
        model: i64,
        /// How much less likely than the best somebody may be to win.
        within: f64,
        /// The least probability of each of them.
        #[serde(default)]
        floor: f64,
        /// The share that is kept for newer reps.
        #[serde(default)]
        newer: f64,
    },
}

/// What an outcome is worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Worth {
    /// 1 for a deal that was won, 0 for one that was lost.
    #[default]
    Won,
    /// What a deal brought.
    Value,
}

/// What became of a lead, as far as it says something of its first decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Became {
    /// Who has it, or had it when it was closed.
    pub rep: Option<RepId>,
    /// How it ended; absent while it is open.
    pub closing: Option<Closing>,
    /// What it brought.
    pub value: Option<f64>,
}

impl Policy {
    /// The number of the model that it asks.
    pub fn model(&self) -> Option<i64> {
        match self {
            Self::Model { model } | Self::Trial { model, .. } => Some(*model),
            Self::Random | Self::Match => None,
        }
    }

    /// How likely it picks each of these.
    fn odds(
        &self,
        (pool, matches): (&[(RepId, f64)], &[Match]),
        estimates: &[WinFound],
    ) -> Result<Vec<f64>, NoShare> {
        let totals: BTreeMap<&RepId, f64> = matches.iter().map(|found| (&found.rep, found.total)).collect();
        let found: BTreeMap<&RepId, &WinFound> = estimates.iter().map(|found| (&found.rep, found)).collect();
        let chance = |rep: &RepId| found.get(rep).map_or(f64::NEG_INFINITY, |found| found.logit);
        Ok(match self {
            Self::Random => vec![1.0 / pool.len() as f64; pool.len()],
            Self::Match => best(pool, |rep| totals.get(rep).copied().unwrap_or(f64::NEG_INFINITY)),
            Self::Model { .. } => best(pool, chance),
            Self::Trial { within, floor, newer, .. } => {
                let wanted = Wanted { bound: *within, floor: *floor, development: *newer };
                let candidate = |(rep, _): &'_ (RepId, f64)| {
                    found.get(rep).map(|found| (found.logit, found.spread, found.newer))
                };
                let known: Option<Vec<_>> = pool.iter().map(candidate).collect();
                let Some(known) = known else { return Ok(vec![1.0 / pool.len() as f64; pool.len()]) };
                let candidates: Vec<Candidate<'_>> = pool
                    .iter()
                    .zip(known)
                    .map(|((rep, _), (mean, spread, newer))| Candidate {
                        id: rep.as_str(),
                        mean,
                        spread,
                        newer,
                    })
                    .collect();
                Exploration::try_from(wanted)?.probabilities(&candidates)
            }
        })
    }
}

/// Those with the highest worth share the pick.
fn best(pool: &[(RepId, f64)], worth: impl Fn(&RepId) -> f64) -> Vec<f64> {
    let top = pool.iter().map(|(rep, _)| worth(rep)).fold(f64::NEG_INFINITY, f64::max);
    let is_best: Vec<bool> = pool.iter().map(|(rep, _)| worth(rep) == top).collect();
    let share = 1.0 / is_best.iter().filter(|is| **is).count().max(1) as f64;
    is_best.into_iter().map(|is| if is { share } else { 0.0 }).collect()
}

/// A decision as it was logged beside the policy; nothing where nobody was drawn, or somebody else closed the lead, or it
/// was disqualified, which says nothing of the pick.
///
/// # Errors
///
/// The policy's shares are none.
pub fn logged(
    decision: &Decision,
    became: &Became,
    policy: &Policy,
    model: Option<&Model>,
    facts: &BTreeMap<String, String>,
    worth: Worth,
) -> Result<Option<Logged>, NoShare> {
    let Some(select) = &decision.trace.select else { return Ok(None) };
    if became.rep.as_ref() != Some(&select.picked) || became.closing == Some(Closing::Disqualified) {
        return Ok(None);
    }
    let Some(picked) = select.pool.iter().position(|(rep, _)| *rep == select.picked) else { return Ok(None) };
    let score = decision.trace.score.as_ref();
    let matches = score.map(|score| score.matches.as_slice()).unwrap_or_default();
    let at = decision.trace.past.since.unwrap_or(decision.at);
    let reps: Vec<&RepId> = select.pool.iter().map(|(rep, _)| rep).collect();
    let asked = model.map(|model| model.ask(facts, at, &reps).estimates).unwrap_or_default();
    let odds = policy.odds((&select.pool, matches), &asked)?;
    // What was predicted then, by a model that had not seen how it ended.
    let then =
        score.and_then(|score| score.win.as_ref()).map(|win| win.estimates.as_slice()).unwrap_or_default();
    let outcome = became.closing.map(|closing| match (closing, worth) {
        (Closing::Won, Worth::Won) => 1.0,
        (Closing::Won, Worth::Value) => became.value.unwrap_or_default(),
        (Closing::Lost | Closing::Disqualified, _) => 0.0,
    });
    let predicted = |rep: &RepId| match worth {
        Worth::Won => then.iter().find(|found| found.rep == *rep).map_or(0.0, |found| found.probability),
        Worth::Value => 0.0,
    };
    let candidates = select.pool.iter().zip(odds);
    let candidates = candidates.map(|((rep, logged), policy)| Choice {
        logged: *logged,
        policy,
        predicted: predicted(rep),
    });
    Ok(Some(Logged { candidates: candidates.collect(), picked, outcome }))
}
