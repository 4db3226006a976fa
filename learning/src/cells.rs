//! How often each rep won, and won such deals: counts, and rates shrunk towards what the counts are part of.
//!
//! The floor that always works, from no deal at all: a beta-binomial rate for everything, within it for each rep,
//! within that for each rep with a value or two ("healthcare over $100K"). How strongly a level is shrunk follows from
//! how much its rates differ (the strength of the greatest marginal likelihood; Efron & Morris, 1975). It is what
//! the sentence "won 9 of 14, shrunk to 41 % (28–55 %)" is made of; predictions come from the model, which tells
//! a rep's doing from that of the leads.

use serde::{Deserialize, Serialize};

use crate::beta::Beta;
use crate::distributions::ln_beta;
use crate::table::{Names, Table, UNKNOWN};

/// Strengths that are tried, in observations.
const STRENGTHS: [f64; 11] = [4.0, 8.0, 12.0, 20.0, 32.0, 50.0, 80.0, 128.0, 256.0, 512.0, 1024.0];
/// Fewer deals are no evidence worth a sentence.
const WORTH_TELLING: u64 = 3;
/// Most combinations that are kept, those with the most deals first.
const KEPT: usize = 50_000;
/// With more fields than this, values are not combined in pairs.
const PAIRED: usize = 6;

/// What a rep's record in a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Deals won, as counted.
    pub won: u64,
    /// Deals closed, as counted.
    pub closed: u64,
    /// The same with those of long ago counting less; never more than there are.
    pub effective: f64,
    /// What is believed of the win rate, after shrinkage and with recent deals counting more.
    pub rate: Beta,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Count {
    won: u64,
    closed: u64,
    weight_won: f64,
    weight_lost: f64,
}

/// Counts and strengths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cells {
    all: Count,
    /// By rep's code.
    reps: Vec<Count>,
    /// By rep and one or two values, sorted; a value is its place among all values of all fields.
    cells: Vec<((u32, u32, u32), Count)>,
    /// Strength that reps are shrunk with, and segments of a rep.
    strengths: (f64, f64),
}

impl Cells {
    /// Counts a table.
    pub(crate) fn new(table: &Table) -> Cells {
        let weights = table.evidence();
        let offsets = offsets(&table.names);
        let mut all = Count::default();
        let mut reps = vec![Count::default(); table.names.reps.len()];
        let mut met: Vec<((u32, u32, u32), usize)> = Vec::new();
        for (row, weight) in weights.iter().enumerate() {
            all.add(table.won[row], *weight);
            let Some(rep) = reps.get_mut(table.rep[row] as usize) else { continue };
            rep.add(table.won[row], *weight);
            let codes = table.codes_of(row).iter().zip(&offsets).filter(|(code, _)| **code != UNKNOWN);
            let values: Vec<u32> = codes.map(|(code, offset)| offset + code).collect();
            for (i, value) in values.iter().enumerate() {
                met.push(((table.rep[row], *value, UNKNOWN), row));
                if offsets.len() <= PAIRED {
                    met.extend(values[i + 1..].iter().map(|other| ((table.rep[row], *value, *other), row)));
                }
            }
        }
        met.sort_unstable();
        let mut cells: Vec<((u32, u32, u32), Count)> = met
            .chunk_by(|(a, _), (b, _)| a == b)
            .map(|same| {
                let mut count = Count::default();
                same.iter().for_each(|(_, row)| count.add(table.won[*row], weights[*row]));
                (same[0].0, count)
            })
            .filter(|(_, count)| count.closed >= WORTH_TELLING)
            .collect();
        cells.sort_by_key(|(key, count)| (u64::MAX - count.closed, *key));
        cells.truncate(KEPT);
        cells.sort_unstable_by_key(|(key, _)| *key);
        let rate = all.jeffreys().mean();
        let by_rep = strength(reps.iter().map(|count| (rate, *count)));
        let of_rep = |code: u32| reps[code as usize].within(rate, by_rep).mean();
        let single = cells.iter().filter(|((_, _, other), _)| *other == UNKNOWN);
        let by_cell = strength(single.map(|((rep, ..), count)| (of_rep(*rep), *count)));
        Cells { all, reps, cells, strengths: (by_rep, by_cell) }
    }

    /// What is believed of the rate of all deals.
    pub(crate) fn rate(&self) -> Beta {
        self.all.jeffreys()
    }

    /// A rep's record, over all leads; for an unknown rep nothing counted and the rate of a new one.
    pub(crate) fn rep(&self, code: u32) -> Evidence {
        let count = self.reps.get(code as usize).copied().unwrap_or_default();
        count.evidence(self.rate().mean(), self.strengths.0)
    }

    /// A rep's record with a value or two, in the order of the fields; `None` where it is too thin to tell of.
    pub(crate) fn segment(&self, names: &Names, rep: u32, values: &[(usize, u32)]) -> Option<Evidence> {
        let offsets = offsets(names);
        let place = |(field, code): &(usize, u32)| (*code != UNKNOWN).then(|| offsets[*field] + code);
        let key = match values {
            [] => return Some(self.rep(rep)),
            [one] => (rep, place(one)?, UNKNOWN),
            [one, other] => (rep, place(one)?, place(other)?),
            _ => return None,
        };
        let found = self.cells.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        Some(self.cells[found].1.evidence(self.rep(rep).rate.mean(), self.strengths.1))
    }
}

impl Count {
    fn add(&mut self, won: bool, weight: f64) {
        self.closed += 1;
        self.won += u64::from(won);
        *(if won { &mut self.weight_won } else { &mut self.weight_lost }) += weight;
    }

    /// With half a success and half a failure before any data (Jeffreys).
    fn jeffreys(self) -> Beta {
        Beta { successes: 0.5, failures: 0.5 }.after(self.weight_won, self.weight_lost)
    }

    fn within(self, mean: f64, strength: f64) -> Beta {
        Beta::new(mean, strength).after(self.weight_won, self.weight_lost)
    }

    fn evidence(self, mean: f64, strength: f64) -> Evidence {
        // Weights add up to the effective number of all deals, so those of one whose deals are all recent add up to more
        // than there are.
        let effective = (self.weight_won + self.weight_lost).min(self.closed as f64);
        Evidence { won: self.won, closed: self.closed, effective, rate: self.within(mean, strength) }
    }
}

/// The strength that makes counts within their means the most likely.
fn strength(counts: impl Iterator<Item = (f64, Count)> + Clone) -> f64 {
    let likelihood = |strength: f64| {
        let one = |(mean, count): (f64, Count)| {
            let before = Beta::new(mean, strength);
            let after = count.within(mean, strength);
            ln_beta(after.successes, after.failures) - ln_beta(before.successes, before.failures)
        };
        counts.clone().map(one).sum::<f64>()
    };
    let mut best = (f64::NEG_INFINITY, STRENGTHS[0]);
    for strength in STRENGTHS {
        let reached = likelihood(strength);
        // The stronger of two that are as good.
        if reached >= best.0 {
            best = (reached, strength);
        }
    }
    best.1
}

/// By field: places taken by the values of the fields before it.
fn offsets(names: &Names) -> Vec<u32> {
    let places = names.fields.iter().scan(0, |next, (_, values)| {
        let first = *next;
        *next += values.len() as u32;
        Some(first)
    });
    places.collect()
}
