//! Which effects a model has, and which of them each deal is made of.
//!
//! The border holds what all reps share: the intercept, an effect for each value of a field, one for each quarter.
//! A rep's block holds the rep's own effect and one for each value the rep met. Deals that share all effects
//! become one pattern, so that fitting takes time by pattern.

use std::ops::Range;

use crate::table::{Table, UNKNOWN};

/// A value seen in fewer deals has no effect of its own.
const SEEN: u32 = 2;
/// Most effects of values; the most frequent stay. With [`CELLS`] it bounds memory and time whatever a tenant
/// sends as a field.
const VALUES: usize = 256;
/// Most effects of one rep with values.
const CELLS_OF_ONE: usize = 160;
/// Most effects of all reps with values.
const CELLS: usize = 20_000;

/// Days that a history must span before quarters have effects: about the year that a rolling window holds. In a
/// shorter one a quarter is only a date, and its effect is whatever changed since.
const YEAR: f64 = 350.0;

/// The effects.
pub(super) struct Layout {
    /// By field, by code: place in the border, [`UNKNOWN`] where the value has no effect.
    pub(super) values: Vec<Vec<u32>>,
    /// By quarter: place in the border.
    pub(super) quarters: [u32; 4],
    /// Group of each effect of the border; the intercept, the first, has none.
    pub(super) border: Vec<Option<usize>>,
    /// By rep's code: the values, as sorted places in the border, that the rep has an effect with; none for a
    /// rep without deals.
    pub(super) cells: Vec<Option<Vec<u32>>>,
}

/// Deals of one rep that share all effects.
pub(super) struct Pattern {
    /// Place of its rep, whose block the own effects are in.
    pub(super) rep: Option<usize>,
    /// Effects of the border.
    pub(super) border: Range<usize>,
    /// Effects of the block.
    pub(super) own: Range<usize>,
    /// Weight of the deals.
    pub(super) weight: f64,
    /// Weight of those won.
    pub(super) won: f64,
}

/// All patterns, ordered by rep.
pub(super) struct Patterns {
    /// The patterns.
    pub(super) all: Vec<Pattern>,
    /// What their ranges are of.
    pub(super) places: Vec<u32>,
}

/// Groups of effects, each with a variance of its own, are numbered: the fields, the season, the rep, and the rep with
/// each field.
pub(super) fn season(fields: usize) -> usize {
    fields
}

/// The group of the reps' own effects.
pub(super) fn rep(fields: usize) -> usize {
    fields + 1
}

/// The group of effects of a rep with a field's values.
pub(super) fn rep_by(fields: usize, field: usize) -> usize {
    fields + 2 + field
}

impl Layout {
    /// The effects that a table has evidence for.
    pub(super) fn new(table: &Table) -> Layout {
        let fields = table.names.fields.len();
        let mut seen: Vec<Vec<u32>> =
            table.names.fields.iter().map(|(_, values)| vec![0; values.len()]).collect();
        for row in 0..table.len() {
            for (seen, code) in seen.iter_mut().zip(table.codes_of(row)) {
                if *code != UNKNOWN {
                    seen[*code as usize] += 1;
                }
            }
        }
        let mut frequent: Vec<(u32, usize, usize)> = Vec::new();
        for (field, seen) in seen.iter().enumerate() {
            frequent.extend(
                seen.iter()
                    .enumerate()
                    .filter(|(_, seen)| **seen >= SEEN)
                    .map(|(code, seen)| (u32::MAX - seen, field, code)),
            );
        }
        frequent.sort_unstable();
        frequent.truncate(VALUES);
        frequent.sort_unstable_by_key(|(_, field, code)| (*field, *code));
        let mut values: Vec<Vec<u32>> =
            table.names.fields.iter().map(|(_, values)| vec![UNKNOWN; values.len()]).collect();
        let mut border = vec![None];
        for (_, field, code) in frequent {
            values[field][code] = border.len() as u32;
            border.push(Some(field));
        }
        let mut quarters = [UNKNOWN; 4];
        if table.span_days() >= YEAR {
            for place in &mut quarters {
                *place = border.len() as u32;
                border.push(Some(season(fields)));
            }
        }
        let cells = cells(table, &values);
        Layout { values, quarters, border, cells }
    }

    /// Size of each rep's block: the rep's own effect, then the cells.
    pub(super) fn sizes(&self) -> impl Iterator<Item = usize> + '_ {
        self.cells.iter().map(|cells| cells.as_ref().map_or(0, |cells| 1 + cells.len()))
    }

    /// The deals by pattern, with these weights.
    pub(super) fn patterns(&self, table: &Table, weight: &[f64]) -> Patterns {
        let mut keyed: Vec<(Vec<u32>, usize)> = (0..table.len())
            .map(|row| {
                let mut key = vec![table.rep[row]];
                let places = self.values.iter().zip(table.codes_of(row));
                key.extend(
                    places.map(|(places, code)| places.get(*code as usize).copied().unwrap_or(UNKNOWN)),
                );
                key.push(self.quarters[usize::from(table.quarter[row])]);
                (key, row)
            })
            .collect();
        keyed.sort_unstable();
        let (mut all, mut places) = (Vec::new(), Vec::new());
        for same in keyed.chunk_by(|(a, _), (b, _)| a == b) {
            let key = &same[0].0;
            let start = places.len();
            places.push(0);
            places.extend(key[1..].iter().filter(|place| **place != UNKNOWN));
            let border = start..places.len();
            let rep = (key[0] != UNKNOWN).then_some(key[0] as usize);
            if let Some(cells) = rep.and_then(|rep| self.cells[rep].as_ref()) {
                places.push(0);
                let own = key[1..].iter().filter_map(|place| cells.binary_search(place).ok());
                places.extend(own.map(|cell| 1 + cell as u32));
            }
            let (mut sum, mut won) = (0.0, 0.0);
            for (_, row) in same {
                sum += weight[*row];
                won += if table.won[*row] { weight[*row] } else { 0.0 };
            }
            all.push(Pattern { rep, own: border.end..places.len(), border, weight: sum, won });
        }
        Patterns { all, places }
    }
}

/// The values each rep met, the most frequent where there are too many.
fn cells(table: &Table, values: &[Vec<u32>]) -> Vec<Option<Vec<u32>>> {
    let mut met = Vec::new();
    let mut cells: Vec<Option<Vec<u32>>> = vec![None; table.names.reps.len()];
    for row in 0..table.len() {
        if table.rep[row] != UNKNOWN {
            cells[table.rep[row] as usize].get_or_insert_default();
            let places = values.iter().zip(table.codes_of(row));
            met.extend(
                places
                    .filter_map(|(places, code)| places.get(*code as usize))
                    .filter(|place| **place != UNKNOWN)
                    .map(|place| (table.rep[row], *place)),
            );
        }
    }
    met.sort_unstable();
    let mut counted: Vec<(usize, (u32, u32))> =
        met.chunk_by(|a, b| a == b).map(|same| (usize::MAX - same.len(), same[0])).collect();
    counted.sort_unstable();
    counted.truncate(CELLS);
    for (_, (rep, place)) in counted {
        cells[rep as usize]
            .iter_mut()
            .filter(|cells| cells.len() < CELLS_OF_ONE)
            .for_each(|cells| cells.push(place));
    }
    cells.iter_mut().flatten().for_each(|cells| cells.sort_unstable());
    cells
}
