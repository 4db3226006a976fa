//! Deals as columns of small numbers, which is what every model is fitted on.
//!
//! In go deals, the window and the half-life; out come closed deals in one order that does not depend on the order
//! they came in: by time of closing, then by what they are. So the same deals make the same model, to the bit.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::deal::{Counts, Deal, Fields, Outcome};

/// Stands for "not known" in a column.
pub(crate) const UNKNOWN: u32 = u32::MAX;

const DAY: f64 = 86_400_000.0;

/// What a lead's codes stand for: a code is a place among sorted names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Names {
    /// Half of the deals took longer than this from opening to close, in milliseconds.
    pub(crate) cycle: i64,
    /// The reps.
    pub(crate) reps: Vec<String>,
    /// Fields by name, each with its values.
    pub(crate) fields: Vec<(String, Vec<String>)>,
}

/// A lead in codes.
#[derive(Clone, Debug)]
pub(crate) struct Coded {
    /// By field.
    pub(crate) codes: Vec<u32>,
    /// Quarter of the year, 0 to 3.
    pub(crate) quarter: u8,
}

impl Names {
    /// A lead that came at a moment, in codes; its season is that in which it is to be expected to close.
    pub(crate) fn lead(&self, fields: &Fields, at: i64) -> Coded {
        let codes = self.fields.iter().map(|(name, values)| code(values, fields.get(name))).collect();
        Coded { codes, quarter: quarter(at.saturating_add(self.cycle)) }
    }

    /// A rep's code.
    pub(crate) fn rep(&self, rep: &str) -> u32 {
        code(&self.reps, Some(rep))
    }
}

/// Closed deals by column; row `i` of each column is the same deal, the oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// What the codes stand for.
    pub(crate) names: Names,
    /// Rep of each deal.
    pub(crate) rep: Vec<u32>,
    /// Values of each deal, a run of as many codes as there are fields for each.
    pub(crate) codes: Vec<u32>,
    /// Quarter of the year, 0 to 3, in which it closed. By the quarter of opening the newest deals would be those
    /// that close fast.
    pub(crate) quarter: Vec<u8>,
    /// The quarter in which it was to be expected to close when it was opened.
    pub(crate) expected: Vec<u8>,
    /// When it was opened.
    pub(crate) opened: Vec<i64>,
    /// When it closed.
    pub(crate) closed: Vec<i64>,
    /// Whether it was won.
    pub(crate) won: Vec<bool>,
    /// Recency: 1 now, a half after each half-life.
    pub(crate) weight: Vec<f64>,
    /// How many deals there were of each kind.
    pub(crate) counts: Counts,
}

impl Table {
    /// Columns of the deals that closed in the `window_days` before `now`; a half-life may be infinite.
    pub(crate) fn new(deals: &[Deal], now: i64, window_days: f64, half_life_days: f64) -> Table {
        let mut counts = Counts::default();
        let mut kept = Vec::new();
        for deal in deals {
            let (counted, closed, won) = match deal.outcome {
                Outcome::Open => {
                    counts.open += 1;
                    continue;
                }
                Outcome::Won { closed } => (&mut counts.won, closed, Some(true)),
                Outcome::Lost { closed } => (&mut counts.lost, closed, Some(false)),
                Outcome::Disqualified { closed } => (&mut counts.disqualified, closed, None),
            };
            if closed > now {
                counts.in_future += 1;
            } else if days(now, closed) > window_days {
                counts.too_old += 1;
            } else {
                *counted += 1;
                kept.extend(won.map(|won| (deal, closed, won)));
            }
        }
        let reps = sorted(kept.iter().filter_map(|(deal, ..)| deal.rep.as_deref()));
        let fields = sorted(kept.iter().flat_map(|(deal, ..)| deal.fields.keys().map(String::as_str)))
            .into_iter()
            .map(|name| {
                let values = kept.iter().filter_map(|(deal, ..)| deal.fields.get(&name).map(String::as_str));
                (name.clone(), sorted(values))
            })
            .collect();
        let names =
            Names { cycle: cycle(kept.iter().map(|(deal, closed, _)| (deal.opened, *closed))), reps, fields };
        let mut rows: Vec<(i64, u32, Vec<u32>, u8, bool, i64)> = kept
            .iter()
            .map(|&(deal, closed, won)| {
                let Coded { codes, quarter } = names.lead(&deal.fields, deal.opened);
                (closed, code(&names.reps, deal.rep.as_deref()), codes, quarter, won, deal.opened)
            })
            .collect();
        rows.sort_unstable();
        let weight =
            rows.iter().map(|(closed, ..)| libm::exp2(-days(now, *closed) / half_life_days)).collect();
        Table {
            rep: rows.iter().map(|row| row.1).collect(),
            codes: rows.iter().flat_map(|row| row.2.iter().copied()).collect(),
            quarter: rows.iter().map(|row| quarter(row.0)).collect(),
            expected: rows.iter().map(|row| row.3).collect(),
            opened: rows.iter().map(|row| row.5).collect(),
            closed: rows.iter().map(|row| row.0).collect(),
            won: rows.iter().map(|row| row.4).collect(),
            names,
            weight,
            counts,
        }
    }

    /// Deals in it.
    pub(crate) fn len(&self) -> usize {
        self.won.len()
    }

    /// Days from the first close to the last.
    pub(crate) fn span_days(&self) -> f64 {
        self.closed.first().zip(self.closed.last()).map_or(0.0, |(first, last)| days(*last, *first))
    }

    /// Values of a row.
    pub(crate) fn codes_of(&self, row: usize) -> &[u32] {
        let fields = self.names.fields.len();
        &self.codes[row * fields..(row + 1) * fields]
    }

