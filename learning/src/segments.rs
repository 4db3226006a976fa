//! Models by segment: a model of their own for the deals of one word of a field, such as `enterprise` of `size`, where
//! that is better than the one of all deals.
//!
//! The model of all deals knows that reps differ by a field's words, but not that everything else works differently with
//! them. A part is fitted on the deals of its word alone, cut in time where the whole is cut, and judged on the newer
//! ones as any model is: its own gates must pass, and it must beat what the whole would have said of the same deals. It
//! knows fewer deals than the whole, so that is a bar that it often does not take, and then the whole speaks.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::deal::Fields;
use crate::fitted::Fitted;
use crate::gates::{ENOUGH, Gates};
use crate::held_out::{HeldOut, Training};
use crate::metrics::{Difference, Outturn, losses};
use crate::table::{Table, UNKNOWN};
use crate::train::Compared;
use crate::win::Way;

/// Parts at most (P22): the words with the most deals.
pub const MOST: usize = 10;

/// What training found out about the parts of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segments {
    /// The field that deals are parted by.
    pub field: String,
    /// Words with enough deals for a model of their own, those with the most deals first.
    pub parts: Vec<Part>,
    /// How many other words there are: with fewer than 100 effective deals, or beyond the ten with the most.
    pub others: u64,
}

/// What training found out about the deals of one word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The word.
    pub word: String,
    /// Deals learned from.
    pub deals: u64,
    /// The gates of its own: against the share of its own deals that is won.
    pub gates: Gates,
    /// What was compared, on the same newer deals of the word.
    pub compared: Vec<Compared>,
    /// What the gates would let be used.
    pub best: Way,
    /// Factor that straightens its chances, if one helps.
    pub calibration: Option<f64>,
    /// Log loss saved, a deal, against what the model of all deals would have said of the same newer deals: its chances, or
    /// the share of all deals that is won where its gates fail.
    pub saved: Difference,
    /// Whether it is used: its gates pass, and it saves more than one standard error.
    pub counts: bool,
}

/// The parts of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parts {
    pub(crate) told: Segments,
    /// For each part what was fitted, where it counts.
    fitted: Vec<Option<Fitted>>,
}

impl Parts {
    /// The part that speaks for a lead, where one does.
    pub(crate) fn of(&self, fields: &Fields) -> Option<(&Part, &Fitted)> {
        let word = fields.get(&self.told.field)?;
        let found = self.told.parts.iter().zip(&self.fitted).find(|(part, _)| part.word == *word);
        found.and_then(|(part, fitted)| Some((part, fitted.as_ref()?)))
    }

    /// Whether any part is used.
    pub(crate) fn count(&self) -> bool {
        self.fitted.iter().any(Option::is_some)
    }

    /// Whether everything that it names is there.
    pub(crate) fn is_whole(&self) -> bool {
        let parts = &self.told.parts;
        parts.len() == self.fitted.len()
            && parts.iter().zip(&self.fitted).all(|(part, fitted)| part.counts == fitted.is_some())
            && self.fitted.iter().flatten().all(Fitted::is_whole)
    }
}

/// What a model of all deals is, and what came of its newer deals.
pub(crate) struct Whole<'a> {
    pub(crate) table: &'a Table,
    /// Its cuts: rows before a block, and with it.
    pub(crate) blocks: &'a [(usize, usize)],
    pub(crate) held: &'a HeldOut,
}

/// Tries a model for each of the words with the most deals. Beside the parts there is what would really have been said of the
/// newer deals of all words: nothing of one where neither the whole nor a part passes the gates.
pub(crate) fn learn(field: &str, whole: &Whole<'_>, training: Training<'_>) -> (Parts, Vec<Outturn>) {
    let Whole { table, blocks, held } = whole;
    let trusted = held.gates.passed();
    let mut said: Vec<Option<Outturn>> =
        held.said().iter().map(|outturn| trusted.then_some(*outturn)).collect();
    let first = blocks.first().map_or(0, |(seen, _)| *seen);
    let (words, others) = words(table, field);
    let (mut parts, mut fitted) = (Vec::new(), Vec::new());
    for (word, rows) in words {
        let own = table.part(&rows, field);
        let bound = |row: usize| rows.partition_point(|own| *own < row);
        let cuts = blocks.iter().map(|(seen, end)| (bound(*seen), bound(*end)));
        let cuts: Vec<(usize, usize)> = cuts.filter(|(seen, end)| seen < end).collect();
        let found = HeldOut::new(&own, &cuts, training);
        let newer: Vec<usize> = rows[bound(first)..].iter().map(|row| row - first).collect();
        let newer = if cuts.is_empty() { Vec::new() } else { newer };
        let before: Vec<Outturn> = newer.iter().map(|place| held.said()[*place]).collect();
        let saved = Difference::saved(&losses(&before), &losses(&found.straight));
        let counts = found.gates.passed() && saved.is_clear();
        fitted.push(counts.then(|| {
            let (logit, trees) = found.fit(&own, training);
            Fitted { way: found.best, names: own.names, logit, trees }
        }));
        if counts {
            newer.iter().zip(&found.straight).for_each(|(place, outturn)| said[*place] = Some(*outturn));
        }
        let HeldOut { gates, compared, best, calibration, .. } = found;
        let deals = rows.len() as u64;
        parts.push(Part { word, deals, gates, compared, best, calibration, saved, counts });
    }
    let told = Segments { field: field.to_owned(), parts, others };
    (Parts { told, fitted }, said.into_iter().flatten().collect())
}

/// The words with enough deals, each with its rows, those with the most first; and how many words there are beside them.
fn words(table: &Table, field: &str) -> (Vec<(String, Vec<usize>)>, u64) {
    let Some(place) = table.names.fields.iter().position(|(name, _)| name == field) else {
        return (Vec::new(), 0);
    };
    let mut words: Vec<(String, Vec<usize>)> =
        table.names.fields[place].1.iter().map(|word| (word.clone(), Vec::new())).collect();
    for row in 0..table.len() {
        let code = table.codes_of(row)[place];
        if code != UNKNOWN {
            words[code as usize].1.push(row);
        }
    }
    let all = words.len();
    words.retain(|(_, rows)| table.effective_of(rows) >= ENOUGH);
    // Of two with as many, the first in the alphabet: sorting keeps their order.
    words.sort_by_key(|(_, rows)| Reverse(rows.len()));
    words.truncate(MOST);
    let others = (all - words.len()) as u64;
    (words, others)
}

#[cfg(test)]
mod tests;