    /// The first rows, as a table: what was known then.
    pub(crate) fn before(&self, rows: usize) -> Table {
        Table {
            names: self.names.clone(),
            rep: self.rep[..rows].to_vec(),
            codes: self.codes[..rows * self.names.fields.len()].to_vec(),
            quarter: self.quarter[..rows].to_vec(),
            expected: self.expected[..rows].to_vec(),
            opened: self.opened[..rows].to_vec(),
            closed: self.closed[..rows].to_vec(),
            won: self.won[..rows].to_vec(),
            weight: self.weight[..rows].to_vec(),
            counts: self.counts,
        }
    }

    /// Some of the rows as a table of their own, in their order and without a field: what a tenant would have who had no other
    /// deals.
    pub(crate) fn part(&self, rows: &[usize], without: &str) -> Table {
        let (reps, rep) = narrowed(&self.names.reps, rows.iter().map(|row| self.rep[*row]));
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for (place, (name, values)) in self.names.fields.iter().enumerate() {
            let (values, column) = narrowed(values, rows.iter().map(|row| self.codes_of(*row)[place]));
            if name != without && !values.is_empty() {
                fields.push((name.clone(), values));
                columns.push(column);
            }
        }
        let times = rows.iter().map(|row| (self.opened[*row], self.closed[*row]));
        let cycle = cycle(times.clone());
        let won: Vec<bool> = rows.iter().map(|row| self.won[*row]).collect();
        let all = won.iter().filter(|won| **won).count() as u64;
        Table {
            names: Names { cycle, reps, fields },
            rep,
            codes: (0..rows.len()).flat_map(|row| columns.iter().map(move |column| column[row])).collect(),
            quarter: rows.iter().map(|row| self.quarter[*row]).collect(),
            expected: times.clone().map(|(opened, _)| quarter(opened.saturating_add(cycle))).collect(),
            opened: times.clone().map(|(opened, _)| opened).collect(),
            closed: times.map(|(_, closed)| closed).collect(),
            counts: Counts { won: all, lost: won.len() as u64 - all, ..Counts::default() },
            won,
            weight: rows.iter().map(|row| self.weight[*row]).collect(),
        }
    }

    /// Σw and Σw².
    fn sums(&self) -> (f64, f64) {
        sums(self.weight.iter().copied())
    }

    /// Effective number of deals, (Σw)² / Σw² (Kish, Survey Sampling, 1965): what they are worth as evidence if
    /// recent ones count more.
    pub(crate) fn effective(&self) -> f64 {
        kish(self.sums())
    }

    /// The same of some rows.
    pub(crate) fn effective_of(&self, rows: &[usize]) -> f64 {
        kish(sums(rows.iter().map(|row| self.weight[*row])))
    }

    /// Weights that add up to the effective number of deals, so that a likelihood is as sharp as its
    /// evidence. A factor common to all weights is without effect.
    pub(crate) fn evidence(&self) -> Vec<f64> {
        let (sum, squares) = self.sums();
        self.weight.iter().map(|w| w * sum / squares).collect()
    }

    /// Share of won deals by weight; a half where there are none.
    pub(crate) fn rate(&self) -> f64 {
        let (won, sum) = self
            .weight
            .iter()
            .zip(&self.won)
            .fold((0.0, 0.0), |(won, sum), (w, y)| (won + if *y { *w } else { 0.0 }, sum + w));
        if sum > 0.0 { won / sum } else { 0.5 }
    }
}

/// Σw and Σw².
fn sums(weights: impl Iterator<Item = f64>) -> (f64, f64) {
    weights.fold((0.0, 0.0), |(sum, squares), w| (sum + w, squares + w * w))
}

/// (Σw)² / Σw²; of nothing, 0.
fn kish((sum, squares): (f64, f64)) -> f64 {
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

/// Half of the deals took longer than this from opening to close.
fn cycle(times: impl Iterator<Item = (i64, i64)>) -> i64 {
    let mut cycles: Vec<i64> = times.map(|(opened, closed)| closed.saturating_sub(opened)).collect();
    cycles.sort_unstable();
    cycles.get(cycles.len() / 2).copied().unwrap_or(0)
}

/// The names that a column of codes uses, and the column in places among those.
fn narrowed(names: &[String], column: impl Iterator<Item = u32> + Clone) -> (Vec<String>, Vec<u32>) {
    let used: BTreeSet<u32> = column.clone().filter(|code| *code != UNKNOWN).collect();
    let mut places = vec![UNKNOWN; names.len()];
    for (place, code) in used.iter().enumerate() {
        places[*code as usize] = place as u32;
    }
    let column = column.map(|code| places.get(code as usize).copied().unwrap_or(UNKNOWN)).collect();
    (used.iter().map(|code| names[*code as usize].clone()).collect(), column)
}

/// Place of a name among sorted names.
fn code(names: &[String], name: Option<impl AsRef<str>>) -> u32 {
    name.and_then(|name| names.binary_search_by(|known| known.as_str().cmp(name.as_ref())).ok())
        .map_or(UNKNOWN, |place| place as u32)
}

/// The quarter of the year, 0 to 3, in UTC; 0 outside the calendar's range.
fn quarter(at: i64) -> u8 {
    Timestamp::from_millisecond(at)
        .map_or(0, |at| (TimeZone::UTC.to_datetime(at).month().unsigned_abs() - 1) / 3)
}

/// Days from one moment to a later one.
fn days(later: i64, earlier: i64) -> f64 {
    (later as f64 - earlier as f64) / DAY
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.collect::<BTreeSet<&str>>().into_iter().map(str::to_owned).collect()
}
